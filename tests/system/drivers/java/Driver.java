// PostgreSQL's JDBC driver through the daemon, with its defaults: it prepares a statement on the
// server from its fifth execution on. ../README.md says what the cases are and how they report.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public final class Driver {
    interface Case {
        void run() throws Exception;
    }

    private static final String TABLE = System.getenv("WEIR_TABLE");
    private static final int CLIENTS = Integer.parseInt(System.getenv("WEIR_CLIENTS"));
    private static boolean isGood = true;

    private static Connection open() throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("WEIR_USER"));
        properties.setProperty("password", System.getenv("WEIR_PASSWORD"));
        String authority = System.getenv("WEIR_CA");
        properties.setProperty("sslmode", authority.isEmpty() ? "disable" : "verify-full");
        if (!authority.isEmpty()) {
            properties.setProperty("sslrootcert", authority);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("WEIR_HOST") + ":"
                + System.getenv("WEIR_PORT") + "/" + System.getenv("WEIR_DATABASE"), properties);
    }

    private static void same(Object expected, Object got) {
        if (!expected.equals(got)) {
            throw new AssertionError("expected " + expected + ", got " + got);
        }
    }

    private static void refused(String state, Case work) throws Exception {
        try {
            work.run();
        } catch (SQLException error) {
            same(state, error.getSQLState());
            return;
        }
        throw new AssertionError("no error " + state);
    }

    private static Object value(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getObject(1);
        }
    }

    private static int update(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    // ---- cases

    private static void simple() throws Exception {
        try (Connection c = open(); Statement statement = c.createStatement()) {
            same(42, value(c, "SELECT 40 + 2"));
            statement.execute("SELECT 1; SELECT 'two'");
            same(true, statement.getMoreResults());
            statement.getResultSet().next();
            same("two", statement.getResultSet().getString(1));
            same("PostgreSQL", c.getMetaData().getDatabaseProductName());
        }
    }

    private static void prepared() throws Exception {
        try (Connection c = open(); PreparedStatement add = c.prepareStatement("SELECT ?::int + ?")) {
            for (int n = 0; n < 12; n++) {
                add.setInt(1, n);
                add.setInt(2, 1000);
                try (ResultSet rows = add.executeQuery()) {
                    rows.next();
                    same(n + 1000, rows.getInt(1));
                }
            }
        }
    }

    private static void types() throws Exception {
        UUID uuid = UUID.fromString("11112222-3333-4444-5555-666677778888");
        OffsetDateTime time = OffsetDateTime.of(2024, 2, 29, 12, 34, 56, 123456000, ZoneOffset.UTC);
        byte[] bytes = {0, 1, (byte) 0xff};
        try (Connection c = open(); PreparedStatement all = c.prepareStatement(
                "SELECT ?::bigint, ?::numeric, ?::text, ?::bytea, ?::timestamptz, ?::uuid,"
                        + " ?::bool, ?::int[], ?::text")) {
            for (int round = 0; round < 7; round++) { // from the fifth on in binary
                all.setLong(1, Long.MAX_VALUE);
                all.setBigDecimal(2, new BigDecimal("12345678901234567890.123"));
                all.setString(3, "naïve € 🐘");
                all.setBytes(4, bytes);
                all.setObject(5, time);
                all.setObject(6, uuid);
                all.setBoolean(7, true);
                all.setArray(8, c.createArrayOf("int4", new Object[] {1, null, 3}));
                all.setNull(9, Types.VARCHAR);
                try (ResultSet rows = all.executeQuery()) {
                    rows.next();
                    same(Long.MAX_VALUE, rows.getLong(1));
                    same(new BigDecimal("12345678901234567890.123"), rows.getBigDecimal(2));
                    same("naïve € 🐘", rows.getString(3));
                    same(Arrays.toString(bytes), Arrays.toString(rows.getBytes(4)));
                    same(time, rows.getObject(5, OffsetDateTime.class));
                    same(uuid, rows.getObject(6));
                    same(true, rows.getBoolean(7));
                    same("[1, null, 3]", Arrays.toString((Object[]) rows.getArray(8).getArray()));
                    rows.getString(9);
                    same(true, rows.wasNull());
                }
            }
        }
    }

    private static void rollback() throws Exception {
        try (Connection c = open()) {
            c.setAutoCommit(false);
            update(c, "INSERT INTO " + TABLE + " (id, note) VALUES (1, 'kept')");
            c.commit();
            update(c, "INSERT INTO " + TABLE + " (id, note) VALUES (2, 'undone')");
            c.rollback();
            same(1L, value(c, "SELECT count(*) FROM " + TABLE + " WHERE id IN (1, 2)"));
            Savepoint savepoint = c.setSavepoint();
            refused("23505", () -> update(c, "INSERT INTO " + TABLE + " (id) VALUES (1)"));
            c.rollback(savepoint);
            same("kept", value(c, "SELECT note FROM " + TABLE + " WHERE id = 1"));
            c.commit();
        }
    }

    private static void error() throws Exception {
        try (Connection c = open()) {
            for (int n = 0; n < 8; n++) {
                refused("22012", () -> value(c, "SELECT 1/0"));
                refused("42P01", () -> value(c, "SELECT * FROM no_such_table"));
                same(n, value(c, "SELECT " + n));
            }
            c.setAutoCommit(false);
            refused("22P02", () -> value(c, "SELECT 'x'::int"));
            refused("25P02", () -> value(c, "SELECT 1"));
            c.rollback();
            same(1, value(c, "SELECT 1"));
            c.commit();
        }
    }

    private static void copy() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int n = 100; n < 3100; n++) {
            lines.append(n).append("\tline ").append(n).append('\n');
        }
        try (Connection c = open()) {
            CopyManager manager = c.unwrap(PGConnection.class).getCopyAPI();
            same(3000L, manager.copyIn("COPY " + TABLE + " (id, note) FROM STDIN",
                    new StringReader(lines.toString())));
            StringWriter out = new StringWriter();
            manager.copyOut("COPY (SELECT id, note FROM " + TABLE
                    + " WHERE id BETWEEN 100 AND 3099 ORDER BY id) TO STDOUT", out);
            same(lines.toString(), out.toString());
            refused("22P02", () -> manager.copyIn("COPY " + TABLE + " (id) FROM STDIN",
                    new StringReader("not a number\n")));
            same(1, value(c, "SELECT 1"));
        }
    }

    private static void batch() throws Exception {
        String sql = "INSERT INTO " + TABLE + " (id, note) VALUES (?, ?)";
        try (Connection c = open(); PreparedStatement insert = c.prepareStatement(sql,
                Statement.RETURN_GENERATED_KEYS)) {
            for (int n = 0; n < 300; n++) {
                insert.setInt(1, 10000 + n);
                insert.setString(2, "batch");
                insert.addBatch();
            }
            int[] counts = insert.executeBatch();
            same(300, Arrays.stream(counts).sum());
            try (ResultSet keys = insert.getGeneratedKeys()) {
                for (int n = 0; n < 300; n++) {
                    keys.next();
                    same(10000 + n, keys.getInt("id"));
                }
            }
            c.setAutoCommit(false);
            for (int n = 0; n < 3; n++) { // the second one is there already
                insert.setInt(1, n == 1 ? 10000 : 11000 + n);
                insert.setString(2, "broken");
                insert.addBatch();
            }
            refused("23505", insert::executeBatch);
            c.rollback();
            same(300L, value(c, "SELECT count(*) FROM " + TABLE + " WHERE note IN ('batch', 'broken')"));
            c.rollback();
        }
    }

    private static void cursor() throws Exception {
        try (Connection c = open(); PreparedStatement series =
                c.prepareStatement("SELECT generate_series(1, ?)")) {
            c.setAutoCommit(false);
            series.setFetchSize(70);
            for (int round = 0; round < 6; round++) {
                series.setInt(1, 1000);
                long sum = 0;
                try (ResultSet rows = series.executeQuery()) {
                    while (rows.next()) {
                        sum += rows.getInt(1);
                    }
                }
                same(500500L, sum);
            }
            c.commit();
        }
    }

    private static void cancel() throws Exception {
        try (Connection c = open(); Statement sleep = c.createStatement(); Connection eye = open()) {
            ExecutorService pool = Executors.newSingleThreadExecutor();
            Future<?> slept = pool.submit((Callable<Void>) () -> {
                refused("57014", () -> sleep.executeQuery("SELECT pg_sleep(60), 'jdbc " + TABLE + "'"));
                return null;
            });
            while (!value(eye, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND"
                    + " pid <> pg_backend_pid() AND query LIKE '%jdbc " + TABLE + "%'").equals(1L)) {
                Thread.onSpinWait();
            }
            sleep.cancel();
            slept.get();
            pool.shutdown();
            same(1, value(c, "SELECT 1"));
        }
    }

    private static void timeout() throws Exception {
        try (Connection c = open(); Statement sleep = c.createStatement()) {
            sleep.setQueryTimeout(1);
            refused("57014", () -> sleep.executeQuery("SELECT pg_sleep(60)"));
            same(1, value(c, "SELECT 1"));
        }
    }

    private static void large() throws Exception {
        String text = "0123456789abcdef".repeat(1 << 17); // 2 MiB
        try (Connection c = open();
                PreparedStatement echo = c.prepareStatement("SELECT ?::text, md5(?)")) {
            echo.setString(1, text);
            echo.setString(2, text);
            try (ResultSet rows = echo.executeQuery()) {
                rows.next();
                same(text, rows.getString(1));
            }
        }
    }

    private static void settings() throws Exception {
        try (Connection c = open(); Connection other = open()) {
            c.setClientInfo("ApplicationName", "mine");
            other.setClientInfo("ApplicationName", "theirs");
            update(c, "SET TimeZone = 'Asia/Tokyo'");
            for (int n = 0; n < 5; n++) {
                same("mine", value(c, "SHOW application_name"));
                same("theirs", value(other, "SHOW application_name"));
                same("Asia/Tokyo", value(c, "SHOW TimeZone"));
            }
            c.setReadOnly(true);
            c.setAutoCommit(false);
            refused("25006", () -> update(c, "DELETE FROM " + TABLE));
            c.rollback();
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            same(Timestamp.class, value(c, "SELECT now()").getClass());
            c.rollback();
        }
    }

    private static void parallel() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(CLIENTS);
        List<Future<Void>> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            int me = i;
            clients.add(pool.submit(() -> {
                try (Connection c = open();
                        PreparedStatement add = c.prepareStatement("SELECT ?::int + " + me)) {
                    for (int n = 0; n < 8; n++) {
                        add.setInt(1, n * 100);
                        try (ResultSet rows = add.executeQuery()) {
                            rows.next();
                            same(n * 100 + me, rows.getInt(1));
                        }
                    }
                    return null;
                }
            }));
        }
        for (Future<Void> client : clients) {
            client.get();
        }
        pool.shutdown();
    }

    // ---- reporting

    private static void report(String name, Case work) {
        String line = "ok " + name;
        try {
            work.run();
        } catch (Throwable error) {
            isGood = false;
            StringWriter trace = new StringWriter();
            error.printStackTrace(new java.io.PrintWriter(trace));
            line = "failed " + name + ": " + trace.toString().replace("\n", " | ");
        }
        System.out.println(line);
        System.out.flush();
    }

    public static void main(String[] arguments) {
        report("simple", Driver::simple);
        report("prepared", Driver::prepared);
        report("types", Driver::types);
        report("rollback", Driver::rollback);
        report("error", Driver::error);
        report("copy", Driver::copy);
        report("batch", Driver::batch);
        report("cursor", Driver::cursor);
        report("cancel", Driver::cancel);
        report("timeout", Driver::timeout);
        report("large", Driver::large);
        report("settings", Driver::settings);
        report("parallel", Driver::parallel);
        System.exit(isGood ? 0 : 1);
    }
}
