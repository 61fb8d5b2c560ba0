//! Users: who may open a session. A file of them has a line for each, `name:hash`, where the hash is argon2id's in the usual
//! form (`$argon2id$v=19$m=...`). Passwords themselves are kept nowhere, and whoever is turned away does not learn why.

use std::collections::HashMap;
use std::fmt;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::secrets::secret;

/// The users of a server.
#[derive(Clone)]
pub struct Users {
    hashes: HashMap<String, String>,
    /// What the password of an unknown user is compared with: it takes as long.
    nobody: String,
}

/// Why a file of users is none, or a user cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// A line that is no user, by its number.
    #[error("line {0} of the users is not NAME:HASH with a hash of argon2id. `maar user NAME` makes such a line")]
    Line(usize),
    /// A name that is there twice, by the line of the second.
    #[error("line {0} of the users has a name that an earlier line has")]
    Twice(usize),
    /// Nobody could log in.
    #[error("there are no users in the file. `maar user NAME` makes a line of it")]
    Nobody,
    /// A name that a login cannot carry.
    #[error("a user's name is at least one character, none of them a colon or a control character")]
    Name,
    /// A password that protects nothing.
    #[error("the password is empty")]
    Password,
    /// The system's or a bug of ours.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

impl Users {
    /// Reads the lines of a file; empty ones and those that begin with `#` are left out.
    ///
    /// # Errors
    /// [`UsersError`], with the line.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut hashes = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) =
                line.split_once(':').filter(|(name, _)| is_name(name)).ok_or(UsersError::Line(at + 1))?;
            let is_argon = PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm == argon2::ARGON2ID_IDENT);
            if !is_argon {
                return Err(UsersError::Line(at + 1));
            }
            if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(UsersError::Twice(at + 1));
            }
        }
        match hashes.is_empty() {
            true => Err(UsersError::Nobody),
            false => Ok(Self { hashes, nobody: hash("nobody's")? }),
        }
    }

    /// The line of a user.
    ///
    /// # Errors
    /// [`UsersError`] for a name or a password that cannot be one.
    pub fn line(name: &str, password: &str) -> Result<String, UsersError> {
        if !is_name(name) || name.starts_with('#') {
            return Err(UsersError::Name);
        }
        if password.is_empty() {
            return Err(UsersError::Password);
        }
        Ok(format!("{name}:{}", hash(password)?))
    }

    /// Whether it is the user's password. Takes some ten milliseconds of a core, whoever asks.
    pub(crate) fn verify(&self, name: &str, password: &str) -> bool {
        let known = self.hashes.get(name);
        let Ok(hash) = PasswordHash::new(known.unwrap_or(&self.nobody)) else { return false };
        let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
        fits && known.is_some()
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.hashes.len()).finish_non_exhaustive()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(|c: char| c == ':' || c.is_control())
}

fn hash(password: &str) -> Result<String, UsersError> {
    let failed = |e: &dyn fmt::Display| UsersError::Hash(e.to_string());
    let salt = secret().map_err(|status| failed(&status.message()))?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| failed(&e))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|e| failed(&e))?;
    Ok(hash.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_password_fits() {
        let (ada, bob) = (Users::line("ada", "x:y ü").unwrap(), Users::line("bob", "x:y ü").unwrap());
        assert_ne!(ada["ada:".len()..], bob["bob:".len()..], "each has a salt of its own");
        let users = Users::parse(&format!("# people\n\n{ada}\r\n {bob}")).unwrap();
        assert!(users.verify("ada", "x:y ü") && users.verify("bob", "x:y ü"));
        for (name, password) in [("ada", "x:y"), ("ada", ""), ("eve", "x:y ü"), ("eve", "nobody's"), ("", "")] {
            assert!(!users.verify(name, password), "{name} {password}");
        }
        assert!(!format!("{users:?}").contains("argon2"));
    }

    #[test]
    fn what_is_no_user_is_refused_by_its_line() {
        let ada = Users::line("ada", "secret").unwrap();
        assert!(matches!(Users::parse("# none\n"), Err(UsersError::Nobody)));
        assert!(matches!(Users::parse(&format!("{ada}\n{ada}")), Err(UsersError::Twice(2))));
        let other = "bob:$argon2i$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$OmtBfQGBbJJGcUCIUF6bLQcKZBDXDMcgdNYAqC4oqxo";
        for wrong in ["ada", "ada:secret", ":", "ada:", other, &ada.replace("ada:", ":")] {
            assert!(matches!(Users::parse(&format!("\n{wrong}")), Err(UsersError::Line(2))), "{wrong}");
        }
        for name in ["", "a:b", " a", "a\n", "#a"] {
            assert!(matches!(Users::line(name, "secret"), Err(UsersError::Name)), "{name}");
        }
        assert!(matches!(Users::line("ada", ""), Err(UsersError::Password)));
    }
}
