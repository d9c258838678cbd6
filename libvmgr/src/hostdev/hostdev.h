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

/* What is defined of a mediated device. */
struct mdev_config {
    char *parent; /* its address: "0000:00:02.0" */
    char *type;
    bool autostart;
    GPtrArray *attrs; /* struct vmgr__nodedev_attr * (conf/nodedev.h) */
};

struct nodedev {
    const struct nodedev_kind *kind;
    char *name;
    char *path; /* below the root: "/sys/devices/..."; NULL: the computer, or it is only defined */
    char *dir;  /* the same with the root in front */
    char *sysname;
    char *parent;           /* NULL: none */
    GHashTable *properties; /* the kernel's uevent file, and udev's database */
    GPtrArray *links;       /* "/dev/disk/by-id/..." */
    struct mdev_config *config; /* NULL: none */
};
void vmgr__nodedev_free(void *dev);

/* ---- scan.c ---- */
/* Devices that are there, in order of name. For g_ptr_array_unref(). */
GPtrArray *vmgr__hostdev_scan(const struct vmgr__hostdev *h);
/* With those that are only defined. */
GPtrArray *vmgr__hostdev_scan_all(const struct vmgr__hostdev *h);
/* The name of one: kind, sysname, and what its suffix needs are there. For g_free(). */
char *vmgr__nodedev_name(const struct nodedev *dev);
/* Makes a name of it: everything that is no letter or digit becomes '_'. */
void vmgr__nodedev_make_name(char *text);
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

/* ---- scsi.c ---- */
/* World wide names of a Fibre Channel host; any may be NULL. */
struct scsi_fc_names {
    char *wwnn, *wwpn, *fabric;
    bool vports; /* it can make virtual ones */
};
/* False: it is none. */
bool vmgr__scsi_fc_names(const struct nodedev *dev, struct scsi_fc_names *ret);
void vmgr__scsi_fc_names_clear(struct scsi_fc_names *n);

/* ---- vhba.c ---- */
struct vmgr__nodedev_def;
/* The host with these names, or NULL. */
struct nodedev *vmgr__vhba_find(GPtrArray *list, const char *wwnn, const char *wwpn);
/* *ret_name: for g_free(). */
int vmgr__vhba_create(const struct vmgr__hostdev *h, const struct vmgr__nodedev_def *def,
                      char **ret_name, struct vmgr_error **err);
int vmgr__vhba_destroy(GPtrArray *list, const struct nodedev *dev, struct vmgr_error **err);

/* ---- mdev.c ---- */
void vmgr__mdev_config_free(struct mdev_config *config);
/* Adds what is defined to a list of what is there. */
void vmgr__mdev_add_configs(const struct vmgr__hostdev *h, GPtrArray *list);
/* Defines a device, or starts one without a definition. *ret_name: for g_free(). */
int vmgr__mdev_make(const struct vmgr__hostdev *h, const struct vmgr__nodedev_def *def, bool define,
                    char **ret_name, struct vmgr_error **err);
int vmgr__mdev_start(const struct vmgr__hostdev *h, const struct nodedev *dev,
                     struct vmgr_error **err);
int vmgr__mdev_stop(const struct vmgr__hostdev *h, const struct nodedev *dev,
                    struct vmgr_error **err);
int vmgr__mdev_undefine(const struct vmgr__hostdev *h, const struct nodedev *dev,
                        struct vmgr_error **err);
int vmgr__mdev_set_autostart(const struct vmgr__hostdev *h, const struct nodedev *dev, bool on,
                             struct vmgr_error **err);

/* ---- make.c: operations ---- */
int vmgr__hostdev_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_nodedev **ret, struct vmgr_error **err);
int vmgr__hostdev_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                         struct vmgr_nodedev **ret, struct vmgr_error **err);
int vmgr__hostdev_destroy(struct vmgr_nodedev *dev, struct vmgr_error **err);
int vmgr__hostdev_undefine(struct vmgr_nodedev *dev, struct vmgr_error **err);
int vmgr__hostdev_start(struct vmgr_nodedev *dev, struct vmgr_error **err);
int vmgr__hostdev_set_autostart(struct vmgr_nodedev *dev, bool on, struct vmgr_error **err);
int vmgr__hostdev_lookup_wwn(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                             struct vmgr_nodedev **ret, struct vmgr_error **err);

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
