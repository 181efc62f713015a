/* backend.h - messages from the server: built (for our clients) and read (from our servers).
 *
 * X_put appends one message to a writer (failure: wire_out_status). X_parse reads a body as
 * wire_frame_parse gave it; slices point into it; anything malformed, short or with bytes left over
 * is BASE_EPROTOCOL and leaves the outputs untouched. Strings are slices without their terminator.
 */
#ifndef WIRE_BACKEND_H
#define WIRE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "defs/messages.h"
#include "wire/message.h"
#include "wire/out.h"

#define WIRE_READY_FOR_QUERY_BYTES 6
/* Every message without a body: ParseComplete, BindComplete, CloseComplete, NoData, ... */
#define WIRE_BARE_MESSAGE_BYTES 5

/* -- Authentication ------------------------------------------------------------------------- */

enum wire_authentication_code {
    WIRE_AUTHENTICATION_OK = 0,
    WIRE_AUTHENTICATION_KERBEROS = 2,
    WIRE_AUTHENTICATION_CLEARTEXT = 3,
    WIRE_AUTHENTICATION_MD5 = 5,
    WIRE_AUTHENTICATION_GSS = 7,
    WIRE_AUTHENTICATION_GSS_CONTINUE = 8,
    WIRE_AUTHENTICATION_SSPI = 9,
    WIRE_AUTHENTICATION_SASL = 10,
    WIRE_AUTHENTICATION_SASL_CONTINUE = 11,
    WIRE_AUTHENTICATION_SASL_FINAL = 12,
};

struct wire_authentication {
    uint32_t code;             /* enum wire_authentication_code, or one we do not know */
    struct base_slice payload; /* MD5: 4 bytes of salt; SASL: the list of mechanisms, well-formed;
                                  SASL_CONTINUE, SASL_FINAL: data; OK and CLEARTEXT: empty */
};

void wire_authentication_ok_put(struct wire_out *out);
void wire_authentication_cleartext_put(struct wire_out *out);
void wire_authentication_md5_put(struct wire_out *out, const uint8_t salt[4]);
/* AuthenticationSASL with SCRAM-SHA-256, before it SCRAM-SHA-256-PLUS when `with_plus`. */
void wire_authentication_sasl_put(struct wire_out *out, bool with_plus);
void wire_authentication_sasl_continue_put(struct wire_out *out, struct base_slice data);
void wire_authentication_sasl_final_put(struct wire_out *out, struct base_slice data);

BASE_MUST_CHECK int wire_authentication_parse(struct base_slice body,
                                              struct wire_authentication *ret_authentication);
/* Whether the mechanisms of a parsed AuthenticationSASL have this one. */
bool wire_sasl_offers(struct base_slice mechanisms, const char *mechanism);

/* -- Session -------------------------------------------------------------------------------- */

void wire_parameter_status_put(struct wire_out *out, struct base_slice name,
                               struct base_slice value);
BASE_MUST_CHECK int wire_parameter_status_parse(struct base_slice body, struct base_slice *ret_name,
                                                struct base_slice *ret_value);

/* The key has 4 to 256 bytes (wire/startup.h). */
void wire_backend_key_put(struct wire_out *out, uint32_t pid, struct base_slice key);
BASE_MUST_CHECK int wire_backend_key_parse(struct base_slice body, uint32_t *ret_pid,
                                           struct base_slice *ret_key);

/* status: 'I' idle, 'T' in a transaction, 'E' in a failed one. */
void wire_ready_for_query_put(struct wire_out *out, char status);
BASE_MUST_CHECK int wire_ready_for_query_parse(struct base_slice body, char *ret_status);

void wire_notification_put(struct wire_out *out, uint32_t pid, struct base_slice channel,
                           struct base_slice payload);
BASE_MUST_CHECK int wire_notification_parse(struct base_slice body, uint32_t *ret_pid,
                                            struct base_slice *ret_channel,
                                            struct base_slice *ret_payload);

/* The newest protocol version the server speaks (3 << 16 | minor) and how many options it refuses.
 */
BASE_MUST_CHECK int wire_negotiate_parse(struct base_slice body, uint32_t *ret_version,
                                         uint32_t *ret_option_count);

/* -- Errors and notices --------------------------------------------------------------------- */

/* A field that is absent has data NULL. */
struct wire_error {
#define ERROR_FIELD(letter, name) struct base_slice name;
    ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
};

/* S, V, C and M are always sent: V is S when absent, S defaults to "ERROR" ("NOTICE"), C to XX000
 * ("00000"). Other fields are sent when present. */
void wire_error_put(struct wire_out *out, const struct wire_error *error);
void wire_notice_put(struct wire_out *out, const struct wire_error *notice);
/* The body of ErrorResponse or NoticeResponse. Unknown fields are skipped; of a field that comes
 * twice the first counts. The terminator must be the last byte. */
BASE_MUST_CHECK int wire_error_parse(struct base_slice body, struct wire_error *ret_error);
/* A field by its letter; data NULL when absent or unknown. */
struct base_slice wire_error_field(const struct wire_error *error, char letter);

/* -- Results -------------------------------------------------------------------------------- */

/* Types the console uses; any OID may be sent. */
#define WIRE_OID_BOOL   16
#define WIRE_OID_INT8   20
#define WIRE_OID_INT4   23
#define WIRE_OID_TEXT   25
#define WIRE_OID_FLOAT8 701

/* Columns per row: what PostgreSQL allows in a target list (MaxTupleAttributeNumber). */
#define WIRE_COLUMNS_MAX 1664

struct wire_column {
    struct base_slice name;
    uint32_t type_oid;
};

/* All columns in text format; column_count at most WIRE_COLUMNS_MAX. */
void wire_row_description_put(struct wire_out *out, const struct wire_column *columns,
                              size_t column_count);
/* A value with data NULL is SQL's NULL; an empty string has data that is not NULL. */
void wire_data_row_put(struct wire_out *out, const struct base_slice *values, size_t value_count);
/* Writes up to `columns_max` columns; *ret_count is how many there are, which may be more. */
BASE_MUST_CHECK int wire_row_description_parse(struct base_slice body,
                                               struct wire_column *ret_columns, size_t columns_max,
                                               size_t *ret_count);
BASE_MUST_CHECK int wire_data_row_parse(struct base_slice body, struct base_slice *ret_values,
                                        size_t values_max, size_t *ret_count);

void wire_command_complete_put(struct wire_out *out, struct base_slice tag);
BASE_MUST_CHECK int wire_command_complete_parse(struct base_slice body, struct base_slice *ret_tag);

/* A message without body: EMPTY_QUERY_RESPONSE, PARSE_COMPLETE, BIND_COMPLETE, CLOSE_COMPLETE,
 * NO_DATA, PORTAL_SUSPENDED, COPY_DONE. */
void wire_backend_bare_put(struct wire_out *out, enum wire_message_type type);

void wire_parameter_description_put(struct wire_out *out, const uint32_t *type_oids,
                                    size_t type_count);

/* CopyInResponse, CopyOutResponse, CopyBothResponse: overall format (0 text, 1 binary) and number
 * of columns. */
BASE_MUST_CHECK int wire_copy_response_parse(struct base_slice body, uint8_t *ret_format,
                                             uint16_t *ret_column_count);

#endif
