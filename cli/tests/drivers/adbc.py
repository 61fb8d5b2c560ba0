"""ADBC's driver for Flight SQL against a server of Maar: each function is a test, named on the command line.

adbc.py TEST ADDRESS OPTIONS: options of the driver's as a JSON object. A failure is a traceback and exit code 1.
"""

import json
import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow
from adbc_driver_manager import Error


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def refused(call, words):
    """The error of a call that must fail, with these words in it."""
    try:
        call()
    except Error as error:
        assert words in str(error), error
        return error
    raise AssertionError(f"not refused, which should say: {words}")


def statements(connect):
    with connect() as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1 AS one, 'text' AS two, NULL AS three") == [(1, "text", None)]
        assert rows(cursor, "SELECT 1;  -- a comment") == [(1,)]
        cursor.execute("CREATE TABLE words (number BIGINT, word VARCHAR)")
        cursor.execute("INSERT INTO words VALUES (1, 'one'), (2, 'two')")
        assert rows(cursor, "SELECT count(*) FROM words") == [(2,)], "a change is made once, and without a fetch"
        cursor.execute("SELECT * FROM words WHERE false")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 0 and table.schema.names == ["number", "word"]
        # More than a message and a batch.
        cursor.execute("SELECT value, 'text ' || value AS word FROM range(0, 300000) ORDER BY value")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 300000 and table.column("word")[299999].as_py() == "text 299999"
        refused(lambda: cursor.execute("SELECT nothing FROM words"), "nothing")
        refused(lambda: cursor.execute("SELECT 1 +"), "line 1")
        refused(lambda: rows(cursor, "SELECT 1 / (number - 1) FROM words"), "zero")
        assert rows(cursor, "SELECT word FROM words WHERE number = 2") == [("two",)], "an error ends nothing"
        cursor.execute("DROP TABLE words")


def types(connect):
    """What strict drivers compare: the schema that was advertised with the one that is sent."""
    with connect() as connection, connection.cursor() as cursor:
        for sql in [
            "SELECT min(x), max(x), count(*), sum(x), avg(x) FROM (VALUES (1), (2)) AS t(x)",
            "SELECT arrow_cast([1, 2], 'LargeList(Int64)'), [1.5, NULL], [[1]], struct(1 AS a, 'b' AS c)",
            "SELECT map {'a': 1}, arrow_cast('x', 'Dictionary(Int32, Utf8)'), arrow_cast('x', 'Utf8View')",
            "SELECT DATE '2020-02-29', TIMESTAMP '2020-02-29 12:00:00', INTERVAL '1 day', TIME '12:34:56'",
            "SELECT 1.5::DECIMAL(10, 2), 1::TINYINT, 1::BIGINT UNSIGNED, 1::REAL, true, X'00ff'",
            "SELECT arrow_cast(1.5, 'Float16'), arrow_cast('ab', 'BinaryView'), NULL",
            "SHOW datafusion.execution.batch_size",
            "EXPLAIN SELECT 1",
        ]:
            cursor.execute(sql)
            assert cursor.fetch_arrow_table().num_rows > 0, sql


def parameters(connect):
    with connect() as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT ? + 1 AS n, ? AS t", (41, "text")) == [(42, "text")]
        assert rows(cursor, "SELECT $1 AS x", (None,)) == [(None,)]
        cursor.execute("CREATE TABLE numbers (n BIGINT, t VARCHAR)")
        cursor.executemany("INSERT INTO numbers VALUES (?, ?)", [(1, "a"), (2, None), (3, "c")])
        assert rows(cursor, "SELECT n, t FROM numbers ORDER BY n") == [(1, "a"), (2, None), (3, "c")]
        for least, count in [(0, 3), (2, 1)]:
            assert rows(cursor, "SELECT count(*) FROM numbers WHERE n > ?", (least,)) == [(count,)]
        assert cursor.adbc_prepare("SELECT n FROM numbers WHERE n > ? AND t = ?").names == ["$1", "$2"]
        cursor.execute("DROP TABLE numbers")


def ingest(connect):
    table = pyarrow.table({"n": [1, 2, 3], "t": pyarrow.array(["a", None, "c"]).dictionary_encode()})
    with connect() as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest("made", table, mode="create") == 3
        refused(lambda: cursor.adbc_ingest("made", table, mode="create"), "exists")
        assert cursor.adbc_ingest("made", table, mode="append") == 3
        assert cursor.adbc_ingest("made", table, mode="create_append") == 3
        assert rows(cursor, "SELECT n, t, count(*) FROM made GROUP BY n, t ORDER BY n")[1] == (2, None, 3)
        assert cursor.adbc_ingest("made", table.slice(0, 1), mode="replace") == 1
        assert rows(cursor, "SELECT n, t FROM made") == [(1, "a")]
        refused(lambda: cursor.adbc_ingest("absent", table, mode="append"), "absent")
        # One batch, and so one message, of 40 MB: the driver has to be told that it may.
        large = pyarrow.table({"n": pyarrow.array(range(5_000_000), pyarrow.int64())})
        assert cursor.adbc_ingest("large", large, mode="create", temporary=True) == 5_000_000
        assert rows(cursor, "SELECT count(*), sum(n) FROM large") == [(5_000_000, 12_499_997_500_000)]
        cursor.execute("DROP TABLE made")


def metadata(connect):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE seen (n BIGINT NOT NULL, word VARCHAR, price DECIMAL(10, 2))")
        schema = connection.adbc_get_table_schema("seen")
        assert schema.names == ["n", "word", "price"] and not schema.field("n").nullable, schema
        assert schema.field("price").type == pyarrow.decimal128(10, 2)
        info = connection.adbc_get_info()
        assert info["vendor_name"] == "Maar", info
        assert connection.adbc_get_table_types() == ["LOCAL TEMPORARY", "SYSTEM TABLE", "TABLE", "VIEW"]
        objects = connection.adbc_get_objects(depth="all", table_name_filter="seen").read_all().to_pylist()
        [catalog] = [one for one in objects if one["catalog_name"] == "datafusion"]
        [public] = [one for one in catalog["catalog_db_schemas"] if one["db_schema_name"] == "public"]
        [seen] = public["db_schema_tables"]
        columns = {column["column_name"]: column for column in seen["table_columns"]}
        assert list(columns) == ["n", "word", "price"], columns
        names = [column["xdbc_type_name"] for column in columns.values()]
        assert names == ["BIGINT", "VARCHAR", "DECIMAL"], names
        schema = cursor.adbc_execute_schema("SELECT n + 1 AS m, word FROM seen")
        assert schema.names == ["m", "word"], schema
        assert connection.adbc_current_catalog == "datafusion"
        assert connection.adbc_current_db_schema == "public"
        cursor.execute("CREATE SCHEMA other")
        connection.adbc_current_db_schema = "other"
        refused(lambda: cursor.execute("SELECT * FROM seen"), "seen")
        connection.adbc_current_db_schema = "public"
        cursor.execute("DROP TABLE seen")


def incremental(connect):
    """PollFlightInfo."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        partitions, schema = cursor.adbc_execute_partitions("SELECT 7 AS n")
        assert len(partitions) == 1 and schema.names == ["n"]
        cursor.adbc_read_partition(partitions[0])
        assert cursor.fetchall() == [(7,)]


def cancel(connect):
    with connect() as connection, connection.cursor() as cursor:
        def soon():
            time.sleep(1)
            cursor.adbc_cancel()

        thread = threading.Thread(target=soon)
        thread.start()
        start = time.monotonic()
        refused(lambda: rows(cursor, "SELECT sum(sin(value)) FROM range(0, 1000000000000)"), "cancel")
        assert time.monotonic() - start < 30
        thread.join()
    with connect() as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]


def reader(connect):
    with connect() as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]
        cursor.execute("SET datafusion.execution.batch_size = 100")
        assert rows(cursor, "SHOW datafusion.execution.batch_size")[0][1] == "100", "a login has one session"
        refused(lambda: cursor.execute("CREATE TABLE t (a INT)"), "writer")
        refused(lambda: cursor.execute("INSERT INTO t VALUES (1)"), "t")
        refused(lambda: cursor.adbc_ingest("t", pyarrow.table({"n": [1]})), "writer")


def stranger(connect):
    """Whom the server does not answer."""
    def attempt():
        with connect() as connection, connection.cursor() as cursor:
            rows(cursor, "SELECT 1")

    refused(attempt, "")


def main():
    test, address, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    options["adbc.flight.sql.client_option.with_max_msg_size"] = str(1 << 30)
    globals()[test](lambda: flightsql.connect(address, db_kwargs=options, autocommit=True))


main()
