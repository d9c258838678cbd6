/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: their devices, sizes and statistics.
 *
 * Flags mean what they mean to the server: without one it chooses between the guest that runs and
 * the definition, so the procedures with flags are used throughout. The others mean "live".
 */
#include "../stats.h"
#include "remote.h"

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

/* Procedures whose arguments are a domain, a text and flags. */
static int send_text(struct vmgr_domain *dom, int32_t procedure, const char *text, uint32_t flags,
                     struct vmgr_error **err)
{
    const struct wire_domain_attach_device_flags_args args = { .dom = vmgr__remote_domain(dom),
                                                               .xml = (char *)text,
                                                               .flags = flags };

    return vmgr__remote_do(remote_of(dom), procedure, &args, err);
}

int vmgr__remote_domain_attach_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err)
{
    return send_text(dom, WIRE_DOMAIN_ATTACH_DEVICE_FLAGS, xml, flags, err);
}

int vmgr__remote_domain_detach_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err)
{
    return send_text(dom, WIRE_DOMAIN_DETACH_DEVICE_FLAGS, xml, flags, err);
}

int vmgr__remote_domain_detach_alias(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                                     struct vmgr_error **err)
{
    return send_text(dom, WIRE_DOMAIN_DETACH_DEVICE_ALIAS, alias, flags, err);
}

int vmgr__remote_domain_update_device(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                                      struct vmgr_error **err)
{
    return send_text(dom, WIRE_DOMAIN_UPDATE_DEVICE_FLAGS, xml, flags, err);
}

int vmgr__remote_domain_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                                   struct vmgr_error **err)
{
    const struct wire_domain_set_memory_flags_args args = { .dom = vmgr__remote_domain(dom),
                                                            .memory = kib,
                                                            .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_MEMORY_FLAGS, &args, err);
}

int vmgr__remote_domain_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                                  struct vmgr_error **err)
{
    const struct wire_domain_set_vcpus_flags_args args = { .dom = vmgr__remote_domain(dom),
                                                           .nvcpus = count,
                                                           .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_VCPUS_FLAGS, &args, err);
}

int vmgr__remote_domain_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type,
                                             uint32_t action, uint32_t flags,
                                             struct vmgr_error **err)
{
    const struct wire_domain_set_lifecycle_action_args args = { .dom = vmgr__remote_domain(dom),
                                                                .type = type,
                                                                .action = action,
                                                                .flags = flags };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data,
                           WIRE_DOMAIN_SET_LIFECYCLE_ACTION, &args, err);
}

int vmgr__remote_domain_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there,
                                 uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_set_vcpu_args args = { .dom = vmgr__remote_domain(dom),
                                                    .cpumap = (char *)vcpus,
                                                    .state = there,
                                                    .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_VCPU, &args, err);
}

int vmgr__remote_domain_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                         struct vmgr_error **err)
{
    const struct wire_domain_set_memory_stats_period_args args = { .dom = vmgr__remote_domain(dom),
                                                                   .period = period,
                                                                   .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_MEMORY_STATS_PERIOD, &args, err);
}

int vmgr__remote_domain_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err)
{
    const struct wire_domain_inject_nmi_args args = { .dom = vmgr__remote_domain(dom) };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_INJECT_NMI, &args, err);
}

void vmgr__remote_add_stat(GArray *list, const struct wire_typed_param *p)
{
    switch (p->value.type) {
    case WIRE_VALUE_STRING: vmgr__stat_add_text(list, p->value.s, "%s", p->field); break;
    case WIRE_VALUE_INT:
        vmgr__stat_add(list, VMGR_STAT_INT, (uint64_t)(int64_t)p->value.i, "%s", p->field);
        break;
    case WIRE_VALUE_UINT: vmgr__stat_add(list, VMGR_STAT_UINT, p->value.ui, "%s", p->field); break;
    case WIRE_VALUE_ULLONG:
        vmgr__stat_add(list, VMGR_STAT_ULLONG, p->value.ul, "%s", p->field);
        break;
    case WIRE_VALUE_BOOLEAN:
        vmgr__stat_add(list, VMGR_STAT_BOOLEAN, p->value.b != 0, "%s", p->field);
        break;
    case WIRE_VALUE_LLONG:
        /* No type for it here: what fits is told, of figures below zero there are none. */
        if (p->value.l >= 0)
            vmgr__stat_add(list, VMGR_STAT_ULLONG, (uint64_t)p->value.l, "%s", p->field);
        break;
    default: break; /* fractions: none of a domain's figures is one */
    }
}

int vmgr__remote_domain_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags,
                                  GArray *ret, struct vmgr_error **err)
{
    struct wire_domain wire = vmgr__remote_domain(dom);
    /* The server knows what "all" is; asked for by name, a group could be refused. */
    const struct wire_connect_get_all_domain_stats_args args = {
        .doms = { .n = 1, .v = &wire },
        .stats = groups == VMGR__REMOTE_STATS_GROUPS ? 0 : groups,
        .flags = flags
    };
    struct wire_connect_get_all_domain_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(remote_of(dom), WIRE_CONNECT_GET_ALL_DOMAIN_STATS, &args,
                                         &out, &reply, err);

    /* No record: the domain went meanwhile, or there is nothing to say. */
    for (uint32_t i = 0; result == 0 && out.ret_stats.n && i < out.ret_stats.v[0].params.n; i++)
        vmgr__remote_add_stat(ret, &out.ret_stats.v[0].params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return result;
}
