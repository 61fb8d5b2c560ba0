//! A client's connection. It has a session of its own, made when a call first wants one and gone with the connection, for
//! clients that do not log in: most drivers keep one connection, and send nothing else to be known by.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
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

/// The bytes of a connection.
pub(crate) struct Io {
    stream: TcpStream,
    connection: Connection,
}

impl Io {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let connection = Connection { own: Arc::default(), peer: stream.peer_addr().ok() };
        Self { stream, connection }
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
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
