/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: the sentence of each class, with and without a detail.
 */
#include "error.h"

#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>

struct vmgr_error {
    int code;
    int domain;
    int level;
    char *message;
};

/* What people have been reading for years, and what their scripts match: the class alone, and what
 * goes before and after the detail ("domain X exists already" puts it in the middle). */
struct phrase {
    const char *alone;
    const char *before;
    const char *after;
};

static const struct phrase phrases[] = {
    [VMGR_ERR_INTERNAL_ERROR] = { "internal error", "internal error: ", "" },
    [VMGR_ERR_NO_MEMORY] = { "out of memory", "out of memory: ", "" },
    [VMGR_ERR_NO_SUPPORT] = { "this function is not supported by the connection driver",
                              "this function is not supported by the connection driver: ", "" },
    [VMGR_ERR_UNKNOWN_HOST] = { "unknown host", "unknown host ", "" },
    [VMGR_ERR_NO_CONNECT] = { "no connection driver available",
                              "no connection driver available for ", "" },
    [VMGR_ERR_INVALID_CONN] = { "invalid connection pointer in", "invalid connection pointer in ",
                                "" },
    [VMGR_ERR_INVALID_DOMAIN] = { "invalid domain pointer in", "invalid domain pointer in ", "" },
    [VMGR_ERR_INVALID_ARG] = { "invalid argument", "invalid argument: ", "" },
    [VMGR_ERR_OPERATION_FAILED] = { "operation failed", "operation failed: ", "" },
    [VMGR_ERR_GET_FAILED] = { "GET operation failed", "GET operation failed: ", "" },
    [VMGR_ERR_POST_FAILED] = { "POST operation failed", "POST operation failed: ", "" },
    [VMGR_ERR_HTTP_ERROR] = { "got unknown HTTP error code", "got unknown HTTP error code ", "" },
    [VMGR_ERR_SEXPR_SERIAL] = { "failed to serialize S-Expr", "failed to serialize S-Expr: ", "" },
    [VMGR_ERR_NO_XEN] = { "could not use Xen hypervisor entry",
                          "could not use Xen hypervisor entry ", "" },
    [VMGR_ERR_XEN_CALL] = { "failed Xen syscall", "failed Xen syscall ", "" },
    [VMGR_ERR_OS_TYPE] = { "unknown OS type", "unknown OS type ", "" },
    [VMGR_ERR_NO_KERNEL] = { "missing kernel information", "missing kernel information: ", "" },
    [VMGR_ERR_NO_ROOT] = { "missing root device information", "missing root device information in ",
                           "" },
    [VMGR_ERR_NO_SOURCE] = { "missing source information for device",
                             "missing source information for device ", "" },
    [VMGR_ERR_NO_TARGET] = { "missing target information for device",
                             "missing target information for device ", "" },
    [VMGR_ERR_NO_NAME] = { "missing name information", "missing name information in ", "" },
    [VMGR_ERR_NO_OS] = { "missing operating system information",
                         "missing operating system information for ", "" },
    [VMGR_ERR_NO_DEVICE] = { "missing devices information", "missing devices information for ",
                             "" },
    [VMGR_ERR_NO_XENSTORE] = { "could not connect to Xen Store", "could not connect to Xen Store ",
                               "" },
    [VMGR_ERR_DRIVER_FULL] = { "too many drivers registered", "too many drivers registered in ",
                               "" },
    [VMGR_ERR_CALL_FAILED] = { "library call failed", "library call failed: ", "" },
    [VMGR_ERR_XML_ERROR] = { "XML description is invalid or not well formed", "XML error: ", "" },
    [VMGR_ERR_DOM_EXIST] = { "this domain exists already", "domain ", " exists already" },
    [VMGR_ERR_OPERATION_DENIED] = { "operation forbidden for read only access",
                                    "operation forbidden: ", "" },
    [VMGR_ERR_OPEN_FAILED] = { "failed to open configuration file",
                               "failed to open configuration file ", "" },
    [VMGR_ERR_READ_FAILED] = { "failed to read configuration file",
                               "failed to read configuration file ", "" },
    [VMGR_ERR_PARSE_FAILED] = { "failed to parse configuration file",
                                "failed to parse configuration file ", "" },
    [VMGR_ERR_CONF_SYNTAX] = { "configuration file syntax error",
                               "configuration file syntax error: ", "" },
    [VMGR_ERR_WRITE_FAILED] = { "failed to write configuration file",
                                "failed to write configuration file: ", "" },
    [VMGR_ERR_XML_DETAIL] = { "parser error", "", "" },
    [VMGR_ERR_INVALID_NETWORK] = { "invalid network pointer in", "invalid network pointer in ",
                                   "" },
    [VMGR_ERR_NETWORK_EXIST] = { "this network exists already", "network ", " exists already" },
    [VMGR_ERR_SYSTEM_ERROR] = { "system call error", "", "" },
    [VMGR_ERR_RPC] = { "RPC error", "", "" },
    [VMGR_ERR_GNUTLS_ERROR] = { "GNUTLS call error", "", "" },
    [VMGR_WAR_NO_NETWORK] = { "Failed to find the network", "Failed to find the network: ", "" },
    [VMGR_ERR_NO_DOMAIN] = { "Domain not found", "Domain not found: ", "" },
    [VMGR_ERR_NO_NETWORK] = { "Network not found", "Network not found: ", "" },
    [VMGR_ERR_INVALID_MAC] = { "invalid MAC address", "invalid MAC address: ", "" },
    [VMGR_ERR_AUTH_FAILED] = { "authentication failed", "authentication failed: ", "" },
    [VMGR_ERR_INVALID_STORAGE_POOL] = { "invalid storage pool pointer in",
                                        "invalid storage pool pointer in ", "" },
    [VMGR_ERR_INVALID_STORAGE_VOL] = { "invalid storage volume pointer in",
                                       "invalid storage volume pointer in ", "" },
    [VMGR_WAR_NO_STORAGE] = { "Failed to find a storage driver",
                              "Failed to find a storage driver: ", "" },
    [VMGR_ERR_NO_STORAGE_POOL] = { "Storage pool not found", "Storage pool not found: ", "" },
    [VMGR_ERR_NO_STORAGE_VOL] = { "Storage volume not found", "Storage volume not found: ", "" },
    [VMGR_WAR_NO_NODE] = { "Failed to find a node driver", "Failed to find a node driver: ", "" },
    [VMGR_ERR_INVALID_NODE_DEVICE] = { "invalid node device pointer",
                                       "invalid node device pointer in ", "" },
    [VMGR_ERR_NO_NODE_DEVICE] = { "Node device not found", "Node device not found: ", "" },
    [VMGR_ERR_NO_SECURITY_MODEL] = { "Security model not found", "Security model not found: ", "" },
    [VMGR_ERR_OPERATION_INVALID] = { "Requested operation is not valid",
                                     "Requested operation is not valid: ", "" },
    [VMGR_WAR_NO_INTERFACE] = { "Failed to find the interface",
                                "Failed to find the interface: ", "" },
    [VMGR_ERR_NO_INTERFACE] = { "Interface not found", "Interface not found: ", "" },
    [VMGR_ERR_INVALID_INTERFACE] = { "invalid interface pointer in",
                                     "invalid interface pointer in ", "" },
    [VMGR_ERR_MULTIPLE_INTERFACES] = { "multiple matching interfaces found",
                                       "multiple matching interfaces found: ", "" },
    [VMGR_WAR_NO_NWFILTER] = { "Failed to start the nwfilter driver",
                               "Failed to start the nwfilter driver: ", "" },
    [VMGR_ERR_INVALID_NWFILTER] = { "Invalid network filter", "Invalid network filter: ", "" },
    [VMGR_ERR_NO_NWFILTER] = { "Network filter not found", "Network filter not found: ", "" },
    [VMGR_ERR_BUILD_FIREWALL] = { "Error while building firewall",
                                  "Error while building firewall: ", "" },
    [VMGR_WAR_NO_SECRET] = { "Failed to find a secret storage driver",
                             "Failed to find a secret storage driver: ", "" },
    [VMGR_ERR_INVALID_SECRET] = { "Invalid secret", "Invalid secret: ", "" },
    [VMGR_ERR_NO_SECRET] = { "Secret not found", "Secret not found: ", "" },
    [VMGR_ERR_CONFIG_UNSUPPORTED] = { "unsupported configuration",
                                      "unsupported configuration: ", "" },
    [VMGR_ERR_OPERATION_TIMEOUT] = { "Timed out during operation",
                                     "Timed out during operation: ", "" },
    [VMGR_ERR_MIGRATE_PERSIST_FAILED] = { "Failed to make domain persistent after migration",
                                          "Failed to make domain persistent after migration: ",
                                          "" },
    [VMGR_ERR_HOOK_SCRIPT_FAILED] = { "Hook script execution failed",
                                      "Hook script execution failed: ", "" },
    [VMGR_ERR_INVALID_DOMAIN_SNAPSHOT] = { "Invalid domain snapshot",
                                           "Invalid domain snapshot: ", "" },
    [VMGR_ERR_NO_DOMAIN_SNAPSHOT] = { "Domain snapshot not found",
                                      "Domain snapshot not found: ", "" },
    [VMGR_ERR_INVALID_STREAM] = { "invalid stream pointer", "invalid stream pointer in ", "" },
    [VMGR_ERR_ARGUMENT_UNSUPPORTED] = { "argument unsupported", "argument unsupported: ", "" },
    [VMGR_ERR_STORAGE_PROBE_FAILED] = { "Storage pool probe failed",
                                        "Storage pool probe failed: ", "" },
    [VMGR_ERR_STORAGE_POOL_BUILT] = { "Storage pool already built",
                                      "Storage pool already built: ", "" },
    [VMGR_ERR_SNAPSHOT_REVERT_RISKY] = { "revert requires force", "revert requires force: ", "" },
    [VMGR_ERR_OPERATION_ABORTED] = { "operation aborted", "operation aborted: ", "" },
    [VMGR_ERR_AUTH_CANCELLED] = { "authentication cancelled", "authentication cancelled: ", "" },
    [VMGR_ERR_NO_DOMAIN_METADATA] = { "metadata not found", "metadata not found: ", "" },
    [VMGR_ERR_MIGRATE_UNSAFE] = { "Unsafe migration", "Unsafe migration: ", "" },
    [VMGR_ERR_OVERFLOW] = { "numerical overflow", "numerical overflow: ", "" },
    [VMGR_ERR_BLOCK_COPY_ACTIVE] = { "block copy still active", "block copy still active: ", "" },
    [VMGR_ERR_OPERATION_UNSUPPORTED] = { "Operation not supported",
                                         "Operation not supported: ", "" },
    [VMGR_ERR_SSH] = { "SSH transport error", "SSH transport error: ", "" },
    [VMGR_ERR_AGENT_UNRESPONSIVE] = { "Guest agent is not responding",
                                      "Guest agent is not responding: ", "" },
    [VMGR_ERR_RESOURCE_BUSY] = { "resource busy", "resource busy: ", "" },
    [VMGR_ERR_ACCESS_DENIED] = { "access denied", "access denied: ", "" },
    [VMGR_ERR_DBUS_SERVICE] = { "error from service", "error from service: ", "" },
    [VMGR_ERR_STORAGE_VOL_EXIST] = { "this storage volume exists already", "storage volume ",
                                     " exists already" },
    [VMGR_ERR_CPU_INCOMPATIBLE] = { "the CPU is incompatible with host CPU",
                                    "the CPU is incompatible with host CPU: ", "" },
    [VMGR_ERR_XML_INVALID_SCHEMA] = { "XML document failed to validate against schema",
                                      "XML document failed to validate against schema: ", "" },
    [VMGR_ERR_MIGRATE_FINISH_OK] = { "migration successfully aborted",
                                     "migration successfully aborted: ", "" },
    [VMGR_ERR_AUTH_UNAVAILABLE] = { "authentication unavailable",
                                    "authentication unavailable: ", "" },
    [VMGR_ERR_NO_SERVER] = { "Server not found", "Server not found: ", "" },
    [VMGR_ERR_NO_CLIENT] = { "Client not found", "Client not found: ", "" },
    [VMGR_ERR_AGENT_UNSYNCED] = { "guest agent replied with wrong id to guest-sync command",
                                  "guest agent replied with wrong id to guest-sync command: ", "" },
    [VMGR_ERR_LIBSSH] = { "libssh transport error", "libssh transport error: ", "" },
    [VMGR_ERR_DEVICE_MISSING] = { "device not found", "device not found: ", "" },
    [VMGR_ERR_INVALID_NWFILTER_BINDING] = { "Invalid network filter binding",
                                            "Invalid network filter binding: ", "" },
    [VMGR_ERR_NO_NWFILTER_BINDING] = { "Network filter binding not found",
                                       "Network filter binding not found: ", "" },
    [VMGR_ERR_INVALID_DOMAIN_CHECKPOINT] = { "Invalid domain checkpoint",
                                             "Invalid domain checkpoint: ", "" },
    [VMGR_ERR_NO_DOMAIN_CHECKPOINT] = { "Domain checkpoint not found",
                                        "Domain checkpoint not found: ", "" },
    [VMGR_ERR_NO_DOMAIN_BACKUP] = { "Domain backup job id not found",
                                    "Domain backup job id not found: ", "" },
    [VMGR_ERR_INVALID_NETWORK_PORT] = { "Invalid network port pointer",
                                        "Invalid network port pointer: ", "" },
    [VMGR_ERR_NETWORK_PORT_EXIST] = { "this network port exists already", "network port ",
                                      " exists already" },
    [VMGR_ERR_NO_NETWORK_PORT] = { "network port not found", "network port not found: ", "" },
    [VMGR_ERR_NO_HOSTNAME] = { "no hostname found", "no hostname found: ", "" },
    [VMGR_ERR_CHECKPOINT_INCONSISTENT] = { "checkpoint inconsistent",
                                           "checkpoint inconsistent: ", "" },
    [VMGR_ERR_MULTIPLE_DOMAINS] = { "multiple matching domains found",
                                    "multiple matching domains found: ", "" },
};

static char *message_format(int code, const char *detail)
{
    const struct phrase *p = NULL;

    if (code > 0 && (size_t)code < G_N_ELEMENTS(phrases))
        p = &phrases[code];
    if (!p || !p->alone)
        return g_strdup(detail && *detail ? detail : "unknown error");
    if (!detail)
        return g_strdup(p->alone);
    return g_strconcat(p->before, detail, p->after, NULL);
}

struct vmgr_error *vmgr__error_new(int code, int domain, const char *detail)
{
    struct vmgr_error *e = g_new0(struct vmgr_error, 1);

    e->code = code;
    e->domain = domain;
    e->level = VMGR_ERROR_LEVEL_ERROR;
    e->message = message_format(code, detail);
    return e;
}

int (vmgr__error_set)(struct vmgr_error **err, int code, int domain, const char *format, ...)
{
    va_list ap;
    char *detail = NULL;

    if (!err)
        return -1;
    if (format) {
        va_start(ap, format);
        detail = g_strdup_vprintf(format, ap);
        va_end(ap);
    }
    /* The first error is the cause; what follows from it on the way out is not. */
    if (!*err)
        *err = vmgr__error_new(code, domain, detail);
    g_free(detail);
    return -1;
}

int (vmgr__error_set_plain)(struct vmgr_error **err, int code, int domain, const char *sentence)
{
    if (err && !*err) {
        *err = vmgr__error_new(code, domain, NULL);
        g_free((*err)->message);
        (*err)->message = g_strdup(sentence);
    }
    return -1;
}

void vmgr__error_move(struct vmgr_error **err, struct vmgr_error *error)
{
    if (err && !*err)
        *err = error;
    else
        vmgr_error_free(error);
}

int (vmgr__error_set_errno)(struct vmgr_error **err, int errnum, int domain, const char *format,
                            ...)
{
    va_list ap;
    char *what;

    if (!err)
        return -1;
    va_start(ap, format);
    what = g_strdup_vprintf(format, ap);
    va_end(ap);
    vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, domain, "%s: %s", what, g_strerror(errnum));
    g_free(what);
    return -1;
}

int vmgr_error_get_code(const struct vmgr_error *error)
{
    return error ? error->code : VMGR_ERR_OK;
}

int vmgr_error_get_domain(const struct vmgr_error *error)
{
    return error ? error->domain : VMGR_FROM_NONE;
}

int vmgr_error_get_level(const struct vmgr_error *error)
{
    return error ? error->level : VMGR_ERROR_LEVEL_NONE;
}

const char *vmgr_error_get_message(const struct vmgr_error *error)
{
    return error ? error->message : "no error";
}

struct vmgr_error *vmgr_error_free(struct vmgr_error *error)
{
    if (error) {
        g_free(error->message);
        g_free(error);
    }
    return NULL;
}
