/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's operations on network filters.
 */
#ifndef VMGR_SRC_DRIVER_NWFILTER_H
#define VMGR_SRC_DRIVER_NWFILTER_H

#include <vmgr/nwfilter.h>

#include "driver.h"

struct vmgr__nwfilter_ops {
    /* By UUID, or else by name. */
    int (*lookup)(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_nwfilter **ret, struct vmgr_error **err);
    /* Adds struct vmgr_nwfilter * to ret. */
    int (*list)(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err);
    int (*define)(struct vmgr_conn *conn, const char *xml, struct vmgr_nwfilter **ret,
                  struct vmgr_error **err);
    int (*undefine)(struct vmgr_nwfilter *filter, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_nwfilter *filter, char **ret, struct vmgr_error **err);
};
extern const struct vmgr__nwfilter_ops vmgr__vemu_nwfilter, vmgr__remote_nwfilter;

struct vmgr_nwfilter *vmgr__nwfilter_new(struct vmgr_conn *conn, const char *name,
                                         const uint8_t uuid[VMGR_UUID_SIZE]);

#endif
