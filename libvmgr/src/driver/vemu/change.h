/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of one domain: its lock, and what its files say while it is held.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_CHANGE_H
#define VMGR_SRC_DRIVER_VEMU_CHANGE_H

#include "run/qmp.h"
#include "state/status.h"
#include "vemu.h"

struct vemu_change {
    struct vemu *d;
    char *name;
    int lock;
    struct vmgr__domain_def *config; /* NULL: transient */
    struct vemu_status status;       /* settled */
};

/* Locks the domain of a handle. */
int vmgr__vemu_change_begin(struct vemu_change *c, struct vmgr_domain *dom,
                            struct vmgr_error **err);
/* Locks a name, whether or not there is such a domain. */
int vmgr__vemu_change_begin_name(struct vemu_change *c, struct vemu *d, const char *name,
                                 struct vmgr_error **err);
/* The same if nobody else has the lock; otherwise -1. */
int vmgr__vemu_change_try_name(struct vemu_change *c, struct vemu *d, const char *name);
/* Locks the domain of a handle, which must be running. */
int vmgr__vemu_change_begin_active(struct vemu_change *c, struct vmgr_domain *dom,
                                   struct vmgr_error **err);
/* The same, and its monitor, for vmgr__qmp_close(). NULL and *err: nothing is locked. */
struct vemu_qmp *vmgr__vemu_change_begin_monitor(struct vemu_change *c, struct vmgr_domain *dom,
                                                 struct vmgr_error **err);
/* Locks the domain of a handle and says which definitions VMGR_DOMAIN_AFFECT_* in flags means;
 * fails if there is no such one. */
int vmgr__vemu_change_begin_defs(struct vemu_change *c, struct vmgr_domain *dom, uint32_t flags,
                                 bool *ret_live, bool *ret_config, struct vmgr_error **err);
/* Unlocks, brings the cache up to date. Returns r. */
int vmgr__vemu_change_end(struct vemu_change *c, int r);
/* The same after a change of the definitions that begin_defs named, which are written if r is 0. */
int vmgr__vemu_change_save_end(struct vemu_change *c, bool live, bool config, int r,
                               struct vmgr_error **err);

bool vmgr__vemu_change_is_active(const struct vemu_change *c);
int vmgr__vemu_change_need_active(const struct vemu_change *c, struct vmgr_error **err);

/* lifecycle.c: ends the run of an active domain, for a reason: VMGR_DOMAIN_SHUTOFF_*. */
int vmgr__vemu_end_locked(struct vemu_change *c, int reason, struct vmgr_error **err);

/* The monitor of an active domain. */
struct vemu_qmp *vmgr__vemu_change_monitor(const struct vemu_change *c, struct vmgr_error **err);
/* One command to it; args is taken over. */
int vmgr__vemu_change_command(const struct vemu_change *c, const char *name,
                              struct json_object *args, struct vmgr_error **err);
/* A change that is one command to the monitor of a domain that must be running; args is taken
 * over. */
int vmgr__vemu_change_by_command(struct vmgr_domain *dom, const char *name,
                                 struct json_object *args, struct vmgr_error **err);

#endif
