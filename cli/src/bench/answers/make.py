#!/usr/bin/env python3
"""Makes answers.tsv with DuckDB: row counts and column fingerprints of the 22 TPC-H answers at scales 0.01, 0.1, 1.

    pip install duckdb==1.5.5 duckdb-extensions duckdb-extension-tpch
    python make.py DATA > answers.tsv

DATA holds sf0.01-v1, sf0.1-v1 and sf1-v1 as `maar bench tpch --data DATA` writes them. The fingerprints are of our texts
run by DuckDB over these files. The script first verifies that the files equal the data of DuckDB's own dbgen row by row,
but for comments and addresses (there DuckDB draws other random text than the TPC's dbgen, which tpchgen follows), and
that DuckDB's 22 texts over dbgen's data give the official answers it carries.

Decimal averages and quotients are where the two engines differ by design: DuckDB makes doubles, DataFusion decimals
cut off behind the last digit. EXACT recomputes these columns with fractions, as DataFusion defines them.
"""

import hashlib
import math
import pathlib
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction

import duckdb
from duckdb_extensions import import_extension

SCALES = ["0.01", "0.1", "1"]
TABLES = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]
QUERIES = pathlib.Path(__file__).parent.parent / "queries"

# query: [(column, digits after the point, text to replace, numerator, denominator)]
EXACT = {
    1: [
        (6, 6, "avg(l_quantity)", "sum(l_quantity)", "count(l_quantity)"),
        (7, 6, "avg(l_extendedprice)", "sum(l_extendedprice)", "count(l_extendedprice)"),
        (8, 6, "avg(l_discount)", "sum(l_discount)", "count(l_discount)"),
    ],
    8: [
        (
            1,
            8,
            "sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume)",
            "sum(case when nation = 'BRAZIL' then volume else 0 end)",
            "sum(volume)",
        )
    ],
}


def exact(value):
    """The one spelling of an exact value, as compare.rs has it."""
    if value is None:
        return "\\N"
    if isinstance(value, Decimal):
        text = format(value, "f")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    if isinstance(value, (int, str)):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value))


def cut(numerator, denominator, digits):
    """The quotient without what is behind its last digit."""
    quotient = Fraction(numerator) / Fraction(denominator) * 10**digits
    whole = math.floor(quotient) if quotient >= 0 else math.ceil(quotient)
    return Decimal(whole).scaleb(-digits)


def answer(connection, number):
    """The rows of one of our texts, decimal quotients recomputed."""
    sql = (QUERIES / f"q{number:02}.sql").read_text()
    rows = [list(row) for row in connection.sql(sql).fetchall()]
    for column, digits, text, numerator, denominator in EXACT.get(number, []):
        assert text in sql, (number, text)
        tops = connection.sql(sql.replace(text, numerator)).fetchall()
        bottoms = connection.sql(sql.replace(text, denominator)).fetchall()
        for row, top, bottom in zip(rows, tops, bottoms, strict=True):
            row[column] = cut(top[column], bottom[column], digits)
    return rows


def fingerprints(rows):
    """(kind, value) of every column, rows sorted by their exact columns as bytes."""
    columns = len(rows[0]) if rows else 0
    floats = [any(isinstance(row[at], float) for row in rows) for at in range(columns)]
    key = lambda row: [(row[at] is not None, exact(row[at]).encode()) for at in range(columns) if not floats[at]]
    rows = sorted(rows, key=key)
    for at in range(columns):
        if floats[at]:
            yield "sum", repr(math.fsum(row[at] for row in rows if row[at] is not None))
        else:
            lines = "".join(exact(row[at]) + "\n" for row in rows)
            yield "hash", hashlib.sha256(lines.encode()).hexdigest()[:16]


def verify_data(connection, folder):
    for table in TABLES:
        names = [row[0] for row in connection.sql(f"describe {table}").fetchall()]
        names = ", ".join(name for name in names if not name.endswith(("_comment", "_address")))
        ours = f"(select {names} from read_parquet('{folder}/{table}/*.parquet'))"
        theirs = f"(select {names} from {table})"
        for left, right in [(theirs, ours), (ours, theirs)]:
            rest = connection.sql(f"select count(*) from (from {left} except all from {right})").fetchone()[0]
            assert rest == 0, f"{folder}: {table} differs from dbgen in {rest} rows"


def verify_official(connection, scale):
    official = connection.sql(f"select query_nr, answer from tpch_answers() where scale_factor = {scale}").fetchall()
    for number, text in official:
        rows = connection.sql(f"pragma tpch({number})").fetchall()
        lines = text.removesuffix("\n").split("\n")[1:]
        assert len(lines) == len(rows), (scale, number)
        for line, row in zip(lines, rows, strict=True):
            for field, value in zip(line.split("|"), row, strict=True):
                if value is None:
                    assert field in ("", "NULL"), (scale, number, field, value)
                elif isinstance(value, float):
                    assert math.isclose(float(field), value, rel_tol=1e-9), (scale, number, field, value)
                elif isinstance(value, (int, Decimal)):
                    assert Decimal(field) == value, (scale, number, field, value)
                else:
                    assert field.rstrip() == str(value).rstrip(), (scale, number, field, value)


def main():
    root = pathlib.Path(sys.argv[1])
    import_extension("tpch")
    print("# Made by make.py: scale, query, rows, column, kind (hash or sum), value")
    for scale in SCALES:
        connection = duckdb.connect()
        connection.execute("load tpch")
        connection.execute(f"call dbgen(sf = {scale})")
        verify_data(connection, root / f"sf{scale}-v1")
        verify_official(connection, scale)
        connection = duckdb.connect()
        for table in TABLES:
            connection.execute(f"create view {table} as from read_parquet('{root}/sf{scale}-v1/{table}/*.parquet')")
        for number in range(1, 23):
            rows = answer(connection, number)
            for column, (kind, value) in enumerate(fingerprints(rows), 1):
                print(scale, number, len(rows), column, kind, value, sep="\t")
        print(f"scale {scale}: data and official answers verified", file=sys.stderr)


main()
