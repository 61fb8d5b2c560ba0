"""Runs the TPC-H queries with less and less device memory (`--memory "all 1GB 64MB"`), each in a process of its own: the
answer beside the one with all memory, the time of a first and of a second run with what was spent on planning, and what
EXPLAIN ANALYZE says of a third. Standard library only."""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from plumbing import create_tables, tables_in, times

MARK = "-- the next statement --"
SPANS = ("ms", "plan_ms", "execute_ms")
PHASE = re.compile(r"\b(load_ms|strategy_ms|compile_ms|run_ms|kernel_ms|decode_ms|upload_ms|waves)=([0-9.]+)")


def statements(data, memory, text):
    """What one process runs: the tables, the query twice, then its analysis, each behind a mark."""
    text = text.strip().rstrip(";")
    parts = [f"SET maar.device_memory = '{memory}'"] if memory != "all" else []
    parts += create_tables(data)
    mark = f"SELECT '{MARK}' AS mark"
    return parts + [mark, text, mark, text, mark, f"EXPLAIN ANALYZE {text}"]


def run(maar, device, data, memory, text, limit):
    """Rows of the first run as lines, the times of the two, the phases of the third; or the error."""
    command = [maar, "--device", device, "--format", "csv", "--timer"]
    for statement in statements(data, memory, text):
        command += ["-c", statement]
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"more than {limit} s"}
    found = {"process_s": round(time.perf_counter() - started, 3)}
    if done.returncode != 0:
        return {**found, "error": done.stderr[-2000:]}
    parts = done.stdout.split(f"mark\n{MARK}\n")
    # Behind the tables: mark, first run, mark, second run, mark, analysis.
    first, second = ({key: time[key] for key in SPANS} for time in (times(done.stderr)[at] for at in (-5, -3)))
    phases = {}
    for name, value in PHASE.findall(parts[3]):
        phases[name] = round(phases.get(name, 0.0) + float(value), 3)
    return {
        **found,
        "rows": parts[1],
        "first": first,
        "second": second,
        "same_twice": parts[1] == parts[2],
        "phases": phases,
        "way_back": sorted(set(re.findall(r"went back to the host: [^\n]*", parts[3]))),
        "analysis": parts[3],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maar", default="./maar")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--memory", default="all 64MB")
    parser.add_argument("--limit", type=int, default=60, help="seconds a query")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()

    data = tables_in(arguments.data)
    result, right, wrong = {"runs": []}, {}, 0
    for memory in arguments.memory.split():
        for path in sorted(arguments.queries.glob("q*.sql")):
            number = int(path.stem.lstrip("q"))
            found = run(arguments.maar, arguments.device, data, memory, path.read_text(), arguments.limit)
            rows = found.pop("rows", None)
            expected = right.setdefault(number, rows)
            found["correct"] = rows is not None and rows == expected and found["same_twice"]
            wrong += not found["correct"]
            result["runs"].append({"memory": memory, "query": number, **found})
            print(json.dumps({**result["runs"][-1], "analysis": None}), flush=True)
            arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
