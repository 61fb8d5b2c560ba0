//! `traceparent` of W3C's Trace Context: what a caller's tracing calls the whole that a call is part of. It is shown beside queries and
//! in the audit log, so that what a server did is found from a trace. Not here: spans of the server's own, of which it makes none.

use std::fmt;

use tonic::Request;

/// The header, as HTTP and gRPC have it.
const HEADER: &str = "traceparent";

/// The trace that a call is part of: 16 bytes that its caller chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

/// That of a call; `None` where it has none, or what is none: a header of tracing never fails a call.
pub(crate) fn trace_of<T>(request: &Request<T>) -> Option<TraceId> {
    read(request.metadata().get(HEADER)?.to_str().ok()?)
}

/// `version-trace-parent-flags`, in lower-case hexadecimal; later versions may have more behind it.
fn read(text: &str) -> Option<TraceId> {
    let mut parts = text.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex =
        |part: &str, digits| part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_whole = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    let has_more = parts.next().is_some();
    if !is_whole || version == "ff" || (version == "00" && has_more) || parent.bytes().all(|b| b == b'0') {
        return None;
    }
    u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0).map(TraceId)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_is_read() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let good = format!("00-{trace}-b7ad6b7169203331-01");
        assert_eq!(read(&good).map(|id| id.to_string()), Some(trace.to_owned()));
        let later = format!("01-{trace}-b7ad6b7169203331-01-more");
        assert!(read(&later).is_some());
        for wrong in [
            "",
            "00",
            &good.to_uppercase(),
            &good.replace("00-", "ff-"),
            &format!("{good}-more"),
            &good.replace(trace, "00000000000000000000000000000000"),
            &good.replace("b7ad6b7169203331", "0000000000000000"),
            &good.replace(trace, "0af7"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
