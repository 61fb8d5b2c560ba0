//! Maar's device half: a host plan goes in, generated CUDA pipelines run, Arrow comes out.
//!
//! The rooms, from the top; each imports only those below it: `exec` is the device in a host plan and what runs it,
//! `planner` places host subtrees, `strategy` cuts them into pipelines and chooses algorithms, `operators` drive one
//! pipeline each, `scan` loads files into columns, `codegen` writes device source, `column` is device data, `ir` the plain
//! data they share, `device` memory and launches, `kernels` the hand-written device code. Beside them, seen by none,
//! `bench` measures what the device can do. `error`, `options`, `panics`, `report` and `trace` are for all.

pub mod bench;
pub mod codegen;
pub mod column;
pub mod device;
pub mod error;
pub mod exec;
pub mod ir;
pub mod kernels;
pub mod operators;
pub mod options;
pub mod panics;
pub mod planner;
pub mod report;
pub mod scan;
pub mod strategy;
pub mod trace;

#[cfg(test)]
#[path = "../../tests/src/skip.rs"]
mod skip;
