/* hba.h - who may come in how: the lines of auth_hba_file and the maps of auth_ident_file.
 *
 * The formats are PostgreSQL's pg_hba.conf and pg_ident.conf (its manual, "Client Authentication").
 * The first line that fits a connection decides; where none fits nobody gets in. A table is read
 * whole or not at all, is immutable, and is shared by the snapshots that SET makes from one
 * another.
 *
 * Not served: +role, samerole and samegroup (weir does not know who is a member of what), host
 * names, and the methods gss, sspi, radius and bsd. A line that asks for one of them lets nobody
 * in, with advice that says so, and stays in its place: whom it fits is refused. (A line of names
 * and roles lets in the names.) Where it is not
 * known whom it fits, a later line decides if that asks for as much; if it asks for less, nobody
 * gets in by it whom the former may have meant. (PgBouncer leaves out every line it cannot read, so
 * that the next one decides, however little that asks.) Everything else that is wrong refuses the
 * file with the line's number, and so do include_dir and a reject line of which it is not known
 * whom it fits.
 *
 * Tests: tests/unit/config/test_hba.c, tests/system/test_hba.py, fuzz/fuzz_hba.c.
 */
#ifndef CONFIG_HBA_H
#define CONFIG_HBA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "config/config.h"
#include "config/ldap.h"

enum config_hba_type {
    CONFIG_HBA_LOCAL, /* Unix socket */
    CONFIG_HBA_HOST,
    CONFIG_HBA_HOSTSSL,
    CONFIG_HBA_HOSTNOSSL,
    CONFIG_HBA_HOSTGSSENC, /* never fits: weir has no GSSAPI */
    CONFIG_HBA_HOSTNOGSSENC,
};

enum config_hba_address {
    CONFIG_HBA_ANY,
    CONFIG_HBA_NET,      /* address and mask */
    CONFIG_HBA_SAMEHOST, /* an address of this machine */
    CONFIG_HBA_SAMENET,  /* a network that this machine is in */
    CONFIG_HBA_HOSTNAME, /* any address may be meant */
};

enum config_hba_word {
    CONFIG_HBA_NAME,
    CONFIG_HBA_ALL,
    CONFIG_HBA_SAMEUSER,    /* databases: named as the user */
    CONFIG_HBA_REPLICATION, /* databases: connections for physical replication */
    CONFIG_HBA_REGEX,       /* a PCRE2 regular expression */
    CONFIG_HBA_UNKNOWN,     /* members of a role: anybody may be meant */
};

struct config_hba_item {
    enum config_hba_word word;
    const char *text; /* of NAME and REGEX */
};

struct config_hba_list {
    const struct config_hba_item *items;
    uint32_t count;
};

/* An IPv4 (4 bytes) or IPv6 (16 bytes) network. */
struct config_hba_net {
    uint32_t bytes;
    uint8_t address[16];
    uint8_t mask[16];
};

enum config_hba_clientcert {
    CONFIG_HBA_CERT_NONE,
    CONFIG_HBA_CERT_VERIFY_CA,   /* the client must have a certificate */
    CONFIG_HBA_CERT_VERIFY_FULL, /* and its name must be the user's (or map to it) */
};

struct config_hba_rule {
    const char *file; /* where it was written */
    unsigned line;
    enum config_hba_type type;
    struct config_hba_list databases, users;
    enum config_hba_address address;
    struct config_hba_net net;
    const char *unserved; /* why it lets nobody in; NULL: it can be carried out */
    bool lacks_method;    /* that is why: `method` means nothing */
    bool is_reject;
    enum config_auth_type method; /* never ANY or HBA; unless is_reject */
    enum config_hba_clientcert clientcert;
    bool uses_dn;            /* clientname=DN: the certificate's whole name counts */
    const char *map;         /* "" when there is none */
    const char *pam_service; /* "": the usual one */
    struct config_ldap ldap; /* of method ldap */
};

struct config_hba; /* the table */

/* What is known of a connection before anybody is authenticated. */
struct config_hba_client {
    struct base_slice database, user;
    bool is_unix;
    bool is_tls;
    bool is_replication;    /* physical replication: databases are not meant */
    uint32_t address_bytes; /* 4 or 16; 0 for a Unix socket */
    const uint8_t *address;
    /* Networks that this machine is in, address being its own: for samehost and samenet. */
    const struct config_hba_net *interfaces;
    uint32_t interface_count;
};

/* The line that decides; NULL when none fits, or when it took too much effort to tell. One that is
 * not served: it fits, or may fit and asks for more than the one behind it. */
const struct config_hba_rule *config_hba_find(const struct config_hba *hba,
                                              const struct config_hba_client *client);

/* Does a line say samehost or samenet, so that interfaces have to be known? */
bool config_hba_asks_interfaces(const struct config_hba *hba);

/* Were the two read from the same texts? Either may be NULL. */
bool config_hba_is_same(const struct config_hba *a, const struct config_hba *b);

/* May who the system calls `system` (a Unix user, a certificate's name) log in as `user`? Without a
 * map ("") when the two are equal; else when a line of the map says so. `hba` may be NULL. */
bool config_ident_allows(const struct config_hba *hba, const char *map, struct base_slice system,
                         struct base_slice user);

/* How many lines there are. */
uint32_t config_hba_count(const struct config_hba *hba);
const struct config_hba_rule *config_hba_rule_at(const struct config_hba *hba, uint32_t idx);

#endif
