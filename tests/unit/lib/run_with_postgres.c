/* run_with_postgres.c - runs a program with the conninfo of a private PostgreSQL as its argument;
 * the exit code is the program's. */
#include "postgres.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status;
    if (argc != 2) {
        fprintf(stderr, "usage: run_with_postgres PROGRAM\n");
        return 2;
    }
    const char *conninfo = postgres_conninfo();
    pid_t child = fork();
    if (child == 0) {
        execl(argv[1], argv[1], conninfo, (char *)NULL);
        _exit(127);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}
