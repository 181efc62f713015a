/* options.h - every setting of the configuration file, in tables.
 *
 * OPTION(name, type, default, min, max, when, doc)         one setting of [pgbouncer] (or [weir])
 *   name     as written in the file; also the field of struct config_options
 *   type     a row of OPTION_TYPES below; says how it is read, stored and shown
 *   default  as it would be written in the file; read by the same parser
 *   min,max  allowed range in the unit of the text (seconds, milliseconds, bytes); for texts the
 *            length in bytes; 0, 0 for booleans and choices
 *   when     RELOAD: a reload applies it; RESTART: only a new process does
 *   doc      sentences for the manual
 * ALIAS(alias, name)                  another name for a setting of the same section
 * REFUSED(name, harmless, advice)     known to PgBouncer or to pools, not served: refused with the
 *            advice, unless the value is `harmless` (PgBouncer's default or empty): that asks for
 *            nothing, so it is accepted; NULL = every value is refused
 * CHOICE(type, constant, text)        an allowed value of a choice type; the constant is
 *            CONFIG_<type>_<constant>
 * REFUSED_CHOICE(type, text, advice)  a value PgBouncer knows and weir does not serve
 * KEY(name, type, option, min, max, doc)   one key of a [databases] or [users] line; `option` is
 * the setting whose value applies where the key is not written, "" when there is none
 *
 * From here come struct config_options, the parser, SHOW CONFIG, what RELOAD reports, and
 * docs/reference/settings.md. To add a setting, add a row.
 */
#ifndef DEFS_OPTIONS_H
#define DEFS_OPTIONS_H

/* TYPE(type, field type in C, name in the manual) */
#define OPTION_TYPES(TYPE)                                     \
    TYPE(BOOL, bool, "boolean")                                \
    TYPE(COUNT, uint32_t, "number")                            \
    TYPE(LIMIT, uint32_t, "number, -1 for no limit")           \
    TYPE(BYTES, uint64_t, "bytes")                             \
    TYPE(SECONDS, base_time, "seconds, decimals allowed")      \
    TYPE(MILLISECONDS, base_time, "milliseconds")              \
    TYPE(TEXT, const char *, "text")                           \
    TYPE(SECRET, const char *, "secret text")                  \
    TYPE(PATH, const char *, "path")                           \
    TYPE(FILE, const char *, "path of a file that must exist") \
    TYPE(MODE, uint32_t, "file mode, octal")                   \
    TYPE(POOL_MODE, enum config_pool_mode, "choice")           \
    TYPE(AUTH_TYPE, enum config_auth_type, "choice")           \
    TYPE(TLS_MODE, enum config_tls_mode, "choice")             \
    TYPE(BALANCE, enum config_balance, "choice")               \
    TYPE(TARGET, enum config_target, "choice")                 \
    TYPE(PROTOCOL, enum config_protocol, "choice")             \
    TYPE(EVENT_BACKEND, enum config_event_backend, "choice")

#define POOL_MODE_CHOICES(CHOICE)                 \
    CHOICE(POOL_MODE, SESSION, "session")         \
    CHOICE(POOL_MODE, TRANSACTION, "transaction") \
    CHOICE(POOL_MODE, STATEMENT, "statement")

#define AUTH_TYPE_CHOICES(CHOICE)                     \
    CHOICE(AUTH_TYPE, ANY, "any")                     \
    CHOICE(AUTH_TYPE, TRUST, "trust")                 \
    CHOICE(AUTH_TYPE, PLAIN, "plain")                 \
    CHOICE(AUTH_TYPE, MD5, "md5")                     \
    CHOICE(AUTH_TYPE, SCRAM_SHA_256, "scram-sha-256") \
    CHOICE(AUTH_TYPE, CERT, "cert")                   \
    CHOICE(AUTH_TYPE, PEER, "peer")                   \
    CHOICE(AUTH_TYPE, PAM, "pam")                     \
    CHOICE(AUTH_TYPE, LDAP, "ldap")                   \
    CHOICE(AUTH_TYPE, HBA, "hba")

#define TLS_MODE_CHOICES(CHOICE)             \
    CHOICE(TLS_MODE, DISABLE, "disable")     \
    CHOICE(TLS_MODE, ALLOW, "allow")         \
    CHOICE(TLS_MODE, PREFER, "prefer")       \
    CHOICE(TLS_MODE, REQUIRE, "require")     \
    CHOICE(TLS_MODE, VERIFY_CA, "verify-ca") \
    CHOICE(TLS_MODE, VERIFY_FULL, "verify-full")

#define BALANCE_CHOICES(CHOICE)                 \
    CHOICE(BALANCE, ROUND_ROBIN, "round-robin") \
    CHOICE(BALANCE, DISABLE, "disable")

#define TARGET_CHOICES(CHOICE)               \
    CHOICE(TARGET, ANY, "any")               \
    CHOICE(TARGET, READ_WRITE, "read-write") \
    CHOICE(TARGET, READ_ONLY, "read-only")   \
    CHOICE(TARGET, PRIMARY, "primary")       \
    CHOICE(TARGET, STANDBY, "standby")

#define PROTOCOL_CHOICES(CHOICE) \
    CHOICE(PROTOCOL, 3_0, "3.0") \
    CHOICE(PROTOCOL, 3_2, "3.2") \
    CHOICE(PROTOCOL, LATEST, "latest")

#define EVENT_BACKEND_CHOICES(CHOICE)                       \
    CHOICE(EVENT_BACKEND, AUTO, "auto")                     \
    CHOICE(EVENT_BACKEND, EPOLL, "epoll")                   \
    CHOICE(EVENT_BACKEND, IO_URING_SENDS, "io_uring_sends") \
    CHOICE(EVENT_BACKEND, IO_URING, "io_uring")

#define OPTION_CHOICES(CHOICE) \
    POOL_MODE_CHOICES(CHOICE)  \
    AUTH_TYPE_CHOICES(CHOICE)  \
    TLS_MODE_CHOICES(CHOICE)   \
    BALANCE_CHOICES(CHOICE)    \
    TARGET_CHOICES(CHOICE)     \
    PROTOCOL_CHOICES(CHOICE)   \
    EVENT_BACKEND_CHOICES(CHOICE)

#define OPTION_REFUSED_CHOICES(REFUSED_CHOICE) \
    REFUSED_CHOICE(AUTH_TYPE, "crypt", "use scram-sha-256")

#define OPTION_SECONDS_MAX 315360000 /* ten years */
#define OPTION_POOL_MAX    100000    /* servers in one pool, database, user, upstream */
#define OPTION_PEER_MAX    16383     /* PgBouncer's */
#define OPTION_NAME_BYTES  63        /* a name in PostgreSQL (NAMEDATALEN - 1) */
#define OPTION_TEXT_BYTES  4096
#define OPTION_LIST_BYTES  65536

#define OPTION_TABLE(OPTION)                                                                       \
    OPTION(                                                                                        \
        listen_addr, TEXT, "", 0, OPTION_TEXT_BYTES, RESTART,                                      \
        "Addresses or host names to listen on for TCP, separated by commas; `*` is all. Empty: "   \
        "only the Unix socket.")                                                                   \
    OPTION(listen_port, COUNT, "6432", 0, 65535, RESTART,                                          \
           "Port for TCP and for the name of the Unix socket. 0 lets the kernel choose one.")      \
    OPTION(listen_backlog, COUNT, "128", 1, 65535, RESTART,                                        \
           "Connections the kernel keeps while they wait to be accepted.")                         \
    OPTION(                                                                                        \
        unix_socket_dir, PATH, "/tmp", 0, 90, RESTART,                                             \
        "Folder of the Unix socket, and where servers without `host` are looked for; `@name` is "  \
        "the abstract name space. Empty: no Unix socket.")                                         \
    OPTION(unix_socket_mode, MODE, "0777", 0, 0777, RESTART,                                       \
           "File mode of the Unix socket; setting it needs /proc.")                                \
    OPTION(unix_socket_group, TEXT, "", 0, OPTION_NAME_BYTES, RESTART,                             \
           "Group that the Unix socket is given to.")                                              \
    OPTION(                                                                                        \
        so_reuseport, BOOL, "0", 0, 0, RESTART,                                                    \
        "Several processes may listen on one port (SO_REUSEPORT); `peer_id` and `[peers]` take "   \
        "cancel requests to the one that they are meant for.")                                     \
    OPTION(                                                                                        \
        peer_id, COUNT, "0", 0, OPTION_PEER_MAX, RESTART,                                          \
        "Number of this process among the `[peers]`, written into the cancel keys that clients "   \
        "get: a cancel request that reaches another of them is handed to this one. 0: none.")      \
    OPTION(                                                                                        \
        event_backend, EVENT_BACKEND, "auto", 0, 0, RESTART,                                       \
        "How weir talks to the kernel: `io_uring` receives and sends for many connections in "     \
        "one system call, `io_uring_sends` sends so and receives by epoll; both need Linux 6.1 "   \
        "or later. `epoll` works everywhere. `auto` takes what costs least: `io_uring` where "     \
        "a system call is dear (half a microsecond, as in some virtual machines), else "           \
        "`io_uring_sends`, and `epoll` where the kernel has no io_uring or does not permit it. "   \
        "The log says which when weir starts. Not in PgBouncer.")                                  \
    OPTION(                                                                                        \
        batch_scheduling, BOOL, "1", 0, 0, RESTART,                                                \
        "Run under Linux's SCHED_BATCH while weir itself uses a fifth of a CPU or more and "       \
        "several messages come at a time: on a busy machine it then waits for its turn "           \
        "instead of interrupting the database's own processes for every message, and does "        \
        "more per wake-up. Otherwise, from Linux 6.12, ask for a slice an eighth longer than "     \
        "weir was given, so that whom weir wakes up on its own CPU runs at once. 0, or a policy "  \
        "other than SCHED_OTHER: leave all that as it is. Not in PgBouncer.")                      \
    OPTION(http_listen, TEXT, "", 0, 255, RESTART,                                                 \
           "Address and port of `/metrics`, `/healthz` and `/readyz`, for example "                \
           "`127.0.0.1:9127`. Empty: off. Not in PgBouncer.")                                      \
    OPTION(user, TEXT, "", 0, OPTION_NAME_BYTES, RESTART,                                          \
           "Unix user to become after the start; needs a start as root.")                          \
    OPTION(pidfile, PATH, "", 0, OPTION_TEXT_BYTES, RESTART, "File for the process id.")           \
    OPTION(logfile, PATH, "", 0, OPTION_TEXT_BYTES, RELOAD,                                        \
           "Log file, opened again on reload. Empty: standard error.")                             \
    OPTION(syslog, BOOL, "0", 0, 0, RELOAD, "Log to syslog too.")                                  \
    OPTION(syslog_ident, TEXT, "pgbouncer", 0, OPTION_NAME_BYTES, RELOAD,                          \
           "Name that syslog lines carry.")                                                        \
    OPTION(syslog_facility, TEXT, "daemon", 0, OPTION_NAME_BYTES, RELOAD,                          \
           "Facility of syslog lines: auth, authpriv, daemon, user, local0 to local7.")            \
    OPTION(job_name, TEXT, "pgbouncer", 0, OPTION_NAME_BYTES, RESTART,                             \
           "Accepted for PgBouncer's sake, without effect: it names a service on Windows.")        \
    OPTION(verbose, COUNT, "0", 0, 10, RELOAD,                                                     \
           "How much more is logged; `-v` adds one: 1 logs connections without a login and "       \
           "queries of the console, 2 every loan of a server.")                                    \
    OPTION(log_connections, BOOL, "1", 0, 0, RELOAD, "Log logins.")                                \
    OPTION(log_disconnections, BOOL, "1", 0, 0, RELOAD,                                            \
           "Log ends of connections with the reason.")                                             \
    OPTION(log_pooler_errors, BOOL, "1", 0, 0, RELOAD, "Log errors that weir sends to clients.")   \
    OPTION(log_stats, BOOL, "1", 0, 0, RELOAD, "Log a line of statistics every `stats_period`.")   \
    OPTION(stats_period, SECONDS, "60", 1, OPTION_SECONDS_MAX, RELOAD,                             \
           "Span over which the averages of SHOW commands are taken.")                             \
    OPTION(pool_mode, POOL_MODE, "session", 0, 0, RELOAD,                                          \
           "When a server goes back to the pool: when the client leaves (session), at the end of " \
           "each transaction, or of each statement (then transactions of several statements are "  \
           "refused).")                                                                            \
    OPTION(max_client_conn, COUNT, "10000", 1, 1000000, RESTART,                                   \
           "Clients at the same time. PgBouncer's default is 100; an idle client is cheap here. "  \
           "The console stays reachable above it. Mind the limit of open files (`ulimit -n`).")    \
    OPTION(default_pool_size, COUNT, "20", 1, OPTION_POOL_MAX, RELOAD,                             \
           "Servers per database and user.")                                                       \
    OPTION(min_pool_size, COUNT, "0", 0, OPTION_POOL_MAX, RELOAD,                                  \
           "Servers kept open without demand, once a pool was used, from the start on where the "  \
           "database has `user=`; at most the pool's size.")                                       \
    OPTION(max_overflow, LIMIT, "0", -1, OPTION_POOL_MAX, RELOAD,                                  \
           "Further servers opened at once on demand and closed when nobody waits; -1: no limit "  \
           "but that of the upstream. Not in PgBouncer.")                                          \
    OPTION(reserve_pool_size, COUNT, "0", 0, OPTION_POOL_MAX, RELOAD,                              \
           "Further servers once a client has waited `reserve_pool_timeout`.")                     \
    OPTION(reserve_pool_timeout, SECONDS, "5", 0, OPTION_SECONDS_MAX, RELOAD,                      \
           "How long a client waits before the reserve is used; 0 turns the reserve off.")         \
    OPTION(max_db_connections, COUNT, "0", 0, OPTION_POOL_MAX, RELOAD,                             \
           "Servers per database over all users; 0: no limit.")                                    \
    OPTION(max_user_connections, COUNT, "0", 0, OPTION_POOL_MAX, RELOAD,                           \
           "Servers per user (that they log in as) over all databases; 0: no limit.")              \
    OPTION(max_db_client_connections, COUNT, "0", 0, 1000000, RELOAD,                              \
           "Clients per database over all users; 0: no limit. Users of `admin_users` come in "     \
           "above it.")                                                                            \
    OPTION(max_user_client_connections, COUNT, "0", 0, 1000000, RELOAD,                            \
           "Clients per user over all databases; 0: no limit. Users of `admin_users` come in "     \
           "above it.")                                                                            \
    OPTION(max_upstream_connections, COUNT, "0", 0, OPTION_POOL_MAX, RELOAD,                       \
           "Servers over all pools of one upstream (host and port); 0: no limit but the ceiling "  \
           "that is learned. Not in PgBouncer.")                                                   \
    OPTION(max_connecting, COUNT, "4", 1, 1000, RELOAD,                                            \
           "Connects in flight at once per pool. Not in PgBouncer.")                               \
    OPTION(max_waiting_clients, COUNT, "0", 0, 1000000, RELOAD,                                    \
           "Clients that may wait for a server of one pool; one more is refused at once. 0: no "   \
           "limit. Not in PgBouncer.")                                                             \
    OPTION(query_wait_timeout, SECONDS, "120", 0, OPTION_SECONDS_MAX, RELOAD,                      \
           "How long a client waits for a server before it is told why and refused; 0: for ever.") \
    OPTION(query_wait_notify, SECONDS, "5", 0, OPTION_SECONDS_MAX, RELOAD,                         \
           "A client that waited this long gets a NOTICE that says where it stands; 0: none.")     \
    OPTION(query_timeout, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                             \
           "Clients whose statement runs, or waits for a server, for longer are disconnected, "    \
           "and the statement is cancelled; 0: off. Better a little above the server's "           \
           "`statement_timeout`.")                                                                 \
    OPTION(transaction_timeout, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                       \
           "Clients whose transaction lasts longer are disconnected; 0: off.")                     \
    OPTION(idle_transaction_timeout, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                  \
           "Clients idle in a transaction for longer are disconnected; 0: off.")                   \
    OPTION(client_idle_timeout, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                       \
           "Clients idle for longer are disconnected; 0: off.")                                    \
    OPTION(client_login_timeout, SECONDS, "60", 0, OPTION_SECONDS_MAX, RELOAD,                     \
           "Clients that have not logged in by then are disconnected; 0: off.")                    \
    OPTION(cancel_wait_timeout, SECONDS, "10", 0, OPTION_SECONDS_MAX, RELOAD,                      \
           "How long a cancel request waits for a connection to its upstream; 0: for ever.")       \
    OPTION(suspend_timeout, SECONDS, "10", 0, OPTION_SECONDS_MAX, RELOAD,                          \
           "How long SUSPEND waits for clients to read what they were sent; who has not by then "  \
           "is disconnected; 0: for ever.")                                                        \
    OPTION(server_lifetime, SECONDS, "3600", 0, OPTION_SECONDS_MAX, RELOAD,                        \
           "Age at which a server is replaced while it is idle, with 10 % jitter; 0: used once.")  \
    OPTION(server_idle_timeout, SECONDS, "600", 0, OPTION_SECONDS_MAX, RELOAD,                     \
           "Idle span after which a server above `min_pool_size` is closed; 0: never.")            \
    OPTION(autodb_idle_timeout, SECONDS, "3600", 0, OPTION_SECONDS_MAX, RELOAD,                    \
           "A database that `*` made, without a client and a server for so long, is forgotten "    \
           "with its statistics; 0: never.")                                                       \
    OPTION(pool_idle_timeout, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                         \
           "The same for a pool, that is database and user; 0: never. Not in PgBouncer 1.25.")     \
    OPTION(server_connect_timeout, SECONDS, "15", 0, OPTION_SECONDS_MAX, RELOAD,                   \
           "Limit for connect and login of a server; 0: none.")                                    \
    OPTION(                                                                                        \
        server_login_retry, SECONDS, "1", 0, OPTION_SECONDS_MAX, RELOAD,                           \
        "How long a refused server login (password, user, database) answers new clients without "  \
        "asking again. PgBouncer's default is 15; weir backs off by itself when an upstream is "   \
        "down or full, so this holds for refused logins only.")                                    \
    OPTION(server_check_delay, SECONDS, "30", 0, OPTION_SECONDS_MAX, RELOAD,                       \
           "A server idle for longer is checked before it is lent; 0: always.")                    \
    OPTION(server_check_query, TEXT, "<empty>", 0, OPTION_TEXT_BYTES, RELOAD,                      \
           "Statement of that check; `<empty>` is the empty statement. Empty: no check.")          \
    OPTION(server_reset_query, TEXT, "DISCARD ALL", 0, OPTION_TEXT_BYTES, RELOAD,                  \
           "Statement that cleans a server's session before another client gets it, in session "   \
           "mode. Empty: none.")                                                                   \
    OPTION(server_reset_query_always, BOOL, "0", 0, 0, RELOAD,                                     \
           "Run `server_reset_query` in every pool mode.")                                         \
    OPTION(server_round_robin, BOOL, "0", 0, 0, RELOAD,                                            \
           "Lend the server that idled longest instead of the one used last.")                     \
    OPTION(server_fast_close, BOOL, "0", 0, 0, RELOAD,                                             \
           "After RECONNECT or changed connection settings, close a server in session mode, and "  \
           "its client, at the end of the transaction, not of the session.")                       \
    OPTION(max_prepared_statements, COUNT, "200", 0, 100000, RELOAD,                               \
           "Prepared statements followed per server in transaction and statement mode; 0: off.")   \
    OPTION(max_packet_size, BYTES, "2147483647", 1024, 4294967295, RELOAD,                         \
           "Longest message let through.")                                                         \
    OPTION(disable_pqexec, BOOL, "0", 0, 0, RELOAD,                                                \
           "Refuse the simple query protocol, which allows several statements in one message.")    \
    OPTION(ignore_startup_parameters, TEXT, "", 0, OPTION_TEXT_BYTES, RELOAD,                      \
           "Start-up parameters of clients that are accepted and dropped, separated by commas.")   \
    OPTION(track_extra_parameters, TEXT, "IntervalStyle", 0, OPTION_TEXT_BYTES, RESTART,           \
           "Further reported parameters that follow a client from server to server, separated by " \
           "commas, in any case. What PostgreSQL does not report (search_path before 18) follows " \
           "as a client asked for it at its start, whether it is named here or not.")              \
    OPTION(application_name_add_host, BOOL, "0", 0, 0, RELOAD,                                     \
           "Append the client's address and port to its `application_name` at login.")             \
    OPTION(                                                                                        \
        auth_type, AUTH_TYPE, "md5", 0, 0, RELOAD,                                                 \
        "How clients log in: `any` (no check, any name; every database then needs `user=`), "      \
        "`trust` (no check, the user must be in `auth_file`), `plain` (the password in clear), "   \
        "`md5` (SCRAM where the secret is a SCRAM one), `scram-sha-256`, `cert` (the name in the " \
        "client's certificate), `peer` (the Unix user at the other end of a Unix socket), `pam` "  \
        "and `ldap` (the password is asked for in clear and checked by PAM, service `pgbouncer`, " \
        "or by the server of `auth_ldap_options`; the user need not be in `auth_file`, and weir "  \
        "logs in to PostgreSQL with that password), `hba` (what `auth_hba_file` says for this "    \
        "connection).")                                                                            \
    OPTION(                                                                                        \
        auth_hba_file, PATH, "", 0, OPTION_TEXT_BYTES, RELOAD,                                     \
        "With `auth_type = hba`: who may come in how, in the format of PostgreSQL's pg_hba.conf. " \
        "Served: local, host, hostssl, hostnossl; all, sameuser, replication, names, /regular "    \
        "expressions (PCRE2), @file; networks, all, samehost, samenet; trust, reject, password, "  \
        "md5, "                                                                                    \
        "scram-sha-256, cert, peer, pam, ldap; map=, clientcert=, clientname=, pamservice=, the "  \
        "options of ldap; include. A line with +role, samerole, samegroup, a host name or gss, "   \
        "sspi, "                                                                                   \
        "radius, bsd lets nobody in, with advice: whom it fits is refused, and whom it may fit "   \
        "unless a later line asks for as much (PgBouncer leaves out all it cannot read, and a "    \
        "later line decides, however little that asks). Where it says reject the file is "         \
        "refused.")                                                                                \
    OPTION(                                                                                        \
        auth_ident_file, PATH, "", 0, OPTION_TEXT_BYTES, RELOAD,                                   \
        "Maps that `map=` in `auth_hba_file` names, in the format of PostgreSQL's pg_ident.conf: " \
        "which system user or certificate may log in as which database user. `\\1` is what the "   \
        "first parentheses match in PostgreSQL; where the expression leaves it open "              \
        "(alternatives, `*?`, repeated parentheses) the map ends and nobody comes in.")            \
    OPTION(auth_ldap_options, SECRET, "", 0, OPTION_TEXT_BYTES, RELOAD,                            \
           "With `auth_type = ldap`: the server and how users are found, as on a line of "         \
           "`auth_hba_file`: `ldapurl=\"ldap://host/dc=example,dc=net?uid?sub\"`, or ldapserver, " \
           "ldapport, ldapscheme, ldaptls with ldapprefix and ldapsuffix, or with ldapbasedn, "    \
           "ldapbinddn, ldapbindpasswd, ldapsearchattribute, ldapsearchfilter.")                   \
    OPTION(auth_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD,                                      \
           "File of users and secrets, lines of `\"user\" \"secret\"`.")                           \
    OPTION(                                                                                        \
        auth_user, TEXT, "", 0, OPTION_NAME_BYTES, RELOAD,                                         \
        "User that `auth_query` runs as, for users that are not in `auth_file`. Its own secret "   \
        "is in `auth_file`. Empty: only users in `auth_file` log in.")                             \
    OPTION(                                                                                        \
        auth_query, TEXT,                                                                          \
        "SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END FROM "     \
        "pg_authid WHERE rolname=$1 AND rolcanlogin",                                              \
        0, OPTION_TEXT_BYTES, RELOAD,                                                              \
        "Query for a user's secret, run at each of its logins in the database it asks for. `$1` "  \
        "is the user's name; the row has that name and the secret. No row, or NULL as the name: "  \
        "no such user; NULL as the secret: no password fits. It runs in sessions that no client "  \
        "gets. A SECURITY DEFINER function with its own search_path spares the `auth_user` the "   \
        "rights of a superuser.")                                                                  \
    OPTION(auth_dbname, TEXT, "", 0, OPTION_NAME_BYTES, RELOAD,                                    \
           "Database of [databases] that `auth_query` runs in. Empty: the one the client asks "    \
           "for; for the console, none.")                                                          \
    OPTION(                                                                                        \
        scram_iterations, COUNT, "4096", 1, 1000000, RELOAD,                                       \
        "Iterations of the SCRAM secrets that weir makes from passwords in plain text. Secrets "   \
        "of PostgreSQL's carry their own number.")                                                 \
    OPTION(admin_users, TEXT, "", 0, OPTION_LIST_BYTES, RELOAD,                                    \
           "Users that may do everything on the console, separated by commas.")                    \
    OPTION(stats_users, TEXT, "", 0, OPTION_LIST_BYTES, RELOAD,                                    \
           "Users that may run SHOW commands on the console, separated by commas.")                \
    OPTION(                                                                                        \
        client_tls_sslmode, TLS_MODE, "disable", 0, 0, RELOAD,                                     \
        "TLS with clients: disable; allow and prefer (when the client asks); require; verify-ca "  \
        "and verify-full (and a client certificate that `client_tls_ca_file` signed). With "       \
        "`client_tls_ca_file` the other modes take a certificate too, and check one that comes.")  \
    OPTION(client_tls_key_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD, "Key shown to clients.")   \
    OPTION(client_tls_cert_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD,                           \
           "Certificate shown to clients.")                                                        \
    OPTION(client_tls_ca_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD,                             \
           "Authorities that sign client certificates.")                                           \
    OPTION(client_tls_protocols, TEXT, "secure", 0, 255, RELOAD,                                   \
           "Protocols allowed with clients: `secure` (1.2 and 1.3), `all`, or a list such as "     \
           "`tlsv1.2,tlsv1.3`.")                                                                   \
    OPTION(client_tls_ciphers, TEXT, "default", 0, OPTION_TEXT_BYTES, RELOAD,                      \
           "Ciphers up to TLS 1.2, in OpenSSL's words; `default`, `secure` and `fast` are "        \
           "OpenSSL's own choice.")                                                                \
    OPTION(client_tls13_ciphers, TEXT, "", 0, OPTION_TEXT_BYTES, RELOAD,                           \
           "Cipher suites of TLS 1.3. Empty: OpenSSL's own choice.")                               \
    OPTION(client_tls_ecdhcurve, TEXT, "auto", 0, 255, RELOAD,                                     \
           "Curve for the key exchange with clients, or `auto`.")                                  \
    OPTION(                                                                                        \
        client_tls_dheparams, TEXT, "auto", 0, 255, RELOAD,                                        \
        "Key exchange without curves, up to TLS 1.2: `auto` (as strong as the certificate's "      \
        "key), `none`, `legacy` (1024 bits, or the least that OpenSSL's security level allows).")  \
    OPTION(                                                                                        \
        server_tls_sslmode, TLS_MODE, "prefer", 0, 0, RELOAD,                                      \
        "TLS with servers: disable; allow and prefer (when the server can); require; verify-ca "   \
        "(a certificate that `server_tls_ca_file` signed); verify-full (and for that host).")      \
    OPTION(server_tls_key_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD, "Key shown to servers.")   \
    OPTION(server_tls_cert_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD,                           \
           "Certificate shown to servers.")                                                        \
    OPTION(server_tls_ca_file, FILE, "", 0, OPTION_TEXT_BYTES, RELOAD,                             \
           "Authorities that sign server certificates.")                                           \
    OPTION(server_tls_protocols, TEXT, "secure", 0, 255, RELOAD,                                   \
           "Protocols allowed with servers; as `client_tls_protocols`.")                           \
    OPTION(server_tls_ciphers, TEXT, "default", 0, OPTION_TEXT_BYTES, RELOAD,                      \
           "Ciphers up to TLS 1.2 with servers; as `client_tls_ciphers`.")                         \
    OPTION(server_tls13_ciphers, TEXT, "", 0, OPTION_TEXT_BYTES, RELOAD,                           \
           "Cipher suites of TLS 1.3 with servers.")                                               \
    OPTION(server_tls_ecdhcurve, TEXT, "auto", 0, 255, RELOAD,                                     \
           "Curve for the key exchange with servers, or `auto`. Not in PgBouncer.")                \
    OPTION(tcp_keepalive, BOOL, "1", 0, 0, RELOAD, "TCP keepalive on every connection.")           \
    OPTION(tcp_keepidle, COUNT, "0", 0, 32767, RELOAD,                                             \
           "Seconds of silence before the first probe; 0: the kernel's value.")                    \
    OPTION(tcp_keepintvl, COUNT, "0", 0, 32767, RELOAD,                                            \
           "Seconds between probes; 0: the kernel's value.")                                       \
    OPTION(tcp_keepcnt, COUNT, "0", 0, 127, RELOAD,                                                \
           "Probes without answer that end a connection; 0: the kernel's value.")                  \
    OPTION(tcp_user_timeout, MILLISECONDS, "0", 0, 2147483647, RELOAD,                             \
           "How long sent data may stay unacknowledged; 0: the kernel's value.")                   \
    OPTION(tcp_socket_buffer, BYTES, "0", 0, 1073741824, RELOAD,                                   \
           "Size of the kernel's buffers per connection; 0: the kernel's value.")                  \
    OPTION(tcp_defer_accept, BOOL, "1", 0, 0, RESTART,                                             \
           "Accept a connection only once it sends, or after 45 s (TCP_DEFER_ACCEPT).")            \
    OPTION(dns_max_ttl, SECONDS, "15", 0, OPTION_SECONDS_MAX, RELOAD,                              \
           "How long an address is remembered.")                                                   \
    OPTION(dns_nxdomain_ttl, SECONDS, "15", 0, OPTION_SECONDS_MAX, RELOAD,                         \
           "How long it is remembered that a name has no address.")                                \
    OPTION(dns_zone_check_period, SECONDS, "0", 0, OPTION_SECONDS_MAX, RELOAD,                     \
           "How often the serial number of each zone (what follows the first dot of a host name) " \
           "is asked for; when it has changed, the names in it are looked up again, and servers "  \
           "whose host has moved are replaced. 0: names are looked up after `dns_max_ttl` only.")  \
    OPTION(resolv_conf, FILE, "", 0, OPTION_TEXT_BYTES, RESTART,                                   \
           "File of name servers in place of `/etc/resolv.conf`; a port may follow an address: "   \
           "`nameserver 127.0.0.1:5353`.")                                                         \
    OPTION(conffile, PATH, "", 0, OPTION_TEXT_BYTES, RELOAD,                                       \
           "The configuration file that the next RELOAD reads; empty: this one.")                  \
    OPTION(pkt_buf, BYTES, "4096", 1, 1073741824, RELOAD,                                          \
           "Accepted for PgBouncer's sake, without effect: weir sizes its buffers itself, and an " \
           "idle connection owns none.")                                                           \
    OPTION(                                                                                        \
        sbuf_loopcnt, COUNT, "5", 0, 1000000, RELOAD,                                              \
        "Accepted for PgBouncer's sake, without effect: every connection gets its turn after a "   \
        "fixed number of bytes.")

#define OPTION_ALIASES(ALIAS)                \
    ALIAS(pool_size, default_pool_size)      \
    ALIAS(pool_timeout, query_wait_timeout)  \
    ALIAS(pool_recycle, server_lifetime)     \
    ALIAS(idle_timeout, server_idle_timeout) \
    ALIAS(max_waiting, max_waiting_clients)  \
    ALIAS(reserve_pool, reserve_pool_size)   \
    ALIAS(service_name, job_name)            \
    ALIAS(client_tls_ecdhecurve, client_tls_ecdhcurve)

#define OPTION_REFUSED(REFUSED)                                                     \
    REFUSED(load_balance_hosts, "round-robin", "write it on a line of [databases]") \
    REFUSED(use_lifo, "1", "use server_round_robin")                                \
    REFUSED(pool_pre_ping, NULL, "use server_check_delay and server_check_query")   \
    REFUSED(reset_on_return, NULL, "use server_reset_query")

/* Keys of a line in [databases]. A key with an option takes the option's value where it is absent.
 * `host` is a list separated by commas; the entry's field is hosts and host_count. */
#define DATABASE_KEYS(KEY)                                                                         \
    KEY(host, TEXT, "", 0, OPTION_TEXT_BYTES,                                                      \
        "Host names or addresses, separated by commas and used in turn; `/folder` or `@name` is "  \
        "a "                                                                                       \
        "Unix socket. Absent: the Unix socket in `unix_socket_dir`.")                              \
    KEY(load_balance_hosts, BALANCE, "", 0, 0,                                                     \
        "Of several hosts: `round-robin`, each new server goes to the next one; `disable`, all "   \
        "go "                                                                                      \
        "to the same one until a connect or login fails, then to the next.")                       \
    KEY(target_session_attrs, TARGET, "", 0, 0,                                                    \
        "Which servers are taken, by what PostgreSQL 14 and later report at login: `any`; "        \
        "`read-write`; `read-only`; `primary`; `standby`. Others count as failed connects. Not "   \
        "in "                                                                                      \
        "PgBouncer 1.25.")                                                                         \
    KEY(max_protocol_version, PROTOCOL, "", 0, 0,                                                  \
        "The newest protocol asked for at servers: `3.0`; `3.2` (also `latest`), whose cancel "    \
        "keys "                                                                                    \
        "are longer; a server that is older says so and 3.0 is spoken. Not in PgBouncer.")         \
    KEY(port, COUNT, "", 1, 65535, "Port of the server; 5432 when absent.")                        \
    KEY(dbname, TEXT, "", 1, OPTION_NAME_BYTES,                                                    \
        "Database on the server. Absent: the name the client asked for.")                          \
    KEY(user, TEXT, "", 1, OPTION_NAME_BYTES,                                                      \
        "User of all servers of this database, which then has one pool for all clients. Absent: "  \
        "the client's own user.")                                                                  \
    KEY(password, SECRET, "", 0, OPTION_TEXT_BYTES,                                                \
        "Password of that user. Absent: the secret in `auth_file`.")                               \
    KEY(pool_size, COUNT, "default_pool_size", 1, OPTION_POOL_MAX, "Servers per user.")            \
    KEY(min_pool_size, COUNT, "min_pool_size", 0, OPTION_POOL_MAX, "Servers kept without demand.") \
    KEY(max_overflow, LIMIT, "max_overflow", -1, OPTION_POOL_MAX, "Further servers on demand.")    \
    KEY(reserve_pool_size, COUNT, "reserve_pool_size", 0, OPTION_POOL_MAX,                         \
        "Further servers after a wait.")                                                           \
    KEY(max_db_connections, COUNT, "max_db_connections", 0, OPTION_POOL_MAX,                       \
        "Servers over all users; 0: no limit.")                                                    \
    KEY(max_db_client_connections, COUNT, "max_db_client_connections", 0, 1000000,                 \
        "Clients over all users; 0: no limit.")                                                    \
    KEY(pool_mode, POOL_MODE, "pool_mode", 0, 0, "Pool mode of this database.")                    \
    KEY(server_lifetime, SECONDS, "server_lifetime", 0, OPTION_SECONDS_MAX, "Age of replacement.") \
    KEY(query_wait_timeout, SECONDS, "query_wait_timeout", 0, OPTION_SECONDS_MAX,                  \
        "How long a client waits for a server.")                                                   \
    KEY(connect_query, TEXT, "", 0, OPTION_TEXT_BYTES,                                             \
        "Statement run on every new server before it is used; a failure is logged. It must "       \
        "leave no transaction open.")                                                              \
    KEY(auth_user, TEXT, "auth_user", 0, OPTION_NAME_BYTES,                                        \
        "User that `auth_query` runs as, for clients of this database.")                           \
    KEY(auth_query, TEXT, "auth_query", 0, OPTION_TEXT_BYTES,                                      \
        "Query for the secret of a user that is not in `auth_file`.")                              \
    KEY(auth_dbname, TEXT, "auth_dbname", 0, OPTION_NAME_BYTES,                                    \
        "Database of [databases] that `auth_query` runs in. Absent: this one.")                    \
    KEY(client_encoding, TEXT, "", 0, OPTION_NAME_BYTES, "Set on every server at login.")          \
    KEY(datestyle, TEXT, "", 0, OPTION_NAME_BYTES, "Set on every server at login.")                \
    KEY(timezone, TEXT, "", 0, OPTION_NAME_BYTES, "Set on every server at login.")                 \
    KEY(application_name, TEXT, "", 0, OPTION_NAME_BYTES, "Set on every server at login.")

#define DATABASE_ALIASES(ALIAS)             \
    ALIAS(reserve_pool, reserve_pool_size)  \
    ALIAS(pool_timeout, query_wait_timeout) \
    ALIAS(pool_recycle, server_lifetime)

#define DATABASE_REFUSED(REFUSED)

/* Keys of a line in [users]. A written key goes before the database's. */
#define USER_KEYS(KEY)                                                                           \
    KEY(pool_size, COUNT, "default_pool_size", 1, OPTION_POOL_MAX, "Servers per database.")      \
    KEY(reserve_pool_size, COUNT, "reserve_pool_size", 0, OPTION_POOL_MAX,                       \
        "Further servers after a wait.")                                                         \
    KEY(pool_mode, POOL_MODE, "pool_mode", 0, 0, "Pool mode of this user.")                      \
    KEY(max_user_connections, COUNT, "max_user_connections", 0, OPTION_POOL_MAX,                 \
        "Servers over all databases; 0: no limit.")                                              \
    KEY(max_user_client_connections, COUNT, "max_user_client_connections", 0, 1000000,           \
        "Clients over all databases; 0: no limit.")                                              \
    KEY(query_timeout, SECONDS, "query_timeout", 0, OPTION_SECONDS_MAX, "Limit of a statement.") \
    KEY(query_wait_timeout, SECONDS, "query_wait_timeout", 0, OPTION_SECONDS_MAX,                \
        "How long a client waits for a server.")                                                 \
    KEY(transaction_timeout, SECONDS, "transaction_timeout", 0, OPTION_SECONDS_MAX,              \
        "Limit of a transaction.")                                                               \
    KEY(idle_transaction_timeout, SECONDS, "idle_transaction_timeout", 0, OPTION_SECONDS_MAX,    \
        "Limit of idling in a transaction.")                                                     \
    KEY(client_idle_timeout, SECONDS, "client_idle_timeout", 0, OPTION_SECONDS_MAX,              \
        "Limit of a client's idling.")

/* Keys of a line in [peers], whose name is the peer_id of the process that it leads to. */
#define PEER_KEYS(KEY)                                                            \
    KEY(host, TEXT, "", 1, OPTION_TEXT_BYTES,                                     \
        "Host name or address; `/folder` or `@name` is a Unix socket.")           \
    KEY(port, COUNT, "", 1, 65535, "Port; 6432 when absent.")                     \
    KEY(pool_size, COUNT, "default_pool_size", 1, OPTION_POOL_MAX,                \
        "Cancel requests on their way to it at once; further ones wait, at most " \
        "`cancel_wait_timeout`.")

#define PEER_ALIASES(ALIAS)
#define PEER_REFUSED(REFUSED)

#define USER_ALIASES(ALIAS)                \
    ALIAS(reserve_pool, reserve_pool_size) \
    ALIAS(pool_timeout, query_wait_timeout)

#define USER_REFUSED(REFUSED)

#endif
