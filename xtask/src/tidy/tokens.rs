//! As much of the grammar of Rust and C++ as tidy needs: where comments and literals are, where a brace closes, where
//! a word stands. Not a parser: it never fails, and at worst sees too much.

/// `text` with comments, strings and character literals replaced by spaces. Line breaks stay, so lines keep their
/// numbers.
pub(crate) fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end;
        } else {
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The end of the comment or literal that begins at `at`; `at` itself where none does.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let before = if at == 0 { b' ' } else { bytes[at - 1] };
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    if rest[0] == b'"' {
        return quoted_end(bytes, at + 1, b'"');
    }
    if rest[0] == b'r' && !is_word(before) || rest.starts_with(b"r") && before == b'b' {
        return raw_string_end(bytes, at);
    }
    // A quote begins a character, unless it is a lifetime ('a) or a digit separator of C++ (1'000).
    if rest[0] == b'\'' && !before.is_ascii_digit() {
        let is_character = rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'') || rest.get(1) >= Some(&0x80);
        if is_character {
            return quoted_end(bytes, at + 1, b'\'');
        }
    }
    at
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"..."`, `r#"..."#`; `start` itself for an `r` that begins no string.
fn raw_string_end(bytes: &[u8], start: usize) -> usize {
    let hashes = bytes[start + 1..].iter().take_while(|byte| **byte == b'#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return start;
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', hashes));
    let body = open + 1;
    match bytes[body..].windows(close.len()).position(|window| window == close) {
        Some(found) => body + found + close.len(),
        None => bytes.len(),
    }
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Every place where `word` stands in `code`, not as a part of a longer word. A `word` that ends or begins with a
/// sign (`std::`) is bound only where it has a letter.
pub(crate) fn find_word(code: &str, word: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let edge = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| is_word(*byte));
    let (first, last) = (word.as_bytes().first(), word.as_bytes().last());
    let bound_before = first.is_some_and(|byte| is_word(*byte));
    let bound_after = last.is_some_and(|byte| is_word(*byte));
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !(bound_before && edge(at.checked_sub(1)) || bound_after && edge(Some(at + word.len()))))
        .collect()
}

/// The line, counted from 1, that `at` is on.
pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where the item that begins at `start` ends: after its closing brace, or after its semicolon if it has no body.
pub(crate) fn item_end(code: &str, start: usize) -> usize {
    let bytes = code.as_bytes();
    let mut braces = 0_usize;
    let mut nested = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && nested == 0 {
                    return at + 1;
                }
            }
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested = nested.saturating_sub(1),
            b';' if braces == 0 && nested == 0 => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

/// `code` with every item behind `#[cfg(test)]` blanked.
pub(crate) fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (at, mark) in code.match_indices("#[cfg(test)]") {
        for byte in &mut bytes[at..item_end(code, at + mark.len())] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// Lines from there to its closing brace, both included.
    pub(crate) lines: usize,
}

/// The functions of Rust `code` (already blanked), in order.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for at in find_word(code, "fn") {
        let name: String =
            code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // `fn(u32) -> u32` is a type.
        if name.is_empty() {
            continue;
        }
        let end = item_end(code, at);
        if code.as_bytes().get(end - 1) != Some(&b'}') {
            continue;
        }
        let line = line_of(code, at);
        found.push(Function { name, line, lines: line_of(code, end - 1) - line + 1 });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let code =
            blank("a // unsafe\nb /* fn /* x */ y */ c \"un\\\"safe\" d r#\"fn \"x\" \"# e 'x' f '\\'' g<'life>");
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f", "g<'life>"]);
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn digit_separators_are_no_characters() {
        assert_eq!(blank("1'000'000 x"), "1'000'000 x");
    }

    #[test]
    fn words_have_edges() {
        assert_eq!(find_word("unsafe_code unsafe", "unsafe"), [12]);
        assert_eq!(find_word("std::x mystd::y", "std::"), [0]);
        assert_eq!(find_word("threadIdx.x", "threadIdx"), [0]);
    }

    #[test]
    fn functions_are_measured() {
        let code = "fn a() {\n}\nimpl X {\n  fn b(\n    x: [u8; 3],\n  ) -> Y {\n    z\n  }\n}\ntrait T { fn c(); }\n";
        let found = functions(code);
        let lines: Vec<(&str, usize, usize)> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(lines, [("a", 1, 2), ("b", 4, 5)]);
    }

    #[test]
    fn tests_are_left_out() {
        let code = "use a;\n#[cfg(test)]\nmod tests {\n use b;\n}\n#[cfg(test)]\nmod more;\nuse c;\n";
        let rest = without_tests(code);
        assert!(rest.contains("use a;") && rest.contains("use c;"));
        assert!(!rest.contains("use b") && !rest.contains("more"));
        assert_eq!(rest.lines().count(), code.lines().count());
    }
}
