//! Where a server is, as it is written: `grpc://host:port`, `grpc+tls://ada@host`. There is no place in it for a password.

use std::fmt;
use std::str::FromStr;

use crate::error::Failure;

/// The port of `maar serve`.
const PORT: u16 = 31337;

const FORM: &str = "write grpc://HOST:PORT, or grpc+tls://HOST:PORT where the server has TLS, with USER@ before HOST where it has users";

/// A server, and who connects to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) user: Option<String>,
    /// A name or an IP address, IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// As gRPC wants it.
    pub(crate) fn uri(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.bracketed(), self.port)
    }

    /// Whether what is sent leaves this machine.
    pub(crate) fn is_remote(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        !(self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback()))
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "grpc+tls://" } else { "grpc://" })?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        write!(f, "{}:{}", self.bracketed(), self.port)
    }
}

impl FromStr for Address {
    type Err = Failure;

    /// The messages never repeat what stands before `@`: it may hold a password.
    fn from_str(written: &str) -> Result<Self, Failure> {
        let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "grpc" | "grpc+tcp" => false,
            "grpc+tls" => true,
            _ => return Err(Failure::usage(format!("--connect is given no address of a server\nHint: {FORM}"))),
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(Failure::usage(
                "--connect is given a password, which every user of this machine can read there\nHint: write USER@ alone, \
                 and set MAAR_PASSWORD, name a --password-file, or type the password when you are asked",
            ));
        }
        let (host, port) = host_and_port(place.trim_end_matches('/'))?;
        Ok(Self { tls, user: user.filter(|user| !user.is_empty()).map(str::to_owned), host, port })
    }
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host_and_port(place: &str) -> Result<(String, u16), Failure> {
    let wrong = || Failure::usage(format!("'{place}' is no host and port\nHint: {FORM}"));
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(wrong)?;
            let port = behind.strip_prefix(':');
            if port.is_none() && !behind.is_empty() {
                return Err(wrong());
            }
            (host, port)
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|port| *port > 0));
    let fits = !host.is_empty() && !host.contains(['/', '?', '#', ' ']);
    match port {
        Some(port) if fits => Ok((host.to_owned(), port)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(written: &str) -> Address {
        written.parse().unwrap()
    }

    fn refused(written: &str) -> String {
        written.parse::<Address>().unwrap_err().message().unwrap()
    }

    #[test]
    fn addresses_are_read_and_written() {
        for (written, again, uri) in [
            ("grpc://localhost", "grpc://localhost:31337", "http://localhost:31337"),
            ("grpc+tls://ada@example.com:443/", "grpc+tls://ada@example.com:443", "https://example.com:443"),
            ("grpc://[::1]:5", "grpc://[::1]:5", "http://[::1]:5"),
            ("GRPC+TCP://127.0.0.1:1", "grpc://127.0.0.1:1", "http://127.0.0.1:1"),
            ("grpc://a@b.c@host", "grpc://a@b.c@host:31337", "http://host:31337"),
        ] {
            let address = read(written);
            assert_eq!((address.to_string().as_str(), address.uri().as_str()), (again, uri));
        }
        assert!(!read("grpc://[::1]").is_remote() && !read("grpc://127.1.2.3").is_remote());
        assert!(read("grpc://10.0.0.1").is_remote() && read("grpc://localhost.example").is_remote());
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for written in ["grpc://ada:hunter2@host", "grpc+tls://ada:hunter2@host:1", "grpc://:hunter2@host"] {
            let text = refused(written);
            assert!(text.contains("MAAR_PASSWORD") && !text.contains("hunter2"), "{text}");
        }
        assert!(!refused("http://ada:hunter2@host").contains("hunter2"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for written in ["", "localhost", "http://host", "grpc://", "grpc://host:0", "grpc://host:x", "grpc://[::1]x"] {
            assert!(refused(written).contains("grpc+tls://"), "{written}");
        }
    }
}
