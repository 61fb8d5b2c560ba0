//! TLS: the server's certificate and key, and whose certificates clients must have. The files are checked when they are read:
//! what could not be enforced stops the start. Not here: who may listen without it (`server`).

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::tokio_rustls::rustls::crypto::ring;
use pgwire::tokio::tokio_rustls::rustls::server::WebPkiClientVerifier;
use pgwire::tokio::tokio_rustls::rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use crate::postgres::ALPN;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Encrypts connections of PostgreSQL's protocol, which begin unencrypted.
pub(crate) type Acceptor = TlsAcceptor;

/// A certificate with its key, and perhaps the authority that clients' certificates come from.
#[derive(Clone)]
pub struct Tls {
    config: ServerTlsConfig,
    /// The same in PEM.
    chain: Vec<u8>,
    key: Vec<u8>,
    authority: Option<Vec<u8>>,
}

/// Why there can be no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("'{}' is not {wanted} in PEM: {cause}", path.display())]
    NotPem {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// Certificate and key do not belong together, or are of a kind that TLS does not take.
    #[error("'{}' does not serve as the key of the certificate '{}': {cause}", key.display(), certificate.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// No client's certificate could be checked.
    #[error("'{}' does not serve as the authority of clients' certificates: {cause}", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

impl Tls {
    /// Reads files in PEM: the certificate, with those that lead to its authority, and its key.
    ///
    /// # Errors
    /// [`TlsError`], with the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let (chain, secret) = (certificates(certificate)?, bytes(key)?);
        PrivateKeyDer::from_pem_slice(&secret).map_err(|e| not_pem(key, "a private key", &e))?;
        let config = ServerTlsConfig::new().identity(Identity::from_pem(&chain, &secret)).timeout(HANDSHAKE);
        match refusal(&config) {
            None => Ok(Self { config, chain, key: secret, authority: None }),
            Some(cause) => Err(TlsError::Pair { certificate: certificate.into(), key: key.into(), cause }),
        }
    }

    /// The same, for those clients only that have a certificate of the authority in this file.
    ///
    /// # Errors
    /// [`TlsError`], with the file.
    pub fn for_clients_of(self, authority: &Path) -> Result<Self, TlsError> {
        let text = certificates(authority)?;
        let config = self.config.client_ca_root(Certificate::from_pem(&text));
        match refusal(&config) {
            None => Ok(Self { config, authority: Some(text), ..self }),
            Some(cause) => Err(TlsError::ClientCa { path: authority.into(), cause }),
        }
    }

    pub(crate) fn config(self) -> ServerTlsConfig {
        self.config
    }

    /// The same for connections that are no gRPC's.
    ///
    /// # Errors
    /// In words: the files were checked when they were read, so that it is a bug of ours.
    pub(crate) fn acceptor(&self) -> Result<Acceptor, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
        let builder = match &self.authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                for certificate in chain(authority)? {
                    roots.add(certificate).map_err(|e| e.to_string())?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|e| e.to_string())?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| e.to_string())?;
        let mut config = builder.with_single_cert(chain(&self.chain)?, key).map_err(|e| e.to_string())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The file, in which there is a certificate and no broken one: those that cannot be read would be left out later.
fn certificates(path: &Path) -> Result<Vec<u8>, TlsError> {
    let text = bytes(path)?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        certificate.map_err(|e| not_pem(path, "certificates", &e))?;
        count += 1;
    }
    match count {
        0 => Err(not_pem(path, "certificates", &PemError::NoItemsFound)),
        _ => Ok(text),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Read { path: path.into(), cause })
}

fn not_pem(path: &Path, wanted: &'static str, cause: &PemError) -> TlsError {
    let cause = match cause {
        PemError::NoItemsFound => "there is none in it".to_owned(),
        other => other.to_string(),
    };
    TlsError::NotPem { path: path.into(), wanted, cause }
}

fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|e: PemError| e.to_string())
}

/// Why a server would not start with `config`.
fn refusal(config: &ServerTlsConfig) -> Option<String> {
    let error = Server::builder().tls_config(config.clone()).err()?;
    // The outer error says that there is one.
    Some(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}
