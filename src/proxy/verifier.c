/* verifier.c - kept SCRAM verifiers. Only listed users get here, so the list bounds them. */
#include "proxy/verifier.h"

#include <stdlib.h>

#include "proxy/crypto.h"
#include "wire/prepared.h"

struct kept {
    struct base_hash_node node;
    struct base_list link; /* in proxy.verifier_list */
    struct wire_scram_verifier verifier;
    size_t user_bytes;
    uint8_t user[];
};

static struct kept *find(struct proxy *proxy, struct base_slice user, uint64_t hash)
{
    for (struct base_hash_node *n = base_hash_first(&proxy->verifiers, hash); n;
         n = base_hash_next(n, hash)) {
        struct kept *kept = base_hash_entry(n, struct kept, node);
        if (base_slice_equal(user, base_slice_of(kept->user, kept->user_bytes))) {
            return kept;
        }
    }
    return NULL;
}

int proxy_verifier_make(const struct proxy *proxy, struct base_slice user,
                        struct base_slice password, struct wire_scram_verifier *ret_verifier)
{
    const struct wire_crypto *crypto = proxy_crypto();
    uint8_t salt[WIRE_SCRAM_SALT_BYTES];
    int r = wire_scram_salt(crypto, base_slice_of(proxy->mock_secret, sizeof(proxy->mock_secret)),
                            user, salt);
    return r < 0 ? r
                 : wire_scram_verifier_from_password(
                       crypto, password, base_slice_of(salt, sizeof(salt)),
                       proxy->config->options.scram_iterations, ret_verifier);
}

int proxy_verifier_find(struct proxy *proxy, struct base_slice user, struct base_slice password,
                        struct wire_scram_verifier *ret_verifier)
{
    uint64_t hash = wire_siphash(proxy->hash_seed, user);
    struct kept *kept = find(proxy, user, hash);
    if (kept && kept->verifier.iterations != proxy->config->options.scram_iterations) {
        proxy_verifiers_clear(proxy); /* SET has changed it */
        kept = NULL;
    }
    if (!kept) {
        kept = calloc(1, sizeof(*kept) + user.bytes);
        if (!kept) {
            return BASE_ENOMEM;
        }
        int r = proxy_verifier_make(proxy, user, password, &kept->verifier);
        if (r < 0) {
            free(kept);
            return r;
        }
        kept->user_bytes = user.bytes;
        memcpy(kept->user, user.data, user.bytes);
        base_hash_insert(&proxy->verifiers, &kept->node, hash);
        base_list_push_back(&proxy->verifier_list, &kept->link);
    }
    *ret_verifier = kept->verifier;
    return BASE_OK;
}

void proxy_verifiers_clear(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->verifier_list)
    {
        struct kept *kept = base_list_entry(it, struct kept, link);
        base_list_remove(&kept->link);
        base_hash_remove(&proxy->verifiers, &kept->node);
        wire_scram_verifier_done(&kept->verifier);
        free(kept);
    }
}
