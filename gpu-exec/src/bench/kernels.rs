//! The entry points of the micro-benchmarks: one instantiation each of a body in `kernels/fixed/bench.cu`.

use crate::device::{KernelRequest, SyncMode};
use crate::kernels::BENCH;

/// One kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    pub(super) entry: &'static str,
    /// The parameter struct.
    params: &'static str,
    /// The body's call, of `p`.
    call: &'static str,
    sync: SyncMode,
}

impl Kernel {
    pub(super) fn request(&self) -> KernelRequest {
        let Self { entry, params, call, sync } = *self;
        let source = format!("{BENCH}\nMAAR_KERNEL({entry}, {params}, p) {{ {call}; }}\n");
        KernelRequest { entry: entry.to_owned(), source: source.into(), sync }
    }
}

macro_rules! kernels {
    ($($name:ident: $entry:literal, $params:literal, $call:literal, $sync:ident;)*) => {
        $(pub(super) const $name: Kernel =
            Kernel { entry: $entry, params: $params, call: $call, sync: SyncMode::$sync };)*
        /// All of them.
        pub(super) const ALL: &[Kernel] = &[$($name),*];
    };
}

kernels! {
    COPY: "maar_bench_copy", "CopyParams", "bench_copy(p)", None;
    SUM_I8: "maar_bench_sum_i8", "SumParams", "bench_sum<i8, 1>(p)", None;
    SUM_I16: "maar_bench_sum_i16", "SumParams", "bench_sum<i16, 1>(p)", None;
    SUM_I32: "maar_bench_sum_i32", "SumParams", "bench_sum<i32, 1>(p)", None;
    SUM_I64: "maar_bench_sum_i64", "SumParams", "bench_sum<i64, 1>(p)", None;
    SUM_F64: "maar_bench_sum_f64", "SumParams", "bench_sum<f64, 1>(p)", None;
    SUM_I8_4: "maar_bench_sum_i8_4", "SumParams", "bench_sum<i8, 4>(p)", None;
    SUM_I16_4: "maar_bench_sum_i16_4", "SumParams", "bench_sum<i16, 4>(p)", None;
    SUM_I32_4: "maar_bench_sum_i32_4", "SumParams", "bench_sum<i32, 4>(p)", None;
    GATHER: "maar_bench_gather", "GatherParams", "bench_gather(p)", None;
    ATOMIC_U32: "maar_bench_atomic_u32", "AtomicParams", "bench_atomic<u32>(p)", None;
    ATOMIC_U64: "maar_bench_atomic_u64", "AtomicParams", "bench_atomic<u64>(p)", None;
    ATOMIC_F64: "maar_bench_atomic_f64", "AtomicParams", "bench_atomic<f64>(p)", None;
    SHARED_U32: "maar_bench_shared_u32", "SharedParams", "bench_shared_atomic<u32>(p)", Block;
    SHARED_U64: "maar_bench_shared_u64", "SharedParams", "bench_shared_atomic<u64>(p)", Block;
    GROUPS: "maar_bench_groups", "GroupParams", "bench_groups(p)", None;
    PRIVATE: "maar_bench_private", "PrivateParams", "bench_private(p)", Block;
    EMPTY: "maar_bench_empty", "EmptyParams", "(void)p", None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_points_differ() {
        let mut entries: Vec<_> = ALL.iter().map(|kernel| kernel.entry).collect();
        entries.sort_unstable();
        entries.dedup();
        assert_eq!(entries.len(), ALL.len());
    }
}
