/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads for the requests of disks: <iothreads> and <iothreadids>.
 */
#ifndef VMGR_SRC_CONF_IOTHREAD_H
#define VMGR_SRC_CONF_IOTHREAD_H

#include <vmgr/stats.h>

#include "def.h"

enum { VMGR__IOTHREAD_MAX_NS, VMGR__IOTHREAD_GROW, VMGR__IOTHREAD_SHRINK, VMGR__IOTHREAD_POLLS };

struct vmgr__iothread {
    uint32_t id;
    bool counted;                       /* it has no <iothread>, only its place in <iothreads> */
    int32_t pool_min, pool_max;         /* worker threads; -1: not said */
    int64_t poll[VMGR__IOTHREAD_POLLS]; /* -1: not said; only of what runs, or from <poll> */
};

/* In the order of the document; borrowed. */
struct vmgr__iothread *vmgr__iothread_find(const struct vmgr__domain_def *def, uint32_t id);
/* -1: it is there already. What comes back is borrowed, until the next one comes. */
int vmgr__iothread_add(struct vmgr__domain_def *def, uint32_t id, struct vmgr__iothread **ret,
                       struct vmgr_error **err);
/* Takes it away, with its pin. -1: it is not there, or a disk or a controller uses it. */
int vmgr__iothread_remove(struct vmgr__domain_def *def, uint32_t id, struct vmgr_error **err);
/* Changes what is said of it, by libvirt's names; all or nothing. */
int vmgr__iothread_set(struct vmgr__domain_def *def, uint32_t id, const struct vmgr_stat *params,
                       bool live, struct vmgr_error **err);
/* The IOThread that <driver> of a device names; 0: none. -1: it is no number, or there is no
 * such. */
int vmgr__iothread_of_driver(const struct vmgr__domain_def *def, const xmlNode *driver,
                             const char *a_device, uint32_t *ret, struct vmgr_error **err);

#endif
