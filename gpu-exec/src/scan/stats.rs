//! What loading a scan did, for the query's report.

use std::fmt;

/// Counts of one [`super::load`]. A column chunk is one column of one row group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadStats {
    pub files: u64,
    /// Row groups of all files, pruned ones included.
    pub row_groups: u64,
    pub row_groups_pruned: u64,
    /// Column chunks read from files.
    pub columns_loaded: u64,
    /// Column chunks found in memory: of the device, or of the host where small row groups are gathered.
    pub columns_resident: u64,
    /// Column chunks whose text codes were rewritten on the device for another dictionary.
    pub columns_recoded: u64,
    /// Columns whose values did not fit the layout that the footers promised, and that were read again.
    pub layout_misses: u64,
    /// 1 where the table turned out to be another than its footers claim, after it was begun with: it was read from its first row again.
    pub shape_misses: u64,
    /// Text column chunks that are not dictionary-encoded throughout: their dictionary was built by hashing every row.
    pub text_hashed: u64,
    /// Text columns held as they are, without a dictionary.
    pub columns_raw: u64,
    /// Parts that a table was uploaded in, of one that does not fit the device; 0 where it does.
    pub waves: u64,
    /// Bytes asked of the object store, footers included.
    pub file_bytes_read: u64,
    /// Of these, dictionaries that were read ahead of their column chunks, and again with them.
    pub words_bytes_read: u64,
    /// Bytes of the host arrays decoded.
    pub decoded_bytes: u64,
    /// Bytes of the table on the device.
    pub device_bytes: u64,
    /// Time of all decoding threads together, in milliseconds: decompressing, decoding, encoding.
    pub decode_ms: f64,
    /// Time of all decoding threads together spent copying to the device, in milliseconds.
    pub upload_ms: f64,
}

impl fmt::Display for LoadStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "files={}, row_groups={} ({} pruned), column_chunks={} resident + {} loaded",
            self.files, self.row_groups, self.row_groups_pruned, self.columns_resident, self.columns_loaded
        )?;
        let seldom = [
            ("recoded", self.columns_recoded),
            ("layout_misses", self.layout_misses),
            ("shape_misses", self.shape_misses),
            ("text_hashed", self.text_hashed),
            ("columns_raw", self.columns_raw),
            ("waves", self.waves),
        ];
        for (name, count) in seldom.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {name}={count}")?;
        }
        write!(
            f,
            ", file_bytes={}, decoded_bytes={}, device_bytes={}, decode_ms={:.3}, upload_ms={:.3}",
            self.file_bytes_read, self.decoded_bytes, self.device_bytes, self.decode_ms, self.upload_ms
        )
    }
}
