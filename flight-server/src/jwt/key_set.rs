//! A set of keys of an identity provider (JWKS, RFC 7517), from a file that somebody keeps up to date: tokens name their key (`kid`), keys
//! come and go while the server runs. Not here: what a token must say (`mod.rs`), and fetching the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::signature;
use serde_json::Value;

use super::JwtError;
use super::key::Key;

/// How often it is looked whether the file is another, whoever asks however often.
const LOOK: Duration = Duration::from_secs(5);

/// Bytes of the file.
const BYTES_MAX: u64 = 1 << 20;

const WANTED: &str = "it wants a set of keys in JSON ({\"keys\": [...]}, RFC 7517) with one at least that signs: RSA of 2048 bits or more, \
                      EC on P-256, or OKP on Ed25519";

/// Keys by their names.
pub(super) struct KeySet {
    path: PathBuf,
    look: Duration,
    state: Mutex<State>,
}

/// Keys, by the names that they have.
type Named = Vec<(Option<String>, Arc<Key>)>;

struct State {
    keys: Arc<Named>,
    looked: Instant,
    /// When the file was written, and its length.
    version: Option<(SystemTime, u64)>,
}

impl KeySet {
    /// # Errors
    /// [`JwtError`] where the file cannot be read or has no key.
    pub(super) fn read(path: &Path) -> Result<Self, JwtError> {
        Self::looking_every(path, LOOK)
    }

    fn looking_every(path: &Path, look: Duration) -> Result<Self, JwtError> {
        let version = version(path);
        let keys = Arc::new(keys(path)?);
        let state = State { keys, looked: Instant::now(), version };
        Ok(Self { path: path.to_owned(), look, state: Mutex::new(state) })
    }

    /// The key of this name; of a token that names none, the only one.
    pub(super) fn key(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        let keys = self.now();
        match kid {
            Some(_) => keys.iter().find(|(name, _)| name.as_deref() == kid).map(|(_, key)| Arc::clone(key)),
            None => match &keys[..] {
                [(_, only)] => Some(Arc::clone(only)),
                _ => None,
            },
        }
    }

    /// The keys as the file has them. While it is broken, or half written, those before stand.
    fn now(&self) -> Arc<Named> {
        let mut state = self.state.lock();
        if state.looked.elapsed() >= self.look {
            state.looked = Instant::now();
            let version = version(&self.path);
            if version != state.version
                && let Ok(keys) = keys(&self.path)
            {
                (state.keys, state.version) = (Arc::new(keys), version);
            }
        }
        Arc::clone(&state.keys)
    }
}

fn version(path: &Path) -> Option<(SystemTime, u64)> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn keys(path: &Path) -> Result<Named, JwtError> {
    let failed = |cause| JwtError::Read { path: path.into(), cause };
    let none = || JwtError::Key { path: path.into(), cause: WANTED };
    if std::fs::metadata(path).map_err(failed)?.len() > BYTES_MAX {
        return Err(none());
    }
    let set: Value = serde_json::from_slice(&std::fs::read(path).map_err(failed)?).map_err(|_| none())?;
    let keys = set["keys"].as_array().ok_or_else(none)?;
    // Sets have keys for other uses and other servers: what is not for us is left aside.
    let named = |jwk: &Value| Some((jwk["kid"].as_str().map(str::to_owned), Arc::new(key(jwk)?)));
    let keys: Vec<_> = keys.iter().filter_map(named).collect();
    if keys.is_empty() { Err(none()) } else { Ok(keys) }
}

/// A public key that signs; `None` of all others, secrets among them.
fn key(jwk: &Value) -> Option<Key> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    let is = |name: &str, value: &str| jwk[name].is_null() || jwk[name] == value;
    if !is("use", "sig") {
        return None;
    }
    let of = |name, algorithm, key| Some(Key::Public { name, algorithm, key });
    match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
        ("RSA", _) if is("alg", "RS256") => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            (n.len() >= 256).then_some(Key::Rsa { n, e })
        }
        ("EC", Some("P-256")) if is("alg", "ES256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let point = [&[4][..], &x, &y].concat();
            (x.len() == 32 && y.len() == 32)
                .then_some(point)
                .and_then(|point| of("ES256", &signature::ECDSA_P256_SHA256_FIXED, point))
        }
        ("OKP", Some("Ed25519")) if is("alg", "EdDSA") => of("EdDSA", &signature::ED25519, bytes("x")?),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::UNIX_EPOCH;

    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::super::Jwt;
    use super::*;

    fn coded(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ed25519() -> Ed25519KeyPair {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap()
    }

    fn jwk(kid: &str, pair: &Ed25519KeyPair) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": coded(pair.public_key().as_ref()) })
    }

    fn token(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let claims = json!({ "iss": "me", "aud": "maar", "sub": "ada", "exp": 2000 });
        let text = format!("{}.{}", coded(header.to_string().as_bytes()), coded(claims.to_string().as_bytes()));
        let signature = coded(&sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    fn by(kid: Option<&str>, pair: &Ed25519KeyPair) -> String {
        let mut header = json!({ "alg": "EdDSA" });
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        token(&header, |text| pair.sign(text).as_ref().to_vec())
    }

    fn holds(jwt: &Jwt, token: &str) -> bool {
        jwt.check(token, UNIX_EPOCH + Duration::from_secs(1500)).is_ok()
    }

    #[test]
    fn tokens_name_their_key_and_keys_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        let write = |keys: Value| std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
        let (old, new) = (ed25519(), ed25519());
        write(json!([jwk("old", &old)]));
        let set = KeySet::looking_every(&path, Duration::ZERO).unwrap();
        let jwt = Jwt::of_set(set, "me", "maar");
        assert!(holds(&jwt, &by(Some("old"), &old)) && holds(&jwt, &by(None, &old)));
        assert!(!holds(&jwt, &by(Some("new"), &new)) && !holds(&jwt, &by(Some("old"), &new)));
        write(json!([jwk("old", &old), jwk("new", &new), { "kty": "oct", "k": "AAAA" }]));
        assert!(holds(&jwt, &by(Some("old"), &old)) && holds(&jwt, &by(Some("new"), &new)));
        assert!(!holds(&jwt, &by(None, &new)), "which of the two?");
        std::fs::write(&path, "{\"keys\": [").unwrap();
        assert!(holds(&jwt, &by(Some("new"), &new)), "half a file says nothing");
        write(json!([jwk("new", &new)]));
        assert!(!holds(&jwt, &by(Some("old"), &old)) && holds(&jwt, &by(Some("new"), &new)));
    }

    #[test]
    fn a_point_on_the_curve_is_a_key_and_a_secret_is_none() {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": coded(&point[1..33]), "y": coded(&point[33..]) });
        std::fs::write(&path, json!({ "keys": [jwk] }).to_string()).unwrap();
        let jwt = Jwt::of_set(KeySet::read(&path).unwrap(), "me", "maar");
        let sign = |text: &[u8]| pair.sign(&random, text).unwrap().as_ref().to_vec();
        assert!(holds(&jwt, &token(&json!({ "alg": "ES256", "kid": "a" }), sign)));
        assert!(!holds(&jwt, &token(&json!({ "alg": "HS256", "kid": "a" }), sign)), "the key decides");
        for text in [
            "",
            "{}",
            r#"{"keys": []}"#,
            r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#,
            r#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#,
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(KeySet::read(&path).is_err(), "{text}");
        }
    }
}
