"""TPC-DS from DuckDB's extension: its data as Parquet, a folder a table, and its queries, as `maar bench tpcds` has them. Not in
`plumbing.py`, which the GPU kit takes along to where there is no such extension:

    pip install duckdb==1.5.5 duckdb-extension-tpcds==1.5.5
"""

import os
import subprocess
import sys

from plumbing import REPOSITORY

SCRIPT = REPOSITORY / "cli/src/bench/tpcds.py"


def suite(scale, data):
    """The folder of the tables below `data`, made where it is not there, and the texts of the queries by number."""
    folder = data.resolve() / f"tpcds/sf{scale:g}-v1"
    if not folder.exists():
        print(f"Making TPC-DS data of scale {scale:g} in {folder} ...", file=sys.stderr)
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        subprocess.run([sys.executable, SCRIPT, fresh, str(scale)], check=True)
        fresh.rename(folder)
    return folder, {int(file.stem[1:]): file.read_text() for file in sorted((folder / "queries").glob("q*.sql"))}
