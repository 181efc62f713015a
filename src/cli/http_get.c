/* http_get.c - one page by libcurl: no redirects, no other protocol, a limit on time and size. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/metrics.h"

#define SECONDS_MOST 10L
#define BYTES_MOST   (16u << 20)

struct page {
    char *text;
    size_t bytes;
};

static size_t append(char *data, size_t size, size_t count, void *user)
{
    struct page *page = user;
    size_t bytes = size * count;
    if (bytes > BYTES_MOST - page->bytes)
        return 0;
    char *more = realloc(page->text, page->bytes + bytes + 1);
    if (!more)
        return 0;
    memcpy(more + page->bytes, data, bytes);
    page->text = more;
    page->bytes += bytes;
    page->text[page->bytes] = '\0';
    return bytes;
}

static CURLcode get(CURL *curl, const char *url, struct page *page, long *ret_status)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, SECONDS_MOST);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return code;
}

char *cli_http_get(const char *url, size_t *ret_bytes, char reason[256])
{
    struct page page = {0};
    long status = 0;
    CURL *curl = curl_easy_init();
    CURLcode code = curl ? get(curl, url, &page, &status) : CURLE_OUT_OF_MEMORY;
    if (curl)
        curl_easy_cleanup(curl);
    if (code == CURLE_OK && status == 200 && page.text) {
        *ret_bytes = page.bytes;
        return page.text;
    }
    if (code == CURLE_OK)
        snprintf(reason, 256, "answered with status %ld instead of metrics", status);
    else
        snprintf(reason, 256, "%s", curl_easy_strerror(code));
    free(page.text);
    return NULL;
}
