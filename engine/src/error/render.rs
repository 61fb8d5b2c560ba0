//! Draws an error for a terminal: message, `LINE n:` with the line itself, a caret, and the hint.

use unicode_width::UnicodeWidthStr;

use super::Error;

/// Longer lines are cut around the caret, so that it stays in sight.
const LINE_WIDTH_MAX: usize = 100;

pub(super) fn render(error: &Error, script: &str) -> String {
    let mut text = error.message.clone();
    if let Some(excerpt) = error.position.and_then(|at| excerpt(script, at.line, at.column)) {
        text.push('\n');
        text.push_str(&excerpt);
    }
    if let Some(hint) = &error.hint {
        text.push_str("\nHint: ");
        text.push_str(hint);
    }
    text
}

fn excerpt(script: &str, line: usize, column: usize) -> Option<String> {
    let content = script.lines().nth(line.checked_sub(1)?)?.trim_end();
    // A tab stays one character wide, so that the caret is under its place.
    let content: Vec<char> = content.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    // An error at the end of the input points one past the last character.
    let at = column.checked_sub(1)?.min(content.len());
    let start = if content.len() <= LINE_WIDTH_MAX { 0 } else { at.saturating_sub(LINE_WIDTH_MAX / 2) };
    let end = content.len().min(start + LINE_WIDTH_MAX);
    let dots = |are_needed: bool| if are_needed { "..." } else { "" };
    let (before, after) = (dots(start > 0), dots(end < content.len()));
    let shown: String = content[start..end].iter().collect();
    let label = format!("LINE {line}: {before}");
    // Columns of a terminal: an ideograph takes two.
    let indent = " ".repeat(label.width() + content[start..at].iter().collect::<String>().width());
    Some(format!("{label}{shown}{after}\n{indent}^"))
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn the_caret_is_under_its_column() {
        assert_eq!(excerpt("select 1;\nselect x", 2, 8).as_deref(), Some("LINE 2: select x\n               ^"));
    }

    #[test]
    fn the_caret_is_under_wide_characters_and_tabs() {
        assert_eq!(
            excerpt("\tselect 日本, x  ", 1, 13).as_deref(),
            Some("LINE 1:  select 日本, x\n                      ^")
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let drawn = excerpt(&line, 1, 301).unwrap_or_default();
        let (shown, caret) = drawn.split_once('\n').unwrap_or_default();
        assert_eq!(shown.chars().nth(caret.chars().count() - 1), Some('X'), "{drawn}");
        assert!(shown.chars().count() < 130, "{drawn}");
    }

    #[test]
    fn places_outside_the_text_draw_nothing_or_its_end() {
        assert_eq!(excerpt("select", 3, 1), None);
        assert_eq!(excerpt("select", 1, 99).as_deref(), Some("LINE 1: select\n              ^"));
    }
}
