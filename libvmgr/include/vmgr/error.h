/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: a code, the part that found it, and a sentence for a person.
 *
 * Code and domain numbers are those of the libvirt protocol, so that an error means the same to
 * every client whatever carried it. Numbers are never reused.
 */
#ifndef VMGR_ERROR_H
#define VMGR_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct vmgr_error - why a call failed
 *
 * Functions that take a last parameter `struct vmgr_error **err` set it, when err is not NULL and
 * the call fails, to a new error that the caller frees with vmgr_error_free(). *err must be NULL
 * before the call; a call that succeeds leaves it alone.
 */
struct vmgr_error;

/** What went wrong: the class of the error. */
enum vmgr_error_code {
    VMGR_ERR_OK = 0,                /* no error */
    VMGR_ERR_INTERNAL_ERROR = 1,    /* internal error */
    VMGR_ERR_NO_MEMORY = 2,         /* out of memory */
    VMGR_ERR_NO_SUPPORT = 3,        /* this function is not supported by the connection driver */
    VMGR_ERR_UNKNOWN_HOST = 4,      /* unknown host */
    VMGR_ERR_NO_CONNECT = 5,        /* no connection driver available */
    VMGR_ERR_INVALID_CONN = 6,      /* invalid connection pointer in */
    VMGR_ERR_INVALID_DOMAIN = 7,    /* invalid domain pointer in */
    VMGR_ERR_INVALID_ARG = 8,       /* invalid argument */
    VMGR_ERR_OPERATION_FAILED = 9,  /* operation failed */
    VMGR_ERR_GET_FAILED = 10,       /* GET operation failed */
    VMGR_ERR_POST_FAILED = 11,      /* POST operation failed */
    VMGR_ERR_HTTP_ERROR = 12,       /* got unknown HTTP error code */
    VMGR_ERR_SEXPR_SERIAL = 13,     /* failed to serialize S-Expr */
    VMGR_ERR_NO_XEN = 14,           /* could not use Xen hypervisor entry */
    VMGR_ERR_XEN_CALL = 15,         /* failed Xen syscall */
    VMGR_ERR_OS_TYPE = 16,          /* unknown OS type */
    VMGR_ERR_NO_KERNEL = 17,        /* missing kernel information */
    VMGR_ERR_NO_ROOT = 18,          /* missing root device information */
    VMGR_ERR_NO_SOURCE = 19,        /* missing source information for device */
    VMGR_ERR_NO_TARGET = 20,        /* missing target information for device */
    VMGR_ERR_NO_NAME = 21,          /* missing name information */
    VMGR_ERR_NO_OS = 22,            /* missing operating system information */
    VMGR_ERR_NO_DEVICE = 23,        /* missing devices information */
    VMGR_ERR_NO_XENSTORE = 24,      /* could not connect to Xen Store */
    VMGR_ERR_DRIVER_FULL = 25,      /* too many drivers registered */
    VMGR_ERR_CALL_FAILED = 26,      /* library call failed */
    VMGR_ERR_XML_ERROR = 27,        /* XML description is invalid or not well formed */
    VMGR_ERR_DOM_EXIST = 28,        /* this domain exists already */
    VMGR_ERR_OPERATION_DENIED = 29, /* operation forbidden for read only access */
    VMGR_ERR_OPEN_FAILED = 30,      /* failed to open configuration file */
    VMGR_ERR_READ_FAILED = 31,      /* failed to read configuration file */
    VMGR_ERR_PARSE_FAILED = 32,     /* failed to parse configuration file */
    VMGR_ERR_CONF_SYNTAX = 33,      /* configuration file syntax error */
    VMGR_ERR_WRITE_FAILED = 34,     /* failed to write configuration file */
    VMGR_ERR_XML_DETAIL = 35,       /* parser error */
    VMGR_ERR_INVALID_NETWORK = 36,  /* invalid network pointer in */
    VMGR_ERR_NETWORK_EXIST = 37,    /* this network exists already */
    VMGR_ERR_SYSTEM_ERROR = 38,     /* system call error */
    VMGR_ERR_RPC = 39,              /* RPC error */
    VMGR_ERR_GNUTLS_ERROR = 40,     /* GNUTLS call error */
    VMGR_WAR_NO_NETWORK = 41,       /* Failed to find the network */
    VMGR_ERR_NO_DOMAIN = 42,        /* Domain not found */
    VMGR_ERR_NO_NETWORK = 43,       /* Network not found */
    VMGR_ERR_INVALID_MAC = 44,      /* invalid MAC address */
    VMGR_ERR_AUTH_FAILED = 45,      /* authentication failed */
    VMGR_ERR_INVALID_STORAGE_POOL = 46,    /* invalid storage pool pointer in */
    VMGR_ERR_INVALID_STORAGE_VOL = 47,     /* invalid storage volume pointer in */
    VMGR_WAR_NO_STORAGE = 48,              /* Failed to find a storage driver */
    VMGR_ERR_NO_STORAGE_POOL = 49,         /* Storage pool not found */
    VMGR_ERR_NO_STORAGE_VOL = 50,          /* Storage volume not found */
    VMGR_WAR_NO_NODE = 51,                 /* Failed to find a node driver */
    VMGR_ERR_INVALID_NODE_DEVICE = 52,     /* invalid node device pointer */
    VMGR_ERR_NO_NODE_DEVICE = 53,          /* Node device not found */
    VMGR_ERR_NO_SECURITY_MODEL = 54,       /* Security model not found */
    VMGR_ERR_OPERATION_INVALID = 55,       /* Requested operation is not valid */
    VMGR_WAR_NO_INTERFACE = 56,            /* Failed to find the interface */
    VMGR_ERR_NO_INTERFACE = 57,            /* Interface not found */
    VMGR_ERR_INVALID_INTERFACE = 58,       /* invalid interface pointer in */
    VMGR_ERR_MULTIPLE_INTERFACES = 59,     /* multiple matching interfaces found */
    VMGR_WAR_NO_NWFILTER = 60,             /* Failed to start the nwfilter driver */
    VMGR_ERR_INVALID_NWFILTER = 61,        /* Invalid network filter */
    VMGR_ERR_NO_NWFILTER = 62,             /* Network filter not found */
    VMGR_ERR_BUILD_FIREWALL = 63,          /* Error while building firewall */
    VMGR_WAR_NO_SECRET = 64,               /* Failed to find a secret storage driver */
    VMGR_ERR_INVALID_SECRET = 65,          /* Invalid secret */
    VMGR_ERR_NO_SECRET = 66,               /* Secret not found */
    VMGR_ERR_CONFIG_UNSUPPORTED = 67,      /* unsupported configuration */
    VMGR_ERR_OPERATION_TIMEOUT = 68,       /* Timed out during operation */
    VMGR_ERR_MIGRATE_PERSIST_FAILED = 69,  /* Failed to make domain persistent after migration */
    VMGR_ERR_HOOK_SCRIPT_FAILED = 70,      /* Hook script execution failed */
    VMGR_ERR_INVALID_DOMAIN_SNAPSHOT = 71, /* Invalid domain snapshot */
    VMGR_ERR_NO_DOMAIN_SNAPSHOT = 72,      /* Domain snapshot not found */
    VMGR_ERR_INVALID_STREAM = 73,          /* invalid stream pointer */
    VMGR_ERR_ARGUMENT_UNSUPPORTED = 74,    /* argument unsupported */
    VMGR_ERR_STORAGE_PROBE_FAILED = 75,    /* Storage pool probe failed */
    VMGR_ERR_STORAGE_POOL_BUILT = 76,      /* Storage pool already built */
    VMGR_ERR_SNAPSHOT_REVERT_RISKY = 77,   /* revert requires force */
    VMGR_ERR_OPERATION_ABORTED = 78,       /* operation aborted */
    VMGR_ERR_AUTH_CANCELLED = 79,          /* authentication cancelled */
    VMGR_ERR_NO_DOMAIN_METADATA = 80,      /* metadata not found */
    VMGR_ERR_MIGRATE_UNSAFE = 81,          /* Unsafe migration */
    VMGR_ERR_OVERFLOW = 82,                /* numerical overflow */
    VMGR_ERR_BLOCK_COPY_ACTIVE = 83,       /* block copy still active */
    VMGR_ERR_OPERATION_UNSUPPORTED = 84,   /* Operation not supported */
    VMGR_ERR_SSH = 85,                     /* SSH transport error */
    VMGR_ERR_AGENT_UNRESPONSIVE = 86,      /* Guest agent is not responding */
    VMGR_ERR_RESOURCE_BUSY = 87,           /* resource busy */
    VMGR_ERR_ACCESS_DENIED = 88,           /* access denied */
    VMGR_ERR_DBUS_SERVICE = 89,            /* error from service */
    VMGR_ERR_STORAGE_VOL_EXIST = 90,       /* this storage volume exists already */
    VMGR_ERR_CPU_INCOMPATIBLE = 91,        /* the CPU is incompatible with host CPU */
    VMGR_ERR_XML_INVALID_SCHEMA = 92,      /* XML document failed to validate against schema */
    VMGR_ERR_MIGRATE_FINISH_OK = 93,       /* migration successfully aborted */
    VMGR_ERR_AUTH_UNAVAILABLE = 94,        /* authentication unavailable */
    VMGR_ERR_NO_SERVER = 95,               /* Server not found */
    VMGR_ERR_NO_CLIENT = 96,               /* Client not found */
    VMGR_ERR_AGENT_UNSYNCED = 97, /* guest agent replied with wrong id to guest-sync command */
    VMGR_ERR_LIBSSH = 98,         /* libssh transport error */
    VMGR_ERR_DEVICE_MISSING = 99, /* device not found */
    VMGR_ERR_INVALID_NWFILTER_BINDING = 100,  /* Invalid network filter binding */
    VMGR_ERR_NO_NWFILTER_BINDING = 101,       /* Network filter binding not found */
    VMGR_ERR_INVALID_DOMAIN_CHECKPOINT = 102, /* Invalid domain checkpoint */
    VMGR_ERR_NO_DOMAIN_CHECKPOINT = 103,      /* Domain checkpoint not found */
    VMGR_ERR_NO_DOMAIN_BACKUP = 104,          /* Domain backup job id not found */
    VMGR_ERR_INVALID_NETWORK_PORT = 105,      /* Invalid network port pointer */
    VMGR_ERR_NETWORK_PORT_EXIST = 106,        /* this network port exists already */
    VMGR_ERR_NO_NETWORK_PORT = 107,           /* network port not found */
    VMGR_ERR_NO_HOSTNAME = 108,               /* no hostname found */
    VMGR_ERR_CHECKPOINT_INCONSISTENT = 109,   /* checkpoint inconsistent */
    VMGR_ERR_MULTIPLE_DOMAINS = 110,          /* multiple matching domains found */
};

/** Which part reported it. */
enum vmgr_error_domain {
    VMGR_FROM_NONE = 0,
    VMGR_FROM_XEN = 1,
    VMGR_FROM_XEND = 2,
    VMGR_FROM_XENSTORE = 3,
    VMGR_FROM_SEXPR = 4,
    VMGR_FROM_XML = 5,
    VMGR_FROM_DOM = 6,
    VMGR_FROM_RPC = 7,
    VMGR_FROM_PROXY = 8,
    VMGR_FROM_CONF = 9,
    VMGR_FROM_QEMU = 10,
    VMGR_FROM_NET = 11,
    VMGR_FROM_TEST = 12,
    VMGR_FROM_REMOTE = 13,
    VMGR_FROM_OPENVZ = 14,
    VMGR_FROM_XENXM = 15,
    VMGR_FROM_STATS_LINUX = 16,
    VMGR_FROM_LXC = 17,
    VMGR_FROM_STORAGE = 18,
    VMGR_FROM_NETWORK = 19,
    VMGR_FROM_DOMAIN = 20,
    VMGR_FROM_UML = 21,
    VMGR_FROM_NODEDEV = 22,
    VMGR_FROM_XEN_INOTIFY = 23,
    VMGR_FROM_SECURITY = 24,
    VMGR_FROM_VBOX = 25,
    VMGR_FROM_INTERFACE = 26,
    VMGR_FROM_ONE = 27,
    VMGR_FROM_ESX = 28,
    VMGR_FROM_PHYP = 29,
    VMGR_FROM_SECRET = 30,
    VMGR_FROM_CPU = 31,
    VMGR_FROM_XENAPI = 32,
    VMGR_FROM_NWFILTER = 33,
    VMGR_FROM_HOOK = 34,
    VMGR_FROM_DOMAIN_SNAPSHOT = 35,
    VMGR_FROM_AUDIT = 36,
    VMGR_FROM_SYSINFO = 37,
    VMGR_FROM_STREAMS = 38,
    VMGR_FROM_VMWARE = 39,
    VMGR_FROM_EVENT = 40,
    VMGR_FROM_LIBXL = 41,
    VMGR_FROM_LOCKING = 42,
    VMGR_FROM_HYPERV = 43,
    VMGR_FROM_CAPABILITIES = 44,
    VMGR_FROM_URI = 45,
    VMGR_FROM_AUTH = 46,
    VMGR_FROM_DBUS = 47,
    VMGR_FROM_PARALLELS = 48,
    VMGR_FROM_DEVICE = 49,
    VMGR_FROM_SSH = 50,
    VMGR_FROM_LOCKSPACE = 51,
    VMGR_FROM_INITCTL = 52,
    VMGR_FROM_IDENTITY = 53,
    VMGR_FROM_CGROUP = 54,
    VMGR_FROM_ACCESS = 55,
    VMGR_FROM_SYSTEMD = 56,
    VMGR_FROM_BHYVE = 57,
    VMGR_FROM_CRYPTO = 58,
    VMGR_FROM_FIREWALL = 59,
    VMGR_FROM_POLKIT = 60,
    VMGR_FROM_THREAD = 61,
    VMGR_FROM_ADMIN = 62,
    VMGR_FROM_LOGGING = 63,
    VMGR_FROM_XENXL = 64,
    VMGR_FROM_PERF = 65,
    VMGR_FROM_LIBSSH = 66,
    VMGR_FROM_RESCTRL = 67,
    VMGR_FROM_FIREWALLD = 68,
    VMGR_FROM_DOMAIN_CHECKPOINT = 69,
    VMGR_FROM_TPM = 70,
    VMGR_FROM_BPF = 71,
    VMGR_FROM_CH = 72,
};

/** How bad it is. */
enum vmgr_error_level {
    VMGR_ERROR_LEVEL_NONE = 0,
    VMGR_ERROR_LEVEL_WARNING = 1,
    VMGR_ERROR_LEVEL_ERROR = 2,
};

/** enum vmgr_error_code; VMGR_ERR_OK for NULL. Context: any. Since 0.1 */
int vmgr_error_get_code(const struct vmgr_error *error);
/** enum vmgr_error_domain; VMGR_FROM_NONE for NULL. Context: any. Since 0.1 */
int vmgr_error_get_domain(const struct vmgr_error *error);
/** enum vmgr_error_level; VMGR_ERROR_LEVEL_NONE for NULL. Context: any. Since 0.1 */
int vmgr_error_get_level(const struct vmgr_error *error);
/**
 * The whole sentence, "<class>: <detail>", without a final newline; it may have several lines (XML
 * syntax errors quote the source). Borrowed from the error; "no error" for NULL. Context: any.
 * Since 0.1
 */
const char *vmgr_error_get_message(const struct vmgr_error *error);
/** Frees the error; NULL is fine. Returns NULL. Context: any. Since 0.1 */
struct vmgr_error *vmgr_error_free(struct vmgr_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
