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

/* 0 when settings were found, or those that were checked fit; 1 when not, or a file cannot be read;
 * 2 for a wrong command line; 3 when a promise of the pool was broken. */
int cli_plan(int argc, char **argv);

/* What monitoring expects: 0 good, 1 warning, 2 critical, 3 could not tell (a wrong command line
 * too). */
int cli_doctor(int argc, char **argv);

/* The doctor's code of the last look; 2 for a wrong command line. */
int cli_top(int argc, char **argv);

/* Prints how weir is called; returns the exit code: 0 to standard output, else 2. */
int cli_usage(FILE *to);

#endif
