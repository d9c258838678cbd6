/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Node devices: what the host has in the way of hardware, as a tree with "computer" at its root.
 *
 * A handle (struct vmgr_nodedev) is a name ("pci_0000_00_02_0"); it keeps no state and stays valid
 * when the device goes away: calls then fail with VMGR_ERR_NO_NODE_DEVICE.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_NODE_DEVICE; those that change something with
 * VMGR_ERR_OPERATION_DENIED (read-only connection); all with VMGR_ERR_NO_SUPPORT (not a thing this
 * driver does).
 */
#ifndef VMGR_NODEDEV_H
#define VMGR_NODEDEV_H

#include <stdint.h>

#include <vmgr/connect.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_nodedev;

/* ---- handles ---- */

/** Takes a reference. Returns dev. */
struct vmgr_nodedev *vmgr_nodedev_ref(struct vmgr_nodedev *dev);
/** Drops a reference; the device itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_nodedev *vmgr_nodedev_unref(struct vmgr_nodedev *dev);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_nodedev **vmgr_nodedev_list_free(struct vmgr_nodedev **devs);
/** Borrowed. */
const char *vmgr_nodedev_get_name(struct vmgr_nodedev *dev);
/** Borrowed from the device. */
struct vmgr_conn *vmgr_nodedev_get_conn(struct vmgr_nodedev *dev);

/* ---- finding ---- */

/** Errors: VMGR_ERR_NO_NODE_DEVICE ("Node device not found: no node device with matching ..."). */
int vmgr_nodedev_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                struct vmgr_nodedev **ret_dev, struct vmgr_error **err);

/** A Fibre Channel host by its world wide names, of 16 hexadecimal digits each. flags: none yet. */
int vmgr_nodedev_lookup_scsi_host_by_wwn(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                                         uint32_t flags, struct vmgr_nodedev **ret_dev,
                                         struct vmgr_error **err);

/* Filters of vmgr_nodedev_list(): capabilities, of which one is enough, and whether the device is
 * there now. Numbers of the libvirt protocol. */
#define VMGR_NODEDEV_LIST_SYSTEM        (1u << 0)
#define VMGR_NODEDEV_LIST_PCI           (1u << 1)
#define VMGR_NODEDEV_LIST_USB_DEVICE    (1u << 2)
#define VMGR_NODEDEV_LIST_USB_INTERFACE (1u << 3)
#define VMGR_NODEDEV_LIST_NET           (1u << 4)
#define VMGR_NODEDEV_LIST_SCSI_HOST     (1u << 5)
#define VMGR_NODEDEV_LIST_SCSI_TARGET   (1u << 6)
#define VMGR_NODEDEV_LIST_SCSI          (1u << 7)
#define VMGR_NODEDEV_LIST_STORAGE       (1u << 8)
#define VMGR_NODEDEV_LIST_FC_HOST       (1u << 9)
#define VMGR_NODEDEV_LIST_VPORTS        (1u << 10)
#define VMGR_NODEDEV_LIST_SCSI_GENERIC  (1u << 11)
#define VMGR_NODEDEV_LIST_DRM           (1u << 12)
#define VMGR_NODEDEV_LIST_MDEV_TYPES    (1u << 13)
#define VMGR_NODEDEV_LIST_MDEV          (1u << 14)
#define VMGR_NODEDEV_LIST_CCW           (1u << 15)
#define VMGR_NODEDEV_LIST_CSS           (1u << 16)
#define VMGR_NODEDEV_LIST_VDPA          (1u << 17)
#define VMGR_NODEDEV_LIST_AP_CARD       (1u << 18)
#define VMGR_NODEDEV_LIST_AP_QUEUE      (1u << 19)
#define VMGR_NODEDEV_LIST_AP_MATRIX     (1u << 20)
#define VMGR_NODEDEV_LIST_VPD           (1u << 21)
#define VMGR_NODEDEV_LIST_INACTIVE      (1u << 30)
#define VMGR_NODEDEV_LIST_ACTIVE        (1u << 31)

/**
 * vmgr_nodedev_list() - the devices that pass the filters, by name
 * @ret_devs: a NULL-terminated array for vmgr_nodedev_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_nodedev_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_nodedev ***ret_devs,
                      struct vmgr_error **err);
/** The name of the nth capability, which has the flag 1 << n: "system", "pci", ...; NULL after the
 * last. Static. */
const char *vmgr_nodedev_cap_name(unsigned n);

/* ---- looking ---- */

/** The <device> document. flags: none yet. */
int vmgr_nodedev_get_xml(struct vmgr_nodedev *dev, uint32_t flags, char **ret_xml,
                         struct vmgr_error **err);
/** The name of the device it hangs on, for free(); NULL: it is the root. */
int vmgr_nodedev_get_parent(struct vmgr_nodedev *dev, char **ret_name, struct vmgr_error **err);
/** The names of its capabilities: a NULL-terminated array of static strings for free(); NULL: only
 * count. Returns how many, or -1 and *err. */
int vmgr_nodedev_list_caps(struct vmgr_nodedev *dev, const char ***ret_names,
                           struct vmgr_error **err);
/** Returns 1: the device is there; 0: it is only defined; or -1 and *err. */
int vmgr_nodedev_is_active(struct vmgr_nodedev *dev, struct vmgr_error **err);
/** Returns 1: it has a definition that outlives it; 0: not; or -1 and *err. */
int vmgr_nodedev_is_persistent(struct vmgr_nodedev *dev, struct vmgr_error **err);
/** Returns 1: it is made when the host starts; 0: not; or -1 and *err. */
int vmgr_nodedev_get_autostart(struct vmgr_nodedev *dev, struct vmgr_error **err);

/* ---- giving to guests ---- */

/**
 * vmgr_nodedev_detach() - takes a PCI device from its driver, so that a guest can have it
 * @driver: "vfio", or NULL: the same
 * @flags: none yet
 * Errors: VMGR_ERR_INVALID_ARG (not a PCI device, unknown driver), VMGR_ERR_ARGUMENT_UNSUPPORTED
 * (the host has no IOMMU or no VFIO), VMGR_ERR_SYSTEM_ERROR, VMGR_ERR_INTERNAL_ERROR (the driver
 * does not take it: its own has it again).
 */
int vmgr_nodedev_detach(struct vmgr_nodedev *dev, const char *driver, uint32_t flags,
                        struct vmgr_error **err);
/** Gives it back to the host's driver. Errors: VMGR_ERR_INVALID_ARG (not a PCI device),
 * VMGR_ERR_SYSTEM_ERROR. */
int vmgr_nodedev_reattach(struct vmgr_nodedev *dev, struct vmgr_error **err);
/** Resets a PCI device that no driver of the host's has. Errors: VMGR_ERR_INVALID_ARG (not a PCI
 * device), VMGR_ERR_OPERATION_INVALID (a driver has it), VMGR_ERR_INTERNAL_ERROR (it cannot). */
int vmgr_nodedev_reset(struct vmgr_nodedev *dev, struct vmgr_error **err);

/* ---- making ---- */

/** Checks the document against the schema first. */
#define VMGR_NODEDEV_VALIDATE (1u << 0)

/**
 * vmgr_nodedev_create_xml() - makes a device, which stays until it is destroyed or the host ends
 * @xml: a <device> document of a mediated device or a virtual host bus adapter, at most 8 MiB
 * @flags: VMGR_NODEDEV_VALIDATE
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR, VMGR_ERR_INTERNAL_ERROR and
 * VMGR_ERR_CONFIG_UNSUPPORTED (its content, its parent; mdevctl failed, or is not there),
 * VMGR_ERR_SYSTEM_ERROR (the kernel refused it), VMGR_ERR_NO_NODE_DEVICE (the kernel took it, but
 * it did not appear within 30 s).
 */
int vmgr_nodedev_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_nodedev **ret_dev, struct vmgr_error **err);
/** Stores the definition of a mediated device, which is not started. As
 * vmgr_nodedev_create_xml(). */
int vmgr_nodedev_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_nodedev **ret_dev, struct vmgr_error **err);
/** Takes away a mediated device or a virtual host bus adapter. Its definition stays. Errors:
 * VMGR_ERR_CONFIG_UNSUPPORTED (another kind of device), VMGR_ERR_OPERATION_INVALID (it is not
 * there), VMGR_ERR_INTERNAL_ERROR, VMGR_ERR_SYSTEM_ERROR (it could not be). */
int vmgr_nodedev_destroy(struct vmgr_nodedev *dev, struct vmgr_error **err);
/** Removes a definition. flags: none yet. Errors: VMGR_ERR_CONFIG_UNSUPPORTED (another kind of
 * device), VMGR_ERR_OPERATION_INVALID (there is none), VMGR_ERR_INTERNAL_ERROR (mdevctl failed). */
int vmgr_nodedev_undefine(struct vmgr_nodedev *dev, uint32_t flags, struct vmgr_error **err);
/** Starts a device that is defined. flags: none yet. Errors: VMGR_ERR_OPERATION_INVALID (it is
 * there), VMGR_ERR_INTERNAL_ERROR (it could not be). */
int vmgr_nodedev_start(struct vmgr_nodedev *dev, uint32_t flags, struct vmgr_error **err);
/** Whether the host's start starts it. Errors: VMGR_ERR_OPERATION_UNSUPPORTED (another kind of
 * device), VMGR_ERR_OPERATION_INVALID (it has no definition), VMGR_ERR_INTERNAL_ERROR. */
int vmgr_nodedev_set_autostart(struct vmgr_nodedev *dev, int autostart, struct vmgr_error **err);

/* ---- events ---- */

/** Kinds of events. Numbers of the libvirt protocol. */
enum vmgr_nodedev_event_id {
    VMGR_NODEDEV_EVENT_LIFECYCLE = 0,
    VMGR_NODEDEV_EVENT_UPDATE = 1, /* the device says that it has changed */
};
enum vmgr_nodedev_event_type {
    VMGR_NODEDEV_EVENT_CREATED = 0,
    VMGR_NODEDEV_EVENT_DELETED = 1,
    VMGR_NODEDEV_EVENT_DEFINED = 2,
    VMGR_NODEDEV_EVENT_UNDEFINED = 3,
};
/** struct vmgr_nodedev_event - one event. @id: enum vmgr_nodedev_event_id. @type: of LIFECYCLE */
struct vmgr_nodedev_event {
    uint32_t size;
    int32_t id;
    int32_t type;
    int32_t detail;
};
/** Called by vmgr_conn_dispatch() (event.h). `dev` is borrowed. */
typedef void (*vmgr_nodedev_event_fn)(struct vmgr_conn *conn, struct vmgr_nodedev *dev,
                                      const struct vmgr_nodedev_event *event, void *data);
/**
 * vmgr_conn_add_nodedev_event() - registers a callback; see vmgr_conn_add_domain_event()
 * @dev: only events of this one; NULL: of all
 * @id: enum vmgr_nodedev_event_id
 * Returns an id for vmgr_conn_remove_nodedev_event() (>= 0), or -1 and *err: VMGR_ERR_INVALID_ARG.
 */
int vmgr_conn_add_nodedev_event(struct vmgr_conn *conn, struct vmgr_nodedev *dev, int id,
                                vmgr_nodedev_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err);
/** Returns 0, or -1 and *err: VMGR_ERR_INVALID_ARG (no such callback). */
int vmgr_conn_remove_nodedev_event(struct vmgr_conn *conn, int callback_id,
                                   struct vmgr_error **err);
/** "Created", "Deleted" ...; "unknown" for a number it does not know. Static. */
const char *vmgr_nodedev_event_type_name(int event_type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
