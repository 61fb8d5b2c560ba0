//! Maar's device half: a host plan goes in, generated CUDA pipelines run, Arrow comes out.
//!
//! The rooms, from the top; each imports only those below it:
//! `planner` places host subtrees, `exec` runs them, `strategy` cuts them into pipelines and chooses algorithms,
//! `operators` drive one pipeline each, `scan` loads files into columns, `codegen` writes device text,
//! `ir` is the plain data they share, `kernels` the hand-written device code, `column` device data,
//! `device` memory and launches.

pub mod codegen;
pub mod column;
pub mod device;
pub mod error;
pub mod ir;
pub mod kernels;
pub mod operators;
pub mod scan;
pub mod strategy;
