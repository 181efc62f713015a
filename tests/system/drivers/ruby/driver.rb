# ruby-pg through the daemon: simple and extended queries, its own prepared statements, COPY,
# pipelines, cancel. ../README.md says what the cases are and how they report.
require 'pg'

TABLE = ENV['WEIR_TABLE']
CLIENTS = Integer(ENV['WEIR_CLIENTS'])

def options
  ca = ENV['WEIR_CA']
  tls = ca.empty? ? { sslmode: 'disable' } : { sslmode: 'verify-full', sslrootcert: ca }
  { host: ENV['WEIR_HOST'], port: ENV['WEIR_PORT'], user: ENV['WEIR_USER'],
    password: ENV['WEIR_PASSWORD'], dbname: ENV['WEIR_DATABASE'], **tls }
end

def open
  connection = PG.connect(**options)
  yield connection
ensure
  connection&.close
end

def same(expected, got)
  raise "expected #{expected.inspect}, got #{got.inspect}" unless expected == got
end

def refused(state)
  yield
rescue PG::Error => error
  same(state, error.result&.error_field(PG::PG_DIAG_SQLSTATE) || error.message)
else
  raise "no error #{state}"
end

def simple
  open do |c|
    same('42', c.exec('SELECT 40 + 2').getvalue(0, 0))
    same('two', c.exec("SELECT 1; SELECT 'two'").getvalue(0, 0))
    same('7', c.exec_params('SELECT $1::int + $2::int', [3, 4]).getvalue(0, 0))
  end
end

def prepared
  open do |c|
    c.prepare('mine', 'SELECT $1::int + 1000 AS v')
    same(1, c.describe_prepared('mine').nfields)
    12.times { |n| same((n + 1000).to_s, c.exec_prepared('mine', [n]).getvalue(0, 0)) }
    c.exec('DEALLOCATE mine')
    refused('26000') { c.exec_prepared('mine', [1]) }
    c.prepare('mine', 'SELECT $1::int - 1000 AS v')
    same('1', c.exec_prepared('mine', [1001]).getvalue(0, 0))
  end
end

def types
  open do |c|
    c.type_map_for_results = PG::BasicTypeMapForResults.new(c)
    row = c.exec_params('SELECT $1::bigint, $2::text, $3::bytea, $4::bool, $5::int[], $6::text,' \
                        ' $7::float8, $8::json',
                        [2**62, 'naïve € 🐘', { value: "\0\1\xff".b, format: 1 }, true,
                         '{1,NULL,3}', nil, 0.1, '{"a":[1]}']).values[0]
    same([2**62, 'naïve € 🐘', "\0\1\xff".b, true, [1, nil, 3], nil, 0.1, { 'a' => [1] }], row)
  end
end

def rollback
  open do |c|
    insert = "INSERT INTO #{TABLE} (id, note) VALUES ($1, 'tx')"
    c.transaction { |t| t.exec_params(insert, [1]) }
    begin
      c.transaction do |t|
        t.exec_params(insert, [2])
        raise ArgumentError, 'changed my mind'
      end
    rescue ArgumentError
      same(PG::PQTRANS_IDLE, c.transaction_status)
    end
    refused('23505') { c.transaction { |t| t.exec_params(insert, [1]) } }
    same('1', c.exec("SELECT count(*) FROM #{TABLE} WHERE note = 'tx'").getvalue(0, 0))
  end
end

def error
  open do |c|
    8.times do |n|
      refused('22012') { c.exec('SELECT 1/0') }
      refused('42P01') { c.exec_params('SELECT * FROM no_such_table WHERE id = $1', [n]) }
      same(n.to_s, c.exec_params('SELECT $1::int', [n]).getvalue(0, 0))
    end
    c.exec('BEGIN')
    refused('22P02') { c.exec("SELECT 'x'::int") }
    refused('25P02') { c.exec('SELECT 1') }
    c.exec('ROLLBACK')
    same('1', c.exec('SELECT 1').getvalue(0, 0))
  end
end

def copy
  open do |c|
    lines = (100...3100).map { |n| "#{n}\tline #{n}\n" }
    c.copy_data("COPY #{TABLE} (id, note) FROM STDIN") { lines.each { |l| c.put_copy_data(l) } }
    got = []
    c.copy_data("COPY (SELECT id, note FROM #{TABLE} WHERE id BETWEEN 100 AND 3099 ORDER BY id)" \
                ' TO STDOUT') { while (line = c.get_copy_data) do got << line end }
    same(lines, got)
    refused('22P02') do
      c.copy_data("COPY #{TABLE} (id) FROM STDIN") { c.put_copy_data("not a number\n") }
    end
    begin
      c.copy_data("COPY #{TABLE} (id) FROM STDIN") do
        c.put_copy_data("900001\n")
        raise ArgumentError, 'changed my mind' # ends as CopyFail
      end
    rescue ArgumentError
      same('0', c.exec("SELECT count(*) FROM #{TABLE} WHERE id = 900001").getvalue(0, 0))
    end
  end
end

def pipeline
  open do |c|
    c.enter_pipeline_mode
    100.times do |n|
      c.send_query_params("INSERT INTO #{TABLE} (id, note) VALUES ($1, 'pipe')", [10000 + n])
    end
    c.pipeline_sync
    c.send_query_params('SELECT 1/0', [])
    c.send_query_params('SELECT 1', [])
    c.pipeline_sync
    100.times { same(PG::PGRES_COMMAND_OK, next_result(c).result_status) }
    same(PG::PGRES_PIPELINE_SYNC, c.get_result.result_status)
    refused('22012') { next_result(c) }
    refused_by_abort(c)
    same(PG::PGRES_PIPELINE_SYNC, c.get_result.result_status)
    c.exit_pipeline_mode
    same('100', c.exec("SELECT count(*) FROM #{TABLE} WHERE note = 'pipe'").getvalue(0, 0))
  end
end

# A result and the nil behind it, which ends a command of a pipeline.
def next_result(connection)
  result = connection.get_result
  connection.get_result
  result.check
end

def refused_by_abort(connection)
  same(PG::PGRES_PIPELINE_ABORTED, connection.get_result.result_status)
  connection.get_result
end

def cancel
  open do |eye|
    open do |c|
      mark = "ruby #{TABLE}"
      c.send_query("SELECT pg_sleep(60), '#{mark}'")
      until eye.exec_params("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <>" \
                            " pg_backend_pid() AND query LIKE '%' || $1 || '%'", [mark]).ntuples == 1
      end
      same(nil, c.cancel)
      refused('57014') { c.get_last_result }
      same('1', c.exec('SELECT 1').getvalue(0, 0))
    end
  end
end

def timeout
  open do |c|
    refused('57014') do
      c.transaction do |t|
        t.exec("SET LOCAL statement_timeout = '50ms'")
        t.exec('SELECT pg_sleep(60)')
      end
    end
    same('0', c.exec('SHOW statement_timeout').getvalue(0, 0))
  end
end

def large
  open do |c|
    text = '0123456789abcdef' * (1 << 17) # 2 MiB
    same(true, c.exec_params('SELECT $1::text', [text]).getvalue(0, 0) == text)
    c.set_single_row_mode if c.send_query('SELECT generate_series(1, 5000)').nil?
    sum = 0
    c.get_result.stream_each_row { |(value)| sum += value.to_i }
    same(12502500, sum)
  end
end

def settings
  open do |c|
    open do |other|
      c.exec("SET application_name = 'mine'; SET TimeZone = 'Asia/Tokyo'")
      other.exec("SET application_name = 'theirs'")
      5.times do
        same('mine', c.exec('SHOW application_name').getvalue(0, 0))
        same('theirs', other.exec('SHOW application_name').getvalue(0, 0))
        same('Asia/Tokyo', c.exec('SHOW TimeZone').getvalue(0, 0))
      end
    end
  end
end

def parallel
  threads = (0...CLIENTS).map do |i|
    Thread.new do
      open do |c|
        c.prepare('same name', "SELECT $1::int + #{i}")
        8.times { |n| same((n * 100 + i).to_s, c.exec_prepared('same name', [n * 100]).getvalue(0, 0)) }
      end
    end
  end
  threads.each { |thread| thread.report_on_exception = false }
  threads.each(&:join)
end

$stdout.sync = true
good = true
%i[simple prepared types rollback error copy pipeline cancel timeout large settings
   parallel].each do |name|
  begin
    send(name)
    puts "ok #{name}"
  rescue StandardError => error
    good = false
    puts "failed #{name}: #{error.class}: #{error.message} #{error.backtrace[0, 3]}".tr("\n", '|')
  end
end
exit(good)
