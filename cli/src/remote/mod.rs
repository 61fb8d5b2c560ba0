//! A session on a server, over Flight SQL: what the shell asks of one, as `engine` is for the session in this process.
//! Where the server is (`address`), how it is reached (`connect`, `login`), its rows (`rows`) and its errors (`failed`).

mod address;
mod connect;
mod failed;
mod login;
mod rows;

use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandStatementIngest, SqlInfo, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use arrow_flight::{Action, FlightInfo};
use datafusion::common::TableReference;
use datafusion::scalar::ScalarValue;
use futures::{TryStreamExt, stream};
use maar_engine::{Error, ErrorKind, Statement};
use maar_flight_server::Role;
use tonic::transport::Channel;

pub(crate) use address::Address;
pub(crate) use connect::Tls;
pub(crate) use login::{Credentials, credentials};

use crate::error::Failure;
use crate::lex;
use crate::params::Params;
use rows::Rows;

type Client = FlightSqlServiceClient<Channel>;

/// How long coming waits for the server's name, and leaving for it to hear of that.
const COURTESY: Duration = Duration::from_secs(2);

/// An open session. Clones share it.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    address: Address,
    /// What the server calls itself.
    server: String,
}

/// A statement that runs: its rows come as they are made; dropping it cancels.
pub(crate) struct Running {
    rows: Rows,
    statement: Statement,
}

impl Remote {
    /// Connects, logs in with a role that may be less than the user's, and asks the server what it is.
    ///
    /// # Errors
    /// Where there is no such server, or it refuses, or does not know of roles.
    pub(crate) async fn open(
        address: Address,
        tls: Tls,
        credentials: Option<Credentials>,
        role: Option<Role>,
    ) -> Result<Self, Failure> {
        let client = connect::open(&address, &tls, credentials.as_ref(), role).await?;
        if role == Some(Role::Reader) && !is_read_only(client.clone()).await.unwrap_or_default() {
            return Err(Failure::connection(format!(
                "{address} does not say that this session only reads: log in as a user who is a reader"
            )));
        }
        let server = match tokio::time::timeout(COURTESY, name(client.clone())).await {
            Ok(Ok(name)) if !name.is_empty() => name,
            _ => "a server that does not say what it is".to_owned(),
        };
        Ok(Self { client, address, server })
    }

    /// Where it is, and what.
    pub(crate) fn description(&self) -> String {
        format!("on {} ({})", self.address, self.server)
    }

    /// The host, for the prompt.
    pub(crate) fn host(&self) -> &str {
        &self.address.host
    }

    /// Plans and starts one statement of a script.
    pub(crate) async fn start(&self, statement: &Statement, params: &Params) -> Result<Running, Error> {
        let info = self.info(statement, params).await?;
        let rows = Rows::new(self.client.clone(), info).map_err(|e| failed::error(e, Some(statement)))?;
        Ok(Running { rows, statement: statement.clone() })
    }

    /// Where the rows are. A statement without values goes as it is, one with values is prepared first.
    async fn info(&self, statement: &Statement, params: &Params) -> Result<FlightInfo, Error> {
        let error = |e| failed::error(e, Some(statement));
        let mut client = self.client.clone();
        let mut tokens = lex::tokens(statement.sql());
        if !tokens.any(|token| is_parameter(&token, statement.sql())) {
            return client.execute(statement.sql().to_owned(), None).await.map_err(error);
        }
        let mut prepared = client.prepare(statement.sql().to_owned(), None).await.map_err(error)?;
        let wanted = prepared.parameter_schema().map_err(error)?;
        if !wanted.fields().is_empty() {
            let names = wanted.fields().iter().map(|field| field.name().as_str());
            let values = bound(names, statement, params)?;
            prepared.set_parameters(values).map_err(error)?;
        }
        let info = prepared.execute().await.map_err(error);
        // What is left of it ends with the session anyway.
        let _ = prepared.close().await;
        info
    }

    /// Adds rows to a table, all or none; gives their number.
    ///
    /// # Errors
    /// Those of the server, and of the way to it.
    pub(crate) async fn ingest(
        &self,
        table: &TableReference,
        schema: SchemaRef,
        mut batches: Vec<RecordBatch>,
    ) -> Result<i64, Error> {
        // Without a batch not even the columns would be sent.
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        let command = CommandStatementIngest {
            table_definition_options: Some(TableDefinitionOptions {
                if_not_exist: TableNotExistOption::Fail.into(),
                if_exists: TableExistsOption::Append.into(),
            }),
            table: table.table().to_owned(),
            schema: table.schema().map(str::to_owned),
            catalog: table.catalog().map(str::to_owned),
            ..CommandStatementIngest::default()
        };
        let rows = stream::iter(batches.into_iter().map(Ok));
        self.client.clone().execute_ingest(command, rows).await.map_err(|e| failed::error(e, None))
    }

    /// Ends the session on the server. One that does not hear of it ends it by itself.
    pub(crate) async fn close(&self) {
        let mut client = self.client.clone();
        let farewell = async {
            if let Ok(answers) = client.do_action(Action::new("CloseSession", "")).await {
                let _ = answers.try_collect::<Vec<_>>().await;
            }
        };
        let _ = tokio::time::timeout(COURTESY, farewell).await;
    }
}

impl Running {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        self.rows.next().await.map_err(|e| failed::error(e, Some(&self.statement)))
    }
}

/// `$1`, `$name` or `?`.
fn is_parameter(token: &lex::Token, sql: &str) -> bool {
    token.kind == lex::Kind::Parameter || &sql[token.range.clone()] == "?"
}

/// One row of values for the parameters of a statement, in their order.
fn bound<'a>(
    names: impl Iterator<Item = &'a str>,
    statement: &Statement,
    params: &Params,
) -> Result<RecordBatch, Error> {
    let sql = statement.sql();
    let mentions = |name: &str| {
        lex::tokens(sql).any(|token| matches!(&sql[token.range.clone()], "?") || &sql[token.range] == name)
    };
    let mut columns = Vec::new();
    for name in names {
        let value = match params.get(name) {
            Some(value) => value.clone(),
            // A number that the statement leaves out: nobody reads its value.
            None if !mentions(name) => ScalarValue::Null,
            None => return Err(Error::new(ErrorKind::Invalid, format!("the parameter {name} has no value"))),
        };
        columns.push((name, value.to_array_of_size(1).map_err(Error::from)?, true));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns);
    batch.map_err(|e| Error::new(ErrorKind::Internal, format!("the values cannot be sent: {e}")))
}

/// The server's own name and version.
async fn name(client: Client) -> Result<String, FlightError> {
    let told = told(client, vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerVersion]).await?;
    let words: Vec<_> = told.iter().filter_map(|value| Some(value.as_string_opt::<i32>()?.value(0))).collect();
    Ok(words.join(" "))
}

/// Whether the server lets this session change nothing.
async fn is_read_only(client: Client) -> Result<bool, FlightError> {
    let told = told(client, vec![SqlInfo::FlightSqlServerReadOnly]).await?;
    Ok(told.first().and_then(|value| value.as_boolean_opt()).is_some_and(|value| value.value(0)))
}

/// What the server says of itself: an array of one value for each answer.
async fn told(mut client: Client, asked: Vec<SqlInfo>) -> Result<Vec<ArrayRef>, FlightError> {
    let info = client.get_sql_info(asked).await?;
    let mut told = Vec::new();
    for ticket in info.endpoint.into_iter().filter_map(|endpoint| endpoint.ticket) {
        let batches: Vec<RecordBatch> = client.do_get(ticket).await?.try_collect().await?;
        for batch in &batches {
            let Some(values) = batch.column_by_name("value").and_then(|column| column.as_union_opt()) else { continue };
            told.extend((0..values.len()).map(|row| values.value(row)));
        }
    }
    Ok(told)
}
