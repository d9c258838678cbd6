/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <cpu>: the processor the guest sees.
 */
#include "canonical.h"
#include "element.h"

#include <string.h>

const char *const vmgr__cpu_mode_names[] = { "custom", "host-model", "host-passthrough", "maximum",
                                             NULL };
const char *const vmgr__cpu_policy_names[] = { "force",   "require", "optional",
                                               "disable", "forbid",  NULL };
static const char *const match_names[] = { "minimum", "exact", "strict", NULL };
static const char *const check_names[] = { "none", "partial", "full", NULL };
static const char *const kept_names[] = { "cache", "maxphysaddr", "numa", NULL };
enum { MATCH_EXACT = 1, POLICY_REQUIRE = 1 };

static void feature_clear(void *data)
{
    g_free(((struct vmgr__cpu_feature *)data)->name);
}

void vmgr__cpu_fini(struct vmgr__cpu *cpu)
{
    g_free(cpu->model);
    g_free(cpu->vendor_id);
    g_free(cpu->vendor);
    g_clear_pointer(&cpu->features, g_array_unref);
    g_clear_pointer(&cpu->kept, g_ptr_array_unref);
    g_clear_pointer(&cpu->kept_names, g_ptr_array_unref);
}

static int parse_model(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "fallback", "vendor_id", NULL };
    struct vmgr__cpu *cpu = &p->def->cpu;
    xmlNode *model = vmgr__xml_child(node, "model");
    g_autofree char *fallback = vmgr__xml_attr(model, "fallback");

    cpu->vendor = vmgr__xml_text(vmgr__xml_child(node, "vendor"));
    if (!model)
        return 0;
    vmgr__warn_attrs(p, model, known);
    if (fallback && strcmp(fallback, "allow") != 0 && strcmp(fallback, "forbid") != 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Invalid fallback attribute");
    cpu->fallback_forbid = fallback && strcmp(fallback, "forbid") == 0;
    cpu->vendor_id = vmgr__xml_attr(model, "vendor_id");
    if (cpu->vendor_id && strlen(cpu->vendor_id) != 12)
        return conf_error(p, VMGR_ERR_XML_ERROR, "vendor_id must be exactly 12 characters long");
    cpu->model = vmgr__xml_text(model);
    if (cpu->model && !*cpu->model)
        g_clear_pointer(&cpu->model, g_free);
    return 0;
}

static int parse_count(struct vmgr__parse *p, xmlNode *node, const char *attr, bool required,
                       uint32_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    if (!text && !required) {
        *ret = 1;
        return 0;
    }
    if (!text)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute '%s' in element 'topology'", attr);
    if (!vmgr__parse_u32(text, ret))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element 'topology': '%s'. Expected "
                          "integer value",
                          attr, text);
    if (*ret == 0)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element 'topology': Zero is not "
                          "permitted",
                          attr);
    return 0;
}

static int parse_topology(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "sockets", "dies", "cores", "threads", NULL };
    struct vmgr__cpu *cpu = &p->def->cpu;
    xmlNode *t = vmgr__xml_child(node, "topology");

    if (!t)
        return 0;
    vmgr__warn_attrs(p, t, known);
    if (parse_count(p, t, "sockets", true, &cpu->sockets) < 0 ||
        parse_count(p, t, "dies", false, &cpu->dies) < 0 ||
        parse_count(p, t, "cores", true, &cpu->cores) < 0 ||
        parse_count(p, t, "threads", true, &cpu->threads) < 0)
        return -1;
    return 0;
}

static int parse_features(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "policy", "name", NULL };
    struct vmgr__cpu *cpu = &p->def->cpu;

    for (xmlNode *f = vmgr__xml_child(node, "feature"); f; f = vmgr__xml_next(f, "feature")) {
        struct vmgr__cpu_feature feature = { .policy = POLICY_REQUIRE };
        g_autofree char *policy = vmgr__xml_attr(f, "policy");

        vmgr__warn_attrs(p, f, known);
        if (policy)
            feature.policy = vmgr__name_index(vmgr__cpu_policy_names, policy);
        if (feature.policy < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Invalid CPU feature policy");
        feature.name = vmgr__xml_attr(f, "name");
        if (!feature.name || !*feature.name) {
            g_free(feature.name);
            return conf_error(p, VMGR_ERR_XML_ERROR, "Invalid CPU feature name");
        }
        for (guint i = 0; i < cpu->features->len; i++) {
            if (strcmp(g_array_index(cpu->features, struct vmgr__cpu_feature, i).name,
                       feature.name) == 0) {
                conf_error(p, VMGR_ERR_XML_ERROR, "CPU feature '%s' specified more than once",
                           feature.name);
                g_free(feature.name);
                return -1;
            }
        }
        g_array_append_val(cpu->features, feature);
    }
    return 0;
}

static int cpu_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "mode", "match", "check", "migratable", NULL };
    static const char *const children[] = { "model", "vendor",      "topology", "feature",
                                            "cache", "maxphysaddr", "numa",     NULL };
    static const char *const on_off[] = { "on", "off", NULL };
    struct vmgr__cpu *cpu = &p->def->cpu;
    g_autofree char *mode = vmgr__xml_attr(node, "mode");
    int value, has_match;

    cpu->match = cpu->check = -1;
    cpu->features = g_array_new(FALSE, FALSE, sizeof(struct vmgr__cpu_feature));
    g_array_set_clear_func(cpu->features, feature_clear);
    cpu->kept = g_ptr_array_new_with_free_func(g_free);
    cpu->kept_names = g_ptr_array_new_with_free_func(g_free);
    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, children);
    if (mode) {
        cpu->mode = vmgr__name_index(vmgr__cpu_mode_names, mode);
        if (cpu->mode < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Invalid mode attribute '%s'", mode);
        cpu->has_mode = true;
    }
    has_match = vmgr__xml_enum(node, "match", match_names, &cpu->match, p->err);
    if (has_match < 0 || vmgr__xml_enum(node, "check", check_names, &cpu->check, p->err) < 0)
        return -1;
    switch (vmgr__xml_enum(node, "migratable", on_off, &value, p->err)) {
    case -1: return -1;
    case 1: cpu->migratable = value + 1; break;
    default: break;
    }
    if (parse_model(p, node) < 0 || parse_topology(p, node) < 0 || parse_features(p, node) < 0)
        return -1;
    for (int i = 0; kept_names[i]; i++) {
        for (xmlNode *c = vmgr__xml_child(node, kept_names[i]); c;
             c = vmgr__xml_next(c, kept_names[i])) {
            vmgr__canonical(p, c, "cpu/");
            g_ptr_array_add(cpu->kept, vmgr__xml_keep(c, 2));
            g_ptr_array_add(cpu->kept_names, g_strdup(kept_names[i]));
        }
    }
    if (cpu->model && cpu->mode == VMGR__CPU_CUSTOM) {
        cpu->has_mode = true;
        if (!has_match)
            cpu->match = MATCH_EXACT;
    }
    /* A custom CPU that customizes nothing is no <cpu>. */
    cpu->present = cpu->mode != VMGR__CPU_CUSTOM || cpu->model || cpu->sockets ||
                   cpu->features->len || cpu->kept->len;
    if (!cpu->present && cpu->match >= 0)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "Missing CPU model name");
    if (cpu->features->len && cpu->mode == VMGR__CPU_CUSTOM && !cpu->model)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Non-empty feature list specified without CPU model");
    if (cpu->mode == VMGR__CPU_CUSTOM && !cpu->model)
        cpu->has_mode = false;
    return 0;
}

static void format_model(const struct vmgr__cpu *cpu, struct vmgr__xml_writer *w)
{
    if (cpu->model || cpu->vendor_id) {
        vmgr__xw_begin(w, "model");
        if (cpu->model)
            vmgr__xw_attr(w, "fallback", cpu->fallback_forbid ? "forbid" : "allow");
        vmgr__xw_attr(w, "vendor_id", cpu->vendor_id);
        if (cpu->model)
            vmgr__xw_end_text(w, "model", cpu->model);
        else
            vmgr__xw_end(w, "model");
    }
    vmgr__xw_text(w, "vendor", cpu->vendor);
}

int vmgr__cpu_parse_node(xmlNode *node, struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vmgr__parse p = { .def = def, .err = err };

    vmgr__cpu_fini(&def->cpu);
    memset(&def->cpu, 0, sizeof(def->cpu));
    return cpu_parse(&p, node);
}

static void cpu_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                       struct vmgr__xml_writer *w)
{
    const struct vmgr__cpu *cpu = &def->cpu;

    if (!cpu->present)
        return;
    vmgr__xw_begin(w, "cpu");
    if (cpu->has_mode)
        vmgr__xw_attr(w, "mode", vmgr__cpu_mode_names[cpu->mode]);
    if (cpu->match >= 0 && cpu->model)
        vmgr__xw_attr(w, "match", match_names[cpu->match]);
    if (cpu->check >= 0)
        vmgr__xw_attr(w, "check", check_names[cpu->check]);
    if (cpu->migratable)
        vmgr__xw_attr(w, "migratable", vmgr__on_off[cpu->migratable]);
    format_model(cpu, w);
    if (cpu->sockets) {
        vmgr__xw_begin(w, "topology");
        vmgr__xw_attrf(w, "sockets", "%u", cpu->sockets);
        vmgr__xw_attrf(w, "dies", "%u", cpu->dies);
        vmgr__xw_attrf(w, "cores", "%u", cpu->cores);
        vmgr__xw_attrf(w, "threads", "%u", cpu->threads);
        vmgr__xw_end(w, "topology");
    }
    for (guint i = 0; i < cpu->kept->len; i++) {
        if (strcmp(cpu->kept_names->pdata[i], "numa") != 0)
            vmgr__xw_raw(w, cpu->kept->pdata[i]);
    }
    for (guint i = 0; i < cpu->features->len; i++) {
        const struct vmgr__cpu_feature *f =
            &g_array_index(cpu->features, struct vmgr__cpu_feature, i);

        vmgr__xw_begin(w, "feature");
        vmgr__xw_attr(w, "policy", vmgr__cpu_policy_names[f->policy]);
        vmgr__xw_attr(w, "name", f->name);
        vmgr__xw_end(w, "feature");
    }
    for (guint i = 0; i < cpu->kept->len; i++) {
        if (strcmp(cpu->kept_names->pdata[i], "numa") == 0)
            vmgr__xw_raw(w, cpu->kept->pdata[i]);
    }
    vmgr__xw_end(w, "cpu");
}

const struct vmgr__element vmgr__element_cpu = { "cpu", cpu_parse, cpu_format };
