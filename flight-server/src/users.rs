//! Users: who may open a session. A file of them has a line for each, `name:hash:role`, where the hash is argon2id's in the usual
//! form (`$argon2id$v=19$m=...`). Passwords themselves are kept nowhere, and whoever is turned away does not learn why.
//!
//! A line without a role is a writer's: as with users of PostgreSQL or Trino, whom nobody has said to be less.

use std::collections::HashMap;
use std::fmt;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::role::{Role, UnknownRole};
use crate::secrets::secret;

/// The users of a server.
#[derive(Clone)]
pub struct Users {
    known: HashMap<String, User>,
    /// What the password of an unknown user is compared with: it takes as long.
    nobody: String,
}

#[derive(Clone)]
struct User {
    hash: String,
    role: Role,
}

/// Why a file of users is none, or a user cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// A line that is no user, by its number.
    #[error(
        "line {0} of the users is not NAME:HASH or NAME:HASH:ROLE with a hash of argon2id. `maar user NAME` makes such a line"
    )]
    Line(usize),
    /// A role that there is not, by its line.
    #[error("line {0} of the users: {1}")]
    Role(usize, UnknownRole),
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
        let mut known = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, rest) =
                line.split_once(':').filter(|(name, _)| is_name(name)).ok_or(UsersError::Line(at + 1))?;
            let (hash, role) = match rest.split_once(':') {
                Some((hash, role)) => (hash, role.parse().map_err(|e| UsersError::Role(at + 1, e))?),
                None => (rest, Role::Writer),
            };
            let is_argon = PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm == argon2::ARGON2ID_IDENT);
            if !is_argon {
                return Err(UsersError::Line(at + 1));
            }
            if known.insert(name.to_owned(), User { hash: hash.to_owned(), role }).is_some() {
                return Err(UsersError::Twice(at + 1));
            }
        }
        match known.is_empty() {
            true => Err(UsersError::Nobody),
            false => Ok(Self { known, nobody: hash("nobody's")? }),
        }
    }

    /// The line of a user.
    ///
    /// # Errors
    /// [`UsersError`] for a name or a password that cannot be one.
    pub fn line(name: &str, password: &str, role: Role) -> Result<String, UsersError> {
        if !is_name(name) || name.starts_with('#') {
            return Err(UsersError::Name);
        }
        if password.is_empty() {
            return Err(UsersError::Password);
        }
        Ok(format!("{name}:{}:{role}", hash(password)?))
    }

    /// The user's role, if it is the user's password. Takes some ten milliseconds of a core, whoever asks.
    pub(crate) fn verify(&self, name: &str, password: &str) -> Option<Role> {
        let known = self.known.get(name);
        let hash = PasswordHash::new(known.map_or(&self.nobody, |user| &user.hash)).ok()?;
        let fits = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
        known.filter(|_| fits).map(|user| user.role)
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.known.len()).finish_non_exhaustive()
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
        let line = |name: &str, role| Users::line(name, "x:y ü", role).unwrap();
        let (ada, bob) = (line("ada", Role::Reader), line("bob", Role::Reader));
        assert_ne!(ada["ada:".len()..], bob["bob:".len()..], "each has a salt of its own");
        let eve = line("eve", Role::Writer);
        let users = Users::parse(&format!("# people\n\n{ada}\r\n {bob}\n{}", eve.trim_end_matches(":writer"))).unwrap();
        assert_eq!(users.verify("ada", "x:y ü"), Some(Role::Reader));
        assert_eq!(users.verify("bob", "x:y ü"), Some(Role::Reader));
        assert_eq!(users.verify("eve", "x:y ü"), Some(Role::Writer), "where the line has no role");
        for (name, password) in [("ada", "x:y"), ("ada", ""), ("max", "x:y ü"), ("max", "nobody's"), ("", "")] {
            assert_eq!(users.verify(name, password), None, "{name} {password}");
        }
        assert!(!format!("{users:?}").contains("argon2"));
    }

    #[test]
    fn what_is_no_user_is_refused_by_its_line() {
        let ada = Users::line("ada", "secret", Role::Writer).unwrap();
        let owner = Users::parse(&format!("\n{}", ada.replace(":writer", ":owner"))).unwrap_err().to_string();
        assert!(owner.contains("line 2") && owner.contains("'owner'") && owner.contains("reader"), "{owner}");
        assert!(matches!(Users::parse("# none\n"), Err(UsersError::Nobody)));
        assert!(matches!(Users::parse(&format!("{ada}\n{ada}")), Err(UsersError::Twice(2))));
        let other = "bob:$argon2i$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$OmtBfQGBbJJGcUCIUF6bLQcKZBDXDMcgdNYAqC4oqxo";
        for wrong in ["ada", "ada:secret", ":", "ada:", "ada:secret:reader", other, &ada.replace("ada:", ":")] {
            assert!(matches!(Users::parse(&format!("\n{wrong}")), Err(UsersError::Line(2))), "{wrong}");
        }
        for name in ["", "a:b", " a", "a\n", "#a"] {
            assert!(matches!(Users::line(name, "secret", Role::Writer), Err(UsersError::Name)), "{name}");
        }
        assert!(matches!(Users::line("ada", "", Role::Writer), Err(UsersError::Password)));
    }
}
