//! Stores behind URLs: `s3://`, `gs://`, `az://`, `abfss://`, `https://`, `hdfs://` and their kin, opened when a URL is first named, with the
//! credentials that belong to it.
//!
//! [`Stores`] holds the secrets and opens stores; a store asks for each path which secret is its own, so that a secret that
//! comes, changes or goes is seen by the next request. Credentials come from what a table says of itself, else from the secret
//! with the longest scope, else from the environment; without any, requests are not signed. They are never mixed, and never
//! shown. No request goes to a cloud's metadata service: no address of that kind is ever connected to, unless it is named.
//!
//! Not here: SQL, which paths there are, and which of them a client may name (`maar-engine`).

pub mod addresses;
mod bucket;
mod build;
mod connect;
mod error;
mod hdfs;
mod kind;
mod part;
mod reach;
mod secret;
mod stores;
mod tries;

pub use error::{Error, Result};
pub use hdfs::HdfsFailure;
pub use kind::Kind;
pub use secret::{Secret, is_option};
pub use stores::{OpenStore, Stores};
