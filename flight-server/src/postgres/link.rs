//! The bytes of a connection, encrypted or not: messages in, messages out, each bounded. Not here: what they mean.

use std::io;

use prost::bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::backend::Out;
use super::fault::Fault;

/// Bytes that are asked of the system at once, and that wait to be sent before they are.
const READ: usize = 8 << 10;
const FULL: usize = 64 << 10;

/// Bytes that a client may send ahead while a statement of its runs.
const AHEAD: usize = 1 << 20;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub(super) struct Link {
    stream: Box<dyn Stream>,
    input: BytesMut,
    pub(super) out: Out,
}

/// Why there is no further message.
pub(super) enum Ended {
    /// The client has gone, or the network has.
    Gone,
    /// It sent what is none.
    Broken(Fault),
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Link {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), input: BytesMut::new(), out: Out::default() }
    }

    /// The next message: its letter and body, of `most` bytes at most. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Ended`].
    pub(super) async fn message(&mut self, most: usize) -> Result<(u8, Bytes), Ended> {
        self.fill(5).await?;
        let letter = self.input[0];
        let length = self.length(1, most)?;
        self.fill(1 + length).await?;
        self.input.advance(5);
        Ok((letter, self.input.split_to(length - 4).freeze()))
    }

    /// The first message, which has no letter.
    ///
    /// # Errors
    /// [`Ended`].
    pub(super) async fn first_message(&mut self, most: usize) -> Result<Bytes, Ended> {
        self.fill(4).await?;
        let length = self.length(0, most)?;
        self.fill(length).await?;
        self.input.advance(4);
        Ok(self.input.split_to(length - 4).freeze())
    }

    /// The length that is written at `at`, its own four bytes included.
    fn length(&self, at: usize, most: usize) -> Result<usize, Ended> {
        let mut written = &self.input[at..at + 4];
        let length = written.get_u32() as usize;
        let refused = |message| Err(Ended::Broken(Fault::fatal("08P01", message)));
        match length {
            0..4 => refused("what the client sent is no message of the protocol".to_owned()),
            _ if length > most => {
                refused(format!("a message is {length} bytes long, and {most} are the most (--max-message)"))
            }
            _ => Ok(length),
        }
    }

    async fn fill(&mut self, bytes: usize) -> Result<(), Ended> {
        while self.input.len() < bytes {
            self.input.reserve(READ);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Ended::Gone);
            }
        }
        Ok(())
    }

    /// Ready once the client has gone. What it sends meanwhile waits.
    pub(super) async fn gone(&mut self) {
        while self.input.len() < AHEAD {
            self.input.reserve(READ);
            if matches!(self.stream.read_buf(&mut self.input).await, Ok(0) | Err(_)) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Sends what waits. Dropping the future loses nothing: what was not sent waits on.
    ///
    /// # Errors
    /// When the network fails.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while self.out.len() > 0 {
            let sent = self.stream.write(self.out.bytes()).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.out.sent(sent);
        }
        self.out.clear();
        self.stream.flush().await
    }

    /// Sends what waits, once it is worth it.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        match self.is_full() {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Whether what waits is worth to be sent.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= FULL
    }
}
