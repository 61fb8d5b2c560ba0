"""DuckDB as the tests ask for it: a JSON request a line on stdin, a JSON answer a line on stdout.

{"open": [statements]}  a fresh database that has run these   ->  {"version": "1.5.5"}
{"run": sql}                                                  ->  {"types": [...], "rows": [[text or null, ...], ...]}
An error is {"error": text}. Every value is sent as DuckDB casts it to text, which keeps nanoseconds and all digits.
"""

import json
import sys

import duckdb

# What SQL leaves open and DuckDB decides otherwise by default. All other differences are in differences.rs.
SETTINGS = [
    "SET TimeZone = 'UTC'",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
    "SET integer_division = true",
    "SET ieee_floating_point_ops = true",
    "SET threads = 2",
]


def opened(statements):
    connection = duckdb.connect()
    for statement in SETTINGS + statements:
        connection.execute(statement)
    return connection


def answer(connection, sql):
    relation = connection.sql(sql)
    if relation is None:
        return {"types": [], "rows": []}
    rows = relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()
    return {"types": [str(kind) for kind in relation.types], "rows": rows}


def main():
    connection = duckdb.connect()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "open" in request:
                connection.close()
                connection = opened(request["open"])
                reply = {"version": duckdb.__version__}
            else:
                reply = answer(connection, request["run"])
        except duckdb.Error as error:
            reply = {"error": str(error)}
        print(json.dumps(reply), flush=True)


main()
