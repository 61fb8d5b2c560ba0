// The proleptic Gregorian calendar on days since 1970-01-01, after Howard Hinnant's `days_from_civil` algorithms
// ("chrono-Compatible Low-Level Date Algorithms"). Not here: time zones.

struct CivilDate {
  i32 year;
  u32 month;  // 1 to 12
  u32 day;    // 1 to 31
};

MAAR_FN CivilDate civil_from_days(i32 days) {
  const i64 z = static_cast<i64>(days) + 719468;
  const i64 era = (z >= 0 ? z : z - 146096) / 146097;
  const u32 day_of_era = static_cast<u32>(z - era * 146097);
  const u32 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const u32 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const u32 shifted_month = (5 * day_of_year + 2) / 153;
  const u32 day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const u32 month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const i64 year = static_cast<i64>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return CivilDate{static_cast<i32>(year), month, day};
}

MAAR_FN i64 wide_days_from_civil(i64 year, u32 month, u32 day) {
  year -= month <= 2;
  const i64 era = (year >= 0 ? year : year - 399) / 400;
  const u32 year_of_era = static_cast<u32>(year - era * 400);
  const u32 day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const u32 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<i64>(day_of_era) - 719468;
}

MAAR_FN i32 days_from_civil(i64 year, u32 month, u32 day) {
  return static_cast<i32>(wide_days_from_civil(year, month, day));
}

MAAR_FN u32 days_in_month(i64 year, u32 month) {
  if (month == 2) return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) ? 29 : 28;
  return 30 + ((month + (month >> 3)) & 1);
}

// Calendar months keep the day of the month, or take the month's last one.
// The result may lie beyond every date.
MAAR_FN i64 wide_add_months(i32 days, i64 months) {
  const CivilDate d = civil_from_days(days);
  const i64 total = static_cast<i64>(d.year) * 12 + (d.month - 1) + months;
  const i64 year = divide_floor<i64>(total, 12);
  const u32 month = static_cast<u32>(total - year * 12) + 1;
  return wide_days_from_civil(year, month, m_min(d.day, days_in_month(year, month)));
}

MAAR_FN i32 add_months(i32 days, i64 months) { return static_cast<i32>(wide_add_months(days, months)); }

MAAR_FN i32 date_year(i32 days) { return civil_from_days(days).year; }
MAAR_FN i32 date_quarter(i32 days) { return static_cast<i32>((civil_from_days(days).month - 1) / 3 + 1); }
MAAR_FN i32 date_month(i32 days) { return static_cast<i32>(civil_from_days(days).month); }
MAAR_FN i32 date_day(i32 days) { return static_cast<i32>(civil_from_days(days).day); }
MAAR_FN i32 date_day_of_week(i32 days) { return static_cast<i32>(((static_cast<i64>(days) + 4) % 7 + 7) % 7); }
// Hours, minutes and seconds of a date without time.
MAAR_FN i32 date_midnight_part(i32) { return 0; }
MAAR_FN i32 date_day_of_year(i32 days) { return days - days_from_civil(civil_from_days(days).year, 1, 1) + 1; }
