/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections to a hypervisor driver, and what the host behind one says about itself.
 *
 * A connection may be used by several threads at once. Calls on it never run an embedder's
 * callback; events are delivered by vmgr_conn_dispatch() only (event.h).
 */
#ifndef VMGR_CONNECT_H
#define VMGR_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include <vmgr/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_conn;

/**
 * Opens for looking only: every call that changes something fails with VMGR_ERR_OPERATION_DENIED.
 */
#define VMGR_CONN_RO (1u << 0)

/** What a vmgr_auth_fn is asked for. Numbers of the libvirt protocol. */
enum vmgr_auth_kind {
    VMGR_AUTH_USERNAME = 2, /* who it is that opens the connection */
    VMGR_AUTH_PASSWORD = 5, /* not to be shown while it is typed */
};
/**
 * Called while a connection is opened, on the thread that opens it, when a daemon wants to know
 * who it is. *ret_text: the answer, which the library frees with free(). Returns 0, or -1: none.
 */
typedef int (*vmgr_auth_fn)(int kind, char **ret_text, void *data);

/**
 * struct vmgr_conn_options - what vmgr_conn_open_with() needs to know
 * @size: sizeof(struct vmgr_conn_options), set by VMGR_CONN_OPTIONS_INIT
 * @flags: VMGR_CONN_*
 * @uri: see vmgr_conn_open(); NULL or "": vemu:///system for root, vemu:///session for others
 * @root: directory under which configuration, state and logs live; NULL: the usual places. The same
 *        as the URI parameter root=DIR, which it overrides
 * @emulator: program that runs guests whose definition names no <emulator>; NULL: environment
 *        variable VMGR_EMULATOR, else `vemu` beside the calling program or in its build tree, else
 *        the installed one. The same as the URI parameter emulator=PATH, which it overrides
 * @auth, @auth_data: asked for name and password, where no file of credentials has them; NULL: they
 *                    are not known
 *
 * Strings are copied. Fields are only ever added at the end.
 */
struct vmgr_conn_options {
    uint32_t size;
    uint32_t flags;
    const char *uri;
    const char *root;
    const char *emulator;
    vmgr_auth_fn auth;
    void *auth_data;
};
#define VMGR_CONN_OPTIONS_INIT { .size = sizeof(struct vmgr_conn_options) }

/**
 * vmgr_conn_open() - opens a connection
 * @uri: "vemu:///system", "vemu:///session" (also by the names qemu:///system and qemu:///session),
 *       or "test:///default", an in-memory hypervisor of this connection's own. Parameters:
 *       ?root=DIR, ?emulator=PATH. Behind a daemon, vmgrd or libvirtd: with a transport,
 *       "qemu+unix:///system?socket=PATH", "+tls", "+tcp", "+ssh" (docs/clients.md).
 *       NULL or "": as in struct vmgr_conn_options
 * @flags: VMGR_CONN_*
 * @ret_conn: the new connection, one reference, for vmgr_conn_unref()
 *
 * Returns 0, or -1 and *err: VMGR_ERR_NO_CONNECT (no driver for this URI), VMGR_ERR_INVALID_ARG
 * (flags, malformed URI or parameter), VMGR_ERR_INTERNAL_ERROR (path the driver does not know),
 * VMGR_ERR_SYSTEM_ERROR (the state directory cannot be made or read; the daemon cannot be reached),
 * VMGR_ERR_AUTH_FAILED, VMGR_ERR_RPC (the daemon does not answer, or not in the protocol).
 * Context: any. Since 0.1
 */
int vmgr_conn_open(const char *uri, uint32_t flags, struct vmgr_conn **ret_conn,
                   struct vmgr_error **err);
/** As vmgr_conn_open(), with more to choose. Since 0.1 */
int vmgr_conn_open_with(const struct vmgr_conn_options *options, struct vmgr_conn **ret_conn,
                        struct vmgr_error **err);
/** Takes a reference. Returns conn. Since 0.1 */
struct vmgr_conn *vmgr_conn_ref(struct vmgr_conn *conn);
/**
 * Drops a reference; the last one closes. Guests go on running. Domains and streams hold a
 * reference to their connection. NULL is fine. Returns NULL. Since 0.1
 */
struct vmgr_conn *vmgr_conn_unref(struct vmgr_conn *conn);

/** The canonical URI that would open the same again, with the root directory. To be freed with
 * free(). */
int vmgr_conn_get_uri(struct vmgr_conn *conn, char **ret_uri, struct vmgr_error **err);
/** Name of the driver as people see it: "VEMU", "TEST". Borrowed, static. */
int vmgr_conn_get_type(struct vmgr_conn *conn, const char **ret_type, struct vmgr_error **err);
/** Name of the host. To be freed with free(). */
int vmgr_conn_get_hostname(struct vmgr_conn *conn, char **ret_hostname, struct vmgr_error **err);
/** Version of the hypervisor: major * 1000000 + minor * 1000 + release. */
int vmgr_conn_get_version(struct vmgr_conn *conn, uint64_t *ret_version, struct vmgr_error **err);
/**
 * Version of the library at the other end, same encoding. In-process drivers give vmgr_version().
 */
int vmgr_conn_get_lib_version(struct vmgr_conn *conn, uint64_t *ret_version,
                              struct vmgr_error **err);
/** 1 while the connection works, 0 when it is lost, -1 and *err. */
int vmgr_conn_is_alive(struct vmgr_conn *conn, struct vmgr_error **err);
/** Why a connection works no more. Numbers of the libvirt protocol. */
enum vmgr_conn_close_reason {
    VMGR_CONN_CLOSE_ERROR = 0,     /* an error of the transport, or of the protocol */
    VMGR_CONN_CLOSE_EOF = 1,       /* the daemon has ended, or has closed it */
    VMGR_CONN_CLOSE_KEEPALIVE = 2, /* the daemon gave no sign of life */
    VMGR_CONN_CLOSE_CLIENT = 3,    /* the daemon was asked to end it */
};
/** Called by vmgr_conn_dispatch(). */
typedef void (*vmgr_conn_close_fn)(struct vmgr_conn *conn, int reason, void *data);
/**
 * vmgr_conn_set_close_callback() - to be told, once, when the connection is lost
 * @fn: NULL: nobody any more. It replaces the one before
 * @free_fn: called once with data when the callback is replaced or removed, or the connection
 *           closed; may be NULL
 *
 * A connection in this process is never lost. vmgr_conn_get_event_fd() polls readable when there is
 * something to tell. Returns 0, or -1 and *err: VMGR_ERR_SYSTEM_ERROR (out of descriptors).
 * Context: any. Since 0.1
 */
int vmgr_conn_set_close_callback(struct vmgr_conn *conn, vmgr_conn_close_fn fn, void *data,
                                 void (*free_fn)(void *data), struct vmgr_error **err);
/**
 * vmgr_conn_set_keepalive() - how soon a dead daemon is found out
 * @interval_seconds: without a sign of life, after which it is asked for one; <= 0: never
 * @count: questions that may stay unanswered
 *
 * A remote connection begins with 5 and 5, where the daemon supports it. Returns 0, 1 when there is
 * nothing to keep alive (a connection in this process, a daemon that does not support it), or -1
 * and *err. Context: any. Since 0.1
 */
int vmgr_conn_set_keepalive(struct vmgr_conn *conn, int interval_seconds, unsigned count,
                            struct vmgr_error **err);
/** 1 for a connection opened with VMGR_CONN_RO, else 0. */
int vmgr_conn_is_read_only(struct vmgr_conn *conn);
/** Capabilities of host and driver, an XML document. To be freed with free(). */
int vmgr_conn_get_capabilities(struct vmgr_conn *conn, char **ret_xml, struct vmgr_error **err);
/**
 * Greatest number of vCPUs a domain of this type may have.
 * @type: domain type ("kvm", "qemu", "vemu", "test") or NULL: the driver's default.
 * Returns it, or -1 and *err.
 */
int vmgr_conn_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);

/**
 * struct vmgr_node_info - the host in a few numbers
 * @size: sizeof(struct vmgr_node_info), set by VMGR_NODE_INFO_INIT
 * @cpus: CPUs that are online
 * @mhz: expected CPU frequency; 0: unknown
 * @nodes: NUMA nodes; 1 when there is no NUMA
 * @sockets: sockets per node, @cores: cores per socket, @threads: threads per core
 * @memory_kib: all memory
 * @model: machine, "x86_64"
 */
struct vmgr_node_info {
    uint32_t size;
    uint32_t cpus;
    uint32_t mhz;
    uint32_t nodes;
    uint32_t sockets;
    uint32_t cores;
    uint32_t threads;
    uint32_t reserved;
    uint64_t memory_kib;
    char model[32];
};
#define VMGR_NODE_INFO_INIT { .size = sizeof(struct vmgr_node_info) }
int vmgr_conn_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret_info,
                            struct vmgr_error **err);

/**
 * struct vmgr_security_model - mandatory access control in force
 * @size: sizeof(struct vmgr_security_model), set by VMGR_SECURITY_MODEL_INIT
 */
struct vmgr_security_model {
    uint32_t size;
    char model[257];
    char doi[257];
};
#define VMGR_SECURITY_MODEL_INIT { .size = sizeof(struct vmgr_security_model) }
int vmgr_conn_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret_model,
                                 struct vmgr_error **err);

/** Version of this library: major * 1000000 + minor * 1000 + release. Context: any. Since 0.1 */
uint64_t vmgr_version(void);
/**
 * Frees a NULL-terminated array of strings and the strings. NULL is fine. Returns NULL. Since 0.1
 */
char **vmgr_strings_free(char **strings);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
