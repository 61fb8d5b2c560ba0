// Arithmetic with SQL's meaning: checked where bounds could not exclude overflow, exact for decimals.
// A function that can fail sets `failed` and returns some value that nobody uses.

constexpr i64 kI64Max = 0x7fffffffffffffffLL;
constexpr i64 kI64Min = -kI64Max - 1;

MAAR_FN i128 make_i128(i64 high, u64 low) { return (static_cast<i128>(high) << 64) | static_cast<i128>(static_cast<u128>(low)); }

MAAR_FN u128 magnitude(i128 v) { return v < 0 ? ~static_cast<u128>(v) + 1 : static_cast<u128>(v); }

// 128-bit results that may leave 128 bits.
MAAR_FN i128 add_checked(i128 a, i128 b, bool& failed) {
  const i128 r = static_cast<i128>(static_cast<u128>(a) + static_cast<u128>(b));
  if ((a < 0) == (b < 0) && (r < 0) != (a < 0)) failed = true;
  return r;
}

MAAR_FN i128 subtract_checked(i128 a, i128 b, bool& failed) {
  const i128 r = static_cast<i128>(static_cast<u128>(a) - static_cast<u128>(b));
  if ((a < 0) != (b < 0) && (r < 0) != (a < 0)) failed = true;
  return r;
}

MAAR_FN i128 multiply_checked(i128 a, i128 b, bool& failed) {
  const u128 x = magnitude(a), y = magnitude(b);
  const u64 xh = static_cast<u64>(x >> 64), yh = static_cast<u64>(y >> 64);
  const u64 xl = static_cast<u64>(x), yl = static_cast<u64>(y);
  if (xh != 0 && yh != 0) failed = true;
  const u128 cross = static_cast<u128>(xh) * yl + static_cast<u128>(yh) * xl;  // one term is zero unless failed
  if (cross >> 64) failed = true;
  const u128 low = static_cast<u128>(xl) * yl;
  const u128 r = low + (cross << 64);
  if (r < low) failed = true;
  const bool negative = (a < 0) != (b < 0);
  if (r > (static_cast<u128>(1) << 127) - (negative ? 0 : 1)) failed = true;
  return static_cast<i128>(negative ? ~r + 1 : r);
}

// Quotient and remainder towards zero, as SQL's integers divide. The caller has excluded b == 0.
template <typename T>
MAAR_FN T divide(T a, T b) { return b == -1 ? static_cast<T>(0 - a) : a / b; }
template <typename T>
MAAR_FN T modulo(T a, T b) { return b == -1 ? 0 : a % b; }

// Shifts within a type, as the host has them: places count modulo the bits of the type, what leaves it is lost. The left
// side comes as its bits, with the sign repeated.
template <typename T>
MAAR_FN T shift_left(u64 a, i64 places) { return static_cast<T>(a << (places & (sizeof(T) * 8 - 1))); }
template <typename T>
MAAR_FN T shift_right(T a, i64 places) { return static_cast<T>(a >> (places & (sizeof(T) * 8 - 1))); }

// Decimal rescaling downwards: division by a power of ten, rounding half away from zero.
template <typename T>
MAAR_FN T divide_round(T a, T power) {
  const T q = a / power, r = a % power, half = power / 2;
  return r >= half ? q + 1 : (r <= -half ? q - 1 : q);
}

// The mean of `count` integers that add up to high * 2^64 + low: a sum may have 192 bits, its mean has as many as they.
struct Mean {
  u128 whole;
  u64 rest;
  bool negative;
};

MAAR_FN Mean mean_of(i128 high, i128 low, i64 count) {
  i128 top = high + (low >> 64);
  u64 bottom = static_cast<u64>(low);
  const bool negative = top < 0;
  if (negative) {
    bottom = ~bottom + 1;
    top = ~top + (bottom == 0 ? 1 : 0);
  }
  const u128 n = static_cast<u64>(count), t = static_cast<u128>(top);
  const u128 lower = (t % n << 64) | bottom;
  return {((t / n) << 64) + lower / n, static_cast<u64>(lower % n), negative};
}

MAAR_FN i128 mean_whole(i128 high, i128 low, i64 count) {
  const Mean mean = mean_of(high, low, count);
  return static_cast<i128>(mean.negative ? ~mean.whole + 1 : mean.whole);
}

// What is cut off from the mean, times a power of ten.
MAAR_FN i32 mean_digits(i128 high, i128 low, i64 count, i32 power) {
  const Mean mean = mean_of(high, low, count);
  const i32 digits = static_cast<i32>(static_cast<u128>(mean.rest) * static_cast<u64>(power) / static_cast<u64>(count));
  return mean.negative ? -digits : digits;
}

// Whether `value` is among `count` ascending ones.
template <typename T>
MAAR_FN bool sorted_contains(const T* values, u64 count, T value) {
  u64 low = 0, high = count;
  while (low < high) {
    const u64 middle = (low + high) / 2;
    const T seen = m_ldg(values + middle);
    if (seen == value) return true;
    if (seen < value) low = middle + 1;
    else high = middle;
  }
  return false;
}

// Floor division: days of a timestamp before 1970.
template <typename T>
MAAR_FN T divide_floor(T a, T b) { const T q = a / b; return a % b < 0 ? q - 1 : q; }

MAAR_FN f64 modulo_f64(f64 a, f64 b) { return m_fmod(a, b); }

// 128-bit integers to floats, rounded once like the host's conversion: the leading 64 bits, the last of them set where
// a bit below is, decide the rounding; the power of two is exact.
MAAR_FN f64 to_f64(i128 v) {
  if (v >= kI64Min && v <= kI64Max) return static_cast<f64>(static_cast<i64>(v));
  const u128 m = magnitude(v);
  const u32 below = 64 - m_clzll(static_cast<u64>(m >> 64));
  u64 lead = static_cast<u64>(m >> below);
  if ((static_cast<u128>(lead) << below) != m) lead |= 1;
  const f64 r = static_cast<f64>(lead) * m_bitcast<f64>(static_cast<u64>(1023 + below) << 52);
  return v < 0 ? -r : r;
}

// The same to single precision: at once, since a detour over double would round twice.
MAAR_FN f32 to_f32(i128 v) {
  if (v >= kI64Min && v <= kI64Max) return static_cast<f32>(static_cast<i64>(v));
  const u128 m = magnitude(v);
  const u32 below = 64 - m_clzll(static_cast<u64>(m >> 64));
  u64 lead = static_cast<u64>(m >> below);
  if ((static_cast<u128>(lead) << below) != m) lead |= 1;
  const f32 r = static_cast<f32>(static_cast<f64>(static_cast<f32>(lead)) * m_bitcast<f64>(static_cast<u64>(1023 + below) << 52));
  return v < 0 ? -r : r;
}

// Truncation towards zero; NaN and what leaves 127 bits fails.
MAAR_FN i128 f64_to_i128(f64 v, bool& failed) {
  if (v >= -9223372036854775808.0 && v < 9223372036854775808.0) return static_cast<i128>(static_cast<i64>(v));
  const f64 limit = 170141183460469231731687303715884105728.0;  // 2^127
  if (!(v > -limit && v < limit)) { failed = true; return 0; }
  const f64 magnitude = v < 0 ? -v : v;
  const u64 high = static_cast<u64>(magnitude * (1.0 / 18446744073709551616.0));
  const u64 low = static_cast<u64>(magnitude - static_cast<f64>(high) * 18446744073709551616.0);
  const i128 r = static_cast<i128>((static_cast<u128>(high) << 64) | low);
  return v < 0 ? -r : r;
}

// Total order of floats: -inf < ... < -0 < 0 < ... < inf < NaN, whatever the sign of a NaN and its payload; bits that
// compare as signed integers.
MAAR_FN i64 float_order(f64 v) {
  if (v != v) return 0x7ff8000000000000ll;
  const i64 bits = m_bitcast<i64>(v);
  return bits ^ static_cast<i64>(static_cast<u64>(bits >> 63) >> 1);
}
// What comparisons compare: the total order, with -0 taken for 0.
MAAR_FN i64 float_rank(f64 v) { return v == 0.0 ? 0 : float_order(v); }
MAAR_FN f64 float_from_order(i64 order) {
  return m_bitcast<f64>(order ^ static_cast<i64>(static_cast<u64>(order >> 63) >> 1));
}
