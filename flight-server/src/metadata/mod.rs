//! Answers about the server and its catalog: what exists, what is supported. Names and types are the protocol's.

pub(crate) mod catalog;
pub(crate) mod keys;
pub(crate) mod sql_info;
pub(crate) mod types;
mod words;

use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use tonic::Status;

use crate::role::Role;

/// What does not change while the server runs.
pub(crate) struct Facts {
    for_readers: SqlInfoData,
    for_writers: SqlInfoData,
    pub(crate) types: XdbcTypeInfoData,
}

impl Facts {
    pub(crate) fn new() -> Result<Self, Status> {
        let (for_readers, for_writers) = (sql_info::values(Role::Reader)?, sql_info::values(Role::Writer)?);
        Ok(Self { for_readers, for_writers, types: types::all()? })
    }

    /// The answers to GetSqlInfo.
    pub(crate) fn sql_info(&self, role: Role) -> &SqlInfoData {
        match role {
            Role::Reader => &self.for_readers,
            Role::Writer | Role::Admin => &self.for_writers,
        }
    }
}
