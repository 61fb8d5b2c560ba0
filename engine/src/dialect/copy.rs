//! COPY as DuckDB and PostgreSQL write it, put right before parsing: `COPY q TO 'f' (FORMAT csv, DELIMITER ';')` in DataFusion's
//! words, and `COPY t FROM 'f' (...)` as an INSERT. What cannot be done is refused by its name.
//! Not here: what DataFusion's own options mean, and which of them have no effect (`refused`).

use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::quoted;
use super::tokens::{Tokens, bracketed, cut, error_at, is_any, is_word, name_of, split_at_commas, tokens_of, visible};
use crate::error::{ErrorKind, Result};
use crate::files::{KnownFormat, format_of};

/// Options of COPY, and DataFusion's names of them.
const OF_FILES: [(&[&str], &str); 7] = [
    (&["delimiter", "delim", "sep"], "format.delimiter"),
    (&["quote"], "format.quote"),
    (&["escape"], "format.escape"),
    (&["null", "nullstr"], "format.null_value"),
    (&["dateformat", "date_format"], "format.date_format"),
    (&["timestampformat", "timestamp_format"], "format.timestamp_format"),
    (&["row_group_size"], "format.max_row_group_size"),
];

/// Options of COPY FROM, and the reader's names of them.
const OF_READERS: [(&[&str], &str); 6] = [
    (&["header"], "header"),
    (&["compression"], "compression"),
    (&["delimiter", "delim", "sep"], "delim"),
    (&["quote"], "quote"),
    (&["escape"], "escape"),
    (&["null", "nullstr"], "nullstr"),
];

/// Options that ask for what is done anyway.
const ALWAYS_ON: [&str; 3] = ["overwrite_or_ignore", "use_tmp_file", "auto_detect"];

const KNOWN: &str = "FORMAT, HEADER, DELIMITER, QUOTE, ESCAPE, NULL, DATEFORMAT, TIMESTAMPFORMAT, COMPRESSION, \
                     COMPRESSION_LEVEL, ROW_GROUP_SIZE and PARTITION_BY";

/// The statement in DataFusion's words; `None` where it is no COPY, or is in those words already.
///
/// # Errors
/// For an option that is not known, and for COPY to and from the terminal.
pub(crate) fn in_our_words(tokens: &[TokenWithSpan]) -> Result<Option<Tokens>> {
    let leads = ["explain", "analyze", "verbose"];
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)) && !is_any(token, &leads));
    if !first.is_some_and(|first| is_word(first, "copy")) {
        return Ok(None);
    }
    let tokens = visible(tokens);
    let Some(at) = tokens.iter().position(|token| !is_any(token, &leads)) else {
        return Ok(None);
    };
    let (before, copy) = tokens.split_at(at);
    let Some((first, rest)) = copy.split_first().filter(|(first, _)| is_word(first, "copy")) else { return Ok(None) };
    let written = match (cut(rest, "to"), cut(rest, "from")) {
        ((source, Some(target)), _) => to_file(first.span, source, &target)?,
        ((_, None), (table, Some(file))) => Some(from_file(first.span, &table, &file)?),
        _ => None,
    };
    Ok(written.map(|written| [before, &written].concat()))
}

/// An option: its name, and its value if it has one.
struct Setting {
    name: String,
    value: Tokens,
    span: Span,
}

impl Setting {
    fn string(&self) -> String {
        self.value.iter().map(name_of).collect()
    }

    fn is_off(&self) -> bool {
        ["false", "0", "off"].iter().any(|off| self.string().eq_ignore_ascii_case(off))
    }

    fn of(tokens: &[TokenWithSpan]) -> Option<Self> {
        let (name, value) = tokens.split_first()?;
        let value = match value {
            [word, value @ ..] if is_word(word, "as") => value,
            value => value,
        };
        Some(Self { name: name_of(name).to_ascii_lowercase(), value: value.to_vec(), span: name.span })
    }

    fn unknown(&self) -> crate::error::Error {
        error_at(self.span, ErrorKind::Unsupported, format!("COPY does not support {}", self.name.to_ascii_uppercase()))
            .with_hint(format!("its options are {KNOWN}"))
    }
}

/// The options behind the path, each given once.
///
/// # Errors
/// For one that is given twice: one of them would be forgotten.
fn settings(tail: &[TokenWithSpan]) -> Result<Vec<Setting>> {
    let settings = all_settings(tail);
    for (at, setting) in settings.iter().enumerate() {
        if settings[..at].iter().any(|first| first.name == setting.name) {
            let message = format!("COPY is given {} twice", setting.name.to_ascii_uppercase());
            return Err(error_at(setting.span, ErrorKind::Invalid, message));
        }
    }
    Ok(settings)
}

/// `(a b, c)`, or PostgreSQL's older `CSV HEADER DELIMITER ';'`.
fn all_settings(tail: &[TokenWithSpan]) -> Vec<Setting> {
    let tail = match tail {
        [with, tail @ ..] if is_word(with, "with") => tail,
        tail => tail,
    };
    if let Some(inside) = bracketed(tail) {
        return split_at_commas(inside).iter().filter_map(|setting| Setting::of(setting)).collect();
    }
    let mut found: Vec<Setting> = Vec::new();
    for token in tail {
        match (&token.token, found.last_mut()) {
            (Token::Word(word), _) if word.quote_style.is_none() && !is_word(token, "as") => {
                let (name, value) = match is_word(token, "csv") {
                    true => ("format".to_string(), vec![token.clone()]),
                    false => (word.value.to_ascii_lowercase(), Vec::new()),
                };
                found.push(Setting { name, value, span: token.span });
            }
            (Token::Word(_), _) | (_, None) => {}
            (_, Some(last)) => last.value.push(token.clone()),
        }
    }
    found
}

fn to_file(span: Span, source: Tokens, target: &[TokenWithSpan]) -> Result<Option<Tokens>> {
    let Some((path, tail)) = target.split_first() else { return Ok(None) };
    if is_word(path, "stdout") {
        return Err(error_at(path.span, ErrorKind::Unsupported, "COPY does not write to the terminal")
            .with_hint("run the query itself: maar --format csv -c 'SELECT ...'"));
    }
    if tail.is_empty() || tail.first().is_some_and(|first| is_any(first, &["stored", "options", "partitioned"])) {
        return Ok(None);
    }
    let mut clauses = (String::new(), String::new());
    let mut options = Vec::new();
    let settings = settings(tail)?;
    let level = settings.iter().find(|setting| setting.name == "compression_level").map(Setting::string);
    for setting in &settings {
        let value = setting.string();
        match setting.name.as_str() {
            "format" => clauses.0 = format!(" stored as {value}"),
            "partition_by" => {
                let columns = bracketed(&setting.value).unwrap_or(&setting.value);
                let columns: Vec<String> =
                    split_at_commas(columns).iter().map(|column| column.iter().map(shown).collect()).collect();
                clauses.1 = format!(" partitioned by ({})", columns.join(", "));
            }
            "header" => options.push(("format.has_header", (!setting.is_off()).to_string())),
            "compression" | "codec" => match (value.to_ascii_lowercase().as_str(), &level) {
                ("none", _) => options.push(("format.compression", "uncompressed".to_string())),
                (codec, Some(level)) => options.push(("format.compression", format!("{codec}({level})"))),
                (codec, None) => options.push(("format.compression", codec.to_string())),
            },
            "compression_level" => {}
            name if ALWAYS_ON.contains(&name) && !setting.is_off() => {}
            name => match OF_FILES.iter().find(|(names, _)| names.contains(&name)) {
                Some((_, host)) => options.push((host, value)),
                None => return Err(setting.unknown()),
            },
        }
    }
    let list: Vec<String> = options.iter().map(|(name, value)| format!("'{name}' {}", string(value))).collect();
    let options = if list.is_empty() { String::new() } else { format!(" options ({})", list.join(", ")) };
    let tail = tokens_of(&format!("{}{}{options}", clauses.0, clauses.1), span);
    let source = match source.split_first() {
        // Some columns of a table.
        Some((table, columns)) if table.token != Token::LParen && bracketed(columns).is_some() => {
            let columns = bracketed(columns).unwrap_or_default().to_vec();
            let [select, from, end] = ["(select ", " from ", ")"].map(|sql| tokens_of(sql, span));
            [select, columns, from, vec![table.clone()], end].concat()
        }
        _ => source,
    };
    let [copy, to] = ["copy ", " to "].map(|sql| tokens_of(sql, span));
    Ok(Some([copy, source, to, vec![path.clone()], tail].concat()))
}

fn from_file(span: Span, table: &[TokenWithSpan], file: &[TokenWithSpan]) -> Result<Tokens> {
    let Some((path, tail)) = file.split_first().filter(|(path, _)| !is_word(path, "stdin")) else {
        return Err(error_at(span, ErrorKind::Unsupported, "COPY does not read from the terminal")
            .with_hint("read a file: COPY t FROM 'path'"));
    };
    let mut format = format_of(&name_of(path)).map_or("csv", KnownFormat::name);
    let (mut options, mut of_format) = (Vec::new(), Vec::new());
    for setting in settings(tail)? {
        let value = setting.string();
        match setting.name.as_str() {
            "format" => match format_of(&format!(".{value}")) {
                Some(known) => (format, of_format) = (known.name(), as_reader_options(known)),
                None => {
                    let message = format!("COPY does not read the format {value}");
                    return Err(error_at(setting.span, ErrorKind::Unsupported, message)
                        .with_hint("the formats are csv, json, parquet, arrow, avro and orc"));
                }
            },
            "header" => options.push(format!("header = {}", !setting.is_off())),
            name if ALWAYS_ON.contains(&name) && !setting.is_off() => {}
            name => match OF_READERS.iter().find(|(names, _)| names.contains(&name)) {
                Some((_, reader)) => options.push(format!("{reader} = {}", string(&value))),
                None => return Err(setting.unknown()),
            },
        }
    }
    let is_given = |name: &str| options.iter().any(|option| option.starts_with(&format!("{name} = ")));
    of_format.retain(|(name, _)| !is_given(name));
    options.extend(of_format.iter().map(|(name, value)| format!("{name} = {}", string(value))));
    let options: String = options.iter().map(|option| format!(", {option}")).collect();
    let [insert, select, end] =
        ["insert into ".to_string(), format!(" select * from read_{format}("), format!("{options})")]
            .map(|sql| tokens_of(&sql, span));
    Ok([insert, table.to_vec(), select, vec![path.clone()], end].concat())
}

/// The options that go with a format of that name (`tsv`), as readers call them.
fn as_reader_options(known: &KnownFormat) -> Vec<(&'static str, &'static str)> {
    let reader = |host: &str| {
        let (names, _) = OF_FILES.iter().find(|(_, name)| *name == host)?;
        OF_READERS.iter().find(|(known, _)| known == names).map(|(_, reader)| *reader)
    };
    known.options().iter().filter_map(|(name, value)| Some((reader(name)?, *value))).collect()
}

/// A name as it was written.
fn shown(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::Word(word) if word.quote_style.is_some() => quoted(&word.value).to_string(),
        other => other.to_string(),
    }
}

fn string(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
