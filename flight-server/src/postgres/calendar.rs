//! Days and months. The algorithms are Howard Hinnant's (chrono-Compatible Low-Level Date Algorithms, 2013): exact for every year that
//! 64 bits of days reach.

/// Days from 1970-01-01, the beginning of ours, to 2000-01-01, the beginning of PostgreSQL's.
pub(super) const EPOCH_DAYS: i64 = 10_957;

pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// Year, month and day of a day after 1970-01-01; the year before 1 is 0.
pub(super) fn date_of(days: i64) -> (i64, u32, u32) {
    let days = i128::from(days) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year as i64, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_have_their_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (EPOCH_DAYS, (2000, 1, 1)),
            (EPOCH_DAYS + 59, (2000, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (-719_162, (1, 1, 1)),
            (-719_163, (0, 12, 31)),
        ] {
            assert_eq!(date_of(days), date, "{days}");
        }
    }
}
