//! Colours of the line being typed. Keywords, strings, numbers, comments; a quote left open is red.

use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

use super::complete::is_keyword;
use crate::lex::{self, Kind};
use crate::meta;

pub(super) struct SqlHighlighter;

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let start = line.len() - line.trim_start().len();
        if meta::line(line, start).is_some() {
            styled.push((Style::new().fg(Color::Cyan), line.to_owned()));
            return styled;
        }
        for token in lex::tokens(line) {
            let text = &line[token.range.clone()];
            styled.push((style(token.kind, token.closed, text), text.to_owned()));
        }
        styled
    }
}

fn style(kind: Kind, closed: bool, text: &str) -> Style {
    match kind {
        _ if !closed => Style::new().fg(Color::Red),
        Kind::Word if is_keyword(text) => Style::new().bold().fg(Color::Blue),
        Kind::String => Style::new().fg(Color::Green),
        Kind::Number => Style::new().fg(Color::Yellow),
        Kind::Parameter => Style::new().fg(Color::Purple),
        Kind::Comment => Style::new().fg(Color::DarkGray),
        _ => Style::new(),
    }
}
