/* message.c - the table of messages, looked up by type byte.
 *
 * is_known is asked once per message, so it has bits of its own; names and phases are for logs and
 * errors and walk the rows. Where a byte has several rows the first counts.
 *
 * Tests: tests/unit/wire/test_message.c
 */
#include "wire/message.h"

#include <stddef.h>
#include <stdint.h>

enum direction { FRONTEND, BACKEND };

static const struct row {
    enum direction direction;
    char type;
    const char *name;
    enum wire_phase phase;
} rows[] = {
#define MESSAGE(direction, type, NAME, name, phase) {direction, type, name, WIRE_PHASE_##phase},
    MESSAGE_TABLE(MESSAGE)
#undef MESSAGE
};

static const struct row *find(enum direction direction, char type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].direction == direction && rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

static const char *name_of(enum direction direction, char type)
{
    const struct row *row = find(direction, type);
    return row ? row->name : "unknown message";
}

static enum wire_phase phase_of(enum direction direction, char type)
{
    const struct row *row = find(direction, type);
    return row ? row->phase : WIRE_PHASE_UNKNOWN;
}

/* One bit per type byte, in two words: all types are ASCII. */
#define BIT(wanted, word, direction, type) \
    ((direction) == (wanted) && (type) / 64 == (word) ? UINT64_C(1) << ((type) % 64) : 0)

static const uint64_t frontend_bits[2] = {
#define MESSAGE(direction, type, NAME, name, phase) BIT(FRONTEND, 0, direction, type) |
    MESSAGE_TABLE(MESSAGE) 0,
#undef MESSAGE
#define MESSAGE(direction, type, NAME, name, phase) BIT(FRONTEND, 1, direction, type) |
    MESSAGE_TABLE(MESSAGE) 0,
#undef MESSAGE
};

static const uint64_t backend_bits[2] = {
#define MESSAGE(direction, type, NAME, name, phase) BIT(BACKEND, 0, direction, type) |
    MESSAGE_TABLE(MESSAGE) 0,
#undef MESSAGE
#define MESSAGE(direction, type, NAME, name, phase) BIT(BACKEND, 1, direction, type) |
    MESSAGE_TABLE(MESSAGE) 0,
#undef MESSAGE
};

static bool has_bit(const uint64_t bits[2], char type)
{
    unsigned char byte = (unsigned char)type;
    return byte < 128 && (bits[byte / 64] >> (byte % 64) & 1) != 0;
}

bool wire_frontend_is_known(char type)
{
    return has_bit(frontend_bits, type);
}

bool wire_backend_is_known(char type)
{
    return has_bit(backend_bits, type);
}

const char *wire_frontend_name(char type)
{
    return name_of(FRONTEND, type);
}

const char *wire_backend_name(char type)
{
    return name_of(BACKEND, type);
}

enum wire_phase wire_frontend_phase(char type)
{
    return phase_of(FRONTEND, type);
}

enum wire_phase wire_backend_phase(char type)
{
    return phase_of(BACKEND, type);
}
