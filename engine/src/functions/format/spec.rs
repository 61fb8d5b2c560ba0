//! How one argument is written: its width, signs and digits. Both kinds of templates say it with one [`Spec`].

use super::value::{Number, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    pub(super) kind: Kind,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// `None` puts numbers at the right, and texts where `texts_right` says.
    pub(super) align: Option<Align>,
    pub(super) texts_right: bool,
    pub(super) fill: char,
    /// Zeros between the sign and the digits.
    pub(super) zeros: bool,
    pub(super) sign: Sign,
    /// Commas between thousands.
    pub(super) thousands: bool,
    /// `0x` and its like; `g` keeps its last zeros.
    pub(super) alternate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Right,
    Center,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sign {
    /// Only that of negative numbers.
    Minus,
    Plus,
    Space,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// The value as it reads.
    Plain,
    Text,
    Integer,
    Hex {
        upper: bool,
    },
    Octal,
    Binary,
    Fixed,
    Exponent {
        upper: bool,
    },
    General {
        upper: bool,
    },
    Character,
    /// A name of SQL, in quotes where it needs them.
    Name,
    /// A literal of SQL.
    Literal,
}

impl Spec {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            width: 0,
            precision: None,
            align: None,
            texts_right: false,
            fill: ' ',
            zeros: false,
            sign: Sign::Minus,
            thousands: false,
            alternate: false,
        }
    }

    pub(super) fn applied(&self, value: &Value) -> Result<String, String> {
        let text = match (self.kind, value.text) {
            (Kind::Literal, None) => "NULL".to_string(),
            (Kind::Name, None) => return Err("NULL is no name".into()),
            (_, None) => String::new(),
            (_, Some(text)) => self.written(text, value.number)?,
        };
        Ok(self.padded(text, value.number.is_some()))
    }

    fn written(&self, text: &str, number: Option<Number>) -> Result<String, String> {
        let integer = || match number {
            Some(Number::Integer(integer)) => Ok(integer),
            _ => Err(format!("'{text}' is no integer")),
        };
        let float = || match number {
            Some(Number::Integer(integer)) => Ok(integer as f64),
            Some(Number::Float(float)) => Ok(float),
            None => Err(format!("'{text}' is no number")),
        };
        // Negative integers are the 64 bits that they are.
        let bits = || integer().map(|integer| integer as u64);
        let digits = self.precision.unwrap_or(6);
        let prefix = |prefix: &'static str| if self.alternate { prefix } else { "" };
        Ok(match self.kind {
            Kind::Plain => match (number, self.precision) {
                (Some(Number::Float(float)), Some(digits)) => self.signed(general(float, digits, false, false)),
                (Some(_), _) => self.signed(text.to_string()),
                (None, _) => self.cut(text),
            },
            Kind::Text => self.cut(text),
            Kind::Integer => self.signed(integer()?.to_string()),
            Kind::Hex { upper: false } => format!("{}{:x}", prefix("0x"), bits()?),
            Kind::Hex { upper: true } => format!("{}{:X}", prefix("0X"), bits()?),
            Kind::Octal => format!("{}{:o}", prefix("0"), bits()?),
            Kind::Binary => format!("{}{:b}", prefix("0b"), bits()?),
            Kind::Fixed => self.signed(finite(float()?, |float| format!("{float:.digits$}"))),
            Kind::Exponent { upper } => self.signed(finite(float()?, |float| exponent(float, digits, upper))),
            Kind::General { upper } => {
                self.signed(finite(float()?, |float| general(float, digits, upper, self.alternate)))
            }
            Kind::Character => {
                let code = u32::try_from(integer()?).ok().and_then(char::from_u32);
                code.ok_or_else(|| format!("{text} is no character"))?.to_string()
            }
            Kind::Name => name(text),
            Kind::Literal => format!("'{}'", text.replace('\'', "''")),
        })
    }

    /// As many characters as the precision allows.
    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    fn signed(&self, mut digits: String) -> String {
        if self.thousands {
            digits = with_commas(&digits);
        }
        match self.sign {
            _ if digits.starts_with('-') => {}
            Sign::Minus => {}
            Sign::Plus => digits.insert(0, '+'),
            Sign::Space => digits.insert(0, ' '),
        }
        digits
    }

    fn padded(&self, text: String, is_number: bool) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let pad = |count: usize| std::iter::repeat_n(self.fill, count).collect::<String>();
        let is_number = is_number && !matches!(self.kind, Kind::Text | Kind::Character | Kind::Name | Kind::Literal);
        let is_finite = text.ends_with(|last: char| last.is_ascii_hexdigit());
        let align = self.align.unwrap_or(match is_number || self.texts_right {
            true => Align::Right,
            false => Align::Left,
        });
        if self.zeros && self.align.is_none() && is_number && is_finite {
            let at = text.find(|c: char| !"+- ".contains(c)).unwrap_or(0);
            return format!("{}{}{}", &text[..at], "0".repeat(missing), &text[at..]);
        }
        match align {
            Align::Left => text + &pad(missing),
            Align::Right => pad(missing) + &text,
            Align::Center => pad(missing / 2) + &text + &pad(missing - missing / 2),
        }
    }
}

fn finite(float: f64, written: impl Fn(f64) -> String) -> String {
    match float {
        _ if float.is_nan() => "nan".to_string(),
        f64::INFINITY => "inf".to_string(),
        f64::NEG_INFINITY => "-inf".to_string(),
        _ => written(float),
    }
}

/// With an exponent of two digits or more.
fn exponent(float: f64, digits: usize, upper: bool) -> String {
    let written = format!("{float:.digits$e}");
    let (mantissa, power) = written.split_once('e').unwrap_or((&written, "0"));
    let power: i32 = power.parse().unwrap_or_default();
    let (mark, sign) = (if upper { 'E' } else { 'e' }, if power < 0 { '-' } else { '+' });
    format!("{mantissa}{mark}{sign}{:02}", power.abs())
}

/// The shorter of the two, with so many digits that count.
fn general(float: f64, digits: usize, upper: bool, keeps_zeros: bool) -> String {
    let digits = digits.max(1);
    let rounded = format!("{float:.*e}", digits - 1);
    let power: i64 = rounded.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or_default();
    let is_plain = (-4..digits as i64).contains(&power);
    let written = match is_plain {
        true => format!("{float:.*}", (digits as i64 - 1 - power) as usize),
        false => exponent(float, digits - 1, upper),
    };
    if keeps_zeros || !written.contains('.') {
        return written;
    }
    let (mantissa, rest) = written.split_at(written.find(['e', 'E']).unwrap_or(written.len()));
    format!("{}{rest}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

fn with_commas(digits: &str) -> String {
    let start = usize::from(digits.starts_with('-'));
    let end = digits[start..].find(|c: char| !c.is_ascii_digit()).map_or(digits.len(), |at| start + at);
    let mut grouped = String::from(&digits[..start]);
    for (at, digit) in digits[start..end].chars().enumerate() {
        if at > 0 && (end - start - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &digits[end..]
}

fn name(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { text.to_string() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
