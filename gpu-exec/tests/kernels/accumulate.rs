//! `accumulate.cuh`, states in registers: every kind merged over a block and published, from blocks of all shapes.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;
use rand::rngs::SmallRng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, SIZES, any_integer, edges, ensure, random, same, shape};

/// What is accumulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SumI64,
    SumI128,
    MinI64,
    MaxI64,
    MinI128,
    MaxI128,
}

impl Kind {
    /// The state of no row.
    pub(crate) fn identity(self) -> i128 {
        match self {
            Kind::SumI64 | Kind::SumI128 => 0,
            Kind::MinI64 => i128::from(i64::MAX),
            Kind::MaxI64 => i128::from(i64::MIN),
            Kind::MinI128 => i128::MAX,
            Kind::MaxI128 => i128::MIN,
        }
    }

    pub(crate) fn merge(self, a: i128, b: i128) -> i128 {
        match self {
            Kind::SumI64 => i128::from((a as i64).wrapping_add(b as i64)),
            Kind::SumI128 => a.wrapping_add(b),
            Kind::MinI64 | Kind::MinI128 => a.min(b),
            Kind::MaxI64 | Kind::MaxI128 => a.max(b),
        }
    }

    /// The words of a state in global memory.
    pub(crate) fn words(self, state: i128) -> Vec<u64> {
        match self {
            Kind::SumI128 => vec![state as u64, (state >> 64) as u64],
            // The last word is a lock, which nobody has any more.
            Kind::MinI128 | Kind::MaxI128 => vec![state as u64, (state >> 64) as u64, 0],
            _ => vec![state as u64],
        }
    }

    /// A value to accumulate: of any magnitude the kind takes, at the edges more often than not.
    pub(crate) fn draw(self, random: &mut SmallRng) -> i128 {
        let edges = edges();
        let any = match random.random_bool(0.5) {
            true => edges[random.random_range(0..edges.len())],
            false => any_integer(random),
        };
        if self.is_wide() { any } else { i128::from(any as i64) }
    }

    /// Whether its values have 128 bits.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Kind::SumI128 | Kind::MinI128 | Kind::MaxI128)
    }
}

/// Values that make 64-bit words carry: all ones below, ones and minus ones, the far ends.
pub(crate) fn carrying(rows: usize) -> Vec<Vec<i128>> {
    let alternating = |a: i128, b: i128| (0..rows).map(|row| if row % 2 == 0 { a } else { b }).collect();
    vec![
        vec![-1; rows],
        vec![i128::from(u64::MAX); rows],
        vec![-i128::from(u64::MAX); rows],
        vec![1 << 63; rows],
        alternating(1 << 64, -1),
        alternating(-(1 << 64), 1),
        alternating(i128::MAX, i128::MIN),
    ]
}

macro_rules! publish {
    ($entry:literal, $kind:literal, $values:literal) => {
        Kernel {
            entry: $entry,
            sync: SyncMode::Block,
            source: concat!(
                "struct Params { const ",
                $values,
                "* values; u64 rows; u64* out; };\n",
                "MAAR_KERNEL(",
                $entry,
                ", Params, p) {\n",
                "  ",
                $kind,
                "::State a = ",
                $kind,
                "::identity();\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step)\n",
                "    a = ",
                $kind,
                "::merge(a, p.values[row]);\n",
                "  block_publish<",
                $kind,
                ">(a, p.out, m_smem());\n",
                "}\n"
            ),
        }
    };
}

const INTEGERS: [(Kind, Kernel); 6] = [
    (Kind::SumI64, publish!("check_publish_sum64", "SumI64", "i64")),
    (Kind::SumI128, publish!("check_publish_sum128", "SumI128", "i128")),
    (Kind::MinI64, publish!("check_publish_min", "MinI64", "i64")),
    (Kind::MaxI64, publish!("check_publish_max", "MaxI64", "i64")),
    (Kind::MinI128, publish!("check_publish_min128", "MinI128", "i128")),
    (Kind::MaxI128, publish!("check_publish_max128", "MaxI128", "i128")),
];
const FLOATS: Kernel = publish!("check_publish_float", "SumF64", "f64");

/// Bytes `block_publish` asks for: 32 states of 16.
const SHARED_BYTES: u32 = 512;

pub(crate) fn kinds(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (kind, kernel) in &INTEGERS {
        for rows in SIZES {
            let drawn = |seed: u64| {
                let mut random = random(seed + rows as u64);
                (0..rows).map(|_| kind.draw(&mut random)).collect::<Vec<i128>>()
            };
            let mut sets: Vec<Vec<i128>> = SEEDS.map(drawn).to_vec();
            sets.extend(if *kind == Kind::SumI128 { carrying(rows) } else { vec![] });
            for (set, values) in sets.iter().enumerate() {
                for (blocks, threads) in [(1, 32), (1, 256), (3, 64)] {
                    let what = format!("{kind:?} of {rows} rows, set {set}, {blocks} blocks of {threads}");
                    integers(&bench, *kind, kernel, values, (blocks, threads), &what)?;
                }
            }
        }
    }
    floats(&bench)
}

fn integers(
    bench: &Bench<'_>,
    kind: Kind,
    kernel: &Kernel,
    values: &[i128],
    (blocks, threads): (u32, u32),
    what: &str,
) -> CheckResult {
    let input = match kind.is_wide() {
        true => bench.up(values)?,
        false => bench.up(&values.iter().map(|value| *value as i64).collect::<Vec<_>>())?,
    };
    let out = bench.up(&kind.words(kind.identity()))?;
    let params = [input.ptr().0, values.len() as u64, out.ptr().0];
    let mut want = kind.identity();
    // The second launch merges into what the first one left.
    for _ in 0..2 {
        bench.run(kernel, shape(blocks, threads, SHARED_BYTES), &params)?;
        want = values.iter().fold(want, |state, value| kind.merge(state, *value));
        same(what, &bench.down::<u64>(&out)?, &kind.words(want))?;
    }
    Ok(())
}

/// Quarters add up exactly in any order; infinities and NaN come through.
fn floats(bench: &Bench<'_>) -> CheckResult {
    for rows in SIZES {
        let mut random = random(rows as u64);
        let quarters: Vec<f64> =
            (0..rows).map(|_| f64::from(random.random_range(-1_000_000..1_000_000)) * 0.25).collect();
        for special in
            [None, Some(vec![f64::INFINITY]), Some(vec![f64::NAN]), Some(vec![f64::NEG_INFINITY, f64::INFINITY])]
        {
            let mut values = quarters.clone();
            let special = special.unwrap_or_default();
            values.iter_mut().rev().zip(&special).for_each(|(value, special)| *value = *special);
            let (input, out) = (bench.up(&values)?, bench.up(&[0.0_f64])?);
            bench.run(&FLOATS, shape(3, 64, SHARED_BYTES), &[input.ptr().0, rows as u64, out.ptr().0])?;
            let (got, want) = (bench.down::<f64>(&out)?[0], values.iter().sum::<f64>());
            let alike = got == want || (got.is_nan() && want.is_nan());
            ensure(alike, || format!("SumF64 of {rows} rows with {special:?}: {got} instead of {want}"))?;
        }
    }
    Ok(())
}

/// As generated source ends: one state after another through the same shared memory.
const SEVERAL: Kernel = Kernel {
    entry: "check_publish_several",
    sync: SyncMode::Block,
    source: r#"
struct Params { const i128* values; u64 rows; u64* sum64; u64* sum128; u64* low; u64* high; u64* count; };
MAAR_KERNEL(check_publish_several, Params, p) {
  SumI64::State a = SumI64::identity(), count = SumI64::identity();
  SumI128::State b = SumI128::identity();
  MinI64::State c = MinI64::identity();
  MaxI64::State d = MaxI64::identity();
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    const i128 value = p.values[row];
    a = SumI64::merge(a, i64(value));
    b = SumI128::merge(b, value);
    c = MinI64::merge(c, i64(value));
    d = MaxI64::merge(d, i64(value));
    count = SumI64::merge(count, 1);
  }
  block_publish<SumI64>(a, p.sum64, m_smem());
  block_publish<SumI128>(b, p.sum128, m_smem());
  block_publish<MinI64>(c, p.low, m_smem());
  block_publish<SumI128>(i128(count), p.count, m_smem());
  block_publish<MaxI64>(d, p.high, m_smem());
}
"#,
};

pub(crate) fn one_buffer(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        let mut random = random(rows as u64);
        let values: Vec<i128> = (0..rows).map(|_| Kind::SumI128.draw(&mut random)).collect();
        let kinds = [Kind::SumI64, Kind::SumI128, Kind::MinI64, Kind::MaxI64];
        let outs = kinds.map(|kind| bench.up(&kind.words(kind.identity())));
        let outs = outs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (input, count) = (bench.up(&values)?, bench.filled::<u64>(2, 0)?);
        let mut params = vec![input.ptr().0, rows as u64];
        params.extend(outs.iter().chain([&count]).map(|buffer| buffer.ptr().0));
        bench.run(&SEVERAL, shape(3, 256, SHARED_BYTES), &params)?;
        for (kind, out) in kinds.into_iter().zip(&outs) {
            let narrow = |value: &i128| if kind == Kind::SumI128 { *value } else { i128::from(*value as i64) };
            let want = values.iter().fold(kind.identity(), |state, value| kind.merge(state, narrow(value)));
            same(&format!("{kind:?} of {rows} rows"), &bench.down::<u64>(out)?, &kind.words(want))?;
        }
        same(&format!("count of {rows} rows"), &bench.down::<u64>(&count)?, &[rows as u64, 0])?;
    }
    Ok(())
}

/// Every row published by itself into one of few groups: threads of all blocks meet there.
macro_rules! contended {
    ($entry:literal, $kind:literal) => {
        Kernel {
            entry: $entry,
            sync: SyncMode::None,
            source: concat!(
                "struct Params { const i128* values; u64 rows; u64 groups; u64* out; };\n",
                "MAAR_KERNEL(",
                $entry,
                ", Params, p) {\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step)\n",
                "    ",
                $kind,
                "::publish(p.out + row % p.groups * ",
                $kind,
                "::kWords, p.values[row]);\n",
                "}\n"
            ),
        }
    };
}

const CONTENDED: [(Kind, Kernel); 3] = [
    (Kind::SumI128, contended!("check_contended_sum128", "SumI128")),
    (Kind::MinI128, contended!("check_contended_min128", "MinI128")),
    (Kind::MaxI128, contended!("check_contended_max128", "MaxI128")),
];

pub(crate) fn contention(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let rows = 6000;
    for (kind, kernel) in &CONTENDED {
        for groups in [1, 3, 40] {
            let mut random = random(groups as u64);
            // Equal upper words, so that the lower ones decide; steps up and down, so that states change often.
            let close = |random: &mut SmallRng| {
                (i128::from(random.random_range(-1_i64..2)) << 64) + i128::from(random.random::<i64>())
            };
            let sets: [Vec<i128>; 4] = [
                (0..rows).map(|_| kind.draw(&mut random)).collect(),
                (0..rows).map(|_| close(&mut random)).collect(),
                (0..rows).map(|row| (row as i128) << 60).collect(),
                (0..rows).map(|row| -(row as i128) << 60).collect(),
            ];
            for (set, values) in sets.iter().enumerate() {
                let mut states = vec![kind.identity(); groups];
                let before: Vec<u64> = states.iter().flat_map(|state| kind.words(*state)).collect();
                for (row, value) in values.iter().enumerate() {
                    states[row % groups] = kind.merge(states[row % groups], *value);
                }
                let (input, out) = (bench.up(values)?, bench.up(&before)?);
                let params = [input.ptr().0, rows as u64, groups as u64, out.ptr().0];
                bench.run(kernel, shape(4, 128, 0), &params)?;
                let want: Vec<u64> = states.iter().flat_map(|state| kind.words(*state)).collect();
                same(&format!("{kind:?} of {groups} groups, set {set}"), &bench.down::<u64>(&out)?, &want)?;
            }
        }
    }
    Ok(())
}
