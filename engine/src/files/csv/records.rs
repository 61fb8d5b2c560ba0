//! Where the records of a CSV text end. A line break within quotes belongs to its value, so that this takes the text from its
//! very beginning. Not here: what the values are.

use datafusion::common::config::CsvOptions;

/// What tells records and fields apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    delimiter: u8,
    quote: u8,
    escape: Option<u8>,
    terminator: Option<u8>,
    comment: Option<u8>,
}

impl Marks {
    pub(super) fn of(options: &CsvOptions) -> Self {
        let CsvOptions { delimiter, quote, escape, terminator, comment, .. } = *options;
        Self { delimiter, quote, escape, terminator, comment }
    }

    /// Whether `byte` may end a record.
    fn ends(&self, byte: u8) -> bool {
        match self.terminator {
            Some(terminator) => byte == terminator,
            None => byte == b'\n' || byte == b'\r',
        }
    }

    /// The byte behind which a record can begin. Of CR LF it is the second.
    fn last_of_record(&self) -> u8 {
        self.terminator.unwrap_or(b'\n')
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    StartOfRecord,
    StartOfField,
    /// In a field that does not begin with a quote: quotes in it mean nothing.
    Plain,
    Quoted,
    /// Behind the character that escapes the next one.
    Escaped,
    /// Behind a quote: another one makes it a quote of the value.
    QuoteInQuoted,
    Comment,
}

/// Reads a text and knows where its records end.
#[derive(Debug, Clone)]
pub(super) struct Records {
    marks: Marks,
    place: Place,
    read: u64,
    /// Records that have ended, empty lines not counted.
    count: usize,
}

impl Records {
    pub(super) fn new(marks: Marks) -> Self {
        Self { marks, place: Place::StartOfRecord, read: 0, count: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Reads on in `bytes` and calls `begins` with the offset of each place where a record may begin, until it says to stop.
    pub(super) fn read(&mut self, bytes: &[u8], mut begins: impl FnMut(&Self) -> bool) {
        for byte in bytes {
            self.step(*byte);
            self.read += 1;
            if self.place == Place::StartOfRecord && *byte == self.marks.last_of_record() && !begins(self) {
                return;
            }
        }
    }

    fn step(&mut self, byte: u8) {
        let marks = self.marks;
        self.place = match self.place {
            Place::StartOfRecord if self.read < 3 && b"\xEF\xBB\xBF".contains(&byte) => Place::StartOfRecord,
            Place::StartOfRecord if marks.ends(byte) => Place::StartOfRecord,
            Place::StartOfRecord if Some(byte) == marks.comment => Place::Comment,
            Place::StartOfRecord | Place::StartOfField if byte == marks.quote => Place::Quoted,
            Place::StartOfRecord | Place::StartOfField | Place::Plain => self.outside(byte),
            Place::Quoted if Some(byte) == marks.escape => Place::Escaped,
            Place::Quoted if byte == marks.quote => Place::QuoteInQuoted,
            Place::QuoteInQuoted if byte == marks.quote => Place::Quoted,
            Place::QuoteInQuoted => self.outside(byte),
            Place::Quoted | Place::Escaped => Place::Quoted,
            Place::Comment if byte == b'\n' => Place::StartOfRecord,
            Place::Comment => Place::Comment,
        }
    }

    /// Behind a byte that stands in no quotes.
    fn outside(&mut self, byte: u8) -> Place {
        if self.marks.ends(byte) {
            self.count += 1;
            return Place::StartOfRecord;
        }
        if byte == self.marks.delimiter { Place::StartOfField } else { Place::Plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(text: &str) -> Vec<u64> {
        let mut found = Vec::new();
        Records::new(Marks::of(&CsvOptions::default())).read(text.as_bytes(), |records| {
            found.push(records.bytes_read());
            true
        });
        found
    }

    #[test]
    fn records_end_outside_quotes_only() {
        assert_eq!(begins("a,b\n1,2\n"), [4, 8]);
        assert_eq!(begins("a\n\"x\ny\"\nz"), [2, 8]);
        assert_eq!(begins("a\n\"x\"\"\ny\"\r\nz\n"), [2, 11, 13]);
        // A quote within a field that does not begin with one is a letter like any other.
        assert_eq!(begins("a,b\n5\" pipe,1\n6\" pipe,2\n"), [4, 14, 24]);
        assert_eq!(begins("\u{feff}\"a\nb\"\n1\n"), [9, 11]);
    }

    #[test]
    fn escapes_and_comments_are_known() {
        let options = CsvOptions { escape: Some(b'\\'), comment: Some(b'#'), ..CsvOptions::default() };
        let mut records = Records::new(Marks::of(&options));
        let mut found = Vec::new();
        records.read(b"# \"\na\n\"x\\\"\ny\"\n", |records| {
            found.push(records.bytes_read());
            true
        });
        assert_eq!((found, records.count()), (vec![4, 6, 14], 2));
    }
}
