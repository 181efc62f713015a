/* fnv.h - FNV-1a, 64 bits: spreads keys and tells edited texts apart, but holds no attacker off. */
#ifndef HORIZON_DOMAIN_FNV_H
#define HORIZON_DOMAIN_FNV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FNV_BEGIN UINT64_C(14695981039346656037)

/* Goes on from `hash`, which is FNV_BEGIN at first. */
static inline uint64_t fnv_bytes(uint64_t hash, const void *data, size_t bytes)
{
    for (const unsigned char *at = data, *end = at + bytes; at < end; at++) {
        hash = (hash ^ *at) * UINT64_C(1099511628211);
    }
    return hash;
}

static inline uint64_t fnv_text(uint64_t hash, const char *text)
{
    return fnv_bytes(hash, text, strlen(text));
}

#endif
