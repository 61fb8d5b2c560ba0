//! The little of DER that a public key is written in: which kind it is, and its bytes. Not here: what checks with it (`jwt`).

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    Ed25519,
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// What stands for each kind: the names of the algorithm, and of the curve where there are several.
const KINDS: &[(KeyKind, &[u8])] = &[
    (KeyKind::Rsa, &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]),
    (
        KeyKind::P256,
        &[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
            0x07,
        ],
    ),
    (KeyKind::Ed25519, &[0x06, 0x03, 0x2b, 0x65, 0x70]),
];

/// The key in a SubjectPublicKeyInfo; `None` for what is none, or of another kind.
pub(crate) fn public_key(info: &[u8]) -> Option<(KeyKind, &[u8])> {
    let (whole, rest) = element(info, SEQUENCE)?;
    let (algorithm, key) = element(whole, SEQUENCE)?;
    let (key, behind) = element(key, BIT_STRING)?;
    let (unused, key) = key.split_first()?;
    let kind = KINDS.iter().find(|(_, name)| *name == algorithm)?.0;
    (rest.is_empty() && behind.is_empty() && *unused == 0).then_some((kind, key))
}

/// What an element of this tag holds, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, bytes) = bytes.split_first()?;
    let (short, bytes) = bytes.split_first()?;
    let (length, bytes) = match usize::from(*short) {
        length @ 0..=0x7f => (length, bytes),
        // So many bytes of a length follow.
        long @ 0x81..=0x84 => {
            let (length, bytes) = bytes.split_at_checked(long - 0x80)?;
            (length.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), bytes)
        }
        _ => return None,
    };
    (*found == tag).then(|| bytes.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_longer_is_no_key() {
        let key = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &[7; 32]].concat();
        assert_eq!(public_key(&key), Some((KeyKind::Ed25519, &[7; 32][..])));
        (0..key.len()).for_each(|cut| assert_eq!(public_key(&key[..cut]), None));
        assert_eq!(public_key(&[&key[..], &[0]].concat()), None);
        assert_eq!(public_key(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
