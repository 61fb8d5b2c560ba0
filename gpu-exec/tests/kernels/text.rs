//! `text.cuh` and `fixed/texts.cu`: tests of texts against constants, lengths, and the way from references to texts.

use std::sync::Arc;

use arrow::array::{Array, StringArray};
use arrow::compute::like;
use maar_gpu_exec::column::{ChunkEncoder, Target};
use maar_gpu_exec::device::{DeviceBuffer, DeviceHandle, SyncMode};
use maar_gpu_exec::ir::{LikePart, TextTest};
use maar_gpu_exec::kernels;
use rand::Rng;
use rand::rngs::SmallRng;

use crate::harness::{Bench, CheckResult, Kernel, Result, SEEDS, SIZES, random, same, shape};

macro_rules! kernel {
    ($entry:literal, $call:literal) => {
        Kernel {
            entry: $entry,
            sync: SyncMode::None,
            source: concat!(
                "struct Params { const i64* references; u64 count; const u8* table; i32* out; };\n",
                "MAAR_KERNEL(",
                $entry,
                ", Params, p) {\n",
                "  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();\n",
                "  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.count; row += step)\n",
                "    p.out[row] = ",
                $call,
                ";\n}\n"
            ),
        }
    };
}

const LIKE: Kernel = kernel!("check_text_like", "text_like(p.references[row], p.table)");
const EQUALS: Kernel = kernel!("check_text_equals", "text_equals(p.references[row], p.table)");
const COMPARE: Kernel = kernel!("check_text_compare", "text_compare(p.references[row], p.table)");
const ONE_OF: Kernel = kernel!("check_text_one_of", "text_one_of(p.references[row], p.table)");
const BYTES: Kernel = kernel!("check_text_bytes", "text_bytes(p.references[row])");
const CHARACTERS: Kernel = kernel!("check_text_characters", "text_characters(p.references[row])");

/// Texts in device memory as a column holds them, nothing before or after, and where each is described.
struct Column {
    references: Vec<i64>,
    _data: DeviceBuffer,
}

impl Column {
    fn new(bench: &Bench<'_>, texts: &StringArray) -> Result<Self> {
        let mut encoder = ChunkEncoder::new(Target::RawText, texts.len());
        encoder.push(texts)?;
        let data = bench.up(&encoder.finish(0)?.data)?;
        let references = (0..texts.len()).map(|row| data.ptr().0 as i64 + row as i64 * 4).collect();
        Ok(Self { references, _data: data })
    }
}

/// What a kernel says of each text.
fn ask(bench: &Bench<'_>, kernel: &Kernel, column: &Column, table: &[u8]) -> Result<Vec<i32>> {
    let (references, table) = (bench.up(&column.references)?, bench.up(table)?);
    let out = bench.filled::<i32>(column.references.len(), 0xff)?;
    let params = [references.ptr().0, column.references.len() as u64, table.ptr().0, out.ptr().0];
    bench.run(kernel, shape(2, 64, 0), &params)?;
    Ok(bench.down(&out)?)
}

/// Random texts of few characters of one to four bytes, many of them alike; so patterns match now and then.
fn some_text(random: &mut SmallRng, length_max: usize) -> String {
    const CHARACTERS: [&str; 6] = ["a", "b", "é", "語", "🌋", "%"];
    let length = random.random_range(0..=length_max);
    (0..length).map(|_| CHARACTERS[random.random_range(0..CHARACTERS.len()).min(random.random_range(0..6))]).collect()
}

fn length(bytes: usize) -> [u8; 4] {
    (bytes as u32).to_le_bytes()
}

fn constant(text: &str) -> Vec<u8> {
    [&length(text.len()), text.as_bytes()].concat()
}

pub(crate) fn patterns(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let mut random = random(SEEDS[2]);
    let texts: StringArray = (0..400).map(|_| Some(some_text(&mut random, 9))).collect();
    let column = Column::new(&bench, &texts)?;
    let fixed = [
        "", "%", "_", "%_", "_%", "__%", "%a", "a%", "%a%", "%a%b%", "%語_", "_é%", "%%", "\\%", "%\\%%", "a\\", "\\_%",
    ];
    let mut patterns: Vec<String> = fixed.map(str::to_owned).to_vec();
    patterns.extend((0..150).map(|_| {
        const PARTS: [&str; 9] = ["a", "b", "é", "語", "🌋", "%", "%", "_", "\\%"];
        (0..random.random_range(1..7)).map(|_| PARTS[random.random_range(0..PARTS.len())]).collect()
    }));
    for pattern in &patterns {
        let TextTest::Like(parts) = TextTest::like(pattern) else { continue };
        let word = |part: &LikePart| match part {
            LikePart::Byte(byte) => u16::from(*byte),
            LikePart::Character => 256,
            LikePart::Anything => 257,
        };
        let words = parts.iter().flat_map(|part| word(part).to_le_bytes());
        let table: Vec<u8> = length(parts.len()).into_iter().chain(words).collect();
        let want = like(&texts, &StringArray::new_scalar(pattern))?;
        let want: Vec<i32> = want.values().iter().map(i32::from).collect();
        let found = ask(&bench, &LIKE, &column, &table)?;
        if let Some(row) = (0..texts.len()).find(|row| found[*row] != want[*row]) {
            return Err(format!("{:?} LIKE {pattern:?} is {}", texts.value(row), found[row]).into());
        }
    }
    Ok(())
}

pub(crate) fn comparisons(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let mut random = random(SEEDS[0]);
    for rows in SIZES {
        let texts: StringArray = (0..rows).map(|row| (row % 7 != 3).then(|| some_text(&mut random, 5))).collect();
        let column = Column::new(&bench, &texts)?;
        // Under a NULL lies an empty text.
        let text = |row: usize| if texts.is_null(row) { "" } else { texts.value(row) };
        let all = |of: &dyn Fn(&str) -> i32| (0..rows).map(|row| of(text(row))).collect::<Vec<_>>();
        for other in ["", "a", "ab", "é", "語a", "🌋", "zzz"] {
            let signs: Vec<i32> =
                ask(&bench, &COMPARE, &column, &constant(other))?.into_iter().map(i32::signum).collect();
            same(&format!("{rows} texts against {other:?}"), &signs, &all(&|text| text.cmp(other) as i32))?;
            let equal = ask(&bench, &EQUALS, &column, &constant(other))?;
            same(&format!("{rows} texts equal to {other:?}"), &equal, &all(&|text| i32::from(text == other)))?;
        }
        for count in [0, 1, 2, 3, 40] {
            let mut set: Vec<String> = (0..count).map(|_| some_text(&mut random, 3)).collect();
            set.sort_unstable();
            set.dedup();
            let mut table = length(set.len()).to_vec();
            let ends = set.iter().scan(0, |end, text| {
                *end += text.len();
                Some(*end)
            });
            std::iter::once(0).chain(ends).for_each(|begin| table.extend(length(begin)));
            set.iter().for_each(|text| table.extend(text.as_bytes()));
            let found = ask(&bench, &ONE_OF, &column, &table)?;
            same(
                &format!("{rows} texts among {set:?}"),
                &found,
                &all(&|text| i32::from(set.iter().any(|one| one == text))),
            )?;
        }
        same("bytes", &ask(&bench, &BYTES, &column, &[])?, &all(&|text| text.len() as i32))?;
        same("characters", &ask(&bench, &CHARACTERS, &column, &[])?, &all(&|text| text.chars().count() as i32))?;
    }
    Ok(())
}

const fn step(entry: &'static str, sync: SyncMode) -> Kernel {
    Kernel { entry, sync, source: kernels::TEXTS }
}
const SUMS: Kernel = step("maar_text_sums", SyncMode::Block);
const BASES: Kernel = step("maar_text_bases", SyncMode::Block);
const OFFSETS: Kernel = step("maar_text_offsets", SyncMode::Block);
const GATHER: Kernel = step("maar_text_gather", SyncMode::None);

/// References in any order, from two columns, some of them NULL and leading nowhere.
pub(crate) fn gathered(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    // The last: more than the 32 chunks that one pass of the middle kernel takes, with the threads it gets here.
    for rows in SIZES.into_iter().chain([32 * 2048 + 5]) {
        let mut random = random(rows as u64);
        let mut texts = |rows: usize| -> StringArray {
            (0..rows)
                .map(|row| Some(if row == 9 { "long ".repeat(1000) } else { some_text(&mut random, 12) }))
                .collect()
        };
        let sources = [texts(2049), texts(33)];
        let columns = [Column::new(&bench, &sources[0])?, Column::new(&bench, &sources[1])?];
        for nullable in [false, true] {
            let picks: Vec<Option<(usize, usize)>> = (0..rows)
                .map(|row| {
                    let source = usize::from(random.random_range(0..5) == 0);
                    let at = random.random_range(0..sources[source].len());
                    (!nullable || row % 5 != 2).then_some((source, at))
                })
                .collect();
            let references: Vec<i64> =
                picks.iter().map(|pick| pick.map_or(0, |(source, at)| columns[source].references[at])).collect();
            let valid: Vec<u8> = picks.iter().map(|pick| u8::from(pick.is_some())).collect();
            let texts: Vec<&str> =
                picks.iter().map(|pick| pick.map_or("", |(source, at)| sources[source].value(at))).collect();
            check_gathered(&bench, &references, nullable.then_some(&valid), &texts)
                .map_err(|error| format!("{rows} rows, nullable: {nullable}: {error}"))?;
        }
    }
    Ok(())
}

fn check_gathered(bench: &Bench<'_>, references: &[i64], valid: Option<&Vec<u8>>, texts: &[&str]) -> CheckResult {
    let rows = references.len();
    let mut want = vec![0_i64];
    want.extend(texts.iter().scan(0, |end, text| {
        *end += text.len() as i64;
        Some(*end)
    }));
    let chunks = rows.div_ceil(2048);
    let references = bench.up(references)?;
    let valid = valid.map(|valid| bench.up(valid)).transpose()?;
    let (sums, offsets) = (bench.filled::<u64>(chunks, 0xff)?, bench.filled::<i64>(rows + 1, 0xff)?);
    let out = bench.filled::<u8>(want[rows] as usize, 0xff)?;
    let valid_at = valid.as_ref().map_or(0, |valid| valid.ptr().0);
    let params = [rows as u64, references.ptr().0, valid_at, sums.ptr().0, offsets.ptr().0, out.ptr().0];
    if chunks > 0 {
        bench.run(&SUMS, shape(chunks.min(5) as u32, 256, 128), &params)?;
    }
    bench.run(&BASES, shape(1, 32, 128), &params)?;
    if chunks > 0 {
        bench.run(&OFFSETS, shape(chunks.min(5) as u32, 256, 128), &params)?;
    }
    bench.run(&GATHER, shape(3, 256, 0), &params)?;
    same("offsets", &bench.down::<i64>(&offsets)?, &want)?;
    same("texts", &bench.down::<u8>(&out)?, texts.concat().as_bytes())?;
    // A part of the rows: offsets count from the first of them.
    let (first, last) = (rows / 3, rows - rows / 4);
    let part = bench.filled::<u8>((want[last] - want[first]) as usize, 0xff)?;
    let begin = first as u64;
    let valid_at = if valid_at == 0 { 0 } else { valid_at + begin };
    let params =
        [(last - first) as u64, references.ptr().0 + begin * 8, valid_at, 0, offsets.ptr().0 + begin * 8, part.ptr().0];
    bench.run(&GATHER, shape(2, 64, 0), &params)?;
    Ok(same("a part of the texts", &bench.down::<u8>(&part)?, texts[first..last].concat().as_bytes())?)
}
