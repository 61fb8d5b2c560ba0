//! A client's connection. It has a session of its own, made when a call first wants one and gone with the connection, for
//! clients that do not log in: most drivers keep one connection, and send nothing else to be known by.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use crate::session::ClientSession;

/// What tonic gives to each call of a connection. The last clone goes with the connection.
#[derive(Clone)]
pub(crate) struct Connection {
    own: Arc<Mutex<Option<Own>>>,
    peer: Option<SocketAddr>,
}

/// The session of a connection. What runs in it for a client that asks how far it is ends with the connection: its rows would keep
/// the session.
struct Own(Arc<ClientSession>);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.polled.clear();
    }
}

/// Where a call comes from.
pub(crate) fn peer<T>(request: &Request<T>) -> Option<SocketAddr> {
    request.extensions().get::<Connection>().and_then(|connection| connection.peer)
}

impl Connection {
    /// Its session, made by `open` if there is none yet.
    ///
    /// # Errors
    /// Those of `open`.
    pub(crate) fn session(
        &self,
        open: impl FnOnce() -> Result<Arc<ClientSession>, Status>,
    ) -> Result<Arc<ClientSession>, Status> {
        let mut own = self.own.lock();
        match own.as_ref() {
            Some(own) => Ok(Arc::clone(&own.0)),
            None => Ok(Arc::clone(&own.insert(Own(open()?)).0)),
        }
    }

    /// Its session, if there is one.
    pub(crate) fn peek(&self) -> Option<Arc<ClientSession>> {
        self.own.lock().as_ref().map(|own| Arc::clone(&own.0))
    }

    /// Ends its session; the next call makes another.
    pub(crate) fn end(&self) -> Option<Arc<ClientSession>> {
        self.own.lock().take().map(|own| Arc::clone(&own.0))
    }
}

/// How long nothing may pass over a connection. One that is in use has more: calls are answered in less, and a client of Flight that
/// says nothing is asked every minute whether it lives.
const SILENCE: Duration = Duration::from_secs(150);

/// The bytes of a connection, which ends where none pass: whoever opens many and says nothing would take all handles of files.
pub(crate) struct Io {
    stream: TcpStream,
    connection: Connection,
    silence: Duration,
    heard: Instant,
    look: Pin<Box<Sleep>>,
}

impl Io {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self::ending_after(stream, SILENCE)
    }

    fn ending_after(stream: TcpStream, silence: Duration) -> Self {
        let connection = Connection { own: Arc::default(), peer: stream.peer_addr().ok() };
        Self { stream, connection, silence, heard: Instant::now(), look: Box::pin(sleep(silence)) }
    }

    /// Notes that something passed, or waits until nothing has for too long.
    fn heeded<T>(&mut self, context: &mut Context<'_>, passed: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if passed.is_ready() {
            self.heard = Instant::now();
            return passed;
        }
        while self.look.as_mut().poll(context).is_ready() {
            if self.heard.elapsed() >= self.silence {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.look.as_mut().reset(self.heard + self.silence);
        }
        Poll::Pending
    }
}

impl Connected for Io {
    type ConnectInfo = Connection;

    fn connect_info(&self) -> Connection {
        self.connection.clone()
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.heeded(context, read)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.heeded(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.heeded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_ends_once_nothing_passes() {
        const SILENCE: Duration = Duration::from_millis(300);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut io = Io::ending_after(listener.accept().await.unwrap().0, SILENCE);
        let begun = Instant::now();
        let talk = async {
            for _ in 0..8 {
                sleep(SILENCE / 4).await;
                client.write_all(b"x").await.unwrap();
            }
            client
        };
        let heard = async {
            let mut all = Vec::new();
            let ended = io.read_to_end(&mut all).await;
            (all, ended)
        };
        let (_client, (all, ended)) = tokio::join!(talk, heard);
        assert_eq!((all.len(), ended.unwrap_err().kind()), (8, io::ErrorKind::TimedOut));
        assert!(begun.elapsed() >= 2 * SILENCE, "what passed did not count");
    }
}
