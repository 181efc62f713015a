/* prepared.h - what prepared statements in transaction mode need from the wire: a hash of what
 * makes two statements the same, and recognition of the few commands that change them.
 *
 * Owns nothing; the table of statements is the daemon's.
 */
#ifndef WIRE_PREPARED_H
#define WIRE_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define WIRE_HASH_KEY_BYTES 16

/* SipHash-1-3 (Aumasson, Bernstein) of the parts one after the other, each followed by its length:
 * ("ab", "c") and ("a", "bc") differ. Clients choose the text, so the key must be secret and
 * random; equal hashes are no proof of equal text: compare. */
uint64_t wire_hash(const uint8_t key[WIRE_HASH_KEY_BYTES], const struct base_slice *parts,
                   size_t part_count);

/* The hash of a statement: its text and its parameter types as on the wire (wire_parse.types). */
uint64_t wire_statement_hash(const uint8_t key[WIRE_HASH_KEY_BYTES], struct base_slice query,
                             struct base_slice types);

/* SipHash-1-3 itself, of one slice. */
uint64_t wire_siphash(const uint8_t key[WIRE_HASH_KEY_BYTES], struct base_slice data);

enum wire_command_kind {
    WIRE_COMMAND_OTHER, /* anything else, several statements, anything doubtful */
    WIRE_COMMAND_EMPTY, /* nothing but white space, comments and semicolons */
    WIRE_COMMAND_BEGIN, /* BEGIN or START TRANSACTION, with or without modes */
    WIRE_COMMAND_COMMIT,
    WIRE_COMMAND_ROLLBACK, /* ROLLBACK or ABORT of the transaction, not TO a savepoint */
    WIRE_COMMAND_DISCARD_ALL,
    WIRE_COMMAND_RESET_ALL,
    WIRE_COMMAND_DEALLOCATE_ALL,
    WIRE_COMMAND_DEALLOCATE, /* one statement, by name */
};

struct wire_command {
    enum wire_command_kind kind;
    struct base_slice name; /* DEALLOCATE: the identifier as written, quotes not included */
    bool is_quoted;         /* DEALLOCATE: it was in double quotes */
};

/* Recognises a query that is one whole statement, in any case, with white space, comments and
 * semicolons around it. */
struct wire_command wire_command_of(struct base_slice query);

/* Whether DEALLOCATE means this statement: an unquoted name is folded to lower case, in a quoted
 * one
 * "" stands for ". */
bool wire_command_names(const struct wire_command *command, struct base_slice statement);

#endif
