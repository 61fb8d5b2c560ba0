//! BEGIN, COMMIT and ROLLBACK of an engine without transactions: every statement stands for itself and is done when it is done. Drivers
//! begin one by themselves, so the words are taken; what they cannot mean here is an error, never passed over: a ROLLBACK behind a change.

use super::backend::Ready;
use super::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    Open,
    Failed,
}

/// Where a session is between BEGIN and the end.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    state: State,
    has_changed: bool,
    is_read_only: bool,
    /// What transactions begin as.
    reads_only: bool,
}

/// What a word did: its tag, and what is to be known besides.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) tag: &'static str,
    pub(super) warning: Option<Fault>,
}

impl Done {
    fn new(tag: &'static str) -> Self {
        Self { tag, warning: None }
    }

    fn but(tag: &'static str, code: &'static str, message: &str) -> Self {
        Self { tag, warning: Some(Fault::warning(code, message)) }
    }
}

impl Transaction {
    pub(super) fn ready(&self) -> Ready {
        match self.state {
            State::Idle => Ready::Idle,
            State::Open => Ready::InTransaction,
            State::Failed => Ready::FailedTransaction,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether nothing may be changed.
    pub(super) fn is_read_only(&self) -> bool {
        if self.is_idle() { self.reads_only } else { self.is_read_only }
    }

    pub(super) fn reads_only(&self) -> bool {
        self.reads_only
    }

    /// Sets it for the transaction, or for those to come.
    pub(super) fn set_read_only(&mut self, is_so: bool, is_of_the_session: bool) {
        match is_of_the_session {
            true => self.reads_only = is_so,
            false => self.is_read_only = is_so,
        }
    }

    /// A statement was run that changes something.
    pub(super) fn changed(&mut self) {
        self.has_changed |= !self.is_idle();
    }

    /// A statement failed.
    pub(super) fn fail(&mut self) {
        if self.state == State::Open {
            self.state = State::Failed;
        }
    }

    /// # Errors
    /// Where a statement before has failed: clients count on nothing being done until the end.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.state {
            State::Failed => {
                Err(Fault::error("25P02", "a statement of the transaction has failed; nothing is done until its end")
                    .with_hint("ROLLBACK ends it"))
            }
            State::Idle | State::Open => Ok(()),
        }
    }

    pub(super) fn begin(&mut self, read_only: Option<bool>) -> Done {
        if !self.is_idle() {
            return Done::but("BEGIN", "25001", "a transaction is open already");
        }
        let is_read_only = read_only.unwrap_or(self.reads_only);
        *self = Self { state: State::Open, has_changed: false, is_read_only, ..*self };
        Done::new("BEGIN")
    }

    /// # Errors
    /// Where a statement has failed behind a change: COMMIT means to undo that one then.
    pub(super) fn commit(&mut self) -> Result<Done, Fault> {
        match self.state {
            State::Idle => Ok(Done::but("COMMIT", "25P01", "no transaction is open")),
            State::Open => {
                self.end();
                Ok(Done::new("COMMIT"))
            }
            State::Failed => self.roll_back(),
        }
    }

    /// # Errors
    /// Behind a change, which stands. The transaction is over all the same.
    pub(super) fn roll_back(&mut self) -> Result<Done, Fault> {
        if self.is_idle() {
            return Ok(Done::but("ROLLBACK", "25P01", "no transaction is open"));
        }
        let has_changed = self.has_changed;
        self.end();
        match has_changed {
            false => Ok(Done::new("ROLLBACK")),
            true => Err(Fault::error("0A000", "what was changed since BEGIN stands: there are no transactions that could undo it")
                .with_hint("statements stand for themselves here; connect with autocommit, so that nothing is believed to wait for COMMIT")),
        }
    }

    fn end(&mut self) {
        *self = Self { reads_only: self.reads_only, ..Self::default() };
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_not_rolled_back_in_silence() {
        let mut transaction = Transaction::default();
        assert_eq!(transaction.commit().unwrap().warning.unwrap().code, "25P01");
        transaction.changed();
        transaction.begin(None);
        assert_eq!(transaction.roll_back().unwrap().tag, "ROLLBACK");
        transaction.begin(None);
        transaction.changed();
        assert_eq!(transaction.commit().unwrap().tag, "COMMIT");
        transaction.begin(None);
        transaction.changed();
        assert_eq!(transaction.roll_back().unwrap_err().code, "0A000");
        assert!(transaction.is_idle());
        transaction.begin(None);
        transaction.fail();
        assert_eq!(transaction.check().unwrap_err().code, "25P02");
        assert_eq!(transaction.commit().unwrap().tag, "ROLLBACK");
        transaction.check().unwrap();
    }
}
