/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of features and models: which model describes a set best, what a definition asks for.
 */
#include "cpu.h"

#include <string.h>

/* As in conf/cpu.c. */
enum { POLICY_FORCE, POLICY_REQUIRE, POLICY_OPTIONAL, POLICY_DISABLE, POLICY_FORBID };

static unsigned count_on(const uint8_t *set)
{
    unsigned n = 0;

    for (size_t i = 0; i < VEMU_CPU_FEATURES_MAX; i++)
        n += set[i];
    return n;
}

static bool is_subset(const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 0; i < VEMU_CPU_FEATURES_MAX; i++) {
        if (a[i] && !b[i])
            return false;
    }
    return true;
}

/* Levels of the ABI are nobody's processors: other managers do not know their names. */
static bool may_describe(const struct vemu_cpu_model_info *m, const struct vmgr__cpu_set *set)
{
    return !g_str_has_prefix(m->name, "x86-64-") &&
           (!*m->vendor || g_strcmp0(m->vendor, set->vendor) == 0) &&
           is_subset(m->features, set->on);
}

bool vmgr__cpu_best_model(const struct vmgr__cpu_set *set, struct vemu_cpu_model_info *ret)
{
    struct vemu_cpu_model_info m = VEMU_CPU_MODEL_INFO_INIT;
    unsigned best = 0;
    uint32_t i = 0;

    while (vmgr__cpu_model_next(&i, &m)) {
        const unsigned n = count_on(m.features);

        if (n > best && may_describe(&m, set)) {
            best = n;
            *ret = m;
        }
    }
    return best > 0;
}

static int unknown(struct vmgr_error **err, const char *what, const char *name)
{
    return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_CPU, "Unknown CPU %s %s", what,
                           name);
}

int vmgr__cpu_wanted(const struct vmgr__cpu *cpu, struct vmgr__cpu_set *ret_require,
                     struct vmgr__cpu_set *ret_forbid, struct vmgr_error **err)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;

    memset(ret_require, 0, sizeof(*ret_require));
    memset(ret_forbid, 0, sizeof(*ret_forbid));
    if (cpu->vendor) {
        ret_require->vendor = strcmp(cpu->vendor, "Intel") == 0 ? "Intel"
                              : strcmp(cpu->vendor, "AMD") == 0 ? "AMD"
                                                                : NULL;
        if (!ret_require->vendor)
            return unknown(err, "vendor", cpu->vendor);
    }
    if (cpu->model && !vmgr__cpu_model(cpu->model, &model))
        return unknown(err, "model", cpu->model);
    if (cpu->model)
        memcpy(ret_require->on, model.features, sizeof(ret_require->on));
    for (guint i = 0; i < cpu->features->len; i++) {
        const struct vmgr__cpu_feature *f =
            &g_array_index(cpu->features, struct vmgr__cpu_feature, i);
        const int n = vmgr__cpu_feature(f->name);

        if (n == VMGR__CPU_FEATURE_UNKNOWN)
            return unknown(err, "feature", f->name);
        if (n < 0)
            continue;
        ret_require->on[n] = f->policy == POLICY_FORCE || f->policy == POLICY_REQUIRE;
        ret_forbid->on[n] = f->policy == POLICY_FORBID;
    }
    return 0;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *vmgr__cpu_difference(const uint8_t *a, const uint8_t *b)
{
    GPtrArray *names = g_ptr_array_new();

    for (int i = 0; i < VEMU_CPU_FEATURES_MAX; i++) {
        const char *label = a[i] && !b[i] ? vmgr__cpu_feature_label(i) : NULL;

        if (label)
            g_ptr_array_add(names, (char *)label);
    }
    g_ptr_array_sort(names, by_name);
    return names;
}

char *vmgr__cpu_difference_text(const uint8_t *a, const uint8_t *b)
{
    g_autoptr(GPtrArray) names = vmgr__cpu_difference(a, b);

    g_ptr_array_add(names, NULL);
    return g_strjoinv(",", (char **)names->pdata);
}

static void add_feature(struct vmgr__cpu *cpu, const char *name, int policy)
{
    const struct vmgr__cpu_feature f = { .name = g_strdup(name), .policy = policy };

    g_array_append_val(cpu->features, f);
}

/* What the definition says of features stays; the host's are added where it says nothing. */
int vmgr__cpu_expand(struct vmgr__cpu *cpu, const struct vmgr__cpu_set *host,
                     struct vmgr_error **err)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;
    struct vmgr__cpu_set require, forbid;
    g_autoptr(GPtrArray) more = NULL;

    if (vmgr__cpu_wanted(cpu, &require, &forbid, err) < 0)
        return -1;
    if (!vmgr__cpu_best_model(host, &model))
        return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_CPU,
                               "CPU mode 'host-model' is not supported: no CPU model describes "
                               "what the host offers");
    for (guint i = 0; i < cpu->features->len; i++) {
        const int n =
            vmgr__cpu_feature(g_array_index(cpu->features, struct vmgr__cpu_feature, i).name);

        if (n >= 0)
            model.features[n] = 1; /* it has been spoken about */
    }
    more = vmgr__cpu_difference(host->on, model.features);
    for (guint i = 0; i < more->len; i++)
        add_feature(cpu, more->pdata[i], POLICY_REQUIRE);
    g_free(cpu->model);
    cpu->model = g_strdup(model.name);
    g_free(cpu->vendor);
    cpu->vendor = g_strdup(*model.vendor ? model.vendor : NULL);
    cpu->mode = VMGR__CPU_CUSTOM;
    cpu->has_mode = true;
    cpu->fallback_forbid = true;
    cpu->match = 1; /* exact */
    cpu->check = 2; /* full */
    return 0;
}
