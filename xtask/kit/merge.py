"""Merges what the steps of run.sh wrote so far (`merge.py LOGS OUT`) into results.json and table.md in OUT. Standard
library only, any Python 3."""

import json
import sys
from pathlib import Path


def read_json(path):
    """The object in a file; None where a step did not get so far."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def with_agains(folder, name, key, entries):
    """A step's findings, and in place of those that only met a broken device what a later process found."""
    found = read_json(folder / f"{name}.json")
    for number in range(1, 10):
        again = read_json(folder / f"{name}-again-{number}.json")
        if found is None or again is None:
            break
        newer = {entry.get(key): entry for entry in again.get(entries, [])}
        kept = [newer.pop(entry.get(key), entry) for entry in found.get(entries, [])]
        found[entries] = kept + list(newer.values())
        if "passed" in found:
            found["passed"] = sum(1 for entry in found[entries] if entry.get("ok"))
    return found


def read_steps(folder):
    steps = []
    for line in (folder / "steps.tsv").read_text().splitlines():
        name, code, rest = line.split("\t", 2)
        if code == "skipped":
            steps.append({"step": name, "skipped": rest})
        elif code == "running":
            steps.append({"step": name, "skipped": f"cut short, running {rest}"})
        else:
            steps.append({"step": name, "exit_code": int(code), "seconds": int(rest)})
    return steps


def scales_of(folder):
    """Scales that a step was run for, in the order of size."""
    names = {line.split("\t")[0] for line in (folder / "steps.tsv").read_text().splitlines()}
    scales = [name[len("tpch-"):] for name in names if name.startswith("tpch-") and "-again-" not in name]
    return sorted(scales, key=float)


def number(value, digits=2):
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else ""


# How much of a log goes into the results: enough to see why a step failed.
LOG_LINES = 40


def log_end(folder, name):
    """The last lines of what a step wrote, errors first."""
    ends = []
    for suffix in ("err", "out"):
        path = folder / f"{name}.{suffix}"
        if path.exists():
            ends += path.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return ends


COLUMNS = ["query", "right", "rows", "cold ms", "hot ms", "kernel ms", "host ms", "floor ms", "DataFusion ms",
           "DuckDB parquet ms", "DuckDB memory ms", "on the host"]


def tpch_rows(tpch, duckdb):
    rivals = {entry["query"]: entry for entry in (duckdb or {}).get("queries", [])}
    for entry in tpch.get("queries", []):
        rival = rivals.get(entry.get("query"), {})
        operators = entry.get("host_operators") or []
        yield [
            str(entry.get("query")),
            "yes" if entry.get("correct") else "NO",
            str(entry.get("rows", "")),
            number(entry.get("cold_ms")),
            number(entry.get("hot_ms")),
            number(entry.get("kernel_ms"), 3),
            number(entry.get("host_ms")),
            number(entry.get("floor_ms"), 3),
            number(entry.get("cpu_ms")),
            number(rival.get("parquet", {}).get("hot_ms")),
            number(rival.get("memory", {}).get("hot_ms")),
            ", ".join(str(operator.get("operator")) for operator in operators),
        ]


def tpch_details(tpch):
    """What went wrong, and where the kernel time of each query went."""
    missing = [f"Q{nr}" for nr in range(1, 23) if nr not in {e.get("query") for e in tpch.get("queries", [])}]
    if missing:
        yield f"- no result at all: {', '.join(missing)}"
    for entry in tpch.get("queries", []):
        if entry.get("error"):
            yield f"- Q{entry.get('query')}: {entry['error']}"
        kernels = [f"{kernel.get('name')} {number(kernel.get('ms'), 3)} ms, {kernel.get('rows')} rows, "
                   f"{kernel.get('bytes', 0) / 1e6:.1f} MB" for kernel in entry.get("kernels") or []]
        if kernels:
            yield f"- Q{entry.get('query')} kernels: " + "; ".join(kernels)


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


CHECKS = ["check", "kind", "outcome", "ms"]
MEASURES = ["benchmark", "of", "ms", "GB/s", "G/s", "us each", "clock"]


def selftest_part(selftest):
    """How many checks passed, and those that did not."""
    checks = selftest.get("checks", [])
    planned = max(len(selftest.get("planned", [])), len(checks))
    parts = [f"{selftest.get('passed')} of {planned} checks passed on {selftest.get('device', {}).get('name')}."]
    failed = [check for check in checks if not check.get("ok")]
    if failed:
        rows = [[check["name"], check["kind"], check.get("error", "").replace("|", "/").replace("\n", " "),
                 number(check.get("ms"), 1)] for check in failed]
        parts += ["", markdown(CHECKS, rows)]
    return parts


def kernel_rows(kernels):
    for entry in kernels.get("measurements", []):
        if entry.get("error"):
            yield [entry["group"], entry["name"], "failed: " + entry["error"].replace("|", "/"), "", "", "", ""]
            continue
        # As the program prints it: a rate of few long operations says nothing, nor does the time of one of billions.
        many = entry.get("operations", 0) > 10_000
        yield [entry["group"], entry["name"], number(entry.get("ms"), 4), number(entry.get("gb_per_s"), 1),
               number(entry.get("g_per_s"), 3) if many else "", "" if many else number(entry.get("us_each"), 2),
               entry.get("clock", "")]


MEMORY = ["memory", "right", "first run ms", "of it planning", "second run ms", "of it planning", "kernels ms", "load ms",
          "waves", "went back to the host"]


def memory_rows(memory):
    """One row a size: sums over its queries, and which of them did not stay on the device."""
    sizes = list(dict.fromkeys(entry["memory"] for entry in memory["runs"]))
    for size in sizes:
        runs = [entry for entry in memory["runs"] if entry["memory"] == size]
        total = lambda *keys: sum(reach(entry, keys) for entry in runs)
        back = [f"Q{entry['query']}" for entry in runs if entry.get("way_back")]
        right = sum(1 for entry in runs if entry.get("correct"))
        yield [size, f"{right} of {len(runs)}", number(total("first", "ms"), 0), number(total("first", "plan_ms"), 0),
               number(total("second", "ms"), 0), number(total("second", "plan_ms"), 0),
               number(total("phases", "kernel_ms"), 1), number(total("phases", "load_ms"), 1),
               number(total("phases", "waves"), 0), ", ".join(back)]


COLD = ["compiled code", "of 22", "process ms", "before and after ms", "plan ms", "execute ms", "load ms", "decode ms, all threads",
        "upload ms, all threads", "compile ms, all threads", "kernels ms"]


def cold_rows(cold):
    """One row for what was compiled before: sums over its queries."""
    for code in dict.fromkeys(entry["code"] for entry in cold["runs"]):
        runs = [entry for entry in cold["runs"] if entry["code"] == code and not entry.get("error")]
        total = lambda *keys: number(sum(reach(entry, keys) for entry in runs), 0)
        yield [{"none": "none", "disk": "on disk"}[code], str(len(runs)), total("process_ms"), total("outside_ms"),
               total("plan_ms"), total("execute_ms"),
               *(total("phases", name) for name in ("load_ms", "decode_ms", "upload_ms", "compile_ms", "kernel_ms"))]


def reach(entry, keys):
    for key in keys:
        entry = (entry or {}).get(key)
    return entry or 0


def memory_details(memory):
    for entry in memory["runs"]:
        if not entry.get("correct"):
            why = entry.get("error") or "its rows differ from those with all memory, or from run to run"
            yield f"- Q{entry['query']} with {entry['memory']}: {why}"


def table(results):
    parts = ["# Run of the GPU kit", "", "## Steps", ""]
    how = lambda step: step.get("skipped") or ("ok" if step["exit_code"] == 0 else f"exit code {step['exit_code']}")
    parts.append(markdown(["step", "outcome", "seconds"],
                          [[step["step"], how(step), str(step.get("seconds", ""))] for step in results["steps"]]))
    if isinstance(results["selftest"], dict):
        parts += ["", "## Self-test", "", *selftest_part(results["selftest"])]
    for scale, run in results["tpch"].items():
        parts += ["", f"## TPC-H, scale {scale}", ""]
        if run["maar"] is None:
            parts.append("No result: see the step's log.")
        else:
            parts.append(markdown(COLUMNS, list(tpch_rows(run["maar"], run["duckdb"]))))
            parts += ["", *tpch_details(run["maar"])]
    for scale, memory in results["memory"].items():
        parts += ["", f"## With less device memory, TPC-H at scale {scale}", "", markdown(MEMORY, list(memory_rows(memory))), ""]
        parts += memory_details(memory)
    for scale, cold in results["cold"].items():
        parts += ["", f"## First statements of processes, TPC-H at scale {scale}", "", markdown(COLD, list(cold_rows(cold)))]
    if isinstance(results["kernels"], dict):
        parts += ["", "## The device alone", "", markdown(MEASURES, list(kernel_rows(results["kernels"])))]
    return "\n".join(parts) + "\n"


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    results = {
        "steps": read_steps(folder),
        "failed_logs": {},
        "machine": (folder / "machine.out").read_text() if (folder / "machine.out").exists() else "",
        "selftest": with_agains(folder, "selftest", "name", "checks"),
        "kernels": read_json(folder / "kernels.json"),
        "tpch": {
            scale: {"maar": with_agains(folder, f"tpch-{scale}", "query", "queries"),
                    "duckdb": read_json(folder / f"duckdb-{scale}.json")}
            for scale in scales_of(folder)
        },
    }
    for step in ("memory", "cold"):
        read = {scale: read_json(folder / f"{step}-{scale}.json") for scale in scales_of(folder)}
        results[step] = {scale: found for scale, found in read.items() if found}
    failed = [step["step"] for step in results["steps"] if step.get("exit_code") and step["step"] != "machine"]
    results["failed_logs"] = {name: log_end(folder, name) for name in failed}
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = table(results)
    (out / "table.md").write_text(text)
    print(text)
    wrong = [entry.get("query") for run in results["tpch"].values() for entry in (run["maar"] or {}).get("queries", [])
             if not entry.get("correct")]
    if failed or wrong:
        print(f"failed steps: {failed or 'none'}; wrong answers: {wrong or 'none'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
