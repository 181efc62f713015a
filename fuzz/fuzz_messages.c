/* fuzz_messages.c - the bodies of messages in both directions (src/wire/backend*.c, frontend.c,
 * statement_ref.c, command.c).
 *
 * Input: 'F' or 'B', the type byte, the body. What holds: a body that is read and written again is
 * the same bytes; a statement renamed to its own name is the same message, cut or whole; a command
 * means the same with white space and semicolons around it and in upper case.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/prepared.h"

#define COLUMNS_MAX WIRE_COLUMNS_MAX

static uint8_t memory[1 << 20];
static struct wire_out out;

static void start(void)
{
    wire_out_init(&out, memory, sizeof(memory));
}

/* What has been written is one message of this type with this body. */
static void check_same(char type, struct base_slice body)
{
    struct wire_frame frame;
    INVARIANT(wire_out_status(&out) == BASE_OK);
    int r = wire_frame_parse(wire_out_slice(&out), UINT32_MAX, &frame);
    INVARIANT(r == BASE_OK && frame.type == type && frame.bytes == out.bytes);
    INVARIANT(base_slice_equal(frame.body, body));
}

/* The name that a DEALLOCATE means is the one wire_command_names() accepts. */
static void check_names(const struct wire_command *command)
{
    uint8_t name[64];
    size_t bytes = 0;
    INVARIANT(command->name.bytes > 0 && command->name.bytes < sizeof(name));
    for (size_t i = 0; i < command->name.bytes; i++) {
        uint8_t byte = command->name.data[i];
        bool is_upper = byte >= 'A' && byte <= 'Z';
        name[bytes++] = (uint8_t)(is_upper && !command->is_quoted ? byte + 'a' - 'A' : byte);
        i += command->is_quoted && byte == '"';
    }
    INVARIANT(wire_command_names(command, base_slice_of(name, bytes)));
    INVARIANT(!wire_command_names(command, base_slice_of(name, bytes - 1)));
    name[bytes] = 'x';
    INVARIANT(!wire_command_names(command, base_slice_of(name, bytes + 1)));
}

static void check_command(struct base_slice query)
{
    struct wire_command plain = wire_command_of(query), more, upper;
    uint8_t *text = malloc(query.bytes + 3);
    INVARIANT(text);
    text[0] = ' ';
    for (size_t i = 0; i < query.bytes; i++) {
        text[1 + i] = query.data[i];
    }
    memcpy(text + 1 + query.bytes, "\n;", 2);
    more = wire_command_of(base_slice_of(text, query.bytes + 3));
    INVARIANT(more.kind == plain.kind && base_slice_equal(more.name, plain.name));
    for (size_t i = 0; i < query.bytes; i++) {
        bool is_lower = query.data[i] >= 'a' && query.data[i] <= 'z';
        text[1 + i] = (uint8_t)(is_lower ? query.data[i] - 'a' + 'A' : query.data[i]);
    }
    upper = wire_command_of(base_slice_of(text + 1, query.bytes));
    INVARIANT(upper.kind == plain.kind && upper.name.bytes == plain.name.bytes);
    if (plain.kind == WIRE_COMMAND_DEALLOCATE) {
        check_names(&plain);
    }
    free(text);
}

static void check_statement(char type, struct base_slice body)
{
    struct wire_statement_ref ref, part;
    uint32_t frame_bytes = (uint32_t)(body.bytes + WIRE_HEADER_BYTES);
    int r = wire_statement_find(type, frame_bytes, body, &ref);
    if (r != BASE_OK) {
        INVARIANT(r == BASE_EPROTOCOL);
        return;
    }
    for (size_t seen = 0; seen < body.bytes; seen += body.bytes / 16 + 1) {
        r = wire_statement_find(type, frame_bytes, base_slice_of(body.data, seen), &part);
        INVARIANT(r == (seen < ref.head_bytes ? BASE_EMORE : BASE_OK));
        INVARIANT(r != BASE_OK || base_slice_equal(part.name, ref.name));
    }
    start();
    wire_statement_rename(&out, &ref, ref.name);
    INVARIANT(out.bytes == wire_statement_rename_bytes(&ref, ref.name));
    wire_out_bytes(&out, base_slice_skip(body, ref.head_bytes));
    check_same(type, body);
    start();
    wire_statement_rename(&out, &ref, base_slice_text("another name"));
    wire_out_bytes(&out, base_slice_skip(body, ref.head_bytes));
    struct wire_frame frame;
    struct wire_statement_ref renamed;
    r = wire_frame_parse(wire_out_slice(&out), UINT32_MAX, &frame);
    INVARIANT(r == BASE_OK && frame.bytes == out.bytes);
    r = wire_statement_find(type, (uint32_t)frame.bytes, frame.body, &renamed);
    INVARIANT(r == BASE_OK && base_slice_is(renamed.name, "another name"));
    INVARIANT(base_slice_equal(renamed.before, ref.before));
}

static void check_password(struct base_slice body)
{
    struct wire_sasl_initial initial;
    struct base_slice password;
    if (wire_password_parse(body, &password) == BASE_OK) {
        start();
        wire_password_put(&out, password);
        check_same('p', body);
    }
    if (wire_sasl_initial_parse(body, &initial) == BASE_OK) {
        char mechanism[64];
        if (initial.mechanism.bytes < sizeof(mechanism)) {
            memcpy(mechanism, initial.mechanism.data, initial.mechanism.bytes);
            mechanism[initial.mechanism.bytes] = 0;
            start();
            wire_sasl_initial_put(&out, mechanism, initial.response);
            check_same('p', body);
        }
    }
}

static void check_parse(struct base_slice body)
{
    struct wire_parse parse;
    if (wire_parse_parse(body, &parse) == BASE_OK) {
        static const uint8_t key[WIRE_HASH_KEY_BYTES] = {1};
        start();
        wire_parse_put(&out, parse.name, parse.query, parse.types);
        check_same('P', body);
        check_command(parse.query);
        (void)wire_statement_hash(key, parse.query, parse.types);
    }
}

static void check_frontend(char type, struct base_slice body)
{
    struct base_slice text;
    struct wire_target target;
    struct wire_execute execute;
    struct wire_bind bind;
    start();
    switch (type) {
    case WIRE_FRONTEND_QUERY:
        if (wire_query_parse(body, &text) == BASE_OK) {
            wire_query_put(&out, text);
            check_same(type, body);
        }
        check_command(body);
        break;
    case WIRE_FRONTEND_PARSE:
        check_parse(body);
        break;
    case WIRE_FRONTEND_BIND:
        if (wire_bind_parse(body, &bind) == BASE_OK) {
            INVARIANT(bind.portal.bytes + bind.statement.bytes + bind.rest.bytes + 2 == body.bytes);
        }
        break;
    case WIRE_FRONTEND_DESCRIBE:
    case WIRE_FRONTEND_CLOSE:
        if (wire_target_parse(body, &target) == BASE_OK) {
            (type == 'D' ? wire_describe_put : wire_close_put)(&out, target.kind, target.name);
            check_same(type, body);
        }
        break;
    case WIRE_FRONTEND_EXECUTE:
        if (wire_execute_parse(body, &execute) == BASE_OK) {
            wire_execute_put(&out, execute.portal, execute.rows_max);
            check_same(type, body);
        }
        break;
    case WIRE_FRONTEND_COPY_FAIL:
        if (wire_copy_fail_parse(body, &text) == BASE_OK) {
            wire_copy_fail_put(&out, text);
            check_same(type, body);
        }
        break;
    case WIRE_FRONTEND_PASSWORD:
        check_password(body);
        break;
    default:
        break;
    }
    if (type == 'P' || type == 'B' || type == 'D' || type == 'C') {
        check_statement(type, body);
    }
}

static void check_error(char type, struct base_slice body)
{
    struct wire_error error, again;
    struct wire_frame frame;
    if (wire_error_parse(body, &error) != BASE_OK) {
        return;
    }
    (type == 'E' ? wire_error_put : wire_notice_put)(&out, &error);
    INVARIANT(wire_out_status(&out) == BASE_OK);
    int r = wire_frame_parse(wire_out_slice(&out), UINT32_MAX, &frame);
    INVARIANT(r == BASE_OK && frame.type == type);
    r = wire_error_parse(frame.body, &again);
    INVARIANT(r == BASE_OK && again.severity.data && again.sqlstate.data && again.message.data);
#define ERROR_FIELD(letter, name)                                            \
    INVARIANT(!error.name.data || base_slice_equal(error.name, again.name)); \
    INVARIANT(wire_error_field(&error, letter).data == error.name.data);
    ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
}

static void check_row(struct base_slice body)
{
    static struct base_slice values[COLUMNS_MAX];
    size_t count;
    if (wire_data_row_parse(body, values, COLUMNS_MAX, &count) == BASE_OK && count <= COLUMNS_MAX) {
        wire_data_row_put(&out, values, count);
        check_same('D', body);
    }
}

static void check_columns(struct base_slice body)
{
    static struct wire_column columns[COLUMNS_MAX], again[COLUMNS_MAX];
    size_t count, again_count;
    struct wire_frame frame;
    if (wire_row_description_parse(body, columns, COLUMNS_MAX, &count) != BASE_OK ||
        count > COLUMNS_MAX) {
        return;
    }
    wire_row_description_put(&out, columns, count);
    int r = wire_frame_parse(wire_out_slice(&out), UINT32_MAX, &frame);
    INVARIANT(r == BASE_OK && frame.body.bytes == body.bytes);
    r = wire_row_description_parse(frame.body, again, COLUMNS_MAX, &again_count);
    INVARIANT(r == BASE_OK && again_count == count);
    for (size_t i = 0; i < count; i++) {
        INVARIANT(base_slice_equal(columns[i].name, again[i].name));
        INVARIANT(columns[i].type_oid == again[i].type_oid);
    }
}

static void check_authentication(struct base_slice body)
{
    struct wire_authentication a;
    if (wire_authentication_parse(body, &a) != BASE_OK) {
        return;
    }
    switch (a.code) {
    case WIRE_AUTHENTICATION_OK:
        wire_authentication_ok_put(&out);
        break;
    case WIRE_AUTHENTICATION_CLEARTEXT:
        wire_authentication_cleartext_put(&out);
        break;
    case WIRE_AUTHENTICATION_MD5:
        wire_authentication_md5_put(&out, a.payload.data);
        break;
    case WIRE_AUTHENTICATION_SASL_CONTINUE:
        wire_authentication_sasl_continue_put(&out, a.payload);
        break;
    case WIRE_AUTHENTICATION_SASL_FINAL:
        wire_authentication_sasl_final_put(&out, a.payload);
        break;
    case WIRE_AUTHENTICATION_SASL:
        (void)wire_sasl_offers(a.payload, "SCRAM-SHA-256");
        INVARIANT(!wire_sasl_offers(a.payload, ""));
        return;
    default:
        return;
    }
    check_same('R', body);
}

static void check_session(char type, struct base_slice body)
{
    struct base_slice a, b;
    uint32_t number;
    char status;
    switch (type) {
    case WIRE_BACKEND_PARAMETER_STATUS:
        if (wire_parameter_status_parse(body, &a, &b) == BASE_OK) {
            wire_parameter_status_put(&out, a, b);
            check_same(type, body);
        }
        break;
    case WIRE_BACKEND_BACKEND_KEY_DATA:
        if (wire_backend_key_parse(body, &number, &a) == BASE_OK) {
            wire_backend_key_put(&out, number, a);
            check_same(type, body);
        }
        break;
    case WIRE_BACKEND_READY_FOR_QUERY:
        if (wire_ready_for_query_parse(body, &status) == BASE_OK) {
            wire_ready_for_query_put(&out, status);
            check_same(type, body);
        }
        break;
    case WIRE_BACKEND_NOTIFICATION_RESPONSE:
        if (wire_notification_parse(body, &number, &a, &b) == BASE_OK) {
            wire_notification_put(&out, number, a, b);
            check_same(type, body);
        }
        break;
    default:
        break;
    }
}

static void check_backend(char type, struct base_slice body)
{
    struct base_slice tag;
    uint32_t version, count;
    uint16_t columns;
    uint8_t format;
    start();
    switch (type) {
    case WIRE_BACKEND_AUTHENTICATION:
        check_authentication(body);
        break;
    case WIRE_BACKEND_ERROR_RESPONSE:
    case WIRE_BACKEND_NOTICE_RESPONSE:
        check_error(type, body);
        break;
    case WIRE_BACKEND_ROW_DESCRIPTION:
        check_columns(body);
        break;
    case WIRE_BACKEND_DATA_ROW:
        check_row(body);
        break;
    case WIRE_BACKEND_COMMAND_COMPLETE:
        if (wire_command_complete_parse(body, &tag) == BASE_OK) {
            wire_command_complete_put(&out, tag);
            check_same(type, body);
        }
        break;
    case WIRE_BACKEND_NEGOTIATE_PROTOCOL_VERSION:
        if (wire_negotiate_parse(body, &version, &count) == BASE_OK) {
            INVARIANT(count <= body.bytes - 8);
        }
        break;
    case WIRE_BACKEND_COPY_IN_RESPONSE:
    case WIRE_BACKEND_COPY_OUT_RESPONSE:
    case WIRE_BACKEND_COPY_BOTH_RESPONSE:
        if (wire_copy_response_parse(body, &format, &columns) == BASE_OK) {
            INVARIANT(body.bytes == 3 + 2 * (size_t)columns);
        }
        break;
    default:
        check_session(type, body);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct base_slice rest = base_slice_of(data, bytes);
    if (bytes < 2 || bytes > sizeof(memory) / 4) {
        return 0;
    }
    uint8_t direction = fuzz_take_byte(&rest);
    char type = (char)fuzz_take_byte(&rest);
    (direction == 'F' ? check_frontend : check_backend)(type, rest);
    return 0;
}
