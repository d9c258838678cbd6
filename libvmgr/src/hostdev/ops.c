/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of node devices, for a driver whose host this is. */
#include <string.h>

#include "../driver/vemu/vemu.h"
#include "hostdev.h"

/* root: of the connection; its devices are read there if it has such a tree. */
struct vmgr__hostdev *vmgr__hostdev_new(const char *root)
{
    struct vmgr__hostdev *h = g_new0(struct vmgr__hostdev, 1);
    g_autofree char *sys = root ? g_build_filename(root, "sys", NULL) : NULL;

    h->root = g_strdup(sys && g_file_test(sys, G_FILE_TEST_IS_DIR) ? root : "");
    return h;
}

void vmgr__hostdev_free(struct vmgr__hostdev *h)
{
    if (!h)
        return;
    vmgr__hostdev_monitor_free(h->monitor);
    g_free(h->root);
    g_free(h);
}

static struct vmgr__hostdev *host_of(struct vmgr_conn *conn)
{
    return ((struct vemu *)conn->driver_data)->hostdev;
}

static bool is_active(const struct nodedev *dev)
{
    return dev->dir || dev->kind == &vmgr__nodedev_system;
}

static int not_found(const char *name, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_NODE_DEVICE, VMGR_FROM_NODEDEV,
                           "no node device with matching name '%s'", name);
}

struct nodedev *vmgr__hostdev_enter(struct vmgr_nodedev *dev, GPtrArray **ret_list,
                                    struct vmgr_error **err)
{
    struct nodedev *found;

    *ret_list = vmgr__hostdev_scan_all(host_of(vmgr_nodedev_get_conn(dev)));
    found = vmgr__hostdev_find(*ret_list, vmgr_nodedev_get_name(dev));
    if (!found)
        not_found(vmgr_nodedev_get_name(dev), err);
    return found;
}

static int dev_lookup(struct vmgr_conn *conn, const char *name, struct vmgr_nodedev **ret,
                      struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan_all(host_of(conn));

    if (!vmgr__hostdev_find(list, name))
        return not_found(name, err);
    *ret = vmgr__nodedev_new(conn, name);
    return 0;
}

static int dev_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan_all(host_of(conn));

    (void)err;
    for (guint i = 0; i < list->len; i++) {
        const struct nodedev *dev = list->pdata[i];

        if (vmgr__nodedev_matches(is_active(dev), vmgr__hostdev_caps(dev), flags))
            g_ptr_array_add(ret, vmgr__nodedev_new(conn, dev->name));
    }
    return 0;
}

static int dev_get_xml(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    *ret = vmgr__hostdev_format(host_of(vmgr_nodedev_get_conn(dev)), found);
    return 0;
}

static int dev_get_parent(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    *ret = g_strdup(found->parent);
    return 0;
}

static int dev_get_caps(struct vmgr_nodedev *dev, uint32_t *ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    *ret = vmgr__hostdev_caps(found);
    return 0;
}

/* What the kernel shows is there; what mdevctl knows stays, and so does the computer. */
static int dev_get_state(struct vmgr_nodedev *dev, struct vmgr__nodedev_state *ret,
                         struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);
    const struct mdev_config *config = found ? found->config : NULL;
    bool stays;

    if (!found)
        return -1;
    stays = found->kind == &vmgr__nodedev_system;
    *ret = (struct vmgr__nodedev_state){ .active = is_active(found),
                                         .persistent = stays || config,
                                         .autostart = stays || (config && config->autostart) };
    return 0;
}

const struct vmgr__nodedev_ops vmgr__vemu_nodedev = {
    .lookup = dev_lookup,
    .list = dev_list,
    .get_xml = dev_get_xml,
    .get_parent = dev_get_parent,
    .get_caps = dev_get_caps,
    .get_state = dev_get_state,
    .detach = vmgr__hostdev_detach,
    .reattach = vmgr__hostdev_reattach,
    .reset = vmgr__hostdev_reset,
    .lookup_wwn = vmgr__hostdev_lookup_wwn,
    .create = vmgr__hostdev_create,
    .define = vmgr__hostdev_define,
    .destroy = vmgr__hostdev_destroy,
    .undefine = vmgr__hostdev_undefine,
    .start = vmgr__hostdev_start,
    .set_autostart = vmgr__hostdev_set_autostart,
    .watch = vmgr__hostdev_watch,
    .poll_events = vmgr__hostdev_poll,
};
