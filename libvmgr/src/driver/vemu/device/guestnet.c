/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of guests: their addresses, from leases of networks, the host's table of neighbours
 * and the guest's agent; and their limits, in the definition and on the host's interface.
 */
#include "../../guestnet.h"

#include <linux/neighbour.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <string.h>

#include "../../../conf/bandwidth.h"
#include "../../../network/port.h"
#include "../../../network/rtnetlink.h"
#include "../change.h"
#include "../run/agent.h"
#include "../state/cache.h"
#include "parts.h"

#define inactive(err) vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is not running")

/* ---- addresses ---- */

/* The definition of the run; NULL and *err. For vmgr__domain_def_free(). */
static struct vmgr__domain_def *live_def(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    struct vmgr__domain_def *def = NULL;
    struct vmgr__domobj *obj;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj && !obj->live)
        inactive(err);
    else if (obj)
        def = vmgr__domain_def_copy(obj->live, &vmgr__vemu_defaults, err);
    g_mutex_unlock(&d->lock);
    return def;
}

/* What a source knows about an interface is added to it. */
typedef int (*source_fn)(struct vemu *d, const struct vmgr__device *dev,
                         struct vmgr_domain_interface *to, void *data, struct vmgr_error **err);

static int from_leases(struct vemu *d, const struct vmgr__device *dev,
                       struct vmgr_domain_interface *to, void *data, struct vmgr_error **err)
{
    g_autofree char *network = vmgr__device_get(dev, "source", "network");
    g_autoptr(GPtrArray) leases = g_ptr_array_new_with_free_func(vmgr__lease_free);
    const struct vmgr__netobj *obj = network ? vmgr__netobj_find(data, NULL, network) : NULL;

    if (!obj || !obj->live)
        return 0;
    if (vmgr__hostnet_leases(d, obj->live, to->mac, leases, err) < 0)
        return -1;
    for (guint i = 0; i < leases->len; i++) {
        const struct vmgr_network_dhcp_lease *l = leases->pdata[i];

        vmgr__guest_interface_add(to, l->type, l->address, l->prefix);
    }
    return 0;
}

struct neighbours {
    uint8_t mac[6];
    struct vmgr_domain_interface *to;
};

static void compare_neighbour(struct nl_object *object, void *data)
{
    struct rtnl_neigh *neigh = (struct rtnl_neigh *)object;
    struct neighbours *n = data;
    struct nl_addr *mac = rtnl_neigh_get_lladdr(neigh), *dst = rtnl_neigh_get_dst(neigh);
    const int state = rtnl_neigh_get_state(neigh);
    char text[VMGR__ADDR_TEXT];
    struct vmgr__addr addr = { 0 };

    if (!mac || !dst || nl_addr_get_len(mac) != 6 ||
        memcmp(nl_addr_get_binary_addr(mac), n->mac, 6) != 0 ||
        (state >= 0 && state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP)))
        return;
    addr.family = nl_addr_get_family(dst);
    if ((addr.family != AF_INET && addr.family != AF_INET6) ||
        nl_addr_get_len(dst) != vmgr__addr_bits(&addr) / 8)
        return;
    memcpy(addr.bytes, nl_addr_get_binary_addr(dst), nl_addr_get_len(dst));
    vmgr__guest_interface_add(n->to, addr.family == AF_INET ? VMGR_ADDRESS_IPV4 : VMGR_ADDRESS_IPV6,
                              vmgr__addr_format(&addr, text), 0);
}

static int from_neighbours(struct vemu *d G_GNUC_UNUSED,
                           const struct vmgr__device *dev G_GNUC_UNUSED,
                           struct vmgr_domain_interface *to, void *data G_GNUC_UNUSED,
                           struct vmgr_error **err)
{
    struct neighbours n = { .to = to };
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_VEMU, err);
    struct nl_cache *cache = NULL;
    int r;

    if (!sk)
        return -1;
    r = rtnl_neigh_alloc_cache(sk, &cache);
    if (r == 0 && to->mac && vmgr__mac_parse(to->mac, n.mac))
        nl_cache_foreach(cache, compare_neighbour, &n);
    nl_cache_free(cache);
    nl_socket_free(sk);
    return r < 0 ? vmgr__rt_fail(err, VMGR_FROM_VEMU, r, "cannot read this host's neighbours") : 0;
}

/* What the guest calls its interfaces; data: the list. */
static void add_agents(void *data, const char *name, const char *hwaddr, const char *address,
                       unsigned prefix, bool ipv6)
{
    GPtrArray *list = data;
    struct vmgr_domain_interface *to = NULL;

    for (guint i = 0; i < list->len && !to; i++) {
        struct vmgr_domain_interface *known = list->pdata[i];

        if (strcmp(known->name, name) == 0)
            to = known;
    }
    if (!to) {
        to = vmgr__guest_interface_new(name, hwaddr);
        g_ptr_array_add(list, to);
    }
    if (address)
        vmgr__guest_interface_add(to, ipv6 ? VMGR_ADDRESS_IPV6 : VMGR_ADDRESS_IPV4, address,
                                  prefix);
}

/* Sources that are asked about each interface that the host sees. */
static const source_fn sources[] = {
    [VMGR_ADDRESS_SOURCE_LEASE] = from_leases,
    [VMGR_ADDRESS_SOURCE_ARP] = from_neighbours,
};

static int get_addresses(struct vmgr_domain *dom, unsigned source, GPtrArray *ret,
                         struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autoptr(GPtrArray) networks = NULL;
    struct vmgr__domain_def *def;
    int r = 0;

    if (source == VMGR_ADDRESS_SOURCE_AGENT)
        return vmgr__vemu_agent_interfaces(dom, add_agents, ret, err);
    if (source >= G_N_ELEMENTS(sources) || !sources[source])
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "Unknown IP address data source %u",
                          source);
    def = live_def(dom, err);
    if (!def)
        return -1;
    networks = vmgr__hostnet_load(d);
    for (guint i = 0; i < def->devices->len && r == 0; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *name = NULL, *mac = NULL;
        struct vmgr_domain_interface *to;

        if (strcmp(dev->name, "interface") != 0)
            continue;
        name = vmgr__device_get(dev, "target", "dev");
        mac = vmgr__device_get(dev, "mac", "address");
        if (!name)
            continue; /* the host does not see it */
        to = vmgr__guest_interface_new(name, mac);
        r = sources[source](d, dev, to, networks, err);
        if (r == 0 && to->address_count)
            g_ptr_array_add(ret, to);
        else
            vmgr__guest_interface_free(to);
    }
    vmgr__domain_def_free(def);
    return r;
}

/* ---- limits ---- */

static struct vmgr__device *find(const struct vmgr__domain_def *def, const char *interface,
                                 struct vmgr_error **err)
{
    struct vmgr__device *dev = vmgr__interface_find(def, interface);

    if (!dev)
        vemu_error(err, VMGR_ERR_INVALID_ARG, "can't find interface '%s'", interface);
    return dev;
}

/* The document's limits; the tree is for xmlFreeDoc(). */
static xmlDoc *read_limits(const struct vmgr__device *dev, struct vmgr__bandwidth *ret)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(doc), "bandwidth");

    memset(ret, 0, sizeof(*ret));
    if (node && vmgr__bandwidth_read(node, ret, NULL) < 0)
        memset(ret, 0, sizeof(*ret)); /* one that no start takes */
    return doc;
}

static int get_limits(struct vmgr_domain *dom, const char *interface, uint32_t flags,
                      uint32_t ret[VMGR_LIMIT_COUNT], struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__domain_def *def = NULL;
    struct vmgr__device *dev = NULL;
    struct vmgr__domobj *obj;
    struct vmgr__bandwidth b;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj) {
        def = flags & VMGR_DOMAIN_AFFECT_CONFIG ? obj->config
              : flags & VMGR_DOMAIN_AFFECT_LIVE ? obj->live
                                                : vmgr__domobj_current(obj);
        if (def)
            dev = find(def, interface, err);
        else if (flags & VMGR_DOMAIN_AFFECT_LIVE)
            inactive(err);
        else
            vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                       "transient domains do not have any persistent config");
    }
    if (dev) {
        xmlFreeDoc(read_limits(dev, &b));
        vmgr__bandwidth_get(&b, ret);
    }
    g_mutex_unlock(&d->lock);
    return dev ? 0 : -1;
}

static int limit_host(const struct vemu *d, const struct vmgr__domain_def *def,
                      const struct vmgr__device *dev, const char *interface,
                      const struct vmgr__bandwidth *b, struct vmgr_error **err)
{
    g_autofree char *name = vmgr__device_get(dev, "target", "dev");

    if (!vmgr__vemu_port_wanted(dev) || !name)
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "interface '%s' is none of this host's and cannot be limited", interface);
    if (vmgr__link_limit(name, b, err) < 0)
        return -1;
    vmgr__hostnet_port_limit(d, def->uuid, name, b);
    return 0;
}

static int set_one(const struct vemu *d, const struct vmgr__domain_def *def, const char *interface,
                   unsigned directions, const uint32_t *limits, bool live, struct vmgr_error **err)
{
    struct vmgr__device *dev = find(def, interface, err);
    struct vmgr__bandwidth b;
    xmlDoc *doc;

    if (!dev)
        return -1;
    doc = read_limits(dev, &b);
    if (vmgr__bandwidth_merge(&b, directions, limits, err) < 0 ||
        (live && limit_host(d, def, dev, interface, &b, err) < 0)) {
        xmlFreeDoc(doc);
        return -1;
    }
    vmgr__bandwidth_store(xmlDocGetRootElement(doc), &b);
    vmgr__device_set_doc(dev, doc);
    return 0;
}

static int set_limits(struct vmgr_domain *dom, const char *interface, unsigned directions,
                      const uint32_t limits[VMGR_LIMIT_COUNT], uint32_t flags,
                      struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (config)
        r = set_one(c.d, c.config, interface, directions, limits, false, err);
    if (r == 0 && live)
        r = set_one(c.d, c.status.def, interface, directions, limits, true, err);
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

const struct vmgr__guestnet_ops vmgr__vemu_guestnet = {
    .get_addresses = get_addresses,
    .get_limits = get_limits,
    .set_limits = set_limits,
};
