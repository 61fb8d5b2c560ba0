#!/usr/bin/env python3
"""A table larger than memory: scanned, filtered, grouped and joined with little host memory and less of the device's.

    measure.py MAAR [--gigabytes 8] [--host-memory 1GB] [--device-memory 256MB] [--device emulated] [--data DIR] [--out FILE]

The table is written once: columns of random numbers, neither packed nor compressed, so that its rows are its bytes on disk.
Beside it lies a table of a twelfth of its rows to join with. Each query runs in processes of their own: on the device, with
Maar on the host alone and the same host memory, and with DuckDB, whose rows are the right ones. A time is that of the process; peak
memory is its resident set, which on an emulated device holds the device's memory too. Needs pyarrow, numpy and duckdb:

    pip install pyarrow numpy duckdb==1.5.5
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plumbing import create_tables, machine, measured

ROW_BYTES = 56
ROWS_A_FILE = 5_000_000
ROWS_A_GROUP = 1_000_000
FIRST_DAY, DAYS = 9000, 2500

QUERIES = {
    "filter": "select count(*) n, sum(a) a from large where day >= date '1997-01-01' and day < date '1998-01-01' and b < 100000",
    "few groups": "select flag, count(*) n, sum(a) a, min(c) c, max(d) d from large group by flag order by flag",
    "join": "select class, count(*) n, sum(a * weight) s from large join other on large.k = other.key where day < date '1999-01-01' "
    "group by class order by class",
    "many groups": "select k, count(*) n, sum(a) s from large group by k order by s desc, k limit 10",
    "join of many groups": "select class, sum(n) n, max(s) s from (select k, count(*) n, sum(a) s from large where b < 500000 group by k) g "
    "join other on g.k = other.key group by class order by class",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maar", type=Path)
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--host-memory", default="1GB")
    parser.add_argument("--device-memory", default="256MB")
    parser.add_argument("--device", default="emulated")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "maar-large")
    parser.add_argument("--queries", default=",".join(QUERIES))
    parser.add_argument("--limit", type=int, default=900, help="seconds a query")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    parser.add_argument("--only-data", action="store_true", help="write the tables and measure nothing")
    return parser.parse_args()


def tables(options):
    """The folder of the two tables, written where it is not there."""
    folder = options.data.resolve() / f"{options.gigabytes:g}"
    if folder.exists():
        return folder
    import numpy
    import pyarrow
    import pyarrow.parquet

    partial = folder.with_suffix(".partial")
    rows = int(options.gigabytes * 1e9) // ROW_BYTES
    keys = rows // 6
    for name in ["large", "other"]:
        (partial / name).mkdir(parents=True, exist_ok=True)

    def write(table, file):
        pyarrow.parquet.write_table(
            pyarrow.table(table), file, row_group_size=ROWS_A_GROUP, use_dictionary=False, compression="none"
        )

    def ints(random, below, count, kind="int64"):
        return pyarrow.array(random.integers(0, below, count, dtype=kind))

    for number, first in enumerate(range(0, rows, ROWS_A_FILE)):
        random, count = numpy.random.default_rng(number), min(ROWS_A_FILE, rows - first)
        table = {
            "id": pyarrow.array(numpy.arange(first, first + count, dtype="int64")),
            "k": ints(random, keys, count),
            "a": ints(random, 10_000_000, count),
            "b": ints(random, 1_000_000, count),
            "c": ints(random, 1 << 40, count),
            "d": ints(random, 1 << 50, count),
            "day": pyarrow.array(random.integers(FIRST_DAY, FIRST_DAY + DAYS, count, dtype="int32"), pyarrow.date32()),
            "flag": ints(random, 5, count, "int32"),
        }
        write(table, partial / "large" / f"{number:04}.parquet")
    random = numpy.random.default_rng(rows)
    # Every second key is there, in no order.
    key = random.permutation(keys // 2).astype("int64") * 2
    other = {"key": pyarrow.array(key), "class": ints(random, 7, len(key), "int32"), "weight": ints(random, 100, len(key))}
    write(other, partial / "other" / "0.parquet")
    partial.rename(folder)
    return folder


def with_maar(options, folder, query, device, analyze=False):
    command = [options.maar, "--device", device, "--format", "csv", "--no-color"]
    host_memory = options.host_memory.removesuffix("B")
    command += ["-c", f"set datafusion.runtime.memory_limit = '{host_memory}'"]
    if device != "cpu":
        command += ["-c", f"set maar.device_memory = '{options.device_memory}'"]
    for statement in create_tables(folder):
        command += ["-c", statement]
    return measured([*command, "-c", ("explain analyze " if analyze else "") + QUERIES[query]], options.limit)


DUCKDB = """
import duckdb, sys
folder, query, memory, spill = sys.argv[1:]
connection = duckdb.connect()
connection.execute(f"set memory_limit = '{memory}'; set threads = 2; set enable_progress_bar = false; set temp_directory = '{spill}'")
for table in ["large", "other"]:
    connection.execute(f"create view {table} as select * from '{folder}/{table}/*.parquet'")
found = connection.execute(query)
print(",".join(column[0] for column in found.description))
for row in found.fetchall():
    print(",".join(str(value) for value in row))
"""


def with_duckdb(options, folder, query):
    with tempfile.TemporaryDirectory(dir=options.data) as spill:
        return measured([sys.executable, "-c", DUCKDB, folder, QUERIES[query], options.host_memory, spill], options.limit)


def one(options, folder, query):
    result = {
        "query": query,
        "device": with_maar(options, folder, query, options.device),
        "host": with_maar(options, folder, query, "cpu"),
        "duckdb": with_duckdb(options, folder, query),
    }
    analysis = with_maar(options, folder, query, options.device, analyze=True)
    result["analysis"] = analysis.get("printed", analysis.get("error"))
    right = result["duckdb"].get("printed")
    for who in ["device", "host"]:
        result[who]["right"] = right is not None and result[who].get("printed") == right
    for who in ["device", "host", "duckdb"]:
        result[who].pop("printed", None)
        result[who].pop("said", None)
    result["way_back"] = sorted(set(re.findall(r"went back to the host: [^\\n\n]*", result["analysis"] or "")))
    result["parts"] = max(map(int, re.findall(r"\bparts=(\d+)", result["analysis"] or "")), default=1)
    return result


def line(result):
    def cell(who):
        found = result[who]
        if "error" in found:
            return f"{who}: {found['error'].strip()[-200:]}"
        right = "" if who == "duckdb" else ", right" if found["right"] else ", WRONG"
        return f"{who} {found['seconds']:.1f} s, {found['peak_rss_mib']} MiB{right}"

    text = "; ".join(map(cell, ["device", "host", "duckdb"]))
    return f"{result['query']}: {text}; parts {result['parts']} {' '.join(result['way_back'])}"


def main():
    options = arguments()
    # In a process of its own: what writes the tables would be part of the peak of every process it starts.
    if options.only_data:
        return tables(options)
    subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only-data"], check=True)
    folder = tables(options)
    found = []
    for query in options.queries.split(","):
        found.append(one(options, folder, query))
        print(line(found[-1]), flush=True)
    disk = sum(file.stat().st_size for file in (folder / "large").iterdir())
    about = {key: str(value) for key, value in vars(options).items() if key not in ("data", "out", "maar", "only_data")}
    if options.out:
        text = json.dumps({**about, "bytes_on_disk": disk, "machine": machine(), "queries": found}, indent=1)
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
