/* PoolHikari.java - HikariCP's side of `script/bench pool`; pools.py says what is measured and how.
 *
 *     java -cp ... PoolHikari.java PORT USER DATABASE take|fair|spike COUNT [SECONDS]
 */
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.Collectors;

public class PoolHikari {
    static class Taker extends Thread {
        final HikariDataSource pool;
        final CyclicBarrier start;
        final long until; /* 0 = one round */
        final long holdMs;
        long count;
        long waitMax;
        long endedAt;

        Taker(HikariDataSource pool, CyclicBarrier start, long until, long holdMs) {
            this.pool = pool;
            this.start = start;
            this.until = until;
            this.holdMs = holdMs;
        }

        @Override
        public void run() {
            try {
                start.await();
                do {
                    long before = holdMs > 0 ? System.nanoTime() : 0;
                    try (Connection conn = pool.getConnection()) {
                        if (holdMs > 0) {
                            waitMax = Math.max(waitMax, System.nanoTime() - before);
                            Thread.sleep(holdMs);
                        }
                    }
                    count++;
                } while (until != 0
                         && ((holdMs == 0 && count % 256 != 0) || System.nanoTime() < until));
                endedAt = System.nanoTime();
            } catch (Exception error) {
                error.printStackTrace();
                System.exit(1);
            }
        }
    }

    static HikariDataSource open(String[] args, int size, int idle) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[2] + "?sslmode=disable");
        config.setUsername(args[1]);
        config.setPassword("");
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(idle);
        HikariDataSource pool = new HikariDataSource(config);
        while (pool.getHikariPoolMXBean().getIdleConnections() < idle) {
            Thread.sleep(5);
        }
        return pool;
    }

    static List<Taker> run(HikariDataSource pool, int count, double seconds, long holdMs)
        throws Exception {
        CyclicBarrier start = new CyclicBarrier(count);
        long until = seconds > 0 ? System.nanoTime() + (long) (seconds * 1e9) : 0;
        List<Taker> takers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            takers.add(new Taker(pool, start, until, holdMs));
        }
        for (Taker taker : takers) {
            taker.start();
        }
        for (Taker taker : takers) {
            taker.join();
        }
        return takers;
    }

    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[4]);
        double seconds = args.length > 5 ? Double.parseDouble(args[5]) : 0;
        if (args[3].equals("take")) {
            HikariDataSource pool = open(args, 20, 20);
            run(pool, count, 1.0, 0); /* the compiler warms up */
            long start = System.nanoTime();
            long ops = run(pool, count, seconds, 0).stream().mapToLong(taker -> taker.count).sum();
            System.out.printf("{\"ops\": %d, \"seconds\": %.6f}%n", ops,
                              (System.nanoTime() - start) / 1e9);
        } else if (args[3].equals("fair")) {
            List<Taker> takers = run(open(args, 10, 10), count, seconds, 10);
            System.out.printf(
                "{\"counts\": [%s], \"max_wait_ms\": %.3f}%n",
                takers.stream().map(taker -> "" + taker.count).collect(Collectors.joining(", ")),
                takers.stream().mapToLong(taker -> taker.waitMax).max().getAsLong() / 1e6);
        } else {
            HikariDataSource pool = open(args, 50, 5);
            long start = System.nanoTime();
            List<Taker> takers = run(pool, count, 0, 2);
            System.out.printf("{\"ms\": %.3f, \"connections\": %d}%n",
                (takers.stream().mapToLong(taker -> taker.endedAt).max().getAsLong() - start) / 1e6,
                pool.getHikariPoolMXBean().getTotalConnections());
        }
        System.exit(0);
    }
}
