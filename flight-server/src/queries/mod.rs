//! The queries of a server, whoever's they are: what is known of each (`query`), all of them (`registry`), how many run at once
//! (`admission`), how far one has come (`progress`), what the engine says of it (`details`), and what of its plan may be shown
//! (`plan_text`). Not here: how they are planned and run (`statements`), and what of a statement may be shown
//! (`maar_engine::redacted`).

mod admission;
mod details;
mod plan_text;
mod progress;
mod query;
mod registry;

pub(crate) use admission::{Admission, Place};
pub(crate) use query::{Progress, Query, STATES, State, Watched, cancelled};
pub(crate) use registry::{PHASES, Registry, SECONDS};
