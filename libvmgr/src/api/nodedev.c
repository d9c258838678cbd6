/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Node devices: handles, events, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>
#include <string.h>

#include "../driver/nodedev.h"
#include "events.h"
#include "give.h"
#include "operation.h"

struct vmgr_nodedev {
    gint refs;
    struct vmgr_conn *conn;
    char *name;
};

struct vmgr_nodedev *vmgr__nodedev_new(struct vmgr_conn *conn, const char *name)
{
    struct vmgr_nodedev *dev = g_new0(struct vmgr_nodedev, 1);

    dev->refs = 1;
    dev->conn = vmgr_conn_ref(conn);
    dev->name = g_strdup(name);
    return dev;
}

struct vmgr_nodedev *vmgr_nodedev_ref(struct vmgr_nodedev *dev)
{
    g_atomic_int_inc(&dev->refs);
    return dev;
}

struct vmgr_nodedev *vmgr_nodedev_unref(struct vmgr_nodedev *dev)
{
    if (dev && g_atomic_int_dec_and_test(&dev->refs)) {
        vmgr_conn_unref(dev->conn);
        g_free(dev->name);
        g_free(dev);
    }
    return NULL;
}

struct vmgr_nodedev **vmgr_nodedev_list_free(struct vmgr_nodedev **devs)
{
    for (struct vmgr_nodedev **d = devs; d && *d; d++)
        vmgr_nodedev_unref(*d);
    free(devs);
    return NULL;
}

const char *vmgr_nodedev_get_name(struct vmgr_nodedev *dev)
{
    return dev->name;
}

struct vmgr_conn *vmgr_nodedev_get_conn(struct vmgr_nodedev *dev)
{
    return dev->conn;
}

/* ---- capabilities ---- */

static const char *const cap_names[] = {
    "system",      "pci",        "usb_device", "usb",     "net",    "scsi_host",
    "scsi_target", "scsi",       "storage",    "fc_host", "vports", "scsi_generic",
    "drm",         "mdev_types", "mdev",       "ccw",     "css",    "vdpa",
    "ap_card",     "ap_queue",   "ap_matrix",  "vpd",
};
#define ALL_CAPS ((1u << G_N_ELEMENTS(cap_names)) - 1)

const char *vmgr_nodedev_cap_name(unsigned n)
{
    return n < G_N_ELEMENTS(cap_names) ? cap_names[n] : NULL;
}

bool vmgr__nodedev_matches(bool active, uint32_t caps, uint32_t flags)
{
    if (flags & ALL_CAPS && !(flags & ALL_CAPS & caps))
        return false;
    flags &= VMGR_NODEDEV_LIST_ACTIVE | VMGR_NODEDEV_LIST_INACTIVE;
    return !flags || flags & (active ? VMGR_NODEDEV_LIST_ACTIVE : VMGR_NODEDEV_LIST_INACTIVE);
}

/* ---- checks ---- */

#define NEED_WRITE(conn, op, name) NEED_WRITE_IN(conn, nodedev, op, VMGR_FROM_NODEDEV, name)

int vmgr_nodedev_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                struct vmgr_nodedev **ret_dev, struct vmgr_error **err)
{
    NEED_IN(conn, nodedev, lookup, "virNodeDeviceLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NODEDEV, "no name given");
    return conn->driver->nodedev->lookup(conn, name, ret_dev, err);
}

int vmgr_nodedev_lookup_scsi_host_by_wwn(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                                         uint32_t flags, struct vmgr_nodedev **ret_dev,
                                         struct vmgr_error **err)
{
    NEED_IN(conn, nodedev, lookup_wwn, "virNodeDeviceLookupSCSIHostByWWN");
    if (vmgr__check_flags(flags, 0, "virNodeDeviceLookupSCSIHostByWWN", err) < 0)
        return -1;
    if (!wwnn || !wwpn)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NODEDEV, "no name given");
    return conn->driver->nodedev->lookup_wwn(conn, wwnn, wwpn, ret_dev, err);
}

static void drop(void *dev)
{
    vmgr_nodedev_unref(dev);
}

int vmgr_nodedev_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_nodedev ***ret_devs,
                      struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);

    NEED_IN(conn, nodedev, list, "virConnectListAllNodeDevices");
    if (vmgr__check_flags(flags, ALL_CAPS | VMGR_NODEDEV_LIST_ACTIVE | VMGR_NODEDEV_LIST_INACTIVE,
                          "virConnectListAllNodeDevices", err) < 0 ||
        conn->driver->nodedev->list(conn, flags, list, err) < 0)
        return -1;
    return ret_devs ? vmgr__give_array(list, ret_devs, err) : (int)list->len;
}

int vmgr_nodedev_get_xml(struct vmgr_nodedev *dev, uint32_t flags, char **ret_xml,
                         struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(dev->conn, nodedev, get_xml, "virNodeDeviceGetXMLDesc");
    if (vmgr__check_flags(flags, 0, "virNodeDeviceGetXMLDesc", err) < 0)
        return -1;
    r = dev->conn->driver->nodedev->get_xml(dev, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_nodedev_get_parent(struct vmgr_nodedev *dev, char **ret_name, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(dev->conn, nodedev, get_parent, "virNodeDeviceGetParent");
    r = dev->conn->driver->nodedev->get_parent(dev, &text, err);
    return vmgr__give_text(text, r, ret_name, err);
}

int vmgr_nodedev_list_caps(struct vmgr_nodedev *dev, const char ***ret_names,
                           struct vmgr_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    uint32_t caps = 0;

    NEED_IN(dev->conn, nodedev, get_caps, "virNodeDeviceListCaps");
    if (dev->conn->driver->nodedev->get_caps(dev, &caps, err) < 0)
        return -1;
    for (unsigned i = 0; i < G_N_ELEMENTS(cap_names); i++) {
        if (caps >> i & 1)
            g_ptr_array_add(names, (char *)cap_names[i]);
    }
    return ret_names ? vmgr__give_array(names, ret_names, err) : (int)names->len;
}

/* One of the questions of get_state. */
#define ASK(question, function)                                                                    \
    do {                                                                                           \
        struct vmgr__nodedev_state state = { 0 };                                                  \
                                                                                                   \
        NEED_IN(dev->conn, nodedev, get_state, function);                                          \
        return dev->conn->driver->nodedev->get_state(dev, &state, err) < 0 ? -1 : state.question;  \
    } while (0)

int vmgr_nodedev_is_active(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    ASK(active, "virNodeDeviceIsActive");
}

int vmgr_nodedev_is_persistent(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    ASK(persistent, "virNodeDeviceIsPersistent");
}

int vmgr_nodedev_get_autostart(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    ASK(autostart, "virNodeDeviceGetAutostart");
}

int vmgr_nodedev_detach(struct vmgr_nodedev *dev, const char *driver, uint32_t flags,
                        struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, detach, driver ? "virNodeDeviceDetachFlags" : "virNodeDeviceDettach");
    if (vmgr__check_flags(flags, 0, "virNodeDeviceDetachFlags", err) < 0)
        return -1;
    return dev->conn->driver->nodedev->detach(dev, driver, err);
}

int vmgr_nodedev_reattach(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, reattach, "virNodeDeviceReAttach");
    return dev->conn->driver->nodedev->reattach(dev, err);
}

int vmgr_nodedev_reset(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, reset, "virNodeDeviceReset");
    return dev->conn->driver->nodedev->reset(dev, err);
}

/* ---- making ---- */

static int check_document(const char *xml, uint32_t flags, const char *function,
                          struct vmgr_error **err)
{
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NODEDEV, "no document given");
    return vmgr__check_flags(flags, VMGR_NODEDEV_VALIDATE, function, err);
}

int vmgr_nodedev_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_nodedev **ret_dev, struct vmgr_error **err)
{
    NEED_WRITE(conn, create, "virNodeDeviceCreateXML");
    if (check_document(xml, flags, "virNodeDeviceCreateXML", err) < 0)
        return -1;
    return conn->driver->nodedev->create(conn, xml, flags, ret_dev, err);
}

int vmgr_nodedev_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_nodedev **ret_dev, struct vmgr_error **err)
{
    NEED_WRITE(conn, define, "virNodeDeviceDefineXML");
    if (check_document(xml, flags, "virNodeDeviceDefineXML", err) < 0)
        return -1;
    return conn->driver->nodedev->define(conn, xml, flags, ret_dev, err);
}

int vmgr_nodedev_destroy(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, destroy, "virNodeDeviceDestroy");
    return dev->conn->driver->nodedev->destroy(dev, err);
}

int vmgr_nodedev_undefine(struct vmgr_nodedev *dev, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, undefine, "virNodeDeviceUndefine");
    if (vmgr__check_flags(flags, 0, "virNodeDeviceUndefine", err) < 0)
        return -1;
    return dev->conn->driver->nodedev->undefine(dev, err);
}

int vmgr_nodedev_start(struct vmgr_nodedev *dev, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, start, "virNodeDeviceCreate");
    if (vmgr__check_flags(flags, 0, "virNodeDeviceCreate", err) < 0)
        return -1;
    return dev->conn->driver->nodedev->start(dev, err);
}

int vmgr_nodedev_set_autostart(struct vmgr_nodedev *dev, int autostart, struct vmgr_error **err)
{
    NEED_WRITE(dev->conn, set_autostart, "virNodeDeviceSetAutostart");
    return dev->conn->driver->nodedev->set_autostart(dev, autostart != 0, err);
}

/* ---- events ---- */

static void *nodedev_object(struct vmgr_conn *conn, const char *name, const uint8_t *uuid)
{
    (void)uuid;
    return vmgr__nodedev_new(conn, name);
}

static void nodedev_call(struct vmgr_conn *conn, void *object, const void *event,
                         vmgr__callback_fn fn, void *data)
{
    ((vmgr_nodedev_event_fn)fn)(conn, object, event, data);
}

static struct vmgr__event_source nodedev_source(const struct vmgr_conn *conn)
{
    const struct vmgr__nodedev_ops *ops = conn->driver->nodedev;

    return ops ? (struct vmgr__event_source){ true, ops->watch, ops->poll_events }
               : (struct vmgr__event_source){ .has = false };
}

const struct vmgr__event_kind vmgr__nodedev_events = {
    .listener = { nodedev_object, nodedev_call, drop, g_free },
    .function = "virConnectNodeDeviceEventRegisterAny",
    .events = VMGR_NODEDEV_EVENT_UPDATE + 1,
    .source = nodedev_source,
};

void vmgr__nodedev_emit(struct vmgr_conn *conn, const char *name, int id, int type)
{
    const struct vmgr_nodedev_event event = { sizeof(event), id, type, 0 };

    vmgr__object_emit(conn, VMGR__EVENTS_NODEDEV, name, NULL, id, &event, sizeof(event));
}

int vmgr_conn_add_nodedev_event(struct vmgr_conn *conn, struct vmgr_nodedev *dev, int id,
                                vmgr_nodedev_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err)
{
    return vmgr__object_event_add(conn, VMGR__EVENTS_NODEDEV, dev ? dev->name : NULL, NULL, id,
                                  (vmgr__callback_fn)fn, data, free_fn, err);
}

int vmgr_conn_remove_nodedev_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__object_event_remove(conn, VMGR__EVENTS_NODEDEV, callback_id, err);
}

const char *vmgr_nodedev_event_type_name(int event_type)
{
    static const char *const names[] = { "Created", "Deleted", "Defined", "Undefined" };

    return event_type >= 0 && (size_t)event_type < G_N_ELEMENTS(names) ? names[event_type]
                                                                       : "unknown";
}
