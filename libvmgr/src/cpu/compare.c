/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents about processors: comparing one with a host, combining several.
 */
#include <string.h>
#include <vmgr/cpu.h>

#include "cpu.h"

#define MATCH_STRICT 2 /* as in conf/cpu.c */

#define cpu_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_CPU, __VA_ARGS__)

/* A <cpu> document, in the shape of capabilities or of definitions. NULL and *err. */
static struct vmgr__domain_def *parse(const char *xml, bool needs_arch, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(CPU_definition)", "cpu", err);
    struct vmgr__domain_def *def = doc ? vmgr__domain_def_new() : NULL;
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    g_autofree char *arch = doc ? vmgr__xml_text(vmgr__xml_child(root, "arch")) : NULL;
    int r = doc ? vmgr__cpu_parse_node(root, def, err) : -1;

    if (r == 0 && !arch && needs_arch)
        r = cpu_error(err, VMGR_ERR_XML_ERROR, "Missing CPU architecture");
    if (r == 0 && arch && strcmp(arch, "x86_64") != 0 && strcmp(arch, "i686") != 0)
        r = cpu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "Unknown architecture %s", arch);
    xmlFreeDoc(doc);
    if (r == 0)
        return def;
    vmgr__domain_def_free(def);
    return NULL;
}

static int incompatible(struct vmgr_error **err, bool fail, const char *format, const char *text)
{
    g_autofree char *detail = NULL;

    if (!fail)
        return VMGR_CPU_COMPARE_INCOMPATIBLE;
    detail = g_strconcat(format, text, NULL);
    return vmgr__error_set(err, VMGR_ERR_CPU_INCOMPATIBLE, VMGR_FROM_CPU, "%s", detail);
}

static int compare(const struct vmgr__cpu *cpu, const struct vmgr__cpu_set *host, bool fail,
                   struct vmgr_error **err)
{
    struct vmgr__cpu_set require, forbid, common;
    g_autofree char *lacks = NULL;
    g_autofree char *has = NULL;
    g_autofree char *more = NULL;

    if (cpu->mode == VMGR__CPU_CUSTOM && !cpu->model)
        return cpu_error(err, VMGR_ERR_XML_ERROR, "Missing CPU model name");
    if (vmgr__cpu_wanted(cpu, &require, &forbid, err) < 0)
        return -1;
    if (require.vendor && g_strcmp0(require.vendor, host->vendor) != 0)
        return incompatible(err, fail, "host CPU vendor does not match required CPU vendor ",
                            require.vendor);
    lacks = vmgr__cpu_difference_text(require.on, host->on);
    if (*lacks)
        return incompatible(err, fail, "Host CPU does not provide required features: ", lacks);
    for (size_t i = 0; i < G_N_ELEMENTS(common.on); i++)
        common.on[i] = forbid.on[i] && host->on[i];
    memset(forbid.on, 0, sizeof(forbid.on));
    has = vmgr__cpu_difference_text(common.on, forbid.on);
    if (*has)
        return incompatible(err, fail, "Host CPU provides forbidden features: ", has);
    /* A mode without a model is whatever the host is. */
    if (!cpu->model)
        return VMGR_CPU_COMPARE_IDENTICAL;
    more = vmgr__cpu_difference_text(host->on, require.on);
    if (!*more)
        return VMGR_CPU_COMPARE_IDENTICAL;
    if (cpu->match == MATCH_STRICT)
        return incompatible(err, fail,
                            "Host CPU does not strictly match guest CPU: Extra features: ", more);
    return VMGR_CPU_COMPARE_SUPERSET;
}

int vmgr__cpu_compare(const char *xml, const struct vmgr__cpu_set *host, bool fail,
                      struct vmgr_error **err)
{
    struct vmgr__domain_def *def = parse(xml, false, err);
    int r;

    if (!def)
        return -1;
    r = compare(&def->cpu, host, fail, err);
    vmgr__domain_def_free(def);
    return r;
}

/* ---- what several have in common ---- */

/* Narrows `set` to what this document's processor has. */
static int narrow(struct vmgr__cpu_set *set, bool first, const struct vmgr__cpu *cpu,
                  struct vmgr_error **err)
{
    struct vmgr__cpu_set require, forbid;
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;

    if (!cpu->model)
        return cpu_error(err, VMGR_ERR_XML_ERROR, "Missing CPU model name");
    if (vmgr__cpu_wanted(cpu, &require, &forbid, err) < 0 || !vmgr__cpu_model(cpu->model, &model))
        return -1;
    if (require.vendor && *model.vendor && strcmp(model.vendor, require.vendor) != 0)
        return cpu_error(err, VMGR_ERR_OPERATION_FAILED,
                         "CPU vendor %s of model %s differs from vendor %s", model.vendor,
                         cpu->model, require.vendor);
    if (!require.vendor)
        require.vendor = *model.vendor ? model.vendor : NULL;
    if (set->vendor && require.vendor && strcmp(set->vendor, require.vendor) != 0)
        return cpu_error(err, VMGR_ERR_OPERATION_FAILED, "CPU vendors do not match");
    if (require.vendor)
        set->vendor = require.vendor;
    for (size_t i = 0; i < G_N_ELEMENTS(set->on); i++)
        set->on[i] = (first || set->on[i]) && require.on[i];
    return 0;
}

static char *format(const struct vmgr__cpu_set *set, const struct vemu_cpu_model_info *model,
                    bool forbid, bool expand)
{
    static const uint8_t none[VEMU_CPU_FEATURES_MAX];
    g_autoptr(GPtrArray) more = vmgr__cpu_difference(set->on, expand ? none : model->features);
    g_autoptr(GPtrArray) less = vmgr__cpu_difference(model->features, set->on);
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "cpu");
    vmgr__xw_attr(&w, "mode", "custom");
    vmgr__xw_attr(&w, "match", "exact");
    vmgr__xw_begin(&w, "model");
    vmgr__xw_attr(&w, "fallback", forbid ? "forbid" : "allow");
    vmgr__xw_end_text(&w, "model", model->name);
    vmgr__xw_text(&w, "vendor", set->vendor);
    for (guint i = 0; i < more->len + less->len; i++) {
        const bool on = i < more->len;

        vmgr__xw_begin(&w, "feature");
        vmgr__xw_attr(&w, "policy", on ? "require" : "disable");
        vmgr__xw_attr(&w, "name", on ? more->pdata[i] : less->pdata[i - more->len]);
        vmgr__xw_end(&w, "feature");
    }
    vmgr__xw_end(&w, "cpu");
    return vmgr__xw_finish(&w);
}

int vmgr__cpu_baseline(const char *const *xml, uint32_t count, const struct vmgr__cpu_set *limit,
                       uint32_t flags, char **ret, struct vmgr_error **err)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;
    struct vmgr__cpu_set set = { 0 };
    bool named = false;

    for (uint32_t i = 0; i < count; i++) {
        /* Hosts' processors say what they are; those of definitions need not. */
        struct vmgr__domain_def *def = parse(xml[i], !limit, err);
        int r = def ? narrow(&set, i == 0, &def->cpu, err) : -1;

        if (r == 0 && count == 1)
            named = vmgr__cpu_model(def->cpu.model, &model);
        vmgr__domain_def_free(def);
        if (r < 0)
            return -1;
    }
    for (size_t i = 0; limit && i < G_N_ELEMENTS(set.on); i++)
        set.on[i] = set.on[i] && limit->on[i];
    if (flags & VMGR_CPU_BASELINE_MIGRATABLE)
        set.on[vmgr__cpu_feature("invtsc")] = 0;
    if (!named && !vmgr__cpu_best_model(&set, &model))
        return cpu_error(err, VMGR_ERR_OPERATION_FAILED, "CPUs are incompatible");
    *ret = format(&set, &model, limit || count == 1, flags & VMGR_CPU_BASELINE_EXPAND_FEATURES);
    return 0;
}
