//! Meta commands about the last statement: run it again, run it over and over, change it in an editor.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::settings::say;
use crate::error::Failure;
use crate::interpreter::{Flow, Interpreter};
use crate::source::Source;

/// Seconds between the runs of `\watch`, and the fewest.
const PAUSE: f64 = 2.0;
const PAUSE_MIN: f64 = 0.05;

/// Most seconds between two runs: a day.
const PAUSE_MAX: f64 = 86_400.0;

fn last(interpreter: &Interpreter) -> Result<String, Failure> {
    let none = || Failure::other("no statement has run yet that could run again");
    interpreter.last.clone().ok_or_else(none)
}

/// `\g [FILE]` and `\gx [FILE]`.
pub(super) async fn again(
    interpreter: &mut Interpreter,
    name: &str,
    argument: &str,
    is_expanded: bool,
) -> Result<(), Failure> {
    if argument.starts_with('|') {
        return Err(Failure::other(format!("{name} writes to files, not to commands\nHint: maar -c ... | COMMAND")));
    }
    let sql = last(interpreter)?;
    let usual = interpreter.settings.expanded;
    interpreter.settings.expanded |= is_expanded;
    let path = (!argument.is_empty()).then(|| Path::new(argument));
    let result = interpreter.run_sql_to(path, &sql).await;
    interpreter.settings.expanded = usual;
    result
}

/// `\watch [SECONDS] [c=TIMES]`: until Ctrl-C, which is its end and no error, or as often as told.
pub(super) async fn watch(interpreter: &mut Interpreter, argument: &str) -> Result<(), Failure> {
    let (pause, times) = pace(argument)?;
    let sql = last(interpreter)?;
    // Pages would wait for a key each time.
    let usual = std::mem::replace(&mut interpreter.settings.pager, false);
    let result = watched(interpreter, &sql, pause, times).await;
    interpreter.settings.pager = usual;
    match result {
        Err(Failure::Interrupted) if interpreter.interactive => Ok(()),
        result => result,
    }
}

async fn watched(interpreter: &mut Interpreter, sql: &str, pause: Duration, times: Option<u64>) -> Result<(), Failure> {
    let mut run = 0;
    loop {
        run += 1;
        interpreter.run_sql(sql).await?;
        if times.is_some_and(|times| run >= times) {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = interpreter.interrupt.wait() => return Err(Failure::Interrupted),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The time between two runs, and how many there are to be.
fn pace(argument: &str) -> Result<(Duration, Option<u64>), Failure> {
    let wrong = |word: &str| {
        Failure::other(format!("'{word}' is no pace\nHint: \\watch 5 is every 5 seconds, \\watch 5 c=3 three times"))
    };
    let (mut pause, mut times) = (PAUSE, None);
    for word in argument.split_whitespace() {
        match word.split_once('=') {
            Some(("c", count)) => {
                times = Some(count.parse().ok().filter(|count| *count > 0).ok_or_else(|| wrong(word))?)
            }
            Some(("i", seconds)) => pause = seconds.parse().map_err(|_| wrong(word))?,
            Some(_) => return Err(wrong(word)),
            None => pause = word.parse().map_err(|_| wrong(word))?,
        }
    }
    match pause {
        seconds if (0.0..=PAUSE_MAX).contains(&seconds) => Ok((Duration::from_secs_f64(seconds.max(PAUSE_MIN)), times)),
        _ => Err(wrong(argument)),
    }
}

/// `\e [FILE]`: an editor with the last statement, or with a file; what it leaves is run if it was changed.
pub(super) async fn edit(interpreter: &mut Interpreter, argument: &str) -> Result<Flow, Failure> {
    if !interpreter.interactive || !std::io::stdin().is_terminal() {
        return Err(Failure::other("\\e opens an editor, which needs a terminal"));
    }
    let failed = |error: std::io::Error| Failure::other(format!("cannot make a file for the editor: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = match argument {
        "" => folder.path().join("statement.sql"),
        file => PathBuf::from(file),
    };
    if argument.is_empty() {
        let text = interpreter.last.clone().map(|sql| format!("{sql};\n")).unwrap_or_default();
        std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    }
    let before = std::fs::read(&path).unwrap_or_default();
    opened(&path)?;
    interpreter.forget_interrupts();
    let after = Source::read(&path)?;
    if after.text.as_bytes() == before {
        say(interpreter, "Nothing was changed, nothing runs.");
        return Ok(Flow::Continue(()));
    }
    let source = match argument {
        "" => {
            crate::terminal::note(after.text.trim_end());
            Source::typed(after.text)
        }
        _ => after,
    };
    Box::pin(interpreter.run(&source)).await
}

/// Runs the user's editor on a file, to its end.
fn opened(path: &Path) -> Result<(), Failure> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::other(format!(
            "the editor `{editor}` failed, nothing runs\nHint: EDITOR names the editor that is wanted"
        ))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_seconds_and_times() {
        assert_eq!(pace("").unwrap(), (Duration::from_secs(2), None));
        assert_eq!(pace("0.5 c=3").unwrap(), (Duration::from_millis(500), Some(3)));
        assert_eq!(pace("i=1").unwrap().0, Duration::from_secs(1));
        for wrong in ["x", "c=0", "-1", "nan", "1e9", "z=1"] {
            assert!(pace(wrong).is_err(), "{wrong}");
        }
    }
}
