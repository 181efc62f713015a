/* fuzz_startup.c - the first packet and its options (src/wire/startup.c, options.c).
 *
 * Input: the packet. What holds: what is read and written again is the same bytes; the answer in
 * negotiation names as many options as were asked for; settings written as options are read back.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/startup.h"

#define PAIRS_MAX   5001
#define OPTIONS_MAX 64

static struct wire_pair pairs[PAIRS_MAX];
static uint8_t memory[4 * WIRE_STARTUP_BYTES_MAX];

static void check_message(struct base_slice packet, const struct wire_startup *startup)
{
    size_t count = 0;
    struct base_slice rest = startup->parameters;
    while (wire_pairs_next(&rest, &pairs[count])) {
        struct base_slice value;
        INVARIANT(pairs[count].name.bytes > 0);
        char name[16];
        if (pairs[count].name.bytes < sizeof(name)) {
            memcpy(name, pairs[count].name.data, pairs[count].name.bytes);
            name[pairs[count].name.bytes] = 0;
            INVARIANT(wire_pairs_find(startup->parameters, name, &value));
        }
        count++;
        INVARIANT(count < PAIRS_MAX);
    }
    struct wire_out out;
    wire_out_init(&out, memory, sizeof(memory));
    wire_startup_put(&out, startup->minor, pairs, count);
    INVARIANT(wire_out_status(&out) == BASE_OK);
    INVARIANT(base_slice_equal(wire_out_slice(&out), packet));
}

static void check_negotiation(const struct wire_startup *startup)
{
    struct wire_out out;
    struct wire_frame frame;
    uint32_t version, count, expected = 0;
    struct base_slice rest = startup->parameters;
    struct wire_pair pair;
    while (wire_pairs_next(&rest, &pair)) {
        expected += wire_pair_is_protocol_option(&pair);
    }
    wire_out_init(&out, memory, sizeof(memory));
    wire_negotiate_put(&out, 2, startup->parameters);
    INVARIANT(wire_out_status(&out) == BASE_OK);
    int r = wire_frame_parse(wire_out_slice(&out), UINT32_MAX, &frame);
    INVARIANT(r == BASE_OK);
    r = wire_negotiate_parse(frame.body, &version, &count);
    INVARIANT(r == BASE_OK && version == (3 << 16 | 2) && count == expected);
    INVARIANT(wire_startup_needs_negotiation(startup, 2) == (startup->minor > 2 || expected > 0));
}

static void put_escaped(struct wire_out *out, struct base_slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        wire_out_u8(out, '\\');
        wire_out_u8(out, text.data[i]);
    }
}

static int parse_options(struct base_slice text, uint8_t **ret_scratch,
                         struct wire_option options[OPTIONS_MAX], size_t *ret_count)
{
    struct wire_out scratch;
    *ret_scratch = malloc(text.bytes + 1);
    INVARIANT(*ret_scratch);
    wire_out_init(&scratch, *ret_scratch, text.bytes);
    return wire_options_parse(text, &scratch, options, OPTIONS_MAX, ret_count);
}

static void check_options(struct base_slice text)
{
    struct wire_option options[OPTIONS_MAX], again[OPTIONS_MAX];
    size_t count, again_count;
    uint8_t *scratch, *again_scratch;
    if (parse_options(text, &scratch, options, &count) == BASE_OK) {
        size_t capacity = 2 * text.bytes + 4 * OPTIONS_MAX + 1;
        uint8_t *written = malloc(capacity);
        INVARIANT(written);
        struct wire_out out;
        wire_out_init(&out, written, capacity);
        for (size_t i = 0; i < count; i++) {
            INVARIANT(options[i].name.bytes > 0);
            INVARIANT(!memchr(options[i].name.data, '-', options[i].name.bytes));
            wire_out_bytes(&out, base_slice_text(i % 2 ? " --" : " -c"));
            put_escaped(&out, options[i].name);
            wire_out_u8(&out, '=');
            put_escaped(&out, options[i].value);
        }
        INVARIANT(wire_out_status(&out) == BASE_OK);
        int r = parse_options(wire_out_slice(&out), &again_scratch, again, &again_count);
        INVARIANT(r == BASE_OK && again_count == count);
        for (size_t i = 0; i < count; i++) {
            INVARIANT(base_slice_equal(options[i].name, again[i].name));
            INVARIANT(base_slice_equal(options[i].value, again[i].value));
        }
        free(again_scratch);
        free(written);
    }
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct base_slice in = base_slice_of(data, bytes), options;
    struct wire_startup startup, cut;
    struct wire_out out;
    check_options(in);
    if (wire_startup_parse(in, &startup) != BASE_OK) {
        return 0;
    }
    INVARIANT(startup.bytes >= WIRE_STARTUP_BYTES_MIN && startup.bytes <= WIRE_STARTUP_BYTES_MAX);
    struct base_slice packet = base_slice_of(data, startup.bytes);
    for (size_t i = 0; i < packet.bytes; i += packet.bytes / 16 + 1) {
        INVARIANT(wire_startup_parse(base_slice_of(data, i), &cut) == BASE_EMORE);
    }
    wire_out_init(&out, memory, sizeof(memory));
    switch (startup.kind) {
    case WIRE_STARTUP_MESSAGE:
        check_message(packet, &startup);
        check_negotiation(&startup);
        if (wire_pairs_find(startup.parameters, "options", &options)) {
            check_options(options);
        }
        break;
    case WIRE_STARTUP_SSL_REQUEST:
        wire_ssl_request_put(&out);
        INVARIANT(base_slice_equal(wire_out_slice(&out), packet));
        break;
    case WIRE_STARTUP_CANCEL_REQUEST:
        wire_cancel_request_put(&out, startup.pid, startup.key);
        INVARIANT(base_slice_equal(wire_out_slice(&out), packet));
        break;
    case WIRE_STARTUP_GSSENC_REQUEST:
    case WIRE_STARTUP_UNKNOWN:
        INVARIANT(startup.major != 3);
        break;
    }
    return 0;
}
