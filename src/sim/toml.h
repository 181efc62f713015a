/* toml.h - reads the part of TOML 1.0 that scenarios need, item by item.
 *
 * Read: comments, [table], [[array of tables]], key = value with bare or quoted keys; values:
 * "basic" and 'literal' strings of one line, integers, floats, true, false, and arrays of numbers
 * over any number of lines. Refused, with line and reason: dotted keys and table names, inline
 * tables, dates, multi-line strings, other arrays. A key that comes twice is the reader's to
 * refuse. Test: tests/unit/sim/test_scenario.c, fuzz/fuzz_scenario.c.
 */
#ifndef SIM_TOML_H
#define SIM_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

#define TOML_TEXT_BYTES  256
#define TOML_ARRAY_ITEMS 100000

enum toml_kind {
    TOML_END,
    TOML_TABLE,
    TOML_TABLES,
    TOML_STRING,
    TOML_NUMBER,
    TOML_BOOL,
    TOML_ARRAY
};

struct toml_item {
    enum toml_kind kind;
    uint32_t line;
    char key[64];               /* of a value, or the name of a table */
    char text[TOML_TEXT_BYTES]; /* STRING */
    double number;              /* NUMBER */
    bool is_integer;            /* NUMBER: written without fraction */
    bool truth;                 /* BOOL */
    double *numbers;            /* ARRAY: malloc'ed, the caller's from then on */
    uint32_t count;
};

struct toml {
    struct base_slice rest;
    uint32_t line;
    char error[128]; /* what was wrong, when toml_next failed */
};

void toml_init(struct toml *toml, struct base_slice text);

/* After an error: goes on behind the end of the line. */
void toml_skip_line(struct toml *toml);

/* The next item. Errors: BASE_EINVALID (error and line say what), BASE_ENOMEM. */
int toml_next(struct toml *toml, struct toml_item *ret_item) BASE_MUST_CHECK;

#endif
