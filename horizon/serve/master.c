/* master.c - see master.h. */
#include "serve/master.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "serve/log.h"
#include "serve/process.h"

#define PROCESSES_MAX 64
#define TURN_MS       1000
#define KILL_GRACE_S  5

struct master {
    const struct settings *settings;
    struct listen_socket *listen_socket;
    pid_t pids[PROCESSES_MAX]; /* 0 = to be started in the next turn */
    int signals_fd, successor_fd, code;
};

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static pid_t start(struct master *master, pid_t parent)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid > 0 ? pid : 0;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(EXIT_FAILURE); /* it ended in between */
    }
    close(master->signals_fd);
    if (master->listen_socket->door_fd >= 0) {
        close(master->listen_socket->door_fd); /* the master's to open */
        master->listen_socket->door_fd = -1;
    }
    struct settings settings = *master->settings;
    settings.handover = NULL;
    exit(process_run(&settings, master->listen_socket));
}

static void start_missing(struct master *master)
{
    for (long i = 0; i < master->settings->processes; i++) {
        if (master->pids[i] == 0) {
            master->pids[i] = start(master, getpid());
        }
    }
}

/* Takes note of processes that ended; how many are left. */
static long reap(struct master *master, bool is_expected)
{
    long left = 0;
    for (long i = 0; i < master->settings->processes; i++) {
        int status;
        if (master->pids[i] > 0 && waitpid(master->pids[i], &status, WNOHANG) > 0) {
            bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            master->code = is_expected && !is_good ? EXIT_FAILURE : master->code;
            if (!is_expected) {
                log_write(LOG_LEVEL_ERROR, "process %d ended by itself; another is started",
                          (int)master->pids[i]);
            }
            master->pids[i] = 0;
        }
        left += master->pids[i] > 0;
    }
    return left;
}

static void signal_all(const struct master *master, int signo)
{
    for (long i = 0; i < master->settings->processes; i++) {
        if (master->pids[i] > 0) {
            kill(master->pids[i], signo);
        }
    }
}

/* One wait; the signal to pass on when the end has come, else 0. */
static int wait_for_end(struct master *master)
{
    int other = master->successor_fd >= 0 ? master->successor_fd : master->listen_socket->door_fd;
    struct pollfd fds[2] = {{.fd = master->signals_fd, .events = POLLIN},
                            {.fd = other, .events = POLLIN}};
    struct signalfd_siginfo info;
    if (poll(fds, 2, TURN_MS) <= 0) {
        return 0;
    }
    if (fds[0].revents && read(master->signals_fd, &info, sizeof(info)) == sizeof(info) &&
        info.ssi_signo != SIGCHLD) {
        return master->listen_socket->is_lone ? SIGTERM : SIGUSR2;
    }
    bool is_handed =
        fds[1].revents && listen_socket_hand_over(master->listen_socket, &master->successor_fd);
    return is_handed ? SIGUSR2 : 0;
}

static void end_all(struct master *master, int signo)
{
    time_t end = now_s() + master->settings->drain_s + KILL_GRACE_S;
    listen_socket_close(master->listen_socket);
    signal_all(master, signo);
    while (reap(master, true) > 0) {
        struct pollfd fd = {.fd = master->signals_fd, .events = POLLIN};
        struct signalfd_siginfo info;
        if (poll(&fd, 1, TURN_MS) > 0) {
            ssize_t bytes = read(master->signals_fd, &info, sizeof(info));
            (void)bytes; /* that a process ended, or a second SIGTERM */
        }
        if (now_s() > end) {
            signal_all(master, SIGKILL);
        }
    }
}

int master_run(const struct settings *settings, struct listen_socket *listen_socket)
{
    struct master master = {settings, listen_socket, {0}, -1, -1, EXIT_SUCCESS};
    sigset_t set;
    int signo = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    master.signals_fd = signalfd(-1, &set, SFD_CLOEXEC);
    start_missing(&master);
    listen_socket_ready(listen_socket, settings);
    log_write(LOG_LEVEL_INFO, "%ld processes share the port", settings->processes);
    while (signo == 0) {
        signo = wait_for_end(&master);
        if (signo == 0) {
            (void)reap(&master, false);
            start_missing(&master);
        }
    }
    end_all(&master, signo);
    close(master.signals_fd);
    return master.code;
}
