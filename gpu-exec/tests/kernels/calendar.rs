//! `calendar.cuh` against a calendar that counts day by day: every day of the years 0 to 4000, the ends of 32 bits, and
//! months added to month ends.

use std::sync::Arc;

use maar_gpu_exec::device::{DeviceHandle, SyncMode};
use rand::Rng;

use crate::harness::{Bench, CheckResult, Kernel, SEEDS, random, same, shape};

/// A date, as the calendar on the wall has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    /// 1 to 12, 1 to 31.
    month: u32,
    day: u32,
    /// 1 to 366.
    day_of_year: u32,
}

/// 1 January of the year 0, in days since 1970-01-01.
const YEAR_0: i64 = -719_528;
/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

fn month_days(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Date {
    fn next(self) -> Self {
        let Date { year, month, day, day_of_year } = self;
        if day < month_days(year, month) {
            Date { day: day + 1, day_of_year: day_of_year + 1, ..self }
        } else if month < 12 {
            Date { month: month + 1, day: 1, day_of_year: day_of_year + 1, year }
        } else {
            Date { year: year + 1, month: 1, day: 1, day_of_year: 1 }
        }
    }
}

/// The days of 400 years, counted one after another.
struct Calendar {
    cycle: Vec<Date>,
}

impl Calendar {
    fn new() -> Self {
        let first = Date { year: 0, month: 1, day: 1, day_of_year: 1 };
        Self { cycle: std::iter::successors(Some(first), |date| Some(date.next())).take(CYCLE as usize).collect() }
    }

    fn date(&self, days: i64) -> Date {
        let since = days - YEAR_0;
        let date = self.cycle[since.rem_euclid(CYCLE) as usize];
        Date { year: date.year + since.div_euclid(CYCLE) * 400, ..date }
    }

    fn days(&self, year: i64, month: u32, day: u32) -> i64 {
        let in_cycle = year.rem_euclid(400);
        let first = self.cycle.partition_point(|date| (date.year, date.month) < (in_cycle, month));
        YEAR_0 + year.div_euclid(400) * CYCLE + first as i64 + i64::from(day) - 1
    }
}

const DATES: Kernel = Kernel {
    entry: "check_dates",
    sync: SyncMode::None,
    source: r#"
struct Params { const i32* days; u64 rows; i32* out; };
MAAR_KERNEL(check_dates, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    const i32 days = p.days[row];
    i32* mine = p.out + row * 8;
    mine[0] = date_year(days);
    mine[1] = date_quarter(days);
    mine[2] = date_month(days);
    mine[3] = date_day(days);
    mine[4] = date_day_of_week(days);
    mine[5] = date_day_of_year(days);
    mine[6] = days_from_civil(mine[0], u32(mine[2]), u32(mine[3]));
    mine[7] = i32(days_in_month(mine[0], u32(mine[2])));
  }
}
"#,
};

fn expected(calendar: &Calendar, days: i32) -> [i32; 8] {
    let Date { year, month, day, day_of_year } = calendar.date(i64::from(days));
    // 1970-01-01 was a Thursday.
    let day_of_week = (i64::from(days) + 4).rem_euclid(7) as i32;
    let quarter = month.div_ceil(3);
    let [quarter, month_number, day, day_of_year] = [quarter, month, day, day_of_year].map(|part| part as i32);
    [year as i32, quarter, month_number, day, day_of_week, day_of_year, days, month_days(year, month) as i32]
}

pub(crate) fn dates(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let calendar = Calendar::new();
    let mut random = random(SEEDS[0]);
    let mut days: Vec<i32> = (YEAR_0 as i32..=calendar.days(4000, 12, 31) as i32).collect();
    days.extend((0..400).flat_map(|near| [i32::MAX - near, i32::MIN + near]));
    days.extend((0..20_000).map(|_| random.random::<i32>()));
    let (input, out) = (bench.up(&days)?, bench.filled::<i32>(days.len() * 8, 0)?);
    bench.run(&DATES, shape(4, 256, 0), &[input.ptr().0, days.len() as u64, out.ptr().0])?;
    let got: Vec<i32> = bench.down(&out)?;
    let wrong = days.iter().zip(got.chunks_exact(8)).find(|(day, got)| *got != expected(&calendar, **day));
    match wrong {
        Some((day, got)) => Ok(same(&format!("day {day}"), got, &expected(&calendar, *day))?),
        None => Ok(()),
    }
}

const MONTHS: Kernel = Kernel {
    entry: "check_add_months",
    sync: SyncMode::None,
    source: r#"
struct Params { const i32* days; const i64* months; u64 rows; i32* out; };
MAAR_KERNEL(check_add_months, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step)
    p.out[row] = add_months(p.days[row], p.months[row]);
}
"#,
};

pub(crate) fn months(device: &Arc<DeviceHandle>) -> CheckResult {
    let bench = Bench::new(device)?;
    let calendar = Calendar::new();
    let mut cases: Vec<(i32, i64)> = Vec::new();
    // The last days of months, of a leap year and of two that are none, to every month of the years around.
    for year in [1899, 1900, 1904, 1999, 2000, 2023] {
        for month in 1..=12 {
            for day in [1, 28, month_days(year, month)] {
                let days = calendar.days(year, month, day) as i32;
                cases.extend((-30..=30).map(|months| (days, months)));
            }
        }
    }
    let mut random = random(SEEDS[1]);
    let years_4000 = 12 * 4000;
    cases.extend(
        (0..20_000).map(|_| (random.random_range(-1_000_000..2_000_000), random.random_range(-years_4000..years_4000))),
    );
    let (days, months): (Vec<i32>, Vec<i64>) = cases.iter().copied().unzip();
    let (days, months) = (bench.up(&days)?, bench.up(&months)?);
    let out = bench.filled::<i32>(cases.len(), 0)?;
    bench.run(&MONTHS, shape(3, 128, 0), &[days.ptr().0, months.ptr().0, cases.len() as u64, out.ptr().0])?;
    let want = |(days, months): &(i32, i64)| {
        let date = calendar.date(i64::from(*days));
        let total = date.year * 12 + i64::from(date.month) - 1 + months;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) as u32 + 1);
        calendar.days(year, month, date.day.min(month_days(year, month))) as i32
    };
    for (case, got) in cases.iter().zip(bench.down::<i32>(&out)?) {
        same(&format!("day {} plus {} months", case.0, case.1), &[got], &[want(case)])?;
    }
    Ok(())
}
