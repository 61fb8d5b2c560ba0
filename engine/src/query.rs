//! A planned statement, and how it is started. Not here: parsing, the session's state, and the rows (`result`).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{DdlStatement, EmptyRelation, LogicalPlan, Statement as PlanStatement};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::TryFutureExt;

use crate::corrections::{assigned_parameters, changes};
use crate::device::{self, Listed, Trace};
use crate::error::{Error, ErrorKind, Result};
use crate::explain;
use crate::files::{Names, ScannedFiles, check_target};
use crate::lake;
use crate::options;
use crate::parameters::Parameters;
use crate::plan_cache::{Listings, Place, Planned};
use crate::result::QueryResult;
use crate::secrets::SecretCommand;
use crate::stack::{Guarded, guarded};
use crate::temporary::{CreateOf, made_by};

/// What a statement gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Rows: SELECT, VALUES, SHOW, DESCRIBE, EXPLAIN.
    Rows,
    /// One row with the column `count`: INSERT, COPY.
    Change,
    /// Nothing: CREATE, DROP, SET, PREPARE.
    Command,
}

/// A statement that is planned and has not run. Planning has no side effect.
#[derive(Clone)]
pub struct Query {
    context: SessionContext,
    plan: LogicalPlan,
    kind: QueryKind,
    /// What the statement calls the columns of its result, where the plan calls them something else.
    names: Option<Vec<String>>,
    /// Where its physical plan may be, or may be kept.
    place: Option<Place>,
    /// What it does instead of running a plan.
    secret: Option<SecretCommand>,
}

impl Query {
    pub(crate) fn new(context: SessionContext, plan: LogicalPlan, names: Option<Vec<String>>) -> Self {
        let kind = match &plan {
            // EXECUTE gives what was prepared; that is not known before it runs.
            LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) => QueryKind::Command,
            LogicalPlan::Dml(_) | LogicalPlan::Copy(_) => QueryKind::Change,
            _ => QueryKind::Rows,
        };
        Self { context, plan, kind, names, place: None, secret: None }
    }

    /// CREATE SECRET and DROP SECRET, which have no plan that could show a value.
    pub(crate) fn of_secret(context: SessionContext, command: SecretCommand) -> Self {
        let nothing = EmptyRelation { produce_one_row: false, schema: Arc::new(DFSchema::empty()) };
        let query = Self::new(context, LogicalPlan::EmptyRelation(nothing), None);
        Self { kind: QueryKind::Command, secret: Some(command), ..query }
    }

    /// A statement that was planned before.
    pub(crate) fn kept(context: SessionContext, planned: &Planned, place: Place) -> Self {
        Self::new(context, planned.logical.clone(), planned.names.clone()).kept_at(place)
    }

    /// The same, its plan to be kept if it is one that may run again.
    pub(crate) fn kept_at(self, place: Place) -> Self {
        let place = (self.kind == QueryKind::Rows).then_some(place);
        Self { place, ..self }
    }

    /// What the statement gives back.
    pub fn kind(&self) -> QueryKind {
        self.kind
    }

    /// The columns of the result, exactly as [`QueryResult::schema`] will have them; none for [`QueryKind::Command`].
    /// Of placeholders without a value it is what they give for NULL of the type that [`Query::parameters`] says, of text
    /// where it says none: what a value of another type gives may be another type.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when types do not fit: planning alone does not check them all.
    pub fn schema(&self) -> Result<SchemaRef> {
        if self.kind == QueryKind::Command {
            return Ok(Arc::new(Schema::empty()));
        }
        if self.plan.get_parameter_names()?.is_empty() {
            return self.final_schema();
        }
        // A placeholder that must not be NULL (LIMIT) says so: then the types are what planning assumed.
        let typed = self.parameters_as_nulls().and_then(|nulls| self.clone().with_parameters(&nulls)?.final_schema());
        Ok(typed.unwrap_or_else(|_| self.named(self.plan.schema().inner())))
    }

    /// Types are final only behind the optimiser: coercion makes `u64 - 5` a decimal, and a sum that is split into two
    /// levels gains digits.
    fn final_schema(&self) -> Result<SchemaRef> {
        let optimised = guarded(|| self.context.state().optimize(&self.plan))??;
        Ok(self.named(optimised.schema().inner()))
    }

    fn parameters_as_nulls(&self) -> Result<Parameters> {
        let mut nulls = Parameters::new();
        for (name, data_type) in self.parameters()? {
            nulls.set(&name, ScalarValue::try_new_null(&data_type.unwrap_or(DataType::Utf8))?);
        }
        Ok(nulls)
    }

    /// `planned` with the names that the statement gives the columns.
    fn named(&self, planned: &SchemaRef) -> SchemaRef {
        let Some(names) = self.names.as_ref().filter(|names| names.len() == planned.fields().len()) else {
            return Arc::clone(planned);
        };
        let fields = planned.fields().iter().zip(names);
        let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
        Arc::new(Schema::new_with_metadata(fields, planned.metadata().clone()))
    }

    /// The plan as DataFusion made it, before any optimisation.
    pub fn logical_plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The placeholders of the statement (`$1`, `$name`) with their types where planning could tell. Where one is used as two
    /// types, it says none of any.
    pub fn parameters(&self) -> Result<BTreeMap<String, Option<DataType>>> {
        match self.plan.get_parameter_types() {
            Ok(typed) => Ok(typed.into_iter().collect()),
            Err(_) => Ok(self.plan.get_parameter_names()?.into_iter().map(|name| (name, None)).collect()),
        }
    }

    /// The same query with its placeholders filled in.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a placeholder has no value or one of a wrong type.
    pub fn with_parameters(self, parameters: &Parameters) -> Result<Self> {
        if matches!(self.plan, LogicalPlan::Statement(PlanStatement::Prepare(_))) {
            // Its placeholders wait for EXECUTE.
            return Ok(self);
        }
        let wanted = self.plan.get_parameter_names()?;
        if let Some(missing) = wanted.iter().filter(|name| !parameters.contains(name)).min() {
            return Err(Error::new(ErrorKind::Invalid, format!("the parameter {missing} has no value")));
        }
        if wanted.is_empty() {
            return Ok(self);
        }
        let plan = guarded(|| self.plan.with_param_values(parameters.to_datafusion()))??;
        Ok(Self { plan, place: None, ..self })
    }

    /// Starts the statement. A [`QueryKind::Command`] is complete when this returns; others run as the result is read.
    pub async fn execute(self) -> Result<QueryResult> {
        Guarded::new(self.start()).await
    }

    async fn start(self) -> Result<QueryResult> {
        let trace = Arc::new(Trace::default());
        let Some(place) = self.place.clone() else { return self.start_anew(None, &trace).await };
        let state = Arc::new(self.state(&trace));
        let Some(kept) = place.take(&self.context, &state).await else {
            return self.start_anew(Some(place), &trace).await;
        };
        let kept = kept.afresh()?;
        let (logical, optimised) = (&kept.planned.logical, &kept.planned.optimised);
        require_device(&state, logical, kept.physical())?;
        let stream = execute_stream(Arc::clone(kept.physical()), state.task_ctx())?;
        let (schema, files) = (self.named(optimised.schema().inner()), ScannedFiles::of(&state, optimised));
        let physical = Arc::clone(kept.physical());
        Ok(QueryResult::running(schema, stream, physical, state, files).planned_before().kept_at(place, Some(kept)))
    }

    /// The session's state, for one start: what is listed for it is listed now.
    fn state(&self, trace: &Arc<Trace>) -> SessionState {
        let mut state = self.context.state();
        state.config_mut().set_extension(Arc::new(Listed::default()));
        state.config_mut().set_extension(Arc::new(lake::Snapshots::default()));
        state.config_mut().set_extension(Arc::clone(trace));
        state
    }

    /// Plans the statement and starts it.
    async fn start_anew(self, place: Option<Place>, trace: &Arc<Trace>) -> Result<QueryResult> {
        let kind = self.kind;
        if let Some(command) = self.secret.clone() {
            command.run(self.context.state_ref().read().config())?;
            return Ok(QueryResult::empty());
        }
        let plan = match kind {
            QueryKind::Command => match self.run_command().await? {
                Some(plan) => plan,
                None => return Ok(QueryResult::empty()),
            },
            QueryKind::Rows | QueryKind::Change => self.plan.clone(),
        };
        let mut state = self.state(trace);
        let listings = Arc::new(Listings::default());
        if place.is_some() {
            state.config_mut().set_extension(Arc::clone(&listings));
        }
        let state = Arc::new(state);
        if let LogicalPlan::Copy(copy) = &plan {
            check_target(state.config(), &copy.output_url)?;
            lake::check_target(&state, &copy.output_url).await?;
        }
        let plan = changes::as_query(assigned_parameters::cast(plan)?).await?;
        let optimised = explain::without_change(state.optimize(&explain::without_keys(&plan))?);
        require_device_of_change(&state, &optimised).await?;
        let schema = self.named(optimised.schema().inner());
        let files = ScannedFiles::of(&state, &optimised);
        // Guarded on its own: a panic of a file's reader is explained like its errors.
        let planner = state.query_planner();
        let planning = planner.create_physical_plan(&optimised, state.as_ref()).map_err(Error::from);
        let physical = match Guarded::new(planning).await {
            Ok(physical) => physical,
            Err(e) => return Err(files.explain(e).await),
        };
        require_device(&state, &plan, &physical)?;
        let kept = place.as_ref().and_then(|p| p.keeps((&self.plan, &self.names), &optimised, &physical, &listings));
        let stream = execute_stream(Arc::clone(&physical), state.task_ctx())?;
        let stream = explain::with_placement(&state, &optimised, &physical, stream).await?;
        let result = QueryResult::running(schema, stream, physical, state, files);
        Ok(match place {
            Some(place) => result.kept_at(place, kept),
            None => result,
        })
    }

    /// CREATE TABLE AS reads its rows while DataFusion runs it: `maar.require_device` has to be asked before.
    async fn require_device_of_input(&self) -> Result<()> {
        let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) = &self.plan else { return Ok(()) };
        let state = self.context.state();
        if !device::is_required(&state) {
            return Ok(());
        }
        let physical = state.create_physical_plan(&create.input).await?;
        require_device(&state, &create.input, &physical)
    }

    /// Makes the SETs that stand for this statement.
    async fn set(&self, written_out: Vec<PlanStatement>) -> Result<Option<LogicalPlan>> {
        for each in written_out {
            let setting = self.context.execute_logical_plan(LogicalPlan::Statement(each)).await;
            setting.map_err(|e| self.about_option(e.into()))?;
        }
        Ok(None)
    }

    /// Runs what DataFusion runs while planning. EXECUTE comes back as the plan it stands for.
    async fn run_command(&self) -> Result<Option<LogicalPlan>> {
        if let LogicalPlan::Statement(statement) = &self.plan {
            let written_out = {
                let state = self.context.state_ref();
                let state = state.read();
                options::check_set(state.config(), statement)?;
                options::written_out(state.config(), statement)
            };
            if !written_out.is_empty() {
                return self.set(written_out).await;
            }
        }
        self.require_device_of_input().await?;
        let mut plan = self.plan.clone();
        let made = CreateOf::taken_off(&mut plan);
        let running = made_by(made, lake::Snapshots::are_one_for(self.context.execute_logical_plan(plan)));
        let running = Names::All.are_no_paths(running).map_err(Error::from);
        let frame = match Guarded::new(running).await {
            Ok(frame) => frame,
            Err(e) if self.is_setting() => return Err(self.about_option(e)),
            Err(e) => {
                return Err(ScannedFiles::of(&Arc::new(self.context.state()), &self.plan).explain(e).await);
            }
        };
        let plan = frame.into_parts().1;
        match &plan {
            LogicalPlan::EmptyRelation(_) => Ok(None),
            LogicalPlan::Statement(_) | LogicalPlan::Ddl(_) => {
                let message = format!("this statement is not supported: {}", plan.display());
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Ok(Some(plan)),
        }
    }
}

impl Query {
    fn is_setting(&self) -> bool {
        let LogicalPlan::Statement(statement) = &self.plan else { return false };
        matches!(statement, PlanStatement::SetVariable(_) | PlanStatement::ResetVariable(_))
    }

    /// `error` of a SET or RESET, naming the option, and the value that it cannot take.
    fn about_option(&self, error: Error) -> Error {
        let (name, value) = match &self.plan {
            LogicalPlan::Statement(PlanStatement::SetVariable(set)) => (&set.variable, Some(&set.value)),
            LogicalPlan::Statement(PlanStatement::ResetVariable(reset)) => (&reset.variable, None),
            _ => return error,
        };
        // DataFusion names that part of the option which it looked for.
        if UNKNOWN_OPTION.iter().any(|unknown| error.message().contains(unknown)) {
            let unknown = Error::new(ErrorKind::Invalid, format!("there is no option {name}"));
            return unknown.or_at(error.position()).with_hint("SHOW ALL lists the options");
        }
        let Some(value) = value.filter(|_| !error.message().contains(name.as_str())) else { return error };
        let message = format!("{name} cannot be '{value}': {}", error.message());
        Error::new(ErrorKind::Invalid, message).or_at(error.position())
    }
}

/// What DataFusion says of an option that there is not.
const UNKNOWN_OPTION: &[&str] = &["not found on", "config namespace", "config field", "Unknown runtime configuration"];

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("kind", &self.kind).field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// UPDATE and DELETE of tables of others may be made while they are planned: `maar.require_device` has to be asked before.
async fn require_device_of_change(state: &SessionState, change: &LogicalPlan) -> Result<()> {
    if !device::is_required(state) {
        return Ok(());
    }
    let Some(unchanged) = explain::unchanged(change) else { return Ok(()) };
    let physical = state.query_planner().create_physical_plan(&unchanged, state).await?;
    require_device(state, change, &physical)
}

/// # Errors
/// Under `maar.require_device`, names the first operator that would run on the host.
fn require_device(state: &SessionState, logical: &LogicalPlan, physical: &Arc<dyn ExecutionPlan>) -> Result<()> {
    // An explanation is how one finds out what falls back; SHOW and DESCRIBE read no data.
    let explains = matches!(logical, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    if explains || explain::reads_only_information_schema(logical) {
        return Ok(());
    }
    match device::refusal(state, physical) {
        None => Ok(()),
        Some(message) => Err(Error::new(ErrorKind::Unsupported, message)),
    }
}
