//! What a user may do: the one place that decides it, by the plan of a statement, whichever call it came with.

use std::fmt;
use std::str::FromStr;

use maar_engine::datafusion::common::tree_node::TreeNodeRecursion;
use maar_engine::datafusion::logical_expr::{LogicalPlan, WriteOp};
use tonic::Status;
use tonic::metadata::MetadataMap;

/// The role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Queries, and sets the options of sessions.
    Reader,
    /// Also changes rows, tables and files.
    Writer,
    /// Also does what concerns the server: its options, all files, everyone's queries.
    Admin,
}

/// Every role with its name.
const ROLES: &[(Role, &str)] = &[(Role::Reader, "reader"), (Role::Writer, "writer"), (Role::Admin, "admin")];

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no role: roles are reader (queries only), writer (also changes) and admin (also the server itself)")]
pub struct UnknownRole(String);

impl Role {
    /// The header of a login that asks for a role.
    pub const HEADER: &str = "maar-role";

    /// The role of a session that asks for one in its login: never more than the user has.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a word that is no role.
    pub(crate) fn lowered(self, login: &MetadataMap) -> Result<Self, Status> {
        let Some(asked) = login.get(Self::HEADER) else { return Ok(self) };
        let asked = asked.to_str().unwrap_or_default().parse::<Self>();
        asked.map(|asked| asked.min(self)).map_err(|unknown| Status::invalid_argument(unknown.to_string()))
    }

    /// Why the role may not do what `plan` does, if so: a change anywhere in it counts, under PREPARE and EXPLAIN too.
    pub fn refuses(self, plan: &LogicalPlan) -> Option<String> {
        let mut change = None;
        let found = plan.apply_with_subqueries(|node| {
            change = changes(node);
            Ok(if change.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        // What cannot be looked through is not let through.
        let change = if found.is_err() { Some("what cannot be told") } else { change };
        change.and_then(|change| self.refuses_change(change))
    }

    fn refuses_change(self, change: &str) -> Option<String> {
        match self {
            Self::Writer | Self::Admin => None,
            Self::Reader => Some(format!(
                "{change} is for users with the role writer; this user is a reader, who may query and set options of the session"
            )),
        }
    }

    /// # Errors
    /// PERMISSION_DENIED when `plan` does what the role may not.
    pub(crate) fn check(self, plan: &LogicalPlan) -> Result<(), Status> {
        self.refuses(plan).map_or(Ok(()), |why| Err(Status::permission_denied(why)))
    }

    /// # Errors
    /// PERMISSION_DENIED for who may change nothing.
    pub(crate) fn check_change(self, change: &str) -> Result<(), Status> {
        self.refuses_change(change).map_or(Ok(()), |why| Err(Status::permission_denied(why)))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ROLES.iter().find(|(role, _)| role == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let known = ROLES.iter().find(|(_, name)| *name == text);
        known.map(|(role, _)| *role).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// What a node of a plan changes, in words of SQL.
fn changes(node: &LogicalPlan) -> Option<&'static str> {
    match node {
        LogicalPlan::Ddl(_) => Some("making and dropping tables, views and the like"),
        LogicalPlan::Copy(_) => Some("COPY"),
        LogicalPlan::Dml(change) => Some(match &change.op {
            WriteOp::Insert(_) | WriteOp::Ctas => "INSERT",
            WriteOp::Delete => "DELETE",
            WriteOp::Update => "UPDATE",
            WriteOp::Truncate => "TRUNCATE",
            WriteOp::MergeInto(_) => "MERGE",
            _ => "a change",
        }),
        _ => None,
    }
}
