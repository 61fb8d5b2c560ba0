//! Templates with `{}`: `{[n][:[[fill]align][sign][#][0][width][,][.precision][type]]}`, as in DuckDB.

use std::iter::Peekable;
use std::str::Chars;

use super::percent::number;
use super::spec::{Align, Kind, Sign, Spec};
use super::{Nulls, Piece, Template};

pub(super) fn read(text: &str) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut next = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '}' if rest.next_if_eq(&'}').is_none() => {
                return Err("a } of the template stands alone; one that is meant is }}".into());
            }
            '{' if rest.next_if_eq(&'{').is_none() => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                let at = number(&mut rest)?.unwrap_or(next);
                next = at + 1;
                let spec = match rest.next_if_eq(&':') {
                    Some(_) => spec(&mut rest)?,
                    None => Spec::new(Kind::Plain),
                };
                if rest.next() != Some('}') {
                    return Err("a { of the template is not closed as it should be; one that is meant is {{".into());
                }
                pieces.push(Piece::Argument(at, spec));
            }
            other => plain.push(other),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Template { pieces, nulls: Nulls::Null })
}

/// What stands behind a colon.
fn spec(rest: &mut Peekable<Chars>) -> Result<Spec, String> {
    let mut spec = Spec::new(Kind::Plain);
    let mut ahead = rest.clone();
    let (first, second) = (ahead.next(), ahead.next());
    if let (Some(fill), Some(align)) = (first, second.and_then(align)) {
        (spec.fill, spec.align) = (fill, Some(align));
        rest.nth(1);
    } else if let Some(align) = first.and_then(align) {
        spec.align = Some(align);
        rest.next();
    }
    match rest.next_if(|c| "+- ".contains(*c)) {
        Some('+') => spec.sign = Sign::Plus,
        Some(' ') => spec.sign = Sign::Space,
        _ => {}
    }
    spec.alternate = rest.next_if_eq(&'#').is_some();
    spec.zeros = rest.next_if_eq(&'0').is_some();
    spec.width = number(rest)?.unwrap_or(0);
    spec.thousands = rest.next_if_eq(&',').is_some();
    if rest.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(rest)?.unwrap_or(0));
    }
    if let Some(kind) = rest.next_if(|c| *c != '}') {
        spec.kind = match kind {
            's' => Kind::Text,
            'd' => Kind::Integer,
            'x' => Kind::Hex { upper: false },
            'X' => Kind::Hex { upper: true },
            'o' => Kind::Octal,
            'b' => Kind::Binary,
            'f' | 'F' => Kind::Fixed,
            'e' => Kind::Exponent { upper: false },
            'E' => Kind::Exponent { upper: true },
            'g' => Kind::General { upper: false },
            'G' => Kind::General { upper: true },
            'c' => Kind::Character,
            other => return Err(format!("there is no type '{other}' in {{}}")),
        };
    }
    Ok(spec)
}

fn align(character: char) -> Option<Align> {
    match character {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Center),
        _ => None,
    }
}
