//! TLS: the server's certificate and key, and whose certificates clients must have. The files are checked when they are read:
//! what could not be enforced stops the start. Not here: who may listen without it (`server`).

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate with its key, and perhaps the authority that clients' certificates come from.
#[derive(Clone)]
pub struct Tls {
    config: ServerTlsConfig,
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
        let config = ServerTlsConfig::new().identity(Identity::from_pem(chain, secret)).timeout(HANDSHAKE);
        match refusal(&config) {
            None => Ok(Self { config }),
            Some(cause) => Err(TlsError::Pair { certificate: certificate.into(), key: key.into(), cause }),
        }
    }

    /// The same, for those clients only that have a certificate of the authority in this file.
    ///
    /// # Errors
    /// [`TlsError`], with the file.
    pub fn for_clients_of(self, authority: &Path) -> Result<Self, TlsError> {
        let config = self.config.client_ca_root(Certificate::from_pem(certificates(authority)?));
        match refusal(&config) {
            None => Ok(Self { config }),
            Some(cause) => Err(TlsError::ClientCa { path: authority.into(), cause }),
        }
    }

    pub(crate) fn config(self) -> ServerTlsConfig {
        self.config
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

/// Why a server would not start with `config`.
fn refusal(config: &ServerTlsConfig) -> Option<String> {
    let error = Server::builder().tls_config(config.clone()).err()?;
    // The outer error says that there is one.
    Some(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}
