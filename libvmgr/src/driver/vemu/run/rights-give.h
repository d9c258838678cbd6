/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening files to a run's user, one by one or all that a definition names.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_GIVE_H
#define VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_GIVE_H

#include "rights.h"

/* What rights are given to. */
struct vemu_giving {
    struct vemu *d;
    const char *name;
    const struct vemu_status *s;
    const struct vemu_settings *settings;
    int record;         /* the list of what was given */
    GHashTable *others; /* lists of runs that have the same user; NULL: none has */
    struct vmgr_error **err;
};

/* Adds a line to the record. */
int vmgr__rights_note(const struct vemu_giving *w, const char *text);
/* An image and all behind it, which is only read. format: NULL: found out. */
int vmgr__rights_give_image(const struct vemu_giving *w, const char *path, const char *format,
                            bool writable);
/* Directories on the way to `path`. */
int vmgr__rights_give_way(const struct vemu_giving *w, const char *path);
int vmgr__rights_give_parts(const struct vemu_giving *w, const struct vemu_parts *parts);
/* All that the run's definition names. */
int vmgr__rights_give_definition(const struct vemu_giving *w);

#endif
