/* name_servers.c - ports of name servers in a resolv.conf, which c-ares 1.18 does not read there.
 *
 *     nameserver 127.0.0.1:5353      nameserver [::1]:5353
 *
 * A file without ports is left to c-ares alone. Test: tests/system/test_dns.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/resolve_internal.h"

#define SERVERS_MAX  32
#define SERVER_BYTES 64 /* "[v6]:65535" */

/* The word behind "nameserver"; false for other lines. */
static bool take_server(const char *line, char ret_server[SERVER_BYTES])
{
    return sscanf(line, " nameserver %63s", ret_server) == 1;
}

/* Is it "address:port"? Two colons without brackets are an IPv6 address. */
static bool has_port(const char *server)
{
    const char *colon = strrchr(server, ':');
    return colon && (strstr(server, "]:") || strchr(server, ':') == colon);
}

static void list_server(char *list, size_t bytes, const char *server)
{
    size_t used = strlen(list);
    bool is_bare_v6 = server[0] != '[' && strchr(server, ':') && !has_port(server);
    snprintf(list + used, bytes - used, "%s%s%s%s", used ? "," : "", is_bare_v6 ? "[" : "", server,
             is_bare_v6 ? "]" : "");
}

int net_name_servers(ares_channel channel, const char *path)
{
    char list[SERVERS_MAX * (SERVER_BYTES + 3)] = "";
    char line[512], server[SERVER_BYTES];
    bool has_ports = false;
    FILE *file = fopen(path, "re");
    if (!file) {
        return BASE_ESYSTEM;
    }
    for (int count = 0; count < SERVERS_MAX && fgets(line, sizeof(line), file);) {
        if (take_server(line, server)) {
            list_server(list, sizeof(list), server);
            has_ports = has_ports || has_port(server);
            count++;
        }
    }
    fclose(file);
    bool is_ok = !has_ports || ares_set_servers_ports_csv(channel, list) == ARES_SUCCESS;
    return is_ok ? BASE_OK : BASE_EINVALID;
}
