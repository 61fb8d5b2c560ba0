//! Keys that tokens are checked with, and the algorithm that each is for. Not here: sets of keys (`key_set`), how a public key is
//! written in a certificate's notation (`der`).

use ring::hmac;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

use crate::der;

/// Bytes of a secret that signs: a shorter one can be found out.
const SECRET_LEAST: usize = 32;

pub(super) enum Key {
    /// Shared with who signs.
    Secret(hmac::Key),
    /// Of who signs, with the algorithm that it is for.
    Public { name: &'static str, algorithm: &'static dyn VerificationAlgorithm, key: Vec<u8> },
    /// The same for RS256, in its parts.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl Key {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, &'static str> {
        // What everyone may read must never be taken for a secret: whoever knows it could sign.
        let is_pem = bytes.windows(5).any(|part| part == b"-----");
        let is_jwk = serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.is_object() || value.is_array());
        if is_jwk {
            return Err("it is a key or a set of keys in JSON: --jwt-jwks takes these");
        }
        if !is_pem {
            let secret = bytes.trim_ascii_end();
            return match secret.len() >= SECRET_LEAST {
                true => Ok(Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret))),
                false => Err("a secret has 32 bytes or more, and a public key begins with -----BEGIN PUBLIC KEY-----"),
            };
        }
        let wanted =
            "it wants a public key in PEM (-----BEGIN PUBLIC KEY-----): RSA of 2048 bits or more, P-256 or Ed25519";
        let info = SubjectPublicKeyInfoDer::from_pem_slice(bytes).map_err(|_| wanted)?;
        let (kind, key) = der::public_key(&info).ok_or(wanted)?;
        let (name, algorithm): (_, &'static dyn VerificationAlgorithm) = match kind {
            der::KeyKind::Rsa => ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
            der::KeyKind::P256 => ("ES256", &signature::ECDSA_P256_SHA256_FIXED),
            der::KeyKind::Ed25519 => ("EdDSA", &signature::ED25519),
        };
        Ok(Self::Public { name, algorithm, key: key.to_vec() })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Public { name, .. } => name,
            Self::Rsa { .. } => "RS256",
        }
    }

    pub(super) fn verifies(&self, signed: &[u8], by: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, signed, by).is_ok(),
            Self::Public { algorithm, key, .. } => UnparsedPublicKey::new(*algorithm, key).verify(signed, by).is_ok(),
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, signed, by).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in [
            &b"short"[..],
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            b"-----BEGIN",
            // What is public, and long enough for a secret.
            b"\n\xef\xbb\xbf-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            b"Bag Attributes\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            br#" {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}"#,
        ] {
            assert!(Key::of(wrong).is_err());
        }
        assert!(Key::of(b"0123456789abcdef0123456789abcdef").is_ok());
    }
}
