/* status.h - every status a function can return, in one table.
 *
 * STATUS(name, number, sqlstate, class, text, hint)
 *   name      BASE_E... in code and the label in metrics; BASE_OK is 0 and not in the table
 *   number    negative, never reused
 *   sqlstate  what a client is told (PostgreSQL, appendix A)
 *   class     whose move it is: CALLER (the caller's fault), AGAIN (try again), WAIT (wait, then
 * try), GIVE_UP (trying again does not help), BUG (ours) text      the fact, in the manner of
 * PostgreSQL's error style guide: no capital, no full stop hint      what to do; "" when there is
 * nothing to do From this list come the enum (base/status.h), ErrorResponse, the reference and the
 * metric label.
 */
#define STATUS_TABLE(STATUS)                                                                     \
    STATUS(EINVALID, -1, "22023", CALLER, "invalid argument", "")                                \
    STATUS(ESTALE, -2, "XX000", CALLER, "the object named is gone", "")                          \
    STATUS(ESTATE, -3, "XX000", CALLER, "not possible in this state", "")                        \
    STATUS(ENOMEM, -4, "53200", WAIT, "out of memory",                                           \
           "Lower max_client_conn or give the host more memory.")                                \
    STATUS(ECAPACITY, -5, "53400", WAIT, "a configured capacity is exhausted", "")               \
    STATUS(EMORE, -6, "XX000", AGAIN, "more bytes are needed", "")                               \
    STATUS(EPROTOCOL, -7, "08P01", CALLER, "protocol violation",                                 \
           "Check that the peer speaks PostgreSQL protocol 3.")                                  \
    STATUS(ETOOBIG, -8, "08P01", CALLER, "message is longer than allowed",                       \
           "Raise max_packet_size if such messages are expected.")                               \
    STATUS(EFULL, -9, "53300", WAIT, "too many connections",                                     \
           "Close idle clients or raise max_client_conn.")                                       \
    STATUS(EQUEUEFULL, -10, "53300", WAIT, "too many clients are waiting for a server",          \
           "Try again after a moment; raise max_waiting_clients or pool_size if this lasts.")    \
    STATUS(ETIMEDOUT, -11, "53300", WAIT, "query_wait_timeout",                                  \
           "Find what holds the servers (SHOW SERVERS, SHOW CLIENTS), shorten transactions, or " \
           "raise pool_size up to what the upstream grants.")                                    \
    STATUS(EUPSTREAMFULL, -12, "53300", WAIT, "the upstream accepts no more connections",        \
           "Free connections on the upstream or raise its limit.")                               \
    STATUS(EUPSTREAMDOWN, -13, "08001", WAIT, "the upstream cannot be reached",                  \
           "Check that PostgreSQL runs and that host and port are right.")                       \
    STATUS(EUPSTREAMSTARTING, -14, "57P03", WAIT, "the upstream is starting up",                 \
           "Wait until PostgreSQL accepts connections.")                                         \
    STATUS(EUPSTREAMAUTH, -15, "28000", GIVE_UP, "the upstream refused the login",               \
           "Check user, password and database in the [databases] line or auth_file.")            \
    STATUS(ECONNECTTIMEOUT, -16, "08001", WAIT, "the upstream did not answer in time",           \
           "Check the network and server_connect_timeout.")                                      \
    STATUS(EBROKEN, -17, "08006", AGAIN, "the connection broke", "")                             \
    STATUS(EEOF, -18, "08006", AGAIN, "the peer closed the connection", "")                      \
    STATUS(EPAUSED, -19, "57P03", WAIT, "the pool is paused",                                    \
           "RESUME on the console lets it go on.")                                               \
    STATUS(ECLOSED, -20, "57P01", WAIT, "the pool is closed", "Reconnect.")                      \
    STATUS(EAUTH, -21, "28P01", CALLER, "password authentication failed",                        \
           "Check user and password.")                                                           \
    STATUS(ETLS, -22, "08P01", CALLER, "TLS failed",                                             \
           "Check certificates and TLS settings on both sides.")                                 \
    STATUS(ERESOLVE, -23, "08001", WAIT, "the host name cannot be resolved",                     \
           "Check the host name and the name server.")                                           \
    STATUS(ECONFIG, -24, "F0000", CALLER, "the configuration is wrong",                          \
           "Run weir serve --check FILE.")                                                       \
    STATUS(ESYSTEM, -25, "58000", WAIT, "a system call failed", "")                              \
    STATUS(EINUSE, -26, "58000", CALLER, "the address is in use",                                \
           "Stop the program that uses it or choose another listen_port.")                       \
    STATUS(EUNSUPPORTED, -27, "0A000", CALLER, "not supported", "")                              \
    STATUS(ESHUTDOWN, -28, "57P01", WAIT, "weir is shutting down", "Reconnect.")                 \
    STATUS(ENOTLENT, -29, "08003", CALLER, "this pool has not lent that connection",             \
           "Give each connection back once, to the pool it was taken from.")                     \
    STATUS(EDEADLOCK, -30, "40P01", AGAIN,                                                       \
           "every connection is held by callers that wait for one",                              \
           "Take one connection at a time, or all at once.")                                     \
    STATUS(EHOOK, -31, "38000", CALLER, "a hook refused the connection", "")                     \
    STATUS(EAGAIN, -32, "53300", AGAIN, "nothing is free this moment", "Try again after a moment.")
