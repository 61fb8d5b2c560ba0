//! The PostgreSQL wire: psql, psycopg and BI tools over the same sessions, users, roles, limits, queries and audit log as Flight SQL. The
//! protocol (version 3.0) is in files by layer:
//!
//! | File | Has |
//! |---|---|
//! | `listen` | Connections as they come |
//! | `link`, `frontend`, `backend` | Bytes, and the messages of each side |
//! | `startup`, `login`, `keys` | Encryption, parameters, who it is; cancelling from another connection |
//! | `conversation`, `simple`, `extended` | The messages of a session and what each asks for |
//! | `statement`, `outline`, `rows` | A statement: run, named, its rows sent |
//! | `command`, `own`, `settings`, `transaction` | What is PostgreSQL's own and never reaches the engine |
//! | `types`, `value`, `text`, `binary`, `calendar` | Types and values as they are sent |
//! | `parameters`, `decode`, `arrays`, `interval` | Types and values as they come |
//! | `fault`, `sqlstate` | Errors |
//! | `catalog`, `pg_tables`, `functions`, `rewrite`, `reflection` | `pg_catalog`: tables, functions, and the queries that tools ask of them |

mod arrays;
mod backend;
mod binary;
mod calendar;
mod catalog;
mod command;
mod conversation;
mod decode;
mod extended;
mod fault;
mod frontend;
mod functions;
mod interval;
mod keys;
mod link;
mod listen;
mod login;
mod outline;
mod own;
mod parameters;
mod pg_tables;
mod reflection;
mod rewrite;
mod rows;
mod settings;
mod simple;
mod sqlstate;
mod startup;
mod statement;
mod text;
mod transaction;
mod types;
mod value;

pub(crate) use listen::serve;
pub(crate) use startup::ALPN;
