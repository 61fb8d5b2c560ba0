"""psycopg against a server of Maar that speaks PostgreSQL's protocol: each function is a test, named on the command line.

postgres.py TEST CONNINFO OPTIONS: options of the test as a JSON object. A failure is a traceback and exit code 1.
"""

import datetime
import decimal
import json
import math
import sys
import threading
import time
import uuid

import psycopg
from psycopg import errors


def refused(call, kind, words):
    """The error of a call that must fail, of this kind and with these words in it."""
    try:
        call()
    except kind as error:
        assert words in str(error), error
        return error
    raise AssertionError(f"not refused, which should say: {words}")


def statements(connect):
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        assert connection.info.server_version == 160004
        cursor.execute("CREATE TABLE words (number BIGINT, word VARCHAR)")
        cursor.execute("INSERT INTO words VALUES (1, 'one'), (2, 'two')")
        assert (cursor.statusmessage, cursor.rowcount) == ("INSERT 0 2", 2)
        assert cursor.execute("SELECT * FROM words ORDER BY number").fetchall() == [(1, "one"), (2, "two")]
        assert [column.name for column in cursor.description] == ["number", "word"]
        error = refused(lambda: cursor.execute("SELECT nothing FROM words"), errors.UndefinedColumn, "nothing")
        assert error.diag.statement_position == "8", error.diag.statement_position
        refused(lambda: cursor.execute("SELECT 1 +"), errors.SyntaxError, "")
        refused(lambda: cursor.execute("SELECT * FROM nowhere"), errors.UndefinedTable, "nowhere")
        refused(lambda: cursor.execute("SELECT 1 / (number - 1) FROM words"), errors.DivisionByZero, "zero")
        refused(lambda: cursor.copy("COPY words FROM STDIN").__enter__(), errors.FeatureNotSupported, "COPY")
        assert cursor.execute("SELECT word FROM words WHERE number = 2").fetchone() == ("two",), "an error ends nothing"
        cursor.execute("DROP TABLE words")


def transactions(connect):
    """As drivers begin them by themselves."""
    with connect() as connection:
        connection.execute("CREATE TABLE changed (n BIGINT)")
        connection.commit()
        connection.execute("SELECT 1")
        connection.rollback()
        connection.execute("INSERT INTO changed VALUES (1)")
        refused(connection.rollback, errors.FeatureNotSupported, "stands")
        assert connection.execute("SELECT count(*) FROM changed").fetchone() == (1,)
        connection.rollback()
        refused(lambda: connection.execute("SELECT nothing"), errors.UndefinedColumn, "nothing")
        refused(lambda: connection.execute("SELECT 1"), errors.InFailedSqlTransaction, "ROLLBACK")
        connection.rollback()
        connection.execute("DROP TABLE changed")


VALUES = [
    True,
    7,
    -(2**40),
    1.5,
    math.inf,
    decimal.Decimal("-123456789012345678901234567890.12345678"),
    "it's ü",
    "",
    b"\x00\xff",
    datetime.date(2020, 2, 29),
    datetime.time(23, 59, 59, 999999),
    datetime.datetime(2020, 2, 29, 12, 0, 0, 500000),
    datetime.datetime(2020, 2, 29, 12, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=3, seconds=4, microseconds=5),
    [1, 2, None],
    None,
]


def types(connect):
    with connect(autocommit=True) as connection:
        for binary in [False, True]:
            with connection.cursor(binary=binary) as cursor:
                for placeholder in ["%s", "%b", "%t"]:
                    for value in VALUES:
                        if isinstance(value, list) and None in value and placeholder == "%t":
                            continue
                        back = cursor.execute(f"SELECT {placeholder} AS v", [value]).fetchone()[0]
                        assert back == value and type(back) is type(value), (binary, placeholder, value, back)
                sql = """SELECT 12.50::DECIMAL(10, 2), arrow_cast('18446744073709551615', 'UInt64'), 'NaN'::DOUBLE,
                    [1, NULL], INTERVAL '1 month', struct(1 AS a, 'x' AS b), [[1], [2]], X'00ff', NULL"""
                row = cursor.execute(sql).fetchone()
                assert row[0] == decimal.Decimal("12.50") and str(row[0]) == "12.50"
                assert row[1] == 18446744073709551615 and math.isnan(row[2]) and row[3] == [1, None], row
                assert row[4] == datetime.timedelta(days=30) and row[5] == {"a": 1, "b": "x"}, row
                assert row[6:] == ([[1], [2]], b"\x00\xff", None), row
        words = ["a", "b c", "", 'd"e', None]
        assert connection.execute("SELECT %s::VARCHAR[]", [words]).fetchone()[0] == words
        some = uuid.uuid4()
        assert connection.execute("SELECT %s", [some]).fetchone()[0] in (some, str(some))


def prepared(connect):
    with connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE keyed (n BIGINT, word VARCHAR, amount DECIMAL(10, 2))")
        with connection.cursor() as cursor:
            rows = [(n, f"word {n}", decimal.Decimal(n) / 4) for n in range(100)]
            cursor.executemany("INSERT INTO keyed VALUES (%s, %s, %s)", rows)
            for n in range(20):
                # Prepared by the driver after the fifth time.
                sql = "SELECT word, amount FROM keyed WHERE n = %s"
                assert cursor.execute(sql, [n]).fetchone() == (f"word {n}", decimal.Decimal(n) / 4)
            assert cursor.execute("SELECT count(*) FROM keyed WHERE n < %s", [50], prepare=True).fetchone() == (50,)
            assert cursor.execute("SELECT n FROM keyed ORDER BY n LIMIT %s", [2]).fetchall() == [(0,), (1,)]
            assert cursor.execute("SELECT count(*) FROM keyed WHERE n = ANY(%s)", [[1, 2, 500]]).fetchone() == (2,)
            words = ["word 1", "no word", "word 2"]
            assert cursor.execute("SELECT count(*) FROM keyed WHERE word = ANY(%s)", [words]).fetchone() == (2,)
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::BIGINT + 1", [n]) for n in range(10)]
            assert [cursor.fetchone()[0] for cursor in cursors] == list(range(1, 11))
        connection.execute("DROP TABLE keyed")


def large(connect):
    """A result that nobody holds at once."""
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        count, total = 0, 0
        for number, word in cursor.stream("SELECT value, 'text ' || value FROM range(0, 1000000)"):
            count, total = count + 1, total + number
        assert (count, total, word) == (1000000, 499999500000, f"text {number}")
        for binary in [False, True]:
            cursor = connection.cursor(binary=binary)
            rows = cursor.execute("SELECT value FROM range(0, 300000) ORDER BY value").fetchall()
            assert (len(rows), rows[-1]) == (300000, (299999,))


def cancel(connect):
    endless = "SELECT count(*) FROM range(0, 100000000) a JOIN range(0, 100000000) b ON a.value < b.value"
    with connect(autocommit=True) as connection:
        threading.Timer(1.0, connection.cancel_safe).start()
        begun = time.monotonic()
        refused(lambda: connection.execute(endless), errors.QueryCanceled, "cancelled")
        assert time.monotonic() - begun < 60
        connection.execute("SET statement_timeout = '500ms'")
        refused(lambda: connection.execute(endless), errors.QueryCanceled, "statement_timeout")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def reader(connect):
    with connect(autocommit=True) as connection:
        assert connection.execute("SELECT session_user").fetchone() == ("ada",)
        refused(lambda: connection.execute("CREATE TABLE t (n BIGINT)"), errors.InsufficientPrivilege, "reader")


def stranger(connect):
    refused(lambda: connect().close(), psycopg.OperationalError, "")


def queries(connect):
    """Queries of a file: their rows as text, as JSON on stdout."""
    with connect(autocommit=True) as connection:
        told = []
        for sql in json.loads(sys.argv[3])["queries"]:
            rows = connection.execute(sql).fetchall()
            told.append([[None if value is None else str(value) for value in row] for row in rows])
        print(json.dumps(told))


def sqlalchemy(connect):
    """Statements, and what there is."""
    from sqlalchemy import MetaData, Table, column, create_engine, exc, inspect, select, table, text, types
    from sqlalchemy.dialects.postgresql import INTERVAL

    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(autocommit=True), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE listed (n BIGINT, word VARCHAR)"))
        connection.execute(text("INSERT INTO listed VALUES (:n, :word)"), {"n": 1, "word": "one"})
        listed = table("listed", column("n"), column("word"))
        assert connection.execute(select(listed).where(listed.c.n == 1)).all() == [(1, "one")]
    assert "public" in inspect(engine).get_schema_names()
    assert inspect(engine).get_table_names() == ["listed"] and inspect(engine).has_table("listed")
    assert not inspect(engine).has_table("nowhere") and inspect(engine).get_view_names() == []
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE listed"))
        connection.execute(text("CREATE TABLE typed (n BIGINT NOT NULL, d DECIMAL(10, 2), l INT[], i INTERVAL, t TIMESTAMP)"))
        connection.execute(text("INSERT INTO typed VALUES (1, 1.50, [1, 2], INTERVAL '1 day', '2020-01-01')"))
    columns = inspect(engine).get_columns("typed")
    assert [(column["name"], column["nullable"]) for column in columns] == [
        ("n", False), ("d", True), ("l", True), ("i", True), ("t", True)], columns
    kinds = [types.BigInteger, types.Numeric, types.ARRAY, INTERVAL, types.DateTime]
    assert all(isinstance(column["type"], kind) for column, kind in zip(columns, kinds)), columns
    assert (columns[1]["type"].precision, columns[1]["type"].scale) == (10, 2), columns
    assert inspect(engine).get_pk_constraint("typed")["constrained_columns"] == []
    nothing = [inspect(engine).get_foreign_keys, inspect(engine).get_indexes, inspect(engine).get_unique_constraints]
    assert [ask("typed") for ask in nothing] == [[], [], []]
    refused(lambda: inspect(engine).get_columns("nowhere"), exc.NoSuchTableError, "nowhere")
    typed = Table("typed", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        row = connection.execute(select(typed).where(typed.c.n == 1)).one()
        assert (row.n, str(row.d), row.l, row.i.days, row._mapping["t"].year) == (1, "1.50", [1, 2], 1, 2020), row
        connection.execute(text("DROP TABLE typed"))


def main():
    _, test, address, _ = sys.argv

    def connect(**options):
        return psycopg.connect(address, **options)

    globals()[test](connect)


if __name__ == "__main__":
    main()
