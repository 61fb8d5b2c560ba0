//! Messages on stdin, one a line, each of bounded length.

use std::io::{self, BufRead, Read};
use std::thread;

use tokio::sync::mpsc;

use crate::error::Failure;

/// Bytes of a message.
const BYTES_MAX: u64 = 4 << 20;

/// Messages that were read and wait to be taken.
const AHEAD: usize = 16;

/// The lines of stdin, which a thread of its own waits for.
pub(super) fn lines() -> Result<mpsc::Receiver<io::Result<Vec<u8>>>, Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let read = move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next_line(&mut input).transpose() {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("stdin".to_owned()).spawn(read);
    thread.map(|_| receiver).map_err(|error| Failure::other(format!("cannot start threads: {error}")))
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.len() as u64 {
        0 => Ok(None),
        BYTES_MAX => Err(io::Error::other(format!("a message on stdin has more than {BYTES_MAX} bytes"))),
        _ => Ok(Some(line)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_bound() {
        let mut long = vec![b'x'; BYTES_MAX as usize + 1].leak() as &[u8];
        assert!(next_line(&mut long).is_err());
        let mut two: &[u8] = b"a\nb";
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"a\n");
        assert_eq!(next_line(&mut two).unwrap().unwrap(), b"b");
        assert_eq!(next_line(&mut two).unwrap(), None);
    }
}
