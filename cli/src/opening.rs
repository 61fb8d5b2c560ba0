//! Which session a run works in: one of its own, or one on the server that `--connect` and the configuration name.

use std::path::PathBuf;

use maar_flight_server::Role;

use crate::args::{Cli, DeviceArg, ServerArgs};
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Failure;
use crate::profile::{Connection, Profile};
use crate::remote::{self, Address, Remote, Tls};
use crate::workers::Workers;

/// Opens it. Asks for a password where one is needed.
pub(crate) async fn open(cli: &Cli, profile: &Profile, workers: &Workers) -> Result<Backend, Failure> {
    let args = &cli.run.server;
    match &args.connect {
        Some(target) => on_server(args, target, profile, None, cli.common.device, workers).await,
        None => {
            let device = cli.common.device.or(profile.device).unwrap_or_default();
            Ok(Backend::Local(Engine::open(device)?))
        }
    }
}

/// Opens a session on the server that `target` names, with the user's role or a lesser one.
pub(crate) async fn on_server(
    args: &ServerArgs,
    target: &str,
    profile: &Profile,
    role: Option<Role>,
    device: Option<DeviceArg>,
    workers: &Workers,
) -> Result<Backend, Failure> {
    let named = match target.contains("://") || profile.connections.is_empty() {
        true => Connection { address: target.to_owned(), ..Connection::default() },
        false => profile.connection(target)?,
    };
    let address: Address = named.address.parse()?;
    let password_file = args.password_file.as_ref().or(named.password_file.as_ref());
    let credentials =
        remote::credentials(&address, password_file.map(|path| path.as_path()), args.insecure || named.insecure)?;
    let own = |told: &Option<PathBuf>, named: Option<PathBuf>| told.clone().or(named);
    let tls = Tls {
        authorities: own(&args.tls_ca, named.tls_ca),
        identity: own(&args.tls_cert, named.tls_cert).zip(own(&args.tls_key, named.tls_key)),
    };
    // On the threads that stay: the connection lives where it was made.
    let opened = workers.spawn(Remote::open(address, tls, credentials, role))?.await;
    let remote = opened.map_err(|_| Failure::connection("connecting was cut short (a bug)"))??;
    let backend = Backend::Remote(Box::new(remote));
    if let Some(device) = device {
        let set = backend.rows(&format!("SET maar.device = '{}'", device.name())).await;
        set.map_err(Failure::other)?;
    }
    Ok(backend)
}
