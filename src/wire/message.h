/* message.h - the message types of protocol 3 as constants, and their names.
 *
 * Derived from defs/messages.h.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>

#include "defs/messages.h"

/* WIRE_FRONTEND_QUERY = 'Q', WIRE_BACKEND_ERROR_RESPONSE = 'E', ... */
enum wire_message_type {
#define MESSAGE(direction, type, NAME, name, phase) WIRE_##direction##_##NAME = (type),
    MESSAGE_TABLE(MESSAGE)
#undef MESSAGE
};

/* When a message may come. A type that may come in several phases has ANY. */
enum wire_phase {
    WIRE_PHASE_UNKNOWN, /* not a message of this direction */
    WIRE_PHASE_LOGIN,
    WIRE_PHASE_SIMPLE,
    WIRE_PHASE_EXTENDED,
    WIRE_PHASE_COPY,
    WIRE_PHASE_ANY,
};

bool wire_frontend_is_known(char type);
bool wire_backend_is_known(char type);

/* The name in PostgreSQL's protocol chapter, "unknown message" for an unknown type. Never NULL. */
const char *wire_frontend_name(char type);
const char *wire_backend_name(char type);

enum wire_phase wire_frontend_phase(char type);
enum wire_phase wire_backend_phase(char type);

#endif
