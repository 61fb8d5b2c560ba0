// Frames of windows: the rows of each row's frame, edges that lie at a distance of it, and what is joined over frames that slide.
// Behind `scans.cuh`, in front of `columns.cu`.
//
// What cannot be taken back, a minimum or a sum of floats, is joined over a frame that slides from runs of 1, 2, 4, ... rows: a
// frame is made of one of each length that its own has a bit of, the short ones first. The runs of one length are made of two of
// half of it, for all rows at once, so two arrays of them suffice.

#define kFrameOfPeers 1u
#define kFrameFromFirst 2u
#define kFrameToLast 4u

// The rows of a row's frame, from the first to the one behind the last.
MAAR_FN void window_frame(const Params& p, i64 row, i64* from, i64* to) {
  const i64 first = p.starts[row], last = p.ends[row];
  const bool peers = (p.frame & kFrameOfPeers) != 0;
  i64 start = first, end = last;
  if ((p.frame & kFrameFromFirst) == 0) start = (peers ? p.peer_starts[row] : row) + p.start;
  if ((p.frame & kFrameToLast) == 0) end = (peers ? p.peer_ends[row] : row + 1) + p.end;
  start = m_min(m_max(start, first), last);
  end = m_min(m_max(end, first), last);
  *from = start;
  *to = m_max(start, end);
}

// ---- Edges at a distance --------------------------------------------------------------------------------------------

// `frame`: how keys are ordered, and whether they lie in the rows' order; `make`: the first row that is so far on, or the one
// behind the last.
#define kKeyDescends 1u
#define kKeyNullsFirst 2u
#define kKeyInOrder 4u

// A key, larger for rows that come later; false where it is NULL.
MAAR_FN bool window_key(const Params& p, i64 row, i128* key) {
  const u64 place = static_cast<u64>(row);
  const u64 at = (p.frame & kKeyInOrder) != 0 ? place : window_source(p, place);
  const i128 value = window_integer(p, at);
  *key = (p.frame & kKeyDescends) != 0 ? -value : value;
  return p.valid == nullptr || p.valid[at] != 0;
}

// A NULL is at no distance: its frame is its peers.
MAAR_FN void window_search(const Params& p) {
  i64* out = reinterpret_cast<i64*>(p.out);
  const bool behind = p.make != 0;
  MAAR_ROLLED for (u64 at = window_first(); at < p.rows; at += window_step()) {
    i128 wanted;
    if (!window_key(p, static_cast<i64>(at), &wanted)) {
      out[at] = behind ? p.peer_ends[at] : p.peer_starts[at];
      continue;
    }
    wanted += p.start;
    i64 low = p.starts[at], high = p.ends[at];
    while (low < high) {
      const i64 middle = low + (high - low) / 2;
      i128 key;
      const bool has = window_key(p, middle, &key);
      const bool is_there = has ? (behind ? key > wanted : key >= wanted) : (p.frame & kKeyNullsFirst) == 0;
      if (is_there)
        high = middle;
      else
        low = middle + 1;
    }
    out[at] = low;
  }
}

// ---- Frames that slide ----------------------------------------------------------------------------------------------

enum WindowRuns { kRunsOfOne, kRunsTaken, kRunsDoubled };

// `number` is how often the runs in `states` were doubled.
template <class Op>
MAAR_FN void window_runs(const Params& p, u64 part) {
  typedef typename Op::T T;
  const T* runs = reinterpret_cast<const T*>(p.states);
  T* out = reinterpret_cast<T*>(p.out);
  const i64 length = i64(1) << p.number;
  MAAR_ROLLED for (u64 at = window_first(); at < p.rows; at += window_step()) {
    const i64 row = static_cast<i64>(at);
    if (part == kRunsOfOne) {
      out[at] = window_item<Op>(p, at).value;
    } else if (part == kRunsDoubled) {
      const bool has_other = row + length < static_cast<i64>(p.rows);
      out[at] = has_other ? Op::join(runs[at], runs[row + length]) : runs[at];
    } else {
      i64 from, to;
      window_frame(p, row, &from, &to);
      const T so_far = p.number == 0 ? Op::identity() : out[at];
      // The shorter runs come before it.
      const bool is_taken = ((to - from) & length) != 0;
      out[at] = is_taken ? Op::join(so_far, runs[from + ((to - from) & (length - 1))]) : so_far;
    }
  }
}

MAAR_FN void window_runs_any(const Params& p, u64 part) {
  switch (p.scan & 255) {
    case 2: window_runs<WindowSumF64>(p, part); break;
    case 3: window_runs<WindowMinI64>(p, part); break;
    case 4: window_runs<WindowMaxI64>(p, part); break;
    case 5: window_runs<WindowMinI128>(p, part); break;
    default: window_runs<WindowMaxI128>(p, part);
  }
}
