/* activity_input.h - an activity as a client sends it, checked against what its kind may have:
 * pure.
 *
 * Numbers are kept as the digits that were sent, so that 0.1 reaches the database as 0.1; where
 * JSON gave a real number they are those of its shortest form with at most 15 digits. Members that
 * are null count as absent; members that are unknown, or that the kind does not have, are refused,
 * so that a mistake in a name is not silence. Test: tests/unit/horizon/test_activity_input.c;
 * fuzz/fuzz_request.c.
 */
#ifndef HORIZON_SERVE_ACTIVITY_INPUT_H
#define HORIZON_SERVE_ACTIVITY_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "domain/activity.h"

#define INPUT_NUMBER_BYTES 32
#define INPUT_SYMBOL_BYTES 33 /* 32 and the end, as the schema has it */
#define INPUT_NOTE_BYTES   501

struct activity_input {
    char date[DAY_TEXT_BYTES];
    enum activity_kind kind;
    char symbol[INPUT_SYMBOL_BYTES]; /* each "" when the kind has none */
    char quantity[INPUT_NUMBER_BYTES], price[INPUT_NUMBER_BYTES], fee[INPUT_NUMBER_BYTES];
    char amount[INPUT_NUMBER_BYTES], numerator[INPUT_NUMBER_BYTES], denominator[INPUT_NUMBER_BYTES];
    char note[INPUT_NOTE_BYTES];
};

/* Reads one. False: ret_field names the member and `why` says what is wrong with it. */
bool activity_input_read(const json_t *object, struct activity_input *ret_input,
                         const char **ret_field, char *why, size_t why_bytes);

/* A symbol: 1 to 32 printable characters without spaces. */
bool activity_input_is_symbol(const char *symbol);

#endif
