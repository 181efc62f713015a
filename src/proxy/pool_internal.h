/* pool_internal.h - what pool.c and pool_configure.c share. */
#ifndef PROXY_POOL_INTERNAL_H
#define PROXY_POOL_INTERNAL_H

#include "proxy/pool.h"

/* 0 in the configuration means no limit. */
static inline uint32_t pool_scope_limit(uint32_t configured)
{
    return configured ? configured : CORE_NO_LIMIT;
}

void pool_scope_close(struct proxy *proxy, struct core_scope_id scope);

int pool_upstream_take(struct proxy *proxy, const char *host, uint16_t port,
                       struct proxy_upstream **ret_upstream) BASE_MUST_CHECK;
void pool_upstream_drop(struct proxy_upstream *upstream);

/* NULL when there is no memory or capacity. */
struct proxy_database *pool_database_new(struct proxy *proxy, struct base_slice name,
                                         const struct config_database *entry, bool is_fallback);
void pool_database_free(struct proxy *proxy, struct proxy_database *database);
/* Copies what the entry says; what was there before is replaced. On failure the database is
 * unchanged. */
int pool_database_apply(struct proxy *proxy, struct proxy_database *database,
                        const struct config_database *entry) BASE_MUST_CHECK;
/* Frees the copies. */
void pool_database_clear(struct proxy *proxy, struct proxy_database *database);

/* Copies what the configuration says of a user. */
void pool_user_apply(struct proxy *proxy, struct proxy_user *user);

/* Resolves a pool's settings and mode from proxy.config. */
void pool_settings(struct proxy_pool *pool, struct core_pool_settings *ret_settings);
int pool_move(struct proxy_pool *pool) BASE_MUST_CHECK;
/* It is not asked for any more: those who wait are refused, lent servers end when given back. */
void pool_database_remove(struct proxy *proxy, struct proxy_database *database);
/* Closes it in the core; it is freed when its last client and server have left. */
void pool_close(struct proxy_pool *pool);
/* The same where clients go on in another pool: those who wait at once, the others with their next
 * claim. */
void pool_replace(struct proxy_pool *pool);

#endif
