/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records in the status of a run: what comes to its guest, and what leaves it (plug.h).
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_PLUG_NOTE_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_PLUG_NOTE_H

#include "../../../conf/device.h"
#include "../change.h"

struct vemu_plug {
    char *alias;              /* the device's; of a medium, its drive's */
    struct vmgr__device *dev; /* that comes; NULL: one of the definition, that goes */
    bool port_open;           /* the host's end of dev is there */
    bool medium;              /* dev is a drive that is there, with another medium */
    char *node;               /* the disk's, that goes; or NULL */
};

/* Of a status file; NULL: none. For g_ptr_array_unref(). */
GPtrArray *vmgr__vemu_plugs_read(const xmlNode *root);
void vmgr__vemu_plugs_write(const GPtrArray *plugs, struct vmgr__xml_writer *w);
/* Whether somebody died while a device or a medium came. plugs may be NULL. */
bool vmgr__vemu_plugs_torn(const GPtrArray *plugs);
/* Borrowed; NULL: none. */
struct vemu_plug *vmgr__vemu_plug_find(const GPtrArray *plugs, const char *alias);

/* The record of a name, made if there is none. The caller saves the status. */
struct vemu_plug *vmgr__vemu_plug_note(struct vemu_change *c, const char *alias);
/* Notes what comes, by a copy, and saves the status. */
int vmgr__vemu_plug_note_coming(struct vemu_change *c, const char *alias,
                                const struct vmgr__device *dev, bool medium,
                                struct vmgr_error **err);
/* Notes it anew: the host's end is there, and its document says where. */
int vmgr__vemu_plug_note_port(struct vemu_change *c, const char *alias,
                              const struct vmgr__device *dev, struct vmgr_error **err);
/* The caller saves the status. */
void vmgr__vemu_plug_forget(struct vemu_change *c, const char *alias);

#endif
