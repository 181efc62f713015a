/* fuzz_hba.c - auth_hba_file and auth_ident_file.
 *
 * The input is the first file up to a line "====", behind it the second. @file and include find a
 * fixed text, names that end with e one that includes itself, with ! none. What was accepted must
 * give the same answer twice, for every kind of connection, and reject what no line fits.
 */
#include <string.h>

#include "base/invariant.h"
#include "config/build.h"
#include "config/hba.h"
#include "fuzz.h"
#include "included.h"

static struct included files = {"one, \"two\" # three\nlocal\n", "@circle include circle\n"};

static void ask(const struct config_hba *hba, const char *user, const char *database)
{
    static const uint8_t addresses[2][16] = {{127, 0, 0, 1}, {0xfe, 0x80, 1, 2, 3}};
    static const struct config_hba_net own = {4, {127, 0, 0, 1}, {255}};

    for (unsigned kind = 0; kind < 24; kind++) {
        struct config_hba_client client = {
            .database = base_slice_text(database),
            .user = base_slice_text(user),
            .is_unix = kind % 3 == 0,
            .address_bytes = kind % 3 == 0   ? 0
                             : kind % 3 == 1 ? 4
                                             : 16,
            .address = addresses[kind % 3 == 2],
            .is_tls = kind / 3 % 2,
            .is_replication = kind / 6 % 2,
            .interfaces = &own,
            .interface_count = kind / 12,
        };
        const struct config_hba_rule *rule = config_hba_find(hba, &client);

        INVARIANT(rule == config_hba_find(hba, &client));
        INVARIANT(!rule || (rule->type == CONFIG_HBA_LOCAL) == client.is_unix);
        INVARIANT(!rule || rule->method != CONFIG_AUTH_TYPE_HBA);
        if (rule)
            (void)config_ident_allows(hba, rule->map, base_slice_text(database),
                                      base_slice_text(user));
    }
    (void)config_ident_allows(hba, "m", base_slice_text(user), base_slice_text(database));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char mark[] = "\n====\n";
    struct config_reader reader = included_reader(&files);
    const uint8_t *split = bytes ? memmem(data, bytes, mark, strlen(mark)) : NULL;
    size_t first = split ? (size_t)(split - data) : bytes;
    struct base_slice ident = {0};
    struct config_errors errors = {0};
    struct config_builder builder;
    struct config *config = NULL;

    if (split)
        ident = base_slice_skip(base_slice_of(data, bytes), first + strlen(mark));
    config_build_begin(&builder, &errors, &reader);
    config_build_option(&builder, base_slice_text("listen_addr"), base_slice_text("127.0.0.1"));
    config_build_hba(&builder, "/etc/hba", base_slice_of(data, first), "/etc/ident", ident);
    if (config_build_end(&builder, &config) == BASE_OK) {
        ask(config->hba, "app", "shop");
        ask(config->hba, "one", "one");
        ask(config->hba, "", "two");
    }
    config_free(config);
    config_errors_done(&errors);
    return 0;
}
