/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver with checkpoints and backups is: the operations behind include/vmgr/checkpoint.h.
 *
 * The rules are those of driver.h.
 */
#ifndef VMGR_SRC_DRIVER_CHECKPOINT_H
#define VMGR_SRC_DRIVER_CHECKPOINT_H

#include <vmgr/checkpoint.h>

#include "driver.h"

struct vmgr__checkpoint_ops {
    /* *ret: the name, for g_free(). */
    int (*create)(struct vmgr_domain *dom, const char *xml, uint32_t flags, char **ret,
                  struct vmgr_error **err);
    int (*lookup)(struct vmgr_domain *dom, const char *name, struct vmgr_error **err);
    /* Adds names (char *); of: a checkpoint whose children are meant, or NULL. */
    int (*list)(struct vmgr_domain *dom, const char *of, uint32_t flags, GPtrArray *ret,
                struct vmgr_error **err);
    int (*get_parent)(struct vmgr_domain *dom, const char *name, char **ret,
                      struct vmgr_error **err);
    int (*get_xml)(struct vmgr_domain *dom, const char *name, uint32_t flags, char **ret,
                   struct vmgr_error **err);
    int (*remove)(struct vmgr_domain *dom, const char *name, uint32_t flags,
                  struct vmgr_error **err);
    /* NULL: no backups */
    int (*begin_backup)(struct vmgr_domain *dom, const char *xml, const char *checkpoint_xml,
                        uint32_t flags, struct vmgr_error **err);
    int (*get_backup_xml)(struct vmgr_domain *dom, char **ret, struct vmgr_error **err);
};

extern const struct vmgr__checkpoint_ops vmgr__remote_checkpoint;
extern const struct vmgr__checkpoint_ops vmgr__test_checkpoint;
extern const struct vmgr__checkpoint_ops vmgr__vemu_checkpoint;

#endif
