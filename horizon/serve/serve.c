/* serve.c - see serve.h: what is common to all processes, before there are several. */
#include "serve/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/rand.h>

#include "serve/log.h"
#include "serve/listen_socket.h"
#include "serve/master.h"
#include "serve/process.h"

#define SECRET_RANDOM_BYTES 32
#define FILES_BESIDE        512 /* descriptors for all else than clients */

/* A secret that ends with the process, when none is set. */
static bool make_secret(struct settings *settings)
{
    static char secret[2 * SECRET_RANDOM_BYTES + 1];
    unsigned char random[SECRET_RANDOM_BYTES];
    if (settings->secret) {
        return true;
    }
    if (RAND_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(secret + 2 * i, 3, "%02x", random[i]);
    }
    settings->secret = secret;
    if (!settings->jwks && !settings->external_secret) {
        log_write(LOG_LEVEL_WARNING, "HORIZON_JWT_SECRET is not set: tokens are signed with a "
                                     "random secret and end with this process");
    }
    return true;
}

static void raise_files(const struct settings *settings)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)settings->connections + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        log_write(LOG_LEVEL_WARNING,
                  "%ld clients may connect, but only %llu files may be open; raise `ulimit -n`",
                  settings->connections, (unsigned long long)limit.rlim_cur);
    }
}

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int serve_run(struct settings *settings)
{
    enum log_level level;
    struct listen_socket listen_socket;
    if (!log_level_parse(settings->log_level, &level)) {
        log_write(LOG_LEVEL_ERROR, "HORIZON_LOG_LEVEL has to be error, warning, info or debug");
        return EXIT_FAILURE;
    }
    log_set_level(level);
    if (!settings->database) {
        log_write(LOG_LEVEL_ERROR, "DATABASE_URL is not set: it names the database, "
                                   "postgres://user:password@host/dbname");
        return EXIT_FAILURE;
    }
    setenv("PGAPPNAME", "horizon", 0); /* by which processes know each other's connections */
    block_signals();
    raise_files(settings);
    if (!make_secret(settings) || !listen_socket_get(settings, &listen_socket)) {
        return EXIT_FAILURE;
    }
    int code = settings->processes > 1 ? master_run(settings, &listen_socket)
                                       : process_run(settings, &listen_socket);
    listen_socket_close(&listen_socket);
    return code;
}
