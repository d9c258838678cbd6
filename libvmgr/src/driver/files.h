/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with descriptors of the caller.
 */
#ifndef VMGR_SRC_DRIVER_FILES_H
#define VMGR_SRC_DRIVER_FILES_H

#include <vmgr/files.h>

#include "driver.h"

/* Arguments are those of the public calls, checked: at most VMGR_FILES_MAX descriptors, all open,
 * which stay the caller's. */
struct vmgr__files_ops {
    int (*start)(struct vmgr_domain *dom, const int *fds, uint32_t n_fds, uint32_t flags,
                 struct vmgr_error **err);
    int (*create)(struct vmgr_conn *conn, const char *xml, const int *fds, uint32_t n_fds,
                  uint32_t flags, struct vmgr_domain **ret, struct vmgr_error **err);
    int (*associate)(struct vmgr_domain *dom, const char *name, const int *fds, uint32_t n_fds,
                     uint32_t flags, struct vmgr_error **err);
    int (*dissociate)(struct vmgr_domain *dom, const char *name, struct vmgr_error **err);
};
extern const struct vmgr__files_ops vmgr__remote_files, vmgr__test_files;

#endif
