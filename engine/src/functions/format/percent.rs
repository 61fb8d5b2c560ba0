//! Templates with `%`: `%[n$][flags][width][.precision]conversion`, as in C, and `%I`, `%L` of PostgreSQL.

use std::iter::Peekable;
use std::str::Chars;

use super::spec::{Align, Kind, Sign, Spec};
use super::{Nulls, Piece, Template};

pub(super) fn read(text: &str, nulls: Nulls) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut next = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' || rest.next_if_eq(&'%').is_some() {
            plain.push(character);
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        let (place, spec) = directive(&mut rest)?;
        let at = place.unwrap_or(next);
        pieces.push(Piece::Argument(at, spec));
        next = at + 1;
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Template { pieces, nulls })
}

/// What stands behind a percent sign: the argument that it names, from 0, and how that is written.
fn directive(rest: &mut Peekable<Chars>) -> Result<(Option<usize>, Spec), String> {
    let mut spec = Spec { texts_right: true, ..Spec::new(Kind::Plain) };
    let mut place = None;
    // A number in front is a place if a dollar sign follows, else the width, whose zero is a flag.
    let is_zero = rest.peek() == Some(&'0');
    if let Some(count) = number(rest)? {
        match rest.next_if_eq(&'$') {
            Some(_) => place = Some(count.checked_sub(1).ok_or("arguments are counted from 1")?),
            None => (spec.width, spec.zeros) = (count, is_zero),
        }
    }
    if spec.width == 0 {
        flags(rest, &mut spec);
        spec.width = number(rest)?.unwrap_or(spec.width);
    }
    if rest.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(rest)?.unwrap_or(0));
    }
    // How long C's integers are says nothing here.
    while rest.next_if(|c| matches!(c, 'l' | 'h')).is_some() {}
    spec.kind = match rest.next() {
        Some('s') => Kind::Text,
        Some('d' | 'i' | 'u') => Kind::Integer,
        Some('x') => Kind::Hex { upper: false },
        Some('X') => Kind::Hex { upper: true },
        Some('o') => Kind::Octal,
        Some('f' | 'F') => Kind::Fixed,
        Some('e') => Kind::Exponent { upper: false },
        Some('E') => Kind::Exponent { upper: true },
        Some('g') => Kind::General { upper: false },
        Some('G') => Kind::General { upper: true },
        Some('c') => Kind::Character,
        Some('I') => Kind::Name,
        Some('L') => Kind::Literal,
        Some(other) => return Err(format!("there is no directive %{other}; a percent sign is %%")),
        None => return Err("the template ends with a percent sign; one that is meant is %%".into()),
    };
    Ok((place, spec))
}

fn flags(rest: &mut Peekable<Chars>, spec: &mut Spec) {
    while let Some(flag) = rest.next_if(|c| "-+ #0,".contains(*c)) {
        match flag {
            '-' => spec.align = Some(Align::Left),
            '+' => spec.sign = Sign::Plus,
            ' ' if spec.sign == Sign::Minus => spec.sign = Sign::Space,
            '#' => spec.alternate = true,
            '0' => spec.zeros = true,
            ',' => spec.thousands = true,
            _ => {}
        }
    }
}

/// A number of at most four digits: widths are no more.
pub(super) fn number(rest: &mut Peekable<Chars>) -> Result<Option<usize>, String> {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    match digits.len() {
        0 => Ok(None),
        1..=4 => Ok(digits.parse().ok()),
        _ => Err(format!("the number {digits} of the template is too large")),
    }
}
