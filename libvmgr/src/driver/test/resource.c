/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host the test driver's guests may use: what their definitions say, since nothing
 * runs.
 */
#include "../resource.h"

#include <string.h>

#include "../../conf/iothread.h"
#include "../../conf/tuning.h"
#include "../../conf/vcpus.h"
#include "../tunable.h"
#include "test.h"

#define HOST_CPUS 16

static const struct vmgr__domain_def *find(struct vmgr_domain *dom, uint32_t flags,
                                           struct test **ret_test, struct vmgr_error **err)
{
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, ret_test, err);
    const struct vmgr__domain_def *def = obj ? vmgr__domobj_def(obj, flags, err) : NULL;

    if (obj && !def)
        vmgr__test_leave(*ret_test, -1);
    return def;
}

static int get(struct vmgr_domain *dom, int resource, const char *target, uint32_t flags,
               GArray *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domain_def *def = find(dom, flags, &t, err);

    return def ? vmgr__test_leave(t, vmgr__tuning_get(def, resource, target, ret, err)) : -1;
}

/* What VMGR_DOMAIN_AFFECT_* means, of an object that has it. */
static void choose(struct vmgr__domobj *obj, uint32_t flags, struct vmgr__domain_def *ret[2])
{
    const uint32_t which = flags & (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG);

    ret[0] = !which || which & VMGR_DOMAIN_AFFECT_LIVE ? obj->live : NULL;
    ret[1] = (!which && !obj->live) || which & VMGR_DOMAIN_AFFECT_CONFIG ? obj->config : NULL;
}

/* A copy of what is about to change, for tell(); NULL: it does not run. */
static struct vmgr__domain_def *remember(struct vmgr__domain_def *const defs[2])
{
    return defs[0] ? vmgr__domain_def_copy(defs[0], &vmgr__test_defaults, NULL) : NULL;
}

static void tell(struct vmgr_domain *dom, struct vmgr__domain_def *old,
                 struct vmgr__domain_def *const defs[2])
{
    if (old)
        vmgr__emit_tunables(vmgr_domain_get_conn(dom), old, defs[0]);
    vmgr__domain_def_free(old);
}

static int tune_iothread(struct vmgr__domain_def *def, const char *target,
                         const struct vmgr_stat *params, bool live, struct vmgr_error **err)
{
    uint32_t id;

    if (!vmgr__parse_u32(target, &id) || !id)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "invalid IOThread id '%s'", target);
    return vmgr__iothread_set(def, id, params, live, err);
}

static int set(struct vmgr_domain *dom, int resource, const char *target,
               const struct vmgr_stat *params, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__domain_def *defs[2], *old;
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (!vmgr__domobj_def(obj, flags, err))
        return vmgr__test_leave(t, -1);
    choose(obj, flags, defs);
    old = remember(defs);
    for (int i = 0; r == 0 && i < 2; i++) {
        if (defs[i] && resource == VMGR_RESOURCE_IOTHREAD)
            r = tune_iothread(defs[i], target, params, i == 0, err);
        else if (defs[i])
            r = vmgr__tuning_set(defs[i], resource, target, params, err);
    }
    tell(dom, old, defs);
    return vmgr__test_leave(t, r);
}

static void add_pin(const struct vmgr__domain_def *def, int kind, uint32_t id, GArray *ret)
{
    const char *cpuset = vmgr__tuning_pin(&def->tuning, kind, id);
    uint8_t set[HOST_CPUS], map[HOST_CPUS / 8] = { 0 };

    if (!cpuset)
        cpuset = def->cpuset;
    if (!cpuset || !vmgr__cpuset_parse(cpuset, set, sizeof(set)))
        memset(set, 1, sizeof(set));
    for (int i = 0; i < HOST_CPUS; i++)
        map[i / 8] |= (uint8_t)(set[i] << i % 8);
    vmgr__pin_add(ret, id, map, sizeof(map));
}

static int get_pins(struct vmgr_domain *dom, int kind, uint32_t flags, GArray *ret,
                    struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domain_def *def = find(dom, flags, &t, err);

    if (!def)
        return -1;
    if (kind == VMGR_PIN_EMULATOR)
        add_pin(def, kind, 0, ret);
    for (uint32_t i = 0; kind == VMGR_PIN_VCPU && i < def->max_vcpus; i++)
        add_pin(def, kind, i, ret);
    for (guint i = 0; kind == VMGR_PIN_IOTHREAD && i < def->iothreads->len; i++)
        add_pin(def, kind, g_array_index(def->iothreads, struct vmgr__iothread, i).id, ret);
    return vmgr__test_leave(t, 0);
}

static int set_pin(struct vmgr_domain *dom, int kind, uint32_t id, const uint8_t *cpus, size_t size,
                   uint32_t flags, struct vmgr_error **err)
{
    uint8_t set_of[HOST_CPUS] = { 0 };
    struct vmgr__domain_def *defs[2], *old;
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    g_autofree char *text = NULL;

    if (!obj)
        return -1;
    if (!vmgr__domobj_def(obj, flags, err))
        return vmgr__test_leave(t, -1);
    for (size_t i = 0; i < HOST_CPUS && i / 8 < size; i++)
        set_of[i] = cpus[i / 8] >> i % 8 & 1;
    text = vmgr__cpuset_format(set_of, sizeof(set_of));
    if ((kind == VMGR_PIN_VCPU && id >= vmgr__domobj_current(obj)->max_vcpus) || !*text)
        return vmgr__test_leave(t, vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                                                   "there is no such vCPU or host CPU"));
    choose(obj, flags, defs);
    for (int i = 0; kind == VMGR_PIN_IOTHREAD && i < 2; i++) {
        if (defs[i] && !vmgr__iothread_find(defs[i], id))
            return vmgr__test_leave(t, vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                                                       i ? "iothreadid %u not found"
                                                         : "iothread %u not found",
                                                       id));
    }
    old = remember(defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i])
            vmgr__tuning_set_pin(&defs[i]->tuning, kind, id, text);
    }
    tell(dom, old, defs);
    return vmgr__test_leave(t, 0);
}

static int get_vcpu_info(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    if (vmgr__domobj_need_active(obj, err) < 0)
        return vmgr__test_leave(t, -1);
    for (uint32_t i = 0; i < obj->live->max_vcpus; i++) {
        const struct vmgr_vcpu_info info = { .number = i,
                                             .state = 1,
                                             .cpu = (int32_t)(i % HOST_CPUS) };

        if (vmgr__vcpu_online(obj->live, i))
            g_array_append_val(ret, info);
    }
    return vmgr__test_leave(t, 0);
}

static int set_iothread(struct vmgr_domain *dom, uint32_t id, bool there, uint32_t flags,
                        struct vmgr_error **err)
{
    struct vmgr__domain_def *defs[2];
    struct vmgr__iothread *added;
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (!vmgr__domobj_def(obj, flags, err))
        return vmgr__test_leave(t, -1);
    choose(obj, flags, defs);
    for (int i = 0; r == 0 && i < 2; i++) {
        if (defs[i])
            r = there ? vmgr__iothread_add(defs[i], id, &added, err)
                      : vmgr__iothread_remove(defs[i], id, err);
    }
    return vmgr__test_leave(t, r);
}

const struct vmgr__resource_ops vmgr__test_resource = {
    .get = get,
    .set = set,
    .get_pins = get_pins,
    .set_pin = set_pin,
    .get_vcpu_info = get_vcpu_info,
    .set_iothread = set_iothread,
};
