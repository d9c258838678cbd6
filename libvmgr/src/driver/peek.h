/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does to look into a domain.
 */
#ifndef VMGR_SRC_DRIVER_PEEK_H
#define VMGR_SRC_DRIVER_PEEK_H

#include <vmgr/peek.h>

#include "driver.h"

/* Arguments are those of the public calls, checked: size is at most VMGR_PEEK_MAX. */
struct vmgr__peek_ops {
    int (*disk)(struct vmgr_domain *dom, const char *disk, uint64_t offset, void *buf, size_t size,
                struct vmgr_error **err);
    /* flags: one of VMGR_DOMAIN_MEMORY_* */
    int (*memory)(struct vmgr_domain *dom, uint64_t start, void *buf, size_t size, uint32_t flags,
                  struct vmgr_error **err);
};
extern const struct vmgr__peek_ops vmgr__vemu_peek, vmgr__remote_peek;

#endif
