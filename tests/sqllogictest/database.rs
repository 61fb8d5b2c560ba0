//! A session of Maar as the sqllogictest runner wants it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::DataType;
use async_trait::async_trait;
use maar_tests::fixtures::Fixtures;
use maar_tests::render;
use maar_tests::session::TestSession;
use sqllogictest::{AsyncDB, DBOutput};

use crate::{Column, Stand};

/// One connection: a session with the fixtures registered.
pub(crate) struct Database {
    session: TestSession,
    fixtures: Arc<Fixtures>,
    stand: Stand,
    pipelines: &'static AtomicUsize,
}

/// The text of an error.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl Database {
    pub(crate) async fn open(
        stand: Stand,
        fixtures: &Arc<Fixtures>,
        pipelines: &'static AtomicUsize,
    ) -> Result<Self, Failure> {
        let failure = |error: Box<dyn std::error::Error + Send + Sync>| Failure(error.to_string());
        let session = match stand.device_memory {
            None => TestSession::open(stand.place),
            memory => TestSession::open_with(stand.place, memory),
        };
        let session = session.map_err(failure)?;
        fixtures.register(&session).await.map_err(failure)?;
        Ok(Self { session, fixtures: Arc::clone(fixtures), stand, pipelines })
    }
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = Column;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Column>, Failure> {
        let answer = self.session.run(&self.fixtures.placed(sql)).await.map_err(|error| Failure(error.to_string()))?;
        self.pipelines.fetch_add(answer.pipelines, Ordering::Relaxed);
        if answer.schema.fields().is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = answer.schema.fields().iter().map(|field| letter(field.data_type())).collect();
        let rows = render::rows(&answer.batches).map_err(|error| Failure(error.to_string()))?;
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        self.stand.place.name()
    }
}

fn letter(data_type: &DataType) -> Column {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => Column::Text,
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => Column::FloatingPoint,
        data_type if data_type.is_integer() => Column::Integer,
        _ => Column::Any,
    }
}
