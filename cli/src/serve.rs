//! `maar serve`: hands a session to the Flight SQL server until Ctrl-C.

use std::net::SocketAddr;
use std::path::Path;

use maar_flight_server::{ServeOptions, Server, Tls, Users};
use tokio::sync::oneshot;

use crate::args::{DeviceArg, ServeArgs};
use crate::engine::Engine;
use crate::error::Failure;
use crate::interrupt::{Interrupt, Second};
use crate::workers::Workers;

/// Serves until interrupted. A second Ctrl-C does not wait for queries that run.
pub(crate) async fn run(args: &ServeArgs, device: DeviceArg) -> Result<(), Failure> {
    let options = options(args)?;
    let welcome = welcome(&options);
    let mut interrupt = Interrupt::listen(Second::Exits)?;
    let workers = Workers::start()?;
    let session = Engine::open(device)?.session();
    let listen = args.listen;
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
        announce(address, welcome);
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

fn options(args: &ServeArgs) -> Result<ServeOptions, Failure> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key).map_err(Failure::other)?),
        _ => None,
    };
    let tls = match (tls, &args.tls_client_ca) {
        (Some(tls), Some(authority)) => Some(tls.for_clients_of(authority).map_err(Failure::other)?),
        (tls, _) => tls,
    };
    let users = args.users.as_deref().map(read_users).transpose()?;
    Ok(ServeOptions { users, tls, insecure: args.insecure, ..ServeOptions::default() })
}

fn read_users(path: &Path) -> Result<Users, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    Users::parse(&text).map_err(|e| Failure::other(format!("'{}': {e}", path.display())))
}

/// The scheme of the server's address, and what it is open to.
fn welcome(options: &ServeOptions) -> (&'static str, &'static str) {
    match (&options.tls, &options.users) {
        (Some(_), Some(_)) => ("grpc+tls", "users log in"),
        (Some(_), None) => ("grpc+tls", "there are no users"),
        (None, Some(_)) => ("grpc", "there is no encryption"),
        (None, None) => ("grpc", "there are no users and no encryption"),
    }
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce(address: SocketAddr, (scheme, open): (&str, &str)) {
    let reach = if address.ip().to_canonical().is_loopback() { "this machine only" } else { "other machines too" };
    eprintln!("Flight SQL on {scheme}://{address} ({reach}: {open}). Ctrl-C ends it.");
}
