//! The messages that the server sends, as bytes: each has a letter, its length and a body.

use prost::bytes::{Buf, BufMut, BytesMut};

use super::fault::{Fault, Severity};
use super::types::Column;

/// Bytes of a row: clients refuse longer messages, as PostgreSQL sends none.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Messages that wait to be sent.
#[derive(Default)]
pub(super) struct Out(BytesMut);

/// What may be done next, as the end of an answer says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Idle = b'I' as isize,
    InTransaction = b'T' as isize,
    FailedTransaction = b'E' as isize,
}

impl Out {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets the first bytes, which have been sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.0.advance(bytes);
    }

    /// Forgets what has been sent, and memory that one large row took.
    pub(super) fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        match self.0.capacity() > KEPT {
            true => self.0 = BytesMut::new(),
            false => self.0.clear(),
        }
    }

    fn message(&mut self, letter: u8, body: impl FnOnce(&mut BytesMut)) {
        self.0.put_u8(letter);
        let at = self.0.len();
        self.0.put_u32(0);
        body(&mut self.0);
        self.end(at);
    }

    /// Writes the length of the message whose length is at `at`.
    fn end(&mut self, at: usize) {
        let length = u32::try_from(self.0.len() - at).unwrap_or(u32::MAX);
        self.0[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn authentication_ok(&mut self) {
        self.message(b'R', |out| out.put_u32(0));
    }

    pub(super) fn authentication_password(&mut self) {
        self.message(b'R', |out| out.put_u32(3));
    }

    pub(super) fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            string(out, name);
            string(out, value);
        });
    }

    pub(super) fn key(&mut self, process: u32, secret: u32) {
        self.message(b'K', |out| {
            out.put_u32(process);
            out.put_u32(secret);
        });
    }

    /// That version 3.0 is spoken, and none of these options are known.
    pub(super) fn negotiate(&mut self, unknown: &[String]) {
        self.message(b'v', |out| {
            out.put_u32(0);
            out.put_u32(u32::try_from(unknown.len()).unwrap_or_default());
            unknown.iter().for_each(|name| string(out, name));
        });
    }

    pub(super) fn ready(&mut self, ready: Ready) {
        self.message(b'Z', |out| out.put_u8(ready as u8));
    }

    pub(super) fn complete(&mut self, tag: &str) {
        self.message(b'C', |out| string(out, tag));
    }

    pub(super) fn empty_query(&mut self) {
        self.message(b'I', |_| {});
    }

    pub(super) fn parse_complete(&mut self) {
        self.message(b'1', |_| {});
    }

    pub(super) fn bind_complete(&mut self) {
        self.message(b'2', |_| {});
    }

    pub(super) fn close_complete(&mut self) {
        self.message(b'3', |_| {});
    }

    pub(super) fn suspended(&mut self) {
        self.message(b's', |_| {});
    }

    pub(super) fn no_data(&mut self) {
        self.message(b'n', |_| {});
    }

    /// The types of a statement's parameters.
    pub(super) fn parameters(&mut self, oids: &[u32]) {
        self.message(b't', |out| {
            out.put_u16(u16::try_from(oids.len()).unwrap_or(u16::MAX));
            oids.iter().for_each(|oid| out.put_u32(*oid));
        });
    }

    /// The columns of the rows that follow.
    pub(super) fn columns(&mut self, columns: &[Column]) {
        self.message(b'T', |out| {
            out.put_u16(u16::try_from(columns.len()).unwrap_or(u16::MAX));
            for column in columns {
                string(out, &column.name);
                // Of no table that the client could look up.
                out.put_u32(0);
                out.put_u16(0);
                out.put_u32(column.data_type.oid());
                out.put_i16(column.data_type.length());
                out.put_i32(column.modifier);
                out.put_u16(column.format as u16);
            }
        });
    }

    /// A row of `columns` cells that `cells` writes.
    ///
    /// # Errors
    /// Those of `cells`, and for a row that is too long; then nothing of it is written.
    pub(super) fn row(
        &mut self,
        columns: usize,
        cells: impl FnOnce(&mut BytesMut) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let start = self.0.len();
        self.0.put_u8(b'D');
        self.0.put_u32(0);
        self.0.put_u16(u16::try_from(columns).unwrap_or(u16::MAX));
        let mut written = cells(&mut self.0);
        if written.is_ok() && self.0.len() - start > ROW_BYTES_MAX {
            written = Err(Fault::error("54000", format!("a row of the result is longer than {ROW_BYTES_MAX} bytes")));
        }
        match written {
            Ok(()) => self.end(start + 1),
            Err(_) => self.0.truncate(start),
        }
        written
    }

    /// A row of one cell that is a text.
    ///
    /// # Errors
    /// For one that is too long.
    pub(super) fn text_row(&mut self, text: &str) -> Result<(), Fault> {
        self.row(1, |out| {
            cell(out, |out| {
                out.put_slice(text.as_bytes());
                Ok(())
            })
        })
    }

    pub(super) fn fault(&mut self, fault: &Fault) {
        let letter = if fault.severity == Severity::Warning { b'N' } else { b'E' };
        self.message(letter, |out| {
            let severity = fault.severity.name();
            // The second one is never translated.
            for (field, text) in [(b'S', severity), (b'V', severity), (b'C', fault.code), (b'M', &fault.message)] {
                out.put_u8(field);
                string(out, text);
            }
            if let Some(hint) = &fault.hint {
                out.put_u8(b'H');
                string(out, hint);
            }
            if let Some(position) = fault.position {
                out.put_u8(b'P');
                string(out, &position.to_string());
            }
            out.put_u8(0);
        });
    }
}

/// A string and the zero behind it, which it cannot have inside.
fn string(out: &mut BytesMut, text: &str) {
    match text.contains('\0') {
        true => out.put_slice(text.replace('\0', " ").as_bytes()),
        false => out.put_slice(text.as_bytes()),
    }
    out.put_u8(0);
}

/// A cell that `write` gives the bytes of.
///
/// # Errors
/// Those of `write`.
pub(super) fn cell(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<(), Fault>) -> Result<(), Fault> {
    let at = out.len();
    out.put_u32(0);
    write(out)?;
    let length = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// NULL.
pub(super) fn null(out: &mut BytesMut) {
    out.put_i32(-1);
}
