/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about what of the host domains may use.
 *
 * Lists of parameters are asked for twice: with room for none, to learn how many there are, and
 * then for them.
 */
#include <string.h>
#include <vmgr/resources.h>

#include "internal.h"

#define STRING_OKAY 4u /* the client takes strings */
#define MAPS_MAX    (8u << 20)

/* ---- parameters ---- */

static void stats_free(void *stats)
{
    vmgr_stats_free(stats);
}

static void put_params(struct vmgr__call *call, const struct vmgr_stat *stats,
                       struct wire_typed_param **ret_v, uint32_t *ret_n)
{
    struct vmgr__params params;

    vmgr__params_init(&params, &call->arena);
    for (const struct vmgr_stat *s = stats; s->name; s++) {
        switch (s->type) {
        case VMGR_STAT_INT: vmgr__params_add_int(&params, (int32_t)s->number, "%s", s->name); break;
        case VMGR_STAT_UINT:
            vmgr__params_add_uint(&params, (uint32_t)s->number, "%s", s->name);
            break;
        case VMGR_STAT_LLONG:
            vmgr__params_add_llong(&params, (int64_t)s->number, "%s", s->name);
            break;
        case VMGR_STAT_STRING: vmgr__params_add_string(&params, s->text, "%s", s->name); break;
        default: vmgr__params_add_ullong(&params, s->number, "%s", s->name); break;
        }
    }
    *ret_v = vmgr__params_end(&params, ret_n);
}

/* ret_count: how many there are; NULL: the procedure does not say, and always wants them. */
static int get(struct vmgr__call *call, const struct wire_domain *wire, int resource,
               const char *target, int32_t room, uint32_t flags, struct wire_typed_param **ret_v,
               uint32_t *ret_n, int32_t *ret_count)
{
    struct vmgr_domain *dom = vmgr__call_domain(call, wire);
    struct vmgr_stat *stats;
    int count;

    if (!dom)
        return -1;
    count =
        vmgr_domain_get_resources(dom, resource, target, flags & ~STRING_OKAY, &stats, &call->err);
    if (count < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, stats, stats_free);
    put_params(call, stats, ret_v, ret_n);
    if (*ret_n > (uint32_t)MAX(room, 0))
        *ret_n = (uint32_t)MAX(room, 0);
    if (ret_count)
        *ret_count = room > 0 ? (int32_t)*ret_n : count;
    return 0;
}

static int set(struct vmgr__call *call, const struct wire_domain *wire, int resource,
               const char *target, const struct wire_typed_param *params, uint32_t n,
               uint32_t flags)
{
    struct vmgr_domain *dom = vmgr__call_domain(call, wire);
    struct vmgr_stat *stats =
        vmgr__arena_adopt(&call->arena, g_new0(struct vmgr_stat, n + 1), g_free);

    if (!dom)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const struct wire_value *v = &params[i].value;

        stats[i].name = params[i].field;
        stats[i].type = v->type;
        switch (v->type) {
        case WIRE_VALUE_INT: stats[i].number = (uint64_t)(int64_t)v->i; break;
        case WIRE_VALUE_UINT: stats[i].number = v->ui; break;
        case WIRE_VALUE_LLONG: stats[i].number = (uint64_t)v->l; break;
        case WIRE_VALUE_ULLONG: stats[i].number = v->ul; break;
        case WIRE_VALUE_STRING: stats[i].text = v->s; break;
        default:
            return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                                   "invalid argument: invalid type for parameter '%s'",
                                   params[i].field);
        }
    }
    return vmgr_domain_set_resources(dom, resource, target, stats, flags, &call->err);
}

#define GET(procedure, resource)                                                                   \
    static int get_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_domain_get_##procedure##_args *a = args;                                 \
        struct wire_domain_get_##procedure##_ret *r = ret;                                         \
                                                                                                   \
        return get(call, &a->dom, resource, NULL, a->nparams, a->flags, &r->params.v,              \
                   &r->params.n, &r->nparams);                                                     \
    }
GET(memory_parameters, VMGR_RESOURCE_MEMORY)
GET(blkio_parameters, VMGR_RESOURCE_BLKIO)
GET(numa_parameters, VMGR_RESOURCE_NUMA)

#define SET(procedure, resource)                                                                   \
    static int set_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_domain_set_##procedure##_args *a = args;                                 \
                                                                                                   \
        (void)ret;                                                                                 \
        return set(call, &a->dom, resource, NULL, a->params.v, a->params.n, a->flags);             \
    }
SET(memory_parameters, VMGR_RESOURCE_MEMORY)
SET(blkio_parameters, VMGR_RESOURCE_BLKIO)
SET(numa_parameters, VMGR_RESOURCE_NUMA)
SET(scheduler_parameters_flags, VMGR_RESOURCE_SCHEDULER)

static int get_scheduler_type(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_scheduler_type_args *a = args;
    struct wire_domain_get_scheduler_type_ret *r = ret;
    struct wire_typed_param *none;
    uint32_t n;

    r->type = vmgr__arena_strdup(&call->arena, "posix");
    return get(call, &a->dom, VMGR_RESOURCE_SCHEDULER, NULL, 0, 0, &none, &n, &r->nparams);
}

static int get_scheduler_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_scheduler_parameters_args *a = args;
    struct wire_domain_get_scheduler_parameters_ret *r = ret;

    return get(call, &a->dom, VMGR_RESOURCE_SCHEDULER, NULL, a->nparams, 0, &r->params.v,
               &r->params.n, NULL);
}

static int get_scheduler_parameters_flags(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_scheduler_parameters_flags_args *a = args;
    struct wire_domain_get_scheduler_parameters_flags_ret *r = ret;

    return get(call, &a->dom, VMGR_RESOURCE_SCHEDULER, NULL, a->nparams, a->flags, &r->params.v,
               &r->params.n, NULL);
}

static int set_scheduler_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_set_scheduler_parameters_args *a = args;

    (void)ret;
    return set(call, &a->dom, VMGR_RESOURCE_SCHEDULER, NULL, a->params.v, a->params.n, 0);
}

/* Without a disk it is how many parameters there are. */
static int get_block_io_tune(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_block_io_tune_args *a = args;
    struct wire_domain_get_block_io_tune_ret *r = ret;

    if (!a->disk) {
        r->nparams = 20;
        return vmgr__call_domain(call, &a->dom) ? 0 : -1;
    }
    return get(call, &a->dom, VMGR_RESOURCE_DISK, a->disk, a->nparams, a->flags, &r->params.v,
               &r->params.n, &r->nparams);
}

static int set_block_io_tune(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_set_block_io_tune_args *a = args;

    (void)ret;
    return set(call, &a->dom, VMGR_RESOURCE_DISK, a->disk, a->params.v, a->params.n, a->flags);
}

static int set_iothread_params(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_set_iothread_params_args *a = args;
    g_autofree char *id = g_strdup_printf("%u", a->iothread_id);

    (void)ret;
    return set(call, &a->dom, VMGR_RESOURCE_IOTHREAD, id, a->params.v, a->params.n, a->flags);
}

/* ---- pins ---- */

struct pins {
    struct vmgr_pin *list;
    size_t count;
};

static void pins_free(void *data)
{
    struct pins *p = data;

    vmgr_pins_free(p->list, p->count);
    g_free(p);
}

/* They live as long as the call. */
static const struct pins *pins_of(struct vmgr__call *call, struct vmgr_domain *dom, int kind,
                                  uint32_t flags)
{
    struct vmgr_pin *list;
    struct pins *p;
    int n = vmgr_domain_get_pins(dom, kind, flags, &list, &call->err);

    if (n < 0)
        return NULL;
    p = g_new0(struct pins, 1);
    *p = (struct pins){ list, (size_t)n };
    return vmgr__arena_adopt(&call->arena, p, pins_free);
}

/* As many maps as there is room for, of maplen bytes each. */
static int put_maps(struct vmgr__call *call, const struct pins *pins, int32_t room, int32_t maplen,
                    uint8_t **ret_v, uint32_t *ret_n, int32_t *ret_count)
{
    const size_t count = MIN(pins->count, (size_t)MAX(room, 0));

    if (maplen < 0 || (uint64_t)maplen * count > MAPS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                               "invalid argument: %d maps of %d bytes are too many", room, maplen);
    *ret_n = (uint32_t)(count * (size_t)maplen);
    *ret_v = vmgr__arena_adopt(&call->arena, g_malloc0(*ret_n + 1), g_free);
    for (size_t i = 0; i < count; i++) {
        if (pins->list[i].size) /* a map of nothing has no bytes */
            memcpy(*ret_v + i * (size_t)maplen, pins->list[i].cpus,
                   MIN(pins->list[i].size, (size_t)maplen));
    }
    *ret_count = (int32_t)count;
    return 0;
}

static int get_vcpu_pin_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_vcpu_pin_info_args *a = args;
    struct wire_domain_get_vcpu_pin_info_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    const struct pins *pins = dom ? pins_of(call, dom, VMGR_PIN_VCPU, a->flags) : NULL;

    return pins
               ? put_maps(call, pins, a->ncpumaps, a->maplen, &r->cpumaps.v, &r->cpumaps.n, &r->num)
               : -1;
}

static int get_emulator_pin_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_emulator_pin_info_args *a = args;
    struct wire_domain_get_emulator_pin_info_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    const struct pins *pins = dom ? pins_of(call, dom, VMGR_PIN_EMULATOR, a->flags) : NULL;

    return pins ? put_maps(call, pins, 1, a->maplen, &r->cpumaps.v, &r->cpumaps.n, &r->ret) : -1;
}

static int get_iothread_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_iothread_info_args *a = args;
    struct wire_domain_get_iothread_info_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    const struct pins *pins = dom ? pins_of(call, dom, VMGR_PIN_IOTHREAD, a->flags) : NULL;

    if (!pins)
        return -1;
    r->ret = r->info.n = (uint32_t)pins->count;
    r->info.v = vmgr__arena_adopt(
        &call->arena, g_new0(struct wire_domain_iothread_info, pins->count + 1), g_free);
    for (size_t i = 0; i < pins->count; i++) {
        r->info.v[i].iothread_id = pins->list[i].id;
        r->info.v[i].cpumap.n = pins->list[i].size;
        r->info.v[i].cpumap.v = (uint8_t *)pins->list[i].cpus;
    }
    return 0;
}

#define PIN(procedure, kind, id, flags)                                                            \
    static int procedure(struct vmgr__call *call, const void *args, void *ret)                     \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? vmgr_domain_set_pin(dom, kind, id, a->cpumap.v, a->cpumap.n, flags,           \
                                         &call->err)                                               \
                   : -1;                                                                           \
    }
PIN(pin_vcpu, VMGR_PIN_VCPU, a->vcpu, VMGR_DOMAIN_AFFECT_LIVE)
PIN(pin_vcpu_flags, VMGR_PIN_VCPU, a->vcpu, a->flags)
PIN(pin_emulator, VMGR_PIN_EMULATOR, 0, a->flags)
PIN(pin_iothread, VMGR_PIN_IOTHREAD, a->iothreads_id, a->flags)

static int change_iothread(struct vmgr__call *call, const void *args, int there)
{
    const struct wire_domain_add_iothread_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    return dom ? vmgr_domain_set_iothread(dom, a->iothread_id, there, a->flags, &call->err) : -1;
}

static int add_iothread(struct vmgr__call *call, const void *args, void *ret)
{
    (void)ret;
    return change_iothread(call, args, 1);
}

static int del_iothread(struct vmgr__call *call, const void *args, void *ret)
{
    (void)ret;
    return change_iothread(call, args, 0);
}

/* ---- figures ---- */

static int get_vcpus(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_vcpus_args *a = args;
    struct wire_domain_get_vcpus_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_vcpu_info *info;
    const struct pins *pins;
    int32_t count;
    int n = dom ? vmgr_domain_get_vcpu_info(dom, &info, &call->err) : -1;

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, info, g_free);
    n = MIN(n, MAX(a->maxinfo, 0));
    r->info.n = (uint32_t)n;
    r->info.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_vcpu_info, (size_t)n + 1), g_free);
    for (int i = 0; i < n; i++)
        r->info.v[i] = (struct wire_vcpu_info){ info[i].number, info[i].state, info[i].cpu_time_ns,
                                                info[i].cpu };
    if (a->maplen <= 0)
        return 0;
    pins = pins_of(call, dom, VMGR_PIN_VCPU, 0);
    return pins ? put_maps(call, pins, n, a->maplen, &r->cpumaps.v, &r->cpumaps.n, &count) : -1;
}

/* Figures of several CPUs stand one after the other, each in as many places. */
static int get_cpu_stats(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_cpu_stats_args *a = args;
    struct wire_domain_get_cpu_stats_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_node_info node = VMGR_NODE_INFO_INIT;
    struct vmgr_stat *stats;
    int n;

    if (!dom)
        return -1;
    if (a->flags & ~STRING_OKAY)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                               "invalid argument: unsupported flags (0x%x) in function "
                               "domain_get_cpu_stats",
                               a->flags);
    if (a->ncpus == 0) { /* how many host CPUs there are */
        if (vmgr_conn_get_node_info(call->conn, &node, &call->err) < 0)
            return -1;
        r->nparams = (int32_t)node.cpus;
        return 0;
    }
    if (a->ncpus != 1)
        return vmgr__call_fail(call, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_QEMU,
                               "Operation not supported: figures of single host CPUs are not "
                               "kept, only the total");
    n = vmgr_domain_get_cpu_stats(dom, a->start_cpu, &stats, &call->err);
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, stats, stats_free);
    put_params(call, stats, &r->params.v, &r->params.n);
    r->nparams = (int32_t)r->params.n;
    r->params.n = MIN(r->params.n, a->nparams);
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_resource[] = {
    { WIRE_DOMAIN_GET_SCHEDULER_TYPE, get_scheduler_type, 0 },
    { WIRE_DOMAIN_GET_SCHEDULER_PARAMETERS, get_scheduler_parameters, 0 },
    { WIRE_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS, get_scheduler_parameters_flags, 0 },
    { WIRE_DOMAIN_SET_SCHEDULER_PARAMETERS, set_scheduler_parameters, 0 },
    { WIRE_DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS, set_scheduler_parameters_flags, 0 },
    { WIRE_DOMAIN_GET_MEMORY_PARAMETERS, get_memory_parameters, 0 },
    { WIRE_DOMAIN_SET_MEMORY_PARAMETERS, set_memory_parameters, 0 },
    { WIRE_DOMAIN_GET_BLKIO_PARAMETERS, get_blkio_parameters, 0 },
    { WIRE_DOMAIN_SET_BLKIO_PARAMETERS, set_blkio_parameters, 0 },
    { WIRE_DOMAIN_GET_NUMA_PARAMETERS, get_numa_parameters, 0 },
    { WIRE_DOMAIN_SET_NUMA_PARAMETERS, set_numa_parameters, 0 },
    { WIRE_DOMAIN_GET_BLOCK_IO_TUNE, get_block_io_tune, 0 },
    { WIRE_DOMAIN_SET_BLOCK_IO_TUNE, set_block_io_tune, 0 },
    { WIRE_DOMAIN_GET_VCPUS, get_vcpus, 0 },
    { WIRE_DOMAIN_GET_VCPU_PIN_INFO, get_vcpu_pin_info, 0 },
    { WIRE_DOMAIN_PIN_VCPU, pin_vcpu, 0 },
    { WIRE_DOMAIN_PIN_VCPU_FLAGS, pin_vcpu_flags, 0 },
    { WIRE_DOMAIN_GET_EMULATOR_PIN_INFO, get_emulator_pin_info, 0 },
    { WIRE_DOMAIN_PIN_EMULATOR, pin_emulator, 0 },
    { WIRE_DOMAIN_GET_IOTHREAD_INFO, get_iothread_info, 0 },
    { WIRE_DOMAIN_PIN_IOTHREAD, pin_iothread, 0 },
    { WIRE_DOMAIN_ADD_IOTHREAD, add_iothread, 0 },
    { WIRE_DOMAIN_DEL_IOTHREAD, del_iothread, 0 },
    { WIRE_DOMAIN_SET_IOTHREAD_PARAMS, set_iothread_params, 0 },
    { WIRE_DOMAIN_GET_CPU_STATS, get_cpu_stats, 0 },
    { 0, NULL, 0 },
};
