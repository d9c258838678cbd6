/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: what of its host they may use.
 */
#include "../resource.h"

#include <stdlib.h>
#include <string.h>

#include "../stats.h"
#include "remote.h"

#define PARAMS_MAX  64    /* what is asked for at most */
#define MAP_BYTES   2048u /* of CPUs */
#define STRING_OKAY 4u    /* this client takes strings */

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

static void add_param(GArray *ret, const struct wire_typed_param *p)
{
    switch (p->value.type) {
    case WIRE_VALUE_STRING: vmgr__stat_add_text(ret, p->value.s, "%s", p->field); break;
    case WIRE_VALUE_INT:
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)(int64_t)p->value.i, "%s", p->field);
        break;
    case WIRE_VALUE_UINT: vmgr__stat_add(ret, VMGR_STAT_UINT, p->value.ui, "%s", p->field); break;
    case WIRE_VALUE_LLONG:
        vmgr__stat_add(ret, VMGR_STAT_LLONG, (uint64_t)p->value.l, "%s", p->field);
        break;
    case WIRE_VALUE_ULLONG:
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, p->value.ul, "%s", p->field);
        break;
    default: break; /* none of these figures is a fraction or a truth value */
    }
}

/* For g_free(); strings are borrowed. */
static struct wire_typed_param *make_params(const struct vmgr_stat *params, uint32_t *ret_n)
{
    struct wire_typed_param *list;

    for (*ret_n = 0; params[*ret_n].name;)
        ++*ret_n;
    list = g_new0(struct wire_typed_param, *ret_n + 1);
    for (uint32_t i = 0; i < *ret_n; i++) {
        const struct vmgr_stat *s = &params[i];

        list[i].field = (char *)s->name;
        list[i].value.type = s->type;
        switch (s->type) {
        case VMGR_STAT_INT: list[i].value.i = (int32_t)s->number; break;
        case VMGR_STAT_UINT: list[i].value.ui = (uint32_t)s->number; break;
        case VMGR_STAT_LLONG: list[i].value.l = (int64_t)s->number; break;
        case VMGR_STAT_STRING: list[i].value.s = (char *)s->text; break;
        default: list[i].value.ul = s->number; break;
        }
    }
    return list;
}

/* Those that differ in nothing but the procedure. */
static const struct {
    int32_t get, set;
} procedures[] = {
    [VMGR_RESOURCE_SCHEDULER] = { WIRE_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS,
                                  WIRE_DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS },
    [VMGR_RESOURCE_MEMORY] = { WIRE_DOMAIN_GET_MEMORY_PARAMETERS,
                               WIRE_DOMAIN_SET_MEMORY_PARAMETERS },
    [VMGR_RESOURCE_BLKIO] = { WIRE_DOMAIN_GET_BLKIO_PARAMETERS, WIRE_DOMAIN_SET_BLKIO_PARAMETERS },
    [VMGR_RESOURCE_NUMA] = { WIRE_DOMAIN_GET_NUMA_PARAMETERS, WIRE_DOMAIN_SET_NUMA_PARAMETERS },
};

/* The protocol allows 16 parameters of most kinds, and a server wants to be asked for as many as it
 * has: the first question is how many. */
static int get_list(struct vmgr_domain *dom, int32_t procedure, uint32_t flags, GArray *ret,
                    struct vmgr_error **err)
{
    struct wire_domain_get_memory_parameters_args args = { .dom = vmgr__remote_domain(dom),
                                                           .flags = flags | STRING_OKAY };
    struct wire_domain_get_memory_parameters_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result = 0;

    if (procedure == WIRE_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS) {
        const struct wire_domain_get_scheduler_type_args type = { .dom = args.dom };
        struct wire_domain_get_scheduler_type_ret count = { 0 };

        result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_SCHEDULER_TYPE, &type, &count,
                                   &reply, err);
        args.nparams = count.nparams;
    } else {
        result = vmgr__remote_call(remote_of(dom), procedure, &args, &out, &reply, err);
        args.nparams = out.nparams;
    }
    vmgr__remote_reply_clear(&reply);
    if (result < 0 || args.nparams <= 0)
        return result;
    reply = (struct vmgr__remote_reply)VMGR__REMOTE_REPLY_INIT;
    out = (struct wire_domain_get_memory_parameters_ret){ .nparams = 0 };
    args.nparams = MIN(args.nparams, PARAMS_MAX);
    result = vmgr__remote_call(remote_of(dom), procedure, &args, &out, &reply, err);
    for (uint32_t i = 0; result == 0 && i < out.params.n; i++)
        add_param(ret, &out.params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_disk(struct vmgr_domain *dom, const char *disk, uint32_t flags, GArray *ret,
                    struct vmgr_error **err)
{
    struct wire_domain_get_block_io_tune_args args = { .dom = vmgr__remote_domain(dom),
                                                       .flags = flags | STRING_OKAY };
    struct wire_domain_get_block_io_tune_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_BLOCK_IO_TUNE, &args, &out, &reply, err);

    args.nparams = out.nparams;
    args.disk = (char *)disk;
    vmgr__remote_reply_clear(&reply);
    if (result < 0)
        return result;
    reply = (struct vmgr__remote_reply)VMGR__REMOTE_REPLY_INIT;
    out = (struct wire_domain_get_block_io_tune_ret){ .nparams = 0 };
    result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_BLOCK_IO_TUNE, &args, &out, &reply, err);
    for (uint32_t i = 0; result == 0 && i < out.params.n; i++)
        add_param(ret, &out.params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get(struct vmgr_domain *dom, int resource, const char *target, uint32_t flags,
               GArray *ret, struct vmgr_error **err)
{
    if (resource == VMGR_RESOURCE_DISK)
        return get_disk(dom, target, flags, ret, err);
    return get_list(dom, procedures[resource].get, flags, ret, err);
}

static int set(struct vmgr_domain *dom, int resource, const char *target,
               const struct vmgr_stat *params, uint32_t flags, struct vmgr_error **err)
{
    uint32_t n;
    g_autofree struct wire_typed_param *list = make_params(params, &n);
    const struct wire_domain any = vmgr__remote_domain(dom);

    if (resource == VMGR_RESOURCE_DISK) {
        const struct wire_domain_set_block_io_tune_args args = {
            .dom = any, .disk = (char *)target, .params = { n, list }, .flags = flags
        };

        return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_BLOCK_IO_TUNE, &args, err);
    }
    if (resource == VMGR_RESOURCE_IOTHREAD) {
        const struct wire_domain_set_iothread_params_args args = { .dom = any,
                                                                   .iothread_id = (uint32_t)strtoul(
                                                                       target, NULL, 10),
                                                                   .params = { n, list },
                                                                   .flags = flags };

        return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_IOTHREAD_PARAMS, &args, err);
    }
    {
        const struct wire_domain_set_memory_parameters_args args = { .dom = any,
                                                                     .params = { n, list },
                                                                     .flags = flags };

        return vmgr__remote_do(remote_of(dom), procedures[resource].set, &args, err);
    }
}

/* ---- pins ---- */

static int count_cpus(struct vmgr_domain *dom, uint32_t *ret, struct vmgr_error **err)
{
    struct vmgr_node_info info = VMGR_NODE_INFO_INIT;
    struct vmgr_conn *conn = vmgr_domain_get_conn(dom);

    if (conn->driver->get_node_info(conn, &info, err) < 0)
        return -1;
    *ret = MAX(info.cpus, info.nodes * info.sockets * info.cores * info.threads);
    return 0;
}

/* How many vCPUs there can be where these flags look. */
static int count_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    return vmgr_domain_get_vcpus(dom, flags | VMGR_DOMAIN_VCPU_MAXIMUM, err);
}

static int get_vcpu_pins(struct vmgr_domain *dom, uint32_t bytes, uint32_t flags, GArray *ret,
                         struct vmgr_error **err)
{
    const int count = count_vcpus(dom, flags, err);
    const struct wire_domain_get_vcpu_pin_info_args args = {
        .dom = vmgr__remote_domain(dom), .ncpumaps = count, .maplen = (int32_t)bytes, .flags = flags
    };
    struct wire_domain_get_vcpu_pin_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result;

    if (count < 0)
        return -1;
    result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_VCPU_PIN_INFO, &args, &out, &reply, err);
    for (uint32_t i = 0; result == 0 && (int32_t)i < out.num && (i + 1) * bytes <= out.cpumaps.n;
         i++)
        vmgr__pin_add(ret, i, out.cpumaps.v + i * bytes, bytes);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_emulator_pin(struct vmgr_domain *dom, uint32_t bytes, uint32_t flags, GArray *ret,
                            struct vmgr_error **err)
{
    const struct wire_domain_get_emulator_pin_info_args args = { .dom = vmgr__remote_domain(dom),
                                                                 .maplen = (int32_t)bytes,
                                                                 .flags = flags };
    struct wire_domain_get_emulator_pin_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_EMULATOR_PIN_INFO, &args,
                                         &out, &reply, err);

    if (result == 0 && out.cpumaps.n)
        vmgr__pin_add(ret, 0, out.cpumaps.v, MIN(out.cpumaps.n, bytes));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_iothread_pins(struct vmgr_domain *dom, uint32_t flags, GArray *ret,
                             struct vmgr_error **err)
{
    const struct wire_domain_get_iothread_info_args args = { .dom = vmgr__remote_domain(dom),
                                                             .flags = flags };
    struct wire_domain_get_iothread_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_IOTHREAD_INFO, &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.info.n; i++)
        vmgr__pin_add(ret, out.info.v[i].iothread_id, out.info.v[i].cpumap.v,
                      out.info.v[i].cpumap.n);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_pins(struct vmgr_domain *dom, int kind, uint32_t flags, GArray *ret,
                    struct vmgr_error **err)
{
    uint32_t cpus, bytes;

    if (kind == VMGR_PIN_IOTHREAD)
        return get_iothread_pins(dom, flags, ret, err);
    if (count_cpus(dom, &cpus, err) < 0)
        return -1;
    /* At least one, whatever the server says: maps of nothing there could be any number of. */
    bytes = CLAMP(cpus / 8 + (cpus % 8 != 0), 1, MAP_BYTES);
    return kind == VMGR_PIN_EMULATOR ? get_emulator_pin(dom, bytes, flags, ret, err)
                                     : get_vcpu_pins(dom, bytes, flags, ret, err);
}

static int set_pin(struct vmgr_domain *dom, int kind, uint32_t id, const uint8_t *cpus, size_t size,
                   uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_pin_vcpu_flags_args args = { .dom = vmgr__remote_domain(dom),
                                                          .vcpu = id,
                                                          .cpumap = { (uint32_t)size,
                                                                      (uint8_t *)cpus },
                                                          .flags = flags };
    const struct wire_domain_pin_emulator_args emulator = {
        .dom = args.dom, .cpumap = { args.cpumap.n, args.cpumap.v }, .flags = flags
    };

    if (kind == VMGR_PIN_EMULATOR)
        return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_PIN_EMULATOR, &emulator, err);
    return vmgr__remote_do(
        remote_of(dom),
        kind == VMGR_PIN_VCPU ? WIRE_DOMAIN_PIN_VCPU_FLAGS : WIRE_DOMAIN_PIN_IOTHREAD, &args, err);
}

/* ---- figures ---- */

static int get_vcpu_info(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    const int count = count_vcpus(dom, VMGR_DOMAIN_AFFECT_LIVE, err);
    const struct wire_domain_get_vcpus_args args = { .dom = vmgr__remote_domain(dom),
                                                     .maxinfo = count };
    struct wire_domain_get_vcpus_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result;

    if (count < 0)
        return -1;
    result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_VCPUS, &args, &out, &reply, err);
    for (uint32_t i = 0; result == 0 && i < out.info.n; i++) {
        const struct wire_vcpu_info *w = &out.info.v[i];
        const struct vmgr_vcpu_info info = {
            .number = w->number, .state = w->state, .cpu_time_ns = w->cpu_time, .cpu = w->cpu
        };

        g_array_append_val(ret, info);
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_cpu_stats(struct vmgr_domain *dom, int cpu, GArray *ret, struct vmgr_error **err)
{
    struct wire_domain_get_cpu_stats_args args = {
        .dom = vmgr__remote_domain(dom), .start_cpu = cpu, .ncpus = 1, .flags = 0
    };
    struct wire_domain_get_cpu_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result =
        vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_CPU_STATS, &args, &out, &reply, err);

    args.nparams = (uint32_t)MAX(out.nparams, 0);
    vmgr__remote_reply_clear(&reply);
    if (result < 0)
        return result;
    reply = (struct vmgr__remote_reply)VMGR__REMOTE_REPLY_INIT;
    out = (struct wire_domain_get_cpu_stats_ret){ .nparams = 0 };
    result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_CPU_STATS, &args, &out, &reply, err);
    for (uint32_t i = 0; result == 0 && i < out.params.n; i++)
        add_param(ret, &out.params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int set_iothread(struct vmgr_domain *dom, uint32_t id, bool there, uint32_t flags,
                        struct vmgr_error **err)
{
    const struct wire_domain_add_iothread_args args = { .dom = vmgr__remote_domain(dom),
                                                        .iothread_id = id,
                                                        .flags = flags };

    return vmgr__remote_do(remote_of(dom),
                           there ? WIRE_DOMAIN_ADD_IOTHREAD : WIRE_DOMAIN_DEL_IOTHREAD, &args, err);
}

const struct vmgr__resource_ops vmgr__remote_resource = {
    .get = get,
    .set = set,
    .get_pins = get_pins,
    .set_pin = set_pin,
    .get_vcpu_info = get_vcpu_info,
    .get_cpu_stats = get_cpu_stats,
    .set_iothread = set_iothread,
};
