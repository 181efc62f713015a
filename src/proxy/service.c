/* service.c - what systemd is told and hands over; see service.h for the protocols.
 *
 * The library for this would be one more dependency for two small protocols that are documented to
 * be spoken by hand (sd_notify(3), "Notes"). Tests: tests/system/test_process.py,
 * test_reboot.py.
 */
#include "proxy/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/log.h"

/* A path, or a name in the abstract name space behind "@". 0: there is none that fits. */
static socklen_t notify_address(struct sockaddr_un *ret_address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t bytes = path ? strlen(path) : 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (bytes < 2 || bytes >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return 0;
    }
    memcpy(address.sun_path, path, bytes);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    *ret_address = address;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (path[0] == '/'));
}

void proxy_service_notify(const char *lines)
{
    struct sockaddr_un address;
    socklen_t bytes = notify_address(&address);
    if (bytes == 0) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                         bytes) < 0) {
        proxy_log(PROXY_WARNING, "the service manager could not be told: %s", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

const char *proxy_service_socket_name(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    return name ? name : "";
}

base_time proxy_service_inherit(const char *socket_name, const char *watchdog_us)
{
    if (*socket_name) {
        setenv("NOTIFY_SOCKET", socket_name, 0);
    }
    if (*watchdog_us) {
        setenv("WATCHDOG_USEC", watchdog_us, 1);
        unsetenv("WATCHDOG_PID");
    }
    return proxy_service_watchdog();
}

void proxy_service_reloading(base_time now)
{
    char lines[80];
    snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now / BASE_US);
    proxy_service_notify(lines);
}

void proxy_service_hand_over(int32_t pid)
{
    char lines[32];
    snprintf(lines, sizeof(lines), "MAINPID=%" PRId32, pid);
    proxy_service_notify(lines);
    unsetenv("NOTIFY_SOCKET");
}

/* A whole number from the environment; 0 when there is none. */
static uint64_t number(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    uint64_t value = text ? strtoull(text, &end, 10) : 0;
    return text && end != text && *end == '\0' ? value : 0;
}

uint32_t proxy_service_sockets(void)
{
    uint64_t count = number("LISTEN_PID") == (uint64_t)getpid() ? number("LISTEN_FDS") : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count < UINT16_MAX ? (uint32_t)count : 0;
}

base_time proxy_service_watchdog(void)
{
    uint64_t pid = number("WATCHDOG_PID");
    uint64_t us = number("WATCHDOG_USEC");
    bool is_ours = pid == 0 || pid == (uint64_t)getpid();
    return is_ours && us > 0 && us < UINT64_MAX / BASE_US ? us * BASE_US / 2 : 0;
}
