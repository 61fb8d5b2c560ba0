//! JSON Web Tokens of somebody else's: an identity provider signs who a user is, and the server checks it with a key that it was
//! given. The key decides the algorithm; what a token says of it only has to agree. Here: what a token must say. What keys are is in
//! `key`, sets of them that come and go in `key_set`. Not here: which session a token has (`sessions`).

mod key;
mod key_set;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::{Map, Value};
use tonic::Status;

use crate::role::Role;
use crate::secrets::{SECRET_BYTES, Secret};
use crate::session::Owner;
use key::Key;
use key_set::KeySet;

/// Bytes of a token: it is a header.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What tokens are checked with.
pub struct Jwt {
    keys: Keys,
    issuer: String,
    audience: String,
}

enum Keys {
    /// One, for as long as the server runs.
    One(Arc<Key>),
    /// Those of a set.
    Set(KeySet),
}

/// Why a key is none.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// The file cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The file holds nothing that tokens are checked with.
    #[error("'{}' has no key for tokens: {cause}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: &'static str,
    },
}

/// A token that holds.
pub(crate) struct Claims {
    pub(crate) owner: Owner,
    pub(crate) expires: SystemTime,
    /// What the token is known by.
    pub(crate) name: Secret,
}

impl Jwt {
    /// Clocks differ.
    pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

    /// Reads the key: a public one in PEM (RSA for RS256, P-256 for ES256, Ed25519 for EdDSA), else a secret of 32 bytes or more for
    /// HS256. Tokens must be of this issuer, for this audience.
    ///
    /// # Errors
    /// [`JwtError`], with the file.
    pub fn read(path: &Path, issuer: &str, audience: &str) -> Result<Self, JwtError> {
        let bytes = std::fs::read(path).map_err(|cause| JwtError::Read { path: path.into(), cause })?;
        let key = Key::of(&bytes).map_err(|cause| JwtError::Key { path: path.into(), cause })?;
        let keys = Keys::One(Arc::new(key));
        Ok(Self { keys, issuer: issuer.to_owned(), audience: audience.to_owned() })
    }

    /// Reads a set of keys (JWKS), of which each token names one (`kid`). The file is read again when it has changed: keys come
    /// and go while the server runs.
    ///
    /// # Errors
    /// [`JwtError`], with the file.
    pub fn read_set(path: &Path, issuer: &str, audience: &str) -> Result<Self, JwtError> {
        Ok(Self::of_set(KeySet::read(path)?, issuer, audience))
    }

    fn of_set(keys: KeySet, issuer: &str, audience: &str) -> Self {
        Self { keys: Keys::Set(keys), issuer: issuer.to_owned(), audience: audience.to_owned() }
    }

    /// Whether `token` looks like one of these, and not like a session's own.
    pub(crate) fn is_one(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The same of what may be a password as well: whether it begins as one does.
    pub(crate) fn begins_as_one(password: &str) -> bool {
        Self::is_one(password) && password.split_once('.').is_some_and(|(header, _)| object(header).is_some())
    }

    /// # Errors
    /// UNAUTHENTICATED for a token that is forged, expired, not yet valid, or another's.
    pub(crate) fn check(&self, token: &str, now: SystemTime) -> Result<Claims, Status> {
        self.claims(token, now).map_err(|why| Status::unauthenticated(format!("the token is refused: {why}")))
    }

    fn claims(&self, token: &str, now: SystemTime) -> Result<Claims, &'static str> {
        const NONE: &str = "it is no JSON Web Token";
        if token.len() > TOKEN_BYTES_MAX {
            return Err("it is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NONE)?;
        let (header, claims) = signed.split_once('.').ok_or(NONE)?;
        let header = object(header).ok_or(NONE)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let key = match &self.keys {
            Keys::One(key) => Arc::clone(key),
            Keys::Set(keys) => {
                keys.key(text("kid")).ok_or("it is signed with a key that is not among the issuer's (kid)")?
            }
        };
        if text("alg") != Some(key.name()) || header.contains_key("crit") {
            return Err("it is not signed in the way that this server's key is for");
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NONE)?;
        if !key.verifies(signed.as_bytes(), &signature) {
            return Err("its signature is not that of the issuer");
        }
        self.judged(token, &object(claims).ok_or(NONE)?, now)
    }

    /// What a token says that is signed.
    fn judged(&self, token: &str, claims: &Map<String, Value>, now: SystemTime) -> Result<Claims, &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let time =
            |name: &str| claims.get(name).map(|value| value.as_f64().and_then(time_of).ok_or("its times are none"));
        if text("iss") != Some(self.issuer.as_str()) {
            return Err("it is another issuer's");
        }
        let audience = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(&self.audience)),
            one => one.and_then(Value::as_str) == Some(&self.audience),
        };
        if !audience {
            return Err("it is for another server");
        }
        let expires = time("exp").ok_or("it does not say when it expires")??;
        if now >= expires + Self::LEEWAY {
            return Err("it has expired: get another");
        }
        if let Some(begins) = time("nbf")
            && now + Self::LEEWAY < begins?
        {
            return Err("it is not valid yet");
        }
        let user = text("sub").filter(|name| !name.is_empty() && !name.contains(char::is_control));
        let user = user.ok_or("it does not say whose it is (sub)")?;
        let role = match claims.get("role") {
            None => Role::Reader,
            Some(role) => {
                role.as_str().and_then(|role| role.parse().ok()).ok_or("its role is none of this server's")?
            }
        };
        Ok(Claims { owner: Owner { user: Some(user.to_owned()), role }, expires, name: name(token) })
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("issuer", &self.issuer).field("audience", &self.audience).finish_non_exhaustive()
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A point in time that others can be reckoned from: this millennium, or the next.
fn time_of(seconds: f64) -> Option<SystemTime> {
    const MOST: f64 = 60e9;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= MOST)?)
}

/// The name of a token: it says nothing of the token itself.
fn name(token: &str) -> Secret {
    let mut name = Secret::default();
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    name.copy_from_slice(&hash.as_ref()[..SECRET_BYTES]);
    name
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use ring::hmac;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn coded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn signed(algorithm: &str, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let text = format!("{}.{}", coded(&json!({"alg": algorithm, "typ": "JWT"})), coded(claims));
        let signature = URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    fn by_secret(claims: &Value) -> String {
        signed("HS256", claims, |text| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text).as_ref().to_vec())
    }

    fn checker(key: &[u8]) -> Jwt {
        Jwt { keys: Keys::One(Arc::new(Key::of(key).unwrap())), issuer: "me".to_owned(), audience: "maar".to_owned() }
    }

    fn claims() -> Value {
        json!({"iss": "me", "aud": "maar", "sub": "ada", "exp": 2000, "nbf": 1000, "role": "writer"})
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn refusal(jwt: &Jwt, token: &str) -> String {
        jwt.check(token, at(1500)).err().unwrap().message().to_owned()
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let jwt = checker(SECRET);
        let checked = jwt.check(&by_secret(&claims()), at(1500)).unwrap();
        assert_eq!((checked.owner.user.as_deref(), checked.owner.role), (Some("ada"), Role::Writer));
        assert_eq!(checked.expires, at(2000));
        let mut plain = claims();
        plain.as_object_mut().unwrap().remove("role");
        plain["aud"] = json!(["other", "maar"]);
        assert_eq!(jwt.check(&by_secret(&plain), at(1500)).unwrap().owner.role, Role::Reader);
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        let jwt = checker(SECRET);
        for (claim, value, words) in [
            ("iss", json!("you"), "issuer"),
            ("aud", json!("other"), "another server"),
            ("aud", json!(["other"]), "another server"),
            ("exp", json!(1400), "expired"),
            ("exp", json!(null), "times"),
            ("exp", json!("soon"), "times"),
            ("exp", json!(1e300), "times"),
            ("exp", json!(i64::MAX - 1023), "times"),
            ("nbf", json!(i64::MAX - 1023), "times"),
            ("nbf", json!(1900), "not valid yet"),
            ("sub", json!(""), "whose"),
            ("sub", json!(7), "whose"),
            ("role", json!("owner"), "role"),
        ] {
            let mut wrong = claims();
            wrong[claim] = value;
            assert!(refusal(&jwt, &by_secret(&wrong)).contains(words), "{claim}");
        }
        let right = by_secret(&claims());
        let (text, signature) = right.rsplit_once('.').unwrap();
        let (header, said) = text.split_once('.').unwrap();
        let mut admin = claims();
        admin["role"] = json!("admin");
        for forged in [
            format!("{header}.{}.{signature}", coded(&admin)),
            format!("{}.{said}.", coded(&json!({"alg": "none"}))),
            format!("{}.{said}.{signature}", coded(&json!({"alg": "none"}))),
            format!("{}.{said}.{signature}", coded(&json!({"alg": "RS256"}))),
            format!("{text}."),
            format!("{text}.{}", &signature[1..]),
            signed("HS256", &claims(), |text| {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"another"), text).as_ref().to_vec()
            }),
            "..".to_owned(),
            "a.b.c".to_owned(),
            String::new(),
            "x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            refusal(&jwt, &forged);
        }
        assert!(!format!("{jwt:?}").contains("0123"));
    }

    /// A public key as PEM has it, behind the head of its kind.
    fn pem(head: &[u8], key: &[u8]) -> Vec<u8> {
        let text = base64::engine::general_purpose::STANDARD.encode([head, key].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n").into_bytes()
    }

    #[test]
    fn the_key_decides_the_algorithm() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let curve = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let public = pem(&curve, pair.public_key().as_ref());
        let jwt = checker(&public);
        let token = signed("ES256", &claims(), |text| pair.sign(&random, text).unwrap().as_ref().to_vec());
        jwt.check(&token, at(1500)).unwrap();
        // The public key as if it were a secret: what the token says does not decide.
        let confused = signed("HS256", &claims(), |text| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), text).as_ref().to_vec()
        });
        assert!(refusal(&jwt, &confused).contains("not signed in the way"));
        assert!(refusal(&jwt, &by_secret(&claims())).contains("not signed in the way"));

        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let jwt = checker(&pem(&head, pair.public_key().as_ref()));
        jwt.check(&signed("EdDSA", &claims(), |text| pair.sign(text).as_ref().to_vec()), at(1500)).unwrap();
    }

    /// Made with OpenSSL: ring makes no keys of RSA.
    const RSA_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAob6Us/+GqH2MnFx3E2TR\n\
4I13sUMEiQxpjE5ExzvCW+S+yCwiLUOi+lYuxGZN0R98evbesldEMuyQ13O6J5kE\n\
DtX7A/JVLV6J8IJmG6N4IMBWaQQxHps28tAGvRh4mzf4pchvqxigcMa8HK3vXejJ\n\
f3fcjaSFgKIwrnQxT8SghuNhi9ntGouF9lWY/kqJ6K+b6zX5S1Liy5WRYMKMzvzN\n\
c5828cEvXxFoo9166/K7Z67HZ3f8NmLIzFYkeJosQeWV/RpKYN6aHGxyszR56EwP\n\
VdnOg5NKsb1iYWdWMwJ6Lq3OCeCh1Ce2NuETLzSPXVxuRagQhMwMHgwI3xr5bE5j\n\
wQIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
    const RSA_TOKEN: &str = "\
eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJtZSIsImF1ZCI6Im1hYXIiLCJzdWIiOiJhZGEiLCJleHAiOjIwMDB9.aAhTVl4KiT\
ICfaWdbbgR8tLbKI8cYutLcbj3jGWO5tD1j_v_BHO910oG3G0IYHQw1Au7yBUcLJV3I3BQGh7R30AdO1pbxla9TUSvqYL9rK\
GQEseiHjQcOSMXgjAXo3mgGjhXrgBUhS_SaEKFZbcCd9WWcVB4hyODOEKCudpIYIjS3Zxxmeb9b3_4suPKK_YzxITM8k1RtO\
9SPdrlGxs4kDe7q-IUXok8LQZN9sZ-\
CFrPabo3TpXmH7AqYGFTTsx4Ul9_B-3AiP1Zq9WFkHK3lBunAgFdvtBFYwyY3Dl8TzufcbFRKIthtaQQsrdY-rE-\
UE8yGeCohAXqAs3BmOiJGg\
";

    #[test]
    fn rsa_signs_too() {
        let jwt = checker(RSA_KEY.as_bytes());
        let checked = jwt.check(RSA_TOKEN, at(1500)).unwrap();
        assert_eq!((checked.owner.user.as_deref(), checked.owner.role), (Some("ada"), Role::Reader));
        let (text, signature) = RSA_TOKEN.rsplit_once('.').unwrap();
        let forged = format!("{text}.A{}", &signature[1..]);
        assert!(refusal(&jwt, &forged).contains("signature"));
    }
}
