// The spread of integers, of which their variance is made: with S the sum of n values and Q that of their squares, n * Q - S * S.
// It is n * n times the variance, exact as integers are, and rounded to a float once: nothing cancels on the way.

struct U256 {
  u64 w[4];
};

MAAR_FN U256 u256_product(u128 a, u128 b) {
  const u64 a0 = static_cast<u64>(a), a1 = static_cast<u64>(a >> 64);
  const u64 b0 = static_cast<u64>(b), b1 = static_cast<u64>(b >> 64);
  const u128 low = static_cast<u128>(a0) * b0, one = static_cast<u128>(a0) * b1, other = static_cast<u128>(a1) * b0;
  const u128 middle = (low >> 64) + static_cast<u64>(one) + static_cast<u64>(other);
  const u128 top = static_cast<u128>(a1) * b1 + (one >> 64) + (other >> 64) + (middle >> 64);
  return {{static_cast<u64>(low), static_cast<u64>(middle), static_cast<u64>(top), static_cast<u64>(top >> 64)}};
}

// Modulo 2^256, as the difference is.
MAAR_FN U256 u256_sum(const U256& a, const U256& b) {
  U256 r;
  u128 carry = 0;
  for (u32 i = 0; i < 4; i++) {
    carry += static_cast<u128>(a.w[i]) + b.w[i];
    r.w[i] = static_cast<u64>(carry);
    carry >>= 64;
  }
  return r;
}

MAAR_FN U256 u256_difference(const U256& a, const U256& b) {
  U256 r;
  u64 borrow = 0;
  for (u32 i = 0; i < 4; i++) {
    const u128 d = static_cast<u128>(a.w[i]) - b.w[i] - borrow;
    r.w[i] = static_cast<u64>(d);
    borrow = static_cast<u64>(d >> 64) != 0 ? 1 : 0;
  }
  return r;
}

// To the nearest float: the leading 64 bits, the last of them set where a bit below is, decide the rounding.
MAAR_FN f64 u256_to_f64(const U256& v) {
  u64 a = v.w[3], b = v.w[2], c = v.w[1], d = v.w[0];
  u32 below = 192;
  for (; a == 0 && below > 0; below -= 64) {
    a = b;
    b = c;
    c = d;
    d = 0;
  }
  const u32 shift = a == 0 ? 0 : m_clzll(a);
  u64 lead = shift == 0 ? a : (a << shift) | (b >> (64 - shift));
  if (((b << shift) | c | d) != 0) lead |= 1;
  return static_cast<f64>(lead) * m_bitcast<f64>(static_cast<u64>(1023 + below - shift) << 52);
}

// The squares come as they are added up of values that 64 bits hold: high * 2^64 + cross * 2^33 + low, where a value is
// h * 2^32 + l, and high adds up h * h, cross h * l, low l * l. Modulo 2^256 on the way; the result is below and not negative.
MAAR_CALLED f64 spread(i64 count, i128 sum, i128 high, i128 cross, i128 low) {
  const u128 n = static_cast<u64>(count);
  const U256 outer = u256_sum(u256_product(n, static_cast<u128>(low)), u256_product(n << 64, static_cast<u128>(high)));
  const U256 inner = u256_product(n << 33, magnitude(cross));
  const U256 squares = cross < 0 ? u256_difference(outer, inner) : u256_sum(outer, inner);
  return u256_to_f64(u256_difference(squares, u256_product(magnitude(sum), magnitude(sum))));
}
