// Texts as they lie in memory. A reference is the address of a text's distance: a u32 that counts from its own place to
// the text's first byte; the distance after it tells where the text ends. A NULL's reference is that of an empty text.

struct Text {
  const u8* bytes;
  u32 length;
};

MAAR_FN Text text_of(i64 reference) {
  const u32* at = reinterpret_cast<const u32*>(reference);
  const u8* begin = reinterpret_cast<const u8*>(at) + m_ldg(at);
  const u8* end = reinterpret_cast<const u8*>(at + 1) + m_ldg(at + 1);
  return {begin, static_cast<u32>(end - begin)};
}

// Below, at or above zero as the text orders against `other`, byte by byte.
MAAR_FN i32 bytes_compare(const Text& text, const u8* other, u32 length) {
  const u32 shorter = m_min(text.length, length);
  for (u32 i = 0; i < shorter; i++) {
    const i32 difference = static_cast<i32>(m_ldg(text.bytes + i)) - static_cast<i32>(m_ldg(other + i));
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
MAAR_FN u32 character_bytes(u8 first) { return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

constexpr u32 kAnyCharacter = 256;
constexpr u32 kAnything = 257;

// A pattern in a table: u32 number of parts, a u16 each: a byte, any character, or anything. Where what follows an
// "anything" fails, it is tried again further on; those before it need no second look.
MAAR_CALLED bool text_like(i64 reference, const u8* table) {
  const Text text = text_of(reference);
  const u32 parts = m_ldg(reinterpret_cast<const u32*>(table));
  const u16* pattern = reinterpret_cast<const u16*>(table + 4);
  u32 at = 0, part = 0, again = parts + 1, resume = 0;
  while (at < text.length) {
    const u32 wanted = part < parts ? m_ldg(pattern + part) : kAnything + 1;
    const u8 byte = m_ldg(text.bytes + at);
    if (wanted == kAnything) {
      if (++part == parts) return true;
      again = part;
      resume = at;
    } else if (wanted == byte) {
      at++;
      part++;
    } else if (wanted == kAnyCharacter) {
      at += character_bytes(byte);
      part++;
    } else if (again < parts) {
      // No byte within a character is the first of another, so that a wanted byte may be looked for byte by byte.
      const u32 first = m_ldg(pattern + again);
      if (first >= kAnyCharacter) resume += character_bytes(m_ldg(text.bytes + resume));
      else
        do resume++;
        while (resume < text.length && m_ldg(text.bytes + resume) != first);
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
  i32 characters = 0;
  for (u32 i = 0; i < text.length; i++) characters += (m_ldg(text.bytes + i) & 0xc0) != 0x80;
  return characters;
}
