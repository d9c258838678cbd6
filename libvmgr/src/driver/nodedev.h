/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with node devices.
 */
#ifndef VMGR_SRC_DRIVER_NODEDEV_H
#define VMGR_SRC_DRIVER_NODEDEV_H

#include <vmgr/nodedev.h>

#include "driver.h"

struct vmgr__nodedev_state {
    bool active, persistent, autostart;
};

/* The rules of struct vmgr__driver apply. */
struct vmgr__nodedev_ops {
    int (*lookup)(struct vmgr_conn *conn, const char *name, struct vmgr_nodedev **ret,
                  struct vmgr_error **err);
    int (*list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err);
    int (*get_parent)(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err);
    int (*get_caps)(struct vmgr_nodedev *dev, uint32_t *ret, struct vmgr_error **err);
    /* One that is asked for is in *ret when it returns; the others may be. */
    int (*get_state)(struct vmgr_nodedev *dev, struct vmgr__nodedev_state *ret,
                     struct vmgr_error **err);
    int (*detach)(struct vmgr_nodedev *dev, const char *driver, struct vmgr_error **err);
    int (*reattach)(struct vmgr_nodedev *dev, struct vmgr_error **err);
    int (*reset)(struct vmgr_nodedev *dev, struct vmgr_error **err);
    int (*lookup_wwn)(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                      struct vmgr_nodedev **ret, struct vmgr_error **err);
    /* flags: VMGR_NODEDEV_VALIDATE. ret may be NULL. */
    int (*create)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_nodedev **ret, struct vmgr_error **err);
    int (*define)(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_nodedev **ret, struct vmgr_error **err);
    int (*destroy)(struct vmgr_nodedev *dev, struct vmgr_error **err);
    int (*undefine)(struct vmgr_nodedev *dev, struct vmgr_error **err);
    int (*start)(struct vmgr_nodedev *dev, struct vmgr_error **err);
    int (*set_autostart)(struct vmgr_nodedev *dev, bool on, struct vmgr_error **err);
    /* As of struct vmgr__driver, for the events of node devices. */
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll_events)(struct vmgr_conn *conn);
};

/* ---- api/nodedev.c ---- */
struct vmgr_nodedev *vmgr__nodedev_new(struct vmgr_conn *conn, const char *name);
/* Whether a device that is there, or only defined, with these capabilities, passes the filters. */
bool vmgr__nodedev_matches(bool active, uint32_t caps, uint32_t flags);
/* Queues an event for the callbacks that want it. Any thread, any lock. */
void vmgr__nodedev_emit(struct vmgr_conn *conn, const char *name, int id, int type);

extern const struct vmgr__nodedev_ops vmgr__test_nodedev, vmgr__vemu_nodedev, vmgr__remote_nodedev;

#endif
