#!/usr/bin/env python3
"""What metadata cost at the scale of a lake: planning over 3 columns of many wide files, first and hot, and peak memory.

    measure.py MAAR [--files 10000] [--columns 1000] [--data DIR] [--device cpu] [--runs 5] [--out FILE]

Files are written once: integers, floats and texts in turn, two row groups of ten rows; the first 100 with values of their own,
the others as copies of them. One process
creates the table, runs a statement over 3 columns for the first time, then `--runs` others over the same columns with other
literals (none has a kept plan), and then one over 3 other columns. Times are those of `maar --timer`: `plan` is parsing,
planning and optimising. Writing the files needs pyarrow.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plumbing import machine, measured, times

DISTINCT = 100
# All statements together.
LIMIT_S = 3600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maar", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=1_000)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "maar-wide")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    return parser.parse_args()


def lake(options):
    """The folder, written where it is not there."""
    folder = options.data.resolve() / f"{options.files}x{options.columns}"
    if folder.exists():
        return folder
    import pyarrow
    import pyarrow.parquet

    partial = folder.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    rows = range(20)
    for file in range(min(options.files, DISTINCT)):
        arrays = {}
        for column in range(options.columns):
            first = file * 20 + column
            values = [
                pyarrow.array([first + row for row in rows]),
                pyarrow.array([(first + row) / 8 for row in rows]),
                pyarrow.array([f"text {(first + row) % 100}" for row in rows]),
            ]
            arrays[f"c{column}"] = values[column % 3]
        pyarrow.parquet.write_table(pyarrow.table(arrays), partial / f"{file:05}.parquet", row_group_size=10)
    for file in range(DISTINCT, options.files):
        shutil.copyfile(partial / f"{file % DISTINCT:05}.parquet", partial / f"{file:05}.parquet")
    partial.rename(folder)
    return folder


def run(options, folder):
    where = [f"c0 >= {first}" for first in range(options.runs + 1)]
    statements = [f"create external table wide stored as parquet location '{folder}/'"]
    statements += [f"select count(c0), max(c1), min(c2) from wide where {condition}" for condition in where]
    statements += ["select count(c300), max(c301), min(c302) from wide where c300 >= 0"]
    command = [options.maar, "--timer", "--device", options.device, "-c", ";\n".join(statements)]
    process = measured(command, LIMIT_S)
    if "error" in process:
        sys.exit(process["error"])
    each = [{"all_s": time["ms"] / 1000, "plan_s": time["plan_ms"] / 1000} for time in times(process["said"])]
    if len(each) < options.runs + 2:
        sys.exit(process["said"])
    first, *hot, other = each[-(options.runs + 2) :]
    return {
        "files": options.files,
        "columns": options.columns,
        "device": options.device,
        "machine": machine(),
        "first": first,
        "hot": hot,
        "other_columns": other,
        "peak_rss_mib": process["peak_rss_mib"],
    }


def main():
    options = arguments()
    result = run(options, lake(options))
    best = min(each["plan_s"] for each in result["hot"])
    print(f"{result['files']} files x {result['columns']} columns, {result['device']}, {result['machine']}")
    print(f"first:         {result['first']['all_s']:.2f} s, planning {result['first']['plan_s']:.2f} s")
    print(f"hot planning:  {best * 1000:.0f} ms (the best of {len(result['hot'])})")
    print(f"hot:           {min(each['all_s'] for each in result['hot']):.2f} s")
    print(f"other columns: {result['other_columns']['all_s']:.2f} s, planning {result['other_columns']['plan_s']:.2f} s")
    print(f"peak memory:   {result['peak_rss_mib']} MiB")
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
