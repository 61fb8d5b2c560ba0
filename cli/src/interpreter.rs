//! Runs scripts: statements go to where they run, lines that begin with `\` or `.` to the meta commands, results to
//! the printer of the chosen format. The shell, `-c`, `-f` and stdin all come through here.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use maar_engine::{Error, Position, Script, Statement};
use tokio::sync::mpsc;

use crate::backend::Backend;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::output::{self, Format, Look};
use crate::params::Params;
use crate::progress::{Progress, TICK};
use crate::source::Source;
use crate::workers::Workers;
use crate::{meta, pager, terminal};

/// Batches that wait between the engine and the printer.
const BATCHES_AHEAD: usize = 4;

/// Whether to go on with the next statement; a break leaves the program.
pub(crate) type Flow = ControlFlow<()>;

/// What the user can change while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) format: Format,
    pub(crate) timer: bool,
    pub(crate) expanded: bool,
    /// Most rows of a box; `None` shows all.
    pub(crate) max_rows: Option<usize>,
    pub(crate) color: bool,
    /// Whether results that do not fit the terminal go through a pager.
    pub(crate) pager: bool,
    /// The table of INSERT statements that rows are written as.
    pub(crate) table: String,
}

/// A session and how its results are shown.
pub(crate) struct Interpreter {
    pub(crate) backend: Backend,
    /// The threads of statements.
    workers: Workers,
    pub(crate) settings: Settings,
    pub(crate) params: Arc<Params>,
    pub(crate) interrupt: Interrupt,
    /// The last statement, for `\g`, `\watch` and `\e`.
    pub(crate) last: Option<String>,
    /// The file of `\o`; stdout where none.
    file: Option<BufWriter<File>>,
    /// Depth of `\i` inside `\i`.
    pub(crate) depth: usize,
    /// Whether a person types: meta commands answer.
    pub(crate) interactive: bool,
}

/// What the task that runs a statement tells.
enum Event {
    Started { schema: SchemaRef, plan: Option<Arc<dyn ExecutionPlan>> },
    Batch(RecordBatch),
    Failed(Error),
}

/// Times of one statement.
struct Times {
    plan: Duration,
    total: Duration,
    rows: usize,
}

impl Interpreter {
    pub(crate) fn new(
        backend: Backend,
        workers: Workers,
        settings: Settings,
        params: Params,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            backend,
            workers,
            settings,
            params: Arc::new(params),
            interrupt,
            last: None,
            file: None,
            depth: 0,
            interactive: false,
        }
    }

    /// Runs every statement of `source`; the first failure ends it.
    pub(crate) async fn run(&mut self, source: &Source) -> Result<Flow, Failure> {
        let mut script = Script::new(&source.text);
        while let Some(start) = script.start() {
            if let Some((line, next)) = meta::line(&source.text, start) {
                script.resume(next);
                if meta::run(self, line).await?.is_break() {
                    return Ok(Flow::Break(()));
                }
                continue;
            }
            if let Some(at) = meta::ending(&source.text, start) {
                self.last = Some(source.text[start..at].trim_end().to_owned());
                script.resume(at);
                continue;
            }
            let Some(statement) = script.next() else { break };
            let statement = statement.map_err(|error| source.failure(None, &error))?;
            if matches!(statement.sql().to_ascii_lowercase().as_str(), "quit" | "exit") {
                return Ok(Flow::Break(()));
            }
            self.last = Some(statement.sql().to_owned());
            self.statement(source, statement).await?;
        }
        Ok(Flow::Continue(()))
    }

    /// Gives a parameter of the statements that follow a value.
    pub(crate) fn set_param(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        Arc::make_mut(&mut self.params).set(key, value)
    }

    /// Takes it away. Whether it had one.
    pub(crate) fn unset_param(&mut self, key: &str) -> bool {
        Arc::make_mut(&mut self.params).unset(key)
    }

    /// A Ctrl-C of earlier does not cancel what comes next.
    pub(crate) fn forget_interrupts(&mut self) {
        self.interrupt.forget();
    }

    /// Runs SQL of our own, or again (meta commands).
    pub(crate) async fn run_sql(&mut self, sql: &str) -> Result<(), Failure> {
        let source = Source::typed(sql);
        for statement in Script::new(sql) {
            self.statement(&source, statement.map_err(|error| source.failure(None, &error))?).await?;
        }
        Ok(())
    }

    /// Does work on the threads of statements, until Ctrl-C.
    pub(crate) async fn apart<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut task = self.workers.spawn(work)?;
        tokio::select! {
            biased;
            () = self.interrupt.wait() => {
                task.abort();
                Err(Failure::Interrupted)
            }
            done = &mut task => done.unwrap_or_else(|_| Err(Failure::other("the work was cut short (a bug)"))),
        }
    }

    async fn statement(&mut self, source: &Source, statement: Statement) -> Result<(), Failure> {
        let (events, mut received) = mpsc::channel(BATCHES_AHEAD);
        let (backend, params, start) = (self.backend.clone(), Arc::clone(&self.params), statement.position());
        // A task of its own: planning and operators that do not yield must not keep Ctrl-C from being seen.
        let task = self.workers.spawn(async move { drive(backend, statement, params, events).await })?;
        let result = self.show(source, start, &mut received).await;
        task.abort();
        if self.interactive && self.backend.keeps_threads() && matches!(result, Err(Failure::Interrupted)) {
            self.workers.renew()?;
        }
        let panicked = result.is_ok() && task.await.is_err_and(|error| error.is_panic());
        if panicked {
            return Err(Failure::other(
                "internal error: the engine stopped in the middle of the statement (a bug; please report the query)",
            ));
        }
        let times = result?;
        if self.settings.timer {
            report_times(&times);
        }
        Ok(())
    }

    /// Prints what comes until the statement ends, fails or is interrupted.
    async fn show(
        &mut self,
        source: &Source,
        start: Position,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<Times, Failure> {
        let started = Instant::now();
        let mut times = Times { plan: Duration::ZERO, total: Duration::ZERO, rows: 0 };
        let mut progress = Progress::new(io::stderr().is_terminal());
        let mut ticks = tokio::time::interval(TICK);
        let mut printer = None;
        let mut page = self.pages().then(Vec::new);
        loop {
            let event = tokio::select! {
                biased;
                () = self.interrupt.wait() => return Err(Failure::Interrupted),
                event = events.recv() => event,
                _ = ticks.tick() => { progress.tick(); continue; }
            };
            match event {
                None => break,
                Some(Event::Failed(error)) => {
                    progress.stop();
                    return Err(source.failure(Some(start), &error));
                }
                Some(Event::Started { schema, plan }) => {
                    times.plan = started.elapsed();
                    progress.planned(plan);
                    printer = Some(output::printer(self.settings.format, self.look(), &self.settings.table, &schema));
                }
                Some(Event::Batch(batch)) => {
                    times.rows += batch.num_rows();
                    progress.rows(batch.num_rows());
                    if self.streams_to_terminal() {
                        progress.stop();
                    }
                    if let Some(printer) = &mut printer {
                        self.print(&mut page, |out| printer.batch(&batch, out))?;
                    }
                }
            }
        }
        progress.stop();
        times.total = started.elapsed();
        if let Some(mut printer) = printer {
            self.print(&mut page, |out| {
                printer.finish(out)?;
                out.flush()
            })?;
        }
        if let Some(page) = page
            && pager::show(&page)?
        {
            // Ctrl-C was the pager's.
            self.forget_interrupts();
        }
        Ok(times)
    }

    /// Writes to `page` where there is one, else to the chosen output.
    fn print(
        &mut self,
        page: &mut Option<Vec<u8>>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match page {
            Some(page) => Ok(write(page)?),
            None => self.write(write),
        }
    }

    /// Whether a result that is long is shown page by page: what waits for all rows anyway, on a terminal with a person.
    fn pages(&self) -> bool {
        let at_terminal = self.file.is_none() && io::stdout().is_terminal() && io::stdin().is_terminal();
        self.settings.pager && self.settings.format.waits() && at_terminal
    }

    /// Whether rows appear on the terminal while the statement still runs.
    fn streams_to_terminal(&self) -> bool {
        !self.settings.format.waits() && self.file.is_none() && io::stdout().is_terminal()
    }

    fn look(&self) -> Look {
        let terminal = self.file.is_none() && io::stdout().is_terminal();
        Look {
            color: self.settings.color && terminal,
            width: if terminal { terminal::width() } else { None },
            max_rows: self.settings.max_rows.filter(|_| self.file.is_none()),
            expanded: self.settings.expanded,
        }
    }

    /// Writes to the chosen output.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        match &mut self.file {
            Some(file) => write(file)?,
            None => write(&mut io::stdout().lock())?,
        }
        Ok(())
    }

    /// Runs SQL with its results in a new file, or as results are shown by now.
    pub(crate) async fn run_sql_to(&mut self, path: Option<&std::path::Path>, sql: &str) -> Result<(), Failure> {
        let Some(path) = path else { return self.run_sql(sql).await };
        let usual = self.file.take();
        self.redirect(Some(path))?;
        let result = self.run_sql(sql).await;
        let closed = self.redirect(None);
        self.file = usual;
        result.and(closed)
    }

    /// Sends results to a new file from here on, or back to stdout.
    pub(crate) fn redirect(&mut self, path: Option<&std::path::Path>) -> Result<(), Failure> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
        }
        if let Some(path) = path {
            let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
            self.file = Some(BufWriter::new(file));
        }
        Ok(())
    }
}

/// Runs one statement to its end, or until nobody listens.
async fn drive(backend: Backend, statement: Statement, params: Arc<Params>, events: mpsc::Sender<Event>) {
    let mut running = match backend.start(&statement, &params).await {
        Ok(running) => running,
        Err(error) => return drop(events.send(Event::Failed(error)).await),
    };
    if events.send(Event::Started { schema: running.schema(), plan: running.plan() }).await.is_err() {
        return;
    }
    loop {
        let (event, last) = match running.next().await {
            Ok(Some(batch)) => (Event::Batch(batch), false),
            Ok(None) => return,
            Err(error) => (Event::Failed(error), true),
        };
        if events.send(event).await.is_err() || last {
            return;
        }
    }
}

#[expect(clippy::print_stderr, reason = "the timer goes to stderr, results to stdout")]
fn report_times(times: &Times) {
    let noun = if times.rows == 1 { "row" } else { "rows" };
    let (total, plan) = (milliseconds(times.total), milliseconds(times.plan));
    eprintln!(
        "Time: {total} ({} {noun}; plan {plan}, execute {})",
        times.rows,
        milliseconds(times.total.saturating_sub(times.plan))
    );
}

fn milliseconds(duration: Duration) -> String {
    match duration.as_secs_f64() * 1e3 {
        ms if ms < 10_000.0 => format!("{ms:.1} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}
