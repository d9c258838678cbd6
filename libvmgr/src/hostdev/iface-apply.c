/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of the host's interfaces, put in force and taken out of it.
 *
 * What can fail comes first, what cannot be taken back (addresses of a card that becomes part of a
 * bridge) as late as it can.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <string.h>
#include <unistd.h>

#include "../network/network.h"
#include "hostdev.h"
#include "iface-link.h"

static int check_rights(const struct vemu *d, const char *name, struct vmgr_error **err)
{
    if (*d->hostdev->root)
        return iface_error(err, VMGR_ERR_OPERATION_INVALID,
                           "interface '%s' of a recorded host cannot be changed", name);
    if (vmgr__hostnet_is_admin())
        return 0;
    return iface_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                       "changing interface '%s' takes the capability CAP_NET_ADMIN, which this "
                       "process does not have",
                       name);
}

static int write_sysctl(const char *name, const char *key, const char *value,
                        struct vmgr_error **err)
{
    g_autofree char *path = g_strdup_printf("/proc/sys/net/ipv6/conf/%s/%s", name, key);
    int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_INTERFACE, "cannot write %s to '%s'", value,
                                  path);
    if (fd >= 0)
        close(fd);
    return r;
}

/* Addresses from routers. 2: also where the host forwards, which bridges of guests make it do. */
static int set_autoconf(const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    for (guint i = 0; i < def->protocols->len; i++) {
        const struct vmgr__iface_protocol *p = def->protocols->pdata[i];

        if (p->autoconf && (write_sysctl(def->name, "autoconf", "1", err) < 0 ||
                            write_sysctl(def->name, "accept_ra", "2", err) < 0))
            return -1;
    }
    return 0;
}

static int apply(struct nl_sock *sk, const struct vmgr__iface_def *def, GPtrArray *made,
                 struct vmgr_error **err);

static int add_port(struct nl_sock *sk, const struct vmgr__iface_def *def,
                    const struct vmgr__iface_def *port, GPtrArray *made, struct vmgr_error **err)
{
    int r = apply(sk, port, made, err);

    if (r < 0)
        return -1;
    if (def->type == VMGR__IFACE_BOND) /* it takes none that is up */
        r = vmgr__iface_link_set(sk, port->name, false, 0);
    if (r == 0)
        r = vmgr__iface_link_enslave(sk, port->name, def->name);
    if (r == 0) {
        vmgr__iface_address_flush(sk, port->name);
        r = vmgr__iface_link_set(sk, port->name, true, 0);
    }
    return r < 0
               ? iface_nl_fail(err, r, "cannot put interface '%s' into '%s'", port->name, def->name)
               : 0;
}

/* The link and what is in it, up; made: names of links that were made. */
static int apply(struct nl_sock *sk, const struct vmgr__iface_def *def, GPtrArray *made,
                 struct vmgr_error **err)
{
    bool is_new;
    int r;

    if (vmgr__iface_link_make(sk, def, &is_new, err) < 0)
        return -1;
    if (is_new)
        g_ptr_array_add(made, (char *)def->name);
    if (def->link) {
        r = vmgr__iface_link_set(sk, def->link, true, 0);
        if (r < 0)
            return iface_nl_fail(err, r, "cannot set interface '%s' up", def->link);
    }
    for (guint i = 0; i < def->ports->len; i++) {
        if (add_port(sk, def, def->ports->pdata[i], made, err) < 0)
            return -1;
    }
    r = vmgr__iface_link_set(sk, def->name, true, def->mtu);
    return r < 0 ? iface_nl_fail(err, r, "cannot set interface '%s' up", def->name) : 0;
}

int vmgr__iface_up(const struct vemu *d, const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) made = g_ptr_array_new();
    struct nl_sock *sk;
    int r;

    if (check_rights(d, def->name, err) < 0)
        return -1;
    sk = vmgr__rt_open(VMGR_FROM_INTERFACE, err);
    if (!sk)
        return -1;
    r = apply(sk, def, made, err);
    if (r == 0)
        r = set_autoconf(def, err);
    if (r == 0)
        r = vmgr__iface_address_add(sk, def, err);
    if (r == 0)
        r = vmgr__iface_dhcp_start(d, def, err);
    if (r < 0) {
        vmgr__iface_dhcp_stop(d, def->name);
        if (def->type == VMGR__IFACE_ETHERNET && if_nametoindex(def->name)) {
            vmgr__iface_address_flush(sk, def->name);
            vmgr__iface_link_set(sk, def->name, false, 0);
        }
        for (guint i = made->len; i-- > 0;)
            vmgr__iface_link_delete(sk, made->pdata[i]);
    }
    nl_socket_free(sk);
    return r;
}

static int take_down(struct nl_sock *sk, const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    int r = 0;

    for (guint i = 0; i < def->ports->len; i++) {
        const struct vmgr__iface_def *port = def->ports->pdata[i];

        if (!if_nametoindex(port->name))
            continue;
        vmgr__iface_link_enslave(sk, port->name, NULL); /* fails if it is in nothing */
        if (take_down(sk, port, err) < 0)
            return -1;
    }
    if (def->type != VMGR__IFACE_ETHERNET) {
        vmgr__iface_link_delete(sk, def->name);
    } else {
        vmgr__iface_address_flush(sk, def->name);
        r = vmgr__iface_link_set(sk, def->name, false, 0);
    }
    return r < 0 ? iface_nl_fail(err, r, "cannot set interface '%s' down", def->name) : 0;
}

int vmgr__iface_down(const struct vemu *d, const struct vmgr__iface_def *def,
                     struct vmgr_error **err)
{
    struct nl_sock *sk;
    int r;

    if (check_rights(d, def->name, err) < 0)
        return -1;
    sk = vmgr__rt_open(VMGR_FROM_INTERFACE, err);
    if (!sk)
        return -1;
    vmgr__iface_dhcp_stop(d, def->name);
    r = take_down(sk, def, err);
    nl_socket_free(sk);
    return r;
}
