// PostgreSQL's JDBC driver against a server of Maar: java -cp DRIVER PostgresJdbc.java URL. The first thing that is not as it
// should be ends it with a stack trace and exit code 1.

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

public class PostgresJdbc {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            statements(connection);
            parameters(connection);
            parts(connection);
            metadata(connection);
            cancelling(connection);
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP TABLE words");
            }
        }
    }

    static void expect(Object wanted, Object got) {
        if (!String.valueOf(wanted).equals(String.valueOf(got))) {
            throw new AssertionError("wanted " + wanted + ", got " + got);
        }
    }

    static List<List<Object>> rows(ResultSet result) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        while (result.next()) {
            List<Object> row = new ArrayList<>();
            for (int at = 1; at <= result.getMetaData().getColumnCount(); at++) {
                row.add(result.getObject(at));
            }
            rows.add(row);
        }
        result.close();
        return rows;
    }

    /** The code of a call that must fail. */
    static String refused(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException refused) {
            return refused.getSQLState();
        }
        throw new AssertionError("not refused: " + sql);
    }

    static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            expect(0, statement.executeUpdate("CREATE TABLE words (number BIGINT NOT NULL, word VARCHAR, amount DECIMAL(10, 2), day DATE)"));
            expect(2, statement.executeUpdate("INSERT INTO words VALUES (1, 'one', 1.50, '2020-02-29'), (2, NULL, NULL, NULL)"));
            ResultSet result = statement.executeQuery("SELECT * FROM words ORDER BY number");
            expect(Types.BIGINT, result.getMetaData().getColumnType(1));
            expect("10 2", result.getMetaData().getPrecision(3) + " " + result.getMetaData().getScale(3));
            expect("[[1, one, 1.50, 2020-02-29], [2, null, null, null]]", rows(result));
            ResultSet values = statement.executeQuery("SELECT true, 1.5::DOUBLE, [1, 2], TIMESTAMP '2020-01-01 12:00:00.5', X'00ff', NULL");
            values.next();
            expect("true 1.5", values.getBoolean(1) + " " + values.getDouble(2));
            expect("[1, 2]", Arrays.toString((Object[]) values.getArray(3).getArray()));
            expect(Timestamp.valueOf("2020-01-01 12:00:00.5"), values.getTimestamp(4));
            expect("[0, -1]", Arrays.toString(values.getBytes(5)));
            expect(null, values.getObject(6));
        }
        expect("42P01", refused(connection, "SELECT * FROM nowhere"));
        expect("42601", refused(connection, "SELECT 1 +"));
        expect("22012", refused(connection, "SELECT 1 / 0"));
        expect("0A000", refused(connection, "SAVEPOINT a"));
    }

    static void parameters(Connection connection) throws SQLException {
        String change = "INSERT INTO words VALUES (?, ?, ?, ?)";
        try (PreparedStatement insert = connection.prepareStatement(change)) {
            for (int number = 3; number <= 5; number++) {
                insert.setLong(1, number);
                insert.setString(2, "word " + number);
                insert.setBigDecimal(3, new BigDecimal("0.25"));
                insert.setDate(4, Date.valueOf("2020-01-0" + number));
                insert.addBatch();
            }
            expect("[1, 1, 1]", Arrays.toString(insert.executeBatch()));
        }
        // Named by the driver after the fifth time, and read in binary then.
        try (PreparedStatement query = connection.prepareStatement("SELECT word, amount, day FROM words WHERE number = ? AND day < ?")) {
            for (int run = 0; run < 12; run++) {
                query.setInt(1, 3 + run % 3);
                query.setObject(2, LocalDate.of(2030, 1, 1));
                expect("[[word " + (3 + run % 3) + ", 0.25, 2020-01-0" + (3 + run % 3) + "]]", rows(query.executeQuery()));
            }
            expect(2, query.getParameterMetaData().getParameterCount());
        }
        try (PreparedStatement query = connection.prepareStatement("SELECT count(*) FROM words WHERE number = ANY(?) AND word IS NOT NULL")) {
            query.setArray(1, connection.createArrayOf("bigint", new Long[] {1L, 3L, 99L}));
            expect("[[2]]", rows(query.executeQuery()));
        }
        try (PreparedStatement query = connection.prepareStatement("SELECT ?::VARCHAR IS NULL, number FROM words ORDER BY number LIMIT ?")) {
            query.setNull(1, Types.VARCHAR);
            query.setInt(2, 1);
            expect("[[true, 1]]", rows(query.executeQuery()));
        }
    }

    /** A result that is read in parts, which the driver does inside of a transaction only. */
    static void parts(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(1000);
            ResultSet result = statement.executeQuery("SELECT value FROM range(0, 100000) ORDER BY value");
            long count = 0;
            while (result.next()) {
                expect(count++, result.getLong(1));
            }
            expect(100000, count);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        expect("PostgreSQL 16", about.getDatabaseProductName() + " " + about.getDatabaseMajorVersion());
        ResultSet tables = about.getTables(null, "public", "wor%", new String[] {"TABLE", "VIEW"});
        tables.next();
        expect("words TABLE", tables.getString("TABLE_NAME") + " " + tables.getString("TABLE_TYPE"));
        List<String> columns = new ArrayList<>();
        ResultSet told = about.getColumns(null, "public", "words", "%");
        while (told.next()) {
            columns.add(told.getString("COLUMN_NAME") + " " + told.getString("TYPE_NAME") + " " + told.getInt("NULLABLE"));
        }
        expect("[number int8 0, word text 1, amount numeric 1, day date 1]", columns);
        List<String> schemas = new ArrayList<>();
        ResultSet all = about.getSchemas();
        while (all.next()) {
            schemas.add(all.getString(1));
        }
        expect(true, schemas.contains("public"));
        expect(true, about.getCatalogs().next());
        expect(false, about.getPrimaryKeys(null, "public", "words").next());
        expect(false, about.getImportedKeys(null, "public", "words").next());
        expect(false, about.getIndexInfo(null, "public", "words", false, false).next());
        expect(true, about.getTypeInfo().next());
        expect(true, about.getTableTypes().next());
    }

    static void cancelling(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(1000);
                    statement.cancel();
                } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                }
            });
            canceller.start();
            try {
                statement.executeQuery("SELECT count(*) FROM range(0, 100000000) a JOIN range(0, 100000000) b ON a.value < b.value");
                throw new AssertionError("not cancelled");
            } catch (SQLException cancelled) {
                expect("57014", cancelled.getSQLState());
            }
            canceller.join();
            expect("[[1]]", rows(statement.executeQuery("SELECT 1")));
        }
    }
}
