/* serve.h - `horizon serve`, from the settings to the end of the process. */
#ifndef HORIZON_SERVE_SERVE_H
#define HORIZON_SERVE_SERVE_H

#include "serve/settings.h"

/* Serves until SIGTERM or SIGINT; the exit code: 0 after a clean end. */
int serve_run(struct settings *settings);

#endif
