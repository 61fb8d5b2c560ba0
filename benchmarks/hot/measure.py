#!/usr/bin/env python3
"""What a hot query costs outside kernels: the 22 queries of TPC-H over one file a table and over many small ones, with two
binaries of Maar in turns.

    measure.py BEFORE AFTER --out DIR [--scale 1] [--files 150] [--groups 4] [--device auto] [--rounds 3] [--runs 5]
               [--data DIR] [--queries 1,6]

Run by hand on a machine that does nothing else. Data come from `maar bench tpch` and are laid out anew by pyarrow: each table
as one file with row groups of a million rows, and as `--files` files of `--groups` row groups (tables with fewer rows than that
is worth, 100 a row group, stay one file). A round is two processes for each binary and layout, the binaries in turns: `maar bench tpch`, whose hot
run is the median of `--runs`, says what is spent outside kernels and how often the device was waited for; a script of each query
three times under `--timer` says what planning takes once a plan was made. The best of all rounds counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plumbing import QUERIES, create_tables, header, machine, make_tpch, row, run_script, tables

GROUP_ROWS = 1 << 20
GROUP_ROWS_MIN = 100
# A round of one binary that takes longer is given up.
LIMIT_S = 3600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where hot.json and table.md go")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--files", type=int, default=150)
    parser.add_argument("--groups", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "maar-hot")
    parser.add_argument("--queries", help="numbers of queries, default all")
    return parser.parse_args()


def layouts(options):
    """Folders that `maar bench tpch --data` takes, by the name of their layout."""
    source = make_tpch(options.before, options.scale, options.data.resolve() / "made")
    wanted = {"1 file": (1, 0), f"{options.files} files of {options.groups} row groups": (options.files, options.groups)}
    folders = {}
    for name, (files, groups) in wanted.items():
        folder = options.data.resolve() / f"{files}x{groups}"
        if not (folder / source.name).exists():
            print(f"Laying out {source.name} as {name} in {folder} ...", file=sys.stderr)
            partial = folder / f".{source.name}.{os.getpid()}"
            for table in tables(source):
                lay_out(table, partial / table.name, files, groups)
            partial.rename(folder / source.name)
        folders[name] = folder
    return folders


def lay_out(source, target, files, groups):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(source)
    target.mkdir(parents=True)
    if rows.num_rows < files * groups * GROUP_ROWS_MIN:
        files, groups = 1, 0
    each = -(-rows.num_rows // files)
    group_rows = -(-each // groups) if groups else GROUP_ROWS
    for file in range(files):
        part = rows.slice(file * each, each)
        pyarrow.parquet.write_table(part, target / f"{file:04}.parquet", row_group_size=group_rows)


def chosen(options):
    numbers = sorted(int(file.stem[1:]) for file in QUERIES.glob("q*.sql"))
    wanted = {int(number) for number in options.queries.split(",")} if options.queries else set(numbers)
    return [number for number in numbers if number in wanted]


def bench(options, binary, folder):
    """What `maar bench tpch` says of each query."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [binary, "bench", "tpch", "--scale", f"{options.scale:g}", "--data", folder, "--device", options.device]
        command += ["--runs", options.runs, "--json", file.name, "--queries", ",".join(map(str, chosen(options)))]
        subprocess.run([*map(str, command)], check=True, stdout=sys.stderr, timeout=LIMIT_S)
        queries = json.load(open(file.name))["queries"]
    kept = ("correct", "hot_ms", "kernel_ms", "host_ms", "waits")
    return {query["query"]: {key: query.get(key) for key in kept} for query in queries}


def planning(options, binary, folder):
    """What planning takes, in milliseconds by query, once a plan was made."""
    script = create_tables(next(folder.glob(f"sf{options.scale:g}-v*")))
    for number in chosen(options):
        script += [(QUERIES / f"q{number:02}.sql").read_text()] * 3
    found = run_script(binary, options.device, script, LIMIT_S)
    if len(found.get("times", [])) != len(script):
        sys.exit(f"{binary}: {found.get('error', 'not a time for each statement')}")
    times = [each["plan_ms"] for each in found["times"][-3 * len(chosen(options)) :]]
    return {number: min(times[at * 3 + 1 : at * 3 + 3]) for at, number in enumerate(chosen(options))}


def measure(options):
    binaries = {"before": options.before, "after": options.after}
    report = {}
    for layout, folder in layouts(options).items():
        rounds = {name: [] for name in binaries}
        for turn in range(options.rounds):
            for name in sorted(binaries, reverse=turn % 2 == 0):
                found, plans = bench(options, binaries[name], folder), planning(options, binaries[name], folder)
                rounds[name].append({number: one | {"plan_ms": plans[number]} for number, one in found.items()})
                print(f"{layout}, {name}, round {turn + 1}: {total(rounds[name][-1]):.1f} ms outside kernels", file=sys.stderr)
        report[layout] = {name: best(found) for name, found in rounds.items()} | {"rounds": rounds}
    return report


def total(queries):
    return sum(query["host_ms"] for query in queries.values())


def best(rounds):
    """By query, the round with the least time outside kernels, and the least of all other times."""
    queries = {}
    for number in rounds[0]:
        of_query = [found[number] for found in rounds]
        least = {key: min(one[key] for one in of_query) for key in ("hot_ms", "kernel_ms", "host_ms", "plan_ms")}
        queries[number] = {**least, "waits": of_query[0]["waits"], "correct": all(one["correct"] for one in of_query)}
    return queries


def table(report, options):
    lines = [
        f"TPC-H at scale {options.scale:g} on `--device {options.device}`, {machine()}; the best of "
        f"{options.rounds} rounds of {options.runs} hot runs with each binary, in turns. Times in ms; *outside* is what a hot run "
        "spends outside kernels, planning included.",
    ]
    for layout, found in report.items():
        before, after = found["before"], found["after"]
        titles = ["query", "right", "hot before", "hot after", "kernels", "outside before", "outside after", "planning before"]
        titles += ["planning after", "waits before", "waits after"]
        lines += ["", f"## {layout}", "", *header(titles)]
        for number in before:
            lines.append(row([number, *cells(before[number], after[number])]))
        sums = [{key: sum(one[key] or 0 for one in side.values()) for key in after[number]} for side in (before, after)]
        for each, side in zip(sums, (before, after)):
            each["correct"] = all(one["correct"] for one in side.values())
            each["waits"] = None if any(one["waits"] is None for one in side.values()) else each["waits"]
        lines.append(row(["all", *cells(*sums)]))
    return "\n".join(lines) + "\n"


def cells(before, after):
    right = "yes" if before["correct"] and after["correct"] else "NO"
    times = [before["hot_ms"], after["hot_ms"], after["kernel_ms"], before["host_ms"], after["host_ms"]]
    times += [before["plan_ms"], after["plan_ms"]]
    waits = ["-" if one["waits"] is None else one["waits"] for one in (before, after)]
    return [right, *(f"{time:.2f}" for time in times), *waits]


def main():
    options = arguments()
    options.before, options.after = options.before.resolve(), options.after.resolve()
    report = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    settings = {"scale": options.scale, "device": options.device, "runs": options.runs, "rounds": options.rounds}
    whole = {**settings, "machine": machine(), "layouts": report}
    (options.out / "hot.json").write_text(json.dumps(whole, indent=1) + "\n")
    (options.out / "table.md").write_text(table(report, options))
    print(f"{options.out / 'table.md'}", file=sys.stderr)


if __name__ == "__main__":
    main()
