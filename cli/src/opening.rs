//! Which session a run works in: one of its own, or one on the server that `--connect` and the configuration name.

use std::path::PathBuf;

use crate::args::Cli;
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Failure;
use crate::profile::{Connection, Profile};
use crate::remote::{self, Address, Remote, Tls};
use crate::workers::Workers;

/// Opens it. Asks for a password where one is needed.
pub(crate) async fn open(cli: &Cli, profile: &Profile, workers: &Workers) -> Result<Backend, Failure> {
    let args = &cli.run.server;
    let Some(target) = &args.connect else {
        let device = cli.common.device.or(profile.device).unwrap_or_default();
        return Ok(Backend::Local(Engine::open(device)?));
    };
    let named = match target.contains("://") || profile.connections.is_empty() {
        true => Connection { address: target.clone(), ..Connection::default() },
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
    let opened = workers.spawn(Remote::open(address, tls, credentials))?.await;
    let remote = opened.map_err(|_| Failure::connection("connecting was cut short (a bug)"))??;
    let backend = Backend::Remote(Box::new(remote));
    if let Some(device) = cli.common.device {
        let set = backend.rows(&format!("SET maar.device = '{}'", device.name())).await;
        set.map_err(Failure::other)?;
    }
    Ok(backend)
}
