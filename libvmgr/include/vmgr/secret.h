/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets: passphrases and keys that definitions refer to without containing them.
 */
#ifndef VMGR_SECRET_H
#define VMGR_SECRET_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_secret;

/** What a secret is for. Numbers of the libvirt protocol. */
enum vmgr_secret_usage {
    VMGR_SECRET_USAGE_NONE = 0,
    VMGR_SECRET_USAGE_VOLUME = 1,
    VMGR_SECRET_USAGE_CEPH = 2,
    VMGR_SECRET_USAGE_ISCSI = 3,
    VMGR_SECRET_USAGE_TLS = 4,
    VMGR_SECRET_USAGE_VTPM = 5,
};

/* vmgr_secret_list(): of each pair that is named, one of the two. Numbers of the libvirt
 * protocol. */
#define VMGR_SECRET_LIST_EPHEMERAL    (1u << 0) /* never stored */
#define VMGR_SECRET_LIST_NO_EPHEMERAL (1u << 1)
#define VMGR_SECRET_LIST_PRIVATE      (1u << 2) /* whose value nobody is told */
#define VMGR_SECRET_LIST_NO_PRIVATE   (1u << 3)

/** Longest value, in bytes. */
#define VMGR_SECRET_VALUE_MAX 65536

/*
 * All of these return -1 and *err on failure: VMGR_ERR_NO_SUPPORT (the driver has no secrets),
 * VMGR_ERR_NO_SECRET (there is none), VMGR_ERR_INVALID_ARG (flags),
 * VMGR_ERR_OPERATION_DENIED (what changes, and values, on a connection that may only look),
 * VMGR_ERR_SYSTEM_ERROR (files). Context: any. Since 0.1
 */

/** Takes a reference. Returns secret. */
struct vmgr_secret *vmgr_secret_ref(struct vmgr_secret *secret);
/** Drops one. NULL is fine. Returns NULL. */
struct vmgr_secret *vmgr_secret_unref(struct vmgr_secret *secret);
/** Frees a list of vmgr_secret_list(). NULL is fine. Returns NULL. */
struct vmgr_secret **vmgr_secret_list_free(struct vmgr_secret **secrets);
void vmgr_secret_get_uuid(struct vmgr_secret *secret, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** Borrowed. */
const char *vmgr_secret_get_uuid_string(struct vmgr_secret *secret);
/** enum vmgr_secret_usage */
int vmgr_secret_get_usage_type(struct vmgr_secret *secret);
/** What it is used for: a path, a name; "" for none. Borrowed. */
const char *vmgr_secret_get_usage_id(struct vmgr_secret *secret);
struct vmgr_conn *vmgr_secret_get_conn(struct vmgr_secret *secret);

/** *ret_secret: a new reference. Returns 0. */
int vmgr_secret_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                               struct vmgr_secret **ret_secret, struct vmgr_error **err);
int vmgr_secret_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                      struct vmgr_secret **ret_secret, struct vmgr_error **err);
int vmgr_secret_lookup_by_usage(struct vmgr_conn *conn, int usage_type, const char *usage_id,
                                struct vmgr_secret **ret_secret, struct vmgr_error **err);
/**
 * Secrets that pass, NULL-terminated, for vmgr_secret_list_free(); ret_secrets may be NULL.
 * flags: VMGR_SECRET_LIST_*. Returns how many.
 */
int vmgr_secret_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_secret ***ret_secrets,
                     struct vmgr_error **err);
/**
 * Defines or changes one, by its UUID. flags: 0. ret_secret may be NULL. VMGR_ERR_XML_ERROR: the
 * document; VMGR_ERR_INTERNAL_ERROR: another secret is for that, or this one is for something else;
 * VMGR_ERR_OPERATION_DENIED: a private one is to be private no more. Returns 0.
 */
int vmgr_secret_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_secret **ret_secret, struct vmgr_error **err);
/** Forgets it and its value. Returns 0. */
int vmgr_secret_undefine(struct vmgr_secret *secret, struct vmgr_error **err);
/** Its document, without the value; for free(). flags: 0. Returns 0. */
int vmgr_secret_get_xml(struct vmgr_secret *secret, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err);
/** Gives it a value of up to VMGR_SECRET_VALUE_MAX bytes. flags: 0. Returns 0. */
int vmgr_secret_set_value(struct vmgr_secret *secret, const uint8_t *value, size_t size,
                          uint32_t flags, struct vmgr_error **err);
/**
 * Its value, for free(). VMGR_ERR_INVALID_SECRET: it is private. VMGR_ERR_NO_SECRET: it has none.
 * flags: 0. Returns 0.
 */
int vmgr_secret_get_value(struct vmgr_secret *secret, uint32_t flags, uint8_t **ret_value,
                          size_t *ret_size, struct vmgr_error **err);

/** Kinds of events, and types of the first. Numbers of the libvirt protocol. */
enum vmgr_secret_event_id {
    VMGR_SECRET_EVENT_LIFECYCLE = 0,
    VMGR_SECRET_EVENT_VALUE_CHANGED = 1,
};
enum vmgr_secret_event_type {
    VMGR_SECRET_EVENT_DEFINED = 0,
    VMGR_SECRET_EVENT_UNDEFINED = 1,
};
/** struct vmgr_secret_event - one event. @id: enum vmgr_secret_event_id. @type: of LIFECYCLE,
 * else 0 */
struct vmgr_secret_event {
    uint32_t size;
    int32_t id;
    int32_t type;
    int32_t detail;
};
/** Called by vmgr_conn_dispatch() (event.h). `secret` is borrowed. */
typedef void (*vmgr_secret_event_fn)(struct vmgr_conn *conn, struct vmgr_secret *secret,
                                     const struct vmgr_secret_event *event, void *data);
/**
 * Registers a callback; see vmgr_conn_add_domain_event(). secret NULL: events of all. A driver in
 * this process tells of what is done on this connection. Returns an id for
 * vmgr_conn_remove_secret_event().
 */
int vmgr_conn_add_secret_event(struct vmgr_conn *conn, struct vmgr_secret *secret, int id,
                               vmgr_secret_event_fn fn, void *data, void (*free_fn)(void *data),
                               struct vmgr_error **err);
int vmgr_conn_remove_secret_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err);
/** "Defined", "Undefined"; "unknown" for a number it does not know. Static. */
const char *vmgr_secret_event_type_name(int type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
