/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with interfaces of the host.
 */
#ifndef VMGR_SRC_DRIVER_INTERFACE_H
#define VMGR_SRC_DRIVER_INTERFACE_H

#include <vmgr/interface.h>

#include "driver.h"

/* The rules of struct vmgr__driver apply. */
struct vmgr__interface_ops {
    /* By one of the two. */
    int (*lookup)(struct vmgr_conn *conn, const char *name, const char *mac,
                  struct vmgr_interface **ret, struct vmgr_error **err);
    int (*list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_interface *iface, uint32_t flags, char **ret,
                   struct vmgr_error **err);
    int (*is_active)(struct vmgr_interface *iface, struct vmgr_error **err);
    /* flags: VMGR_INTERFACE_DEFINE_VALIDATE. ret may be NULL. */
    int (*define)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_interface **ret, struct vmgr_error **err);
    int (*undefine)(struct vmgr_interface *iface, struct vmgr_error **err);
    int (*start)(struct vmgr_interface *iface, struct vmgr_error **err);
    int (*destroy)(struct vmgr_interface *iface, struct vmgr_error **err);
    int (*change_begin)(struct vmgr_conn *conn, struct vmgr_error **err);
    int (*change_commit)(struct vmgr_conn *conn, struct vmgr_error **err);
    int (*change_rollback)(struct vmgr_conn *conn, struct vmgr_error **err);
};

/* ---- api/interface.c ---- */
struct vmgr_interface *vmgr__interface_new(struct vmgr_conn *conn, const char *name,
                                           const char *mac);
/* Whether one that is active, or not, passes the filters. */
bool vmgr__interface_matches(bool active, uint32_t flags);
/* Always -1. */
int vmgr__interface_not_found(const char *name, const char *mac, struct vmgr_error **err);

extern const struct vmgr__interface_ops vmgr__test_interface, vmgr__vemu_interface,
    vmgr__remote_interface;

#endif
