/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with secrets. The rules of struct vmgr__driver apply.
 */
#ifndef VMGR_SRC_DRIVER_SECRET_H
#define VMGR_SRC_DRIVER_SECRET_H

#include <vmgr/secret.h>

#include "driver.h"

struct vmgr__secret_ops {
    /* By UUID, or (NULL) by usage. */
    int (*lookup)(struct vmgr_conn *conn, const uint8_t *uuid, int usage_type, const char *usage_id,
                  struct vmgr_secret **ret, struct vmgr_error **err);
    int (*list)(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err);
    int (*define)(struct vmgr_conn *conn, const char *xml, struct vmgr_secret **ret,
                  struct vmgr_error **err);
    int (*undefine)(struct vmgr_secret *secret, struct vmgr_error **err);
    int (*get_xml)(struct vmgr_secret *secret, char **ret, struct vmgr_error **err);
    int (*set_value)(struct vmgr_secret *secret, const uint8_t *value, size_t size,
                     struct vmgr_error **err);
    /* *ret: malloc(), never NULL. */
    int (*get_value)(struct vmgr_secret *secret, uint8_t **ret, size_t *ret_size,
                     struct vmgr_error **err);
    /* As of struct vmgr__driver, for the events of secrets. */
    int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
    void (*poll_events)(struct vmgr_conn *conn);
};

/* Of drivers in this process, whose connection has a store (src/secret). */
extern const struct vmgr__secret_ops vmgr__secret_host, vmgr__remote_secret;

/* ---- api/secret.c ---- */
struct vmgr_secret *vmgr__secret_new(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                     int usage_type, const char *usage_id);

/* ---- api/secret-event.c ---- */
/* Queues an event for the callbacks that want it. Any thread, any lock. */
void vmgr__secret_emit(struct vmgr_conn *conn, const uint8_t *uuid, int usage_type,
                       const char *usage_id, int id, int type);

#endif
