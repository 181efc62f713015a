/* door.h - a door in front of the private PostgreSQL, for faults: a Unix socket whose connections
 * are let through, kept waiting or refused. One thread, started by door_open. */
#ifndef TESTS_LIB_DOOR_H
#define TESTS_LIB_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct door;

struct door *door_open(void);
/* Cuts everything. */
void door_close(struct door *door);
/* Conninfo through the door; valid until it is closed. */
const char *door_conninfo(struct door *door);

/* The next `count` connections get no answer. */
void door_hang(struct door *door, int count);
/* At most so many connections at once; further ones are refused as a server that is full does. */
void door_limit(struct door *door, int limit);
/* Every new connection is refused with this; NULL = none is. Texts must stay. */
void door_refuse(struct door *door, const char *sqlstate, const char *text);
/* While frozen, what the server says is kept back. */
void door_freeze(struct door *door, bool is_frozen);
/* All connections are ended now. */
void door_cut(struct door *door);
/* Every client is told something in the server's place. */
void door_say(struct door *door, const void *bytes, size_t count);

/* Connections accepted so far; open now; the most that were open at once; bytes from clients. */
int door_accepted(struct door *door);
int door_live(struct door *door);
int door_peak(struct door *door);
uint64_t door_bytes(struct door *door);

#endif
