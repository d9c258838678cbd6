/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices of this host: what sysfs shows of them, as libvirt names and describes it.
 *
 * Theory of operation. Nothing is remembered: each call walks the directories of sysfs that have
 * devices of a kind (scan.c) and describes what is asked for from the device's attributes. What
 * udev knows besides is in its database under /run/udev/data, one text file for a device; where no
 * udevd runs there is none, and the attributes alone count, as libvirt has it. Both trees are below
 * a root directory, so that a recorded one can be read. Changes come from the kernel's own socket
 * (monitor.c); then the list is made anew and compared, so no message can be misread.
 *
 * A kind of device is a file or a part of one, and a line in the table of scan.c.
 */
#ifndef VMGR_SRC_HOSTDEV_HOSTDEV_H
#define VMGR_SRC_HOSTDEV_HOSTDEV_H

#include <vmgr/nodedev.h>

#include "../conf/xml.h"
#include "../driver/interface.h"
#include "../driver/nodedev.h"

struct vemu;
struct vmgr__hostdev_monitor;

/* What a connection knows of its host. */
struct vmgr__hostdev {
    char *root; /* "": the host's own */
    struct vmgr__hostdev_monitor *monitor;
};

struct nodedev;

struct nodedev_kind {
    const char *type; /* "pci" */
    uint32_t flag;    /* VMGR_NODEDEV_LIST_* */
    const char *dir;  /* of sysfs, that has links to them */
    /* Whether the device is one of these; NULL: any in the directory. */
    bool (*is)(const struct nodedev *dev);
    /* What the name has after "<subsystem>_<its name in sysfs>", for g_free(); NULL: nothing. */
    char *(*suffix)(const struct nodedev *dev);
    const char *prefix; /* of the name; the subsystem mostly */
    /* Writes what is in <capability>. */
    void (*format)(const struct vmgr__hostdev *h, const struct nodedev *dev,
                   struct vmgr__xml_writer *w);
    /* Capabilities inside it: VMGR_NODEDEV_LIST_*. NULL: none. */
    uint32_t (*more)(const struct nodedev *dev);
};

struct nodedev {
    const struct nodedev_kind *kind;
    char *name;
    char *path; /* below the root: "/sys/devices/..."; NULL: the computer */
    char *dir;  /* the same with the root in front */
    char *sysname;
    char *parent;           /* NULL: none */
    GHashTable *properties; /* the kernel's uevent file, and udev's database */
    GPtrArray *links;       /* "/dev/disk/by-id/..." */
};
void vmgr__nodedev_free(void *dev);

/* ---- scan.c ---- */
/* Devices of the kinds in `flags` (0: all), in order of name. For g_ptr_array_unref(). */
GPtrArray *vmgr__hostdev_scan(const struct vmgr__hostdev *h);
struct nodedev *vmgr__hostdev_find(GPtrArray *list, const char *name);
/* All capabilities of one: VMGR_NODEDEV_LIST_*. */
uint32_t vmgr__hostdev_caps(const struct nodedev *dev);
char *vmgr__hostdev_format(const struct vmgr__hostdev *h, const struct nodedev *dev);

/* ---- sysfs.c ---- */
/* The first 4095 bytes of an attribute without white space around it, for g_free(); NULL: it is not
 * there or empty. */
char *vmgr__sysfs_text(const char *dir, const char *attribute);
/* A number in any base that says so, or in this one. False: there is none. */
bool vmgr__sysfs_number(const char *dir, const char *attribute, int base, uint64_t *ret);
/* The last part of where a link points, for g_free(); NULL: no link. */
char *vmgr__sysfs_link(const char *dir, const char *link);
/* What a directory has, sorted; empty: there is none. For g_ptr_array_unref(). */
GPtrArray *vmgr__sysfs_names(const char *path);
/* Reads dev->properties and dev->links. */
void vmgr__sysfs_properties(const struct vmgr__hostdev *h, struct nodedev *dev);
const char *vmgr__nodedev_property(const struct nodedev *dev, const char *key);

/* ---- the kinds ---- */
extern const struct nodedev_kind vmgr__nodedev_system, vmgr__nodedev_pci, vmgr__nodedev_usb_device,
    vmgr__nodedev_usb, vmgr__nodedev_net, vmgr__nodedev_scsi_host, vmgr__nodedev_scsi_target,
    vmgr__nodedev_scsi, vmgr__nodedev_scsi_generic, vmgr__nodedev_storage, vmgr__nodedev_drm,
    vmgr__nodedev_mdev;

/* ---- pci.c ---- */
struct pci_address {
    unsigned domain, bus, slot, function;
};
/* From "0000:00:1f.2". */
bool vmgr__pci_parse(const char *text, struct pci_address *ret);
void vmgr__pci_write(struct vmgr__xml_writer *w, const struct pci_address *a);
/* <iommuGroup> of a device, if it has one. */
void vmgr__iommu_write(struct vmgr__xml_writer *w, const char *dir);

/* ---- pci-ids.c ---- */
/* Names out of the host's pci.ids, for g_free(); NULL: unknown. */
void vmgr__pci_names(const struct vmgr__hostdev *h, unsigned vendor, unsigned device,
                     char **ret_vendor, char **ret_device);

/* ---- net-features.c ---- */
/* <feature> elements of an interface of this host. */
void vmgr__net_features_write(struct vmgr__xml_writer *w, const char *name);
/* <link>, from the attributes. */
void vmgr__net_link_write(struct vmgr__xml_writer *w, const char *dir);

/* ---- assign.c ---- */
int vmgr__hostdev_detach(struct vmgr_nodedev *dev, const char *driver, struct vmgr_error **err);
int vmgr__hostdev_reattach(struct vmgr_nodedev *dev, struct vmgr_error **err);
int vmgr__hostdev_reset(struct vmgr_nodedev *dev, struct vmgr_error **err);

/* ---- monitor.c ---- */
int vmgr__hostdev_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
void vmgr__hostdev_poll(struct vmgr_conn *conn);
void vmgr__hostdev_monitor_free(struct vmgr__hostdev_monitor *m);

/* ---- ops.c ---- */
struct vmgr__hostdev *vmgr__hostdev_new(const char *root);
void vmgr__hostdev_free(struct vmgr__hostdev *h);
/* The device of a handle in *ret_list, which it makes. NULL and *err. */
struct nodedev *vmgr__hostdev_enter(struct vmgr_nodedev *dev, GPtrArray **ret_list,
                                    struct vmgr_error **err);

#endif
