/* value.h - one value as text and as a field. Private to src/config. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/arena.h"
#include "config/table.h"

/* Reads `text` as `info` says and stores it into `field`, a field of that type; texts are copied
 * into the arena. On BASE_ECONFIG `why` says what is allowed ("use 1 to 65535"), the field is
 * untouched. Relative paths get `folder` (may be "") in front. Errors: BASE_ECONFIG, BASE_ENOMEM.
 */
int config_value_parse(const struct config_option_info *info, struct base_slice text,
                       const char *folder, struct base_arena *arena, void *field, char *why,
                       size_t why_bytes) BASE_MUST_CHECK;

/* The value as it would be written. Returns the length it needs; writes at most `bytes` with a
 * final NUL. A SECRET shows as stars. */
size_t config_value_render(enum config_type type, const void *field, char *out, size_t bytes);

bool config_value_equal(enum config_type type, const void *a, const void *b);

/* The allowed range in words: "from 1 to 65535", "session, transaction or statement". */
void config_value_allowed(const struct config_option_info *info, char *out, size_t bytes);

/* Digits only; false when there is another byte, nothing, or more than fits. */
bool config_number_parse(struct base_slice text, uint64_t *ret_number);

#endif
