/*
 * The page's files, as they are inside the program.
 *
 * tools/embed_web builds the page (vite) and writes the table; nothing is read from a disk when the
 * page is served. Each file is there twice, plain and compressed by gzip, so that serving is
 * nothing but choosing a pointer.
 *
 * Always: paths start with '/', are unique and sorted (strcmp); the page itself is "/"; `gzip` is
 * NULL where compressing does not pay. Files whose name contains a hash of their content are
 * immutable: "Cache-Control: public, max-age=31536000, immutable" is right for them and "no-cache"
 * for the others.
 *
 * The page needs no inline script and no inline style, so that
 *     default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';
 *     base-uri 'none'; form-action 'self'; frame-ancestors 'none'
 * is a Content-Security-Policy it works under; tests/web serves it with one.
 */
#ifndef HORIZON_WEB_FILES_H
#define HORIZON_WEB_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct web_file {
    const char *path;         /* as requested: "/", "/assets/index-Bx3k.js" */
    const char *content_type; /* "text/html; charset=utf-8" */
    const char *etag;         /* strong, with its quotes; the plain body's */
    bool is_immutable;
    const unsigned char *plain;
    size_t plain_bytes;
    const unsigned char *gzip; /* NULL: send it plain */
    size_t gzip_bytes;
};

extern const struct web_file web_files[];
extern const size_t web_file_count;

#endif
