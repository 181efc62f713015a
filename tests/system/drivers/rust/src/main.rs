//! tokio-postgres through the daemon, with its defaults: every query is a named statement that is
//! closed when it is dropped, and queries that wait together travel as a pipeline.
//! ../../README.md says what the cases are and how they report.
mod tls;

use futures_util::future::{join_all, try_join_all};
use futures_util::{pin_mut, SinkExt, StreamExt, TryStreamExt};
use std::env;
use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::io::Write;
use std::time::{Duration, SystemTime};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage};

type Outcome = Result<(), Box<dyn Error>>;

fn word(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn table() -> String {
    word("WEIR_TABLE")
}

fn clients() -> i32 {
    word("WEIR_CLIENTS").parse().unwrap()
}

fn connector() -> Result<native_tls::TlsConnector, Box<dyn Error>> {
    let pem = std::fs::read(word("WEIR_CA"))?;
    Ok(native_tls::TlsConnector::builder()
        .add_root_certificate(native_tls::Certificate::from_pem(&pem)?)
        .build()?)
}

async fn open() -> Result<Client, Box<dyn Error>> {
    let mut config = Config::new();
    config
        .host(&word("WEIR_HOST"))
        .port(word("WEIR_PORT").parse()?)
        .user(&word("WEIR_USER"))
        .password(word("WEIR_PASSWORD"))
        .dbname(&word("WEIR_DATABASE"));
    if word("WEIR_CA").is_empty() {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        return Ok(client);
    }
    let (client, connection) = config.connect(tls::Tls(connector()?)).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn same<T: PartialEq + Debug>(expected: T, got: T) -> Outcome {
    if expected == got {
        return Ok(());
    }
    Err(format!("expected {:?}, got {:?}", expected, got).into())
}

fn refused<T>(code: &str, result: Result<T, tokio_postgres::Error>) -> Outcome {
    match result {
        Ok(_) => Err(format!("no error {}", code).into()),
        Err(error) => match error.code() {
            Some(state) => same(code, state.code()),
            None => Err(error.into()),
        },
    }
}

async fn number(client: &Client, sql: &str) -> Result<i64, tokio_postgres::Error> {
    client.query_one(sql, &[]).await.map(|row| row.get(0))
}

fn texts(answer: Vec<SimpleQueryMessage>) -> Vec<String> {
    let mut found = Vec::new();
    for message in answer {
        if let SimpleQueryMessage::Row(row) = message {
            found.push(row.get(0).unwrap_or("null").to_string());
        }
    }
    found
}

async fn simple() -> Outcome {
    let client = open().await?;
    let answer = client.simple_query("SELECT 40 + 2; SELECT 'two'").await?;
    same(vec!["42".to_string(), "two".to_string()], texts(answer))?;
    client.batch_execute("SELECT 1; SELECT 2").await?;
    same(7, number(&client, "SELECT 7::bigint").await?)
}

async fn prepared() -> Outcome {
    let client = open().await?;
    let add = client.prepare("SELECT $1::int + 1000").await?;
    for n in 0..12 {
        let row = client.query_one(&add, &[&n]).await?;
        same(n + 1000, row.get(0))?;
        let row = client.query_one("SELECT $1::int * 2", &[&n]).await?;
        same(n * 2, row.get(0))?;
    }
    Ok(())
}

async fn types() -> Outcome {
    let client = open().await?;
    let now = SystemTime::UNIX_EPOCH + Duration::new(1709210096, 123456000);
    let none: Option<&str> = None;
    let row: Row = client
        .query_one(
            "SELECT $1::bigint, $2::text, $3::bytea, $4::bool, $5::timestamptz, $6::int[],
             $7::text, $8::float8, ($9::text)::numeric::text",
            &[
                &i64::MAX,
                &"naïve € 🐘",
                &&[0u8, 1, 255][..],
                &true,
                &now,
                &vec![Some(1), None, Some(3)],
                &none,
                &0.1f64,
                &"12345678901234567890.123",
            ],
        )
        .await?;
    same(i64::MAX, row.get(0))?;
    same("naïve € 🐘", row.get(1))?;
    same(&[0u8, 1, 255][..], row.get(2))?;
    same(true, row.get(3))?;
    same(now, row.get(4))?;
    same(vec![Some(1), None, Some(3)], row.get(5))?;
    same(None, row.get::<_, Option<String>>(6))?;
    same(0.1, row.get(7))?;
    same("12345678901234567890.123", row.get(8))
}

async fn rollback() -> Outcome {
    let mut client = open().await?;
    let insert = format!("INSERT INTO {} (id, note) VALUES ($1, 'tx')", table());
    let count = format!("SELECT count(*) FROM {} WHERE note = 'tx'", table());
    let transaction = client.transaction().await?;
    transaction.execute(insert.as_str(), &[&1]).await?;
    transaction.commit().await?;
    let mut transaction = client.transaction().await?;
    transaction.execute(insert.as_str(), &[&2]).await?;
    let savepoint = transaction.transaction().await?;
    refused("23505", savepoint.execute(insert.as_str(), &[&1]).await)?;
    savepoint.rollback().await?;
    let row = transaction.query_one(count.as_str(), &[]).await?;
    same(2i64, row.get(0))?;
    drop(transaction); // rolls back
    same(1, number(&client, &count).await?)
}

async fn error() -> Outcome {
    let client = open().await?;
    for n in 0..8 {
        refused("22012", client.simple_query("SELECT 1/0").await)?;
        refused("42P01", client.query("SELECT * FROM no_such_table WHERE id = $1", &[&n]).await)?;
        same(i64::from(n), number(&client, &format!("SELECT {}::bigint", n)).await?)?;
    }
    client.batch_execute("BEGIN").await?;
    refused("22P02", client.simple_query("SELECT 'x'::int").await)?;
    refused("25P02", client.query("SELECT 1", &[]).await)?;
    client.batch_execute("ROLLBACK").await?;
    same(1, number(&client, "SELECT 1::bigint").await?)
}

async fn copy() -> Outcome {
    let client = open().await?;
    let lines: String = (100..3100).map(|n| format!("{}\tline {}\n", n, n)).collect();
    let copy_in = format!("COPY {} (id, note) FROM STDIN", table());
    let sink = client.copy_in(copy_in.as_str()).await?;
    pin_mut!(sink);
    sink.send(std::io::Cursor::new(lines.clone().into_bytes())).await?;
    same(3000, sink.finish().await?)?;
    let copy_out = format!(
        "COPY (SELECT id, note FROM {} WHERE id BETWEEN 100 AND 3099 ORDER BY id) TO STDOUT",
        table()
    );
    let rows = client.copy_out(copy_out.as_str()).await?;
    let parts: Vec<_> = rows.try_collect().await?;
    let all: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
    same(lines, String::from_utf8(all)?)?;
    {
        let sink = client.copy_in(copy_in.as_str()).await?;
        pin_mut!(sink);
        sink.send(std::io::Cursor::new(b"900001\tlost\n".to_vec())).await?;
        // dropped before its end: CopyFail
    }
    let lost = format!("SELECT count(*) FROM {} WHERE id = 900001", table());
    same(0, number(&client, &lost).await?)
}

async fn pipeline() -> Outcome {
    let client = open().await?;
    let add = client.prepare("SELECT $1::int + 5").await?;
    let numbers: Vec<i32> = (0..200).collect();
    let rows = try_join_all(numbers.iter().map(|n| {
        let (client, add) = (&client, &add);
        async move { client.query_one(add, &[n]).await }
    }))
    .await?;
    for (n, row) in numbers.iter().zip(rows) {
        same(n + 5, row.get(0))?;
    }
    // one of several fails: the others do not
    let divide = client.prepare("SELECT 100 / $1::int").await?;
    let answers = join_all([1, 0, 2, 0, 4].iter().map(|n| {
        let (client, divide) = (&client, &divide);
        async move { client.query_one(divide, &[n]).await }
    }))
    .await;
    for (n, answer) in [1, 0, 2, 0, 4].iter().zip(answers) {
        match n {
            0 => refused("22012", answer)?,
            _ => same(100 / n, answer?.get(0))?,
        }
    }
    Ok(())
}

async fn busy(eye: &Client, mark: &str) -> Result<bool, tokio_postgres::Error> {
    let row = eye
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <>
             pg_backend_pid() AND query LIKE '%' || $1 || '%'",
            &[&mark],
        )
        .await?;
    Ok(row.get::<_, i64>(0) == 1)
}

async fn cancel() -> Outcome {
    let (client, eye) = (open().await?, open().await?);
    let token = client.cancel_token();
    let mark = format!("rust {}", table());
    let sql = format!("SELECT pg_sleep(60), '{}'", mark);
    let asking = tokio::spawn(async move { (client.simple_query(&sql).await, client) });
    while !busy(&eye, &mark).await? {}
    if word("WEIR_CA").is_empty() {
        token.cancel_query(NoTls).await?;
    } else {
        token.cancel_query(tls::Tls(connector()?)).await?;
    }
    let (answer, client) = asking.await?;
    refused("57014", answer)?;
    same(1, number(&client, "SELECT 1::bigint").await?)
}

async fn timeout() -> Outcome {
    let mut client = open().await?;
    let transaction = client.transaction().await?;
    transaction.batch_execute("SET LOCAL statement_timeout = '50ms'").await?;
    refused("57014", transaction.simple_query("SELECT pg_sleep(60)").await)?;
    transaction.rollback().await?;
    same(vec!["0".to_string()], texts(client.simple_query("SHOW statement_timeout").await?))
}

async fn large() -> Outcome {
    let client = open().await?;
    let text = "0123456789abcdef".repeat(1 << 17); // 2 MiB
    let row = client.query_one("SELECT $1::text", &[&text]).await?;
    same(true, text == row.get::<_, String>(0))
}

async fn cursor() -> Outcome {
    let mut client = open().await?;
    let transaction = client.transaction().await?;
    let portal = transaction.bind("SELECT generate_series(1, 1000)", &[]).await?;
    let mut sum = 0;
    loop {
        let rows = transaction.query_portal(&portal, 70).await?;
        if rows.is_empty() {
            break;
        }
        sum += rows.iter().map(|row| row.get::<_, i32>(0)).sum::<i32>();
    }
    same(500500, sum)?;
    transaction.commit().await?;
    let parameters: [i32; 0] = [];
    let stream = client.query_raw("SELECT generate_series(1, 1000)", &parameters).await?;
    pin_mut!(stream);
    let mut count = 0;
    while let Some(row) = stream.next().await {
        row?;
        count += 1;
    }
    same(1000, count)
}

async fn settings() -> Outcome {
    let (client, other) = (open().await?, open().await?);
    client.batch_execute("SET application_name = 'mine'; SET TimeZone = 'Asia/Tokyo'").await?;
    other.batch_execute("SET application_name = 'theirs'").await?;
    for _ in 0..5 {
        same(vec!["mine".to_string()], texts(client.simple_query("SHOW application_name").await?))?;
        same(vec!["theirs".to_string()], texts(other.simple_query("SHOW application_name").await?))?;
        same(vec!["Asia/Tokyo".to_string()], texts(client.simple_query("SHOW TimeZone").await?))?;
    }
    Ok(())
}

async fn one_client(me: i32) -> Outcome {
    let client = open().await?;
    let add = client.prepare(&format!("SELECT $1::int + {}", me)).await?;
    for n in 0..8 {
        let row = client.query_one(&add, &[&(n * 100)]).await?;
        same(n * 100 + me, row.get(0))?;
    }
    Ok(())
}

async fn parallel() -> Outcome {
    try_join_all((0..clients()).map(one_client)).await.map(|_| ())
}

async fn report(name: &str, work: impl Future<Output = Outcome>) -> bool {
    let answer = work.await;
    match &answer {
        Ok(()) => println!("ok {}", name),
        Err(error) => println!("failed {}: {}", name, format!("{:?}", error).replace('\n', " | ")),
    }
    std::io::stdout().flush().unwrap();
    answer.is_ok()
}

async fn all() -> bool {
    let mut good = true;
    good &= report("simple", simple()).await;
    good &= report("prepared", prepared()).await;
    good &= report("types", types()).await;
    good &= report("rollback", rollback()).await;
    good &= report("error", error()).await;
    good &= report("copy", copy()).await;
    good &= report("pipeline", pipeline()).await;
    good &= report("cursor", cursor()).await;
    good &= report("cancel", cancel()).await;
    good &= report("timeout", timeout()).await;
    good &= report("large", large()).await;
    good &= report("settings", settings()).await;
    good &= report("parallel", parallel()).await;
    good
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = runtime.block_on(all());
    std::process::exit(if good { 0 } else { 1 });
}
