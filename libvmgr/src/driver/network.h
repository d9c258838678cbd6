/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with networks, and what drivers in this process have in common there.
 */
#ifndef VMGR_SRC_DRIVER_NETWORK_H
#define VMGR_SRC_DRIVER_NETWORK_H

#include <vmgr/network.h>

#include "../conf/network.h"
#include "driver.h"

struct vmgr__network_port_ops;

/* The rules of struct vmgr__driver apply. */
struct vmgr__network_ops {
    int (*lookup)(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_network **ret, struct vmgr_error **err);
    int (*list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err);
    int (*define)(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                  struct vmgr_error **err);
    int (*create)(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                  struct vmgr_error **err);
    int (*undefine)(struct vmgr_network *net, struct vmgr_error **err);
    int (*start)(struct vmgr_network *net, struct vmgr_error **err);
    int (*destroy)(struct vmgr_network *net, struct vmgr_error **err);
    int (*update)(struct vmgr_network *net, int command, int section, int parent_index,
                  const char *xml, uint32_t flags, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_network *net, uint32_t flags, char **ret, struct vmgr_error **err);
    int (*get_bridge)(struct vmgr_network *net, char **ret, struct vmgr_error **err);
    int (*is_active)(struct vmgr_network *net, struct vmgr_error **err);
    int (*is_persistent)(struct vmgr_network *net, struct vmgr_error **err);
    int (*get_autostart)(struct vmgr_network *net, struct vmgr_error **err);
    int (*set_autostart)(struct vmgr_network *net, bool on, struct vmgr_error **err);
    int (*get_messages)(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err);
    /* Leases are malloc()ed, see vmgr__lease_new(). */
    int (*get_leases)(struct vmgr_network *net, const char *mac, GPtrArray *ret,
                      struct vmgr_error **err);
    /* As of struct vmgr__driver, for the events of networks. */
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll_events)(struct vmgr_conn *conn);
    const struct vmgr__network_port_ops *ports; /* network-port.h; NULL: there are none */
};

/* ---- api/network.c ---- */
struct vmgr_network *vmgr__network_new(struct vmgr_conn *conn, const char *name,
                                       const uint8_t uuid[VMGR_UUID_SIZE]);
struct vmgr_network_dhcp_lease *vmgr__lease_new(void);
void vmgr__lease_free(void *lease);

/* ---- api/network-event.c ---- */
/* Queues an event for the callbacks that want it. Any thread, any lock. */
void vmgr__network_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int type);

/* ---- netobj.c: a network as drivers see it ---- */

/* At least one of config and live is there. */
struct vmgr__netobj {
    struct vmgr__network_def *config; /* what the next start uses; NULL: transient */
    struct vmgr__network_def *live;   /* NULL: inactive */
    bool autostart;
};
void vmgr__netobj_free(void *obj);
const struct vmgr__network_def *vmgr__netobj_current(const struct vmgr__netobj *obj);
bool vmgr__netobj_matches(const struct vmgr__netobj *obj, uint32_t flags);
struct vmgr_network *vmgr__netobj_handle(struct vmgr_conn *conn, const struct vmgr__netobj *obj);
char *vmgr__netobj_get_xml(const struct vmgr__netobj *obj, uint32_t flags);
int vmgr__netobj_get_bridge(const struct vmgr__netobj *obj, char **ret, struct vmgr_error **err);
/* Finds by UUID, else by name, in an array of them. */
struct vmgr__netobj *vmgr__netobj_find(const GPtrArray *list, const uint8_t *uuid,
                                       const char *name);
/* Whether `def` may take its name and UUID: *ret is the object it replaces or NULL. */
int vmgr__netobj_check(const GPtrArray *list, const struct vmgr__network_def *def, bool inactive,
                       struct vmgr__netobj **ret, struct vmgr_error **err);
int vmgr__netobj_not_found(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                           struct vmgr_error **err);
/* Makes the changed definitions: *ret_live, *ret_config are NULL where nothing changes. */
int vmgr__netobj_update(const struct vmgr__netobj *obj, int command, int section, int parent_index,
                        const char *xml, uint32_t flags, struct vmgr__network_def **ret_live,
                        struct vmgr__network_def **ret_config, struct vmgr_error **err);
void vmgr__netobj_get_messages(const struct vmgr__netobj *obj, GPtrArray *ret);

extern const struct vmgr__network_ops vmgr__test_network;
extern const struct vmgr__network_ops vmgr__vemu_network;

#endif
