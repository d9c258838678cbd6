/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of type 'user': a network in user space, the emulator's own or passt's.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_USERNET_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_USERNET_H

#include "parts.h"

/* Its back-end is passt. */
bool vmgr__vemu_passt_wanted(const struct vmgr__device *dev);
/* The words after "passt" that its document means, without those of the descriptor. For
 * g_ptr_array_unref(); NULL and *err. */
GPtrArray *vmgr__vemu_passt_args(const xmlNode *root, struct vmgr_error **err);
/* Where passt's log is to be, for g_free(); NULL: in the system's. */
char *vmgr__vemu_passt_log(const struct vmgr__device *dev);
/* Of two interfaces: both have passt with the same settings, or none has it. */
bool vmgr__vemu_passt_same(const struct vmgr__device *a, const struct vmgr__device *b);
/* The properties of its back-end, after its class. */
int vmgr__vemu_usernet_put(struct json_object *o, const xmlNode *root, struct vmgr_error **err);
/* Its class. */
const char *vmgr__vemu_usernet_class(const xmlNode *root);

#endif
