//! Tests of a text against constants, computed on the text itself.

use super::CompareOp;

/// What is asked of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// Bytewise. Never one of the DISTINCT operators.
    Compare { op: CompareOp, constant: String },
    /// Any of these: ascending bytewise, each once.
    OneOf(Vec<String>),
    /// The whole text matches the parts, one after another.
    Like(Vec<LikePart>),
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikePart {
    Byte(u8),
    /// Any one character, of as many bytes as it takes.
    Character,
    /// Any number of characters, or none.
    Anything,
}

/// What the length of a text is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextUnit {
    Bytes,
    /// Unicode scalar values.
    Characters,
}

impl TextTest {
    pub fn one_of(mut texts: Vec<String>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        TextTest::OneOf(texts)
    }

    /// `LIKE pattern`: `%` is anything, `_` one character, a backslash takes the character after it as it is (at the
    /// end: itself).
    pub fn like(pattern: &str) -> Self {
        let mut parts = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                // One after another they mean no more than one.
                '%' if parts.last() == Some(&LikePart::Anything) => continue,
                '%' => {
                    parts.push(LikePart::Anything);
                    continue;
                }
                '_' => {
                    parts.push(LikePart::Character);
                    continue;
                }
                '\\' => characters.next().unwrap_or('\\'),
                other => other,
            };
            parts.extend(literal.encode_utf8(&mut [0; 4]).bytes().map(LikePart::Byte));
        }
        TextTest::Like(parts)
    }

    /// The text begins (`open.0` is false) and ends (`open.1` is false) with `text`, or holds it.
    pub fn holds(text: &str, open: (bool, bool)) -> Self {
        let anything = |open: bool| open.then_some(LikePart::Anything);
        let bytes = text.bytes().map(LikePart::Byte);
        // Around no text at all, one of them says what both would.
        let before = anything(open.0 && !(open.1 && text.is_empty()));
        TextTest::Like(before.into_iter().chain(bytes).chain(anything(open.1)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::LikePart::{Anything, Byte, Character};
    use super::*;

    #[test]
    fn patterns_fall_into_parts() {
        let parts = |pattern| match TextTest::like(pattern) {
            TextTest::Like(parts) => parts,
            other => vec![Byte(0); usize::from(other == TextTest::OneOf(vec![]))],
        };
        assert_eq!(parts(""), []);
        assert_eq!(parts("%%a%%%_"), [Anything, Byte(b'a'), Anything, Character]);
        assert_eq!(parts("\\%\\_\\\\\\a\\"), [Byte(b'%'), Byte(b'_'), Byte(b'\\'), Byte(b'a'), Byte(b'\\')]);
        assert_eq!(parts("é\\é"), [Byte(0xc3), Byte(0xa9), Byte(0xc3), Byte(0xa9)]);
    }

    #[test]
    fn nothing_is_held_by_every_text() {
        assert_eq!(TextTest::holds("", (true, true)), TextTest::Like(vec![Anything]));
        assert_eq!(TextTest::holds("", (false, true)), TextTest::Like(vec![Anything]));
        assert_eq!(TextTest::holds("", (true, false)), TextTest::Like(vec![Anything]));
        assert_eq!(TextTest::holds("a", (true, true)), TextTest::Like(vec![Anything, Byte(b'a'), Anything]));
    }
}
