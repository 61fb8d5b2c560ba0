//! The gate before a session: a login with user and password, where the server has users, and not too many wrong ones before it
//! (`lockout`). Everyone passes where it has none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::lockout::Lockout;
use crate::session::Owner;
use crate::users::Users;

/// Passwords that are checked at once. Each check takes 19 MiB and some ten milliseconds of a core.
const CHECKS_MAX: usize = 2;

/// Of a server whose users come with tokens only.
const NO_PASSWORDS: &str = "the server takes no passwords";

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
    checks: Arc<Semaphore>,
    lockout: Arc<Lockout>,
}

/// A login that does not pass: what its client hears, and what is known of it.
pub(crate) struct Refused {
    pub(crate) status: Status,
    pub(crate) user: Option<String>,
    pub(crate) reason: &'static str,
}

impl Gate {
    /// `has_tokens`: users come with tokens of somebody else's, which no login is needed for.
    pub(crate) fn new(users: Option<Users>, has_tokens: bool) -> Self {
        let is_open = users.is_none() && !has_tokens;
        let checks = Arc::new(Semaphore::new(CHECKS_MAX));
        Self { users: users.map(Arc::new), is_open, checks, lockout: Arc::default() }
    }

    /// Lets a login pass that has the right credentials (`authorization: Basic ...`), and says whose it is. Where there are
    /// no users everyone writes.
    ///
    /// # Errors
    /// UNAUTHENTICATED for all others, in the same words; who was wrong too often hears how long he waits.
    pub(crate) async fn pass(&self, login: &MetadataMap, peer: Option<SocketAddr>) -> Result<Owner, Refused> {
        if self.is_open {
            return Ok(Owner::nobody());
        }
        if self.users.is_none() {
            return Err(refused(None, NO_PASSWORDS));
        }
        let (name, password) = credentials(login).ok_or_else(|| refused(None, "no user and password"))?;
        self.check(name, password, peer).await
    }

    /// The same for a user and a password, however they came.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub(crate) async fn check(
        &self,
        name: String,
        password: String,
        peer: Option<SocketAddr>,
    ) -> Result<Owner, Refused> {
        let users = self.users.as_ref().ok_or_else(|| refused(None, NO_PASSWORDS))?;
        let (user, address) = (name.clone(), peer.map(|peer| peer.ip()));
        // Until the outcome is counted few others are checked: many at once are no way around the count.
        let turn = Arc::clone(&self.checks).acquire_owned().await;
        if let Some(wait) = self.lockout.wait(&user, address, Instant::now()) {
            return Err(locked_out(user, wait));
        }
        let (users, lockout) = (Arc::clone(users), Arc::clone(&self.lockout));
        // Nor is going away before the answer: the check goes on, keeps its turn, and is counted.
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let role = users.verify(&name, &password);
            match role {
                Some(_) => lockout.passed(&name),
                None => lockout.failed(&name, address, Instant::now()),
            }
            role
        });
        match check.await.ok().flatten() {
            Some(role) => Ok(Owner { user: Some(user), role }),
            None => Err(refused(Some(user), "no such user, or a wrong password")),
        }
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

fn refused(user: Option<String>, reason: &'static str) -> Refused {
    Refused { status: Status::unauthenticated("user and password are needed, and must be right"), user, reason }
}

fn locked_out(user: String, wait: Duration) -> Refused {
    let seconds = wait.as_secs_f64().ceil();
    let status = Status::unauthenticated(format!(
        "too many wrong logins of this user or from this address: log in again in {seconds} s"
    ));
    Refused { status, user: Some(user), reason: "too many wrong logins before it" }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::role::Role;

    #[tokio::test]
    async fn who_goes_away_before_the_answer_is_counted_all_the_same() {
        let users = Users::parse(&Users::line("ada", "secret", Role::Reader).unwrap()).unwrap();
        let gate = Gate::new(Some(users), false);
        for _ in 0..5 {
            // Begun, and dropped before its answer.
            {
                let mut check = pin!(gate.check("ada".to_owned(), "wrong".to_owned(), None));
                assert!(check.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            let _all = gate.checks.acquire_many(CHECKS_MAX as u32).await.unwrap();
        }
        let locked = gate.check("ada".to_owned(), "secret".to_owned(), None).await.err().unwrap();
        assert!(locked.status.message().contains("too many wrong logins"), "{}", locked.status);
    }
}
