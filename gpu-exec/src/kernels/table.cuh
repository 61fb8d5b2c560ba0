// Tables keyed by packed integers: direct addresses and open-addressing hashes, for joins and group-by.
//
// A join build stores its rows densely (row k of each payload array) and maps a key to k, or, with duplicate keys,
// to a run of a permutation (count, scan, fill). A group-by uses the slot itself as the group's index.

constexpr u32 kNoRow = 0xffffffffu;
constexpr u64 kEmptyKey = ~0ull;  // no packed key is this large: packing stops at 63 bits

MAAR_FN u64 hash_word(u64 x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  return x ^ (x >> 32);
}

// Reserves one output row for each lane that is live: one atomic a warp. Every lane of the warp calls it.
MAAR_FN u64 warp_append(bool live, u64* counter) {
  const u32 lanes = m_ballot(live);
  if (lanes == 0) return 0;
  u64 first = 0;
  if (m_lane() == 0) first = m_atomic_add(counter, static_cast<u64>(m_popc(lanes)));
  first = m_shfl(first, 0);
  return first + m_popc(lanes & ((1u << m_lane()) - 1));
}

// Longest run of taken slots that is searched for a free one: a table at most half full has none near as long, and a
// full one would cost every row a walk through all of it.
constexpr u64 kRunMax = 8192;

// Whether a row has reported its table full.
MAAR_FN bool is_full(const u64* error) { return (m_load_relaxed(error) & kErrorCapacity) != 0; }

// Whether a search that has passed `tries` slots should give up: now and then it looks whether another row has
// reported the table full already.
MAAR_FN bool gives_up(u64 tries, const u64* error) {
  return (tries & 63) == 63 && (tries > kRunMax || (m_load_acquire(error) & kErrorCapacity) != 0);
}

// Slot of `key` in a table of packed keys, inserting it where absent; kEmptyKey where the table is full. A slot that
// is taken stays so: a plain look finds most keys, and only what seems empty is swapped for.
MAAR_FN u64 slot_insert(u64* keys, u64 mask, u64 key, const u64* error) {
  u64 slot = hash_word(key) & mask;
  for (u64 tries = 0; tries <= mask && !gives_up(tries, error); tries++) {
    u64 seen = m_load_relaxed(keys + slot);
    if (seen == kEmptyKey) seen = m_atomic_cas(keys + slot, kEmptyKey, key);
    if (seen == kEmptyKey || seen == key) return slot;
    slot = (slot + 1) & mask;
  }
  return kEmptyKey;
}

// Slot of `key`, or kEmptyKey where absent. Only after every insert has ended.
MAAR_FN u64 slot_find(const u64* keys, u64 mask, u64 key) {
  u64 slot = hash_word(key) & mask;
  for (u64 tries = 0; tries <= mask; tries++) {
    const u64 seen = keys[slot];
    if (seen == key) return slot;
    if (seen == kEmptyKey) return kEmptyKey;
    slot = (slot + 1) & mask;
  }
  return kEmptyKey;
}

// The same for keys of WORDS words, whose slots carry a state: 0 empty, 1 being written, 2 ready.
// Word w of slot s is at words[w * (mask + 1) + s].
template <u32 WORDS>
MAAR_FN u64 hash_words(const u64 (&key)[WORDS]) {
  u64 h = 0;
  for (u32 w = 0; w < WORDS; w++) h = hash_word(h ^ key[w]) + 0x9e3779b97f4a7c15ull * (w + 1);
  return hash_word(h);
}

// Which part of a table that is held a part at a time a key belongs to: bits of its hash that do not choose its slot.
template <u32 WORDS>
MAAR_FN u64 part_of(const u64 (&key)[WORDS]) {
  return hash_words(key) >> 40;
}

// The word of 128 bits by which a part is chosen: of a number that 64 bits hold, that number.
MAAR_FN u64 part_word(i128 value) {
  const u64 low = static_cast<u64>(value), above = static_cast<u64>(value >> 64) - (low >> 63 ? ~0ull : 0);
  return low ^ hash_word(above);
}

template <u32 WORDS>
MAAR_FN bool words_equal(const u64* words, u64 mask, u64 slot, const u64 (&key)[WORDS]) {
  bool equal = true;
  for (u32 w = 0; w < WORDS; w++) equal = equal && words[w * (mask + 1) + slot] == key[w];
  return equal;
}

template <u32 WORDS>
MAAR_FN u64 slot_insert_wide(u32* states, u64* words, u64 mask, const u64 (&key)[WORDS], const u64* error) {
  u64 slot = hash_words(key) & mask;
  for (u64 tries = 0; tries <= mask && !gives_up(tries, error);) {
    u32 state = m_load_acquire(states + slot);
    if (state == 0 && m_atomic_cas(states + slot, 0u, 1u) == 0u) {
      for (u32 w = 0; w < WORDS; w++) words[w * (mask + 1) + slot] = key[w];
      m_store_release(states + slot, 2u);
      return slot;
    }
    if (state != 2) { m_spin(); continue; }
    if (words_equal(words, mask, slot, key)) return slot;
    slot = (slot + 1) & mask;
    tries++;
  }
  return kEmptyKey;
}

template <u32 WORDS>
MAAR_FN u64 slot_find_wide(const u32* states, const u64* words, u64 mask, const u64 (&key)[WORDS]) {
  u64 slot = hash_words(key) & mask;
  for (u64 tries = 0; tries <= mask; tries++) {
    if (states[slot] == 0) return kEmptyKey;
    if (words_equal(words, mask, slot, key)) return slot;
    slot = (slot + 1) & mask;
  }
  return kEmptyKey;
}
