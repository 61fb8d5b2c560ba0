//! The limits of a server: what it takes of clients, keeps for them and runs at once. What is over a limit is refused with words that
//! name it; the limits are enforced where they belong (`sessions`, `queries`, `handles`, `messages_in`).

use std::time::Duration;

/// The limits; the default has some for all.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions at once. Default 256.
    pub sessions: usize,
    /// Those of one user, where there are users. Default 64.
    pub sessions_per_user: usize,
    /// How long a session with a token is kept that nobody uses. Default an hour.
    pub idle: Duration,
    /// Statements that run at once. Default 64.
    pub running: usize,
    /// Those of one user, where there are users. Default 32.
    pub running_per_user: usize,
    /// Those of one session. Default 32.
    pub running_per_session: usize,
    /// Statements that wait to run. Default 200.
    pub queued: usize,
    /// How long a statement waits to run. Default 5 minutes.
    pub queue_wait: Duration,
    /// Prepared statements of a session. Default 256.
    pub prepared: usize,
    /// Bytes of a message, but those of rows that a client sends. Default 16 MiB.
    pub message_bytes: usize,
    /// Bytes of a batch of rows that a client sends, in one message. Default 512 MiB.
    pub batch_bytes: usize,
    /// Bytes of the headers of a call. Default 64 KiB: JDBC sends every unknown parameter of its URL as one.
    pub header_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 256,
            sessions_per_user: 64,
            idle: Duration::from_secs(60 * 60),
            running: 64,
            running_per_user: 32,
            running_per_session: 32,
            queued: 200,
            queue_wait: Duration::from_secs(5 * 60),
            prepared: 256,
            message_bytes: 16 << 20,
            batch_bytes: 512 << 20,
            header_bytes: 64 << 10,
        }
    }
}
