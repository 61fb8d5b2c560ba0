//! Answers about the server and its catalog: what exists, what is supported. Names and types are the protocol's.

pub(crate) mod catalog;
pub(crate) mod keys;
pub(crate) mod sql_info;
