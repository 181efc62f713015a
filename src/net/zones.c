/* zones.c - serial numbers of DNS zones: one query a zone finds out whether any of many names has
 * moved.
 *
 * A name's zone is what follows its first dot. Once a period the zones of all known names are
 * asked for their SOA record; where the number is another than before, all names in the zone are
 * looked up again (resolve.c tells what has moved). Zones without known names are forgotten.
 *
 * Always true: a zone that is being asked for is not freed before its answer.
 * Test: tests/system/test_dns.py.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/resolve_internal.h"

#define DNS_CLASS_IN 1
#define DNS_TYPE_SOA 6

struct zone {
    struct base_list link; /* in resolver->zones */
    struct net_resolver *resolver;
    uint32_t serial;
    bool is_known;
    bool is_asking;
    char name[HOST_BYTES_MAX + 1];
};

/* NULL: a name without a zone. */
static const char *zone_of(const char *host)
{
    const char *dot = strchr(host, '.');
    return dot && dot[1] ? dot + 1 : NULL;
}

static bool is_in(const struct entry *entry, const struct zone *zone)
{
    const char *name = zone_of(entry->host);
    return name && strcasecmp(name, zone->name) == 0;
}

static uint32_t count_hosts(const struct zone *zone)
{
    uint32_t count = 0;
    base_list_each(it, &zone->resolver->entries)
    {
        count += is_in(base_list_entry(it, const struct entry, link), zone);
    }
    return count;
}

static void zone_free(struct zone *zone)
{
    base_list_remove(&zone->link);
    free(zone);
}

static void look_up_again(struct zone *zone)
{
    base_list_each_safe(it, &zone->resolver->entries)
    {
        struct entry *entry = base_list_entry(it, struct entry, link);
        if (entry->state == ENTRY_KNOWN && is_in(entry, zone)) {
            net_resolver_ask(entry);
        }
    }
}

static void zone_answer(void *arg, int status, int timeouts, unsigned char *answer, int bytes)
{
    struct zone *zone = arg;
    struct ares_soa_reply *soa = NULL;
    (void)timeouts;
    zone->is_asking = false;
    if (zone->resolver->is_closing) {
        return;
    }
    zone->resolver->query_count--;
    if (status == ARES_SUCCESS && ares_parse_soa_reply(answer, bytes, &soa) == ARES_SUCCESS) {
        bool has_changed = zone->is_known && zone->serial != soa->serial;
        zone->serial = soa->serial;
        zone->is_known = true;
        ares_free_data(soa);
        if (has_changed) {
            look_up_again(zone);
        }
    }
}

static bool is_listed(const struct net_resolver *resolver, const char *name)
{
    base_list_each(it, &resolver->zones)
    {
        if (strcasecmp(base_list_entry(it, const struct zone, link)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Zones of new names; without memory they come the next time. */
static void list_zones(struct net_resolver *resolver)
{
    base_list_each(it, &resolver->entries)
    {
        const char *name = zone_of(base_list_entry(it, struct entry, link)->host);
        struct zone *zone = name && !is_listed(resolver, name) ? calloc(1, sizeof(*zone)) : NULL;
        if (zone) {
            zone->resolver = resolver;
            memcpy(zone->name, name, strlen(name));
            base_list_push_back(&resolver->zones, &zone->link);
        }
    }
}

void net_zones_fire(struct net_timer *timer)
{
    struct net_resolver *resolver = base_list_entry(timer, struct net_resolver, zone_timer);
    list_zones(resolver);
    base_list_each_safe(it, &resolver->zones)
    {
        struct zone *zone = base_list_entry(it, struct zone, link);
        if (zone->is_asking) {
            continue;
        }
        if (count_hosts(zone) == 0) {
            zone_free(zone);
            continue;
        }
        zone->is_asking = true;
        resolver->query_count++;
        ares_query(resolver->channel, zone->name, DNS_CLASS_IN, DNS_TYPE_SOA, zone_answer, zone);
    }
    net_resolver_set_timer(resolver);
    net_timer_set(resolver->loop, timer, base_time_add(resolver->loop->now, resolver->zone_period));
}

void net_resolver_check_zones(struct net_resolver *resolver, base_time period)
{
    resolver->zone_period = period;
    net_timer_set(resolver->loop, &resolver->zone_timer,
                  period ? base_time_add(resolver->loop->now, period) : BASE_NEVER);
    base_list_each_safe(it, &resolver->zones)
    {
        struct zone *zone = base_list_entry(it, struct zone, link);
        if (period == 0 && !zone->is_asking) {
            zone_free(zone);
        }
    }
}

void net_resolver_list_zones(const struct net_resolver *resolver,
                             void (*fn)(void *arg, const struct net_zone *zone), void *arg)
{
    base_list_each(it, &resolver->zones)
    {
        const struct zone *zone = base_list_entry(it, const struct zone, link);
        struct net_zone shown = {zone->name, zone->serial, count_hosts(zone)};
        fn(arg, &shown);
    }
}
