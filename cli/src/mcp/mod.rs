//! `maar mcp`: a server of the Model Context Protocol on stdin and stdout, for programs that give tools to a language model. It only
//! reads, here or on a server, under a reader's rights and within bounds of rows and time. Here: its loop, which runs one call at a
//! time and answers others meanwhile. What the messages and the tools are is the server's to say (`maar_flight_server::mcp`, which carries
//! them over HTTP); how lines come is in `lines`, how a call gets its rows in `answer`.

mod answer;
mod args;
mod lines;
mod open;

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, Stdout, Write};
use std::time::Duration;

use maar_flight_server::mcp::{self, Call, Message, Outcome, Wrong};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

pub(crate) use args::McpArgs;

use crate::args::DeviceArg;
use crate::backend::Backend;
use crate::error::Failure;
use crate::workers::Workers;

/// Calls that wait; a client sends one, or a few.
const WAITING_MAX: usize = 64;

struct Server {
    backend: Backend,
    workers: Workers,
    max_rows: usize,
    time: Duration,
    waiting: VecDeque<(Value, Call)>,
    running: Option<Run>,
    out: Stdout,
}

/// A call that runs.
struct Run {
    id: Value,
    task: JoinHandle<Outcome>,
    until: Instant,
}

/// Answers until stdin ends; what runs then is cancelled.
pub(crate) async fn run(args: &McpArgs, device: Option<DeviceArg>) -> Result<(), Failure> {
    let workers = Workers::start()?;
    let backend = open::backend(args, device, &workers).await?;
    let mut server = Server {
        backend,
        workers,
        max_rows: args.max_rows,
        time: Duration::from_secs(args.timeout),
        waiting: VecDeque::new(),
        running: None,
        out: io::stdout(),
    };
    let result = server.serve(lines::lines()?).await;
    server.backend.close().await;
    result
}

impl Server {
    async fn serve(&mut self, mut lines: mpsc::Receiver<io::Result<Vec<u8>>>) -> Result<(), Failure> {
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => self.take(&line.map_err(Failure::other)?)?,
                    None => return Ok(()),
                },
                outcome = ended(&mut self.running) => self.answer(outcome)?,
            }
            self.start_next()?;
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Failure> {
        match mcp::read(line) {
            Message::Request { id, method, params } => self.request(id, &method, &params),
            Message::Notification { method, params } => self.notice(&method, &params),
            Message::Wrong(id, wrong) => self.send(&mcp::error(&id, wrong)),
            Message::Nothing => Ok(()),
        }
    }

    fn request(&mut self, id: Value, method: &str, params: &Value) -> Result<(), Failure> {
        let result = match method {
            "initialize" => Ok(mcp::greeting(params)),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(mcp::list(self.max_rows)),
            "tools/call" => match mcp::call(params, self.max_rows) {
                Ok(_) if self.waiting.len() >= WAITING_MAX => Err(Wrong::TooMany),
                Ok(call) => {
                    self.waiting.push_back((id, call));
                    return Ok(());
                }
                Err(wrong) => Err(wrong),
            },
            _ => Err(Wrong::Method(method.to_owned())),
        };
        self.send(&result.map_or_else(|wrong| mcp::error(&id, wrong), |result| mcp::result(&id, result)))
    }

    fn notice(&mut self, method: &str, params: &Value) -> Result<(), Failure> {
        if method != "notifications/cancelled" {
            return Ok(());
        }
        let cancelled = &params["requestId"];
        self.waiting.retain(|(id, _)| id != cancelled);
        // What is cancelled has no answer.
        match self.running.take_if(|run| run.id == *cancelled) {
            Some(run) => self.stop(&run),
            None => Ok(()),
        }
    }

    fn answer(&mut self, outcome: Option<Outcome>) -> Result<(), Failure> {
        let Some(run) = self.running.take() else { return Ok(()) };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                self.stop(&run)?;
                let seconds = self.time.as_secs();
                Err(format!("the statement was cancelled: it ran for {seconds} s, and a tool's may not run longer"))
            }
        };
        self.send(&mcp::result(&run.id, mcp::content(outcome)))
    }

    /// Ends what runs. A thread that an operator keeps is left to it.
    fn stop(&mut self, run: &Run) -> Result<(), Failure> {
        run.task.abort();
        if self.backend.keeps_threads() { self.workers.renew() } else { Ok(()) }
    }

    fn start_next(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            return Ok(());
        }
        let Some((id, call)) = self.waiting.pop_front() else { return Ok(()) };
        let backend = self.backend.clone();
        let call = async move { answer::rows(&backend, &call).await.map_err(|error| error.to_string()) };
        self.running = Some(Run { id, task: self.workers.spawn(call)?, until: Instant::now() + self.time });
        Ok(())
    }

    fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let mut out = self.out.lock();
        writeln!(out, "{message}")?;
        Ok(out.flush()?)
    }
}

/// What the call that runs gives once it has ended; `None` where it runs for too long.
async fn ended(running: &mut Option<Run>) -> Option<Outcome> {
    let Some(run) = running else { return pending().await };
    let ended = timeout_at(run.until, &mut run.task).await.ok()?;
    Some(ended.unwrap_or_else(|broke| Err(format!("internal error, a bug of ours: the tool broke off: {broke}"))))
}
