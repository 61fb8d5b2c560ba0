//! The tools: each is a statement of SQL, and how many rows of it are wanted.

use serde_json::{Value, json};

use super::messages::Wrong;

/// A call of a tool.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// One statement.
    pub sql: String,
    /// The most rows to give.
    pub rows: usize,
}

/// A tool: what clients are told of it, its arguments as a JSON Schema, and its statement.
struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: fn(usize) -> Value,
    statement: fn(&Value) -> Result<String, Wrong>,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "list_tables",
        title: "List tables",
        description: "Lists the tables and views that can be queried, with the catalog and the schema they are in.",
        arguments: |_| json!({ "type": "object", "properties": {} }),
        statement: |_| Ok(TABLES.to_owned()),
    },
    Tool {
        name: "describe_table",
        title: "Describe a table",
        description: "Lists the columns of a table or view, with their types.",
        arguments: |_| {
            json!({
                "type": "object",
                "properties": {
                    "table": { "type": "string", "description": "The name, as list_tables has it" },
                    "schema": { "type": "string", "description": "Its schema, if not the usual one" },
                    "catalog": { "type": "string", "description": "Its catalog, if not the usual one; wants a schema too" },
                },
                "required": ["table"],
            })
        },
        statement: describe,
    },
    Tool {
        name: "query",
        title: "Run a query",
        description: "Runs one statement of SQL that changes nothing and gives its rows as JSON: columns, rows as arrays in the \
                      columns' order, and whether there were more rows than are shown.",
        arguments: |most| {
            json!({
                "type": "object",
                "properties": {
                    "sql": { "type": "string", "description": "One statement, such as SELECT ... LIMIT 20" },
                    "max_rows": {
                        "type": "integer", "minimum": 1, "maximum": most,
                        "description": "The most rows to give; the query itself is not changed by it",
                    },
                },
                "required": ["sql"],
            })
        },
        statement: |arguments| {
            let sql = text(arguments, "sql")?;
            let sql = sql.ok_or_else(|| Wrong::Params("query needs its argument sql".to_owned()))?;
            match sql.to_ascii_lowercase().contains(KILL) {
                true => Err(Wrong::Params(format!("tools only read, and {KILL} ends queries: leave the word out"))),
                false => Ok(sql),
            }
        },
    },
];

/// The one function of a reader that does something: no statement of a tool has its name, wherever it stands.
const KILL: &str = "kill_query";

const TABLES: &str = "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables \
                      WHERE table_schema <> 'information_schema' ORDER BY table_catalog, table_schema, table_name";

/// What clients are told of the tools; `most` rows are given at most.
pub fn list(most: usize) -> Value {
    let tool = |tool: &Tool| {
        json!({
            "name": tool.name,
            "title": tool.title,
            "description": tool.description,
            "inputSchema": (tool.arguments)(most),
            "annotations": { "title": tool.title, "readOnlyHint": true, "openWorldHint": false },
        })
    };
    json!({ "tools": TOOLS.iter().map(tool).collect::<Vec<_>>() })
}

/// What the parameters of `tools/call` ask for.
///
/// # Errors
/// [`Wrong::Params`] for what is no tool, or not its arguments.
pub fn call(params: &Value, most: usize) -> Result<Call, Wrong> {
    let name = params["name"].as_str().unwrap_or_default();
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        return Err(Wrong::Params(format!("there is no tool '{name}'; there are {}", names.join(", "))));
    };
    let arguments = &params["arguments"];
    let known = (tool.arguments)(most);
    let unknown = arguments.as_object().into_iter().flat_map(|given| given.keys());
    if let Some(unknown) = unknown.filter(|name| known["properties"].get(name.as_str()).is_none()).min() {
        return Err(Wrong::Params(format!("{name} has no argument '{unknown}'")));
    }
    let rows = match &arguments["max_rows"] {
        Value::Null => most,
        given => {
            let rows = given.as_u64().filter(|rows| *rows > 0);
            let rows = rows.ok_or_else(|| Wrong::Params("max_rows is a whole number from 1 on".to_owned()))?;
            usize::try_from(rows).unwrap_or(most).min(most)
        }
    };
    Ok(Call { sql: (tool.statement)(arguments)?, rows })
}

fn describe(arguments: &Value) -> Result<String, Wrong> {
    let table = text(arguments, "table")?;
    let table = table.ok_or_else(|| Wrong::Params("describe_table needs its argument table".to_owned()))?;
    let (catalog, schema) = (text(arguments, "catalog")?, text(arguments, "schema")?);
    if catalog.is_some() && schema.is_none() {
        return Err(Wrong::Params("a table of a catalog is in a schema: name that too".to_owned()));
    }
    let quoted = |name: String| format!("\"{}\"", name.replace('"', "\"\""));
    let parts: Vec<_> = catalog.into_iter().chain(schema).chain([table]).map(quoted).collect();
    Ok(format!("DESCRIBE {}", parts.join(".")))
}

fn text(arguments: &Value, name: &str) -> Result<Option<String>, Wrong> {
    match &arguments[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Wrong::Params(format!("{name} is a string"))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn called(name: &str, arguments: &Value) -> Result<Call, Wrong> {
        call(&json!({ "name": name, "arguments": arguments }), 100)
    }

    #[test]
    fn calls_are_statements() {
        let sql = |name: &str, arguments: Value| called(name, &arguments).unwrap().sql;
        assert_eq!(sql("list_tables", Value::Null), TABLES);
        assert_eq!(sql("describe_table", json!({ "table": "a\"b" })), "DESCRIBE \"a\"\"b\"");
        assert_eq!(
            sql("describe_table", json!({ "table": "t", "schema": "s", "catalog": "c" })),
            "DESCRIBE \"c\".\"s\".\"t\""
        );
        for (given, rows) in [(json!({}), 100), (json!({ "max_rows": 7 }), 7), (json!({ "max_rows": 1000 }), 100)] {
            let mut arguments = json!({ "sql": "select 1" });
            arguments.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            assert_eq!(called("query", &arguments).unwrap(), Call { sql: "select 1".to_owned(), rows });
        }
    }

    #[test]
    fn what_is_no_call_is_refused_in_words() {
        for (name, arguments, words) in [
            ("drop_table", json!({}), "describe_table"),
            ("query", json!({}), "sql"),
            ("query", json!({ "sql": 1 }), "string"),
            ("query", json!({ "sql": "CALL maar.system.Kill_Query('x')" }), "only read"),
            (
                "query",
                json!({ "sql": "select \"maar.system.kill_query\"(query_id) from maar.system.queries" }),
                "only read",
            ),
            ("query", json!({ "sql": "select 1", "max_rows": 0 }), "from 1 on"),
            ("query", json!({ "sql": "select 1", "rows": 1 }), "'rows'"),
            ("describe_table", json!({ "table": "t", "catalog": "c" }), "schema"),
        ] {
            let wrong = called(name, &arguments).unwrap_err();
            assert!(matches!(&wrong, Wrong::Params(text) if text.contains(words)), "{wrong:?}");
        }
    }
}
