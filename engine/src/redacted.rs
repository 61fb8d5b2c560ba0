//! Statements as they may be shown: without passwords, keys and tokens. What looks like one is taken for one in logs and
//! histories ([`redacted`]); in definitions that are kept, only the values of options that are known to be secret ([`definition`]).

use std::sync::LazyLock;

use regex::Regex;

/// What names of secrets have in them.
const WORDS: &str = "secret|passw|token|credential|api_?key|access_key|private_key|account_key|sas_key|encryption_key|key_as_hex|signature";

/// Names of options whose values no definition shows: keys of files, and whatever a store is opened with.
const OF_DEFINITIONS: &str = r"(?i)key_as_hex|^'?(?:s3|aws|gcs|gcp|google|azure|http|format\.crypto|crypto)\.";

const HIDDEN: &str = "***";

struct Patterns {
    name: Option<Regex>,
    of_definitions: Option<Regex>,
    /// A string, as SQL writes it, with the letter that may stand before it; the last one may be cut off.
    string: Option<Regex>,
    /// What may stand between a name and its value, at the end of what is before the value.
    between: Option<Regex>,
    /// A value without quotes.
    bare: Option<Regex>,
    /// User and password in a URL.
    login: Option<Regex>,
    /// A parameter of a URL that signs it.
    signed: Option<Regex>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    name: Regex::new(&format!("(?i){WORDS}")).ok(),
    of_definitions: Regex::new(OF_DEFINITIONS).ok(),
    string: Regex::new(
        r"(?s)\b[eE]'(?:[^'\\]|\\.|'')*(?:'|$)|(?:\b[a-zA-Z]|\b[uU]&)?'(?:[^']|'')*(?:'|$)|\$\$.*?(?:\$\$|$)",
    )
    .ok(),
    between: Regex::new(r"(?i)(?:\s|=>|[=:,]|\bto\b|\bis\b|/\*(?:[^*]|\*[^/])*\*/|--[^\n]*\n)*$").ok(),
    bare: Regex::new(&format!(
        r#"(?i)((?:{WORDS})(?:ord|s)?(?:::\w+)?"?\s*(?:=>|:?=|\bto\b)\s*)(?:"[^"]*"|[^\s'",;()$*=>][^\s'",;()$]*)"#
    ))
    .ok(),
    login: Regex::new(r"://[^/\s:@']+:[^@\s/']+@").ok(),
    signed: Regex::new(r"(?i)([?&](?:sig|signature|token|key|secret|x-amz-[a-z-]+|x-goog-[a-z-]+)=)[^&'\s]*").ok(),
});

/// Whether an option of this name is a secret, or a text names one.
pub fn is_secret(name: &str) -> bool {
    PATTERNS.name.as_ref().is_none_or(|pattern| pattern.is_match(name))
}

/// `sql` without what looks like a secret; nothing of it where that cannot be told.
pub fn redacted(sql: &str) -> String {
    let Patterns { bare: Some(bare), login: Some(login), .. } = &*PATTERNS else { return HIDDEN.to_owned() };
    let Some(text) = without_strings(sql, is_secret) else { return HIDDEN.to_owned() };
    let text = bare.replace_all(&text, format!("${{1}}{HIDDEN}"));
    unsigned(&login.replace_all(&text, format!("://{HIDDEN}@"))).unwrap_or_else(|| HIDDEN.to_owned())
}

/// The statement that made a table or a view, as catalogs show it to everybody; `None` where that cannot be told.
pub(crate) fn definition(sql: &str) -> Option<String> {
    let of_definitions = PATTERNS.of_definitions.as_ref()?;
    unsigned(&without_strings(sql, |name| of_definitions.is_match(name))?)
}

/// `sql` without the strings that stand behind a name of which `is_hidden` says so.
fn without_strings(sql: &str, is_hidden: impl Fn(&str) -> bool) -> Option<String> {
    let Patterns { string: Some(string), between: Some(between), .. } = &*PATTERNS else { return None };
    let (mut text, mut end, mut last) = (String::with_capacity(sql.len()), 0, "");
    for found in string.find_iter(sql) {
        let before = &sql[end..found.start()];
        let named = &before[..between.find(before).map_or(before.len(), |between| between.start())];
        // A name stands before its value as an identifier, or as a string of its own.
        let name = if named.is_empty() { last } else { named.rsplit(is_no_name).next().unwrap_or_default() };
        text.push_str(before);
        match is_hidden(name) {
            true => text.push_str(&format!("'{HIDDEN}'")),
            false => text.push_str(found.as_str()),
        }
        (end, last) = (found.end(), found.as_str());
    }
    text.push_str(&sql[end..]);
    Some(text)
}

fn unsigned(text: &str) -> Option<String> {
    Some(PATTERNS.signed.as_ref()?.replace_all(text, format!("${{1}}{HIDDEN}")).into_owned())
}

fn is_no_name(character: char) -> bool {
    !(character.is_alphanumeric() || "_.-:\"".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_the_rest_stays() {
        for (sql, shown) in [
            ("select 1", "select 1"),
            ("select 'token' from t", "select 'token' from t"),
            ("select 'a' as token from t where b = 'c'", "select 'a' as token from t where b = 'c'"),
            ("set x.secret = $$hush$$; select 1", "set x.secret = '***'; select 1"),
            ("set x.secret = 'a''b' ", "set x.secret = '***' "),
            ("set x.Password TO 'a'", "set x.Password TO '***'"),
            ("set x.Password TO hush; select 1", "set x.Password TO ***; select 1"),
            (
                "create external table t stored as csv location 's3://b/t' options ('aws.secret_access_key' 'k', 'a' 'b')",
                "create external table t stored as csv location 's3://b/t' options ('aws.secret_access_key' '***', 'a' 'b')",
            ),
            (
                "create secret s (type s3, secret 'k', session_token 'k', region 'eu')",
                "create secret s (type s3, secret '***', session_token '***', region 'eu')",
            ),
            ("options (aws.session_token 'k')", "options (aws.session_token '***')"),
            ("select 1 from t join u on t.token_id = u.id", "select 1 from t join u on t.token_id = u.id"),
            ("f(api_key => 'k', b => 'c')", "f(api_key => '***', b => 'c')"),
            ("f('p', footer_key_as_hex = '30', a = 'b')", "f('p', footer_key_as_hex = '***', a = 'b')"),
            ("f('p', footer_key_as_hex = 3031, a = 'b')", "f('p', footer_key_as_hex = ***, a = 'b')"),
            ("f('p', footer_key_as_hex := \"ab\")", "f('p', footer_key_as_hex := ***)"),
            ("f('p', \"footer_key_as_hex\" = e'3\\'0')", "f('p', \"footer_key_as_hex\" = '***')"),
            (
                "f('p', footer_key_as_hex /* a * b */ = -- c\n '30')",
                "f('p', footer_key_as_hex /* a * b */ = -- c\n '***')",
            ),
            (
                "options ('format.crypto.file_encryption.column_key_as_hex::my column' '30', 'x' 'y')",
                "options ('format.crypto.file_encryption.column_key_as_hex::my column' '***', 'x' 'y')",
            ),
            (
                "options (format.crypto.file_encryption.column_key_as_hex::c '30')",
                "options (format.crypto.file_encryption.column_key_as_hex::c '***')",
            ),
            ("from 'https://u:w@example.com/a'", "from 'https://***@example.com/a'"),
            ("from 'https://example.com/a?x=1&sig=abc&y=2'", "from 'https://example.com/a?x=1&sig=***&y=2'"),
            ("set secret = 'cut in the mid", "set secret = '***'"),
        ] {
            assert_eq!(redacted(sql), shown);
        }
        assert!(is_secret("aws.secret_access_key") && is_secret("MAAR_TOKEN") && !is_secret("maar.device"));
        // By these the shell leaves a statement out of its history.
        for word in ["password", "SECRET", "token", "access_key", "credential", "sas_key", "footer_key_as_hex"] {
            assert!(is_secret(&format!("select '{word}'")), "{word}");
        }
        assert!(is_secret("column_key_as_hex::c") && !is_secret("encrypt_footer"));
    }

    #[test]
    fn definitions_keep_their_form_and_lose_keys() {
        let table = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3://b/t' OPTIONS ('aws.secret_access_key' 'h''ush', 'x' 'y')";
        assert_eq!(definition(table), Some(table.replace("'h''ush'", "'***'")));
        let crypto = "OPTIONS ('format.crypto.file_decryption.column_key_as_hex::my column' '30', 'a' 'b')";
        assert_eq!(definition(crypto), Some(crypto.replace("'30'", "'***'")));
        let view = "create view v as select * from read_parquet('p', footer_key_as_hex = '30') where token = 'a'";
        assert_eq!(definition(view), Some(view.replace("'30'", "'***'")));
        let signed = "create view v as select * from 'https://example.com/a.csv?sig=abc'";
        assert_eq!(definition(signed), Some(signed.replace("abc", "***")));
    }
}
