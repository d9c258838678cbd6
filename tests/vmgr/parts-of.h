/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What devices of definitions become on the emulator's command line.
 */
#ifndef TESTS_VMGR_PARTS_OF_H
#define TESTS_VMGR_PARTS_OF_H

#include <check.h>

#include "driver/vemu/device/parts.h"

/* The options of a device on this machine, or the error; for g_free(). */
static inline char *parts_of(const char *xml, const char *machine)
{
    struct vmgr__domain_def def = { .os.machine = (char *)machine };
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    struct vmgr_error *err = NULL;
    struct vmgr__device *dev = vmgr__device_parse(xml, &vmgr__vemu_defaults, 0, &err);
    struct vemu_parts parts;
    char *text;

    vmgr__vemu_parts_init(&parts);
    if (dev && vmgr__vemu_device_parts(&def, dev, &parts, &err) == 0) {
        vmgr__vemu_parts_argv(&parts, args);
        g_ptr_array_add(args, NULL);
        text = g_strjoinv(" ", (char **)args->pdata);
    } else {
        text = g_strdup(vmgr_error_get_message(err));
    }
    vmgr_error_free(err);
    vmgr__vemu_parts_fini(&parts);
    g_ptr_array_unref(args);
    if (dev)
        vmgr__device_free(dev);
    return text;
}

#endif
