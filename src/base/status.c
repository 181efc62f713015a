/* status.c - the status table as data. Test: unit/base/. */
#include "base/status.h"

#include <stddef.h>

static const struct base_status_info table[] = {
    {0, "OK", "00000", BASE_CLASS_CALLER, "success", ""},
#define STATUS(name, number, sqlstate, class, text, hint) \
    {(number), #name, sqlstate, BASE_CLASS_##class, text, hint},
    STATUS_TABLE(STATUS)
#undef STATUS
};

static const struct base_status_info unknown = {
    -999, "EUNKNOWN", "XX000", BASE_CLASS_BUG, "internal error", "Report this as a bug in weir."};

const struct base_status_info *base_status_info(int status)
{
    size_t count = sizeof(table) / sizeof(table[0]);
    /* Numbers run downward from 0 without a gap, so the row is the index. */
    size_t idx = status <= 0 ? (size_t) - (long)status : count;
    return idx < count && table[idx].number == status ? &table[idx] : &unknown;
}

const char *base_status_text(int status)
{
    return base_status_info(status)->text;
}
