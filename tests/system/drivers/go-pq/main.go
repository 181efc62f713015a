// Go's lib/pq at the console, asking what the Prometheus exporter for PgBouncer asks
// (prometheus-community/pgbouncer_exporter, README and collector): SHOW VERSION, STATS, LISTS, CONFIG,
// DATABASES, STATS_TOTALS and POOLS, each behind a semicolon, over one connection of database/sql.
// Prints one JSON object: for each SHOW its rows, a row as {column: value} with the types that
// database/sql made of them. The test compares it with what an exporter needs.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	_ "github.com/lib/pq"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// value makes numbers and texts of what lib/pq hands over: numeric columns are bytes.
func value(raw interface{}) interface{} {
	if bytes, is := raw.([]byte); is {
		return json.Number(bytes)
	}
	return raw
}

func rows(db *sql.DB, query string) []map[string]interface{} {
	answer, err := db.Query(query)
	check(err)
	defer answer.Close()
	names, err := answer.Columns()
	check(err)
	all := []map[string]interface{}{}
	for answer.Next() {
		cells := make([]interface{}, len(names))
		targets := make([]interface{}, len(names))
		for i := range cells {
			targets[i] = &cells[i]
		}
		check(answer.Scan(targets...))
		row := map[string]interface{}{}
		for i, name := range names {
			row[name] = value(cells[i])
		}
		all = append(all, row)
	}
	check(answer.Err())
	return all
}

func main() {
	db, err := sql.Open("postgres", os.Getenv("WEIR_URL"))
	check(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	seen := map[string]interface{}{}
	for _, show := range []string{"STATS", "VERSION", "LISTS", "CONFIG", "DATABASES", "STATS_TOTALS",
		"POOLS"} {
		seen[show] = rows(db, "SHOW "+show+";")
	}
	check(json.NewEncoder(os.Stdout).Encode(seen))
}
