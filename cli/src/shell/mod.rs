//! The interactive shell: reads statements with an editor, hands them to the interpreter, survives their failures.

mod complete;
mod highlight;
mod history;
mod names;
mod prompt;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, DefaultHinter, Emacs, KeyCode, KeyModifiers, MenuBuilder, Reedline, ReedlineEvent, ReedlineMenu,
    Signal, ValidationResult, Validator, default_emacs_keybindings,
};

use crate::error::{self, Failure};
use crate::interpreter::{Flow, Interpreter};
use crate::source::Source;
use crate::{lex, meta, terminal};
use complete::SqlCompleter;
use names::Names;

const MENU: &str = "completion";

/// How long the next prompt waits for names to complete.
const NAMES_PATIENCE: Duration = Duration::from_secs(3);

/// Runs until the user leaves.
pub(crate) async fn run(interpreter: &mut Interpreter, startup: Option<Source>) -> Result<(), Failure> {
    interpreter.interactive = true;
    let color = interpreter.settings.color;
    let names = Arc::new(RwLock::new(Names::default()));
    greet(interpreter)?;
    if let Some(startup) = startup
        && execute(interpreter, &startup, color).await?.is_break()
    {
        return interpreter.redirect(None);
    }
    refresh(interpreter, &names).await;
    let mut editor = editor(color, &names);
    let prompt = prompt::MaarPrompt::new(interpreter.backend.host());
    loop {
        match editor.read_line(&prompt) {
            Ok(Signal::Success(text)) => {
                if execute(interpreter, &Source::typed(text.trim()), color).await?.is_break() {
                    break;
                }
                if changes_names(&text) {
                    refresh(interpreter, &names).await;
                }
            }
            Ok(Signal::CtrlD) => break,
            Ok(_) => {}
            Err(error) => return Err(Failure::other(format!("cannot read the terminal: {error}"))),
        }
        // A lost history line is no reason to stop.
        let _ = editor.sync_history();
    }
    interpreter.redirect(None)
}

/// Runs what was typed. Failures are shown and end only it.
async fn execute(interpreter: &mut Interpreter, source: &Source, color: bool) -> Result<Flow, Failure> {
    if source.text.is_empty() {
        return Ok(Flow::Continue(()));
    }
    interpreter.forget_interrupts();
    match interpreter.run(source).await {
        Ok(flow) => Ok(flow),
        Err(Failure::OutputClosed) => Err(Failure::OutputClosed),
        Err(failure) => {
            error::report(&failure, color && terminal::error_colors(false));
            Ok(Flow::Continue(()))
        }
    }
}

fn greet(interpreter: &mut Interpreter) -> Result<(), Failure> {
    let description = interpreter.backend.description();
    interpreter.write(|out| {
        writeln!(
            out,
            "Maar {}, {description}.\nType SQL ended by ; or \\? for help, \\q to leave.",
            env!("CARGO_PKG_VERSION")
        )
    })
}

fn editor(color: bool, names: &Arc<RwLock<Names>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let menu = ColumnarMenu::default().with_name(MENU).with_columns(4).with_column_padding(2);
    let mut editor = Reedline::create()
        .with_ansi_colors(color)
        .with_validator(Box::new(UntilSemicolon))
        .with_completer(Box::new(SqlCompleter::new(Arc::clone(names))))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        // As in bash: a line that begins with a space is not kept.
        .with_history_exclusion_prefix(Some(" ".to_owned()));
    if color {
        let hint = Style::new().fg(Color::DarkGray);
        editor = editor
            .with_highlighter(Box::new(highlight::SqlHighlighter))
            .with_hinter(Box::new(DefaultHinter::default().with_style(hint)));
    }
    match history::open() {
        Some(history) => editor.with_history(history),
        None => editor,
    }
}

/// Enter ends the input when all statements are ended, or on a meta command; else it starts a new line.
struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, text: &str) -> ValidationResult {
        let start = text.len() - text.trim_start().len();
        let leaves = matches!(text.trim().to_ascii_lowercase().as_str(), "quit" | "exit");
        if leaves || meta::line(text, start).is_some() || lex::is_complete(text) || meta::is_ended(text) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// Whether a text may add, drop or rename tables.
fn changes_names(text: &str) -> bool {
    const READING: &[&str] = &["select", "with", "explain", "show", "describe", "values", "from", "table"];
    let words = |token: lex::Token| (token.kind == lex::Kind::Word).then(|| text[token.range].to_ascii_lowercase());
    lex::tokens(text).find_map(words).is_some_and(|first| !READING.contains(&first.as_str())) || text.contains(';')
}

/// Reads the names anew. A server that is slow to tell them, or Ctrl-C, leaves those of before.
async fn refresh(interpreter: &mut Interpreter, names: &RwLock<Names>) {
    let fresh = tokio::select! {
        fresh = Names::load(&interpreter.backend) => fresh,
        () = interpreter.interrupt.wait() => return,
        () = tokio::time::sleep(NAMES_PATIENCE) => return,
    };
    if let Ok(mut names) = names.write() {
        *names = fresh;
    }
}
