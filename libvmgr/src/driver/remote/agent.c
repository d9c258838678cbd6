/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents and monitors of guests behind a server.
 */
#include "../agent.h"

#include "remote.h"

#define CALL(procedure, args, ret, reply)                                                          \
    vmgr__remote_call(remote_of(dom), procedure, args, ret, reply, err)

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

static int agent_command(struct vmgr_domain *dom, const char *command, int timeout_s, char **ret,
                         struct vmgr_error **err)
{
    const struct wire_qemu_domain_agent_command_args args = { .dom = vmgr__remote_domain(dom),
                                                              .cmd = (char *)command,
                                                              .timeout = timeout_s };
    struct wire_qemu_domain_agent_command_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call_qemu(remote_of(dom), WIRE_QEMU_DOMAIN_AGENT_COMMAND, &args,
                                              &out, &reply, err);

    if (result == 0)
        *ret = g_strdup(out.result);
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_monitor_command(struct vmgr_domain *dom, const char *command, uint32_t flags,
                                 char **ret, struct vmgr_error **err)
{
    const struct wire_qemu_domain_monitor_command_args args = { .dom = vmgr__remote_domain(dom),
                                                                .cmd = (char *)command,
                                                                .flags = flags };
    struct wire_qemu_domain_monitor_command_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call_qemu(remote_of(dom), WIRE_QEMU_DOMAIN_MONITOR_COMMAND,
                                              &args, &out, &reply, err);

    if (result == 0)
        *ret = g_strdup(out.result);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int set_timeout(struct vmgr_domain *dom, int timeout_s, struct vmgr_error **err)
{
    const struct wire_domain_agent_set_response_timeout_args args = { .dom =
                                                                          vmgr__remote_domain(dom),
                                                                      .timeout = timeout_s };

    return vmgr__remote_number(remote_of(dom), WIRE_DOMAIN_AGENT_SET_RESPONSE_TIMEOUT, &args, err) <
                   0
               ? -1
               : 0;
}

/* Both procedures take and give the same. */
static int freeze_or_thaw(struct vmgr_domain *dom, int32_t procedure,
                          const char *const *mountpoints, uint32_t count, struct vmgr_error **err)
{
    const struct wire_domain_fsfreeze_args args = {
        .dom = vmgr__remote_domain(dom),
        .mountpoints = { .n = count, .v = (char **)mountpoints },
    };

    return vmgr__remote_number(remote_of(dom), procedure, &args, err);
}

static int freeze(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                  struct vmgr_error **err)
{
    return freeze_or_thaw(dom, WIRE_DOMAIN_FSFREEZE, mountpoints, count, err);
}

static int thaw(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                struct vmgr_error **err)
{
    return freeze_or_thaw(dom, WIRE_DOMAIN_FSTHAW, mountpoints, count, err);
}

static int trim(struct vmgr_domain *dom, const char *mountpoint, uint64_t minimum,
                struct vmgr_error **err)
{
    char *at = (char *)mountpoint;
    const struct wire_domain_fstrim_args args = { .dom = vmgr__remote_domain(dom),
                                                  .mount_point = at,
                                                  .minimum = minimum };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_FSTRIM, &args, err);
}

static int get_fs_info(struct vmgr_domain *dom, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_domain_get_fsinfo_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_fsinfo_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = CALL(WIRE_DOMAIN_GET_FSINFO, &args, &out, &reply);

    for (uint32_t i = 0; result == 0 && i < out.info.n; i++) {
        const struct wire_domain_fsinfo *fs = &out.info.v[i];
        g_autoptr(GPtrArray) devices = g_ptr_array_new();

        for (uint32_t j = 0; j < fs->dev_aliases.n; j++)
            g_ptr_array_add(devices, fs->dev_aliases.v[j]);
        g_ptr_array_add(devices, NULL);
        g_ptr_array_add(ret, vmgr__fs_info_new(fs->mountpoint, fs->name, fs->fstype,
                                               (const char *const *)devices->pdata));
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_time(struct vmgr_domain *dom, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                    struct vmgr_error **err)
{
    const struct wire_domain_get_time_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_time_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = CALL(WIRE_DOMAIN_GET_TIME, &args, &out, &reply);

    if (result == 0) {
        *ret_seconds = out.seconds;
        *ret_nanoseconds = out.nseconds;
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int set_time(struct vmgr_domain *dom, int64_t seconds, uint32_t nanoseconds, uint32_t flags,
                    struct vmgr_error **err)
{
    const struct wire_domain_set_time_args args = {
        .dom = vmgr__remote_domain(dom), .seconds = seconds, .nseconds = nanoseconds, .flags = flags
    };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_TIME, &args, err);
}

static int get_hostname(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err)
{
    const struct wire_domain_get_hostname_args args = { .dom = vmgr__remote_domain(dom),
                                                        .flags = flags };

    return vmgr__remote_text(remote_of(dom), WIRE_DOMAIN_GET_HOSTNAME, &args, ret, err);
}

/* Adds what a procedure gives, a list of parameters and nothing else. */
static int add_params(struct vmgr_domain *dom, int32_t procedure, const void *args, GArray *ret,
                      struct vmgr_error **err)
{
    struct wire_domain_get_guest_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = CALL(procedure, args, &out, &reply);

    for (uint32_t i = 0; result == 0 && i < out.params.n; i++)
        vmgr__remote_add_stat(ret, &out.params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_info(struct vmgr_domain *dom, uint32_t types, GArray *ret, struct vmgr_error **err)
{
    const struct wire_domain_get_guest_info_args args = { .dom = vmgr__remote_domain(dom),
                                                          .types = types };

    return add_params(dom, WIRE_DOMAIN_GET_GUEST_INFO, &args, ret, err);
}

static int get_vcpus(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    const struct wire_domain_get_guest_vcpus_args args = { .dom = vmgr__remote_domain(dom) };

    return add_params(dom, WIRE_DOMAIN_GET_GUEST_VCPUS, &args, ret, err);
}

static int set_vcpus(struct vmgr_domain *dom, const char *cpus, bool on, struct vmgr_error **err)
{
    const struct wire_domain_set_guest_vcpus_args args = { .dom = vmgr__remote_domain(dom),
                                                           .cpumap = (char *)cpus,
                                                           .state = on };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_GUEST_VCPUS, &args, err);
}

static int set_password(struct vmgr_domain *dom, const char *user, const char *password,
                        uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_set_user_password_args args = { .dom = vmgr__remote_domain(dom),
                                                             .user = (char *)user,
                                                             .password = (char *)password,
                                                             .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_USER_PASSWORD, &args, err);
}

static int get_keys(struct vmgr_domain *dom, const char *user, GPtrArray *ret,
                    struct vmgr_error **err)
{
    const struct wire_domain_authorized_ssh_keys_get_args args = { .dom = vmgr__remote_domain(dom),
                                                                   .user = (char *)user };
    struct wire_domain_authorized_ssh_keys_get_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = CALL(WIRE_DOMAIN_AUTHORIZED_SSH_KEYS_GET, &args, &out, &reply);

    for (uint32_t i = 0; result == 0 && i < out.keys.n; i++)
        g_ptr_array_add(ret, g_strdup(out.keys.v[i]));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int set_keys(struct vmgr_domain *dom, const char *user, const char *const *keys,
                    uint32_t count, uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_authorized_ssh_keys_set_args args = {
        .dom = vmgr__remote_domain(dom),
        .user = (char *)user,
        .keys = { .n = count, .v = (char **)keys },
        .flags = flags,
    };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_AUTHORIZED_SSH_KEYS_SET, &args, err);
}

const struct vmgr__agent_ops vmgr__remote_agent = {
    .command = agent_command,
    .set_timeout = set_timeout,
    .freeze = freeze,
    .thaw = thaw,
    .trim = trim,
    .get_fs_info = get_fs_info,
    .get_time = get_time,
    .set_time = set_time,
    .get_hostname = get_hostname,
    .get_info = get_info,
    .get_vcpus = get_vcpus,
    .set_vcpus = set_vcpus,
    .set_password = set_password,
    .get_keys = get_keys,
    .set_keys = set_keys,
};
