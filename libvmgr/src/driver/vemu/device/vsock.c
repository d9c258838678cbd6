/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vsock>: sockets between a guest and programs of the host, and who has which address.
 *
 * The device is bridged to Unix sockets in the run's directory (libvemu/docs/vsock.md), so that the
 * kernel has no say in addresses: that no two guests have the same is seen to here, under the lock
 * of all domains.
 */
#include "vsock.h"

#include <string.h>

#include "../state/cache.h"
#include "../state/lock.h"
#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

#define CID_FIRST 3
#define CID_LAST  (UINT32_MAX - 1) /* VMADDR_CID_ANY is above */

/* The address that a device has, 0: none yet. */
static uint32_t cid_of(const struct vmgr__device *dev)
{
    g_autofree char *text = vmgr__device_get(dev, "cid", "address");
    uint32_t cid;

    return vmgr__parse_u32(text, &cid) ? cid : 0;
}

static bool is_auto(const struct vmgr__device *dev)
{
    g_autofree char *text = vmgr__device_get(dev, "cid", "auto");

    return g_strcmp0(text, "yes") == 0;
}

/* ---- parts ---- */

static int check(const struct vmgr__device *dev, const xmlNode *root, struct vmgr_error **err)
{
    g_autofree char *model = vmgr__xml_attr(root, "model");

    if (g_strcmp0(model, "virtio") != 0)
        return unsupported(err, "model '%s' of <vsock> is not supported by the vemu driver yet",
                           model);
    if (vmgr__vemu_only(root, "cid alias address", "model", err) < 0 ||
        vmgr__vemu_only(vmgr__xml_child(root, "cid"), "", "auto address", err) < 0)
        return -1;
    if (!is_auto(dev) && !cid_of(dev))
        return unsupported(err, "<cid auto='no'> of <vsock> needs an address");
    return cid_of(dev) <= CID_LAST ? 0 : unsupported(err, "guest CIDs must be <= %u", CID_LAST);
}

int vmgr__vemu_vsock_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                           struct vemu_parts *parts, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = xmlDocGetRootElement(doc);
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autofree char *class_name = vmgr__vemu_virtio_class(def, "virtio-vsock");
    struct json_object *o;
    int r = check(dev, root, err);

    if (r == 0) {
        o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, class_name, alias);
        vmgr__vemu_set_int(o, "guest-cid", cid_of(dev));
        vmgr__vemu_set(o, "uds-path", VEMU_VSOCK_SOCKET);
        r = vmgr__vemu_part_address(def, root, o, err);
    }
    xmlFreeDoc(doc);
    return r;
}

/* ---- addresses ---- */

struct vmgr__device *vmgr__vemu_vsock_of(const struct vmgr__domain_def *def)
{
    for (guint i = 0; def && i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (strcmp(dev->name, "vsock") == 0 && !dev->unknown)
            return dev;
    }
    return NULL;
}

struct vmgr__device *vmgr__vemu_vsock_match(const struct vmgr__domain_def *def,
                                            const struct vmgr__device *like)
{
    struct vmgr__device *dev = vmgr__vemu_vsock_of(def);
    bool same = dev && dev->model == like->model && is_auto(dev) == is_auto(like) &&
                (is_auto(dev) || cid_of(dev) == cid_of(like));

    return same ? dev : NULL;
}

/* Addresses of guests that run, apart from `name`: uint32_t, and its guest's name. */
static GHashTable *taken(struct vemu *d, const char *name)
{
    GHashTable *cids = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    struct vmgr__domobj *obj;
    GHashTableIter iter;

    g_mutex_lock(&d->lock);
    vmgr__vemu_refresh_all_locked(d);
    g_hash_table_iter_init(&iter, d->list.by_name);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&obj)) {
        const struct vmgr__device *dev = vmgr__vemu_vsock_of(obj->live);

        if (dev && cid_of(dev) && strcmp(vmgr__domobj_name(obj), name) != 0)
            g_hash_table_insert(cids, GUINT_TO_POINTER(cid_of(dev)),
                                g_strdup(vmgr__domobj_name(obj)));
    }
    g_mutex_unlock(&d->lock);
    return cids;
}

static void set_cid(struct vmgr__device *dev, uint32_t cid)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *node = vmgr__device_child(xmlDocGetRootElement(doc), "cid");
    char text[12];

    g_snprintf(text, sizeof(text), "%u", cid);
    xmlSetProp(node, BAD_CAST "address", BAD_CAST text);
    vmgr__device_set_doc(dev, doc);
}

int vmgr__vemu_vsock_assign_locked(struct vemu *d, const char *name, struct vmgr__device *dev,
                                   struct vmgr_error **err)
{
    g_autoptr(GHashTable) cids = NULL;
    uint32_t cid = CID_FIRST;
    const char *other;

    if (!dev)
        return 0;
    cids = taken(d, name);
    if (!is_auto(dev)) {
        other = g_hash_table_lookup(cids, GUINT_TO_POINTER(cid_of(dev)));
        return other ? vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                                  "guest CID %u is in use by domain '%s'", cid_of(dev), other)
                     : 0;
    }
    while (g_hash_table_contains(cids, GUINT_TO_POINTER(cid))) /* there are not that many guests */
        cid++;
    set_cid(dev, cid);
    return 0;
}
