/* settings_table.h - every setting of `horizon serve`, declared once.
 *
 * SETTINGS(SETTING) calls SETTING for each row:
 *
 * SETTING(kind, field, environment, default, least, most, help)
 *   kind TEXT (NULL = not set; least and most mean nothing) or NUMBER
 * The command line has the same names: HORIZON_POOL_SIZE is --pool-size, PORT is --port,
 * DATABASE_URL is --database. Help text, reading and checking derive from this table.
 */
#ifndef HORIZON_SERVE_SETTINGS_TABLE_H
#define HORIZON_SERVE_SETTINGS_TABLE_H

#define SETTINGS(SETTING)                                                                      \
    SETTING(TEXT, host, "HORIZON_HOST", "0.0.0.0", 0, 0, "address to listen on")               \
    SETTING(NUMBER, port, "PORT", "8080", 0, 65535,                                            \
            "port to listen on; 0 = one of the kernel's, told in the log")                     \
    SETTING(TEXT, database, "DATABASE_URL", NULL, 0, 0,                                        \
            "the database, postgres://user:password@host/dbname")                              \
    SETTING(TEXT, listen_database, "HORIZON_LISTEN_URL", NULL, 0, 0,                           \
            "where to LISTEN when DATABASE_URL is a transaction pooler; default DATABASE_URL") \
    SETTING(NUMBER, processes, "WEB_CONCURRENCY", "1", 1, 64,                                  \
            "processes that share port and connection budget")                                 \
    SETTING(NUMBER, pool_size, "HORIZON_POOL_SIZE", "20", 1, 1000,                             \
            "connections kept, all processes together")                                        \
    SETTING(NUMBER, max_overflow, "HORIZON_MAX_OVERFLOW", "10", 0, 1000,                       \
            "further connections on demand, all processes together")                           \
    SETTING(NUMBER, pool_recycle_s, "HORIZON_POOL_RECYCLE", "3600", 0, 604800,                 \
            "seconds after which a connection is replaced; 0 = never")                         \
    SETTING(NUMBER, pool_pre_ping, "HORIZON_POOL_PRE_PING", "1", 0, 1,                         \
            "look at a connection before it is used")                                          \
    SETTING(NUMBER, pool_wait_ms, "HORIZON_POOL_TIMEOUT_MS", "2000", 1, 600000,                \
            "milliseconds a request waits for a connection, then 503")                         \
    SETTING(NUMBER, query_ms, "HORIZON_QUERY_TIMEOUT_MS", "5000", 1, 600000,                   \
            "milliseconds a request's statements may take, then 504; twice this and the wait " \
            "for a connection: 28000 at most, since a router gives up after 30 s")             \
    SETTING(NUMBER, workers, "HORIZON_WORKERS", "256", 1, 2000,                                \
            "requests that wait for or use a connection at once; more stand in line")          \
    SETTING(NUMBER, line, "HORIZON_LINE", "1024", 0, 100000,                                   \
            "requests that may stand in line; more get 503 at once")                           \
    SETTING(NUMBER, user_share, "HORIZON_USER_SHARE", "50", 1, 100,                            \
            "percent of connections, of workers, and of places in line for one user; above "   \
            "the first two the user's requests wait for each other, then 503; above the "      \
            "places 503 at once")                                                              \
    SETTING(NUMBER, http_threads, "HORIZON_HTTP_THREADS", "1", 1, 64,                          \
            "threads that read requests and write answers; one is enough for thousands of "    \
            "pages a second")                                                                  \
    SETTING(NUMBER, connections, "HORIZON_CONNECTIONS", "12000", 10, 100000,                   \
            "clients connected at once")                                                       \
    SETTING(NUMBER, header_bytes, "HORIZON_HEADER_BYTES", "16384", 1024, 32768,                \
            "greatest size of a request's headers, then 431")                                  \
    SETTING(NUMBER, body_bytes, "HORIZON_BODY_BYTES", "65536", 1024, 1048576,                  \
            "greatest size of a request's body, then 413")                                     \
    SETTING(NUMBER, request_s, "HORIZON_REQUEST_TIMEOUT", "20", 1, 600,                        \
            "seconds a client may take to send one request, or to read one answer")            \
    SETTING(NUMBER, idle_s, "HORIZON_IDLE_TIMEOUT", "95", 1, 3600,                             \
            "seconds a connection may be idle between requests; above a router's 90")          \
    SETTING(NUMBER, drain_s, "HORIZON_DRAIN_TIMEOUT", "25", 1, 600,                            \
            "seconds to finish what runs after SIGTERM")                                       \
    SETTING(TEXT, handover, "HORIZON_HANDOVER", NULL, 0, 0,                                    \
            "path of a socket over which a new process takes the port of the old one")         \
    SETTING(TEXT, credentials, "HORIZON_CREDENTIALS", "./horizon.credentials", 0, 0,           \
            "file of Argon2id hashes, see `horizon user`")                                     \
    SETTING(NUMBER, logins, "HORIZON_LOGINS", "2", 1, 64,                                      \
            "password checks at once; each needs 19 MiB")                                      \
    SETTING(NUMBER, logins_waiting, "HORIZON_LOGINS_WAITING", "32", 0, 10000,                  \
            "logins that may wait for a check; more get 429")                                  \
    SETTING(TEXT, secret, "HORIZON_JWT_SECRET", NULL, 0, 0,                                    \
            "secret of 32 bytes and more that signs tokens (HS256); default: a random one, "   \
            "tokens end "                                                                      \
            "with the process")                                                                \
    SETTING(NUMBER, access_s, "HORIZON_ACCESS_TOKEN_TTL", "900", 1, 86400,                     \
            "seconds an access token lives")                                                   \
    SETTING(NUMBER, refresh_s, "HORIZON_REFRESH_TOKEN_TTL", "604800", 1, 31536000,             \
            "seconds a refresh token lives")                                                   \
    SETTING(TEXT, external_secret, "HORIZON_EXTERNAL_SECRET", NULL, 0, 0,                      \
            "secret of another issuer (HS256), whose tokens are believed instead of own ones") \
    SETTING(TEXT, jwks, "HORIZON_JWKS", NULL, 0, 0,                                            \
            "file or https URL of another issuer's public keys (ES256, RS256)")                \
    SETTING(TEXT, issuer, "HORIZON_JWT_ISSUER", NULL, 0, 0, "iss that tokens must have")       \
    SETTING(TEXT, audience, "HORIZON_JWT_AUDIENCE", NULL, 0, 0, "aud that tokens must have")   \
    SETTING(NUMBER, user_ttl_s, "HORIZON_USER_TTL", "60", 0, 3600,                             \
            "seconds a user is remembered without asking the database")                        \
    SETTING(NUMBER, users, "HORIZON_USERS_CACHED", "10000", 16, 1000000,                       \
            "users remembered at most")                                                        \
    SETTING(NUMBER, cache_bytes, "HORIZON_CACHE_BYTES", "67108864", 0, 1073741824,             \
            "memory for answers that did not change since they were made")                     \
    SETTING(NUMBER, summary_s, "HORIZON_LOG_SUMMARY", "60", 0, 86400,                          \
            "seconds between two lines that sum up pool and requests in the log; 0 = none")    \
    SETTING(TEXT, log_level, "HORIZON_LOG_LEVEL", "info", 0, 0, "error, warning, info or debug")

#endif
