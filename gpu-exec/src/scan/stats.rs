//! What loading a scan did, for the query's report.

/// Counts of one [`super::load`]. A column chunk is one column of one row group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadStats {
    pub files: u64,
    /// Row groups of all files, pruned ones included.
    pub row_groups: u64,
    pub row_groups_pruned: u64,
    /// Column chunks read from files.
    pub columns_loaded: u64,
    /// Column chunks found in device memory.
    pub columns_resident: u64,
    /// Column chunks whose text codes were rewritten on the device for another dictionary.
    pub columns_recoded: u64,
    /// Columns whose values did not fit the layout that the footers promised, and that were read again.
    pub layout_misses: u64,
    /// Text column chunks that are not dictionary-encoded throughout: their dictionary was built by hashing every row.
    pub text_hashed: u64,
    /// Bytes asked of the object store, footers included.
    pub file_bytes_read: u64,
    /// Bytes of the host arrays decoded.
    pub decoded_bytes: u64,
    /// Bytes of the table on the device.
    pub device_bytes: u64,
    /// Time of all decoding threads together, in milliseconds: decompressing, decoding, encoding.
    pub decode_ms: f64,
    /// Time of all decoding threads together spent copying to the device, in milliseconds.
    pub upload_ms: f64,
}
