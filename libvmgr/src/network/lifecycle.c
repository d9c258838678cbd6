/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting, stopping and changing a network.
 */
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "network.h"

#define unsupported(err, ...) hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

bool vmgr__hostnet_is_admin(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { 0 } };

    return syscall(SYS_capget, &head, data) == 0 &&
           data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN);
}

static int check_kept(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    static const char *const harmless[] = { "title", "description", "metadata", NULL };

    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__net_kept *k = def->kept->pdata[i];
        bool ours = strcmp(k->name, "vlan") == 0 || strcmp(k->name, "virtualport") == 0 ||
                    strcmp(k->name, "options") == 0;

        if (ours && vmgr__name_index(harmless, k->name) < 0)
            return unsupported(err, "<%s> of network '%s' is not supported", k->name, def->name);
    }
    return 0;
}

static int check_bridge(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    if (def->bridge_zone)
        return unsupported(err, "zone '%s' of the bridge of network '%s' is not supported",
                           def->bridge_zone, def->name);
    if (def->mac_table == 1)
        return unsupported(err, "macTableManager 'libvirt' of network '%s' is not supported",
                           def->name);
    if (def->port_isolated == 1 && vmgr__network_def_is_direct(def))
        return unsupported(err,
                           "<port isolated='yes'> of network '%s', which has no bridge, is not "
                           "supported",
                           def->name);
    if (def->trust_filters == 1)
        return unsupported(err, "trustGuestRxFilters of network '%s' is not supported", def->name);
    for (guint i = 0; i < def->forward.interfaces->len; i++) {
        const char *dev = def->forward.interfaces->pdata[i];

        if (strlen(dev) > 15 || strpbrk(dev, "\"\\ \n\t/*"))
            return unsupported(err, "'%s' is not the name of an interface", dev);
    }
    return 0;
}

/* The limits of a network, which are its bridge's. */
static int read_limits(const struct vmgr__network_def *def, struct vmgr__bandwidth *ret,
                       struct vmgr_error **err)
{
    const char *text = NULL;

    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__net_kept *k = def->kept->pdata[i];

        if (strcmp(k->name, "bandwidth") == 0)
            text = k->text;
    }
    return vmgr__bandwidth_parse(text, ret, err);
}

static int limit_bridge(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    struct vmgr__bandwidth b;

    if (read_limits(def, &b, err) < 0)
        return -1;
    return vmgr__bandwidth_is_any(&b) ? vmgr__link_limit(def->bridge, &b, err) : 0;
}

int vmgr__hostnet_check(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    const int mode = def->forward.mode;
    struct vmgr__bandwidth limits;

    if (mode == VMGR__FORWARD_HOSTDEV)
        return unsupported(err, "forward mode '%s' of network '%s' is not supported",
                           vmgr__forward_names[mode], def->name);
    if (def->forward.kept->len)
        return unsupported(err,
                           "what <forward> of network '%s' holds besides <nat> and "
                           "<interface> is not supported",
                           def->name);
    if (check_kept(def, err) < 0 || check_bridge(def, err) < 0 ||
        read_limits(def, &limits, err) < 0)
        return -1;
    if (vmgr__network_def_is_direct(def) &&
        (vmgr__bandwidth_is_any(&limits) || def->ips->len || def->routes->len))
        return unsupported(err,
                           "network '%s' is of forward mode '%s' and has no bridge, addresses, "
                           "routes and limits of its own",
                           def->name, vmgr__forward_names[mode]);
    if (mode == VMGR__FORWARD_BRIDGE && vmgr__bandwidth_is_any(&limits))
        return unsupported(err,
                           "network '%s' uses a bridge of the host, which it gives no limits",
                           def->name);
    if (mode == VMGR__FORWARD_BRIDGE) {
        if (def->ips->len || def->routes->len)
            return unsupported(err,
                               "network '%s' uses a bridge of the host, which it gives no "
                               "addresses and routes",
                               def->name);
        return 0;
    }
    if (vmgr__network_def_is_direct(def))
        return 0;
    if (!vmgr__hostnet_is_admin())
        return unsupported(err,
                           "starting network '%s' takes the capability CAP_NET_ADMIN, which this "
                           "process does not have; guests get a network without it by <interface "
                           "type='user'>",
                           def->name);
    return 0;
}

static bool is_taken(const GPtrArray *list, const struct vmgr__network_def *own, const char *bridge)
{
    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__netobj *obj = list->pdata[i];

        if (strcmp(vmgr__netobj_current(obj)->name, own->name) == 0)
            continue;
        if ((obj->config && g_strcmp0(obj->config->bridge, bridge) == 0) ||
            (obj->live && g_strcmp0(obj->live->bridge, bridge) == 0))
            return true;
    }
    return false;
}

int vmgr__hostnet_complete(struct vmgr__network_def *def, const GPtrArray *list,
                           struct vmgr_error **err)
{
    char mac[18];

    if (!vmgr__network_def_owns_bridge(def))
        return 0;
    if (def->bridge && is_taken(list, def, def->bridge))
        return hostnet_error(err, VMGR_ERR_INTERNAL_ERROR, "bridge name '%s' already in use.",
                             def->bridge);
    for (int i = 0; !def->bridge && i < 4096; i++) {
        g_autofree char *name = g_strdup_printf("virbr%d", i);

        if (!is_taken(list, def, name) && !vmgr__link_exists(name))
            def->bridge = g_steal_pointer(&name);
    }
    if (!def->bridge)
        return hostnet_error(err, VMGR_ERR_INTERNAL_ERROR, "Bridge generation exceeded max id %d",
                             4096);
    if (def->mac)
        return 0;
    if (vmgr__mac_generate(mac, err) < 0)
        return -1;
    def->mac = g_strdup(mac);
    return 0;
}

int vmgr__hostnet_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err)
{
    if (!vmgr__network_def_owns_bridge(def)) {
        if (def->bridge && !vmgr__link_exists(def->bridge))
            return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                                 "network '%s' uses bridge '%s', which this host does not have",
                                 def->name, def->bridge);
        return vmgr__hostnet_save_status(d, def, true, err);
    }
    if (vmgr__link_exists(def->bridge))
        return hostnet_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "Network '%s': an interface '%s' is there already", def->name,
                             def->bridge);
    if (vmgr__bridge_check_free(def, err) < 0 || vmgr__hostnet_save_status(d, def, false, err) < 0)
        return -1;
    if (vmgr__bridge_make(def, err) < 0 || limit_bridge(def, err) < 0 ||
        vmgr__firewall_up(d, def, err) < 0 ||
        vmgr__dnsmasq_up(d, def, err) < 0 || vmgr__hostnet_save_status(d, def, true, err) < 0) {
        if (vmgr__hostnet_down(d, def, NULL) == 0)
            vmgr__hostnet_forget(d, def->name);
        return -1;
    }
    return 0;
}

int vmgr__hostnet_down(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err)
{
    int r;

    if (!vmgr__network_def_owns_bridge(def))
        return 0;
    vmgr__dnsmasq_down(d, def->name);
    r = vmgr__firewall_down(d, def, err);
    vmgr__bridge_remove(def);
    return r;
}

int vmgr__hostnet_refresh(struct vemu *d, const struct vmgr__network_def *before,
                          const struct vmgr__network_def *def, struct vmgr_error **err)
{
    g_autofree char *old_rules = vmgr__firewall_script(before);
    g_autofree char *rules = vmgr__firewall_script(def);

    if (!vmgr__network_def_owns_bridge(def))
        return 0;
    if (g_strcmp0(old_rules, rules) != 0 && vmgr__firewall_up(d, def, err) < 0)
        return -1;
    return vmgr__dnsmasq_refresh(d, def, err);
}
