/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a domain's life, for the cache. Nothing is emitted unless somebody watches; d->lock is
 * held.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_LIFECYCLE_EVENT_H
#define VMGR_SRC_DRIVER_VEMU_STATE_LIFECYCLE_EVENT_H

#include "../run/process.h"
#include "../vemu.h"

/* What matters of a record for events. */
struct vemu_view {
    bool active, persistent;
    int state, reason;
    struct vemu_process process;
};
struct vemu_view vmgr__vemu_view_of(const struct vmgr__domobj *obj);

void vmgr__vemu_emit(struct vemu *d, const char *name, const uint8_t *uuid, int type, int detail);
/* What became of the run. */
void vmgr__vemu_emit_state(struct vemu *d, const char *name, const uint8_t *uuid,
                           const struct vemu_view *old, const struct vemu_view *now);
/* What became of the definition. */
void vmgr__vemu_emit_config(struct vemu *d, const struct vmgr__domobj *obj,
                            const struct vemu_view *old, bool replaced, bool renamed);

#endif
