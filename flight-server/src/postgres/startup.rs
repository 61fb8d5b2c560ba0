//! The first messages of a connection: whether it is to be encrypted, whether it only cancels another, and what its session is to be
//! like. Not here: whose it is (`login`).

use std::net::SocketAddr;
use std::time::Duration;

use prost::bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::fault::Fault;
use super::frontend::{Body, broken};
use super::link::{Ended, Link};
use super::listen::Listener;

/// Bytes of a first message, as PostgreSQL has it.
const FIRST_BYTES_MAX: usize = 10_000;

/// What a connection may ask before its parameters, which clients ask once each.
const REQUESTS_MAX: usize = 4;

const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// How long it takes the rest of a request to come, about.
const PART: Duration = Duration::from_millis(2);

/// The first byte of TLS without a question before it.
const TLS_RECORD: u8 = 0x16;

/// The name of this protocol where TLS asks for one.
pub(crate) const ALPN: &[u8] = b"postgresql";

/// A connection that said what it wants.
pub(super) struct Arrived {
    pub(super) link: Link,
    /// Names and values, in their order.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) is_encrypted: bool,
}

/// What a first message is.
enum First {
    Cancel {
        process: u32,
        secret: u32,
    },
    Ssl,
    Gss,
    /// `minor`: of version 3.
    Startup {
        minor: u32,
        parameters: Vec<(String, String)>,
    },
}

/// Reads up to the parameters; `None` where the connection is over by then.
pub(super) async fn arrive(listener: &Listener, stream: TcpStream, peer: SocketAddr) -> Option<Arrived> {
    let mut first = [0];
    let is_direct = matches!(stream.peek(&mut first).await, Ok(1)) && first[0] == TLS_RECORD;
    let mut stream = Some(stream);
    if is_direct {
        let encrypted = listener.tls.as_ref()?.accept(stream.take()?).await.ok()?;
        // Without the question, the name is what tells this protocol from others.
        let is_ours = encrypted.get_ref().1.alpn_protocol() == Some(ALPN);
        return if is_ours { parameters(listener, Link::new(encrypted), peer, true).await } else { None };
    }
    let mut stream = stream?;
    for _ in 0..REQUESTS_MAX {
        match request(&stream).await? {
            Request::Ssl if listener.tls.is_some() => {
                answer(&mut stream, b'S').await?;
                let encrypted = listener.tls.as_ref()?.accept(stream).await.ok()?;
                return parameters(listener, Link::new(encrypted), peer, true).await;
            }
            Request::Ssl | Request::Gss => answer(&mut stream, b'N').await?,
            Request::Other => return parameters(listener, Link::new(stream), peer, false).await,
        }
    }
    None
}

/// What is asked for before the parameters, without taking these.
enum Request {
    Ssl,
    Gss,
    Other,
}

/// The next request. What a client sends behind it, not knowing the answer, is never read as part of what is encrypted.
async fn request(stream: &TcpStream) -> Option<Request> {
    const BYTES: usize = 8;
    let mut bytes = [0; BYTES];
    loop {
        match stream.peek(&mut bytes).await.ok()? {
            0 => return None,
            BYTES => break,
            // A part of it is there.
            _ => sleep(PART).await,
        }
    }
    let mut words = &bytes[..];
    Some(match (words.get_u32(), words.get_u32()) {
        (8, SSL) => Request::Ssl,
        (8, GSS) => Request::Gss,
        _ => Request::Other,
    })
}

/// Takes the request, and answers it.
async fn answer(stream: &mut TcpStream, answer: u8) -> Option<()> {
    let mut request = [0; 8];
    stream.read_exact(&mut request).await.ok()?;
    stream.write_all(&[answer]).await.ok()
}

async fn parameters(listener: &Listener, mut link: Link, peer: SocketAddr, is_encrypted: bool) -> Option<Arrived> {
    let first = match link.first_message(FIRST_BYTES_MAX).await {
        Ok(message) => read(message),
        Err(Ended::Gone) => return None,
        Err(Ended::Broken(fault)) => Err(fault),
    };
    match first {
        Ok(First::Cancel { process, secret }) => {
            listener.keys.cancel(process, secret);
            None
        }
        Ok(First::Startup { minor, parameters }) => {
            let (options, parameters): (Vec<_>, Vec<_>) =
                parameters.into_iter().partition(|(name, _)| name.starts_with("_pq_."));
            if minor > 0 || !options.is_empty() {
                let unknown: Vec<String> = options.into_iter().map(|(name, _)| name).collect();
                link.out.negotiate(&unknown);
            }
            Some(Arrived { link, parameters, is_encrypted })
        }
        Ok(First::Ssl | First::Gss) => refuse(listener, link, peer, &broken()).await,
        Err(fault) => refuse(listener, link, peer, &fault).await,
    }
}

async fn refuse(listener: &Listener, mut link: Link, peer: SocketAddr, fault: &Fault) -> Option<Arrived> {
    listener.door.sessions.refused(None, Some(peer), &fault.message);
    link.out.fault(fault);
    let _ = link.flush().await;
    None
}

fn read(message: Bytes) -> Result<First, Fault> {
    let mut body = Body(message);
    match body.u32()? {
        CANCEL => Ok(First::Cancel { process: body.u32()?, secret: body.u32()? }),
        SSL => Ok(First::Ssl),
        GSS => Ok(First::Gss),
        version if version >> 16 == 3 => {
            let mut parameters = Vec::new();
            loop {
                let name = body.string()?;
                if name.is_empty() {
                    return Ok(First::Startup { minor: version & 0xffff, parameters });
                }
                parameters.push((name, body.string()?));
            }
        }
        version => {
            let (major, minor) = (version >> 16, version & 0xffff);
            Err(Fault::fatal("0A000", format!("version {major}.{minor} of the protocol is not spoken here: 3.0 is")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_end_with_an_empty_name() {
        let message = |end: &[u8]| Bytes::from([&[0, 3, 0, 0], &b"user\0ada\0database\0d\0"[..], end].concat());
        let Ok(First::Startup { minor: 0, parameters }) = read(message(b"\0")) else { unreachable!() };
        assert_eq!(parameters[1], ("database".to_owned(), "d".to_owned()));
        assert!(read(message(b"")).is_err());
        assert!(read(Bytes::from_static(b"GET / HTTP/1.1")).is_err());
        assert!(read(Bytes::from_static(b"\0\x02\0\0")).is_err());
    }
}
