/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings of the kernel that a network needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network.h"

/* Fine when the value is already there: /proc may be read-only in a container. */
static int set(const char *path, const char *value, struct vmgr_error **err)
{
    g_autofree char *now = NULL;
    int fd;
    ssize_t n;

    if (g_file_get_contents(path, &now, NULL, NULL) && strcmp(g_strchomp(now), value) == 0)
        return 0;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : write(fd, value, strlen(value));
    if (n < 0)
        vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot write %s to '%s'", value,
                              path);
    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

static bool has_family(const struct vmgr__network_def *def, int family)
{
    for (guint i = 0; i < def->ips->len; i++) {
        if (((struct vmgr__net_ip *)def->ips->pdata[i])->address.family == family)
            return true;
    }
    return false;
}

static int set_on_bridge(const char *bridge, const char *key, const char *value,
                         struct vmgr_error **err)
{
    g_autofree char *path = g_strdup_printf("/proc/sys/net/ipv6/conf/%s/%s", bridge, key);

    return set(path, value, err);
}

int vmgr__hostnet_sysctls(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    const int mode = def->forward.mode;
    const bool v6 = has_family(def, AF_INET6);
    const bool forwards =
        mode == VMGR__FORWARD_NAT || mode == VMGR__FORWARD_ROUTE || mode == VMGR__FORWARD_OPEN;

    if (access("/proc/sys/net/ipv6", F_OK) == 0) {
        /* The host takes no address from a router that a guest plays. */
        if (set_on_bridge(def->bridge, "accept_ra", "0", err) < 0 ||
            set_on_bridge(def->bridge, "autoconf", "0", err) < 0 ||
            set_on_bridge(def->bridge, "disable_ipv6", v6 ? "0" : "1", err) < 0)
            return -1;
    } else if (v6) {
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "network '%s' has an IPv6 address, but this host has no IPv6",
                             def->name);
    }
    if (!forwards)
        return 0;
    if (has_family(def, AF_INET) && set("/proc/sys/net/ipv4/ip_forward", "1", err) < 0)
        return -1;
    return v6 ? set("/proc/sys/net/ipv6/conf/all/forwarding", "1", err) : 0;
}
