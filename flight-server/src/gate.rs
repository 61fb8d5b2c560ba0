//! The gate before a session: a login with user and password, where the server has users. Everyone passes where it has none.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::session::Owner;
use crate::users::Users;

/// Passwords that are checked at once. Each check takes 19 MiB and some ten milliseconds of a core.
const CHECKS_MAX: usize = 2;

/// As HTTP has it, or without the padding, as drivers in Go send it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who may open a session.
pub(crate) struct Gate {
    users: Option<Arc<Users>>,
    /// Whether everyone passes.
    is_open: bool,
    checks: Semaphore,
}

impl Gate {
    /// `has_tokens`: users come with tokens of somebody else's, which no login is needed for.
    pub(crate) fn new(users: Option<Users>, has_tokens: bool) -> Self {
        let is_open = users.is_none() && !has_tokens;
        Self { users: users.map(Arc::new), is_open, checks: Semaphore::new(CHECKS_MAX) }
    }

    /// Lets a login pass that has the right credentials (`authorization: Basic ...`), and says whose it is. Where there are
    /// no users everyone writes.
    ///
    /// # Errors
    /// UNAUTHENTICATED for all others, in the same words.
    pub(crate) async fn pass(&self, login: &MetadataMap) -> Result<Owner, Status> {
        if self.is_open {
            return Ok(Owner::nobody());
        }
        let users = self.users.as_ref().ok_or_else(refused)?;
        let (name, password) = credentials(login).ok_or_else(refused)?;
        let turn = self.checks.acquire().await;
        let users = Arc::clone(users);
        let user = name.clone();
        let check = tokio::task::spawn_blocking(move || users.verify(&name, &password));
        let role = check.await.ok().flatten();
        drop(turn);
        Ok(Owner { user: Some(user), role: role.ok_or_else(refused)? })
    }
}

fn credentials(login: &MetadataMap) -> Option<(String, String)> {
    let (scheme, encoded) = login.get("authorization")?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn refused() -> Status {
    Status::unauthenticated("user and password are needed, and must be right")
}
