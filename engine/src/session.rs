//! The session: SQL in, results out, in five steps: split, plan, optimise, place, stream.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionConfig;
use futures::TryFutureExt;

use crate::corrections::views;
use crate::device::{DeviceKind, Devices, session_devices};
use crate::dialect::{self, Pivot, Spread, Value, spread};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{NamedPaths, Names, Places, check_plan, stores, with_paths};
use crate::install::install;
use crate::lake::Snapshots;
use crate::memory;
use crate::options;
use crate::parameters::Parameters;
use crate::plan_cache::PlanCache;
use crate::query::Query;
use crate::redacted;
use crate::result::QueryResult;
use crate::script::{Statement, split};
use crate::secrets::SecretCommand;
use crate::stack::Guarded;
use crate::suggest::with_table_hint;
use crate::temporary::{self, with_temporary};

/// A session: options, temporary tables and prepared statements of its own, over a catalog, devices and memory that it may share
/// with others ([`Session::for_client`]). Cheap to clone; clones are the same session.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    plans: Arc<PlanCache>,
    /// What the sessions that share a catalog all see.
    shared: Arc<dyn CatalogProviderList>,
}

impl Session {
    /// A session with every default: see [`SessionBuilder`].
    ///
    /// # Errors
    /// When the spill directory cannot be made.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A builder with every default.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A session over a DataFusion context of the caller's own, made with [`crate::install`].
    pub fn from_context(context: SessionContext) -> Self {
        options::remember(context.state_ref().write().config_mut());
        let shared = Arc::clone(context.state_ref().read().catalog_list());
        Self { context, shared, plans: Arc::default() }
    }

    /// A session of its own for a client of this process. Catalog, devices, memory and functions are this session's; the options
    /// begin as this session's are now, but those of the process cannot be set; there are no temporary tables and no
    /// prepared statements yet.
    #[must_use]
    pub fn for_client(&self) -> Self {
        self.for_client_with(ClientRights::default())
    }

    /// The same for a client that may do more than others, or less.
    #[must_use]
    pub fn for_client_with(&self, rights: ClientRights) -> Self {
        let mut state = self.context.state();
        if !rights.is_administrator {
            options::guard_those_of_the_process(state.config_mut());
        }
        if let Some(places) = rights.places {
            if let Ok(stores) = stores::of(state.config()) {
                stores.allow_hosts(places.hosts());
            }
            state.config_mut().set_extension(places);
        }
        Self::over(state, &self.shared)
    }

    /// Takes over the options of the process as `other` has them, an administrator's session of this server. Statements that
    /// run go on with what they began with.
    pub fn follow(&self, other: &Self) {
        let theirs = other.context.state();
        {
            let state = self.context.state_ref();
            let mut own = state.write();
            options::follow(own.config_mut(), theirs.config().options());
            let id = own.session_id().to_string();
            let builder = SessionStateBuilder::from(own.clone()).with_session_id(id);
            *own = builder.with_runtime_env(Arc::clone(theirs.runtime_env())).build();
        }
        if let Some(devices) = session_devices(theirs.config()) {
            devices.forget_others(theirs.config().options());
        }
    }

    /// A session with what `state` has, over `shared` and temporary tables of its own.
    fn over(mut state: SessionState, shared: &Arc<dyn CatalogProviderList>) -> Self {
        let catalogs = with_temporary(state.config_mut(), shared);
        options::remember(state.config_mut());
        let state = SessionStateBuilder::new_from_existing(state).with_catalog_list(catalogs).build();
        let context = with_paths(SessionContext::new_with_state(state));
        Self { context, shared: Arc::clone(shared), plans: Arc::default() }
    }

    /// The DataFusion context underneath: tables, functions and object stores are registered on it.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// How many plans of it are kept.
    pub(crate) fn kept_plans(&self) -> usize {
        self.plans.count()
    }

    /// Runs one statement. A trailing semicolon is fine; for several statements use [`split`] or [`Self::run_script`].
    ///
    /// # Errors
    /// Of every kind: see [`ErrorKind`]. Rows already read stay valid when a later batch fails.
    pub async fn sql(&self, sql: &str) -> Result<QueryResult> {
        self.sql_with(sql, &Parameters::new()).await
    }

    /// Runs one statement with values for its placeholders.
    pub async fn sql_with(&self, sql: &str, parameters: &Parameters) -> Result<QueryResult> {
        let query = self.prepare(sql).await?;
        query.with_parameters(parameters)?.execute().await
    }

    /// Plans one statement without running it.
    pub async fn prepare(&self, sql: &str) -> Result<Query> {
        let mut statements = split(sql)?.into_iter();
        match (statements.next(), statements.next()) {
            (Some(statement), None) => self.plan(&statement).await,
            (None, _) => Err(Error::new(ErrorKind::Syntax, "there is no statement")),
            (Some(_), Some(second)) => Err(Error::new(ErrorKind::Syntax, "there is more than one statement")
                .or_at(Some(second.position()))
                .with_hint("run them one at a time")),
        }
    }

    /// Plans one statement of a script; positions in errors are the script's.
    pub async fn plan(&self, statement: &Statement) -> Result<Query> {
        Guarded::new(self.plan_or_kept(statement)).await
    }

    async fn plan_or_kept(&self, statement: &Statement) -> Result<Query> {
        let place = self.plans.place(&self.context, statement.sql()).await;
        if let Some(place) = &place
            && let Some(planned) = place.planned(&self.context).await
        {
            return Ok(Query::kept(self.context.clone(), &planned, place.clone()));
        }
        let query = self.plan_unguarded(statement).await?;
        Ok(match place {
            // A PIVOT without values takes them from its table.
            Some(place) if !hangs_on_rows(statement)? => query.kept_at(place),
            _ => query,
        })
    }

    async fn plan_unguarded(&self, statement: &Statement) -> Result<Query> {
        let mut written: Option<Statement> = None;
        while let Some(spread) = spread(written.as_ref().unwrap_or(statement).tokens())? {
            let tokens = match spread {
                Spread::Unpivot(tokens) => tokens,
                Spread::Pivot(pivot) => pivot.written_out(&Box::pin(self.values_of(statement, &pivot)).await?)?,
            };
            written = Some(statement.written_out(tokens));
        }
        let planning = self.plan_as_written(written.as_ref().unwrap_or(statement));
        Box::pin(Snapshots::are_one_for(planning)).await
    }

    /// The values that each key of a PIVOT has columns for, asked of its table where the statement does not list them.
    async fn values_of(&self, statement: &Statement, pivot: &Pivot) -> Result<Vec<Vec<Value>>> {
        let mut values = Vec::new();
        for question in pivot.questions() {
            let Some(question) = question else {
                values.push(Vec::new());
                continue;
            };
            let query = Box::pin(self.plan_unguarded(&statement.written_out(question))).await?;
            let (batches, _) = query.execute().await?.collect().await?;
            values.push(batches.iter().flat_map(Value::all).collect());
        }
        Ok(values)
    }

    async fn plan_as_written(&self, statement: &Statement) -> Result<Query> {
        let mut state = self.context.state();
        let parsed = statement.parse()?;
        if let Some(command) = SecretCommand::of(&parsed)? {
            return Ok(Query::of_secret(self.context.clone(), command));
        }
        let mut rewritten = dialect::rewrite(&mut state, parsed, statement.tokens()).await?;
        if statement.is_summary() {
            rewritten = dialect::summary(&mut state, rewritten).await?;
        }
        let (parsed, names, is_temporary) = (rewritten.statement, rewritten.names, rewritten.is_temporary);
        let paths = NamedPaths::of(&state, &parsed, &rewritten.paths);
        // Guarded on its own: a panic of a file's reader is explained like its errors.
        let planning = Names::of(&parsed).are_no_paths(state.statement_to_plan(parsed)).map_err(Error::from);
        match Guarded::new(planning).await {
            Ok(mut plan) => {
                paths.check_read(&state, &plan).await?;
                if let LogicalPlan::Ddl(DdlStatement::CreateView(view)) = &mut plan {
                    // As the user wrote it, not as it was rewritten; but whoever sees the view sees it.
                    view.definition = redacted::definition(statement.sql());
                    let query = std::mem::take(&mut view.input);
                    view.input = Arc::new(views::before_types(&state, Arc::unwrap_or_clone(query))?);
                }
                if is_temporary {
                    temporary::mark(&mut plan);
                }
                temporary::check_view(state.config(), &plan)?;
                check_plan(state.config(), &plan)?;
                Ok(Query::new(self.context.clone(), plan, names))
            }
            Err(e) => Err(with_table_hint(&state, paths.explain(&state, e).await)),
        }
    }

    /// Runs a script of statements to its end and drops their rows: for set-up files.
    ///
    /// # Errors
    /// The first error stops the script; statements before it have run.
    pub async fn run_script(&self, script: &str) -> Result<()> {
        for statement in split(script)? {
            self.plan(&statement).await?.execute().await?.collect().await?;
        }
        Ok(())
    }
}

/// What a client of a server may do with its session, beyond what is its own affair.
#[derive(Debug, Clone, Default)]
pub struct ClientRights {
    /// Which files and URLs its statements may name; all that the process can reach where there is none.
    pub places: Option<Arc<Places>>,
    /// Whether it may set the options of the process.
    pub is_administrator: bool,
}

/// Whether what the statement means hangs on what is in its tables.
fn hangs_on_rows(statement: &Statement) -> Result<bool> {
    Ok(statement.is_summary() || spread(statement.tokens())?.is_some())
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.context.session_id()).finish_non_exhaustive()
    }
}

/// What a session is made with. Every field has a default.
#[derive(Debug, Clone, Default)]
pub struct SessionBuilder {
    device: DeviceKind,
    memory_limit_bytes: Option<usize>,
    spill_directory: Option<PathBuf>,
    target_partitions: Option<usize>,
    batch_size: Option<usize>,
    devices: Option<Arc<Devices>>,
    options: Vec<(String, String)>,
}

/// Operators that the out-of-memory error lists with what they hold.
const MEMORY_CONSUMERS_LISTED: std::num::NonZeroUsize = match std::num::NonZeroUsize::new(5) {
    Some(listed) => listed,
    None => std::num::NonZeroUsize::MIN,
};

impl SessionBuilder {
    /// Where queries run; default [`DeviceKind::Auto`]. `SET maar.device` changes it later.
    #[must_use]
    pub fn device(mut self, device: DeviceKind) -> Self {
        self.device = device;
        self
    }

    /// Devices to share with other sessions; default: the session's own, opened when a query first wants them.
    #[must_use]
    pub fn devices(mut self, devices: Arc<Devices>) -> Self {
        self.devices = Some(devices);
        self
    }

    /// Host memory that all queries of the session share, in bytes; default 70 % of the machine's.
    /// Sorts, aggregations and joins spill to disk before they fail.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit_bytes = Some(bytes);
        self
    }

    /// Where to spill; default: a directory under the system's temporary one, made at need and removed after.
    #[must_use]
    pub fn spill_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.spill_directory = Some(path.into());
        self
    }

    /// Partitions that the host executes at once; default: one a core.
    #[must_use]
    pub fn target_partitions(mut self, partitions: usize) -> Self {
        self.target_partitions = Some(partitions);
        self
    }

    /// Rows a host batch; default 8192.
    #[must_use]
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = Some(rows);
        self
    }

    /// Any option as SET would take it: `maar.require_device`, `datafusion.execution.time_zone`, ...
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Makes the session. Opens no device: the first query that wants one does.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an option that does not exist or a value that it cannot take.
    pub fn build(self) -> Result<Session> {
        let builder = SessionStateBuilder::new()
            .with_config(self.config())
            .with_runtime_env(self.runtime_env()?)
            .with_default_features();
        let mut builder = install(builder)?;
        if let Some(config) = builder.config() {
            self.apply_options(config.options_mut())?;
        }
        let state = builder.build();
        let shared = Arc::clone(state.catalog_list());
        Ok(Session::over(state, &shared))
    }

    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new().with_information_schema(true);
        if let Some(partitions) = self.target_partitions {
            config = config.with_target_partitions(partitions.max(1));
        }
        if let Some(rows) = self.batch_size {
            config = config.with_batch_size(rows.max(1));
        }
        if let Some(devices) = &self.devices {
            config.set_extension(Arc::clone(devices));
        }
        // Without spans an error could not point at its place in the SQL.
        config.options_mut().sql_parser.collect_spans = true;
        config
    }

    fn apply_options(&self, config: &mut ConfigOptions) -> Result<()> {
        config.set("maar.device", &self.device.to_string())?;
        for (name, value) in &self.options {
            dialect::check_option(name)?;
            options::check(name, value)?;
            config.set(name, value)?;
        }
        Ok(())
    }

    fn runtime_env(&self) -> Result<Arc<RuntimeEnv>> {
        let limit = self.memory_limit_bytes.unwrap_or_else(memory::default_limit_bytes);
        let pool = TrackConsumersPool::new(FairSpillPool::new(limit), MEMORY_CONSUMERS_LISTED);
        let mut builder = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
        if let Some(path) = &self.spill_directory {
            builder = builder.with_temp_file_path(path);
        }
        Ok(builder.build_arc()?)
    }
}
