/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces on networks and bridges of the host, on none (type 'ethernet'), and right on
 * interfaces of the host (type 'direct').
 *
 * Before the emulator starts, each of them gets a tap or macvtap interface, whose descriptor the
 * emulator inherits; one that comes later is handed over through its monitor. Its name and where it
 * is are noted in the definition of the run. See network/tap.c and direct.c for what becomes of it.
 */
#include <string.h>
#include <unistd.h>

#include "../../../network/direct.h"
#include "../../../network/port.h"
#include "../../../nwfilter/nwfilter.h"
#include "../device/parts.h"
#include "ethernet.h"
#include "log.h"
#include "passt.h"
#include "port.h"
#include "qmp.h"

/* A queue of one that is to have a tap, and what its back-end is called. */
struct port {
    char *netdev;
    int fd;
};

static void port_clear(void *data)
{
    struct port *p = data;

    g_free(p->netdev);
    close(p->fd);
}

bool vmgr__vemu_port_wanted(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL;

    if (dev->unknown || strcmp(dev->name, "interface") != 0)
        return false;
    type = vmgr__device_get(dev, NULL, "type");
    return g_strcmp0(type, "network") == 0 || g_strcmp0(type, "bridge") == 0 ||
           g_strcmp0(type, "ethernet") == 0 || g_strcmp0(type, "direct") == 0;
}

/* Notes in the document where the interface is. port: of the network; NULL: none. */
static void note(struct vmgr__device *dev, const struct vmgr__tap *tap, const uint8_t *port)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *source = vmgr__xml_child(root, "source"), *target = vmgr__xml_child(root, "target");
    xmlNode *after = source ? source : vmgr__xml_child(root, "mac");

    if (!target) {
        target = xmlNewDocNode(doc, NULL, BAD_CAST "target", NULL);
        if (after)
            xmlAddNextSibling(after, target);
        else
            xmlAddChild(root, target);
    }
    if (source && port) {
        char uuid[VMGR_UUID_STRING_SIZE];

        vmgr__uuid_format(port, uuid);
        xmlSetProp(source, BAD_CAST "portid", BAD_CAST uuid);
    }
    if (source && tap->bridge)
        xmlSetProp(source, BAD_CAST "bridge", BAD_CAST tap->bridge);
    if (source && tap->dev) { /* also of a network: it is what libvirt says of a run */
        xmlSetProp(root, BAD_CAST "type", BAD_CAST "direct");
        xmlSetProp(source, BAD_CAST "dev", BAD_CAST tap->dev);
        xmlSetProp(source, BAD_CAST "mode", BAD_CAST tap->mode);
    }
    xmlSetProp(target, BAD_CAST "dev", BAD_CAST tap->name);
    vmgr__device_set_doc(dev, doc);
}

/* What a document says of its interface; its texts stand on g_malloc(). */
struct place {
    char *network, *portgroup;
    struct vmgr__tap tap;
};

static void place_clear(struct place *p)
{
    g_free(p->network);
    g_free(p->portgroup);
    g_free(p->tap.bridge);
    g_free(p->tap.name);
    g_free(p->tap.mode);
    g_free(p->tap.dev);
    if (p->tap.pool)
        g_ptr_array_unref(p->tap.pool);
}

static int read_bandwidth(const struct vmgr__device *dev, struct vmgr__bandwidth *ret,
                          struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(doc), "bandwidth");
    int r = node ? vmgr__bandwidth_read(node, ret, err) : 0;

    xmlFreeDoc(doc);
    return r;
}

/* Of an interface that is right on one of the host's; a run's may be of a network. */
static void read_direct(struct vmgr__tap *tap, const struct vmgr__device *dev)
{
    tap->dev = vmgr__device_get(dev, "source", "dev");
    tap->mode = vmgr__device_get(dev, "source", "mode");
    tap->pool = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(tap->pool, g_strdup(tap->dev));
}

static int place_read(struct place *p, const struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *mac = vmgr__device_get(dev, "mac", "address");
    g_autofree char *mtu = vmgr__device_get(dev, "mtu", "size");
    g_autofree char *queues = vmgr__device_get(dev, "driver", "queues");
    g_autofree char *type = vmgr__device_get(dev, NULL, "type");
    g_autofree char *isolated = vmgr__device_get(dev, "port", "isolated");

    memset(p, 0, sizeof(*p));
    p->tap.queues = 1;
    if (strcmp(type, "direct") == 0)
        read_direct(&p->tap, dev);
    if (strcmp(type, "network") == 0 || p->tap.dev) {
        p->tap.network = p->network = vmgr__device_get(dev, "source", "network");
        p->tap.portgroup = p->portgroup = vmgr__device_get(dev, "source", "portgroup");
    } else if (strcmp(type, "bridge") == 0) {
        p->tap.bridge = vmgr__device_get(dev, "source", "bridge");
    }
    p->tap.name = vmgr__device_get(dev, "target", "dev");
    p->tap.isolated = !isolated ? 0 : strcmp(isolated, "yes") == 0 ? 1 : 2;
    p->tap.foreign = vmgr__vemu_ethernet_is_foreign(dev);
    if (mac)
        vmgr__mac_parse(mac, p->tap.mac);
    if (queues && vmgr__parse_u32(queues, &p->tap.queues))
        p->tap.queues = CLAMP(p->tap.queues, 1, VMGR__TAP_QUEUES); /* interface.c looks at it */
    if (mtu && !vmgr__parse_u32(mtu, &p->tap.mtu))
        return vemu_error(err, VMGR_ERR_XML_ERROR, "invalid <mtu size='%s'> of <interface>", mtu);
    return read_bandwidth(dev, &p->tap.bandwidth, err);
}

/* The document's <filterref>, or NULL and *ret 0 for none. */
static struct vmgr__nwfilter_ref *read_filter(const struct vmgr__device *dev, int *ret,
                                              struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(doc), "filterref");
    struct vmgr__nwfilter_ref *ref = node ? vmgr__nwfilter_ref_read(node, err) : NULL;

    *ret = node && !ref ? -1 : 0;
    xmlFreeDoc(doc);
    return ref;
}

/* As libvirt has it: what comes to a macvtap goes through no bridge, where rules are. */
static int no_filter(const struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *mac = vmgr__device_get(dev, "mac", "address");

    return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                      "interface %s - filterref is not supported for network interfaces of type "
                      "direct",
                      mac);
}

int vmgr__vemu_port_check(const struct vmgr__device *dev, struct vmgr_error **err)
{
    struct vmgr__nwfilter_ref *ref;
    struct place p;
    int r = place_read(&p, dev, err), filter = 0;

    if (r == 0)
        r = vmgr__vemu_ethernet_check(dev, err);
    ref = r == 0 ? read_filter(dev, &filter, err) : NULL;
    if (ref && p.tap.pool)
        filter = no_filter(dev, err);
    else if (ref && !p.network && !p.tap.bridge)
        filter = vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                            "<filterref> of an interface that is on no bridge is not supported");
    vmgr__nwfilter_ref_free(ref);
    place_clear(&p);
    return r < 0 ? r : filter;
}

/* Makes the filter's rules, or takes those away that are left. */
static int bind_filter(struct vemu *d, const struct vmgr__domain_def *def,
                       const struct vmgr__device *dev, const struct vmgr__tap *tap,
                       struct vmgr_error **err)
{
    char mac[VMGR__MAC_TEXT];
    struct vmgr__nwfilter_binding b = {
        .owner = g_strdup(def->name),
        .interface = g_strdup(tap->name),
        .mac = g_strdup(vmgr__mac_format(tap->mac, mac)),
    };
    int r;

    memcpy(b.uuid, def->uuid, VMGR_UUID_SIZE);
    b.ref = read_filter(dev, &r, err);
    if (b.ref && tap->pool)
        r = no_filter(dev, err);
    if (r == 0)
        r = vmgr__nwfilter_bind(d, &b, err);
    vmgr__nwfilter_binding_clear(&b);
    return r;
}

/* Makes the interface known where it is, and notes that in its document. On failure nothing of it
 * is left. */
static int plug(struct vemu *d, const struct vmgr__domain_def *def, struct vmgr__device *dev,
                const struct vmgr__tap *tap, struct vmgr_error **err)
{
    uint8_t port[VMGR_UUID_SIZE];

    if (tap->network && vmgr__hostnet_port_make(d, tap, def, port, err) < 0)
        return -1;
    note(dev, tap, tap->network ? port : NULL);
    return 0;
}

static int open_port(struct vemu *d, const struct vmgr__domain_def *def, struct vmgr__device *dev,
                     GArray *ports, struct vmgr_error **err)
{
    struct place p;
    int r = place_read(&p, dev, err);

    p.tap.owner = def->uuid;
    if (r == 0)
        r = vmgr__tap_open(d, &p.tap, err);
    if (r == 0 &&
        (bind_filter(d, def, dev, &p.tap, err) < 0 ||
         vmgr__vemu_ethernet_up(dev, p.tap.name, err) < 0 || plug(d, def, dev, &p.tap, err) < 0)) {
        vmgr__nwfilter_unbind(d, def->uuid, p.tap.name, NULL);
        vmgr__tap_close(d, &p.tap);
        r = -1;
    }
    if (r == 0) {
        for (unsigned i = 0; i < p.tap.queues; i++) {
            struct port port = { vmgr__vemu_netdev_name(dev), p.tap.fds[i] };

            g_array_append_val(ports, port);
        }
    }
    place_clear(&p);
    return r;
}

static GArray *ports_new(void)
{
    GArray *ports = g_array_new(FALSE, FALSE, sizeof(struct port));

    g_array_set_clear_func(ports, port_clear);
    return ports;
}

static int open_passt(struct vemu *d, const struct vemu_status *s, const struct vmgr__device *dev,
                      GArray *ports, struct vmgr_error **err)
{
    struct port port = { .fd = vmgr__vemu_passt_open(d, s, dev, err) };

    if (port.fd < 0)
        return -1;
    port.netdev = vmgr__vemu_netdev_name(dev);
    g_array_append_val(ports, port);
    return 0;
}

/* The host's end of any device; most have none. */
static int open_any(struct vemu *d, const struct vemu_status *s, struct vmgr__device *dev,
                    GArray *ports, struct vmgr_error **err)
{
    if (vmgr__vemu_port_wanted(dev))
        return open_port(d, s->def, dev, ports, err);
    return vmgr__vemu_passt_wanted(dev) ? open_passt(d, s, dev, ports, err) : 0;
}

GArray *vmgr__vemu_ports_open(struct vemu *d, const struct vemu_status *s, struct vmgr_error **err)
{
    const struct vmgr__domain_def *def = s->def;
    g_autoptr(GArray) ports = ports_new();

    for (guint i = 0; i < def->devices->len; i++) {
        if (open_any(d, s, def->devices->pdata[i], ports, err) == 0)
            continue;
        while (i-- > 0)
            vmgr__vemu_ethernet_down(d, def, def->devices->pdata[i]);
        return NULL;
    }
    return g_steal_pointer(&ports);
}

GArray *vmgr__vemu_port_open(struct vemu *d, const struct vemu_status *s, struct vmgr__device *dev,
                             struct vmgr_error **err)
{
    g_autoptr(GArray) ports = ports_new();

    return open_any(d, s, dev, ports, err) == 0 ? g_steal_pointer(&ports) : NULL;
}

/* The end of an interface is none of what fails: its guest has let it go, or has ended. */
static void note_left(const struct vemu *d, const char *name, struct vmgr_error *why)
{
    vmgr__vemu_log_failure(d, name, "rules of interfaces may be left", why);
}

void vmgr__vemu_port_forget(struct vemu *d, const struct vmgr__domain_def *def,
                            const struct vmgr__device *dev)
{
    g_autofree char *name = vmgr__device_get(dev, "target", "dev");
    struct vmgr_error *why = NULL;

    if (!vmgr__vemu_port_wanted(dev) || !name)
        return;
    if (vmgr__nwfilter_unbind(d, def->uuid, name, &why) < 0)
        note_left(d, def->name, why);
    vmgr__direct_forget(d, def->uuid, name);
    vmgr__hostnet_port_forget(d, def->uuid, name);
}

void vmgr__vemu_ports_forget(struct vemu *d, const struct vmgr__domain_def *def)
{
    struct vmgr_error *why = NULL;

    if (vmgr__nwfilter_unbind_all(d, def->uuid, &why) < 0)
        note_left(d, def->name, why);
    vmgr__direct_forget(d, def->uuid, NULL);
    vmgr__hostnet_port_forget(d, def->uuid, NULL);
}

void vmgr__vemu_ports_sweep(struct vemu *d, const struct vmgr__domain_def *def)
{
    g_autoptr(GPtrArray) names = vmgr__nwfilter_binding_names(d);
    struct vmgr_error *why = NULL;

    for (guint i = 0; i < names->len; i++) {
        if (!vmgr__link_exists(names->pdata[i]))
            vmgr__nwfilter_unbind(d, def->uuid, names->pdata[i], why ? NULL : &why);
    }
    if (why)
        note_left(d, def->name, why);
    vmgr__direct_sweep(d, def);
    vmgr__hostnet_port_sweep(d, def->uuid);
}

int vmgr__vemu_port_move(struct vemu *d, const struct vmgr__domain_def *def,
                         struct vmgr__device *dev, struct vmgr_error **err)
{
    struct place p;
    int r = place_read(&p, dev, err);

    if (r == 0) /* first the rules: the guest is at it already */
        r = bind_filter(d, def, dev, &p.tap, err);
    if (r == 0)
        r = vmgr__tap_move(d, &p.tap, err);
    if (r == 0 && !p.tap.network)
        vmgr__hostnet_port_forget(d, def->uuid, p.tap.name);
    if (r == 0)
        r = plug(d, def, dev, &p.tap, err);
    place_clear(&p);
    return r;
}

size_t vmgr__vemu_ports_count(const GArray *ports)
{
    return ports->len;
}

int vmgr__vemu_ports_fd(const GArray *ports, size_t i)
{
    return g_array_index(ports, struct port, i).fd;
}

/* The next queue after *at (0: the first) of what the part is; NULL: there is none any more. */
static const struct port *next_queue(const GArray *ports, const struct vemu_part *part, guint *at)
{
    struct json_object *id;

    if (part->kind != VEMU_PART_NET || !json_object_object_get_ex(part->props, "id", &id))
        return NULL;
    while (*at < ports->len) {
        const struct port *p = &g_array_index(ports, struct port, (*at)++);

        if (strcmp(p->netdev, json_object_get_string(id)) == 0)
            return p;
    }
    return NULL;
}

/* Descriptors, or names of them, as the emulator's tap takes them: 3:4:5. */
static void put_queue(GString *s, const char *name)
{
    g_string_append_printf(s, "%s%s", s->len ? ":" : "", name);
}

void vmgr__vemu_ports_give(const GArray *ports, const struct vemu_parts *parts)
{
    for (guint i = 0; i < parts->list->len; i++) {
        const struct vemu_part *part = &g_array_index(parts->list, struct vemu_part, i);
        g_autoptr(GString) list = g_string_new(NULL);
        const struct port *p;
        guint at = 0;

        while ((p = next_queue(ports, part, &at))) {
            g_autofree char *number = g_strdup_printf("%d", p->fd);

            put_queue(list, number);
        }
        if (list->len)
            vmgr__vemu_set(part->props, "fd", list->str);
    }
}

int vmgr__vemu_ports_send(const GArray *ports, const struct vemu_parts *parts, struct vemu_qmp *q,
                          struct vmgr_error **err)
{
    for (guint i = 0; i < parts->list->len; i++) {
        const struct vemu_part *part = &g_array_index(parts->list, struct vemu_part, i);
        g_autoptr(GString) list = g_string_new(NULL);
        const struct port *p;
        guint at = 0;

        while ((p = next_queue(ports, part, &at))) {
            g_autofree char *name = g_strdup_printf("%s-%u", p->netdev, at);

            if (vmgr__qmp_send_fd(q, name, p->fd, err) < 0)
                return -1;
            put_queue(list, name);
        }
        if (list->len)
            vmgr__vemu_set(part->props, "fd", list->str);
    }
    return 0;
}

bool vmgr__vemu_port_renamed(const struct vmgr__device *old, const struct vmgr__device *dev)
{
    g_autofree char *was = vmgr__device_get(old, "target", "dev");
    g_autofree char *is = vmgr__device_get(dev, "target", "dev");

    return is && g_strcmp0(was, is) != 0;
}

void vmgr__vemu_port_inherit(const struct vmgr__device *old, struct vmgr__device *dev)
{
    g_autofree char *own = vmgr__device_get(dev, "target", "dev");
    g_autofree char *type = vmgr__device_get(dev, NULL, "type");
    g_autofree char *network = vmgr__device_get(dev, "source", "network");
    struct place p = { .network = NULL };
    struct vmgr__tap tap;

    if (vmgr__vemu_port_wanted(old) && vmgr__vemu_port_wanted(dev) &&
        place_read(&p, old, NULL) == 0 && p.tap.name) {
        tap = (struct vmgr__tap){ .name = own ? own : p.tap.name };
        if (p.tap.dev && strcmp(type, "network") == 0 && g_strcmp0(network, p.network) == 0) {
            tap.dev = p.tap.dev;
            tap.mode = p.tap.mode;
        }
        note(dev, &tap, NULL);
    }
    place_clear(&p);
}

bool vmgr__vemu_port_stays(const struct vmgr__device *old, const struct vmgr__device *dev)
{
    struct place a, b;
    bool same = place_read(&a, old, NULL) == 0;

    same = place_read(&b, dev, NULL) == 0 && same && a.tap.queues == b.tap.queues &&
           vmgr__vemu_ethernet_same(old, dev) &&
           (!(a.tap.dev || b.tap.dev) ||
            (g_strcmp0(a.network, b.network) == 0 && g_strcmp0(a.tap.dev, b.tap.dev) == 0 &&
             g_strcmp0(a.tap.mode, b.tap.mode) == 0));
    place_clear(&a);
    place_clear(&b);
    return same;
}
