// The JDBC driver for Flight SQL against a server of Maar: java -cp DRIVER Jdbc.java URL. The first thing that is not as it
// should be ends it with a stack trace and exit code 1.

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

public class Jdbc {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            statements(connection);
            types(connection);
            parameters(connection);
            metadata(connection);
            cancelling(connection);
        }
        // A catalog in the URL is a session option, and closing such a connection closes its session.
        Connection connection = DriverManager.getConnection(arguments[0] + "&catalog=datafusion");
        try (Statement statement = connection.createStatement()) {
            expect("[[5]]", rows(statement.executeQuery("SELECT count(*) FROM words")));
        }
        try {
            connection.close();
        } catch (SQLException refused) {
            // The driver of this version closes it a second time, when its own channel is gone.
            if (!refused.getMessage().contains("Channel shutdown invoked")) {
                throw refused;
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

    static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            expect("[[1, text, null]]", rows(statement.executeQuery("SELECT 1, 'text', CAST(NULL AS BIGINT);")));
            expect(false, statement.execute("CREATE TABLE words (number BIGINT, word VARCHAR, price DECIMAL(10, 2))"));
            expect(2, statement.executeUpdate("INSERT INTO words VALUES (1, 'one', 1.5), (2, NULL, 2.25)"));
            expect("[[2]]", rows(statement.executeQuery("SELECT count(*) FROM words")));
            expect("[]", rows(statement.executeQuery("SELECT * FROM words WHERE false")));
            expect(true, statement.execute("SELECT min(number), max(price) FROM words"));
            expect("[[1, 2.25]]", rows(statement.getResultSet()));
            String known = "FROM maar.system.queries WHERE query LIKE 'INSERT INTO words VALUES%'";
            expect("[[finished, 2]]", rows(statement.executeQuery("SELECT state, rows " + known)));
            String id = (String) rows(statement.executeQuery("SELECT query_id " + known)).get(0).get(0);
            expect("[[finished]]", rows(statement.executeQuery("CALL maar.system.kill_query('" + id + "')")));
            for (String wrong : new String[] {"SELECT nothing FROM words", "SELECT 1 +", "SELECT 1 / (number - 1) FROM words"}) {
                try {
                    rows(statement.executeQuery(wrong));
                } catch (SQLException refused) {
                    continue;
                }
                throw new AssertionError("not refused: " + wrong);
            }
        }
    }

    static void types(Connection connection) throws SQLException {
        String[] values = {
            "true", "1::TINYINT", "1::SMALLINT", "1::INTEGER", "1::BIGINT", "1::TINYINT UNSIGNED", "1::BIGINT UNSIGNED", "1.5::REAL",
            "1.5::DOUBLE", "1.5::DECIMAL(10, 2)", "'text'", "X'00ff'", "DATE '2020-02-29'", "TIME '12:34:56'",
            "TIMESTAMP '2020-02-29 12:00:00'", "[1, 2]", "struct(1 AS a)", "arrow_cast('x', 'Utf8View')",
            "arrow_cast('x', 'Dictionary(Int32, Utf8)')", "arrow_cast(1.5, 'Float16')", "arrow_cast([1], 'LargeList(Int64)')",
        };
        try (Statement statement = connection.createStatement()) {
            for (String value : values) {
                List<List<Object>> got = rows(statement.executeQuery("SELECT " + value));
                if (got.size() != 1 || got.get(0).get(0) == null) {
                    throw new AssertionError(value + ": " + got);
                }
            }
        }
    }

    static void parameters(Connection connection) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("SELECT word FROM words WHERE number = ?")) {
            for (long number = 1; number <= 2; number++) {
                select.setLong(1, number);
                expect(number == 1 ? "[[one]]" : "[[null]]", rows(select.executeQuery()));
            }
        }
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO words VALUES (?, ?, ?)")) {
            for (long number = 3; number <= 5; number++) {
                insert.setLong(1, number);
                insert.setString(2, "word " + number);
                insert.setBigDecimal(3, new BigDecimal("9.25"));
                insert.addBatch();
            }
            insert.executeBatch();
        }
        try (Statement statement = connection.createStatement()) {
            expect("[[5, 31.50]]", rows(statement.executeQuery("SELECT count(*), sum(price) FROM words")));
        }
    }

    /** Everything that tools ask of a connection, and each thing that can be asked without arguments. */
    static void metadata(Connection connection) throws Exception {
        DatabaseMetaData metadata = connection.getMetaData();
        List<String> failed = new ArrayList<>();
        for (Method method : DatabaseMetaData.class.getMethods()) {
            if (method.getParameterCount() > 0 || method.getDeclaringClass() != DatabaseMetaData.class) {
                continue;
            }
            try {
                if (method.invoke(metadata) instanceof ResultSet result) {
                    result.close();
                }
            } catch (InvocationTargetException refused) {
                // What the driver itself does not have is not ours to give.
                if (!(refused.getCause() instanceof SQLFeatureNotSupportedException)) {
                    failed.add(method.getName() + ": " + refused.getCause());
                }
            }
        }
        expect("[]", failed);
        expect("Maar", metadata.getDatabaseProductName());
        expect(false, metadata.supportsTransactions());
        expect("[[datafusion], [maar]]", rows(metadata.getCatalogs()));
        expect(6, rows(metadata.getTables("maar", "system", "%", null)).size());
        List<List<Object>> tables = rows(metadata.getTables(null, "public", "wor%", new String[] {"TABLE"}));
        expect("[datafusion, public, words, TABLE]", tables.get(0).subList(0, 4));
        List<List<Object>> columns = rows(metadata.getColumns(null, "public", "words", "%"));
        expect(3, columns.size());
        expect("price", columns.get(2).get(3));
        expect("[]", rows(metadata.getPrimaryKeys(null, "public", "words")));
        expect("[]", rows(metadata.getImportedKeys(null, "public", "words")));
        expect("[]", rows(metadata.getExportedKeys(null, "public", "words")));
    }

    static void cancelling(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            Thread soon = new Thread(() -> {
                try {
                    Thread.sleep(1000);
                    statement.cancel();
                } catch (Exception failed) {
                    failed.printStackTrace();
                }
            });
            soon.start();
            try {
                rows(statement.executeQuery("SELECT sum(sin(value)) FROM range(0, 1000000000000)"));
            } catch (SQLException cancelled) {
                soon.join();
                return;
            }
            throw new AssertionError("it was not cancelled");
        }
    }
}
