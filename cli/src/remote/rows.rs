//! The rows of a statement that runs on a server. Dropped before their end, they tell the server to end it.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::{Action, CancelFlightInfoRequest, FlightInfo};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tokio::runtime::Handle;

use super::Client;

pub(crate) struct Rows {
    schema: SchemaRef,
    /// One stream an endpoint, read in order.
    waiting: std::vec::IntoIter<arrow_flight::Ticket>,
    stream: Option<FlightRecordBatchStream>,
    cancel: Cancel,
}

impl Rows {
    /// The rows that `info` leads to; they are asked for by the first [`Self::next`].
    ///
    /// # Errors
    /// For an info without a schema.
    pub(super) fn new(client: Client, info: FlightInfo) -> Result<Self, FlightError> {
        let schema = match info.schema.is_empty() {
            true => Arc::new(Schema::empty()),
            false => Arc::new(info.clone().try_decode_schema()?),
        };
        let tickets: Vec<_> = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.clone()).collect();
        let cancel = Cancel { client, info: Some(info) };
        Ok(Self { schema, waiting: tickets.into_iter(), stream: None, cancel })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// # Errors
    /// Those of the statement, and of the way to it.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, FlightError> {
        loop {
            if let Some(stream) = &mut self.stream {
                if let Some(batch) = stream.next().await {
                    return batch.map(Some).inspect_err(|_| self.cancel.info = None);
                }
                self.stream = None;
            }
            match self.waiting.next() {
                None => {
                    self.cancel.info = None;
                    return Ok(None);
                }
                Some(ticket) => {
                    let opened = self.cancel.client.do_get(ticket).await;
                    self.stream = Some(opened.inspect_err(|_| self.cancel.info = None)?);
                }
            }
        }
    }
}

/// What ends the statement on the server; `None` where nothing runs any more.
struct Cancel {
    client: Client,
    info: Option<FlightInfo>,
}

impl Drop for Cancel {
    /// The stream goes too, which is enough for most servers; this is for those that look for the call, and for statements
    /// that wait for their first row.
    fn drop(&mut self) {
        let (Some(info), Ok(runtime)) = (self.info.take(), Handle::try_current()) else { return };
        let mut client = self.client.clone();
        runtime.spawn(async move {
            let body = CancelFlightInfoRequest::new(info).encode_to_vec();
            let asked = client.do_action(Action::new("CancelFlightInfo", body)).await;
            if let Ok(answers) = asked {
                // Whether there was something to end is nobody's business any more.
                let _ = answers.try_collect::<Vec<_>>().await;
            }
        });
    }
}
