//! Runs a pair everywhere, and compares what comes out.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use maar_engine::{Error, ErrorKind};
use maar_tests::compare::{self, Order};
use maar_tests::session::{Answer, TestSession};

use crate::property::Statements;
use crate::world::{Stand, World};

/// No query over these tables takes as long.
const LONGEST: Duration = Duration::from_secs(120);

/// What a run has done: the canaries look at it.
#[derive(Default)]
pub(crate) struct Runner {
    pub(crate) pairs: AtomicUsize,
    /// Pairs whose answers had rows.
    pub(crate) with_rows: AtomicUsize,
    /// Pairs that failed alike.
    pub(crate) errors: AtomicUsize,
    /// Pairs of which a statement is refused by name.
    pub(crate) unsupported: AtomicUsize,
    pub(crate) pipelines: AtomicUsize,
}

/// Why a pair is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// What kind of difference, and how the message of an error begins.
    kind: (&'static str, String),
    text: String,
}

/// So much of a message says which error it is.
const MESSAGE_CHARACTERS: usize = 48;

impl Difference {
    fn new(kind: &'static str, message: &str, text: String) -> Self {
        Self { kind: (kind, message.chars().take(MESSAGE_CHARACTERS).collect()), text }
    }

    /// Whether both are of one kind: a pair that is made smaller must not end as another fault.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The answer of one statement at one stand.
struct Outcome {
    label: String,
    answer: Result<Answer, Error>,
}

impl Runner {
    /// Counts the pair, and compares its answers.
    pub(crate) async fn check(&self, statements: &Statements, world: &World) -> Result<(), Difference> {
        self.pairs.fetch_add(1, Relaxed);
        let outcomes = outcomes(statements, world).await?;
        let any =
            |test: fn(&Result<Answer, Error>) -> bool| usize::from(outcomes.iter().any(|found| test(&found.answer)));
        self.with_rows.fetch_add(any(|answer| answer.as_ref().is_ok_and(|answer| answer.rows() > 0)), Relaxed);
        self.errors.fetch_add(any(Result::is_err), Relaxed);
        self.unsupported.fetch_add(any(is_unsupported), Relaxed);
        let pipelines: usize = outcomes.iter().flat_map(|found| &found.answer).map(|answer| answer.pipelines).sum();
        self.pipelines.fetch_add(pipelines, Relaxed);
        agree(&outcomes)
    }

    /// Compares, and counts nothing.
    pub(crate) async fn compare(&self, statements: &Statements, world: &World) -> Result<(), Difference> {
        agree(&outcomes(statements, world).await?)
    }
}

async fn outcomes(statements: &Statements, world: &World) -> Result<Vec<Outcome>, Difference> {
    let mut outcomes = Vec::new();
    for (stand, session) in &world.sessions {
        let (place, sides) = match stand {
            Stand::Files(place) => (place.name(), vec![("first", &statements.left), ("second", &statements.right)]),
            Stand::Memory => ("memory", vec![("first", &statements.left)]),
        };
        if let Some(setup) = &statements.setup {
            let answer = timed(session, setup).await?;
            if answer.is_err() {
                return Ok(vec![Outcome { label: format!("the table of literals, {place}"), answer }]);
            }
        }
        for (side, sql) in sides {
            let answer = timed(session, sql).await?;
            outcomes.push(Outcome { label: format!("the {side}, {place}"), answer });
        }
    }
    Ok(outcomes)
}

async fn timed(session: &TestSession, sql: &str) -> Result<Result<Answer, Error>, Difference> {
    tokio::time::timeout(LONGEST, session.attempt(sql))
        .await
        .map_err(|_| Difference::new("time", "", format!("takes more than {LONGEST:?}: {sql}")))
}

fn is_unsupported(answer: &Result<Answer, Error>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unsupported)
}

fn agree(outcomes: &[Outcome]) -> Result<(), Difference> {
    for Outcome { label, answer } in outcomes {
        if let Err(error) = answer
            && error.kind() == ErrorKind::Internal
        {
            return Err(Difference::new("internal", error.message(), format!("{label}: {error}")));
        }
    }
    if outcomes.iter().any(|found| is_unsupported(&found.answer)) {
        return Ok(());
    }
    let Some((first, others)) = outcomes.split_first() else { return Ok(()) };
    for other in others {
        let labels = format!("{} (above) against {} (below)", first.label, other.label);
        match (&first.answer, &other.answer) {
            (Ok(left), Ok(right)) => compare::same(left, right, Order::None)
                .map_err(|error| Difference::new("rows", "", format!("{labels}: {error}")))?,
            // Which of several failing rows is named may differ.
            (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => {
                return Err(Difference::new("error", error.message(), format!("{labels}: only one fails: {error}")));
            }
        }
    }
    Ok(())
}
