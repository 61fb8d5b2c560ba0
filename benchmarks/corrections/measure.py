#!/usr/bin/env python3
"""What corrections of the host cost: TPC-H and TPC-DS, planning and hot runs, with two binaries of Maar in one run.

    measure.py BEFORE AFTER --out DIR [--scale 1] [--rounds 5] [--runs 3] [--data DIR] [--suites tpch,tpcds] [--queries 1,6]

Run by hand on a machine that does nothing else. The binaries take turns, query by query and round by round, so that both see
the same machine. A process plans and runs a query once to warm up and then `--runs` times; the best of all rounds counts, of
planning and of planning and running. Times are those of `maar --timer`: `plan` is parsing, planning and optimising. TPC-H data
come from `maar bench tpch`; TPC-DS data and queries from DuckDB's extension, none of which is kept in the repository:

    pip install duckdb==1.5.5 duckdb-extension-tpcds==1.5.5
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plumbing import QUERIES, create_tables, header, machine, make_tpch, row, run_script

# A query that takes longer is given up: it has no time.
LIMIT_S = 600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where corrections.json and table.md go")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="processes a query and binary")
    parser.add_argument("--runs", type=int, default=3, help="timed runs a process")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "maar-corrections")
    parser.add_argument("--suites", default="tpch,tpcds")
    parser.add_argument("--queries", help="numbers of queries, default all")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def tpch(options):
    """The folder of a table each, and the texts by number."""
    folder = make_tpch(options.before, options.scale, options.data.resolve() / "tpch")
    return folder, {int(file.stem[1:]): file.read_text() for file in sorted(QUERIES.glob("q*.sql"))}


def tpcds(options):
    # Only where it is asked for: it needs DuckDB's extension.
    from tpcds_suite import suite

    return suite(options.scale, options.data)


def run(binary, device, folder, text, runs):
    """The times of the runs after the first, or the error."""
    made = create_tables(folder)
    found = run_script(binary, device, [*made, *[text] * (runs + 1)], LIMIT_S)
    if "error" in found:
        return found
    keys = {"total_ms": "ms", "plan_ms": "plan_ms", "rows": "rows"}
    return {"runs": [{key: time[of] for key, of in keys.items()} for time in found["times"][len(made) + 1 :]]}


def measure(options, suite, folder, texts):
    """Every query with both binaries in turns."""
    binaries = {"before": options.before, "after": options.after}
    wanted = {int(number) for number in options.queries.split(",")} if options.queries else set(texts)
    queries = []
    for number in sorted(wanted & set(texts)):
        runs = {name: [] for name in binaries}
        errors = {}
        for turn in range(options.rounds):
            for name in sorted(binaries, reverse=turn % 2 == 0):
                if errors:
                    break
                result = run(binaries[name], options.device, folder, texts[number], options.runs)
                if "error" in result:
                    errors[name] = result["error"]
                runs[name] += result.get("runs", [])
        query = {"query": number, "runs": runs, "errors": errors}
        if not errors:
            query["best"] = {name: best(times) for name, times in runs.items()}
        queries.append(query)
        print(f"{suite} {number}: {query.get('best', errors)}", file=sys.stderr)
    return queries


def best(times):
    return {key: min(run[key] for run in times) for key in ("total_ms", "plan_ms")} | {"rows": times[0]["rows"]}


def totals(queries):
    good = [query["best"] for query in queries if "best" in query]
    return {key: {name: sum(best[name][key] for best in good) for name in ("before", "after")} for key in ("total_ms", "plan_ms")}


def percent(pair):
    return f"{(pair['after'] / pair['before'] - 1) * 100:+.1f} %" if pair["before"] else "-"


def table(report):
    lines = [
        f"TPC-H and TPC-DS at scale {report['scale']:g} on `--device {report['device']}`, {report['machine']}; the best of "
        f"{report['rounds']} rounds of {report['runs']} runs with each binary, in turns.",
        "",
        *header(["suite", "queries", "hot before, ms", "hot after, ms", "", "planning before, ms", "planning after, ms", ""]),
    ]
    for suite, queries in report["suites"].items():
        sums = totals(queries)
        hot, plan = sums["total_ms"], sums["plan_ms"]
        count = sum("best" in query for query in queries)
        cells = [suite, count, f"{hot['before']:.0f}", f"{hot['after']:.0f}", percent(hot)]
        cells += [f"{plan['before']:.1f}", f"{plan['after']:.1f}", percent(plan)]
        lines.append(row(cells))
    lines += ["", "The queries whose hot time or planning changed by more than a tenth, and those without a time:", ""]
    for suite, queries in report["suites"].items():
        lines += filter(None, (remark(suite, query) for query in queries))
    return "\n".join(lines) + "\n"


def remark(suite, query):
    if query["errors"]:
        return f"- {suite} {query['query']}: " + "; ".join(f"{name}: {text}" for name, text in query["errors"].items())
    before, after = query["best"]["before"], query["best"]["after"]
    changed = [
        f"{what} {before[key]:.1f} -> {after[key]:.1f} ms"
        for key, what in (("total_ms", "hot"), ("plan_ms", "planning"))
        if abs(after[key] - before[key]) > 0.1 * before[key]
    ]
    if before["rows"] != after["rows"]:
        changed.append(f"{before['rows']} -> {after['rows']} rows")
    return f"- {suite} {query['query']}: {', '.join(changed)}" if changed else None


def main():
    options = arguments()
    suites = {}
    for suite in options.suites.split(","):
        folder, texts = {"tpch": tpch, "tpcds": tpcds}[suite](options)
        suites[suite] = measure(options, suite, folder, texts)
    report = {
        "scale": options.scale,
        "device": options.device,
        "rounds": options.rounds,
        "runs": options.runs,
        "machine": machine(),
        "suites": suites,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "corrections.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "table.md").write_text(table(report))
    print(table(report))


if __name__ == "__main__":
    main()
