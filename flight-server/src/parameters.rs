//! Values for the parameters of a prepared statement: how they are described to a client, and how they come from it.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::{Stream, TryStreamExt};
use maar_engine::datafusion::scalar::ScalarValue;
use maar_engine::{Error, Parameters};
use tonic::Status;

use crate::status::{from_engine, from_flight};
use crate::wire::{to_wire, wire_schema, wire_type};

/// Bytes of the values of one statement. They are held until it has run.
const BYTES_MAX: usize = 64 << 20;

/// Parameters of one statement.
const NUMBER_MAX: usize = 4096;

/// The parameters of a statement, in the order of their values: by number, then by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted(Vec<(String, Option<DataType>)>);

impl Wanted {
    /// `named` as the engine knows them. A number that the statement leaves out is one whose value nobody reads.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for numbers that are too high.
    pub(crate) fn new(mut named: BTreeMap<String, Option<DataType>>) -> Result<Self, Status> {
        let number = |name: &String| name.strip_prefix('$').unwrap_or(name).parse::<usize>().ok();
        let highest = named.keys().filter_map(number).max().unwrap_or_default();
        if highest > NUMBER_MAX {
            return Err(Status::invalid_argument(format!(
                "the statement has a parameter ${highest}; {NUMBER_MAX} parameters are the most"
            )));
        }
        let numbered = (1..=highest).map(|at| format!("${at}"));
        let numbered: Vec<_> = numbered.map(|name| (named.remove(&name).flatten(), name)).collect();
        let all = numbered.into_iter().map(|(data_type, name)| (name, data_type)).chain(named);
        Ok(Self(all.collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a client is to send: the type that the statement wants, as it travels; text where any type will do.
    pub(crate) fn schema(&self) -> Schema {
        let field = |(name, data_type): &(String, Option<DataType>)| {
            Field::new(name, data_type.as_ref().map_or(DataType::Utf8, wire_type), true)
        };
        Schema::new(self.0.iter().map(field).collect::<Vec<_>>())
    }

    /// # Errors
    /// INVALID_ARGUMENT for more or fewer values than there are parameters.
    pub(crate) fn check(&self, values: &Values) -> Result<(), Status> {
        let (wanted, got) = (self.0.len(), values.columns);
        if wanted != got && !self.is_empty() && !values.is_nothing() {
            return Err(Status::invalid_argument(format!(
                "the statement has {wanted} parameters, and got {got} values"
            )));
        }
        Ok(())
    }

    /// The row at `row` of `batch`. Values are what was sent, never cast to what was asked for: that could change them.
    fn row(&self, batch: &RecordBatch, row: usize) -> Result<Parameters, Status> {
        let by_name = |name: &str| {
            let schema = batch.schema_ref();
            schema.index_of(name).or_else(|_| schema.index_of(name.trim_start_matches('$'))).ok()
        };
        let named: Option<Vec<usize>> = self.0.iter().map(|(name, _)| by_name(name)).collect();
        let columns = named.unwrap_or_else(|| (0..self.0.len()).collect());
        let mut parameters = Parameters::new();
        for ((name, _), at) in self.0.iter().zip(columns) {
            let value = ScalarValue::try_from_array(batch.column(at), row).map_err(|e| from_engine(&Error::from(e)))?;
            parameters.set(name, value);
        }
        Ok(parameters)
    }
}

/// Rows of values, as a client sent them: each is for one run.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// How many there are in a row; 0 where none were sent. Clients that send no row still say what one would have.
    columns: usize,
    batches: Vec<RecordBatch>,
}

impl Values {
    /// Reads a stream to its end: a client that still sends takes an early answer for a broken connection.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no batch of rows, RESOURCE_EXHAUSTED for too many values.
    pub(crate) async fn read(
        stream: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    ) -> Result<Self, Status> {
        let mut bytes = 0;
        let messages = stream.map_err(FlightError::from).try_filter_map(move |data| {
            bytes += data.data_body.len();
            let too_many = bytes > BYTES_MAX;
            let full = || {
                Status::resource_exhausted(format!("the values are more than {BYTES_MAX} bytes: send fewer at once"))
            };
            // The message that names the statement may carry no rows at all.
            let kept = (!data.data_header.is_empty()).then_some(data);
            std::future::ready(if too_many { Err(full().into()) } else { Ok(kept) })
        });
        let mut stream = FlightRecordBatchStream::new_from_flight_data(messages);
        let batches: Vec<RecordBatch> = (&mut stream).try_collect().await.map_err(from_flight)?;
        let plain = batches.iter().map(|batch| to_wire(batch, &wire_schema(batch.schema_ref())));
        let columns = stream.schema().map_or(0, |schema| schema.fields().len());
        Ok(Self { columns, batches: plain.collect::<Result<_, _>>()? })
    }

    /// Whether none were sent, not even no row of them.
    pub(crate) fn is_nothing(&self) -> bool {
        self.columns == 0
    }

    /// For each run, its parameters.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for more or fewer values than there are parameters.
    pub(crate) fn rows(&self, wanted: &Wanted) -> Result<Vec<Parameters>, Status> {
        wanted.check(self)?;
        let rows = self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        rows.map(|(batch, row)| wanted.row(batch, row)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tonic::Code;

    use super::*;

    fn wanted(names: &[&str]) -> Result<Wanted, Status> {
        Wanted::new(names.iter().map(|name| ((*name).to_owned(), None)).collect())
    }

    #[test]
    fn parameters_are_ordered_by_number_and_gaps_are_filled() {
        let names = |wanted: Wanted| wanted.0.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(wanted(&["$10", "$2", "$b", "$a"]).unwrap())[..3], ["$1", "$2", "$3"]);
        assert_eq!(names(wanted(&["$10", "$2", "$b", "$a"]).unwrap())[9..], ["$10", "$a", "$b"]);
        assert_eq!(wanted(&["$1000000000"]).unwrap_err().code(), Code::InvalidArgument);
    }
}
