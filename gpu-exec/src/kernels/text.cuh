// Texts as they lie in memory. A reference is the address of a text's distance: a u32 that counts from its own place to
// the text's first byte; the distance after it tells where the text ends. A NULL's reference is that of an empty text, or 0
// where an outer join made the NULL.

struct Text {
  const u8* bytes;
  u32 length;
};

MAAR_FN Text text_of(i64 reference) {
  if (reference == 0) return {nullptr, 0};
  const u32* at = reinterpret_cast<const u32*>(reference);
  const u8* begin = reinterpret_cast<const u8*>(at) + m_ldg(at);
  const u8* end = reinterpret_cast<const u8*>(at + 1) + m_ldg(at + 1);
  return {begin, static_cast<u32>(end - begin)};
}

// A text read eight bytes at a time: lanes read texts of their own, and each load of theirs touches as many lines as
// there are lanes. The words are aligned, so that they lie in the column wherever one of their bytes does.
struct TextReader {
  u64 begin;
  u64 place = 0;  // of the word held
  u64 word = 0;

  __device__ explicit TextReader(const Text& text) : begin(reinterpret_cast<u64>(text.bytes)) {}

  __device__ void hold(u64 address) {
    if (place == (address & ~7ull)) return;
    place = address & ~7ull;
    word = m_ld8(reinterpret_cast<const void*>(place));
  }

  __device__ u32 byte(u32 at) {
    const u64 address = begin + at;
    hold(address);
    return static_cast<u32>(word >> (address & 7) * 8) & 0xff;
  }

  // The first place from `at` on that holds `wanted`; `length` or beyond where there is none.
  __device__ u32 find(u32 at, u32 wanted, u32 length) {
    while (at < length) {
      const u64 address = begin + at;
      hold(address);
      // A byte is zero where the text's is the wanted one; bytes before `at` are made not to be.
      const u32 before = static_cast<u32>(address & 7);
      const u64 differs = (word ^ wanted * 0x0101010101010101ull) | ((1ull << before * 8) - 1);
      const u64 zeros = (differs - 0x0101010101010101ull) & ~differs & 0x8080808080808080ull;
      if (zeros != 0) return at + (63 - m_clzll(zeros & (0 - zeros))) / 8 - before;
      at += 8 - before;
    }
    return at;
  }
};

// Below, at or above zero as the text orders against `other`, byte by byte.
MAAR_FN i32 bytes_compare(const Text& text, const u8* other, u32 length) {
  const u32 shorter = m_min(text.length, length);
  TextReader reader(text);
  for (u32 i = 0; i < shorter; i++) {
    const i32 difference = static_cast<i32>(reader.byte(i)) - static_cast<i32>(m_ldg(other + i));
    if (difference != 0) return difference;
  }
  return text.length < length ? -1 : text.length > length ? 1 : 0;
}

// A constant in a table: u32 length, bytes.
MAAR_CALLED i32 text_compare(i64 reference, const u8* table) {
  return bytes_compare(text_of(reference), table + 4, m_ldg(reinterpret_cast<const u32*>(table)));
}

MAAR_CALLED bool text_equals(i64 reference, const u8* table) {
  const Text text = text_of(reference);
  return text.length == m_ldg(reinterpret_cast<const u32*>(table)) && bytes_compare(text, table + 4, text.length) == 0;
}

// Constants in a table, ascending: u32 count, where each begins in the bytes and where the last ends, bytes.
MAAR_CALLED bool text_one_of(i64 reference, const u8* table) {
  const Text text = text_of(reference);
  const u32* begins = reinterpret_cast<const u32*>(table) + 1;
  u32 low = 0, high = m_ldg(begins - 1);
  const u8* bytes = reinterpret_cast<const u8*>(begins + high + 1);
  while (low < high) {
    const u32 middle = low + (high - low) / 2;
    const u32 begin = m_ldg(begins + middle);
    const i32 order = bytes_compare(text, bytes + begin, m_ldg(begins + middle + 1) - begin);
    if (order == 0) return true;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return false;
}

// Bytes of the character that begins with this byte.
MAAR_FN u32 character_bytes(u32 first) { return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

constexpr u32 kAnyCharacter = 256;
constexpr u32 kAnything = 257;

// A pattern in a table: u32 number of parts, a u16 each: a byte, any character, or anything. Where what follows an
// "anything" fails, it is tried again further on; those before it need no second look.
MAAR_CALLED bool text_like(i64 reference, const u8* table) {
  const Text text = text_of(reference);
  TextReader reader(text);
  const u32 parts = m_ldg(reinterpret_cast<const u32*>(table));
  const u16* pattern = reinterpret_cast<const u16*>(table + 4);
  u32 at = 0, part = 0, again = parts + 1, resume = 0;
  while (at < text.length) {
    const u32 wanted = part < parts ? m_ldg(pattern + part) : kAnything + 1;
    if (wanted == kAnything) {
      if (++part == parts) return true;
      again = part;
      resume = at;
      // No byte within a character is the first of another, so that a wanted byte may be looked for byte by byte.
      const u32 first = m_ldg(pattern + again);
      if (first < kAnyCharacter) at = resume = reader.find(resume, first, text.length);
      continue;
    }
    const u32 byte = reader.byte(at);
    if (wanted == byte) {
      at++;
      part++;
    } else if (wanted == kAnyCharacter) {
      at += character_bytes(byte);
      part++;
    } else if (again < parts) {
      const u32 first = m_ldg(pattern + again);
      resume = first < kAnyCharacter ? reader.find(resume + 1, first, text.length)
                                     : resume + character_bytes(reader.byte(resume));
      at = resume;
      part = again;
    } else {
      return false;
    }
  }
  return part == parts || (part + 1 == parts && m_ldg(pattern + part) == kAnything);
}

MAAR_FN i32 text_bytes(i64 reference) { return static_cast<i32>(text_of(reference).length); }

MAAR_CALLED i32 text_characters(i64 reference) {
  const Text text = text_of(reference);
  TextReader reader(text);
  i32 characters = 0;
  for (u32 i = 0; i < text.length; i++) characters += (reader.byte(i) & 0xc0) != 0x80;
  return characters;
}
