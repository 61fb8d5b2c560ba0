"""Runs the TPC-H queries cold, each as the first statement of a process of its own: once with no compiled code on disk,
once with it (`--code "none disk"`). Says what EXPLAIN ANALYZE says of the phases, and how much of the process is before and
after the statement. Files may be in the system's page cache. Standard library only."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from plumbing import create_tables, tables_in, times

SAYS_PHASES = re.compile(r"\b(DeviceExec: |load: |pipeline \d+: )")
NUMBER = re.compile(r"\b([a-z_]+)=([0-9.]+)(?=[, \]]|$)")


def run(maar, device, data, cache, text, limit):
    """The phases of one cold run, or the error."""
    command = [maar, "--device", device, "--format", "csv", "--timer"]
    for statement in [*create_tables(data), text]:
        command += ["-c", statement]
    started = time.perf_counter()
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment)
    except subprocess.TimeoutExpired:
        return {"error": f"more than {limit} s"}
    process = (time.perf_counter() - started) * 1e3
    if done.returncode != 0:
        return {"error": done.stderr[-2000:]}
    last = times(done.stderr)[-1]
    phases = {}
    for line in done.stdout.splitlines():
        said = SAYS_PHASES.search(line)
        if said:
            for name, value in NUMBER.findall(line):
                # A node says how long it waited for its code, a pipeline how long a thread compiled it.
                if name == "compile_ms" and said[1].startswith("DeviceExec"):
                    name = "compile_wait_ms"
                phases[name] = round(phases.get(name, 0.0) + float(value), 3)
    return {
        "process_ms": round(process, 1),
        "outside_ms": round(process - last["ms"], 1),
        **{name: last[name] for name in ("ms", "plan_ms", "execute_ms")},
        "phases": phases,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maar", default="./maar")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--only", default="", help="numbers of queries, with commas between")
    parser.add_argument("--code", default="none disk")
    parser.add_argument("--limit", type=int, default=60, help="seconds a query")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()

    data = tables_in(arguments.data)
    wanted = {int(number) for number in arguments.only.split(",") if number}
    cache = arguments.json.with_suffix(".cache")
    result, failed = {"runs": []}, 0
    for path in sorted(arguments.queries.glob("q*.sql")):
        number = int(path.stem.lstrip("q"))
        if wanted and number not in wanted:
            continue
        text = "EXPLAIN ANALYZE " + path.read_text().strip().rstrip(";")
        shutil.rmtree(cache, ignore_errors=True)
        for code in arguments.code.split():
            if code == "disk" and not cache.is_dir():
                run(arguments.maar, arguments.device, data, cache, text, arguments.limit)
            found = run(arguments.maar, arguments.device, data, cache, text, arguments.limit)
            failed += "error" in found
            result["runs"].append({"query": number, "code": code, **found})
            print(json.dumps(result["runs"][-1]), flush=True)
            arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    shutil.rmtree(cache, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
