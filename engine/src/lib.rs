//! Maar's engine: SQL in, an Arrow stream and a report of what ran where out.
//!
//! [`Session`] is the entry point; [`install`] gives an existing DataFusion session the same abilities.
//! The engine plans with DataFusion, makes arithmetic exact, and hands the plan to `maar-gpu-exec` for
//! placement. It knows no CUDA and no network protocol.

mod catalogs;
mod corrections;
mod depth;
pub mod device;
mod dialect;
pub mod error;
mod exact;
mod explain;
mod files;
mod functions;
mod idle_rules;
mod install;
mod lake;
mod memory;
mod options;
mod parameters;
mod placeholders;
mod plan_cache;
mod query;
mod redacted;
mod result;
mod runtime;
mod script;
mod secrets;
mod session;
mod stack;
mod suggest;
mod temporary;
mod unseen;
mod usage;
mod watch;

pub use device::{CacheUsage, Devices, OperatorPlacement, Placement, QueryReport, discover as devices};
pub use error::{Error, ErrorKind, Position, Result};
pub use files::Places;
pub use install::install;
pub use maar_stores::OpenStore;
pub use options::is_of_the_process;
pub use parameters::Parameters;
pub use query::{Query, QueryKind};
pub use redacted::{is_secret, redacted};
pub use result::QueryResult;
pub use runtime::runtime;
pub use script::{Script, Statement, split};
pub use session::{ClientRights, Session, SessionBuilder};
pub use usage::{DeviceUsage, Usage};
pub use watch::Watch;

/// The DataFusion this engine extends, for embedders who need its types in the same version.
pub use datafusion;
