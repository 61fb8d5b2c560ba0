// Codes of one dictionary become codes of another: out[row] = table[in[row]], from and to 1, 2 or 4 bytes a code.
// Codes at or past `entries` stay as they are; with no entries this only changes the width.

struct Params {
  u64 rows;
  const u8* in;
  u64 in_bytes;
  u8* out;
  u64 out_bytes;
  const u32* table;
  u64 entries;
};

MAAR_KERNEL(maar_recode, Params, p) {
  const u64 step = static_cast<u64>(m_gdim()) * m_bdim();
  for (u64 row = static_cast<u64>(m_bid()) * m_bdim() + m_tid(); row < p.rows; row += step) {
    u32 code = p.in_bytes == 1   ? p.in[row]
               : p.in_bytes == 2 ? reinterpret_cast<const u16*>(p.in)[row]
                                 : reinterpret_cast<const u32*>(p.in)[row];
    if (code < p.entries) code = p.table[code];
    if (p.out_bytes == 1)
      p.out[row] = static_cast<u8>(code);
    else if (p.out_bytes == 2)
      reinterpret_cast<u16*>(p.out)[row] = static_cast<u16>(code);
    else
      reinterpret_cast<u32*>(p.out)[row] = code;
  }
}
