//! Texts held as they are: tests against constants, whose bytes travel as lookup tables. Not here: codes (`text.rs`).

use crate::error::{Error, Result};
use crate::ir::{Bounds, Expr, LikePart, TextTest, TextTestKind, TextUnit, Type, Value, ValueKind};
use crate::strategy::LookupTable;
use crate::strategy::scope::OpenPipeline;

impl OpenPipeline {
    pub(super) fn text_test(&mut self, input: &Expr, test: &TextTest) -> Result<Value> {
        let text = self.raw_text(input)?;
        let (kind, values) = match test {
            TextTest::Compare { op, constant } => (TextTestKind::Compare(*op), constant_bytes(constant)),
            TextTest::OneOf(constants) => (TextTestKind::OneOf, constants_bytes(constants)),
            TextTest::Like(parts) => (TextTestKind::Like, pattern_bytes(parts)),
        };
        let table = self.add_lookup(LookupTable::of_constants(values));
        let nullable = text.nullable;
        Ok(Value::bool(ValueKind::TextTest { text: Box::new(text), test: kind, table }, nullable))
    }

    pub(super) fn text_length(&mut self, input: &Expr, unit: TextUnit) -> Result<Value> {
        let text = self.raw_text(input)?;
        let nullable = text.nullable;
        // Parquet counts a text's bytes in 31 bits.
        let bounds = Bounds::new(0, Bounds::of_type(Type::INT32).max);
        Ok(Value::int(ValueKind::TextLength { text: Box::new(text), unit }, nullable, bounds))
    }

    /// A reference to a text.
    fn raw_text(&mut self, input: &Expr) -> Result<Value> {
        let resolved = self.resolve(input)?;
        match resolved.dictionary {
            None => Ok(resolved.value),
            Some(_) => Err(Error::internal("a code was taken for a text")),
        }
    }
}

fn length_word(length: usize) -> [u8; 4] {
    // Literals of a query are far below 4 GiB.
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn constant_bytes(text: &str) -> Vec<u8> {
    [&length_word(text.len()), text.as_bytes()].concat()
}

fn constants_bytes(texts: &[String]) -> Vec<u8> {
    let mut bytes = length_word(texts.len()).to_vec();
    let mut begin = 0;
    bytes.extend(length_word(begin));
    for text in texts {
        begin += text.len();
        bytes.extend(length_word(begin));
    }
    bytes.extend(texts.iter().flat_map(|text| text.bytes()));
    bytes
}

/// As `text_like` in text.cuh reads it.
fn pattern_bytes(parts: &[LikePart]) -> Vec<u8> {
    let word = |part: &LikePart| match part {
        LikePart::Byte(byte) => u16::from(*byte),
        LikePart::Character => 256,
        LikePart::Anything => 257,
    };
    length_word(parts.len()).into_iter().chain(parts.iter().flat_map(|part| word(part).to_le_bytes())).collect()
}
