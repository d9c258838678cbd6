/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains: handles, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/domain.h>

#include "../conf/def.h"
#include "give.h"
#include "operation.h"

struct vmgr_domain {
    gint refs;
    struct vmgr_conn *conn;
    char *name; /* set once more by rename; old names live in `names` */
    GSList *names;
    uint8_t uuid[VMGR_UUID_SIZE];
    char *uuid_string; /* made when somebody asks: lists of thousands need none */
};

struct vmgr_domain *vmgr__domain_new(struct vmgr_conn *conn, const char *name,
                                     const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr_domain *dom = g_new0(struct vmgr_domain, 1);

    dom->refs = 1;
    dom->conn = vmgr_conn_ref(conn);
    dom->name = g_strdup(name);
    memcpy(dom->uuid, uuid, VMGR_UUID_SIZE);
    return dom;
}

void vmgr__domain_set_name(struct vmgr_domain *dom, const char *name)
{
    /* Callers hold the pointer that get_name() gave them as long as they hold the handle. */
    dom->names = g_slist_prepend(dom->names, dom->name);
    g_atomic_pointer_set(&dom->name, g_strdup(name));
}

struct vmgr_domain *vmgr_domain_ref(struct vmgr_domain *domain)
{
    g_atomic_int_inc(&domain->refs);
    return domain;
}

struct vmgr_domain *vmgr_domain_unref(struct vmgr_domain *domain)
{
    if (domain && g_atomic_int_dec_and_test(&domain->refs)) {
        vmgr_conn_unref(domain->conn);
        g_slist_free_full(domain->names, g_free);
        g_free(domain->name);
        g_free(domain->uuid_string);
        g_free(domain);
    }
    return NULL;
}

struct vmgr_domain **vmgr_domain_list_free(struct vmgr_domain **domains)
{
    for (struct vmgr_domain **d = domains; d && *d; d++)
        vmgr_domain_unref(*d);
    free(domains);
    return NULL;
}

const char *vmgr_domain_get_name(struct vmgr_domain *domain)
{
    return g_atomic_pointer_get(&domain->name);
}

void vmgr_domain_get_uuid(struct vmgr_domain *domain, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, domain->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_domain_get_uuid_string(struct vmgr_domain *domain)
{
    char *text = g_atomic_pointer_get(&domain->uuid_string);

    if (text)
        return text;
    text = g_malloc(VMGR_UUID_STRING_SIZE);
    vmgr__uuid_format(domain->uuid, text);
    if (g_atomic_pointer_compare_and_exchange(&domain->uuid_string, NULL, text))
        return text;
    g_free(text); /* another thread was first */
    return g_atomic_pointer_get(&domain->uuid_string);
}

struct vmgr_conn *vmgr_domain_get_conn(struct vmgr_domain *domain)
{
    return domain->conn;
}

/* ---- checks ---- */

int vmgr__need_write(struct vmgr_conn *conn, const char *function, struct vmgr_error **err)
{
    if (!conn->read_only)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_OPERATION_DENIED, VMGR_FROM_DOM,
                           "read only access prevents %s", function);
}

static int need_size(uint32_t size, size_t wanted, const char *what, struct vmgr_error **err)
{
    if (size >= wanted)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "size of struct %s is not set",
                           what);
}

/* ---- finding ---- */

int vmgr_domain_lookup_by_name(struct vmgr_conn *conn, const char *name,
                               struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    NEED(conn, domain_lookup, "virDomainLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no name given");
    return conn->driver->domain_lookup(conn, -1, NULL, name, ret_domain, err);
}

int vmgr_domain_lookup_by_id(struct vmgr_conn *conn, int id, struct vmgr_domain **ret_domain,
                             struct vmgr_error **err)
{
    NEED(conn, domain_lookup, "virDomainLookupByID");
    if (id <= 0)
        return vmgr__error_set(err, VMGR_ERR_NO_DOMAIN, conn->driver->error_domain,
                               "no domain with matching id %d", id);
    return conn->driver->domain_lookup(conn, id, NULL, NULL, ret_domain, err);
}

int vmgr_domain_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                               struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    NEED(conn, domain_lookup, "virDomainLookupByUUID");
    return conn->driver->domain_lookup(conn, -1, uuid, NULL, ret_domain, err);
}

int vmgr_domain_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                      struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    uint8_t raw[VMGR_UUID_SIZE];

    if (!uuid || !vmgr__uuid_parse(uuid, raw)) {
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "'%s' is not a UUID",
                               uuid ? uuid : "");
    }
    return vmgr_domain_lookup_by_uuid(conn, raw, ret_domain, err);
}

static void drop_domain(void *domain)
{
    vmgr_domain_unref(domain);
}

int vmgr_domain_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_domain ***ret_domains,
                     struct vmgr_error **err)
{
    g_autoptr(GPtrArray) found = NULL;
    struct vmgr_domain **array;

    NEED(conn, domain_list, "virConnectListAllDomains");
    if (vmgr__check_flags(flags, 0xffff, "virConnectListAllDomains", err) < 0)
        return -1;
    found = g_ptr_array_new_with_free_func(drop_domain);
    if (conn->driver->domain_list(conn, flags, found, err) < 0)
        return -1;
    if (ret_domains) {
        array = calloc(found->len + 1, sizeof(*array));
        if (!array)
            return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        for (guint i = 0; i < found->len; i++)
            array[i] = vmgr_domain_ref(found->pdata[i]);
        *ret_domains = array;
    }
    return (int)found->len;
}

/* ---- defining ---- */

int vmgr_domain_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    const char *function = flags ? "virDomainDefineXMLFlags" : "virDomainDefineXML";

    NEED(conn, domain_define, function);
    if (vmgr__need_write(conn, function, err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_DEFINE_VALIDATE, function, err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no document given");
    return conn->driver->domain_define(conn, xml, flags, ret_domain, err);
}

int vmgr_domain_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    NEED(conn, domain_create, "virDomainCreateXML");
    if (vmgr__need_write(conn, "virDomainCreateXML", err) < 0 ||
        vmgr__check_flags(flags, VMGR__START_FLAGS | VMGR_DOMAIN_START_VALIDATE,
                          "virDomainCreateXML", err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no document given");
    return conn->driver->domain_create(conn, xml, flags, ret_domain, err);
}

int vmgr_domain_undefine(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    NEED(domain->conn, domain_undefine, "virDomainUndefineFlags");
    if (vmgr__need_write(domain->conn, "virDomainUndefineFlags", err) < 0 ||
        vmgr__check_flags(flags, 0x7f, "virDomainUndefineFlags", err) < 0)
        return -1;
    return domain->conn->driver->domain_undefine(domain, flags, err);
}

int vmgr_domain_rename(struct vmgr_domain *domain, const char *new_name, uint32_t flags,
                       struct vmgr_error **err)
{
    NEED(domain->conn, domain_rename, "virDomainRename");
    if (vmgr__need_write(domain->conn, "virDomainRename", err) < 0 ||
        vmgr__check_flags(flags, 0, "virDomainRename", err) < 0)
        return -1;
    if (!new_name || !*new_name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "the new name is empty");
    return domain->conn->driver->domain_rename(domain, new_name, err);
}

/* ---- life cycle ---- */

int vmgr_domain_start(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    const char *function = flags ? "virDomainCreateWithFlags" : "virDomainCreate";

    NEED(domain->conn, domain_start, function);
    if (vmgr__need_write(domain->conn, function, err) < 0 ||
        vmgr__check_flags(flags, VMGR__START_FLAGS, function, err) < 0)
        return -1;
    return domain->conn->driver->domain_start(domain, flags, err);
}

int vmgr_domain_shutdown(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    const char *function = flags ? "virDomainShutdownFlags" : "virDomainShutdown";

    NEED(domain->conn, domain_shutdown, function);
    if (vmgr__need_write(domain->conn, function, err) < 0 ||
        vmgr__check_flags(flags, 0x1f, function, err) < 0)
        return -1;
    return domain->conn->driver->domain_shutdown(domain, flags, err);
}

int vmgr_domain_reboot(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    NEED(domain->conn, domain_reboot, "virDomainReboot");
    if (vmgr__need_write(domain->conn, "virDomainReboot", err) < 0 ||
        vmgr__check_flags(flags, 0x1f, "virDomainReboot", err) < 0)
        return -1;
    return domain->conn->driver->domain_reboot(domain, flags, err);
}

int vmgr_domain_reset(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    NEED(domain->conn, domain_reset, "virDomainReset");
    if (vmgr__need_write(domain->conn, "virDomainReset", err) < 0 ||
        vmgr__check_flags(flags, 0, "virDomainReset", err) < 0)
        return -1;
    return domain->conn->driver->domain_reset(domain, err);
}

int vmgr_domain_destroy(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    const char *function = flags ? "virDomainDestroyFlags" : "virDomainDestroy";

    NEED(domain->conn, domain_destroy, function);
    if (vmgr__need_write(domain->conn, function, err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_DESTROY_GRACEFUL | VMGR_DOMAIN_DESTROY_REMOVE_LOGS,
                          function, err) < 0)
        return -1;
    return domain->conn->driver->domain_destroy(domain, flags, err);
}

int vmgr_domain_suspend(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_suspend, "virDomainSuspend");
    if (vmgr__need_write(domain->conn, "virDomainSuspend", err) < 0)
        return -1;
    return domain->conn->driver->domain_suspend(domain, err);
}

int vmgr_domain_resume(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_resume, "virDomainResume");
    if (vmgr__need_write(domain->conn, "virDomainResume", err) < 0)
        return -1;
    return domain->conn->driver->domain_resume(domain, err);
}

/* ---- looking ---- */

int vmgr_domain_get_state(struct vmgr_domain *domain, uint32_t flags, int *ret_state,
                          int *ret_reason, struct vmgr_error **err)
{
    int reason;

    NEED(domain->conn, domain_get_state, "virDomainGetState");
    if (vmgr__check_flags(flags, 0, "virDomainGetState", err) < 0)
        return -1;
    return domain->conn->driver->domain_get_state(domain, ret_state,
                                                  ret_reason ? ret_reason : &reason, err);
}

int vmgr_domain_get_info(struct vmgr_domain *domain, struct vmgr_domain_info *ret_info,
                         struct vmgr_error **err)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    uint32_t size = ret_info->size;

    NEED(domain->conn, domain_get_info, "virDomainGetInfo");
    if (need_size(size, sizeof(info), "vmgr_domain_info", err) < 0 ||
        domain->conn->driver->domain_get_info(domain, &info, err) < 0)
        return -1;
    *ret_info = info;
    ret_info->size = size;
    return 0;
}

int vmgr_domain_get_id(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_get_id, "virDomainGetID");
    return domain->conn->driver->domain_get_id(domain, err);
}

int vmgr_domain_is_active(struct vmgr_domain *domain, struct vmgr_error **err)
{
    int id;

    NEED(domain->conn, domain_get_id, "virDomainIsActive");
    id = domain->conn->driver->domain_get_id(domain, err);
    return id < 0 ? -1 : id > 0;
}

int vmgr_domain_is_persistent(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_is_persistent, "virDomainIsPersistent");
    return domain->conn->driver->domain_is_persistent(domain, err);
}

int vmgr_domain_is_updated(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_is_updated, "virDomainIsUpdated");
    return domain->conn->driver->domain_is_updated(domain, err);
}

int vmgr_domain_has_managed_save(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_error **err)
{
    NEED(domain->conn, domain_has_managed_save, "virDomainHasManagedSaveImage");
    if (vmgr__check_flags(flags, 0, "virDomainHasManagedSaveImage", err) < 0)
        return -1;
    return domain->conn->driver->domain_has_managed_save(domain, err);
}

int vmgr_domain_get_os_type(struct vmgr_domain *domain, char **ret_os_type, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED(domain->conn, domain_get_os_type, "virDomainGetOSType");
    r = domain->conn->driver->domain_get_os_type(domain, &text, err);
    return vmgr__give_text(text, r, ret_os_type, err);
}

int vmgr_domain_get_max_memory(struct vmgr_domain *domain, uint64_t *ret_kib,
                               struct vmgr_error **err)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;

    if (vmgr_domain_get_info(domain, &info, err) < 0)
        return -1;
    *ret_kib = info.max_memory_kib;
    return 0;
}

int vmgr_domain_get_vcpus(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    NEED(domain->conn, domain_get_vcpus, "virDomainGetVcpusFlags");
    if (vmgr__check_flags(flags, 0xf, "virDomainGetVcpusFlags", err) < 0)
        return -1;
    if ((flags & VMGR_DOMAIN_AFFECT_LIVE) && (flags & VMGR_DOMAIN_AFFECT_CONFIG))
        return vmgr__error_set_plain(
            err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
            "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' "
            "are mutually exclusive");
    if (flags & VMGR_DOMAIN_VCPU_GUEST &&
        vmgr__need_write(domain->conn, "virDomainGetVcpusFlags", err) < 0)
        return -1;
    return domain->conn->driver->domain_get_vcpus(domain, flags, err);
}

int vmgr_domain_get_autostart(struct vmgr_domain *domain, struct vmgr_error **err)
{
    NEED(domain->conn, domain_get_autostart, "virDomainGetAutostart");
    return domain->conn->driver->domain_get_autostart(domain, err);
}

int vmgr_domain_set_autostart(struct vmgr_domain *domain, int autostart, struct vmgr_error **err)
{
    NEED(domain->conn, domain_set_autostart, "virDomainSetAutostart");
    if (vmgr__need_write(domain->conn, "virDomainSetAutostart", err) < 0)
        return -1;
    return domain->conn->driver->domain_set_autostart(domain, autostart != 0, err);
}

int vmgr_domain_get_xml(struct vmgr_domain *domain, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED(domain->conn, domain_get_xml, "virDomainGetXMLDesc");
    if (vmgr__check_flags(flags, 0xf, "virDomainGetXMLDesc", err) < 0)
        return -1;
    if (domain->conn->read_only && (flags & (VMGR_DOMAIN_XML_SECURE | VMGR_DOMAIN_XML_MIGRATABLE)))
        return vmgr__error_set(err, VMGR_ERR_OPERATION_DENIED, VMGR_FROM_DOM,
                               "virDomainGetXMLDesc with secure flag");
    r = domain->conn->driver->domain_get_xml(domain, flags, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_domain_get_messages(struct vmgr_domain *domain, uint32_t flags, char ***ret_messages,
                             struct vmgr_error **err)
{
    g_autoptr(GPtrArray) found = NULL;
    char **array;

    NEED(domain->conn, domain_get_messages, "virDomainGetMessages");
    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_MESSAGE_DEPRECATION | VMGR_DOMAIN_MESSAGE_TAINTING |
                              VMGR_DOMAIN_MESSAGE_UNKNOWN,
                          "virDomainGetMessages", err) < 0)
        return -1;
    found = g_ptr_array_new_with_free_func(g_free);
    if (domain->conn->driver->domain_get_messages(domain, flags, found, err) < 0)
        return -1;
    array = calloc(found->len + 1, sizeof(*array));
    for (guint i = 0; array && i < found->len; i++) {
        array[i] = strdup(found->pdata[i]);
        if (!array[i])
            array = vmgr_strings_free(array);
    }
    if (!array)
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    *ret_messages = array;
    return (int)found->len;
}

static int check_metadata_args(int type, const char *text, const char *key, const char *uri,
                               uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG,
                          "virDomainSetMetadata", err) < 0)
        return -1;
    switch (type) {
    case VMGR_DOMAIN_METADATA_TITLE:
        if (text && strchr(text, '\n'))
            return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                         "metadata title can't contain newlines");
        break;
    case VMGR_DOMAIN_METADATA_DESCRIPTION: break;
    case VMGR_DOMAIN_METADATA_ELEMENT:
        if (!uri)
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no namespace given");
        if (text && !key)
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                   "no namespace prefix given");
        return 0;
    default:
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "unknown metadata type");
    }
    if (key || uri)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "a namespace makes no sense for a title or description");
    if (text && !g_utf8_validate(text, -1, NULL))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "the text is not UTF-8");
    for (const char *c = text; c && *c; c++) {
        if ((unsigned char)*c < 0x20 && !strchr("\t\n\r", *c))
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                   "the text has control characters");
    }
    return 0;
}

int vmgr_domain_get_metadata(struct vmgr_domain *domain, int type, const char *uri, uint32_t flags,
                             char **ret_text, struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED(domain->conn, domain_get_metadata, "virDomainGetMetadata");
    if (check_metadata_args(type, NULL, NULL, uri, flags, err) < 0)
        return -1;
    r = domain->conn->driver->domain_get_metadata(domain, type, uri, flags, &text, err);
    return vmgr__give_text(text, r, ret_text, err);
}

int vmgr_domain_set_metadata(struct vmgr_domain *domain, int type, const char *text,
                             const char *key, const char *uri, uint32_t flags,
                             struct vmgr_error **err)
{
    NEED(domain->conn, domain_set_metadata, "virDomainSetMetadata");
    if (vmgr__need_write(domain->conn, "virDomainSetMetadata", err) < 0 ||
        check_metadata_args(type, text, key, uri, flags, err) < 0)
        return -1;
    return domain->conn->driver->domain_set_metadata(domain, type, text, key, uri, flags, err);
}

int vmgr_domain_open_console(struct vmgr_domain *domain, const char *device, uint32_t flags,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    NEED(domain->conn, domain_open_console, "virDomainOpenConsole");
    if (vmgr__need_write(domain->conn, "virDomainOpenConsole", err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_CONSOLE_FORCE | VMGR_DOMAIN_CONSOLE_SAFE,
                          "virDomainOpenConsole", err) < 0)
        return -1;
    return domain->conn->driver->domain_open_console(domain, device, flags, ret_stream, err);
}

int vmgr_domain_open_channel(struct vmgr_domain *domain, const char *name, uint32_t flags,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    NEED(domain->conn, domain_open_channel, "virDomainOpenChannel");
    if (vmgr__need_write(domain->conn, "virDomainOpenChannel", err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_CHANNEL_FORCE, "virDomainOpenChannel", err) < 0)
        return -1;
    return domain->conn->driver->domain_open_channel(domain, name, flags, ret_stream, err);
}

/* ---- words ---- */

static const char *const state_names[] = { "no state",    "running",  "idle",    "paused",
                                           "in shutdown", "shut off", "crashed", "pmsuspended" };
static const char *const no_reasons[] = { "unknown", NULL };
static const char *const running_reasons[] = { "unknown",
                                               "booted",
                                               "migrated",
                                               "restored",
                                               "from snapshot",
                                               "unpaused",
                                               "migration canceled",
                                               "save canceled",
                                               "event wakeup",
                                               "crashed",
                                               "post-copy",
                                               "post-copy failed",
                                               NULL };
static const char *const paused_reasons[] = {
    "unknown",   "user",        "migrating",     "saving",           "dumping",
    "I/O error", "watchdog",    "from snapshot", "shutting down",    "creating snapshot",
    "crashed",   "starting up", "post-copy",     "post-copy failed", NULL
};
static const char *const shutdown_reasons[] = { "unknown", "user", NULL };
static const char *const shutoff_reasons[] = { "unknown",  "shutdown", "destroyed", "crashed",
                                               "migrated", "saved",    "failed",    "from snapshot",
                                               "daemon",   NULL };
static const char *const crashed_reasons[] = { "unknown", "panicked", NULL };
static const char *const *const reason_names[] = { no_reasons,       running_reasons,
                                                   no_reasons,       paused_reasons,
                                                   shutdown_reasons, shutoff_reasons,
                                                   crashed_reasons,  no_reasons };

const char *vmgr_domain_state_name(int state)
{
    return state >= 0 && (size_t)state < G_N_ELEMENTS(state_names) ? state_names[state]
                                                                   : state_names[0];
}

const char *vmgr_domain_reason_name(int state, int reason)
{
    if (state < 0 || (size_t)state >= G_N_ELEMENTS(reason_names) || reason < 0)
        return no_reasons[0];
    for (int i = 0; reason_names[state][i]; i++) {
        if (i == reason)
            return reason_names[state][i];
    }
    return no_reasons[0];
}
