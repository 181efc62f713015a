/* reply.c - see reply.h. */
#include "serve/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS            15
#define MESSAGE_BYTES_MAX 1024

static const char type_json[] = "application/json; charset=utf-8";

void reply_done(struct reply *reply)
{
    if (reply->shared) {
        bodies_give_back(reply->bodies, reply->shared);
    }
    free(reply->owned);
    *reply = (struct reply){0};
}

void reply_text(struct reply *reply, unsigned status, const char *type, char *text, size_t bytes)
{
    free(reply->owned);
    reply->owned = text;
    reply_static(reply, text ? status : 0, type, text, bytes);
}

void reply_static(struct reply *reply, unsigned status, const char *type, const void *bytes,
                  size_t count)
{
    reply->status = status;
    reply->type = type;
    reply->body = bytes;
    reply->bytes = count;
}

void reply_shared(struct reply *reply, unsigned status, const char *type, struct bodies *bodies,
                  struct body *body)
{
    size_t bytes;
    const char *text = body_text(body, &bytes);
    reply->bodies = bodies;
    reply->shared = body;
    reply_static(reply, status, type, text, bytes);
}

void reply_empty(struct reply *reply, unsigned status)
{
    reply_static(reply, status, NULL, "", 0);
}

void reply_json(struct reply *reply, unsigned status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS)) : NULL;
    json_decref(value);
    reply_text(reply, status, type_json, text, text ? strlen(text) : 0);
}

static void set_error(struct reply *reply, unsigned status, const char *id, const char *code,
                      json_t *more, const char *format, va_list arguments)
{
    char message[MESSAGE_BYTES_MAX];
    vsnprintf(message, sizeof(message), format, arguments);
    /* %.. may have cut a UTF-8 character, or a client's text may be none */
    json_t *text = json_string(message);
    json_t *error =
        json_pack("{s:s, s:o, s:s}", "code", code, "message",
                  text ? text : json_string("(the message is not UTF-8)"), "request_id", id);
    if (error && more) {
        json_object_update_missing(error, more);
    }
    json_decref(more);
    reply->etag[0] = '\0'; /* of the answer that could not be made */
    reply->cache = reply->vary = NULL;
    reply_json(reply, status, json_pack("{s:o}", "error", error));
}

void reply_error_with(struct reply *reply, unsigned status, const char *id, const char *code,
                      json_t *more, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_error(reply, status, id, code, more, format, arguments);
    va_end(arguments);
}

void reply_later(struct reply *reply, unsigned status, const char *id, const char *code,
                 unsigned seconds, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_error(reply, status, id, code, json_pack("{s:i}", "retry_after", (int)seconds), format,
              arguments);
    va_end(arguments);
    reply->retry_after = seconds;
}

bool reply_matches(const char *if_none_match, const char *etag)
{
    size_t bytes = strlen(etag);
    const char *at = if_none_match;
    while (at && bytes > 0) {
        at += strspn(at, " \t,");
        if (*at == '*' && at == if_none_match) {
            return true;
        }
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        if (strncmp(at, etag, bytes) == 0 && (at[bytes] == '\0' || strchr(" \t,", at[bytes]))) {
            return true;
        }
        /* an entity tag may contain commas, but no quotes */
        const char *close = *at == '"' ? strchr(at + 1, '"') : NULL;
        at = strchr(close ? close : at, ',');
    }
    return false;
}
