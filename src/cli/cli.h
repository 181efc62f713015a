/* cli.h - the verbs of the program `weir`. Each takes its own name as argv[0], returns the exit
 * code. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

/* 0 after an orderly end, 1 when it could not start, 2 for a wrong command line. */
int cli_serve(int argc, char **argv);

/* 0; 1 when the scenario cannot be read or a file not written; 2 for a wrong command line; 3 when a
 * promise of the pool was broken. */
int cli_simulate(int argc, char **argv);

/* Prints how weir is called; returns the exit code: 0 to standard output, else 2. */
int cli_usage(FILE *to);

#endif
