//! What the options of `maar serve` make of a server. What cannot be enforced stops the start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use maar_engine::Places;
use maar_flight_server::{Audit, Jwt, Limits, ServeOptions, Tls, Users};

use super::args::{LimitArgs, ServeArgs};
use crate::error::Failure;

/// # Errors
/// For a file that cannot be read or is not what it should be, and a place that is none.
pub(super) fn options(args: &ServeArgs) -> Result<ServeOptions, Failure> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key).map_err(Failure::other)?),
        _ => None,
    };
    let tls = match (tls, &args.tls_client_ca) {
        (Some(tls), Some(authority)) => Some(tls.for_clients_of(authority).map_err(Failure::other)?),
        (tls, _) => tls,
    };
    let users = args.users.as_deref().map(read_users).transpose()?;
    Ok(ServeOptions {
        limits: limits(&args.limits),
        users,
        jwt: jwt(args)?,
        places: places(&args.allow_path, &args.allow_url)?,
        audit: args.audit_log.as_deref().map(Audit::open).transpose().map_err(Failure::other)?.unwrap_or_default(),
        tls,
        insecure: args.insecure,
        http: args.http,
        postgres: args.postgres,
        drain: Duration::from_secs(args.drain_seconds),
    })
}

/// Statements that set the options which sessions begin with.
///
/// # Errors
/// For what is not NAME=VALUE.
pub(super) fn settings(args: &ServeArgs) -> Result<Vec<String>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(format!("SET {} = '{}'", name.trim(), value.trim().replace('\'', "''")))
        }
        _ => Err(Failure::usage(format!("--set '{text}' is not NAME=VALUE, such as maar.device_memory=8GB"))),
    };
    args.set.iter().map(pair).collect()
}

fn jwt(args: &ServeArgs) -> Result<Option<Jwt>, Failure> {
    let (Some(issuer), Some(audience)) = (&args.jwt_issuer, &args.jwt_audience) else { return Ok(None) };
    let jwt = match (&args.jwt_key, &args.jwt_jwks) {
        (Some(key), _) => Jwt::read(key, issuer, audience),
        (None, Some(set)) => Jwt::read_set(set, issuer, audience),
        (None, None) => return Ok(None),
    };
    jwt.map(Some).map_err(Failure::other)
}

/// What `--allow-path` and `--allow-url` open; `None` where there are none of them.
///
/// # Errors
/// For a place that is none.
pub(crate) fn places(paths: &[PathBuf], urls: &[String]) -> Result<Option<Places>, Failure> {
    if paths.is_empty() && urls.is_empty() {
        return Ok(None);
    }
    let mut places = Places::default();
    for path in paths {
        places = places.allow_path(path).map_err(Failure::other)?;
    }
    for url in urls {
        places = places.allow_url(url).map_err(Failure::other)?;
    }
    Ok(Some(places))
}

fn limits(args: &LimitArgs) -> Limits {
    let usual = Limits::default();
    let seconds = |given: Option<u64>, usual| given.map_or(usual, Duration::from_secs);
    Limits {
        sessions: args.max_sessions.unwrap_or(usual.sessions),
        sessions_per_user: args.max_sessions_per_user.unwrap_or(usual.sessions_per_user),
        idle: seconds(args.idle_timeout, usual.idle),
        running: args.max_running.unwrap_or(usual.running),
        running_per_user: args.max_running_per_user.unwrap_or(usual.running_per_user),
        running_per_session: args.max_running_per_session.unwrap_or(usual.running_per_session),
        queued: args.max_queued.unwrap_or(usual.queued),
        queue_wait: seconds(args.queue_timeout, usual.queue_wait),
        prepared: args.max_prepared.unwrap_or(usual.prepared),
        message_bytes: args.max_message.unwrap_or(usual.message_bytes),
        batch_bytes: args.max_batch.unwrap_or(usual.batch_bytes),
        header_bytes: args.max_headers.unwrap_or(usual.header_bytes),
    }
}

fn read_users(path: &Path) -> Result<Users, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    Users::parse(&text).map_err(|e| Failure::other(format!("'{}': {e}", path.display())))
}
