//! `accumulate.cuh`, states in shared memory: a thread's own state of each of a few groups, then one sum a group.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::accumulate::{Kind, carrying};
use crate::harness::{Bench, CheckResult, Kernel, SIZES, ensure, random, same, shape};

const GROUPS: [usize; 6] = [1, 3, 8, 9, 33, 64];

macro_rules! grouped {
    ($entry:literal, $thread:literal, $group:literal, $values:literal) => {
        Kernel {
            entry: $entry,
            sync: SyncMode::Block,
            source: concat!(
                "struct Params { const u32* group_of; const ",
                $values,
                "* values; u64 rows; u64 groups; u64* out; };\n",
                "MAAR_KERNEL(",
                $entry,
                ", Params, p) {\n",
                "  PrivateStates<",
                $thread,
                "> a(m_smem(), p.groups);\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step)\n",
                "    a.merge(p.group_of[row], p.values[row]);\n",
                "  m_block_sync();\n",
                "  a.publish<",
                $group,
                ">(p.groups, p.out);\n",
                "}\n"
            ),
        }
    };
}

/// Kind of the threads' states, kind of the groups, kernel.
const INTEGERS: [(Kind, Kind, Kernel); 7] = [
    (Kind::SumI64, Kind::SumI64, grouped!("check_private_sum64", "SumI64", "SumI64", "i64")),
    (Kind::SumI64, Kind::SumI128, grouped!("check_private_widened", "SumI64", "SumI128", "i64")),
    (Kind::SumI128, Kind::SumI128, grouped!("check_private_sum128", "SumI128", "SumI128", "i128")),
    (Kind::MinI64, Kind::MinI64, grouped!("check_private_min", "MinI64", "MinI64", "i64")),
    (Kind::MaxI64, Kind::MaxI64, grouped!("check_private_max", "MaxI64", "MaxI64", "i64")),
    (Kind::MinI128, Kind::MinI128, grouped!("check_private_min128", "MinI128", "MinI128", "i128")),
    (Kind::MaxI128, Kind::MaxI128, grouped!("check_private_max128", "MaxI128", "MaxI128", "i128")),
];
const FLOATS: Kernel = grouped!("check_private_float", "SumF64", "SumF64", "f64");

/// Groups of rows: all in one, one after another, and skewed towards the first.
fn groupings(rows: usize, groups: usize) -> Vec<Vec<u32>> {
    let mut random = random((rows * 64 + groups) as u64);
    let skewed = |random: &mut rand::rngs::SmallRng| {
        let (a, b) = (random.random_range(0..groups), random.random_range(0..groups));
        a.min(b) as u32
    };
    vec![
        vec![groups as u32 - 1; rows],
        (0..rows).map(|row| (row % groups) as u32).collect(),
        (0..rows).map(|_| skewed(&mut random)).collect(),
    ]
}

/// Identities of all groups, and what the rows make of them.
fn expected(kind: Kind, groups: usize, group_of: &[u32], values: &[i128]) -> (Vec<u64>, Vec<u64>) {
    let mut states = vec![kind.identity(); groups];
    let before = states.iter().flat_map(|state| kind.words(*state)).collect();
    for (group, value) in group_of.iter().zip(values) {
        let state = &mut states[*group as usize];
        *state = kind.merge(*state, *value);
    }
    (before, states.iter().flat_map(|state| kind.words(*state)).collect())
}

pub(crate) fn kinds(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for (thread, kind, kernel) in &INTEGERS {
        for rows in [0, 1, 33, 3000] {
            for groups in GROUPS {
                for (number, group_of) in groupings(rows, groups).iter().enumerate() {
                    let mut random = random((rows + number) as u64);
                    // A thread's narrow sum is taken only where a thread's share provably fits.
                    let values: Vec<i128> = match (thread, kind) {
                        (Kind::SumI64, Kind::SumI128) => {
                            (0..rows).map(|_| i128::from(random.random_range(-(1_i64 << 39)..1 << 39))).collect()
                        }
                        (Kind::SumI128, _) if number < 2 && rows > 0 => carrying(rows).swap_remove(number + 4),
                        _ => (0..rows).map(|_| thread.draw(&mut random)).collect(),
                    };
                    let what = format!("{thread:?} to {kind:?}, {rows} rows, {groups} groups, grouping {number}");
                    integers(&bench, (*thread, *kind), kernel, (group_of, &values, groups), &what)?;
                }
            }
        }
    }
    floats(&bench)
}

fn integers(
    bench: &Bench<'_>,
    (thread, kind): (Kind, Kind),
    kernel: &Kernel,
    (group_of, values, groups): (&[u32], &[i128], usize),
    what: &str,
) -> CheckResult {
    let wide = thread.is_wide();
    let input =
        if wide { bench.up(values)? } else { bench.up(&values.iter().map(|v| *v as i64).collect::<Vec<_>>())? };
    let (before, want) = expected(kind, groups, group_of, values);
    let (of, out) = (bench.up(group_of)?, bench.up(&before)?);
    let threads = if groups > 9 { 32 } else { 256 };
    let shared = groups as u32 * threads * if wide { 16 } else { 8 };
    let params = [of.ptr().0, input.ptr().0, values.len() as u64, groups as u64, out.ptr().0];
    bench.run(kernel, shape(3, threads, shared), &params)?;
    Ok(same(what, &bench.down::<u64>(&out)?, &want)?)
}

fn floats(bench: &Bench<'_>) -> CheckResult {
    let (rows, groups) = (5000, 5);
    for group_of in groupings(rows, groups) {
        let mut random = random(1);
        let values: Vec<f64> =
            (0..rows).map(|_| f64::from(random.random_range(-1_000_000..1_000_000)) * 0.25).collect();
        let mut want = vec![0.0; groups];
        group_of.iter().zip(&values).for_each(|(group, value)| want[*group as usize] += value);
        let (of, input, out) = (bench.up(&group_of)?, bench.up(&values)?, bench.up(&vec![0.0_f64; groups])?);
        let params = [of.ptr().0, input.ptr().0, rows as u64, groups as u64, out.ptr().0];
        bench.run(&FLOATS, shape(2, 128, groups as u32 * 128 * 8), &params)?;
        let got: Vec<f64> = bench.down(&out)?;
        ensure(got == want, || format!("SumF64: {got:?} instead of {want:?}"))?;
    }
    Ok(())
}

/// As generated source lays them out: the states of one accumulator behind those of another.
const SEVERAL: Kernel = Kernel {
    entry: "check_private_several",
    sync: SyncMode::Block,
    source: r#"
struct Params { const u32* group_of; const i128* values; u64 rows; u64 groups; u64* count; u64* sum; u64* low; };
MAAR_KERNEL(check_private_several, Params, p) {
  u8* shared = m_smem();
  PrivateStates<SumI64> a(shared, p.groups);
  shared += p.groups * m_bdim() * 8;
  PrivateStates<SumI128> b(shared, p.groups);
  shared += p.groups * m_bdim() * 16;
  PrivateStates<MinI64> c(shared, p.groups);
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    const u64 group = p.group_of[row];
    a.merge(group, 1);
    b.merge(group, p.values[row]);
    c.merge(group, i64(p.values[row]));
  }
  m_block_sync();
  a.publish<SumI64>(p.groups, p.count);
  b.publish<SumI128>(p.groups, p.sum);
  c.publish<MinI64>(p.groups, p.low);
}
"#,
};

pub(crate) fn several(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    for rows in SIZES {
        for groups in [1, 5, 8] {
            let group_of = groupings(rows, groups).swap_remove(2);
            let mut random = random(rows as u64);
            let values: Vec<i128> = (0..rows).map(|_| Kind::SumI128.draw(&mut random)).collect();
            let narrow: Vec<i128> = values.iter().map(|value| i128::from(*value as i64)).collect();
            let parts = [
                expected(Kind::SumI64, groups, &group_of, &vec![1; rows]),
                expected(Kind::SumI128, groups, &group_of, &values),
                expected(Kind::MinI64, groups, &group_of, &narrow),
            ];
            let outs = parts.iter().map(|(before, _)| bench.up(before)).collect::<Result<Vec<_>, _>>()?;
            let (of, input) = (bench.up(&group_of)?, bench.up(&values)?);
            let mut params = vec![of.ptr().0, input.ptr().0, rows as u64, groups as u64];
            params.extend(outs.iter().map(|out| out.ptr().0));
            bench.run(&SEVERAL, shape(2, 128, groups as u32 * 128 * 32), &params)?;
            for (number, (out, (_, want))) in outs.iter().zip(&parts).enumerate() {
                same(&format!("{rows} rows, {groups} groups, state {number}"), &bench.down::<u64>(out)?, want)?;
            }
        }
    }
    Ok(())
}
