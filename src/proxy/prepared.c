/* prepared.c - protocol-level prepared statements across servers.
 *
 * Three tables: statements (the process's, by body), names (a client's, by name), had (a server's,
 * by statement).
 *
 * Always true:
 *   1. No two statements in the table have the same body; no two of a process the same number.
 *   2. references = what the owners hold: one for each name, each had entry, each request and
 *      whoever took or shared it.
 *   3. Numbers are never used twice, so a name left on a server cannot mean another statement: when
 *      they run out (2^32 statements), no new statement is made.
 *   4. had.by_use holds every entry of had.table once, least recently used first.
 *
 * Clients choose bodies and names, so both hashes are keyed; bytes are always compared. Does not
 * talk to servers: who calls says Parse and Close. Test: tests/unit/proxy/test_prepared.c.
 */
#include "proxy/prepared.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/invariant.h"

/* ---- statements -------------------------------------------------------------------------------
 */

int proxy_statements_init(struct proxy_statements *statements)
{
    struct proxy_statements fresh = {0};
    if (getrandom(fresh.seed, sizeof(fresh.seed), 0) != (ssize_t)sizeof(fresh.seed)) {
        return BASE_ESYSTEM;
    }
    int r = base_hash_init(&fresh.table);
    if (r < 0) {
        return r;
    }
    *statements = fresh;
    return BASE_OK;
}

void proxy_statements_done(struct proxy_statements *statements)
{
    INVARIANT(statements->table.count == 0 && statements->bytes == 0);
    base_hash_done(&statements->table);
}

static size_t statement_bytes(size_t body_bytes)
{
    return sizeof(struct proxy_statement) + body_bytes;
}

static struct proxy_statement *statement_find(const struct proxy_statements *statements,
                                              struct base_slice body, uint64_t hash)
{
    struct base_hash_node *node = base_hash_first(&statements->table, hash);
    for (; node; node = base_hash_next(node, hash)) {
        struct proxy_statement *statement = base_hash_entry(node, struct proxy_statement, node);
        if (base_slice_equal(base_slice_of(statement->body, statement->body_bytes), body)) {
            return statement;
        }
    }
    return NULL;
}

struct wire_command proxy_statement_command(struct base_slice body)
{
    size_t bytes = body.bytes > 0 ? strnlen((const char *)body.data, body.bytes) : 0;
    return wire_command_of(base_slice_of(body.data, bytes));
}

struct proxy_statement *proxy_statement_take(struct proxy_statements *statements,
                                             struct base_slice body)
{
    uint64_t hash = wire_siphash(statements->seed, body);
    struct proxy_statement *statement = statement_find(statements, body, hash);
    if (statement) {
        return proxy_statement_share(statement);
    }
    if (body.bytes > UINT32_MAX || statements->last_number == UINT32_MAX) {
        return NULL;
    }
    statement = malloc(statement_bytes(body.bytes));
    if (!statement) {
        return NULL;
    }
    enum wire_command_kind kind = proxy_statement_command(body).kind;
    *statement = (struct proxy_statement){
        .references = 1,
        .number = ++statements->last_number,
        .body_bytes = (uint32_t)body.bytes,
        .drops_all = kind == WIRE_COMMAND_DISCARD_ALL || kind == WIRE_COMMAND_DEALLOCATE_ALL,
        .drops_one = kind == WIRE_COMMAND_DEALLOCATE,
    };
    if (body.bytes > 0) {
        memcpy(statement->body, body.data, body.bytes);
    }
    statements->bytes += statement_bytes(body.bytes);
    base_hash_insert(&statements->table, &statement->node, hash);
    return statement;
}

struct proxy_statement *proxy_statement_share(struct proxy_statement *statement)
{
    if (statement) {
        INVARIANT(statement->references > 0 && statement->references < UINT32_MAX);
        statement->references++;
    }
    return statement;
}

void proxy_statement_drop(struct proxy_statements *statements, struct proxy_statement *statement)
{
    if (!statement) {
        return;
    }
    INVARIANT(statement->references > 0);
    if (--statement->references > 0) {
        return;
    }
    INVARIANT(statements->bytes >= statement_bytes(statement->body_bytes));
    statements->bytes -= statement_bytes(statement->body_bytes);
    base_hash_remove(&statements->table, &statement->node);
    free(statement);
}

size_t proxy_statement_name(const struct proxy_statement *statement,
                            char out[PROXY_STATEMENT_NAME_BYTES])
{
    int n = snprintf(out, PROXY_STATEMENT_NAME_BYTES, "weir_%u", statement->number);
    INVARIANT(n > 0 && n < PROXY_STATEMENT_NAME_BYTES);
    return (size_t)n;
}

/* ---- a client's names -------------------------------------------------------------------------
 */

struct name {
    struct base_hash_node node;
    struct proxy_statement *statement;
    size_t bytes;
    uint8_t chars[];
};

static struct name *name_find(const struct proxy_names *names, struct base_slice chars,
                              uint64_t hash)
{
    struct base_hash_node *node = base_hash_first(&names->table, hash);
    for (; node; node = base_hash_next(node, hash)) {
        struct name *name = base_hash_entry(node, struct name, node);
        if (base_slice_equal(base_slice_of(name->chars, name->bytes), chars)) {
            return name;
        }
    }
    return NULL;
}

static int name_add(struct proxy_names *names, struct base_slice chars, uint64_t hash,
                    struct proxy_statement *statement)
{
    if (names->table.count >= PROXY_NAMES_MAX) {
        return BASE_ECAPACITY;
    }
    struct name *name = malloc(sizeof(*name) + chars.bytes);
    if (!name) {
        return BASE_ENOMEM;
    }
    *name = (struct name){.statement = proxy_statement_share(statement), .bytes = chars.bytes};
    if (chars.bytes > 0) {
        memcpy(name->chars, chars.data, chars.bytes);
    }
    base_hash_insert(&names->table, &name->node, hash);
    names->bytes += sizeof(*name) + chars.bytes;
    return BASE_OK;
}

int proxy_names_set(struct proxy_names *names, struct proxy_statements *statements,
                    struct base_slice name, struct proxy_statement *statement)
{
    INVARIANT(names->seed && statement);
    if (!names->table.buckets) {
        int r = base_hash_init(&names->table);
        if (r < 0) {
            return r;
        }
    }
    uint64_t hash = wire_siphash(names->seed, name);
    struct name *known = name_find(names, name, hash);
    if (!known) {
        return name_add(names, name, hash, statement);
    }
    /* Shared before the old one is dropped: they may be the same. */
    struct proxy_statement *old = known->statement;
    known->statement = proxy_statement_share(statement);
    proxy_statement_drop(statements, old);
    return BASE_OK;
}

struct proxy_statement *proxy_names_get(const struct proxy_names *names, struct base_slice name)
{
    if (!names->table.buckets) {
        return NULL;
    }
    struct name *known = name_find(names, name, wire_siphash(names->seed, name));
    return known ? known->statement : NULL;
}

static void name_free(struct proxy_names *names, struct proxy_statements *statements,
                      struct name *name)
{
    base_hash_remove(&names->table, &name->node);
    INVARIANT(names->bytes >= sizeof(*name) + name->bytes);
    names->bytes -= sizeof(*name) + name->bytes;
    proxy_statement_drop(statements, name->statement);
    free(name);
}

bool proxy_names_remove(struct proxy_names *names, struct proxy_statements *statements,
                        struct base_slice name)
{
    if (!names->table.buckets) {
        return false;
    }
    struct name *known = name_find(names, name, wire_siphash(names->seed, name));
    if (!known) {
        return false;
    }
    name_free(names, statements, known);
    return true;
}

void proxy_names_clear(struct proxy_names *names, struct proxy_statements *statements)
{
    for (size_t i = 0; names->table.buckets && i <= names->table.mask; i++) {
        while (names->table.buckets[i]) {
            name_free(names, statements,
                      base_hash_entry(names->table.buckets[i], struct name, node));
        }
    }
    INVARIANT(names->table.count == 0 && names->bytes == 0);
    base_hash_done(&names->table);
}

/* ---- what a server has ------------------------------------------------------------------------
 */

struct had {
    struct base_hash_node node;
    struct base_list link; /* in by_use */
    struct proxy_statement *statement;
    uint32_t epoch; /* of the statement when it was prepared */
    uint64_t batch; /* how many had been sent before */
};

/* Keyed by the statement's number: ours, and never repeated, so it needs no secret. */
static struct had *had_find(const struct proxy_had *had, const struct proxy_statement *statement)
{
    if (!had->table.buckets) {
        return NULL;
    }
    uint64_t hash = statement->number;
    struct base_hash_node *node = base_hash_first(&had->table, hash);
    for (; node; node = base_hash_next(node, hash)) {
        struct had *entry = base_hash_entry(node, struct had, node);
        if (entry->statement == statement) {
            return entry;
        }
    }
    return NULL;
}

static void had_touch(struct proxy_had *had, struct had *entry)
{
    base_list_remove(&entry->link);
    base_list_push_back(&had->by_use, &entry->link);
}

enum proxy_have proxy_had_use(struct proxy_had *had, const struct proxy_statement *statement)
{
    struct had *entry = had_find(had, statement);
    if (!entry) {
        return PROXY_HAVE_NOT;
    }
    if (entry->epoch != statement->epoch) {
        return PROXY_HAVE_STALE;
    }
    had_touch(had, entry);
    bool is_settled = entry->batch < had->batches_answered || entry->batch == had->batches_sent;
    return is_settled ? PROXY_HAVE : PROXY_HAVE_ASKED;
}

static int had_begin(struct proxy_had *had)
{
    if (had->table.buckets) {
        return BASE_OK;
    }
    int r = base_hash_init(&had->table);
    if (r < 0) {
        return r;
    }
    base_list_init(&had->by_use);
    return BASE_OK;
}

int proxy_had_add(struct proxy_had *had, struct proxy_statements *statements,
                  struct proxy_statement *statement)
{
    (void)statements;
    int r = had_begin(had);
    if (r < 0) {
        return r;
    }
    struct had *entry = had_find(had, statement);
    if (!entry) {
        entry = malloc(sizeof(*entry));
        if (!entry) {
            return BASE_ENOMEM;
        }
        *entry = (struct had){.statement = proxy_statement_share(statement)};
        base_list_init(&entry->link);
        base_hash_insert(&had->table, &entry->node, statement->number);
        had->count++;
    }
    entry->epoch = statement->epoch;
    entry->batch = had->batches_sent;
    had_touch(had, entry);
    INVARIANT(had->count == had->table.count);
    return BASE_OK;
}

void proxy_had_doubt(struct proxy_had *had, const struct proxy_statement *statement)
{
    struct had *entry = had_find(had, statement);
    if (entry) {
        entry->epoch = statement->epoch - 1;
    }
}

void proxy_had_doubt_all(struct proxy_had *had)
{
    for (uint32_t i = 0; had->count > 0 && i < had->count; i++) {
        struct had *entry = base_list_entry(had->by_use.next, struct had, link);
        entry->epoch = entry->statement->epoch - 1;
        had_touch(had, entry); /* once round: the order stays */
    }
}

static void had_free(struct proxy_had *had, struct proxy_statements *statements, struct had *entry)
{
    base_hash_remove(&had->table, &entry->node);
    base_list_remove(&entry->link);
    INVARIANT(had->count > 0);
    had->count--;
    proxy_statement_drop(statements, entry->statement);
    free(entry);
}

void proxy_had_remove(struct proxy_had *had, struct proxy_statements *statements,
                      const struct proxy_statement *statement)
{
    struct had *entry = had_find(had, statement);
    if (entry) {
        had_free(had, statements, entry);
    }
}

struct proxy_statement *proxy_had_oldest(const struct proxy_had *had)
{
    if (had->count == 0) {
        return NULL;
    }
    return base_list_entry(had->by_use.next, struct had, link)->statement;
}

void proxy_had_clear(struct proxy_had *had, struct proxy_statements *statements)
{
    while (had->count > 0) {
        had_free(had, statements, base_list_entry(had->by_use.next, struct had, link));
    }
    base_hash_done(&had->table);
}
