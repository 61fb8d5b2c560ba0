//! `maar serve`: hands a session to the Flight SQL server until Ctrl-C or SIGTERM. Here: its start and its end; `args` has its
//! options, `options` what they mean.

mod args;
mod options;

use std::net::SocketAddr;

use maar_engine::Session;
use maar_flight_server::{ServeOptions, Server};
use tokio::sync::oneshot;

pub(crate) use args::ServeArgs;
pub(crate) use options::places;

use crate::args::DeviceArg;
use crate::engine::Engine;
use crate::error::Failure;
use crate::interrupt::{Interrupt, Second};
use crate::source::Source;
use crate::workers::Workers;

/// Serves until interrupted. A second Ctrl-C does not wait for queries that run.
pub(crate) async fn run(args: &ServeArgs, device: DeviceArg) -> Result<(), Failure> {
    let options = options::options(args)?;
    let settings = options::settings(args)?;
    let init = args.init.as_deref().map(Source::read).transpose()?;
    let (welcome, has_tls) = (welcome(&options), options.tls.is_some());
    let mut interrupt = Interrupt::of_a_server(Second::Exits)?;
    let workers = Workers::start()?;
    let session = Engine::open(device)?.session();
    let listen = args.listen;
    let (ready, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = workers.spawn(async move {
        for setting in settings {
            Box::pin(session.run_script(&setting))
                .await
                .map_err(|error| Failure::other(format!("{setting}: {error}")))?;
        }
        if let Some(script) = init {
            run_script(&session, &script).await?;
        }
        let server = Server::bind(session, listen, options).map_err(Failure::other)?;
        let _ = ready.send((server.address(), server.http_address(), server.postgres_address()));
        let told = async {
            let _ = stopped.await;
        };
        server.run(told).await.map_err(Failure::other)
    })?;
    if let Ok((address, http, postgres)) = address.await {
        announce(address, welcome);
        if let Some(http) = http {
            announce_http(http, has_tls);
        }
        if let Some(postgres) = postgres {
            announce_postgres(postgres, has_tls);
        }
    }
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = interrupt.wait() => {
            drop(stop);
            serving.await
        }
    };
    match ended {
        Ok(served) => served,
        Err(_) => Err(Failure::other("the server ended without a reason (a bug)")),
    }
}

/// Runs what makes the tables of the server.
async fn run_script(session: &Session, script: &Source) -> Result<(), Failure> {
    Box::pin(session.run_script(&script.text)).await.map_err(|error| script.failure(None, &error))
}

/// The scheme of the server's address, and what it is open to.
fn welcome(options: &ServeOptions) -> (&'static str, &'static str) {
    match (&options.tls, options.users.is_some() || options.jwt.is_some()) {
        (Some(_), true) => ("grpc+tls", "users log in"),
        (Some(_), false) => ("grpc+tls", "there are no users"),
        (None, true) => ("grpc", "there is no encryption"),
        (None, false) => ("grpc", "there are no users and no encryption"),
    }
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce(address: SocketAddr, (scheme, open): (&str, &str)) {
    let reach = if address.ip().to_canonical().is_loopback() { "this machine only" } else { "other machines too" };
    eprintln!("Flight SQL on {scheme}://{address} ({reach}: {open}). Ctrl-C ends it.");
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce_http(address: SocketAddr, has_tls: bool) {
    let scheme = if has_tls && !address.ip().to_canonical().is_loopback() { "https" } else { "http" };
    eprintln!("{scheme}://{address} has the dashboard, /livez, /readyz and /metrics.");
}

#[expect(clippy::print_stderr, reason = "a server says where it listens")]
fn announce_postgres(address: SocketAddr, has_tls: bool) {
    let mode = if has_tls { "?sslmode=require" } else { "" };
    eprintln!("postgresql://{address}/postgres{mode} is PostgreSQL's protocol, for psql and its kin.");
}
