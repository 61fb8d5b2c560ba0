//! `maar serve`: hands a session to the Flight SQL server until Ctrl-C.

use std::net::SocketAddr;
use std::path::Path;

use maar_flight_server::{ServeOptions, Server, Users};
use tokio::sync::oneshot;

use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;
use crate::interrupt::{Interrupt, Second};
use crate::workers::Workers;

/// Serves until interrupted. A second Ctrl-C does not wait for queries that run.
pub(crate) async fn run(listen: SocketAddr, users: Option<&Path>, device: DeviceArg) -> Result<(), Failure> {
    let options = ServeOptions { users: users.map(read_users).transpose()?, ..ServeOptions::default() };
    let has_users = options.users.is_some();
    let mut interrupt = Interrupt::listen(Second::Exits)?;
    let workers = Workers::start()?;
    let session = Engine::open(device)?.session();
    let (ready, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = workers.spawn(async move {
        let server = Server::bind(session, listen, options)?;
        let _ = ready.send(server.address());
        let told = async {
            let _ = stopped.await;
        };
        server.run(told).await
    })?;
    if let Ok(address) = address.await {
        announce(address, has_users);
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

fn read_users(path: &Path) -> Result<Users, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    Users::parse(&text).map_err(|e| Failure::other(format!("'{}': {e}", path.display())))
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce(address: SocketAddr, has_users: bool) {
    let open = if has_users { "there is no encryption" } else { "there are no users and no encryption" };
    eprintln!("Flight SQL on grpc://{address} (this machine only: {open}). Ctrl-C ends it.");
}
