//! Device code keeps to the subset that runs on both devices; the `m_*` layer is the only door to either.
//!
//! Looks at the `.cuh` and `.cu` files of `gpu-exec/src/kernels`, except the two that make the layer.

use super::Breach;
use super::source::File;
use super::tokens::{find_word, line_of};

const SOURCE: &str = "gpu-exec/src/kernels/";
/// These define the layer for CUDA and for the host.
const LAYER: &[&str] = &["prelude.cuh", "shim.h", "shim.cuh", "shim.cpp"];

/// What device code must not say, and what it says instead.
const SUBSET: &[(&str, &str)] = &[
    ("__shared__", "use the one dynamic buffer: m_smem() and offsets computed on the host"),
    ("threadIdx", "use m_tid()"),
    ("blockIdx", "use m_bid()"),
    ("blockDim", "use m_bdim()"),
    ("gridDim", "use m_gdim()"),
    ("__syncthreads", "use m_block_sync()"),
    ("__syncwarp", "use m_warp_sync()"),
    ("__activemask", "warp operations take the full mask in warp-uniform control flow"),
    ("__match_any_sync", "it has no twin on the host: use m_ballot or m_shfl"),
    ("__shfl_sync", "use m_shfl"),
    ("__shfl_up_sync", "use m_shfl_up"),
    ("__shfl_down_sync", "use m_shfl_down"),
    ("__shfl_xor_sync", "use m_shfl_xor"),
    ("__ballot_sync", "use m_ballot"),
    ("__threadfence", "use m_fence()"),
    ("__ldg", "use m_ldg"),
    ("atomicAdd", "use m_atomic_add"),
    ("atomicCAS", "use m_atomic_cas"),
    ("atomicMin", "use m_atomic_min"),
    ("atomicMax", "use m_atomic_max"),
    ("atomicOr", "use m_atomic_or"),
    ("atomicExch", "use m_atomic_exch"),
    ("asm", "inline assembly belongs to the prelude"),
    ("printf", "set a bit of the error word"),
    ("__trap", "set a bit of the error word: a trap loses the context"),
    ("assert", "set a bit of the error word"),
    ("new", "no allocation in kernels: the host reserves"),
    ("malloc", "no allocation in kernels: the host reserves"),
    ("std::", "no standard library on the device: own types in the prelude"),
    ("virtual", "no virtual calls on the device"),
    ("throw", "set a bit of the error word"),
    ("unsigned", "use u8, u16, u32, u64"),
    ("short", "use i16 or u16"),
    ("long", "use i64 or u64: `long` has no fixed width"),
    ("float", "use f32"),
    ("double", "use f64"),
];

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let is_kernel = |file: &&File| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        file.path.starts_with(SOURCE) && file.is_device() && !LAYER.contains(&name)
    };
    files.iter().filter(is_kernel).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (word, remedy) in SUBSET {
        for at in find_word(&file.code, word) {
            let remedy = format!("`{word}` is outside the device subset: {remedy}");
            breaches.push(Breach::new(&file.path, line_of(&file.code, at), remedy));
        }
    }
    for (index, line) in file.code.lines().enumerate() {
        if line.trim_start().starts_with("#include") {
            let remedy =
                "kernels include nothing: the header is put together by kernels/mod.rs in the order of its table";
            breaches.push(Breach::new(&file.path, index + 1, remedy));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subset_is_kept() {
        let text = "// A scan; never __shared__.\n#include <cstdint>\n__shared__ u32 x[32];\nu32 t = threadIdx.x;\nu64 renewed;\n";
        let found = check(&[File::new("gpu-exec/src/kernels/scan.cuh", text)]);
        let lines: Vec<usize> = found.iter().map(|breach| breach.line).collect();
        assert_eq!(lines, [3, 4, 2], "{found:?}");
    }

    #[test]
    fn the_layer_may_do_what_it_is_for() {
        assert!(check(&[File::new("gpu-exec/src/kernels/prelude.cuh", "threadIdx.x")]).is_empty());
        assert!(check(&[File::new("other/scan.cuh", "threadIdx.x")]).is_empty());
    }
}
