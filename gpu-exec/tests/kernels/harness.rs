//! What the checks share besides [`harness`](maar_gpu_exec::device::selftest::harness): sizes, seeds, numbers at the edges.

use std::error::Error;
use std::sync::OnceLock;

pub(crate) use maar_gpu_exec::device::selftest::harness::{Bench, Kernel, Number, ensure, same, shape};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;
pub(crate) type CheckResult = Result<()>;

/// Rows at which blocks, warps and tiles begin and end.
pub(crate) const SIZES: [usize; 12] = [0, 1, 31, 32, 33, 255, 257, 2047, 2048, 2049, 3 * 2048, 10_007];
/// Seeds of the data.
pub(crate) const SEEDS: [u64; 3] = [1, 2, 20_261_122];

pub(crate) fn random(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// Integers where carries, signs and widths change, with their neighbours.
pub(crate) fn edges() -> &'static [i128] {
    static EDGES: OnceLock<Vec<i128>> = OnceLock::new();
    EDGES.get_or_init(make_edges)
}

fn make_edges() -> Vec<i128> {
    let mut values = vec![0, i128::MIN, i128::MAX, i128::MIN + 1, i128::MAX - 1];
    let powers_of_two = [7, 8, 15, 16, 31, 32, 62, 63, 64, 65, 95, 96, 126].map(|bits| 1_i128 << bits);
    let powers_of_ten = [1, 2, 9, 10, 18, 19, 37, 38].map(|digits| 10_i128.pow(digits));
    for power in powers_of_two.into_iter().chain(powers_of_ten) {
        for near in [power - 1, power, power + 1] {
            values.extend([near, -near]);
        }
    }
    values
}

/// An integer of any magnitude: as likely of 3 bits as of 127.
pub(crate) fn any_integer(random: &mut SmallRng) -> i128 {
    random.random::<i128>() >> random.random_range(0..128)
}
