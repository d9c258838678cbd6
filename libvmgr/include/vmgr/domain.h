/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains: virtual machines as an administrator sees them.
 *
 * A domain is *persistent* when it has a definition that outlives its run, *transient* otherwise,
 * and *active* while a guest runs. A handle (struct vmgr_domain) is a name and a UUID; it keeps no
 * state and stays valid when the domain goes away: calls then fail with VMGR_ERR_NO_DOMAIN.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_DOMAIN; those that change something with
 * VMGR_ERR_OPERATION_DENIED (read-only connection), VMGR_ERR_OPERATION_TIMEOUT (another change of
 * the same domain did not end within 30 seconds), VMGR_ERR_NO_SUPPORT (not a thing this driver
 * does).
 */
#ifndef VMGR_DOMAIN_H
#define VMGR_DOMAIN_H

#include <stddef.h>
#include <stdint.h>

#include <vmgr/connect.h>
#include <vmgr/stream.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_domain;

#define VMGR_UUID_SIZE        16
#define VMGR_UUID_STRING_SIZE 37 /* with the final NUL */

/** States, and below why a domain is in one. Numbers of the libvirt protocol. */
enum vmgr_domain_state {
    VMGR_DOMAIN_NOSTATE = 0,
    VMGR_DOMAIN_RUNNING = 1,
    VMGR_DOMAIN_BLOCKED = 2,
    VMGR_DOMAIN_PAUSED = 3,
    VMGR_DOMAIN_SHUTDOWN = 4, /* going down */
    VMGR_DOMAIN_SHUTOFF = 5,
    VMGR_DOMAIN_CRASHED = 6,
    VMGR_DOMAIN_PMSUSPENDED = 7,
};
enum vmgr_domain_running_reason {
    VMGR_DOMAIN_RUNNING_UNKNOWN = 0,
    VMGR_DOMAIN_RUNNING_BOOTED = 1,
    VMGR_DOMAIN_RUNNING_MIGRATED = 2,
    VMGR_DOMAIN_RUNNING_RESTORED = 3,
    VMGR_DOMAIN_RUNNING_FROM_SNAPSHOT = 4,
    VMGR_DOMAIN_RUNNING_UNPAUSED = 5,
    VMGR_DOMAIN_RUNNING_MIGRATION_CANCELED = 6,
    VMGR_DOMAIN_RUNNING_SAVE_CANCELED = 7,
    VMGR_DOMAIN_RUNNING_WAKEUP = 8,
    VMGR_DOMAIN_RUNNING_CRASHED = 9,
    VMGR_DOMAIN_RUNNING_POSTCOPY = 10,
    VMGR_DOMAIN_RUNNING_POSTCOPY_FAILED = 11,
};
enum vmgr_domain_paused_reason {
    VMGR_DOMAIN_PAUSED_UNKNOWN = 0,
    VMGR_DOMAIN_PAUSED_USER = 1,
    VMGR_DOMAIN_PAUSED_MIGRATION = 2,
    VMGR_DOMAIN_PAUSED_SAVE = 3,
    VMGR_DOMAIN_PAUSED_DUMP = 4,
    VMGR_DOMAIN_PAUSED_IOERROR = 5,
    VMGR_DOMAIN_PAUSED_WATCHDOG = 6,
    VMGR_DOMAIN_PAUSED_FROM_SNAPSHOT = 7,
    VMGR_DOMAIN_PAUSED_SHUTTING_DOWN = 8,
    VMGR_DOMAIN_PAUSED_SNAPSHOT = 9,
    VMGR_DOMAIN_PAUSED_CRASHED = 10,
    VMGR_DOMAIN_PAUSED_STARTING_UP = 11,
    VMGR_DOMAIN_PAUSED_POSTCOPY = 12,
    VMGR_DOMAIN_PAUSED_POSTCOPY_FAILED = 13,
};
enum vmgr_domain_shutdown_reason {
    VMGR_DOMAIN_SHUTDOWN_UNKNOWN = 0,
    VMGR_DOMAIN_SHUTDOWN_USER = 1,
};
enum vmgr_domain_shutoff_reason {
    VMGR_DOMAIN_SHUTOFF_UNKNOWN = 0,
    VMGR_DOMAIN_SHUTOFF_SHUTDOWN = 1,
    VMGR_DOMAIN_SHUTOFF_DESTROYED = 2,
    VMGR_DOMAIN_SHUTOFF_CRASHED = 3,
    VMGR_DOMAIN_SHUTOFF_MIGRATED = 4,
    VMGR_DOMAIN_SHUTOFF_SAVED = 5,
    VMGR_DOMAIN_SHUTOFF_FAILED = 6,
    VMGR_DOMAIN_SHUTOFF_FROM_SNAPSHOT = 7,
    VMGR_DOMAIN_SHUTOFF_DAEMON = 8,
};
enum vmgr_domain_crashed_reason {
    VMGR_DOMAIN_CRASHED_UNKNOWN = 0,
    VMGR_DOMAIN_CRASHED_PANICKED = 1,
};

/* ---- handles
 * ------------------------------------------------------------------------------------- */

/** Takes a reference. Returns domain. */
struct vmgr_domain *vmgr_domain_ref(struct vmgr_domain *domain);
/** Drops a reference; the domain itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_domain *vmgr_domain_unref(struct vmgr_domain *domain);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_domain **vmgr_domain_list_free(struct vmgr_domain **domains);

/** The name when the handle was made (vmgr_domain_rename() updates the handle it is given).
 * Borrowed. */
const char *vmgr_domain_get_name(struct vmgr_domain *domain);
/** The 16 bytes of the UUID. */
void vmgr_domain_get_uuid(struct vmgr_domain *domain, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". Borrowed. */
const char *vmgr_domain_get_uuid_string(struct vmgr_domain *domain);
/** Borrowed from the domain. */
struct vmgr_conn *vmgr_domain_get_conn(struct vmgr_domain *domain);

/* ---- finding
 * ------------------------------------------------------------------------------------- */

/** Errors: VMGR_ERR_NO_DOMAIN ("Domain not found: no domain with matching ..."). */
int vmgr_domain_lookup_by_name(struct vmgr_conn *conn, const char *name,
                               struct vmgr_domain **ret_domain, struct vmgr_error **err);
int vmgr_domain_lookup_by_id(struct vmgr_conn *conn, int id, struct vmgr_domain **ret_domain,
                             struct vmgr_error **err);
int vmgr_domain_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                               struct vmgr_domain **ret_domain, struct vmgr_error **err);
/** Errors also: VMGR_ERR_INVALID_ARG (not a UUID). */
int vmgr_domain_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                      struct vmgr_domain **ret_domain, struct vmgr_error **err);

/* Filters of vmgr_domain_list(). Bits of one group are alternatives, groups restrict each other; a
 * group with no bit, or with all, does not filter. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_LIST_ACTIVE          (1u << 0)
#define VMGR_DOMAIN_LIST_INACTIVE        (1u << 1)
#define VMGR_DOMAIN_LIST_PERSISTENT      (1u << 2)
#define VMGR_DOMAIN_LIST_TRANSIENT       (1u << 3)
#define VMGR_DOMAIN_LIST_RUNNING         (1u << 4)
#define VMGR_DOMAIN_LIST_PAUSED          (1u << 5)
#define VMGR_DOMAIN_LIST_SHUTOFF         (1u << 6)
#define VMGR_DOMAIN_LIST_OTHER           (1u << 7)
#define VMGR_DOMAIN_LIST_MANAGED_SAVE    (1u << 8)
#define VMGR_DOMAIN_LIST_NO_MANAGED_SAVE (1u << 9)
#define VMGR_DOMAIN_LIST_AUTOSTART       (1u << 10)
#define VMGR_DOMAIN_LIST_NO_AUTOSTART    (1u << 11)
#define VMGR_DOMAIN_LIST_HAS_SNAPSHOT    (1u << 12)
#define VMGR_DOMAIN_LIST_NO_SNAPSHOT     (1u << 13)
#define VMGR_DOMAIN_LIST_HAS_CHECKPOINT  (1u << 14)
#define VMGR_DOMAIN_LIST_NO_CHECKPOINT   (1u << 15)

/**
 * vmgr_domain_list() - the domains that pass the filters, in no particular order
 * @ret_domains: a NULL-terminated array for vmgr_domain_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_domain_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_domain ***ret_domains,
                     struct vmgr_error **err);

/** struct vmgr_domain_entry - a domain of a list, and what was known of it at that moment
 * @id: as vmgr_domain_get_id(), 0: inactive. @state, @reason: as vmgr_domain_get_state() */
struct vmgr_domain_entry {
    struct vmgr_domain *domain;
    int32_t id;
    int32_t state;
    int32_t reason;
    int32_t reserved;
};
/**
 * vmgr_domain_list_entries() - vmgr_domain_list() with state and number of each
 * @ret_entries: for vmgr_domain_entries_free(); the last one has no domain
 *
 * The same answers as asking for each domain, from far fewer questions: two for a server, whatever
 * the number of domains. Returns how many, or -1 and *err. Since 0.1
 */
int vmgr_domain_list_entries(struct vmgr_conn *conn, uint32_t flags,
                             struct vmgr_domain_entry **ret_entries, struct vmgr_error **err);
/** Drops the references in such an array and frees it. NULL is fine. Returns NULL. Since 0.1 */
struct vmgr_domain_entry *vmgr_domain_entries_free(struct vmgr_domain_entry *entries);

/* ---- defining
 * ------------------------------------------------------------------------------------ */

/** Checks the document against the schema first. */
#define VMGR_DOMAIN_DEFINE_VALIDATE (1u << 0)

/**
 * vmgr_domain_define_xml() - makes or replaces a persistent definition
 * @xml: a <domain> document, at most 8 MiB; entities and document types are refused
 *
 * A definition with the name and UUID of an existing domain replaces it; if that runs, the new one
 * is used from its next start. What vmgr does not know is kept as it is: see
 * vmgr_domain_get_messages().
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED,
 * VMGR_ERR_NO_NAME and others for its content, VMGR_ERR_OPERATION_FAILED (name or UUID taken),
 * VMGR_ERR_SYSTEM_ERROR (cannot be stored).
 */
int vmgr_domain_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_domain **ret_domain, struct vmgr_error **err);

/* Flags of vmgr_domain_start() and vmgr_domain_create_xml(). Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_START_PAUSED       (1u << 0)
#define VMGR_DOMAIN_START_AUTODESTROY  (1u << 1) /* destroy it when the connection is closed */
#define VMGR_DOMAIN_START_BYPASS_CACHE (1u << 2)
#define VMGR_DOMAIN_START_FORCE_BOOT   (1u << 3) /* boot afresh even if a managed save exists */
#define VMGR_DOMAIN_START_VALIDATE     (1u << 4) /* create_xml: check against the schema first */
#define VMGR_DOMAIN_START_RESET_NVRAM  (1u << 5) /* firmware's variables anew from their template */

/**
 * vmgr_domain_create_xml() - starts a transient domain, or an inactive persistent one with another
 * definition for this run
 * Errors: those of vmgr_domain_define_xml() and of vmgr_domain_start().
 */
int vmgr_domain_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_domain **ret_domain, struct vmgr_error **err);

/* What else to remove. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_UNDEFINE_MANAGED_SAVE         (1u << 0)
#define VMGR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA   (1u << 1)
#define VMGR_DOMAIN_UNDEFINE_NVRAM                (1u << 2) /* the file with firmware's variables */
#define VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM           (1u << 3)
#define VMGR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA (1u << 4)
#define VMGR_DOMAIN_UNDEFINE_TPM                  (1u << 5)
#define VMGR_DOMAIN_UNDEFINE_KEEP_TPM             (1u << 6)

/**
 * vmgr_domain_undefine() - removes the persistent definition; an active domain becomes transient
 * Errors: VMGR_ERR_OPERATION_INVALID (the domain is transient; its firmware has a file with
 * variables and flags do not say what becomes of it, or say both; it has checkpoints, and they are
 * not to go).
 */
int vmgr_domain_undefine(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);
/**
 * vmgr_domain_rename() - gives an inactive persistent domain another name; the handle follows
 * @flags: none yet
 * Errors: VMGR_ERR_OPERATION_INVALID (active, transient, or the name is taken), VMGR_ERR_XML_ERROR
 * (name).
 */
int vmgr_domain_rename(struct vmgr_domain *domain, const char *new_name, uint32_t flags,
                       struct vmgr_error **err);

/* ---- life cycle
 * ---------------------------------------------------------------------------------- */

/**
 * vmgr_domain_start() - starts an inactive domain
 * @flags: VMGR_DOMAIN_START_*
 * Errors: VMGR_ERR_OPERATION_INVALID (already running), VMGR_ERR_CONFIG_UNSUPPORTED (the definition
 * asks for what the driver cannot give the guest: the message names it), VMGR_ERR_INTERNAL_ERROR
 * (the emulator gave up: the message ends with its last words), VMGR_ERR_OPERATION_FAILED (no
 * firmware, or no template of its variables, is found), VMGR_ERR_SYSTEM_ERROR.
 */
int vmgr_domain_start(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

/* How to ask the guest; 0: the driver chooses. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN (1u << 0)
#define VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT    (1u << 1)
#define VMGR_DOMAIN_SHUTDOWN_INITCTL        (1u << 2)
#define VMGR_DOMAIN_SHUTDOWN_SIGNAL         (1u << 3)
#define VMGR_DOMAIN_SHUTDOWN_PARAVIRT       (1u << 4)

/** Asks the guest to power off; returns once it is asked. Errors: VMGR_ERR_OPERATION_INVALID (not
 * running), VMGR_ERR_OPERATION_UNSUPPORTED (no such way here). */
int vmgr_domain_shutdown(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);
/** Asks the guest to reboot; flags as VMGR_DOMAIN_SHUTDOWN_*. */
int vmgr_domain_reboot(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);
/** Presses the reset button. @flags: none yet. */
int vmgr_domain_reset(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

/** Lets the emulator flush and end by itself, and fails with VMGR_ERR_OPERATION_FAILED if it does
 * not. */
#define VMGR_DOMAIN_DESTROY_GRACEFUL (1u << 0)
/** Removes the emulator's log afterwards. */
#define VMGR_DOMAIN_DESTROY_REMOVE_LOGS (1u << 1)
/** Pulls the plug; returns when the process is gone. @flags: VMGR_DOMAIN_DESTROY_*. Errors:
 * VMGR_ERR_OPERATION_INVALID (not running), VMGR_ERR_SYSTEM_ERROR (the log cannot be removed). */
int vmgr_domain_destroy(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);
/** Stops the vCPUs. Errors: VMGR_ERR_OPERATION_INVALID (not running). */
int vmgr_domain_suspend(struct vmgr_domain *domain, struct vmgr_error **err);
/** Lets the vCPUs run. Errors: VMGR_ERR_OPERATION_INVALID (not running, or not paused). */
int vmgr_domain_resume(struct vmgr_domain *domain, struct vmgr_error **err);
/** vmgr_domain_pm_suspend_for_duration() - asks the guest's agent to put the guest to sleep
 * @target: enum vmgr_node_suspend_target (<vmgr/node.h>): mem, disk or both
 * @duration: 0
 * Returns when it sleeps (state pmsuspended), or is off (disk). Errors: ARGUMENT_UNSUPPORTED
 * (duration; no agent is configured), INVALID_ARG (target), OPERATION_INVALID (it does not run; the
 * definition's <pm> says no), OPERATION_UNSUPPORTED (the machine cannot sleep), AGENT_UNRESPONSIVE,
 * INTERNAL_ERROR (the agent cannot). Context: any. Since 0.1 */
int vmgr_domain_pm_suspend_for_duration(struct vmgr_domain *domain, uint32_t target,
                                        uint64_t duration, uint32_t flags, struct vmgr_error **err);
/** vmgr_domain_pm_wakeup() - wakes a guest that sleeps
 * Errors: OPERATION_INVALID (it does not run), INTERNAL_ERROR (it does not sleep, or cannot).
 * Context: any. Since 0.1 */
int vmgr_domain_pm_wakeup(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

/* ---- looking
 * ------------------------------------------------------------------------------------- */

/**
 * vmgr_domain_get_state() - state and why
 * @ret_reason: may be NULL. @flags: none yet
 */
int vmgr_domain_get_state(struct vmgr_domain *domain, uint32_t flags, int *ret_state,
                          int *ret_reason, struct vmgr_error **err);
/** The library's words for states and reasons as people see them ("shut off", "destroyed"); "no
 * state" and "unknown" for numbers it does not know. Static. */
const char *vmgr_domain_state_name(int state);
const char *vmgr_domain_reason_name(int state, int reason);

/**
 * struct vmgr_domain_info - a domain in a few numbers
 * @size: sizeof(struct vmgr_domain_info), set by VMGR_DOMAIN_INFO_INIT
 * @state: enum vmgr_domain_state
 * @cpu_time_ns: CPU time used; 0 when inactive
 */
struct vmgr_domain_info {
    uint32_t size;
    int32_t state;
    uint64_t max_memory_kib;
    uint64_t memory_kib;
    uint64_t cpu_time_ns;
    uint32_t vcpus;
    uint32_t reserved;
};
#define VMGR_DOMAIN_INFO_INIT { .size = sizeof(struct vmgr_domain_info) }
int vmgr_domain_get_info(struct vmgr_domain *domain, struct vmgr_domain_info *ret_info,
                         struct vmgr_error **err);

/** The number of an active domain (> 0), 0 when inactive, -1 and *err. */
int vmgr_domain_get_id(struct vmgr_domain *domain, struct vmgr_error **err);
/** 1, 0, or -1 and *err. */
int vmgr_domain_is_active(struct vmgr_domain *domain, struct vmgr_error **err);
int vmgr_domain_is_persistent(struct vmgr_domain *domain, struct vmgr_error **err);
/** 1 when the running definition has been changed while running. */
int vmgr_domain_is_updated(struct vmgr_domain *domain, struct vmgr_error **err);
/** 1 when the next start continues a saved state. @flags: none yet. */
int vmgr_domain_has_managed_save(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_error **err);
/** "linux" or "hvm" and so on: <os><type>. To be freed with free(). */
int vmgr_domain_get_os_type(struct vmgr_domain *domain, char **ret_os_type,
                            struct vmgr_error **err);
int vmgr_domain_get_max_memory(struct vmgr_domain *domain, uint64_t *ret_kib,
                               struct vmgr_error **err);

/* Which definition a question or a change is about. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_AFFECT_CURRENT 0u /* LIVE if active, else CONFIG */
#define VMGR_DOMAIN_AFFECT_LIVE    (1u << 0)
#define VMGR_DOMAIN_AFFECT_CONFIG  (1u << 1)
#define VMGR_DOMAIN_VCPU_MAXIMUM   (1u << 2) /* the limit rather than the present number */
#define VMGR_DOMAIN_VCPU_GUEST     (1u << 3) /* as the guest sees it, by its agent */

/** Number of vCPUs; flags VMGR_DOMAIN_AFFECT_* and VMGR_DOMAIN_VCPU_*. Returns it, or -1 and *err:
 * VMGR_ERR_OPERATION_INVALID (LIVE of an inactive, CONFIG of a transient domain). */
int vmgr_domain_get_vcpus(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

/** 1 when the host starts it at boot, 0, or -1 and *err. */
int vmgr_domain_get_autostart(struct vmgr_domain *domain, struct vmgr_error **err);
/** Errors: VMGR_ERR_OPERATION_INVALID (transient). */
int vmgr_domain_set_autostart(struct vmgr_domain *domain, int autostart, struct vmgr_error **err);

/**
 * struct vmgr_security_label - access control of a running domain's process
 * @size: sizeof(struct vmgr_security_label), set by VMGR_SECURITY_LABEL_INIT
 * @enforcing: 1 or 0
 */
struct vmgr_security_label {
    uint32_t size;
    int32_t enforcing;
    char label[4097];
};
#define VMGR_SECURITY_LABEL_INIT { .size = sizeof(struct vmgr_security_label) }
/** The label of the host's first model (vmgr_conn_get_security_model()); empty: it has none. 0, or
 * -1 and *err. */
int vmgr_domain_get_security_label(struct vmgr_domain *domain,
                                   struct vmgr_security_label *ret_label, struct vmgr_error **err);
/**
 * vmgr_domain_get_security_labels() - labels of all models, in the order of capabilities
 * @ret_labels: NULL-terminated, for vmgr_security_labels_free()
 *
 * Returns how many, which is 0 for a domain that does not run, or -1 and *err.
 */
int vmgr_domain_get_security_labels(struct vmgr_domain *domain,
                                    struct vmgr_security_label ***ret_labels,
                                    struct vmgr_error **err);
/** Frees them; NULL is fine. Returns NULL. */
struct vmgr_security_label **vmgr_security_labels_free(struct vmgr_security_label **labels);

/* Flags of vmgr_domain_get_xml(). Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_XML_SECURE     (1u << 0) /* with secrets; refused on a read-only connection */
#define VMGR_DOMAIN_XML_INACTIVE   (1u << 1) /* what the next start uses */
#define VMGR_DOMAIN_XML_UPDATE_CPU (1u << 2)
#define VMGR_DOMAIN_XML_MIGRATABLE (1u << 3)

/** The definition as a document. To be freed with free(). */
int vmgr_domain_get_xml(struct vmgr_domain *domain, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err);

/* What vmgr_domain_get_messages() tells; 0: all. */
#define VMGR_DOMAIN_MESSAGE_DEPRECATION (1u << 0)
#define VMGR_DOMAIN_MESSAGE_TAINTING    (1u << 1)
#define VMGR_DOMAIN_MESSAGE_UNKNOWN     (1u << 16) /* "unknown element 'bogus' in domain" */

/**
 * vmgr_domain_get_messages() - remarks on the definition
 * @ret_messages: NULL-terminated array for vmgr_strings_free(); never NULL on success
 *
 * VMGR_DOMAIN_MESSAGE_UNKNOWN lists elements of the definition that vmgr keeps but does not
 * understand, most of them typing mistakes, and the few settings that its guest does without; they
 * look at the definition the next start uses. VMGR_DOMAIN_MESSAGE_TAINTING: what a domain that runs
 * was started with and nobody can vouch for ("tainted: custom configuration parameters specified").
 * Returns how many, or -1 and *err.
 */
int vmgr_domain_get_messages(struct vmgr_domain *domain, uint32_t flags, char ***ret_messages,
                             struct vmgr_error **err);

/**
 * What vmgr_domain_get_metadata() and _set_metadata() are about. Numbers of the libvirt protocol.
 */
enum vmgr_domain_metadata_type {
    VMGR_DOMAIN_METADATA_DESCRIPTION = 0,
    VMGR_DOMAIN_METADATA_TITLE = 1,
    VMGR_DOMAIN_METADATA_ELEMENT = 2, /* a child of <metadata>, chosen by namespace URI */
};
/**
 * vmgr_domain_get_metadata()
 * @uri: namespace, for ELEMENT only; NULL otherwise. @flags: VMGR_DOMAIN_AFFECT_*
 * @ret_text: for free()
 * Errors: VMGR_ERR_NO_DOMAIN_METADATA ("Requested metadata element is not present").
 */
int vmgr_domain_get_metadata(struct vmgr_domain *domain, int type, const char *uri, uint32_t flags,
                             char **ret_text, struct vmgr_error **err);
/**
 * vmgr_domain_set_metadata()
 * @text: title or description, or the XML of the element; NULL: remove
 * @key: namespace prefix, for ELEMENT with text only. @uri, @flags: as above
 */
int vmgr_domain_set_metadata(struct vmgr_domain *domain, int type, const char *text,
                             const char *key, const char *uri, uint32_t flags,
                             struct vmgr_error **err);

/* ---- consoles and channels
 * ------------------------------------------------------------------------------------- */

/* Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_CONSOLE_FORCE (1u << 0) /* end another client's session */
#define VMGR_DOMAIN_CONSOLE_SAFE  (1u << 1) /* fail unless the driver keeps two clients apart */

/**
 * vmgr_domain_open_console() - opens a serial port or console
 * @device: alias ("serial0", "console0"); NULL: the first console, else the first serial port
 * Errors: VMGR_ERR_OPERATION_INVALID (not running), VMGR_ERR_INTERNAL_ERROR (no such device, or one
 * whose other end is neither a pty nor a socket), VMGR_ERR_OPERATION_FAILED (another session is
 * open).
 */
int vmgr_domain_open_console(struct vmgr_domain *domain, const char *device, uint32_t flags,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err);

/* Number of the libvirt protocol. */
#define VMGR_DOMAIN_CHANNEL_FORCE (1u << 0) /* end another client's session */

/**
 * vmgr_domain_open_channel() - opens the host's end of a virtio port
 * @name: alias ("channel0"), or what the guest knows it by ("org.example.port.0"); NULL: the first
 *
 * The channel of the guest's agent is one like the others; while it is open, what asks the agent
 * waits for its end.
 * Errors: VMGR_ERR_OPERATION_INVALID (not running), VMGR_ERR_INTERNAL_ERROR (no such channel, or
 * one that is no socket the emulator listens on), VMGR_ERR_OPERATION_FAILED (another session is
 * open, or nobody listens).
 */
int vmgr_domain_open_channel(struct vmgr_domain *domain, const char *name, uint32_t flags,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
