/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a guest that was started without firmware goes on after a sleep.
 */
#ifndef VEMU_MACHINES_WAKING_H
#define VEMU_MACHINES_WAKING_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/state.h"

struct vemu_memory;

struct vemu_waking {
    uint64_t vector; /* physical address; 0: the guest named none */
    bool protected_mode;
};

/* What the guest left in the FACS at `facs`. Context: vCPUs do not run. */
struct vemu_waking vemu__waking_read(struct vemu_memory *memory, uint64_t facs);
/* The state of vCPU 0 there. Returns the groups (VEMU_STATE_*). */
uint32_t vemu__waking_state(const struct vemu_waking *waking, struct vemu_cpu_state *state);

#endif
