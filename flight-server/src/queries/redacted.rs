//! Statements and settings as they may be shown: without passwords, keys and tokens. What looks like one is taken for one.

use std::sync::LazyLock;

use regex::Regex;

/// What names of secrets have in them.
const WORDS: &str =
    "secret|passw|token|credential|api_?key|access_key|private_key|account_key|encryption_key|signature";

const HIDDEN: &str = "***";

struct Patterns {
    name: Option<Regex>,
    /// A string, as SQL writes it; the last one may be cut off.
    string: Option<Regex>,
    /// What may stand between a name and its value, at the end of what is before the value.
    between: Option<Regex>,
    /// User and password in a URL.
    login: Option<Regex>,
    /// A parameter of a URL that signs it.
    signed: Option<Regex>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    name: Regex::new(&format!("(?i){WORDS}")).ok(),
    string: Regex::new(r"(?s)'(?:[^']|'')*(?:'|$)|\$\$.*?(?:\$\$|$)").ok(),
    between: Regex::new(r"(?i)(?:\s|=>|[=:,]|\bto\b|\bis\b)*$").ok(),
    login: Regex::new(r"://[^/\s:@']+:[^@\s/']+@").ok(),
    signed: Regex::new(r"(?i)([?&](?:sig|signature|token|key|secret|x-amz-[a-z-]+|x-goog-[a-z-]+)=)[^&'\s]*").ok(),
});

/// Whether an option of this name is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    PATTERNS.name.as_ref().is_none_or(|pattern| pattern.is_match(name))
}

/// `sql` without what looks like a secret; nothing of it where that cannot be told.
pub(crate) fn redacted(sql: &str) -> String {
    let Patterns { string: Some(string), between: Some(between), login: Some(login), signed: Some(signed), .. } =
        &*PATTERNS
    else {
        return HIDDEN.to_owned();
    };
    let (mut text, mut end, mut last) = (String::with_capacity(sql.len()), 0, "");
    for found in string.find_iter(sql) {
        let before = &sql[end..found.start()];
        let named = &before[..between.find(before).map_or(before.len(), |between| between.start())];
        // A name stands before its value as an identifier, or as a string of its own.
        let name = if named.is_empty() { last } else { named.rsplit(is_no_name).next().unwrap_or_default() };
        text.push_str(before);
        match is_secret(name) {
            true => text.push_str(&format!("'{HIDDEN}'")),
            false => text.push_str(found.as_str()),
        }
        (end, last) = (found.end(), found.as_str());
    }
    text.push_str(&sql[end..]);
    let text = login.replace_all(&text, format!("://{HIDDEN}@"));
    signed.replace_all(&text, format!("${{1}}{HIDDEN}")).into_owned()
}

fn is_no_name(character: char) -> bool {
    !(character.is_alphanumeric() || "_.-\"".contains(character))
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
            (
                "create external table t stored as csv location 's3://b/t' options ('aws.secret_access_key' 'k', 'a' 'b')",
                "create external table t stored as csv location 's3://b/t' options ('aws.secret_access_key' '***', 'a' 'b')",
            ),
            (
                "create secret s (type s3, secret 'k', session_token 'k', region 'eu')",
                "create secret s (type s3, secret '***', session_token '***', region 'eu')",
            ),
            ("options (aws.session_token 'k')", "options (aws.session_token '***')"),
            ("f(api_key => 'k', b => 'c')", "f(api_key => '***', b => 'c')"),
            ("from 'https://u:w@example.com/a'", "from 'https://***@example.com/a'"),
            ("from 'https://example.com/a?x=1&sig=abc&y=2'", "from 'https://example.com/a?x=1&sig=***&y=2'"),
            ("set secret = 'cut in the mid", "set secret = '***'"),
        ] {
            assert_eq!(redacted(sql), shown);
        }
        assert!(is_secret("aws.secret_access_key") && is_secret("MAAR_TOKEN") && !is_secret("maar.device"));
    }
}
