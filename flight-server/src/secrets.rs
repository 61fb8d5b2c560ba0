//! What nobody can guess: names of sessions, statements and prepared statements, from the system's source of randomness.

use tonic::Status;

/// Bytes of a secret: more than can be tried.
pub(crate) const SECRET_BYTES: usize = 16;

pub(crate) type Secret = [u8; SECRET_BYTES];

/// A secret that was never given before.
///
/// # Errors
/// INTERNAL when the system has no randomness to give; nothing guessable is made instead.
pub(crate) fn secret() -> Result<Secret, Status> {
    let mut bytes = Secret::default();
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(e) => Err(Status::internal(format!("the system has no random numbers to give: {e}"))),
    }
}

/// `secret` as text: hexadecimal digits.
pub(crate) fn written(secret: &Secret) -> String {
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret that `text` is; `None` for what was never one.
pub(crate) fn read(text: &str) -> Option<Secret> {
    let mut secret = Secret::default();
    if text.len() != 2 * SECRET_BYTES || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_read_as_they_are_written() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_ne!(one, two);
        assert_eq!(read(&written(&one)), Some(one));
        for wrong in ["", "00", &"x".repeat(32), &"0".repeat(33), &"ü".repeat(16), "+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1"]
        {
            assert_ne!(read(wrong), Some(one), "{wrong}");
        }
    }
}
