/* postgres.c - initdb, postgres, and their end. The server dies with the program, whatever ends it.
 */
#include "postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIN        "/usr/lib/postgresql/15/bin/"
#define TRIES_MAX  3000
#define TRY_MS     10
#define PATH_BYTES 256

static char folder[PATH_BYTES], data[PATH_BYTES + 8], log_path[PATH_BYTES + 8];
static pid_t server, owner;

static void die(const char *what)
{
    fprintf(stderr, "private PostgreSQL in %s: %s: %s\n", folder, what, strerror(errno));
    exit(2);
}

/* In a child: what PostgreSQL wants to run as, silent, ended with its parent. */
static void become_postgres(int dies_with_parent)
{
    struct passwd *entry = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (entry != NULL &&
        (setgroups(0, NULL) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0))
        _exit(126);
    if (dies_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(log, 1);
    dup2(log, 2);
    if (chdir(folder) != 0)
        _exit(126);
}

static void init(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/weir-lib-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
        die("mkdtemp");
    struct passwd *entry = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (entry != NULL && chown(folder, entry->pw_uid, entry->pw_gid) != 0)
        die("chown");
    snprintf(data, sizeof(data), "%s/data", folder);
    snprintf(log_path, sizeof(log_path), "%s/log", folder);
    pid_t child = fork();
    if (child == 0) {
        become_postgres(0);
        execl(BIN "initdb", "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
              "-E", "UTF8", "--locale=C", (char *)NULL);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        die("initdb");
}

static int is_up(void)
{
    char conninfo[PATH_BYTES * 2];
    snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", folder);
    PGconn *conn = PQconnectdb(conninfo);
    int is_ok = PQstatus(conn) == CONNECTION_OK;
    PQfinish(conn);
    return is_ok;
}

void postgres_start(void)
{
    if (server != 0)
        return;
    server = fork();
    if (server == 0) {
        become_postgres(1);
        execl(BIN "postgres", "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c",
              "fsync=off", "-c", "max_connections=40", "-c", "shared_buffers=16MB", "-c",
              "autovacuum=off", "-c", "log_connections=on", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < TRIES_MAX; i++) {
        if (is_up())
            return;
        if (waitpid(server, NULL, WNOHANG) == server)
            break;
        poll(NULL, 0, TRY_MS);
    }
    die("it does not answer");
}

void postgres_stop(void)
{
    if (server == 0)
        return;
    kill(server, SIGQUIT);
    waitpid(server, NULL, 0);
    server = 0;
}

void postgres_demote(void)
{
    char path[PATH_BYTES + 32];
    postgres_stop();
    snprintf(path, sizeof(path), "%s/standby.signal", data);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || close(fd) != 0)
        die("standby.signal");
    postgres_start();
}

void postgres_promote(void)
{
    if (postgres_number("SELECT pg_promote()::int") != 1)
        die("pg_promote");
}

static void done(void)
{
    if (getpid() != owner)
        return; /* a child that a test has forked */
    postgres_stop();
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/rm", "rm", "-rf", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

const char *postgres_conninfo_of(const char *role)
{
    static char conninfo[4][PATH_BYTES * 2];
    static int next;
    if (owner == 0) {
        owner = getpid();
        init();
        atexit(done);
    }
    postgres_start();
    char *text = conninfo[next++ % 4];
    snprintf(text, sizeof(conninfo[0]), "host=%s user=%s dbname=postgres", folder, role);
    return text;
}

const char *postgres_conninfo(void)
{
    return postgres_conninfo_of("postgres");
}

static PGresult *run(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", text, PQerrorMessage(conn));
        exit(2);
    }
    return result;
}

void postgres_sql(const char *text)
{
    PGconn *conn = PQconnectdb(postgres_conninfo());
    PQsetNoticeProcessor(conn, (PQnoticeProcessor)NULL, NULL);
    PQclear(run(conn, text));
    PQfinish(conn);
}

long postgres_number(const char *text)
{
    PGconn *conn = PQconnectdb(postgres_conninfo());
    PGresult *result = run(conn, text);
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(conn);
    return number;
}
