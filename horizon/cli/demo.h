/* demo.h - a user with a portfolio on real prices, for trying out. */
#ifndef HORIZON_CLI_DEMO_H
#define HORIZON_CLI_DEMO_H

struct cli_demo {
    const char *login, *database, *credentials;
    const char *password_file; /* NULL: a random password, which is printed */
};

/* Makes the user unless there is one, and imports the prices and activities that are built in;
 * doing it again changes nothing. Returns an exit code. */
int cli_demo(const struct cli_demo *demo);

#endif
