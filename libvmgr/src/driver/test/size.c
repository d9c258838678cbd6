/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory and vCPUs of the test driver's guests, which follow at once. */
#include "test.h"

/* Finds what VMGR_DOMAIN_AFFECT_* means; NULL: none. */
static struct vmgr__domobj *begin(struct vmgr_domain *dom, uint32_t flags, struct test **ret_test,
                                  struct vmgr__domain_def **ret_live,
                                  struct vmgr__domain_def **ret_config, struct vmgr_error **err)
{
    struct vmgr__domobj *obj = vmgr__test_enter(dom, ret_test, err);
    const uint32_t which = flags & (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG);

    if (!obj)
        return NULL;
    if (!vmgr__domobj_def(obj, which, err)) {
        vmgr__test_leave(*ret_test, -1);
        return NULL;
    }
    *ret_live = (which ? which & VMGR_DOMAIN_AFFECT_LIVE : obj->live != NULL) ? obj->live : NULL;
    *ret_config =
        (which ? which & VMGR_DOMAIN_AFFECT_CONFIG : obj->live == NULL) ? obj->config : NULL;
    return obj;
}

int vmgr__test_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                          struct vmgr_error **err)
{
    struct vmgr__domain_def *live, *config;
    struct vmgr__domobj *obj;
    struct test *t;
    int r = 0;

    obj = begin(dom, flags, &t, &live, &config, err);
    if (!obj)
        return -1;
    if (live)
        r = vmgr__def_set_memory(live, kib, flags, true, err);
    if (r == 0 && config)
        r = vmgr__def_set_memory(config, kib, flags, false, err);
    return vmgr__test_leave(t, r);
}

int vmgr__test_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err)
{
    struct vmgr__domain_def *live, *config;
    struct vmgr__domobj *obj;
    struct test *t;
    int r = 0;

    if (vmgr__check_flags(
            flags, VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_VCPU_MAXIMUM,
            "testDomainSetVcpusFlags", err) < 0)
        return -1;
    obj = begin(dom, flags, &t, &live, &config, err);
    if (!obj)
        return -1;
    if (live)
        r = vmgr__def_set_vcpus(live, count, flags, true, err);
    if (r == 0 && config)
        r = vmgr__def_set_vcpus(config, count, flags, false, err);
    return vmgr__test_leave(t, r);
}

int vmgr__test_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type, uint32_t action,
                                    uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__domain_def *defs[2];
    struct vmgr__domobj *obj;
    struct test *t;

    obj = begin(dom, flags, &t, &defs[0], &defs[1], err);
    if (!obj)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(defs); i++) {
        if (!defs[i])
            continue;
        *(type == VMGR_DOMAIN_LIFECYCLE_POWEROFF ? &defs[i]->on_poweroff
          : type == VMGR_DOMAIN_LIFECYCLE_REBOOT ? &defs[i]->on_reboot
                                                 : &defs[i]->on_crash) = (int)action;
    }
    return vmgr__test_leave(t, 0);
}

int vmgr__test_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                struct vmgr_error **err)
{
    struct vmgr__domain_def *live, *config;
    struct test *t;
    int r = 0;

    if (!begin(dom, flags, &t, &live, &config, err))
        return -1;
    if (live)
        r = vmgr__def_set_stats_period(live, period, err);
    if (r == 0 && config)
        r = vmgr__def_set_stats_period(config, period, err);
    return vmgr__test_leave(t, r);
}

int vmgr__test_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, vmgr__domobj_need_active(obj, err)) : -1;
}
