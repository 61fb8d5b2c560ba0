"""TPC-DS from DuckDB's extension: its tables as Parquet, a folder each, and its queries as files of the folder `queries`. Run by
`maar bench tpcds` and by `benchmarks/tpcds_suite.py`; nothing of them is kept in the repository.

    tpcds.py FOLDER SCALE
"""

import sys
from pathlib import Path

try:
    import duckdb
    import duckdb_extension_tpcds
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)


def make(folder, scale):
    extension = next(Path(duckdb_extension_tpcds.__file__).parent.rglob("*.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"CALL dsdgen(sf = {scale})")
    for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        (folder / table).mkdir(parents=True)
        path = str(folder / table / "data.parquet").replace("'", "''")
        connection.execute(f"COPY {table} TO '{path}' (FORMAT parquet)")
    (folder / "queries").mkdir()
    for number, text in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
        (folder / f"queries/q{number:02}.sql").write_text(text)


if __name__ == "__main__":
    make(Path(sys.argv[1]), float(sys.argv[2]))
