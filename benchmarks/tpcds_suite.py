"""TPC-DS from DuckDB's extension: its data as Parquet, a folder a table, and its queries. Neither is kept in the repository. Not in
`plumbing.py`, which the GPU kit takes along to where there is no such extension:

    pip install duckdb==1.5.5 duckdb-extension-tpcds==1.5.5
"""

import os
import sys
from pathlib import Path

import duckdb
import duckdb_extension_tpcds


def suite(scale, data):
    """The folder of the tables below `data`, made where it is not there, and the texts of the queries by number."""
    extension = next(Path(duckdb_extension_tpcds.__file__).parent.rglob("*.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    folder = data.resolve() / f"tpcds/sf{scale:g}"
    if not folder.exists():
        print(f"Making TPC-DS data of scale {scale:g} in {folder} ...", file=sys.stderr)
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        connection.execute(f"CALL dsdgen(sf = {scale})")
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            (fresh / table).mkdir(parents=True)
            connection.execute(f"COPY {table} TO '{fresh}/{table}/data.parquet' (FORMAT parquet)")
        fresh.rename(folder)
    return folder, dict(connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall())
