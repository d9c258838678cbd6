/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's operations on network filters.
 */
#ifndef VMGR_SRC_DRIVER_NWFILTER_H
#define VMGR_SRC_DRIVER_NWFILTER_H

#include <vmgr/nwfilter-binding.h>
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

    int (*binding_lookup)(struct vmgr_conn *conn, const char *port_dev,
                          struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
    /* Adds struct vmgr_nwfilter_binding * to ret. */
    int (*binding_list)(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err);
    /* flags: VMGR_NWFILTER_BINDING_CREATE_* */
    int (*binding_create)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                          struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
    int (*binding_delete)(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err);
    int (*binding_get_xml)(struct vmgr_nwfilter_binding *binding, char **ret,
                           struct vmgr_error **err);
};
extern const struct vmgr__nwfilter_ops vmgr__vemu_nwfilter, vmgr__remote_nwfilter;

struct vmgr_nwfilter *vmgr__nwfilter_new(struct vmgr_conn *conn, const char *name,
                                         const uint8_t uuid[VMGR_UUID_SIZE]);

/* ---- api/nwfilter-binding.c ---- */
struct vmgr_nwfilter_binding *vmgr__nwfilter_binding_new(struct vmgr_conn *conn,
                                                         const char *port_dev, const char *filter);
/* Always -1. */
int vmgr__nwfilter_binding_not_found(const char *port_dev, struct vmgr_error **err);

#endif
