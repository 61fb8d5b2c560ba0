//! The session that the tools read in: one of this process, or one on a server. Either is a reader's, whoever logs in.

use maar_flight_server::Role;

use super::McpArgs;
use crate::args::DeviceArg;
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Failure;
use crate::opening;
use crate::profile::Profile;
use crate::serve::places;
use crate::source::Source;
use crate::workers::Workers;

/// Opens it.
///
/// # Errors
/// Where it cannot be had, or could do more than read.
pub(super) async fn backend(args: &McpArgs, device: Option<DeviceArg>, workers: &Workers) -> Result<Backend, Failure> {
    let profile = Profile::load()?;
    if let Some(target) = &args.server.connect {
        return opening::on_server(&args.server, target, &profile, Some(Role::Reader), device, workers).await;
    }
    let engine = Engine::open(device.or(profile.device).unwrap_or_default())?;
    if let Some(path) = &args.init {
        let (script, session) = (Source::read(path)?, engine.session());
        let run = async move {
            let ran = Box::pin(session.run_script(&script.text)).await;
            ran.map_err(|error| script.failure(None, &error))
        };
        workers.spawn(run)?.await.map_err(|_| Failure::other("the script was cut short (a bug)"))??;
    }
    // As a client of a server has it: none of the files that the user can read, unless they are named.
    let places = places(&args.allow_path, &args.allow_url)?.unwrap_or_default();
    Ok(Backend::Local(engine.for_reader(places)))
}
