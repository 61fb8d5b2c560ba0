"""Runs the TPC-H queries in DuckDB over the Parquet files that `maar bench tpch` made. Times only: answers are checked
by maar against DataFusion. Needs nothing but DuckDB."""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import duckdb

from plumbing import quoted, tables, tables_in


def connect(data, resident):
    """A connection that sees the tables: as views over the files, or loaded into memory."""
    connection = duckdb.connect()
    kind = "TABLE" if resident else "VIEW"
    for table in tables(data):
        connection.execute(f"CREATE {kind} {table.name} AS SELECT * FROM read_parquet({quoted(table / '*.parquet')})")
    return connection


def run_once(connection, text):
    """Milliseconds and rows of one run, its rows fetched."""
    started = time.perf_counter()
    rows = connection.execute(text).fetchall()
    return (time.perf_counter() - started) * 1000.0, len(rows)


def measure(connection, text, runs):
    """The first run, and the median of the runs after it."""
    cold, rows = run_once(connection, text)
    hot = statistics.median(run_once(connection, text)[0] for _ in range(max(runs, 1)))
    return {"rows": rows, "cold_ms": cold, "hot_ms": hot}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()

    result = {"engine": f"duckdb {duckdb.__version__}", "queries": []}
    texts = sorted(arguments.queries.glob("q*.sql"))
    if not texts:
        print(f"no queries in {arguments.queries}", file=sys.stderr)
        return 1
    # From files, as an engine without a column store; and from memory, beside our resident columns.
    data = tables_in(arguments.data)
    modes = {"parquet": connect(data, False), "memory": connect(data, True)}
    failed = 0
    for path in texts:
        entry = {"query": int(path.stem.lstrip("q"))}
        for mode, connection in modes.items():
            try:
                entry[mode] = measure(connection, path.read_text(), arguments.runs)
            except duckdb.Error as error:
                entry[mode] = {"error": str(error)}
                failed += 1
        result["queries"].append(entry)
        print(json.dumps(entry), flush=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
