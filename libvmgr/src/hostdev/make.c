/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations that make devices and take them away: of all kinds that can be, mediated devices
 * and virtual host bus adapters.
 */
#include "../conf/nodedev.h"
#include "../driver/vemu/vemu.h"
#include "hostdev.h"

static struct vmgr__hostdev *host_of(struct vmgr_conn *conn)
{
    return ((struct vemu *)conn->driver_data)->hostdev;
}

static int unsupported(int code, struct vmgr_error **err)
{
    return nodedev_error(err, code, "Unsupported device type");
}

/* The document of a device to make. For vmgr__nodedev_def_free(); NULL and *err. */
static struct vmgr__nodedev_def *parse(const char *xml, uint32_t flags, struct vmgr_error **err)
{
    if (!flags)
        return vmgr__nodedev_def_parse(xml, err);
    nodedev_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                  "validation against a schema is not available");
    return NULL;
}

/* What is told of definitions, this connection's listeners hear; the kernel knows nothing. */
static void tell(struct vmgr_conn *conn, const char *name, int type)
{
    vmgr__nodedev_emit(conn, name, VMGR_NODEDEV_EVENT_LIFECYCLE, type);
}

int vmgr__hostdev_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    struct vmgr__nodedev_def *def = parse(xml, flags, err);
    g_autofree char *name = NULL;
    int r = -1;

    if (!def)
        return -1;
    switch (def->kind) {
    case VMGR__NODEDEV_FC_HOST: r = vmgr__vhba_create(host_of(conn), def, &name, err); break;
    case VMGR__NODEDEV_MDEV: r = vmgr__mdev_make(host_of(conn), def, false, &name, err); break;
    case VMGR__NODEDEV_SCSI_HOST:
        r = nodedev_error(err, VMGR_ERR_INTERNAL_ERROR, "Device is not a fibre channel HBA");
        break;
    case VMGR__NODEDEV_OTHER: r = unsupported(VMGR_ERR_CONFIG_UNSUPPORTED, err); break;
    }
    vmgr__nodedev_def_free(def);
    if (r == 0 && ret)
        *ret = vmgr__nodedev_new(conn, name);
    return r;
}

int vmgr__hostdev_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    struct vmgr__nodedev_def *def = parse(xml, flags, err);
    g_autofree char *name = NULL;
    int r = -1;

    if (!def)
        return -1;
    if (def->kind == VMGR__NODEDEV_MDEV)
        r = vmgr__mdev_make(host_of(conn), def, true, &name, err);
    else
        unsupported(VMGR_ERR_CONFIG_UNSUPPORTED, err);
    vmgr__nodedev_def_free(def);
    if (r < 0)
        return -1;
    tell(conn, name, VMGR_NODEDEV_EVENT_DEFINED);
    if (ret)
        *ret = vmgr__nodedev_new(conn, name);
    return 0;
}

int vmgr__hostdev_destroy(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct vmgr__hostdev *h = host_of(vmgr_nodedev_get_conn(dev));
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    if (found->kind == &vmgr__nodedev_scsi_host)
        return vmgr__vhba_destroy(list, found, err);
    if (found->kind != &vmgr__nodedev_mdev)
        return unsupported(VMGR_ERR_CONFIG_UNSUPPORTED, err);
    if (!found->dir)
        return nodedev_error(err, VMGR_ERR_OPERATION_INVALID, "Device '%s' is not active",
                             found->name);
    return vmgr__mdev_stop(h, found, err);
}

int vmgr__hostdev_undefine(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_nodedev_get_conn(dev);
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    if (found->kind != &vmgr__nodedev_mdev)
        return unsupported(VMGR_ERR_CONFIG_UNSUPPORTED, err);
    if (!found->config)
        return nodedev_error(err, VMGR_ERR_OPERATION_INVALID, "Node device '%s' is not defined",
                             found->name);
    if (vmgr__mdev_undefine(host_of(conn), found, err) < 0)
        return -1;
    tell(conn, found->name, VMGR_NODEDEV_EVENT_UNDEFINED);
    return 0;
}

int vmgr__hostdev_start(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    if (found->dir || found->kind == &vmgr__nodedev_system)
        return nodedev_error(err, VMGR_ERR_OPERATION_INVALID, "Device is already active");
    return vmgr__mdev_start(host_of(vmgr_nodedev_get_conn(dev)), found, err);
}

int vmgr__hostdev_set_autostart(struct vmgr_nodedev *dev, bool on, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = NULL;
    const struct nodedev *found = vmgr__hostdev_enter(dev, &list, err);

    if (!found)
        return -1;
    if (found->kind != &vmgr__nodedev_mdev)
        return unsupported(VMGR_ERR_OPERATION_UNSUPPORTED, err);
    if (!found->config)
        return nodedev_error(err, VMGR_ERR_OPERATION_INVALID,
                             "cannot set autostart for transient device");
    return vmgr__mdev_set_autostart(host_of(vmgr_nodedev_get_conn(dev)), found, on, err);
}

int vmgr__hostdev_lookup_wwn(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                             struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan(host_of(conn));
    const struct nodedev *found = vmgr__vhba_find(list, wwnn, wwpn);

    if (!found)
        return nodedev_error(err, VMGR_ERR_NO_NODE_DEVICE,
                             "no node device with matching wwnn '%s' and wwpn '%s'", wwnn, wwpn);
    *ret = vmgr__nodedev_new(conn, found->name);
    return 0;
}
