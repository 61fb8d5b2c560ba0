//! `maar serve`: hands sessions to the Flight SQL server until Ctrl-C.

use std::net::SocketAddr;

use crate::args::DeviceArg;
use crate::error::Failure;

/// Serves until interrupted.
pub(crate) async fn run(listen: SocketAddr, _device: DeviceArg) -> Result<(), Failure> {
    Err(Failure::other(format!("cannot listen on {listen}: this build has no server")))
}
