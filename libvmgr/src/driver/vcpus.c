/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which vCPUs a definition has: as many as wanted, or those that are named.
 */
#include "../conf/vcpus.h"

#include "domobj.h"

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)

static int set_maximum(struct vmgr__domain_def *def, uint32_t count, bool live,
                       struct vmgr_error **err)
{
    if (live)
        return invalid(err, "the maximum number of vCPUs of an active domain cannot change");
    if (count > VMGR__VCPUS_MAX)
        return invalid(err, "more than %d vCPUs are not supported", VMGR__VCPUS_MAX);
    vmgr__vcpus_resize(def, count);
    return 0;
}

/* Those that cannot go come first: behind one that can go, others must be such too. */
static void add_lowest(struct vmgr__domain_def *def, uint32_t count, bool hotpluggable)
{
    for (uint32_t i = 0; i < def->max_vcpus && def->vcpus < count; i++) {
        struct vmgr__vcpu *v = vmgr__vcpu(def, i);

        if (v->online) {
            hotpluggable = hotpluggable || v->hotpluggable;
            continue;
        }
        vmgr__vcpu_set_online(def, i, true);
        v->hotpluggable = hotpluggable;
    }
}

static void remove_highest(struct vmgr__domain_def *def, uint32_t count)
{
    for (uint32_t i = def->max_vcpus; i-- > 0 && def->vcpus > count;) {
        vmgr__vcpu_set_online(def, i, false);
        vmgr__vcpu(def, i)->hotpluggable = true;
    }
}

static int check_count(const struct vmgr__domain_def *def, uint32_t count, struct vmgr_error **err)
{
    if (count > def->max_vcpus)
        return invalid(err, "requested cpu amount exceeds maximum (%u > %u)", count,
                       def->max_vcpus);
    return 0;
}

int vmgr__def_set_vcpus(struct vmgr__domain_def *def, uint32_t count, uint32_t flags, bool live,
                        struct vmgr_error **err)
{
    const bool hotpluggable = flags & VMGR_DOMAIN_VCPU_HOTPLUGGABLE;

    if (flags & VMGR_DOMAIN_VCPU_MAXIMUM)
        return set_maximum(def, count, live, err);
    if (check_count(def, count, err) < 0)
        return -1;
    if (hotpluggable && count > def->vcpus)
        vmgr__vcpus_single(def);
    vmgr__vcpus_forget_order(def);
    if (!def->vcpu_list) {
        def->vcpus = count;
        return 0;
    }
    add_lowest(def, count, hotpluggable);
    remove_highest(def, count);
    return 0;
}

/* The map of document `vcpus`, for all that there may be; NULL and *err. From vCPU `first` on,
 * those named must not be as wanted. */
static uint8_t *parse_map(const struct vmgr__domain_def *def, const char *vcpus, bool there,
                          uint32_t first, const char *where, struct vmgr_error **err)
{
    g_autofree uint8_t *set = g_malloc0(VMGR__VCPUS_MAX);

    if (!vmgr__cpuset_parse(vcpus, set, VMGR__VCPUS_MAX)) {
        invalid(err, "Failed to parse bitmap '%s'", vcpus);
        return NULL;
    }
    for (uint32_t i = 0; i < VMGR__VCPUS_MAX; i++) {
        if (set[i] && i >= def->max_vcpus) {
            invalid(err, "vcpu %u is not present in %s config", i, where);
            return NULL;
        }
        if (set[i] && vmgr__vcpu_online(def, i) == there && i >= first) {
            invalid(err, "vcpu '%u' is already in requested state", i);
            return NULL;
        }
    }
    return g_steal_pointer(&set);
}

int vmgr__def_set_vcpu(struct vmgr__domain_def *def, const char *vcpus, bool there,
                       struct vmgr_error **err)
{
    g_autofree uint8_t *set = parse_map(def, vcpus, there, 1, "persistent", err);

    if (!set)
        return -1;
    if (set[0])
        return invalid(err, "vCPU '0' can't be modified");
    vmgr__vcpus_single(def);
    vmgr__vcpus_forget_order(def);
    for (uint32_t i = 1; i < def->max_vcpus; i++) {
        if (!set[i])
            continue;
        vmgr__vcpu_set_online(def, i, there);
        vmgr__vcpu(def, i)->hotpluggable = true;
    }
    return 0;
}

uint8_t *vmgr__def_choose_vcpus(const struct vmgr__domain_def *def, uint32_t count,
                                struct vmgr_error **err)
{
    g_autofree uint8_t *set = g_malloc0(def->max_vcpus);
    uint32_t have = def->vcpus;

    if (check_count(def, count, err) < 0)
        return NULL;
    for (uint32_t i = 0; i < def->max_vcpus; i++) {
        set[i] = vmgr__vcpu_online(def, i);
        if (!set[i] && have < count) {
            set[i] = 1;
            have++;
        }
    }
    for (uint32_t i = def->max_vcpus; i-- > 0 && have > count;) {
        if (set[i] && vmgr__vcpu(def, i)->hotpluggable) {
            set[i] = 0;
            have--;
        }
    }
    if (have != count) {
        vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_DOMAIN,
                        "vCPUs that were there at the start cannot be removed");
        return NULL;
    }
    return g_steal_pointer(&set);
}

uint8_t *vmgr__def_choose_vcpu(const struct vmgr__domain_def *def, const char *vcpus, bool there,
                               struct vmgr_error **err)
{
    g_autofree uint8_t *set = parse_map(def, vcpus, there, 0, "live", err);

    for (uint32_t i = 0; set && i < def->max_vcpus; i++) {
        const bool online = vmgr__vcpu_online(def, i);

        if (set[i] && !there && !vmgr__vcpu(def, i)->hotpluggable) {
            vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_DOMAIN,
                            "vcpu '%u' can't be unplugged", i);
            return NULL;
        }
        set[i] = set[i] ? there : online;
    }
    return g_steal_pointer(&set);
}
