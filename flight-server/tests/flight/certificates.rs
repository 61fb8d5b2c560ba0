//! A certificate for this machine and the authority that it comes from, made for one test. Tests of other packages take this file
//! by its path.
#![allow(unreachable_pub, dead_code, reason = "each test takes what it needs")]

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// All of it in PEM, and in files.
pub struct Made {
    pub folder: TempDir,
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

impl Made {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        // Of the authority's name OpenSSL would take it for one that signed itself.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        let made = Self { folder: tempfile::tempdir().unwrap(), authority, certificate, key: key.serialize_pem() };
        for (name, text) in [("ca", &made.authority), ("cert", &made.certificate), ("key", &made.key)] {
            std::fs::write(made.path(name), text).unwrap();
        }
        made
    }

    /// The file of `ca`, `cert` or `key`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }
}
