/* path.h - request paths and query parameters as they come off the wire: pure.
 *
 * Always: a path is decoded once and strictly. What could mean two things to two readers is
 * refused: a broken or cut %XX, an encoded zero byte or slash, control characters, backslashes,
 * empty segments, "." and "..". What comes out is plain ASCII or UTF-8 bytes without zeros. Test:
 * tests/unit/horizon/test_route.c; fuzz/fuzz_request.c.
 */
#ifndef HORIZON_SERVE_PATH_H
#define HORIZON_SERVE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define PATH_BYTES_MAX 512

/* Decodes the path of a request line, without the query. False: it is refused. */
bool path_decode(const char *raw, char ret_path[PATH_BYTES_MAX]);

/* Decodes one query value in place of the same rules, slashes allowed. False: it is refused or too
 * long. */
bool path_decode_value(const char *raw, char *ret_value, size_t bytes);

#endif
