//! The way to a server: the connection, its encryption, the handshake that opens a session.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_flight::HandshakeRequest;
use arrow_flight::flight_service_client::FlightServiceClient;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{TryStreamExt, stream};
use maar_flight_server::Role;
use tokio::time::timeout;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Response, Status};

use super::failed::{self, from_status};
use super::login::Credentials;
use super::{Address, Client};
use crate::error::Failure;

/// A server that has not answered by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an idle connection is tried, so that nothing on the way takes it for dead.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Bytes on their way that nobody has read yet; the protocol's own 64 KiB make every batch wait for the other end.
const WINDOW_BYTES: u32 = 8 << 20;

/// The files of an address with TLS, all PEM.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Authorities that are trusted besides the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// The certificate that this side shows, and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Connects and logs in, with a role that may be less than the user's.
///
/// # Errors
/// Those of the network, of the certificates, and of a login that is refused.
pub(super) async fn open(
    address: &Address,
    tls: &Tls,
    credentials: Option<&Credentials>,
    role: Option<Role>,
) -> Result<Client, Failure> {
    let channel = endpoint(address, tls)?.connect().await.map_err(|error| unreachable(address, &error))?;
    // A row may be larger than what tonic takes unless told otherwise, and the server is one that was asked for by name.
    let client = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let answer = timeout(PATIENCE, handshake(client.clone(), credentials, role)).await;
    let answer = answer.map_err(|_| {
        Failure::connection(format!("cannot talk to {address}: no answer within {} seconds", PATIENCE.as_secs()))
    })?;
    let token = answer.map_err(|status| refused(address, &status))?;
    let mut client = Client::new_from_inner(client);
    if let Some(token) = token {
        client.set_token(token);
    }
    Ok(client)
}

fn endpoint(address: &Address, tls: &Tls) -> Result<Endpoint, Failure> {
    let wrong = |error| unreachable(address, &error);
    let endpoint = Endpoint::from_shared(address.uri()).map_err(wrong)?;
    let endpoint = endpoint
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true);
    if address.tls {
        return endpoint.tls_config(tls.config()?).map_err(wrong);
    }
    if tls.authorities.is_some() || tls.identity.is_some() {
        return Err(Failure::usage(format!(
            "certificates are about TLS, and {address} has none\nHint: write grpc+tls:// where the server has TLS"
        )));
    }
    Ok(endpoint)
}

impl Tls {
    fn config(&self) -> Result<ClientTlsConfig, Failure> {
        let mut config = ClientTlsConfig::new().timeout(PATIENCE).with_native_roots();
        if let Some(path) = &self.authorities {
            config = config.ca_certificate(Certificate::from_pem(pem(path, "CERTIFICATE")?));
        }
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(pem(certificate, "CERTIFICATE")?, pem(key, "PRIVATE KEY")?));
        }
        Ok(config)
    }
}

/// A file that must have a `part`: a file without any is taken for no authority at all.
fn pem(path: &Path, part: &str) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let has_part = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(part));
    match has_part {
        true => Ok(bytes),
        false => Err(Failure::other(format!(
            "'{}' has no '-----BEGIN {part}-----'\nHint: certificates and keys are files in PEM",
            path.display()
        ))),
    }
}

/// Opens a session; its token, if the server gives one. A server without logins needs none.
async fn handshake(
    mut client: FlightServiceClient<Channel>,
    credentials: Option<&Credentials>,
    role: Option<Role>,
) -> Result<Option<String>, Status> {
    let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
    if let Some(role) = role {
        let role = role.to_string().parse().map_err(|_| Status::internal("a role is no header"))?;
        request.metadata_mut().insert(Role::HEADER, role);
    }
    if let Some(Credentials { user, password }) = credentials {
        let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        let header = header.parse().map_err(|_| Status::internal("user and password are no header"))?;
        request.metadata_mut().insert("authorization", header);
    }
    let response = match client.handshake(request).await {
        Err(status) if credentials.is_none() && status.code() == Code::Unimplemented => return Ok(None),
        response => response?,
    };
    let token = bearer(&response);
    response.into_inner().try_collect::<Vec<_>>().await?;
    Ok(token)
}

fn bearer<T>(response: &Response<T>) -> Option<String> {
    let (scheme, token) = response.metadata().get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}

fn refused(address: &Address, status: &Status) -> Failure {
    if let Some(cause) = failed::broken_connection(status) {
        let hint = match address.tls {
            true => {
                "\nHint: a server that wants to see a certificate ends connections without one: --tls-cert, --tls-key"
            }
            false => "\nHint: where the server has TLS, write grpc+tls://",
        };
        return Failure::connection(format!("cannot talk to {address}: {cause}{hint}"));
    }
    let error = from_status(status, None);
    let hint = match (status.code(), &address.user) {
        (Code::Unauthenticated, None) => "\nHint: name the user: grpc://USER@HOST:PORT".to_owned(),
        (Code::Unauthenticated, Some(_)) => String::new(),
        _ => error.hint().map(|hint| format!("\nHint: {hint}")).unwrap_or_default(),
    };
    Failure::connection(format!("{address} refused the login: {}{hint}", error.message()))
}

/// Says what the network says, and for certificates what to do.
fn unreachable(address: &Address, error: &tonic::transport::Error) -> Failure {
    let cause = failed::innermost(error);
    let hint = match cause.as_str() {
        cause if cause.contains("UnknownIssuer") => {
            "\nHint: name the authority of the server's certificate: --tls-ca FILE"
        }
        cause if cause.contains("CertificateRequired") => {
            "\nHint: this server wants to see a certificate: --tls-cert, --tls-key"
        }
        cause if cause.contains("NotValidForName") => "\nHint: connect by a name that the server's certificate has",
        cause if cause.contains("corrupt message") => "\nHint: where the server has no TLS, write grpc://",
        cause if cause.contains("refused") => "\nHint: does a server listen there? `maar serve` starts one",
        _ => "",
    };
    Failure::connection(format!("cannot connect to {address}: {cause}{hint}"))
}
