/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest's memory is made of on the host.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_RAM_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_RAM_H

#include "parts.h"

struct vemu_ram {
    const char *id;
    const char *path; /* the definition's own file; NULL: none */
    const char *file; /* what a file of the run's is called */
    uint64_t bytes;
    uint64_t page_kib; /* 0: as <memoryBacking> has it */
    int node;          /* of NUMA; -1: none */
    int access;        /* 1 shared, 2 private, 0 as the guest's */
    int discard;       /* of vmgr__yes_no, 0 as the guest's */
    bool later;        /* pages come when they are touched, whatever <allocation> says */
};

/* Whether what the guest boots with has to be an object of its own. */
bool vmgr__vemu_ram_is_own(const struct vmgr__tuning *t);
/* Adds the object. */
void vmgr__vemu_ram_part(const struct vmgr__tuning *t, const struct vemu_ram *ram,
                         struct vemu_parts *parts);
/* Appends it to a command line. */
void vmgr__vemu_ram_argv(const struct vmgr__tuning *t, const struct vemu_ram *ram, GPtrArray *args);

#endif
