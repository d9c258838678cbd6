/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest agent: the public calls, which check and pass on to the driver.
 */
#include "../driver/agent.h"

#include "operation.h"

struct vmgr_fs_info *vmgr__fs_info_new(const char *mountpoint, const char *name, const char *type,
                                       const char *const *devices)
{
    struct vmgr_fs_info *info = g_new0(struct vmgr_fs_info, 1);

    info->mountpoint = g_strdup(mountpoint);
    info->name = g_strdup(name);
    info->type = g_strdup(type);
    info->devices = (const char *const *)g_strdupv((char **)devices);
    return info;
}

void vmgr__fs_info_free(void *data)
{
    struct vmgr_fs_info *info = data;

    g_free((char *)info->mountpoint);
    g_free((char *)info->name);
    g_free((char *)info->type);
    g_strfreev((char **)info->devices);
    g_free(info);
}

struct vmgr_fs_info **vmgr_fs_infos_free(struct vmgr_fs_info **infos)
{
    for (struct vmgr_fs_info **i = infos; i && *i; i++)
        vmgr__fs_info_free(*i);
    g_free(infos);
    return NULL;
}

/* Begins a call: the driver has the operation, the connection may write, the flags are known. */
#define BEGIN(op, name, flags_, known)                                                             \
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);                                         \
                                                                                                   \
    if (!conn->driver->agent || !conn->driver->agent->op)                                          \
        return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", name);  \
    if (vmgr__need_write(conn, name, err) < 0 || vmgr__check_flags(flags_, known, name, err) < 0)  \
    return -1

static int check_timeout(int timeout_s, struct vmgr_error **err)
{
    if (timeout_s >= VMGR_AGENT_TIMEOUT_BLOCK && timeout_s <= VMGR_AGENT_TIMEOUT_MAX)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                           "guest agent timeout '%d' is less than the minimum '%d' or too long",
                           timeout_s, VMGR_AGENT_TIMEOUT_BLOCK);
}

/* An argument that must be there. */
static int need(const char *text, const char *what, struct vmgr_error **err)
{
    if (text)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no %s given", what);
}

int vmgr_domain_agent_command(struct vmgr_domain *domain, const char *command, int timeout_s,
                              uint32_t flags, char **ret_answer, struct vmgr_error **err)
{
    BEGIN(command, "virDomainQemuAgentCommand", flags, 0);

    *ret_answer = NULL;
    if (need(command, "command", err) < 0 || check_timeout(timeout_s, err) < 0)
        return -1;
    return conn->driver->agent->command(domain, command, timeout_s, ret_answer, err);
}

int vmgr_domain_agent_set_timeout(struct vmgr_domain *domain, int timeout_s, uint32_t flags,
                                  struct vmgr_error **err)
{
    BEGIN(set_timeout, "virDomainAgentSetResponseTimeout", flags, 0);

    if (check_timeout(timeout_s, err) < 0)
        return -1;
    return conn->driver->agent->set_timeout(domain, timeout_s, err);
}

int vmgr_domain_fs_freeze(struct vmgr_domain *domain, const char *const *mountpoints,
                          uint32_t count, uint32_t flags, struct vmgr_error **err)
{
    BEGIN(freeze, "virDomainFSFreeze", flags, 0);

    return conn->driver->agent->freeze(domain, mountpoints, count, err);
}

int vmgr_domain_fs_thaw(struct vmgr_domain *domain, const char *const *mountpoints, uint32_t count,
                        uint32_t flags, struct vmgr_error **err)
{
    BEGIN(thaw, "virDomainFSThaw", flags, 0);

    return conn->driver->agent->thaw(domain, mountpoints, count, err);
}

int vmgr_domain_fs_trim(struct vmgr_domain *domain, const char *mountpoint, uint64_t minimum,
                        uint32_t flags, struct vmgr_error **err)
{
    BEGIN(trim, "virDomainFSTrim", flags, 0);

    return conn->driver->agent->trim(domain, mountpoint, minimum, err);
}

int vmgr_domain_get_fs_info(struct vmgr_domain *domain, uint32_t flags,
                            struct vmgr_fs_info ***ret_infos, struct vmgr_error **err)
{
    GPtrArray *list;
    int n;

    BEGIN(get_fs_info, "virDomainGetFSInfo", flags, 0);

    list = g_ptr_array_new();
    n = conn->driver->agent->get_fs_info(domain, list, err);
    if (n == 0)
        n = (int)list->len;
    g_ptr_array_add(list, NULL);
    *ret_infos = (struct vmgr_fs_info **)g_ptr_array_free(list, FALSE);
    if (n < 0)
        *ret_infos = vmgr_fs_infos_free(*ret_infos);
    return n;
}

int vmgr_domain_get_time(struct vmgr_domain *domain, uint32_t flags, int64_t *ret_seconds,
                         uint32_t *ret_nanoseconds, struct vmgr_error **err)
{
    BEGIN(get_time, "virDomainGetTime", flags, 0);

    return conn->driver->agent->get_time(domain, ret_seconds, ret_nanoseconds, err);
}

int vmgr_domain_set_time(struct vmgr_domain *domain, int64_t seconds, uint32_t nanoseconds,
                         uint32_t flags, struct vmgr_error **err)
{
    BEGIN(set_time, "virDomainSetTime", flags, VMGR_DOMAIN_TIME_SYNC);

    if (nanoseconds >= 1000000000)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "nanoseconds '%u' are more than a second", nanoseconds);
    return conn->driver->agent->set_time(domain, seconds, nanoseconds, flags, err);
}

int vmgr_domain_get_hostname(struct vmgr_domain *domain, uint32_t flags, char **ret_hostname,
                             struct vmgr_error **err)
{
    BEGIN(get_hostname, "virDomainGetHostname", flags,
          VMGR_DOMAIN_HOSTNAME_LEASE | VMGR_DOMAIN_HOSTNAME_AGENT);

    return conn->driver->agent->get_hostname(domain, flags, ret_hostname, err);
}

/* The list becomes an array that ends with a NULL name, or is freed. */
static int end_list(GArray *list, int r, struct vmgr_stat **ret)
{
    if (r == 0)
        r = (int)list->len;
    *ret = (struct vmgr_stat *)(void *)g_array_free(list, FALSE);
    if (r < 0)
        *ret = vmgr_stats_free(*ret);
    return r;
}

int vmgr_domain_get_guest_info(struct vmgr_domain *domain, uint32_t types, uint32_t flags,
                               struct vmgr_stat **ret_info, struct vmgr_error **err)
{
    GArray *list;

    BEGIN(get_info, "virDomainGetGuestInfo", flags, 0);

    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    return end_list(list, conn->driver->agent->get_info(domain, types, list, err), ret_info);
}

int vmgr_domain_get_guest_vcpus(struct vmgr_domain *domain, uint32_t flags,
                                struct vmgr_stat **ret_info, struct vmgr_error **err)
{
    GArray *list;

    BEGIN(get_vcpus, "virDomainGetGuestVcpus", flags, 0);

    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    return end_list(list, conn->driver->agent->get_vcpus(domain, list, err), ret_info);
}

int vmgr_domain_set_guest_vcpus(struct vmgr_domain *domain, const char *cpus, int on,
                                uint32_t flags, struct vmgr_error **err)
{
    BEGIN(set_vcpus, "virDomainSetGuestVcpus", flags, 0);

    if (need(cpus, "list of vCPUs", err) < 0)
        return -1;
    return conn->driver->agent->set_vcpus(domain, cpus, on != 0, err);
}

int vmgr_domain_set_user_password(struct vmgr_domain *domain, const char *user,
                                  const char *password, uint32_t flags, struct vmgr_error **err)
{
    BEGIN(set_password, "virDomainSetUserPassword", flags, VMGR_DOMAIN_PASSWORD_ENCRYPTED);

    if (need(user, "user", err) < 0 || need(password, "password", err) < 0)
        return -1;
    return conn->driver->agent->set_password(domain, user, password, flags, err);
}

int vmgr_domain_get_ssh_keys(struct vmgr_domain *domain, const char *user, uint32_t flags,
                             char ***ret_keys, struct vmgr_error **err)
{
    GPtrArray *list;
    int n;

    BEGIN(get_keys, "virDomainAuthorizedSSHKeysGet", flags, 0);

    if (need(user, "user", err) < 0)
        return -1;
    list = g_ptr_array_new();
    n = conn->driver->agent->get_keys(domain, user, list, err);
    if (n == 0)
        n = (int)list->len;
    g_ptr_array_add(list, NULL);
    *ret_keys = (char **)g_ptr_array_free(list, FALSE);
    if (n < 0)
        *ret_keys = vmgr_strings_free(*ret_keys);
    return n;
}

int vmgr_domain_set_ssh_keys(struct vmgr_domain *domain, const char *user, const char *const *keys,
                             uint32_t count, uint32_t flags, struct vmgr_error **err)
{
    BEGIN(set_keys, "virDomainAuthorizedSSHKeysSet", flags,
          VMGR_DOMAIN_SSH_KEYS_APPEND | VMGR_DOMAIN_SSH_KEYS_REMOVE);

    if (need(user, "user", err) < 0)
        return -1;
    if (flags == (VMGR_DOMAIN_SSH_KEYS_APPEND | VMGR_DOMAIN_SSH_KEYS_REMOVE))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "keys are appended or removed, not both");
    if (flags && !count)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no keys given");
    return conn->driver->agent->set_keys(domain, user, keys, count, flags, err);
}
