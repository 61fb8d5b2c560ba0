//! CancelFlightInfo, and CancelQuery that was before it: a statement that waits is dropped, one that runs is told to end. What
//! names it is the FlightInfo that its client got; another session's is unknown.

use arrow_flight::sql::{Any, TicketStatementQuery};
use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use prost::Message;
use tonic::Status;

use crate::secrets::Secret;
use crate::session::ClientSession;

/// # Errors
/// INVALID_ARGUMENT for a request without a FlightInfo, and those of [`cancel`].
pub(super) fn flight_info(
    session: &ClientSession,
    request: CancelFlightInfoRequest,
) -> Result<CancelFlightInfoResult, Status> {
    let info =
        request.info.ok_or_else(|| Status::invalid_argument("CancelFlightInfo is asked for without a FlightInfo"))?;
    Ok(CancelFlightInfoResult { status: cancel(session, &info)?.into() })
}

/// Ends what a FlightInfo leads to.
///
/// # Errors
/// NOT_FOUND for a statement that neither waits nor runs in this session.
pub(crate) fn cancel(session: &ClientSession, info: &FlightInfo) -> Result<CancelStatus, Status> {
    let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
    // One that is polled has no endpoint before it has rows, and is named beside them.
    let tickets = tickets.map(|ticket| &ticket.ticket).chain([&info.app_metadata]);
    let handles: Vec<_> = tickets.filter_map(|ticket| statement(ticket)).collect();
    if handles.is_empty() {
        // Metadata: over before it could be cancelled.
        return Ok(CancelStatus::NotCancellable);
    }
    let mut status = CancelStatus::Cancelled;
    for handle in handles {
        let runs = <&Secret>::try_from(&*handle).is_ok_and(|handle| session.running.cancel(handle));
        match runs {
            true => status = CancelStatus::Cancelling,
            false => drop(session.statements.take(&handle)?),
        }
    }
    Ok(status)
}

/// The handle in the ticket of a statement.
fn statement(ticket: &[u8]) -> Option<prost::bytes::Bytes> {
    let any = Any::decode(ticket).ok()?;
    Some(any.unpack::<TicketStatementQuery>().ok()??.statement_handle)
}
