// pgx v4 through the daemon, with its defaults: every statement is prepared under a name and kept in
// a cache for each connection. ../README.md says what the cases are and how they report.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var (
	table      = os.Getenv("WEIR_TABLE")
	clients, _ = strconv.Atoi(os.Getenv("WEIR_CLIENTS"))
	size, _    = strconv.Atoi(os.Getenv("WEIR_POOL_SIZE"))
	always     = context.Background()
)

func dsn() string {
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=disable",
		os.Getenv("WEIR_HOST"), os.Getenv("WEIR_PORT"), os.Getenv("WEIR_USER"),
		os.Getenv("WEIR_PASSWORD"), os.Getenv("WEIR_DATABASE"))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func same(expected, got interface{}) {
	if !reflect.DeepEqual(expected, got) {
		panic(fmt.Sprintf("expected %v, got %v", expected, got))
	}
}

func refused(code string, err error) {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || answer.Code != code {
		panic(fmt.Sprintf("expected error %s, got %v", code, err))
	}
}

// secure makes the connection encrypted and verified when the test wants TLS.
func secure(config *pgconn.Config) {
	path := os.Getenv("WEIR_CA")
	if path == "" {
		return
	}
	pem, err := os.ReadFile(path)
	check(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	config.TLSConfig = &tls.Config{RootCAs: authorities, ServerName: config.Host}
}

func open() *pgx.Conn {
	config, err := pgx.ParseConfig(dsn())
	check(err)
	secure(&config.Config)
	conn, err := pgx.ConnectConfig(always, config)
	check(err)
	return conn
}

func with(work func(*pgx.Conn)) {
	conn := open()
	defer conn.Close(always)
	work(conn)
}

func number(conn *pgx.Conn, sql string, arguments ...interface{}) (value int) {
	check(conn.QueryRow(always, sql, arguments...).Scan(&value))
	return value
}

func simple() {
	with(func(conn *pgx.Conn) {
		same(42, number(conn, "SELECT 40 + $1::int", pgx.QuerySimpleProtocol(true), 2))
		results, err := conn.PgConn().Exec(always, "SELECT 1; SELECT 'two'").ReadAll()
		check(err)
		same("two", string(results[1].Rows[0][0]))
	})
}

func prepared() {
	with(func(conn *pgx.Conn) {
		_, err := conn.Prepare(always, "mine", "SELECT $1::int + 1000")
		check(err)
		for n := 0; n < 12; n++ {
			same(n+1000, number(conn, "mine", n))
			same(n*2, number(conn, "SELECT $1::int * 2", n))
		}
		check(conn.Deallocate(always, "mine"))
		_, err = conn.Prepare(always, "mine", "SELECT $1::int - 1000")
		check(err)
		same(1, number(conn, "mine", 1001))
	})
}

func types() {
	with(func(conn *pgx.Conn) {
		moment := time.Date(2024, 2, 29, 12, 34, 56, 123456000, time.UTC)
		var (
			big     int64
			decimal string
			text    string
			raw     []byte
			at      time.Time
			truth   bool
			list    []int32
			none    *string
			json    map[string]interface{}
		)
		check(conn.QueryRow(always, "SELECT $1::bigint, ($2::numeric)::text, $3::text, $4::bytea,"+
			" $5::timestamptz, $6::bool, $7::int[], $8::text, $9::jsonb",
			int64(1)<<62, "12345678901234567890.123", "naïve € 🐘", []byte{0, 1, 255}, moment, true,
			[]int32{1, 2, 3}, nil, map[string]interface{}{"a": "b"}).
			Scan(&big, &decimal, &text, &raw, &at, &truth, &list, &none, &json))
		same(int64(1)<<62, big)
		same("12345678901234567890.123", decimal)
		same("naïve € 🐘", text)
		same([]byte{0, 1, 255}, raw)
		same(true, moment.Equal(at))
		same(true, truth)
		same([]int32{1, 2, 3}, list)
		same((*string)(nil), none)
		same("b", json["a"])
	})
}

func rollback() {
	with(func(conn *pgx.Conn) {
		insert := "INSERT INTO " + table + " (id, note) VALUES ($1, 'tx')"
		tx, err := conn.Begin(always)
		check(err)
		_, err = tx.Exec(always, insert, 1)
		check(err)
		check(tx.Commit(always))
		tx, err = conn.Begin(always)
		check(err)
		_, err = tx.Exec(always, insert, 2)
		check(err)
		nested, err := tx.Begin(always) // a savepoint
		check(err)
		_, err = nested.Exec(always, insert, 1)
		refused("23505", err)
		check(nested.Rollback(always))
		same(2, number(conn, "SELECT count(*) FROM "+table+" WHERE note = 'tx'"))
		check(tx.Rollback(always))
		same(1, number(conn, "SELECT count(*) FROM "+table+" WHERE note = 'tx'"))
	})
}

func failing() {
	with(func(conn *pgx.Conn) {
		for n := 0; n < 8; n++ {
			_, err := conn.Exec(always, "SELECT 1/0")
			refused("22012", err)
			_, err = conn.Exec(always, "SELECT * FROM no_such_table WHERE id = $1", n)
			refused("42P01", err)
			same(n, number(conn, "SELECT $1::int", n))
		}
		tx, err := conn.Begin(always)
		check(err)
		_, err = tx.Exec(always, "SELECT 'x'::int")
		refused("22P02", err)
		_, err = tx.Exec(always, "SELECT 1")
		refused("25P02", err)
		check(tx.Rollback(always))
		same(1, number(conn, "SELECT 1"))
	})
}

func copying() {
	with(func(conn *pgx.Conn) {
		var rows [][]interface{}
		var lines strings.Builder
		for n := 100; n < 3100; n++ {
			rows = append(rows, []interface{}{n, fmt.Sprintf("line %d", n)})
			fmt.Fprintf(&lines, "%d\tline %d\n", n, n)
		}
		count, err := conn.CopyFrom(always, pgx.Identifier{table}, []string{"id", "note"},
			pgx.CopyFromRows(rows))
		check(err)
		same(int64(3000), count)
		var out bytes.Buffer
		_, err = conn.PgConn().CopyTo(always, &out, "COPY (SELECT id, note FROM "+table+
			" WHERE id BETWEEN 100 AND 3099 ORDER BY id) TO STDOUT")
		check(err)
		same(lines.String(), out.String())
		_, err = conn.PgConn().CopyFrom(always, strings.NewReader("not a number\n"),
			"COPY "+table+" (id) FROM STDIN")
		refused("22P02", err)
		same(1, number(conn, "SELECT 1"))
	})
}

func batch() {
	with(func(conn *pgx.Conn) {
		work := &pgx.Batch{}
		for n := 0; n < 200; n++ {
			work.Queue("INSERT INTO "+table+" (id, note) VALUES ($1, 'batch')", 10000+n)
			work.Queue("SELECT $1::int", n)
		}
		results := conn.SendBatch(always, work)
		for n := 0; n < 200; n++ {
			_, err := results.Exec()
			check(err)
			var value int
			check(results.QueryRow().Scan(&value))
			same(n, value)
		}
		check(results.Close())
		broken := &pgx.Batch{}
		broken.Queue("INSERT INTO "+table+" (id, note) VALUES ($1, 'batch')", 20000)
		broken.Queue("INSERT INTO "+table+" (id, note) VALUES ($1, 'batch')", 10000)
		broken.Queue("SELECT 1")
		refused("23505", conn.SendBatch(always, broken).Close())
		same(200, number(conn, "SELECT count(*) FROM "+table+" WHERE note = 'batch'"))
	})
}

func busy(eye *pgx.Conn, mark string) bool {
	return number(eye, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <>"+
		" pg_backend_pid() AND query LIKE '%' || $1 || '%'", mark) == 1
}

func cancel() {
	with(func(eye *pgx.Conn) {
		with(func(conn *pgx.Conn) {
			ended := make(chan error)
			mark := "go " + table
			go func() {
				_, err := conn.PgConn().Exec(always, "SELECT pg_sleep(60), '"+mark+"'").ReadAll()
				ended <- err
			}()
			for !busy(eye, mark) {
			}
			check(conn.PgConn().CancelRequest(always))
			refused("57014", <-ended)
			same(1, number(conn, "SELECT 1"))
		})
	})
}

// A context that ends closes the connection; pgx sends a cancel request behind it.
func timeout() {
	with(func(eye *pgx.Conn) {
		conn := open()
		mark := "go timeout " + table
		short, stop := context.WithCancel(always)
		ended := make(chan error)
		go func() {
			_, err := conn.Exec(short, "SELECT pg_sleep(60), '"+mark+"'")
			ended <- err
		}()
		for !busy(eye, mark) {
		}
		stop()
		same(true, errors.Is(<-ended, context.Canceled))
		for busy(eye, mark) { // it ends on the server too
		}
		<-conn.PgConn().CleanupDone()
		with(func(other *pgx.Conn) { same(1, number(other, "SELECT 1")) })
	})
}

func large() {
	with(func(conn *pgx.Conn) {
		text := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
		var got string
		check(conn.QueryRow(always, "SELECT $1::text", text).Scan(&got))
		same(true, text == got)
	})
}

func settings() {
	with(func(conn *pgx.Conn) {
		with(func(other *pgx.Conn) {
			var mine, theirs, zone string
			_, err := conn.Exec(always, "SET application_name = 'mine'; SET TimeZone = 'Asia/Tokyo'")
			check(err)
			_, err = other.Exec(always, "SET application_name = 'theirs'")
			check(err)
			for n := 0; n < 5; n++ {
				check(conn.QueryRow(always, "SHOW application_name").Scan(&mine))
				check(other.QueryRow(always, "SHOW application_name").Scan(&theirs))
				check(conn.QueryRow(always, "SHOW TimeZone").Scan(&zone))
				same([]string{"mine", "theirs", "Asia/Tokyo"}, []string{mine, theirs, zone})
			}
		})
	})
}

func parallel() {
	ended := make(chan interface{})
	for i := 0; i < clients; i++ {
		go func(me int) {
			defer func() { ended <- recover() }()
			with(func(conn *pgx.Conn) {
				for n := 0; n < 8; n++ {
					same(n*100+me, number(conn, "SELECT $1::int + "+strconv.Itoa(me), n*100))
				}
			})
		}(i)
	}
	for i := 0; i < clients; i++ {
		if why := <-ended; why != nil {
			panic(why)
		}
	}
}

func pool() {
	config, err := pgxpool.ParseConfig(dsn())
	check(err)
	secure(&config.ConnConfig.Config)
	config.MaxConns = int32(size)
	shared, err := pgxpool.ConnectConfig(always, config)
	check(err)
	defer shared.Close()
	ended := make(chan error)
	for i := 0; i < clients; i++ {
		go func(me int) {
			ended <- shared.BeginFunc(always, func(tx pgx.Tx) error {
				_, err := tx.Exec(always, "INSERT INTO "+table+" (id, note) VALUES ($1, 'pool')",
					30000+me)
				return err
			})
		}(i)
	}
	for i := 0; i < clients; i++ {
		check(<-ended)
	}
	var count int
	check(shared.QueryRow(always, "SELECT count(*) FROM "+table+" WHERE note = 'pool'").Scan(&count))
	same(clients, count)
}

var isGood = true

func report(name string, work func()) {
	defer func() {
		if why := recover(); why != nil {
			isGood = false
			fmt.Printf("failed %s: %v\n", name, strings.ReplaceAll(fmt.Sprint(why), "\n", " | "))
			return
		}
		fmt.Println("ok", name)
	}()
	work()
}

func main() {
	report("simple", simple)
	report("prepared", prepared)
	report("types", types)
	report("rollback", rollback)
	report("error", failing)
	report("copy", copying)
	report("batch", batch)
	report("cancel", cancel)
	report("timeout", timeout)
	report("large", large)
	report("settings", settings)
	report("parallel", parallel)
	report("pool", pool)
	if !isGood {
		os.Exit(1)
	}
}
