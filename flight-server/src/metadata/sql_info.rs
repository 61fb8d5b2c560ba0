//! GetSqlInfo: what the server says of itself. Drivers cast each value to the type that the protocol gives it, and
//! look every number up in a list of theirs: so none of our own, and limits as 64-bit zeros (none or not known).

use std::collections::HashMap;

use arrow_flight::sql::SqlInfo;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use tonic::Status;

use super::words;
use crate::role::Role;
use crate::statements::SQL_BYTES_MAX;
use crate::status::from_flight;

const TEXTS: &[(SqlInfo, &str)] = &[
    (SqlInfo::FlightSqlServerName, "Maar"),
    (SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION")),
    (SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION),
    (SqlInfo::SqlIdentifierQuoteChar, "\""),
    (SqlInfo::SqlSearchStringEscape, "\\"),
    (SqlInfo::SqlSchemaTerm, "schema"),
    (SqlInfo::SqlCatalogTerm, "catalog"),
];

const FLAGS: &[(SqlInfo, bool)] = &[
    (SqlInfo::FlightSqlServerSql, true),
    (SqlInfo::FlightSqlServerSubstrait, false),
    (SqlInfo::FlightSqlServerCancel, true),
    (SqlInfo::FlightSqlServerBulkIngestion, true),
    (SqlInfo::FlightSqlServerIngestTransactionsSupported, false),
    (SqlInfo::SqlDdlCatalog, false),
    (SqlInfo::SqlDdlSchema, true),
    (SqlInfo::SqlDdlTable, true),
    (SqlInfo::SqlAllTablesAreSelectable, true),
    (SqlInfo::SqlSupportsColumnAliasing, true),
    (SqlInfo::SqlNullPlusNullIsNull, true),
    (SqlInfo::SqlSupportsTableCorrelationNames, true),
    (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
    (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
    (SqlInfo::SqlSupportsOrderByUnrelated, true),
    (SqlInfo::SqlCatalogAtStart, true),
    (SqlInfo::SqlSelectForUpdateSupported, false),
    (SqlInfo::SqlStoredProceduresSupported, false),
    (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
    (SqlInfo::SqlMaxRowSizeIncludesBlobs, true),
    (SqlInfo::SqlTransactionsSupported, false),
    (SqlInfo::SqlSupportsLikeEscapeClause, true),
    (SqlInfo::SqlSupportsNonNullableColumns, true),
    (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
    (SqlInfo::SqlDataDefinitionCausesTransactionCommit, false),
    (SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false),
    (SqlInfo::SqlBatchUpdatesSupported, true),
    (SqlInfo::SqlSavepointsSupported, false),
    (SqlInfo::SqlNamedParametersSupported, false), // those of JDBC's CallableStatement
    (SqlInfo::SqlLocatorsUpdateCopy, false),
    (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
];

/// Enumerations and masks, by the numbers of the protocol.
const CODES: &[(SqlInfo, i32)] = &[
    (SqlInfo::FlightSqlServerTransaction, 0), // none
    (SqlInfo::FlightSqlServerStatementTimeout, 0),
    (SqlInfo::FlightSqlServerTransactionTimeout, 0),
    (SqlInfo::SqlIdentifierCase, 3),          // unquoted names fold to lower case
    (SqlInfo::SqlQuotedIdentifierCase, 0),    // kept as they are, for which there is no number
    (SqlInfo::SqlNullOrdering, 0),            // NULL sorts as the highest value
    (SqlInfo::SqlSupportedGroupBy, 0b11),     // by columns that are not selected, and beyond them
    (SqlInfo::SqlOuterJoinsSupportLevel, 2),  // full
    (SqlInfo::SqlSupportedSubqueries, 0b111), // in comparisons, EXISTS, IN
    (SqlInfo::SqlSupportedUnions, 0b11),      // UNION and UNION ALL
    (SqlInfo::SqlSupportedGrammar, 0b11),     // minimum and core, not the whole of the extended one
    (SqlInfo::SqlAnsi92SupportedLevel, 0b1),  // entry
    // None: no procedures, indexes and privileges whose names could have one.
    (SqlInfo::SqlSchemasSupportedActions, 0),
    (SqlInfo::SqlCatalogsSupportedActions, 0),
    (SqlInfo::SqlSupportedPositionedCommands, 0),
    (SqlInfo::SqlSupportedTransactionsIsolationLevels, 0),
    (SqlInfo::SqlSupportedResultSetTypes, 0b10), // rows are read forward
];

/// Limits that we do not have or do not know.
const LIMITS: &[SqlInfo] = &[
    SqlInfo::SqlMaxBinaryLiteralLength,
    SqlInfo::SqlMaxCharLiteralLength,
    SqlInfo::SqlMaxColumnNameLength,
    SqlInfo::SqlMaxColumnsInGroupBy,
    SqlInfo::SqlMaxColumnsInIndex,
    SqlInfo::SqlMaxColumnsInOrderBy,
    SqlInfo::SqlMaxColumnsInSelect,
    SqlInfo::SqlMaxColumnsInTable,
    SqlInfo::SqlMaxConnections,
    SqlInfo::SqlMaxCursorNameLength,
    SqlInfo::SqlMaxIndexLength,
    SqlInfo::SqlDbSchemaNameLength,
    SqlInfo::SqlMaxProcedureNameLength,
    SqlInfo::SqlMaxCatalogNameLength,
    SqlInfo::SqlMaxRowSize,
    SqlInfo::SqlMaxStatements,
    SqlInfo::SqlMaxTableNameLength,
    SqlInfo::SqlMaxTablesInSelect,
    SqlInfo::SqlMaxUsernameLength,
];

/// All values, as they are for a user of this role.
pub(crate) fn values(role: Role) -> Result<SqlInfoData, Status> {
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerReadOnly, role == Role::Reader);
    TEXTS.iter().for_each(|(name, value)| builder.append(*name, *value));
    FLAGS.iter().for_each(|(name, value)| builder.append(*name, *value));
    CODES.iter().for_each(|(name, value)| builder.append(*name, *value));
    builder.append(SqlInfo::SqlMaxStatementLength, SQL_BYTES_MAX);
    // None. JDBC's driver takes this one for a number of 64 bits, too, and fails where it or the map is not there.
    builder.append(SqlInfo::SqlDefaultTransactionIsolation, 0_i64);
    builder.append(SqlInfo::SqlSupportsConvert, HashMap::<i32, Vec<i32>>::new());
    LIMITS.iter().for_each(|name| builder.append(*name, 0_i64));
    words::lists().into_iter().for_each(|(name, words)| builder.append(name, words));
    builder.build().map_err(from_flight)
}
