//! Connections as they come: each is a task of its own, and ends with the server. How many may be logging in at once is bounded, and so
//! is the time that they may take: who says nothing holds nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::server::TcpIncoming;

use super::conversation::Conversation;
use super::fault::Fault;
use super::keys::Keys;
use super::link::Link;
use super::login;
use super::startup::{self, Arrived};
use crate::http::Door;
use crate::tls::Acceptor;

/// Connections that are logging in.
const ARRIVING_MAX: usize = 128;

/// How long they may take for it.
const ARRIVING: Duration = Duration::from_secs(10);

/// How long nothing is accepted after the system could not: it has no file handles left, say.
const PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Listener {
    pub(super) door: Arc<Door>,
    pub(super) tls: Option<Acceptor>,
    pub(super) keys: Arc<Keys>,
    arriving: Semaphore,
}

/// Answers until it is dropped; encrypted, with `tls`, and only so.
pub(crate) async fn serve(mut incoming: TcpIncoming, door: Arc<Door>, tls: Option<Acceptor>) {
    let listener = Arc::new(Listener { door, tls, keys: Arc::default(), arriving: Semaphore::new(ARRIVING_MAX) });
    // Dropping it ends them.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            arrived = incoming.next() => match arrived {
                Some(Ok(stream)) => {
                    connections.spawn(answer(Arc::clone(&listener), stream));
                }
                Some(Err(_)) => sleep(PAUSE).await,
                None => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(listener: Arc<Listener>, stream: TcpStream) {
    let Ok(peer) = stream.peer_addr() else { return };
    let Ok(place) = listener.arriving.try_acquire() else {
        let mut link = Link::new(stream);
        link.out.fault(&Fault::fatal("53300", "too many connections are logging in: connect again in a moment"));
        let _ = timeout(PAUSE, link.flush()).await;
        return;
    };
    let arriving = async {
        let arrived = startup::arrive(&listener, stream, peer).await?;
        let Arrived { mut link, parameters, is_encrypted } = arrived;
        let logged_in = login::log_in(&listener, &mut link, parameters, (peer, is_encrypted)).await?;
        Some((link, logged_in))
    };
    let arrived = timeout(ARRIVING, Box::pin(arriving)).await;
    drop(place);
    match arrived {
        Ok(Some((link, logged_in))) => Box::pin(Conversation::new(listener, link, logged_in).run()).await,
        Ok(None) => {}
        Err(_) => {
            let reason = format!("no login within {} s", ARRIVING.as_secs());
            listener.door.sessions.refused(None, Some(peer), &reason);
        }
    }
}
