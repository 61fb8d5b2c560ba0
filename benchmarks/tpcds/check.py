#!/usr/bin/env python3
"""TPC-DS on a device: where each of the 99 queries runs, and whether its answer is the CPU's and DuckDB's.

    check.py MAAR --out DIR [--scale 0.01] [--device emulated] [--data DIR] [--queries 1,6]

Data and queries come from DuckDB's extension at run time (`tpcds_suite.py` says which).

Rows are compared as sets of lines, numbers to six digits: queries whose ORDER BY leaves ties may cut them otherwise, and are told
apart by hand.
"""

import argparse
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plumbing import create_tables, header, machine, row, tables
from tpcds_suite import suite

# A query that takes longer is given up.
LIMIT_S = 900
HOST = re.compile(r": host \((.*?)\)?$", re.M)
# What follows from another reason.
FOLLOWS = ("its input", "added by", "sorted for", "nothing to compute")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maar", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where tpcds.json and table.md go")
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--device", default="emulated")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "maar-corrections")
    parser.add_argument("--queries", help="numbers of queries, default all")
    return parser.parse_args()


def oracle(folder):
    """DuckDB over the same files."""
    connection = duckdb.connect()
    for table in tables(folder):
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM '{table}/*.parquet'")
    return connection


def run(maar, device, folder, text, require=False):
    """What a query prints, or the last line of what went wrong, and its seconds."""
    demand = ["SET maar.require_device = true"] if require else []
    script = ";\n".join([*create_tables(folder), *demand, text.strip().rstrip(";")]) + ";\n"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        start = time.perf_counter()
        command = [str(maar), "-f", file.name, "--device", device, "--format", "csv"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return None, f"more than {LIMIT_S} s", LIMIT_S
    seconds = round(time.perf_counter() - start, 2)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["it failed"])[-1], seconds
    return done.stdout, None, seconds


def field(value):
    """A value as all three print it: numbers to six digits."""
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return "" if value is None else str(value)


def lines(rows):
    return sorted("|".join(map(field, one)) for one in rows)


def parsed(printed):
    return lines(list(csv.reader(io.StringIO(printed)))[1:])


def check(options, connection, folder, text):
    plan, error, _ = run(options.maar, options.device, folder, f"EXPLAIN {text}")
    reasons = sorted({reason for reason in HOST.findall(plan or "") if not reason.startswith(FOLLOWS)})
    own, own_error, seconds = run(options.maar, options.device, folder, text, require=not reasons and plan is not None)
    host, host_error, _ = run(options.maar, "cpu", folder, text)
    found = {"device": "whole" if plan and not reasons else "in part", "reasons": reasons, "seconds": seconds}
    if error or own_error or host_error:
        return {**found, "error": error or own_error or host_error}
    wanted = lines(connection.execute(text).fetchall())
    return {**found, "rows": len(wanted), "as_cpu": parsed(own) == parsed(host), "as_duckdb": parsed(own) == wanted}


def table(options, results):
    answers = results.values()
    count = lambda name: sum(1 for result in answers if result.get(name))
    whole = sum(1 for result in answers if result["device"] == "whole")
    yield f"# TPC-DS at scale {options.scale:g} on `{options.device}`: {machine()}"
    yield ""
    yield (
        f"{whole} of {len(results)} queries run wholly on the device (with `maar.require_device`), {count('as_cpu')} have the "
        f"CPU's answer and {count('as_duckdb')} DuckDB's, row by row."
    )
    yield ""
    yield from header(["query", "on the device", "rows", "as on the CPU", "as DuckDB", "what keeps it"])
    for number, result in results.items():
        answer = [result.get(name, result.get("error", "")) for name in ("as_cpu", "as_duckdb")]
        why = "; ".join(reason.replace("|", "\\|")[:120] for reason in result["reasons"])
        yield row([number, result["device"], result.get("rows", ""), *answer, why])


def main():
    options = arguments()
    folder, texts = suite(options.scale, options.data)
    connection = oracle(folder)
    wanted = [int(number) for number in options.queries.split(",")] if options.queries else sorted(texts)
    results = {}
    for number in wanted:
        results[number] = check(options, connection, folder, texts[number])
        print(number, json.dumps(results[number]), file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    measured = {"machine": machine(), "scale": options.scale, "device": options.device, "queries": results}
    (options.out / "tpcds.json").write_text(json.dumps(measured, indent=1) + "\n")
    (options.out / "table.md").write_text("\n".join(table(options, results)) + "\n")


if __name__ == "__main__":
    main()
