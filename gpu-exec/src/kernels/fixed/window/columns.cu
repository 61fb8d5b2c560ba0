// Columns of windows: values that rows have of others, numbers, accumulators over frames; and the entry point. Behind `scans.cuh` and
// `frames.cuh`.

// ---- Columns --------------------------------------------------------------------------------------------------------

MAAR_FN void window_copy(const Params& p, u64 row, u64 at, bool has) {
  if (p.width == 1)
    p.out[row] = has ? p.data[at] : 0;
  else if (p.width == 2)
    reinterpret_cast<u16*>(p.out)[row] = has ? reinterpret_cast<const u16*>(p.data)[at] : 0;
  else if (p.width == 4)
    reinterpret_cast<u32*>(p.out)[row] = has ? reinterpret_cast<const u32*>(p.data)[at] : 0;
  else if (p.width == 8)
    reinterpret_cast<u64*>(p.out)[row] = has ? reinterpret_cast<const u64*>(p.data)[at] : 0;
  else
    reinterpret_cast<u128*>(p.out)[row] = has ? reinterpret_cast<const u128*>(p.data)[at] : 0;
}

enum WindowMake {
  kCopy,
  kRow,
  kRank,
  kPercentRank,
  kCumeDist,
  kTile,
  kExists,
  kShifted,
  kFromFirst,
  kFromLast,
  kState,
  kStateBehind,
  kDifference
};

// Which of as many runs as `count` a row is in, of which the first are a row longer where rows are left over.
MAAR_FN i64 window_tile(i64 place, i64 rows, u64 count) {
  const u64 each = static_cast<u64>(rows) / count, longer = static_cast<u64>(rows) % count;
  const u64 at = static_cast<u64>(place), of_longer = longer * (each + 1);
  return static_cast<i64>(at < of_longer ? at / (each + 1) + 1 : longer + (at - of_longer) / m_max(each, u64(1)) + 1);
}

template <class Op>
MAAR_FN void window_state(const Params& p, i64 row) {
  typedef typename Op::T T;
  i64 from, to;
  window_frame(p, row, &from, &to);
  const T* states = reinterpret_cast<const T*>(p.states);
  // A scan from behind has what is from a row on.
  T value = from < to ? states[p.make == kStateBehind ? from : to - 1] : Op::identity();
  // Sums of integers wrap: what is before the frame comes off again, whatever it is.
  if (p.make == kDifference && from < to && from > p.starts[row]) value = static_cast<T>(value - states[from - 1]);
  reinterpret_cast<T*>(p.out)[row] = value;
}

MAAR_FN void window_state_any(const Params& p, i64 row) {
  switch (p.scan & 255) {
    case 0: window_state<WindowSumI64>(p, row); break;
    case 1: window_state<WindowSumI128>(p, row); break;
    case 2: window_state<WindowSumF64>(p, row); break;
    case 3: window_state<WindowMinI64>(p, row); break;
    case 4: window_state<WindowMaxI64>(p, row); break;
    case 5: window_state<WindowMinI128>(p, row); break;
    default: window_state<WindowMaxI128>(p, row);
  }
}

// ---- Values of other rows, and numbers ------------------------------------------------------------------------------

// Where the value comes from that a row gets; whether there is such a row.
MAAR_FN bool window_taken_from(const Params& p, i64 row, i64* at) {
  if (p.make == kCopy) {
    *at = row;
    return true;
  }
  if (p.make == kShifted || p.make == kExists) {
    *at = row + p.start;
    return *at >= p.starts[row] && *at < p.ends[row];
  }
  i64 from, to;
  window_frame(p, row, &from, &to);
  const i64 number = static_cast<i64>(p.number);
  *at = p.make == kFromFirst ? from + number : to - 1 - number;
  return *at >= from && *at < to;
}

// A column of values that other rows have; which of them there are.
MAAR_FN void window_take(const Params& p) {
  const u64 padded = (p.rows + kWindowChunk - 1) / kWindowChunk * kWindowChunk;
  MAAR_ROLLED for (u64 first = static_cast<u64>(m_bid()) * m_bdim(); first < padded; first += window_step()) {
    const u64 row = first + m_tid();
    bool has = false;
    if (row < p.rows) {
      i64 taken = 0;
      has = window_taken_from(p, static_cast<i64>(row), &taken);
      const u64 at = has ? window_source(p, static_cast<u64>(taken)) : 0;
      window_copy(p, row, at, has);
      has = has && (p.valid == nullptr || p.valid[at] != 0);
    }
    const u32 bits = m_ballot(has);
    if (p.bits != nullptr && m_lane() == 0) p.bits[row / 32] = bits;
  }
}

MAAR_FN void window_number(const Params& p) {
  i64* numbers = reinterpret_cast<i64*>(p.out);
  f64* shares = reinterpret_cast<f64*>(p.out);
  MAAR_ROLLED for (u64 at = window_first(); at < p.rows; at += window_step()) {
    const i64 row = static_cast<i64>(at), first = p.starts[row], rows = p.ends[row] - first;
    i64 there;
    switch (p.make) {
      case kRow: numbers[row] = row - first + 1; break;
      case kRank: numbers[row] = p.peer_starts[row] - first + 1; break;
      case kPercentRank: shares[row] = static_cast<f64>(p.peer_starts[row] - first) / static_cast<f64>(m_max(rows - 1, i64(1))); break;
      case kCumeDist: shares[row] = static_cast<f64>(p.peer_ends[row] - first) / static_cast<f64>(rows); break;
      case kTile: numbers[row] = window_tile(row - first, rows, p.number); break;
      case kExists: p.out[row] = window_taken_from(p, row, &there) ? 1 : 0; break;
      default: window_state_any(p, row);
    }
  }
}

// ---- The steps ------------------------------------------------------------------------------------------------------

MAAR_KERNEL(maar_window, Params, p) {
  switch (p.step) {
    case 0: window_heads(p); break;
    case 1:
    case 2:
    case 3: window_scan_any(p, p.step - 1); break;
    case 4: window_take(p); break;
    case 5: window_number(p); break;
    case 6: window_search(p); break;
    default: window_runs_any(p, p.step - 7);
  }
}
