"""What scripts that measure Maar share: its tables, its times, a process and its peak memory. Standard library only, as the GPU
kit takes it along. Not here: what is measured."""

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
QUERIES = REPOSITORY / "cli/src/bench/queries"
TIME = re.compile(r"^Time: ([\d.]+) (ms|s) \((\d+) rows?; plan ([\d.]+) (ms|s), execute ([\d.]+) (ms|s)\)")


def milliseconds(number, unit):
    return float(number) * (1000.0 if unit == "s" else 1.0)


def times(printed):
    """What `maar --timer` said of each statement: rows, and milliseconds of all of it, of planning (parsing, planning and
    optimising) and of running."""
    found = [match for match in map(TIME.match, printed.splitlines()) if match]
    spans = (("ms", 1), ("plan_ms", 4), ("execute_ms", 6))
    return [
        {"rows": int(match[3]), **{name: milliseconds(match[at], match[at + 1]) for name, at in spans}} for match in found
    ]


def tables(data):
    """The tables of a folder, each a folder in it."""
    return sorted(path for path in data.iterdir() if not path.name.startswith(".") and any(path.glob("*.parquet")))


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def create_tables(data):
    """The statements that make the tables of a folder."""
    return [f"CREATE EXTERNAL TABLE {path.name} STORED AS PARQUET LOCATION {quoted(f'{path}/')}" for path in tables(data)]


def tables_in(data):
    """The folder that holds TPC-H's tables: Maar puts them into one named after scale and version below `data`."""
    for folder in [data, *sorted(data.iterdir())]:
        if (folder / "lineitem").is_dir():
            return folder
    raise SystemExit(f"no folder `lineitem` below {data}: did maar bench run?")


def make_tpch(maar, scale, data):
    """The folder that holds TPC-H's tables at a scale, written by `maar bench tpch` where it is not there."""
    command = [maar, "bench", "tpch", "--scale", f"{scale:g}", "--data", data, "--device", "cpu", "--queries", "6", "--runs", "1"]
    subprocess.run([*map(str, command)], check=True, stdout=sys.stderr)
    return next(Path(data).glob(f"sf{scale:g}-v*"))


def run_script(maar, device, statements, limit):
    """Runs statements in a process: their times; or `error`, and why there are none."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(";\n".join(statement.strip().rstrip(";") for statement in statements) + ";\n")
        file.flush()
        command = [str(maar), "-f", file.name, "--device", device, "--timer", "--format", "csv"]
        try:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return {"error": f"more than {limit} s"}
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    found = times(done.stderr)
    return {"times": found} if found else {"error": "no times: is this a maar with --timer?"}


def measured(command, limit):
    """A process's seconds, its peak memory (its resident set), and what it printed; or `error`."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err)
        status = usage = None
        while status is None:
            ended, code, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                status, usage = code, used
            elif time.perf_counter() - start > limit:
                process.kill()
                os.wait4(process.pid, 0)
                return {"error": f"more than {limit} s"}
            else:
                time.sleep(0.02)
        for file in (out, err):
            file.seek(0)
        found = {"seconds": round(time.perf_counter() - start, 2), "peak_rss_mib": round(usage.ru_maxrss / 1024)}
        printed, said = out.read(), err.read()
    return {**found, "error": said[-1000:]} if status else {**found, "printed": printed, "said": said}


def machine():
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def row(cells):
    """A row of a table in Markdown."""
    return "| " + " | ".join(map(str, cells)) + " |"


def header(titles):
    return [row(titles), "|" + "---|" * len(titles)]
