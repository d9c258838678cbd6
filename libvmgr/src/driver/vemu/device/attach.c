/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come, change and go, in the definition of the next start and in a guest that runs.
 *
 * A live change is made in the guest first and written into the status afterwards, both under the
 * domain's lock. What comes and goes is in the status before (plug.h), so that a caller may die
 * between. A guest decides when it lets a device go: one that takes long keeps the device in its
 * definition, until it is asked again.
 */
#include <string.h>

#include "../block/blockjob.h"
#include "../change.h"
#include "../run/agent.h"
#include "../run/channel.h"
#include "../run/qmp.h"
#include "../state/lock.h"
#include "../state/paths.h"
#include "attach.h"
#include "medium.h"
#include "memory.h"
#include "parts.h"
#include "plug.h"
#include "usernet.h"
#include "vsock.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, __VA_ARGS__)

/* Everything a change of devices works on. */
struct work {
    struct vemu_change c;
    bool live, config;
    struct vmgr__device *dev; /* from the caller's document; NULL: by alias */
};

static int begin(struct work *w, struct vmgr_domain *dom, const char *xml, uint32_t flags,
                 struct vmgr_error **err)
{
    *w = (struct work){ .dev = NULL };
    if (xml) {
        w->dev = vmgr__device_parse(xml, &vmgr__vemu_defaults, 0, err);
        if (!w->dev)
            return -1;
    }
    if (vmgr__vemu_change_begin_defs(&w->c, dom, flags, &w->live, &w->config, err) == 0)
        return 0;
    if (w->dev)
        vmgr__device_free(w->dev);
    return -1;
}

static int end(struct work *w, int r, struct vmgr_error **err)
{
    if (w->dev)
        vmgr__device_free(w->dev);
    return vmgr__vemu_change_save_end(&w->c, w->live, w->config, r, err);
}

/* ---- attach ---- */

static int check_free(const struct vmgr__domain_def *def, const struct vmgr__device *dev, int code,
                      struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autofree char *mac = NULL;

    if (alias && g_str_has_prefix(alias, "ua-") && vmgr__device_by_alias(def, alias))
        return vemu_error(err, VMGR_ERR_XML_ERROR, "non unique alias detected: %s", alias);
    if (strcmp(dev->name, "disk") == 0 && vmgr__disk_find(def, dev->target) &&
        g_strcmp0(vmgr__disk_find(def, dev->target)->target, dev->target) == 0)
        return vemu_error(err, code, "target %s already exists", dev->target);
    if (strcmp(dev->name, "filesystem") == 0 && vmgr__filesystem_find(def, dev->target))
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "target already exists");
    if (strcmp(dev->name, "vsock") == 0 && vmgr__vemu_vsock_of(def))
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "the domain already has a vsock device");
    if (strcmp(dev->name, "interface") == 0) {
        mac = vmgr__device_get(dev, "mac", "address");
        if (mac && vmgr__interface_find(def, mac))
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "network device with mac %s already exists", mac);
    }
    return 0;
}

static int attach_config(struct work *w, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = w->c.config;
    struct vmgr__device *dev;

    if (check_free(def, w->dev, VMGR_ERR_OPERATION_INVALID, err) < 0 ||
        vmgr__vemu_memory_check(def, w->dev, err) < 0)
        return -1;
    dev = vmgr__device_copy(w->dev);
    g_ptr_array_add(def->devices, dev);
    vmgr__memory_count(def, dev, false);
    return vmgr__vemu_assign_addresses(def, 0, err);
}

static int check_hotplug(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                         struct vmgr_error **err)
{
    static const char *const can[] = { "disk",  "interface",  "rng",   "channel",
                                       "input", "controller", "vsock", "memory" };
    g_autofree char *bus = NULL;
    g_autofree char *device = NULL;
    bool ok = false;

    for (size_t i = 0; i < G_N_ELEMENTS(can); i++)
        ok = ok || strcmp(dev->name, can[i]) == 0;
    if (strcmp(dev->name, "filesystem") == 0)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "only virtiofs filesystems can be hotplugged");
    if (!ok)
        return unsupported(err, "live attach of device '%s' is not supported", dev->name);
    if (!vmgr__vemu_has_pci(def))
        return unsupported(err, "machine '%s' has no slots for devices that come later",
                           def->os.machine);
    if (strcmp(dev->name, "disk") != 0)
        return 0;
    bus = vmgr__device_get(dev, "target", "bus");
    device = vmgr__device_get(dev, NULL, "device");
    if (g_strcmp0(device, "cdrom") == 0)
        return unsupported(err, "cdrom device hotplug isn't supported");
    if (g_strcmp0(bus, "virtio") != 0 && g_strcmp0(bus, "scsi") != 0)
        return unsupported(err, "disk bus '%s' cannot be hotplugged.", bus);
    return 0;
}

/* Addresses of vsock are given while nobody else gives any. */
static int plug(struct work *w, struct vmgr__device *dev, struct vmgr_error **err)
{
    int lock, r;

    if (strcmp(dev->name, "vsock") != 0)
        return vmgr__vemu_plug(&w->c, dev, err);
    lock = vmgr__vemu_lock_global(w->c.d, err);
    if (lock < 0)
        return -1;
    r = vmgr__vemu_vsock_assign_locked(w->c.d, w->c.name, dev, err);
    if (r == 0)
        r = vmgr__vemu_plug(&w->c, dev, err);
    vmgr__vemu_unlock(lock);
    return r;
}

/* What is taken away by its name, if somebody dies over it, must be nobody else's. */
static int check_name(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                      struct vmgr_error **err)
{
    g_autofree char *name =
        strcmp(dev->name, "interface") == 0 ? vmgr__device_get(dev, "target", "dev") : NULL;

    if (name && vmgr__interface_find(def, name))
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "the guest has an interface '%s' on the host already", name);
    return 0;
}

static int attach_live(struct work *w, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = w->c.status.def;
    struct vmgr__device *dev;

    if (check_free(def, w->dev, VMGR_ERR_OPERATION_FAILED, err) < 0 ||
        check_hotplug(def, w->dev, err) < 0 || check_name(def, w->dev, err) < 0 ||
        vmgr__vemu_memory_check(def, w->dev, err) < 0)
        return -1;
    dev = vmgr__device_copy(w->dev);
    vmgr__memory_device_set(dev, "current", 0); /* whatever its document says */
    if (vmgr__vemu_memory_place(def, dev, err) < 0) {
        vmgr__device_free(dev);
        return -1;
    }
    vmgr__vemu_assign_alias(def, dev);
    vmgr__vemu_channel_path(w->c.d, def, dev);
    if (vmgr__vemu_assign_port(def, dev, err) == 0 && plug(w, dev, err) == 0) {
        w->live = false; /* that is saved */
        return 0;
    }
    vmgr__device_free(dev);
    return -1;
}

/* What could never be given to a guest is not stored either. */
static int check_parts(const struct work *w, struct vmgr_error **err)
{
    struct vmgr__device *dev = vmgr__device_copy(w->dev);
    struct vemu_parts parts;
    int r;

    vmgr__vemu_parts_init(&parts);
    r = vmgr__vemu_volume_resolve(w->c.d->conn, dev, err);
    if (r == 0)
        r = vmgr__vemu_device_parts(w->live ? w->c.status.def : w->c.config, dev, &parts, err);
    vmgr__vemu_parts_fini(&parts);
    vmgr__device_free(dev);
    return r;
}

int vmgr__vemu_attach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err)
{
    struct work w;
    int r;

    if (begin(&w, dom, xml, flags, err) < 0)
        return -1;
    r = check_parts(&w, err);
    if (r == 0 && w.config)
        r = attach_config(&w, err);
    if (r == 0 && w.live)
        r = vmgr__vemu_volume_resolve(w.c.d->conn, w.dev, err);
    if (r == 0 && w.live)
        r = attach_live(&w, err);
    return end(&w, r, err);
}

/* ---- detach ---- */

static struct vmgr__device *find(const struct work *w, const struct vmgr__domain_def *def,
                                 const char *alias, struct vmgr_error **err)
{
    struct vmgr__device *dev;

    if (!alias && strcmp(w->dev->name, "vsock") == 0) {
        dev = vmgr__vemu_vsock_match(def, w->dev);
        if (!dev)
            vemu_error(err, VMGR_ERR_DEVICE_MISSING, "matching vsock device not found");
        return dev;
    }
    if (!alias)
        return vmgr__device_match(def, w->dev, err);
    dev = vmgr__device_by_alias(def, alias);
    if (!dev)
        vemu_error(err, VMGR_ERR_DEVICE_MISSING, "no device found with alias %s", alias);
    return dev;
}

static int check_job(struct work *w, const struct vmgr__device *dev, struct vmgr_error **err)
{
    if (strcmp(dev->name, "disk") != 0)
        return 0;
    if (vmgr__blockjobs_settle(&w->c, NULL, err) < 0)
        return -1;
    return vmgr__blockjob_check_none(&w->c.status, dev->target, err);
}

static int detach_live(struct work *w, const char *alias, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = w->c.status.def;
    struct vmgr__device *dev = find(w, def, alias, err);

    if (!dev || check_hotplug(def, dev, err) < 0 || check_job(w, dev, err) < 0)
        return -1;
    return vmgr__vemu_unplug(&w->c, dev, err);
}

static int detach(struct vmgr_domain *dom, const char *xml, const char *alias, uint32_t flags,
                  struct vmgr_error **err)
{
    struct vmgr__device *dev;
    struct work w;
    int r = 0;

    if (begin(&w, dom, xml, flags, err) < 0)
        return -1;
    if (w.config) {
        dev = find(&w, w.c.config, alias, err);
        if (dev) {
            vmgr__memory_discount(w.c.config, dev, false);
            g_ptr_array_remove(w.c.config->devices, dev);
        } else {
            r = -1;
        }
    }
    if (r == 0 && w.live)
        r = detach_live(&w, alias, err);
    return end(&w, r, err);
}

int vmgr__vemu_detach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err)
{
    return detach(dom, xml, NULL, flags, err);
}

int vmgr__vemu_detach_alias(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                            struct vmgr_error **err)
{
    return detach(dom, NULL, alias, flags, err);
}

/* ---- update ---- */

/* What makes a device's parts different for the guest, apart from its medium. */
static bool same_but_medium(const struct vemu_parts *a, const struct vemu_parts *b)
{
    guint i = 0, j = 0;

    for (;;) {
        struct vemu_part *x, *y;

        while (i < a->list->len &&
               g_array_index(a->list, struct vemu_part, i).kind == VEMU_PART_BLOCK)
            i++;
        while (j < b->list->len &&
               g_array_index(b->list, struct vemu_part, j).kind == VEMU_PART_BLOCK)
            j++;
        if (i == a->list->len || j == b->list->len)
            return i == a->list->len && j == b->list->len;
        x = &g_array_index(a->list, struct vemu_part, i++);
        y = &g_array_index(b->list, struct vemu_part, j++);
        json_object_object_del(x->props, "drive");
        json_object_object_del(y->props, "drive");
        if (x->kind != y->kind || !json_object_equal(x->props, y->props))
            return false;
    }
}

/* An interface that is right on one of the host's. */
static bool is_direct(const struct vmgr__device *dev)
{
    g_autofree char *type = vmgr__device_get(dev, NULL, "type");

    return g_strcmp0(type, "direct") == 0;
}

/* A device that runs takes a new medium or another place of the cable; nothing else of its document
 * may have changed. */
static int check_same(const struct work *w, const struct vmgr__device *old, struct vmgr_error **err)
{
    struct vmgr__device *dev = vmgr__device_inherit(old, w->dev);
    g_autofree char *alias = vmgr__device_alias(old);
    struct vemu_parts before, after;
    int r;

    vmgr__vemu_parts_init(&before);
    vmgr__vemu_parts_init(&after);
    r = vmgr__vemu_device_parts(w->c.status.def, old, &before, err);
    if (r == 0)
        r = vmgr__vemu_device_parts(w->c.status.def, dev, &after, err);
    if (r == 0 && (!same_but_medium(&before, &after) || !vmgr__vemu_passt_same(old, dev) ||
                   (vmgr__vemu_port_wanted(old) &&
                    (vmgr__vemu_port_renamed(old, dev) || !vmgr__vemu_port_stays(old, dev)))))
        r = unsupported(err, "of %s '%s' only the %s can change while the guest runs", old->name,
                        alias ? alias : "",
                        strcmp(old->name, "interface") != 0 ? "medium"
                        : !vmgr__vemu_port_wanted(old)      ? "link state"
                        : is_direct(old)                    ? "link state and bandwidth"
                                         : "link state, source, bandwidth and filter");
    vmgr__vemu_parts_fini(&after);
    vmgr__vemu_parts_fini(&before);
    vmgr__device_free(dev);
    return r;
}

static int update_link(struct work *w, const struct vmgr__device *old, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(old);
    struct vmgr__device *dev = vmgr__device_copy(w->dev);
    struct vemu_qmp *q;
    int r;

    vmgr__device_set_alias(dev, alias);
    q = vmgr__vemu_change_monitor(&w->c, err);
    r = q ? vmgr__vemu_set_link(q, dev, err) : -1;
    vmgr__qmp_close(q);
    vmgr__device_free(dev);
    return r;
}

/* The host's end goes first: what fails there leaves all as it was. */
static int update_interface(struct work *w, struct vmgr__device *old, struct vmgr_error **err)
{
    struct vmgr__device *back;
    int r = 0;

    if (check_same(w, old, err) < 0)
        return -1;
    if (vmgr__vemu_port_wanted(w->dev))
        r = vmgr__vemu_port_move(w->c.d, w->c.status.def, w->dev, err);
    if (r == 0)
        r = update_link(w, old, err);
    if (r < 0 && vmgr__vemu_port_wanted(old)) {
        back = vmgr__device_copy(old);
        vmgr__vemu_port_move(w->c.d, w->c.status.def, back, NULL);
        vmgr__device_free(back);
    }
    return r;
}

static int update_live(struct work *w, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = w->c.status.def;
    struct vmgr__device *old = vmgr__device_match(def, w->dev, err);
    g_autofree char *device = NULL;
    int r;

    if (!old)
        return -1;
    if (strcmp(old->name, "memory") == 0)
        return vmgr__vemu_memory_update(&w->c, old, w->dev, err);
    vmgr__vemu_port_inherit(old, w->dev);
    device = vmgr__device_get(old, NULL, "device");
    if (g_strcmp0(device, "cdrom") == 0)
        r = check_same(w, old, err) == 0 ? vmgr__vemu_change_medium(&w->c, old, w->dev, flags, err)
                                         : -1;
    else if (strcmp(old->name, "interface") == 0)
        r = update_interface(w, old, err);
    else if (strcmp(old->name, "disk") == 0)
        r = unsupported(err, "disk device='%s' is not removable", device ? device : "disk");
    else
        r = unsupported(err, "live update of device '%s' is not supported", old->name);
    if (r == 0)
        vmgr__device_replace(def, old, w->dev);
    return r;
}

int vmgr__vemu_update(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err)
{
    struct vmgr__device *old;
    struct work w;
    int r;

    if (begin(&w, dom, xml, flags, err) < 0)
        return -1;
    r = check_parts(&w, err);
    if (r == 0 && w.config) {
        old = vmgr__device_match(w.c.config, w.dev, err);
        if (old) {
            vmgr__memory_discount(w.c.config, old, false);
            vmgr__device_replace(w.c.config, old, w.dev);
            vmgr__memory_count(w.c.config, w.dev, false);
            r = vmgr__vemu_memory_check(w.c.config, NULL, err);
        } else {
            r = -1;
        }
    }
    if (r == 0 && w.live)
        r = vmgr__vemu_volume_resolve(w.c.d->conn, w.dev, err);
    if (r == 0 && w.live)
        r = update_live(&w, flags, err);
    return end(&w, r, err);
}
