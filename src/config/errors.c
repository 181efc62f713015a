/* errors.c - the list of errors and the list of advice.
 *
 * Invariants: counts never pass CONFIG_ERRORS_MAX; what is over is in `dropped`. The first error
 * always finds room, unless there is no memory at all: then the maker of the snapshot reports
 * BASE_ENOMEM anyway. Texts carry no secret: who calls sees to it; they are cleared all the same.
 * Test: tests/unit/config/test_build.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"

#define ERROR_TEXT_BYTES 1024

static bool list_push(struct config_error **list, uint32_t *count, struct config_error error)
{
    struct config_error *grown;

    if (error.file == NULL || error.text == NULL || *count >= CONFIG_ERRORS_MAX)
        return false;
    grown = realloc(*list, (*count + 1) * sizeof(**list));
    if (grown == NULL)
        return false;
    *list = grown;
    grown[(*count)++] = error;
    return true;
}

static void list_add(struct config_errors *errors, struct config_error **list, uint32_t *count,
                     struct config_place place, const char *text)
{
    struct config_error error = {
        .file = strdup(place.file ? place.file : ""), .line = place.line, .text = strdup(text)};

    if (!list_push(list, count, error)) {
        free(error.file);
        free(error.text);
        errors->dropped++;
    }
}

void config_error_add(struct config_errors *errors, struct config_place place, const char *format,
                      ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    list_add(errors, &errors->errors, &errors->error_count, place, text);
}

void config_advice_add(struct config_errors *errors, struct config_place place, const char *format,
                       ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    list_add(errors, &errors->advice, &errors->advice_count, place, text);
}

static void list_done(struct config_error *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        explicit_bzero(list[i].text, strlen(list[i].text));
        free(list[i].file);
        free(list[i].text);
    }
    free(list);
}

void config_errors_done(struct config_errors *errors)
{
    list_done(errors->errors, errors->error_count);
    list_done(errors->advice, errors->advice_count);
    *errors = (struct config_errors){0};
}

size_t config_error_format(const struct config_error *error, char *out, size_t bytes)
{
    int length;

    if (error->file[0] != '\0' && error->line > 0)
        length = snprintf(out, bytes, "%s:%u: %s", error->file, error->line, error->text);
    else if (error->file[0] != '\0')
        length = snprintf(out, bytes, "%s: %s", error->file, error->text);
    else if (error->line > 0)
        length = snprintf(out, bytes, "line %u: %s", error->line, error->text);
    else
        length = snprintf(out, bytes, "%s", error->text);
    return length < 0 ? 0 : (size_t)length;
}
