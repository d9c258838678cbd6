/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device is made of in the emulator: back-ends and devices, in the order in which they are
 * made. One description serves the command line and the monitor.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_PARTS_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_PARTS_H

#include "../../../conf/device.h"
#include "../run/qmp.h"
#include "../vemu.h"

enum vemu_part_kind {
    VEMU_PART_OBJECT,
    VEMU_PART_BLOCK,
    VEMU_PART_NET,
    VEMU_PART_CHARDEV,
    VEMU_PART_FSDEV,
    VEMU_PART_DEVICE,
};
struct vemu_part {
    enum vemu_part_kind kind;
    struct json_object *props; /* as the monitor's command takes them; a chardev's are flat */
    bool left_alone; /* its file: the guest's user gets no entry (<seclabel>) */
};

struct vemu_parts {
    GArray *list; /* struct vemu_part */
};
void vmgr__vemu_parts_init(struct vemu_parts *p);
void vmgr__vemu_parts_fini(struct vemu_parts *p);
/* Adds a part; what comes back is borrowed and wants its properties. first: "driver", "type" ... of
 * this class. */
struct json_object *vmgr__vemu_part_add(struct vemu_parts *p, enum vemu_part_kind kind,
                                        const char *class_name, const char *id);
struct vemu_part *vmgr__vemu_part_last(const struct vemu_parts *p); /* there is one */
void vmgr__vemu_set(struct json_object *o, const char *key, const char *value); /* NULL: nothing */
void vmgr__vemu_setf(struct json_object *o, const char *key, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__vemu_set_int(struct json_object *o, const char *key, int64_t value);
void vmgr__vemu_set_bool(struct json_object *o, const char *key, bool value);
/* Sockets right in the directory of the run get names from there: a guest's user cannot walk to
 * it. */
void vmgr__vemu_parts_shorten(const struct vemu_parts *p, const char *run_dir);
/* Options of the command line: "-device", "virtio-blk-pci,id=..." appended to args (char *). */
void vmgr__vemu_parts_argv(const struct vemu_parts *p, GPtrArray *args);
/* Makes them in a running guest; on failure what was made is taken away again. */
int vmgr__vemu_parts_plug(const struct vemu_parts *p, struct vemu_qmp *q, struct vmgr_error **err);
/* Takes back-ends away, after their device went; what is not there is fine. */
void vmgr__vemu_parts_drop(const struct vemu_parts *p, struct vemu_qmp *q);

/* ---- device.c: from definitions to parts ---- */
/* Fails if the guest would not get what the device says. */
int vmgr__vemu_device_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                            struct vemu_parts *parts, struct vmgr_error **err);
/* Of all serial ports, and of all consoles that are none. */
int vmgr__vemu_serials_parts(const struct vmgr__domain_def *def, struct vemu_parts *parts,
                             struct vmgr_error **err);
int vmgr__vemu_consoles_parts(const struct vmgr__domain_def *def, struct vemu_parts *parts,
                              struct vmgr_error **err);
/* chardev.c: the host's end `id` of <serial>, <console> or <channel>. socket: the path of a server
 * whose <source> has none; NULL: there must be one. */
int vmgr__vemu_chardev_parts(const xmlNode *root, const char *id, const char *socket,
                             struct vemu_parts *parts, struct vmgr_error **err);
/* Children and attributes that are understood, as words between blanks; else an error names what is
 * not. */
int vmgr__vemu_only(const xmlNode *node, const char *children, const char *attrs,
                    struct vmgr_error **err);
/* argv.c */
bool vmgr__vemu_has_balloon(const struct vmgr__domain_def *def);
bool vmgr__vemu_has_pci(const struct vmgr__domain_def *def);
/* Sets "bus" and "addr" of a PCI device from its address; "virtio-blk" becomes the class of this
 * machine's transport. */
int vmgr__vemu_part_address(const struct vmgr__domain_def *def, const xmlNode *root,
                            struct json_object *props, struct vmgr_error **err);
char *vmgr__vemu_virtio_class(const struct vmgr__domain_def *def, const char *name);
/* ---- disk.c, interface.c, filesystem.c, vsock.c ---- */
int vmgr__vemu_disk_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                          struct vemu_parts *parts, struct vmgr_error **err);
/* The node of its image alone: a medium for a drive that is there. */
int vmgr__vemu_medium_parts(const struct vmgr__device *dev, struct vemu_parts *parts,
                            struct vmgr_error **err);
/* disk-traits.c: what the guest is told about a drive of a class; an image behind a network. */
int vmgr__vemu_disk_traits(const xmlNode *root, const char *class_name, struct json_object *o,
                           struct vmgr_error **err);
int vmgr__vemu_disk_network(const xmlNode *source, struct json_object *file,
                            struct vmgr_error **err);
char *vmgr__vemu_node_name(const struct vmgr__device *dev);
int vmgr__vemu_interface_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                               struct vemu_parts *parts, struct vmgr_error **err);
int vmgr__vemu_filesystem_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                                struct vemu_parts *parts, struct vmgr_error **err);
int vmgr__vemu_vsock_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                           struct vemu_parts *parts, struct vmgr_error **err);
/* What an interface's back-end is called, for g_free(). */
char *vmgr__vemu_netdev_name(const struct vmgr__device *dev);

/* ---- port.c: interfaces on networks and bridges of the host ---- */
/* It is such an interface. */
bool vmgr__vemu_port_wanted(const struct vmgr__device *dev);
/* Gives parts the descriptors that are theirs. */
void vmgr__vemu_ports_give(const GArray *ports, const struct vemu_parts *parts);
/* The same for an emulator that runs: hands the descriptors over. */
int vmgr__vemu_ports_send(const GArray *ports, const struct vemu_parts *parts, struct vemu_qmp *q,
                          struct vmgr_error **err);
/* Whether its document makes sense. */
int vmgr__vemu_port_check(const struct vmgr__device *dev, struct vmgr_error **err);
/* Puts an interface that is there where its document says, with its limits and filters. */
int vmgr__vemu_port_move(struct vemu *d, const struct vmgr__domain_def *def,
                         struct vmgr__device *dev, struct vmgr_error **err);
/* It has gone, with what the host had for it. */
void vmgr__vemu_port_forget(struct vemu *d, const struct vmgr__domain_def *def,
                            const struct vmgr__device *dev);
/* `dev`, which is to replace `old` in a guest that runs, keeps the interface that that has. */
void vmgr__vemu_port_inherit(const struct vmgr__device *old, struct vmgr__device *dev);
bool vmgr__vemu_port_renamed(const struct vmgr__device *old, const struct vmgr__device *dev);
/* Of two that are such interfaces: they have as many queues, and both are where the other is, or
 * neither is right on an interface of the host, where it would have to stay. */
bool vmgr__vemu_port_stays(const struct vmgr__device *old, const struct vmgr__device *dev);

/* ---- remark.c: what a guest does without ---- */
bool vmgr__vemu_is_spare_timer(const struct vmgr__timer *t);
/* Appends a message (char *) for each. */
void vmgr__vemu_remarks(const struct vmgr__domain_def *def, GPtrArray *ret);

/* ---- controller.c ---- */
#define VEMU_MAX_PORTS 64 /* root ports: slots 1 to 8 of bus 0, eight functions each */
/* Numbers controllers that have none, and places their root ports. */
void vmgr__vemu_complete_controllers(struct vmgr__domain_def *def);
/* What root port `index` does not say: its chassis, its function of bus 0. */
void vmgr__vemu_place_port(xmlNode *root, unsigned index);

/* ---- address.c ---- */
/* Adds the controllers that the devices need and gives those without one a PCI address. spare: root
 * ports to leave free for devices that come later. */
int vmgr__vemu_assign_addresses(struct vmgr__domain_def *def, unsigned spare,
                                struct vmgr_error **err);
/* Gives devices without one an alias: names of a run. */
void vmgr__vemu_assign_aliases(struct vmgr__domain_def *def);
void vmgr__vemu_assign_alias(const struct vmgr__domain_def *def, struct vmgr__device *dev);
/* A free root port for a device that comes while the guest runs. */
int vmgr__vemu_assign_port(const struct vmgr__domain_def *def, struct vmgr__device *dev,
                           struct vmgr_error **err);
/* 0 for "vda", 1 for "vdb", 26 for "vdaa"; -1: no such name. */
int vmgr__vemu_disk_index(const char *target);
bool vmgr__vemu_is_pci(const struct vmgr__device *dev, const xmlNode *root);

/* ---- volume.c: disks that name a volume of a pool ---- */
/* Puts in its place what is behind it now. */
int vmgr__vemu_volume_resolve(struct vmgr_conn *conn, struct vmgr__device *dev,
                              struct vmgr_error **err);
int vmgr__vemu_volumes_resolve(struct vmgr_conn *conn, const struct vmgr__domain_def *def,
                               struct vmgr_error **err);

#endif
