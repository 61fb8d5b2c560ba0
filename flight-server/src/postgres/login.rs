//! Who a connection is: a user with a password, or a token in its place, where the server has users; everyone where it has none. Passwords
//! travel as they are, so only where nobody else can read them. Of hashes by argon2id nothing else can be asked (SCRAM has its own).

use std::net::SocketAddr;
use std::time::SystemTime;

use tonic::{Code, Status};

use super::catalog;
use super::fault::{Fault, Place};
use super::frontend::{Body, broken};
use super::keys::Key;
use super::link::Link;
use super::listen::Listener;
use super::own;
use super::settings::Settings;
use super::statement::Stop;
use crate::jwt::Jwt;
use crate::role::Role;
use crate::session::{InUse, Owner};
use crate::sessions::Way;

/// Bytes of a message with a password, which may be a token.
const PASSWORD_BYTES_MAX: usize = 32 << 10;

/// The parameter of a connection that asks for a lesser role, as the header of the same name does elsewhere.
const ROLE: &str = "maar.role";

/// Names of databases that connect besides the catalog's: what clients say that were told none.
const DATABASES: &[&str] = &["postgres", "maar"];

/// A connection that has a session.
pub(super) struct LoggedIn {
    pub(super) session: InUse,
    pub(super) key: Key,
    pub(super) settings: Settings,
    pub(super) peer: SocketAddr,
    /// When the token that opened it does not hold any more.
    pub(super) expires: Option<SystemTime>,
}

/// What a client said of itself.
struct Said {
    user: String,
    database: Option<String>,
    role: Option<String>,
    settings: Vec<(String, String)>,
}

/// Opens a session for who may have one, and tells the client that it has; `None` once it was told why not.
pub(super) async fn log_in(
    listener: &Listener,
    link: &mut Link,
    parameters: Vec<(String, String)>,
    (peer, is_encrypted): (SocketAddr, bool),
) -> Option<LoggedIn> {
    let user = parameters.iter().find(|(name, _)| name == "user").map(|(_, user)| user.clone());
    match opened(listener, link, parameters, (peer, is_encrypted)).await {
        Ok(logged_in) => link.flush().await.is_ok().then_some(logged_in),
        Err(Stop::Gone) => None,
        Err(stop) => {
            if let Stop::Fault(fault) = stop.at(&Place::default()) {
                let sessions = &listener.door.sessions;
                sessions.refused(user.as_deref(), Some(peer), &fault.message);
                link.out.fault(&fault.and_ends());
                let _ = link.flush().await;
            }
            None
        }
    }
}

async fn opened(
    listener: &Listener,
    link: &mut Link,
    parameters: Vec<(String, String)>,
    (peer, is_encrypted): (SocketAddr, bool),
) -> Result<LoggedIn, Stop> {
    let said = said(parameters)?;
    let (owner, expires) = owner(listener, link, &said.user, (peer, is_encrypted)).await?;
    let role = match &said.role {
        Some(role) => role.parse::<Role>().map_err(|e| Fault::error("22023", e.to_string()))?.min(owner.role),
        None => owner.role,
    };
    let owner = Owner { role, ..owner };
    let session = open(listener, owner, peer)?;
    check_database(&session, &said)?;
    let mut settings = Settings::new(&said.user, role == Role::Admin);
    for (name, value) in &said.settings {
        own::begin_with(&session, &mut settings, name, value).await?;
    }
    settings.begins();
    let key = listener.keys.issue()?;
    link.out.authentication_ok();
    settings.reported().for_each(|(name, value)| link.out.parameter_status(name, value));
    link.out.key(key.process, key.secret);
    link.out.ready(super::backend::Ready::Idle);
    Ok(LoggedIn { session, key, settings, peer, expires })
}

/// A session of this protocol.
///
/// # Errors
/// When there are too many.
pub(super) fn open(listener: &Listener, owner: Owner, peer: SocketAddr) -> Result<InUse, Stop> {
    listener.door.common.check_open()?;
    let user = owner.user.clone();
    let session = listener.door.sessions.open(owner, Way::Postgres, Some(peer));
    let too_many = |status: Status| match status.code() {
        Code::ResourceExhausted => Stop::Fault(Fault::error("53300", status.message())),
        _ => Stop::Status(status),
    };
    let session = InUse::new(session.map_err(too_many)?, Some(peer));
    catalog::install(&session.engine, user.as_deref())?;
    Ok(session)
}

fn said(parameters: Vec<(String, String)>) -> Result<Said, Fault> {
    let (mut user, mut database, mut role, mut settings) = (None, None, None, Vec::new());
    for (name, value) in parameters {
        match name.as_str() {
            "user" => user = Some(value),
            "database" => database = Some(value).filter(|name| !name.is_empty()),
            "replication" if !matches!(value.as_str(), "false" | "off" | "no" | "0") => {
                return Err(Fault::fatal("0A000", "there is no replication here"));
            }
            "replication" => {}
            "options" => settings.extend(options(&value)?),
            _ => settings.push((name, value)),
        }
    }
    settings.retain(|(name, value)| {
        let is_role = name == ROLE;
        if is_role {
            role = Some(value.clone());
        }
        !is_role
    });
    let user = user.filter(|name| !name.is_empty()).ok_or_else(|| Fault::fatal("28000", "the client says no user"))?;
    Ok(Said { user, database, role, settings })
}

/// `-c name=value`, `--name=value`; a backslash keeps a blank.
fn options(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let (mut words, mut word, mut characters) = (Vec::new(), String::new(), text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            blank if blank.is_whitespace() => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let pair = match word.strip_prefix("--") {
            Some(pair) => Some(pair.to_owned()),
            None if word == "-c" => words.next(),
            None => word.strip_prefix("-c").map(str::to_owned),
        };
        let pair = pair.as_ref().and_then(|pair| pair.split_once('='));
        let (name, value) = pair.ok_or_else(|| {
            Fault::error("22023", format!("the options of the connection have '{word}': they are -c NAME=VALUE"))
        })?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Whose the connection is, and until when.
async fn owner(
    listener: &Listener,
    link: &mut Link,
    user: &str,
    (peer, is_encrypted): (SocketAddr, bool),
) -> Result<(Owner, Option<SystemTime>), Stop> {
    if listener.tls.is_some() && !is_encrypted {
        let hint = "connect with sslmode=require, or sslmode=verify-full and sslrootcert=FILE";
        return Err(Fault::fatal("28000", "this server answers nothing that is not encrypted").with_hint(hint).into());
    }
    if !listener.door.common.has_users {
        return Ok((Owner::nobody(), None));
    }
    if !is_encrypted && !peer.ip().to_canonical().is_loopback() {
        let message = "passwords are taken over TLS, or from this machine: nothing encrypts what comes from yours";
        let hint =
            "have the server started with a certificate (--tls-cert, --tls-key), or connect through an SSH tunnel";
        return Err(Fault::fatal("28000", message).with_hint(hint).into());
    }
    link.out.authentication_password();
    link.flush().await?;
    let password = match link.message(PASSWORD_BYTES_MAX).await? {
        (b'p', body) => Body(body).string()?,
        _ => return Err(broken().into()),
    };
    let wrong = |status: Status| Stop::Fault(Fault::fatal("28P01", status.message()));
    if Jwt::begins_as_one(&password)
        && let Some((owner, expires)) = listener.door.sessions.owner_of(&password).map_err(wrong)?
    {
        return match owner.user.as_deref() == Some(user) {
            true => Ok((owner, Some(expires))),
            false => Err(Fault::fatal("28P01", "the token is another user's").into()),
        };
    }
    let checked = listener.door.gate.check(user.to_owned(), password, Some(peer)).await;
    Ok((checked.map_err(|refused| wrong(refused.status))?, None))
}

/// # Errors
/// For another database than there is: the one catalog that names without one mean.
fn check_database(session: &InUse, said: &Said) -> Result<(), Fault> {
    let catalog = catalog::name(&session.engine);
    match said.database.as_deref() {
        None => Ok(()),
        Some(name) if name == catalog || name == said.user || DATABASES.contains(&name) => Ok(()),
        Some(name) => Err(Fault::fatal("3D000", format!("there is no database '{name}': there is {catalog}"))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let all = options("-c statement_timeout=5s --search-path=a -cx=b\\ c").unwrap();
        assert_eq!(all, [pair("statement_timeout", "5s"), pair("search_path", "a"), pair("x", "b c")]);
        assert_eq!(options("-d 5").unwrap_err().code, "22023");
    }
}
