/* privilege.c - gives up root, once sockets and files are open. Test: tests/system/test_ops.py. */
#include "proxy/privilege.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "proxy/log.h"

int proxy_may_become_user(const char *name)
{
    const struct passwd *entry = *name ? getpwnam(name) : NULL;
    if (!*name || (entry && (geteuid() == 0 || entry->pw_uid == geteuid()))) {
        return BASE_OK;
    }
    proxy_log(PROXY_FATAL,
              entry ? "user: cannot become \"%s\": start weir as root or as that user"
                    : "user: there is no system user \"%s\"",
              name);
    return BASE_EINVALID;
}

int proxy_become_user(const char *name)
{
    if (!*name) {
        return BASE_OK;
    }
    const struct passwd *entry = getpwnam(name);
    if (!entry) {
        proxy_log(PROXY_FATAL, "user: there is no system user \"%s\"", name);
        return BASE_EINVALID;
    }
    if (entry->pw_uid == geteuid()) {
        return BASE_OK;
    }
    if (initgroups(name, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
        setuid(entry->pw_uid) < 0) {
        proxy_log(PROXY_FATAL, "user: cannot become \"%s\": start weir as root or as that user",
                  name);
        return BASE_ESYSTEM;
    }
    /* A way back would make the change worthless. */
    if (entry->pw_uid != 0 && setuid(0) == 0) {
        proxy_log(PROXY_FATAL, "user: root could be taken back after becoming \"%s\"", name);
        return BASE_ESYSTEM;
    }
    return BASE_OK;
}
