//! Answers to requests for a part of a file. Some servers send the part and call it the whole (200 for 206), or send a whole file
//! that is no longer than the part without saying so. Both are what was asked for. Not here: a whole file where a part was
//! asked for, which stays an error: it may be of any size.

use object_store::HeaderValue;
use object_store::client::HttpResponse;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};

/// `response` to a request with this `Range`, with the status of a part if it is one. That it is the part that was asked for is
/// looked at by whoever asked.
pub(crate) fn as_part(range: &HeaderValue, mut response: HttpResponse) -> HttpResponse {
    if response.status() != StatusCode::OK {
        return response;
    }
    if !response.headers().contains_key(CONTENT_RANGE) {
        let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let said = length.filter(|length| covers(range, *length)).and_then(whole);
        let Some(said) = said else { return response };
        response.headers_mut().insert(CONTENT_RANGE, said);
    }
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response
}

/// Whether the range is all of a file of that length.
fn covers(range: &HeaderValue, length: u64) -> bool {
    let bounds = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    match bounds {
        Some(("", suffix)) => suffix.parse::<u64>().is_ok_and(|suffix| suffix >= length),
        Some(("0", "")) => true,
        Some(("0", last)) => last.parse::<u64>().is_ok_and(|last| last.saturating_add(1) >= length),
        _ => false,
    }
}

fn whole(length: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("bytes 0-{}/{length}", length.checked_sub(1)?)).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_a_file_that_is_no_longer() {
        for (range, length, all) in [
            ("bytes=0-9", 10, true),
            ("bytes=0-99", 10, true),
            ("bytes=0-8", 10, false),
            ("bytes=1-9", 10, false),
            ("bytes=0-", 10, true),
            ("bytes=-10", 10, true),
            ("bytes=-9", 10, false),
        ] {
            assert_eq!(covers(&HeaderValue::from_str(range).unwrap(), length), all, "{range}");
        }
        assert_eq!(whole(10).unwrap(), "bytes 0-9/10");
    }
}
