// Some rows of an array: to[row] = from[picked[row]], values of 1, 2, 4, 8 or 16 bytes.

struct Params {
  u64 rows;
  const u32* picked;
  const u8* from;
  u8* to;
  u64 width;
};

template <typename T>
MAAR_FN void pick(const Params& p, u64 row) {
  reinterpret_cast<T*>(p.to)[row] = reinterpret_cast<const T*>(p.from)[p.picked[row]];
}

MAAR_KERNEL(maar_pick, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    if (p.width == 1)
      pick<u8>(p, row);
    else if (p.width == 2)
      pick<u16>(p, row);
    else if (p.width == 4)
      pick<u32>(p, row);
    else if (p.width == 8)
      pick<u64>(p, row);
    else
      pick<u128>(p, row);
  }
}
