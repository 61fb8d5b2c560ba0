//! The shell as a person has it: through a pseudo-terminal, which `script` of util-linux makes.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::command;
use crate::remote::{Server, write_user};
use crate::skip::skipped;

/// A query that does not end in the time of a test.
const ENDLESS: &str =
    "SELECT count(*) FROM range(0, 10000000) a, range(0, 10000000) b WHERE (a.value * b.value) % 7 = 8;";

/// Longest wait for something to appear: machines that test are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// `maar` in a terminal.
struct Terminal {
    child: Child,
    keys: Arc<Mutex<ChildStdin>>,
    screen: Arc<Mutex<String>>,
    /// How much of the screen was looked at.
    seen: usize,
    /// Where the history goes.
    _state: tempfile::TempDir,
}

impl Terminal {
    /// Starts it; `None` where there is no `script`.
    fn start(test: &str, args: &[&str], environment: &[(&str, &str)]) -> Option<Self> {
        if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
            skipped("terminal", test, "no `script` of util-linux");
            return None;
        }
        let maar = command(args);
        let words = [maar.get_program()].into_iter().chain(maar.get_args());
        let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = Command::new("script");
        // `exec`: a shell that stays (dash does) is of the terminal's foreground too, and dies of the Ctrl-C itself.
        script.args(["-qefc", &format!("exec {}", line.join(" ")), "/dev/null"]);
        // Whatever shell the one who runs the tests has, or says he has.
        script.env("SHELL", "/bin/sh");
        for (name, value) in maar.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let state = tempfile::tempdir().unwrap();
        script.envs(environment.iter().copied()).env("TERM", "xterm").env("XDG_STATE_HOME", state.path());
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let keys = Arc::new(Mutex::new(child.stdin.take().unwrap()));
        let screen = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().unwrap();
        let (answers, shown) = (Arc::clone(&keys), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Some(read) = output.read(&mut bytes).ok().filter(|read| *read > 0) {
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                // A terminal says where its cursor is when it is asked.
                for _ in text.matches("\x1b[6n") {
                    let _ = answers.lock().unwrap().write_all(b"\x1b[1;1R");
                }
                shown.lock().unwrap().push_str(&text);
            }
        });
        Some(Self { child, keys, screen, seen: 0, _state: state })
    }

    fn press(&mut self, keys: &str) {
        let mut input = self.keys.lock().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Types a line once there is a prompt.
    fn line(&mut self, text: &str) {
        self.until("> ");
        self.press(&format!("{text}\r"));
    }

    /// Waits until `text` appears behind what was waited for before.
    fn until(&mut self, text: &str) {
        let started = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(at) = screen[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(started.elapsed() < PATIENCE, "'{text}' does not come: {:?}", &screen[self.seen..]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Leaves, and gives the exit code.
    fn leave(mut self) -> Option<i32> {
        self.line("\\q");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn statements_and_commands_are_answered() {
    let Some(mut shell) = Terminal::start("statements_and_commands_are_answered", &["--device", "cpu"], &[]) else {
        return;
    };
    shell.until("in this process, device cpu");
    shell.line("SELECT 40 + 2 AS answer;");
    shell.until("│ answer │");
    shell.until("│     42 │");
    shell.line("SELECT 43 AS other \\gx");
    shell.until("other │ 43");
    shell.line("SELEC 1;");
    shell.until("LINE 1: SELEC 1");
    shell.line("\\dtt");
    shell.until("did you mean \\dt?");
    shell.line("\\x");
    shell.until("Expanded display is on.");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn ctrl_c_cancels_a_statement_and_the_shell_stays() {
    let Some(mut shell) = Terminal::start("ctrl_c_cancels_a_statement", &["--device", "cpu"], &[]) else { return };
    shell.line("CREATE TEMP TABLE t AS SELECT 7 AS kept;");
    shell.line(ENDLESS);
    std::thread::sleep(Duration::from_secs(2));
    shell.press("\x03");
    shell.until("Interrupted.");
    shell.line("SELECT * FROM t;");
    shell.until("│    7 │");
    shell.line("SELECT 'again' AS w \\watch 0.1");
    (0..3).for_each(|_| shell.until("│ again │"));
    shell.press("\x03");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_session_on_a_server_is_entered_by_a_password_that_is_not_shown_and_outlives_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users").display().to_string();
    write_user(&users);
    let server = Server::start(&["--users", &users]);
    let url = format!("grpc://ada@{}", server.address);
    let Some(mut shell) = Terminal::start("a_session_on_a_server", &["--connect", &url], &[]) else { return };
    shell.until("Password of ada: ");
    shell.press("correct horsee\x7f\r");
    shell.until(&format!("on {url} (Maar "));
    shell.until("maar@127.0.0.1");
    shell.line("SET datafusion.execution.batch_size = 77; CREATE TEMP TABLE t AS SELECT 7 AS kept;");
    shell.line(&format!("{};", crate::remote::ENDLESS));
    std::thread::sleep(Duration::from_secs(2));
    shell.press("\x03");
    shell.until("Interrupted.");
    shell.line("SELECT kept, value FROM t, information_schema.df_settings WHERE name LIKE '%.batch_size';");
    shell.until("│    7 │ 77    │");
    assert!(!shell.screen.lock().unwrap().contains("horse"));
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn long_results_go_through_the_pager() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    let pager = format!("cat > {}", page.display());
    let environment = [("PAGER", pager.as_str()), ("LINES", "20"), ("COLUMNS", "80")];
    let Some(mut shell) = Terminal::start("long_results_go_through_the_pager", &["--device", "cpu"], &environment)
    else {
        return;
    };
    shell.line("SELECT 'short' AS s;");
    shell.until("│ short │");
    assert!(!page.exists());
    shell.line("SELECT value AS v FROM range(100, 130);");
    shell.line("\\pager off");
    shell.until("The pager is off.");
    let shown = std::fs::read_to_string(&page).unwrap();
    assert!(shown.contains("│ 129 │") && shown.ends_with("30 rows\n"), "{shown}");
    shell.line("SELECT value AS v FROM range(200, 230);");
    shell.until("│ 229 │");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn the_editor_gives_the_next_statement() {
    let folder = tempfile::tempdir().unwrap();
    let editor = folder.path().join("editor");
    std::fs::write(&editor, "sed -i s/one/edited/ \"$1\"\n").unwrap();
    let environment = [("EDITOR", format!("sh {}", editor.display()))];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Some(mut shell) = Terminal::start("the_editor_gives_the_next_statement", &["--device", "cpu"], &environment)
    else {
        return;
    };
    shell.line("SELECT 'one' AS x;");
    shell.until("│ one │");
    shell.line("\\e");
    shell.until("│ edited │");
    shell.line("\\e");
    shell.until("Nothing was changed");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn the_startup_script_runs_first() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("maar")).unwrap();
    std::fs::write(folder.path().join("maar/config.toml"), "startup = \"start.sql\"\nformat = \"jsonl\"\n").unwrap();
    std::fs::write(folder.path().join("maar/start.sql"), "CREATE TABLE t AS SELECT 5 AS five;\n").unwrap();
    let environment = [("XDG_CONFIG_HOME", folder.path().to_str().unwrap())];
    let Some(mut shell) = Terminal::start("the_startup_script_runs_first", &["--device", "cpu"], &environment) else {
        return;
    };
    shell.line("SELECT * FROM t;");
    shell.until("{\"five\":5}");
    assert_eq!(shell.leave(), Some(0));
}
