//! `maar serve`: hands a session to the Flight SQL server until Ctrl-C.

use std::net::SocketAddr;

use maar_flight_server::{Limits, Server};
use tokio::sync::oneshot;

use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;
use crate::interrupt::{Interrupt, Second};
use crate::workers::Workers;

/// Serves until interrupted. A second Ctrl-C does not wait for queries that run.
pub(crate) async fn run(listen: SocketAddr, device: DeviceArg) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen(Second::Exits)?;
    let workers = Workers::start()?;
    let session = Engine::open(device)?.session();
    let (ready, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = workers.spawn(async move {
        let server = Server::bind(session, listen, Limits::default())?;
        let _ = ready.send(server.address());
        let told = async {
            let _ = stopped.await;
        };
        server.run(told).await
    })?;
    if let Ok(address) = address.await {
        announce(address);
    }
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = interrupt.wait() => {
            drop(stop);
            serving.await
        }
    };
    match ended {
        Ok(served) => served.map_err(Failure::other),
        Err(_) => Err(Failure::other("the server ended without a reason (a bug)")),
    }
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce(address: SocketAddr) {
    eprintln!(
        "Flight SQL on grpc://{address} (this machine only: there are no users and no encryption). Ctrl-C ends it."
    );
}
