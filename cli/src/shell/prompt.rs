//! The prompt: `maar> `, or `maar@host> ` on a server, and `   -> ` on the lines that go on.

use std::borrow::Cow;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus};

pub(super) struct MaarPrompt {
    name: String,
}

impl MaarPrompt {
    pub(super) fn new(host: Option<&str>) -> Self {
        Self { name: host.map_or_else(|| "maar".to_owned(), |host| format!("maar@{host}")) }
    }
}

impl Prompt for MaarPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("  -> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let state = match search.status {
            PromptHistorySearchStatus::Passing => "search",
            PromptHistorySearchStatus::Failing => "not found",
        };
        Cow::Owned(format!(" ({state}: {}) ", search.term))
    }
}
