/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <cpu> of domain capabilities: the modes, and the models that the accelerator can be.
 */
#include <string.h>

#include "../../../cpu/cpu.h"
#include "domcaps.h"

const char *vmgr__domcaps_accel(const struct vmgr__domcaps_target *t)
{
    return strcmp(t->virt_type, "kvm") == 0 ? "kvm" : "soft";
}

static void write_mode(struct vmgr__xml_writer *w, const char *name, bool supported)
{
    vmgr__xw_begin(w, "mode");
    vmgr__xw_attr(w, "name", name);
    vmgr__xw_attr(w, "supported", supported ? "yes" : "no");
}

static void write_host_model(struct vmgr__xml_writer *w, const struct vmgr__cpu_set *set)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;
    g_autoptr(GPtrArray) more = NULL;

    if (!set || !vmgr__cpu_best_model(set, &model)) {
        write_mode(w, "host-model", false);
        vmgr__xw_end(w, "mode");
        return;
    }
    more = vmgr__cpu_difference(set->on, model.features);
    write_mode(w, "host-model", true);
    vmgr__xw_begin(w, "model");
    vmgr__xw_attr(w, "fallback", "forbid");
    vmgr__xw_end_text(w, "model", model.name);
    vmgr__xw_text(w, "vendor", *model.vendor ? model.vendor : NULL);
    for (guint i = 0; i < more->len; i++) {
        vmgr__xw_begin(w, "feature");
        vmgr__xw_attr(w, "policy", "require");
        vmgr__xw_attr(w, "name", more->pdata[i]);
        vmgr__xw_end(w, "feature");
    }
    vmgr__xw_end(w, "mode");
}

static void write_custom(struct vmgr__xml_writer *w, const struct vmgr__cpu_set *set)
{
    struct vemu_cpu_model_info m = VEMU_CPU_MODEL_INFO_INIT;
    uint32_t i = 0;

    write_mode(w, "custom", true);
    while (vmgr__cpu_model_next(&i, &m)) {
        bool usable = set != NULL;

        for (size_t f = 0; usable && f < G_N_ELEMENTS(m.features); f++)
            usable = !m.features[f] || set->on[f];
        vmgr__xw_begin(w, "model");
        vmgr__xw_attr(w, "usable", usable ? "yes" : "no");
        vmgr__xw_attr(w, "vendor", *m.vendor ? m.vendor : "unknown");
        vmgr__xw_end_text(w, "model", m.name);
    }
    vmgr__xw_end(w, "mode");
}

void vmgr__domcaps_cpu(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    struct vmgr__cpu_set set = { 0 };
    const bool known = vmgr__cpu_offered(vmgr__domcaps_accel(t), &set);
    const bool native = strcmp(t->virt_type, "kvm") == 0;
    g_autoptr(GPtrArray) on_off = g_ptr_array_new();

    g_ptr_array_add(on_off, (char *)"on");
    g_ptr_array_add(on_off, (char *)"off");
    vmgr__xw_begin(w, "cpu");
    write_mode(w, "host-passthrough", native);
    if (native)
        vmgr__domcaps_values(w, "hostPassthroughMigratable", on_off);
    vmgr__xw_end(w, "mode");
    write_mode(w, "maximum", true);
    vmgr__domcaps_values(w, "maximumMigratable", on_off);
    vmgr__xw_end(w, "mode");
    write_host_model(w, known ? &set : NULL);
    write_custom(w, known ? &set : NULL);
    vmgr__xw_end(w, "cpu");
}
