/* client_access.c - which method a client has to pass, and the methods without a conversation.
 *
 * With auth_type = hba the first line of auth_hba_file that fits decides; the table is kept while
 * the login lasts, whatever a reload brings. A line may ask for a certificate beside its method.
 * Who is refused here is told what was looked at and not why, as PostgreSQL does; the log has the
 * line. Test: tests/system/test_hba.py.
 */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "config/hba.h"
#include "proxy/client_internal.h"
#include "proxy/log.h"

#define INTERFACES_MAX 256
#define NAME_BYTES     1024 /* of a certificate */

/* ---- auth_hba_file ---- */

/* The bytes of an address, 0 for a Unix socket's. */
static uint32_t address_of(const struct sockaddr *address, const uint8_t **ret_bytes)
{
    if (address && address->sa_family == AF_INET) {
        *ret_bytes = (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        return 4;
    }
    if (address && address->sa_family == AF_INET6) {
        *ret_bytes = (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        return 16;
    }
    *ret_bytes = NULL;
    return 0;
}

/* This machine's own addresses and networks, for samehost and samenet. */
static uint32_t list_interfaces(struct config_hba_net *nets, uint32_t max)
{
    struct ifaddrs *list = NULL;
    uint32_t count = 0;
    if (getifaddrs(&list) < 0) {
        return 0;
    }
    for (const struct ifaddrs *it = list; it && count < max; it = it->ifa_next) {
        const uint8_t *address, *mask;
        uint32_t bytes = address_of(it->ifa_addr, &address);
        if (bytes > 0 && address_of(it->ifa_netmask, &mask) == bytes) {
            nets[count].bytes = bytes;
            memcpy(nets[count].address, address, bytes);
            memcpy(nets[count].mask, mask, bytes);
            count++;
        }
    }
    freeifaddrs(list);
    return count;
}

/* What auth_hba_file has to do with it, for the client's eyes. */
static const char *why_rejected(const struct config_hba_rule *rule)
{
    return !rule            ? "No line of auth_hba_file fits"
           : rule->unserved ? "A line of auth_hba_file that weir cannot serve decides, or may,"
                            : "auth_hba_file rejects connections";
}

static void reject(struct proxy_client *client)
{
    const struct config_hba_rule *rule = client->login->rule;
    char host[NET_ADDRESS_TEXT], detail[NET_ADDRESS_TEXT + 2 * CLIENT_NAME_BYTES + 128];
    struct net_address peer = net_peer_address(&client->peer);
    net_address_host_text(&peer, host, sizeof(host));
    snprintf(detail, sizeof(detail), "%s for host \"%s\", user \"%s\", database \"%s\", %s.",
             why_rejected(rule), host, client->login->user, client->login->database,
             net_stream_has_tls(&client->stream) ? "TLS" : "no encryption");
    if (rule && rule->unserved) {
        proxy_log_client(PROXY_WARNING, client, "login rejected by %s:%u: %s", rule->file,
                         rule->line, rule->unserved);
    } else if (rule) {
        proxy_log_client(PROXY_LOG, client, "login rejected by %s:%u", rule->file, rule->line);
    } else {
        proxy_log_client(PROXY_LOG, client, "login rejected: no line of auth_hba_file fits");
    }
    proxy_client_close(client, "28000", "login rejected", detail,
                       "Connect as that file allows, or have it changed.", "login rejected");
}

static const struct config_hba_rule *find_rule(struct proxy_client *client)
{
    struct proxy_client_login *login = client->login;
    struct config_hba_net interfaces[INTERFACES_MAX];
    struct config_hba_client facts = {
        .database = base_slice_text(login->database),
        .user = base_slice_text(login->user),
        .is_unix = client->is_unix,
        .is_tls = net_stream_has_tls(&client->stream),
        .is_replication = client->is_physical,
        .interfaces = interfaces,
    };
    facts.address = client->peer.host;
    facts.address_bytes = client->is_unix ? 0 : client->peer.family == AF_INET ? 4 : 16;
    if (config_hba_asks_interfaces(login->hba)) {
        facts.interface_count = list_interfaces(interfaces, INTERFACES_MAX);
    }
    return config_hba_find(login->hba, &facts);
}

static void lacks_certificate(struct proxy_client *client)
{
    proxy_log_client(PROXY_LOG, client, "login failed: %s:%u asks for a certificate",
                     client->login->rule->file, client->login->rule->line);
    proxy_client_close(client, "28000", "connection requires a valid client certificate", NULL,
                       "Connect over TLS with sslcert and sslkey.", "no client certificate");
}

bool client_access_decide(struct proxy_client *client)
{
    struct proxy_client_login *login = client->login;
    const struct config *config = client->proxy->config;
    login->method = config->options.auth_type;
    if (login->method != CONFIG_AUTH_TYPE_HBA) {
        return true;
    }
    login->hba = config_hba_share(config->hba);
    login->rule = find_rule(client);
    if (!login->rule || login->rule->is_reject || login->rule->unserved) {
        login->method = CONFIG_AUTH_TYPE_TRUST;
        reject(client);
        return false;
    }
    login->method = login->rule->method;
    bool has_what_it_needs = login->rule->clientcert == CONFIG_HBA_CERT_VERIFY_FULL
                                 ? client_access_has_certificate(client)
                                 : login->rule->clientcert == CONFIG_HBA_CERT_NONE ||
                                       net_stream_tls_has_peer(&client->stream);
    if (!has_what_it_needs) {
        lacks_certificate(client);
    }
    return has_what_it_needs;
}

/* ---- cert and peer ---- */

static bool may_be(const struct proxy_client *client, const char *name)
{
    const struct proxy_client_login *login = client->login;
    return config_ident_allows(login->hba, login->rule ? login->rule->map : "",
                               base_slice_text(name), base_slice_text(login->user));
}

bool client_access_has_certificate(struct proxy_client *client)
{
    char name[NAME_BYTES] = "";
    bool uses_dn = client->login->rule && client->login->rule->uses_dn;
    size_t bytes = uses_dn ? net_stream_tls_peer_dn(&client->stream, name, sizeof(name))
                           : net_stream_tls_peer_name(&client->stream, name, sizeof(name));
    return bytes > 0 && may_be(client, name);
}

bool client_access_is_peer(struct proxy_client *client)
{
    char memory[4096];
    struct passwd entry, *found = NULL;
    uint32_t uid;
    return client->is_unix && net_stream_peer_uid(&client->stream, &uid) == BASE_OK &&
           getpwuid_r(uid, &entry, memory, sizeof(memory), &found) == 0 && found &&
           may_be(client, found->pw_name);
}
