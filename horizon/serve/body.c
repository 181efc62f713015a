/* body.c - request bodies: JSON objects, strictly. See request.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

#include "serve/app.h"
#include "serve/request.h"

/* A body is JSON when nothing else is claimed; parameters (charset) are allowed. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    return !type || (strncasecmp(type, json, sizeof(json) - 1) == 0 &&
                     (type[sizeof(json) - 1] == '\0' || strchr("; \t", type[sizeof(json) - 1])));
}

json_t *request_json(struct request *request)
{
    json_error_t error;
    if (!is_json(request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE))) {
        reply_error(&request->reply, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, request->id,
                    "unsupported_media_type", "the body has to be application/json");
        return NULL;
    }
    json_t *value = json_loadb(request->body ? request->body : "", request->body_bytes,
                               JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value)) {
        return value;
    }
    if (value) {
        reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, request->id, "invalid_json",
                    "the body has to be a JSON object");
    } else {
        /* where, not what: the text near it may be a password */
        reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, request->id, "invalid_json",
                    "the body is not JSON: line %d, column %d", error.line, error.column);
    }
    json_decref(value);
    return NULL;
}
