/* statement_hash.c - SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input
 * PRF", with one round per block and three at the end).
 *
 * Tests: tests/unit/wire/test_prepared.c
 */
#include "wire/prepared.h"

struct siphash {
    uint64_t v0, v1, v2, v3;
    uint64_t block; /* bytes that do not make eight yet, little-endian */
    uint64_t bytes; /* all so far; the low three bits tell how many are in block */
};

static uint64_t load_u64(const uint8_t *data)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void mix(struct siphash *hash)
{
    hash->v0 += hash->v1;
    hash->v1 = rotate(hash->v1, 13) ^ hash->v0;
    hash->v0 = rotate(hash->v0, 32);
    hash->v2 += hash->v3;
    hash->v3 = rotate(hash->v3, 16) ^ hash->v2;
    hash->v0 += hash->v3;
    hash->v3 = rotate(hash->v3, 21) ^ hash->v0;
    hash->v2 += hash->v1;
    hash->v1 = rotate(hash->v1, 17) ^ hash->v2;
    hash->v2 = rotate(hash->v2, 32);
}

static void absorb_block(struct siphash *hash, uint64_t block)
{
    hash->v3 ^= block;
    mix(hash);
    hash->v0 ^= block;
}

static void absorb_byte(struct siphash *hash, uint8_t byte)
{
    hash->block |= (uint64_t)byte << (8 * (hash->bytes & 7));
    hash->bytes++;
    if ((hash->bytes & 7) == 0) {
        absorb_block(hash, hash->block);
        hash->block = 0;
    }
}

static void absorb(struct siphash *hash, struct base_slice data)
{
    size_t i = 0;
    while (i < data.bytes && (hash->bytes & 7) != 0) {
        absorb_byte(hash, data.data[i++]);
    }
    for (; data.bytes - i >= 8; i += 8) {
        absorb_block(hash, load_u64(data.data + i));
        hash->bytes += 8;
    }
    while (i < data.bytes) {
        absorb_byte(hash, data.data[i++]);
    }
}

static void start(struct siphash *hash, const uint8_t key[WIRE_HASH_KEY_BYTES])
{
    uint64_t k0 = load_u64(key), k1 = load_u64(key + 8);
    *hash = (struct siphash){
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
}

static uint64_t finish(struct siphash *hash)
{
    absorb_block(hash, hash->block | hash->bytes << 56);
    hash->v2 ^= 0xff;
    for (int i = 0; i < 3; i++) {
        mix(hash);
    }
    return hash->v0 ^ hash->v1 ^ hash->v2 ^ hash->v3;
}

uint64_t wire_siphash(const uint8_t key[WIRE_HASH_KEY_BYTES], struct base_slice data)
{
    struct siphash hash;
    start(&hash, key);
    absorb(&hash, data);
    return finish(&hash);
}

uint64_t wire_hash(const uint8_t key[WIRE_HASH_KEY_BYTES], const struct base_slice *parts,
                   size_t part_count)
{
    struct siphash hash;
    start(&hash, key);
    for (size_t i = 0; i < part_count; i++) {
        uint8_t length[8];
        for (size_t j = 0; j < sizeof(length); j++) {
            length[j] = (uint8_t)((uint64_t)parts[i].bytes >> (8 * j));
        }
        absorb(&hash, parts[i]);
        absorb(&hash, base_slice_of(length, sizeof(length)));
    }
    return finish(&hash);
}

uint64_t wire_statement_hash(const uint8_t key[WIRE_HASH_KEY_BYTES], struct base_slice query,
                             struct base_slice types)
{
    struct base_slice parts[] = {query, types};
    return wire_hash(key, parts, 2);
}
