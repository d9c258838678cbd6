/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <features>: what the machine has anyway, what may be switched off because it is not there, and
 * what vCPUs are given by -cpu; with them the timers that are features of vCPUs.
 */
#include "feature.h"

#include <string.h>

#include "../device/parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* NULL: the definition does not name it. */
static const struct vmgr__feature *feature_of(const struct vmgr__domain_def *def, const char *name)
{
    const int index = vmgr__name_index(vmgr__feature_names, name);

    return def->features[index].present ? &def->features[index] : NULL;
}

int vmgr__vemu_feature_parse(const struct vmgr__domain_def *def, const char *name, xmlDoc **ret_doc,
                             struct vmgr_error **err)
{
    const struct vmgr__feature *f = feature_of(def, name);

    if (!f || !f->kept)
        return 0;
    *ret_doc = vmgr__xml_parse(f->kept, "(feature)", name, err);
    return *ret_doc ? 1 : -1;
}

int vmgr__vemu_feature_state(const xmlNode *node)
{
    g_autofree char *state = vmgr__xml_attr(node, "state");

    return g_strcmp0(state, "on") == 0 ? 1 : g_strcmp0(state, "off") == 0 ? 0 : -1;
}

/* ---- <kvm> ---- */

/* Children whose state is a feature of vCPUs. The rest of what the format has is not there. */
static const struct {
    const char *name, *feature;
} kvm_children[] = { { "poll-control", "kvm-poll-control" }, { "pv-ipi", "kvm-pv-ipi" } };

static const char *kvm_feature(const xmlNode *child)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kvm_children); i++)
        if (strcmp((const char *)child->name, kvm_children[i].name) == 0)
            return kvm_children[i].feature;
    return NULL;
}

/* What stands for a child that is on; one that is off says nothing. */
static const char *kvm_setting(const xmlNode *child)
{
    const char *name = (const char *)child->name;

    return strcmp(name, "hidden") == 0           ? "kvm=off"
           : strcmp(name, "hint-dedicated") == 0 ? "kvm-hint-dedicated=on"
                                                 : NULL;
}

static int check_kvm_child(const xmlNode *child, struct vmgr_error **err)
{
    const char *name = (const char *)child->name;
    const int on = vmgr__vemu_feature_state(child);

    if (on < 0)
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'state' in element '%s'", name);
    if (on == 1 && !kvm_setting(child) && !kvm_feature(child))
        return unsupported(err, "<%s> of feature 'kvm' is not supported by the vemu driver yet",
                           name);
    return 0;
}

static int check_kvm(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    xmlDoc *doc = NULL;
    int r = vmgr__vemu_feature_parse(def, "kvm", &doc, err);

    if (r <= 0)
        return r;
    r = 0;
    for (xmlNode *c = vmgr__xml_first(xmlDocGetRootElement(doc)); c && r == 0;
         c = vmgr__xml_next(c, NULL))
        r = check_kvm_child(c, err);
    xmlFreeDoc(doc);
    return r;
}

static bool add_kvm(const struct vmgr__domain_def *def, GString *cpu)
{
    xmlDoc *doc = NULL;
    bool wants = false;

    if (vmgr__vemu_feature_parse(def, "kvm", &doc, NULL) <= 0)
        return false;
    for (xmlNode *c = vmgr__xml_first(xmlDocGetRootElement(doc)); c; c = vmgr__xml_next(c, NULL)) {
        const char *feature = kvm_feature(c);
        const bool on = vmgr__vemu_feature_state(c) == 1;

        if (feature)
            g_string_append_printf(cpu, ",%s=%s", feature, on ? "on" : "off");
        else if (on)
            g_string_append_printf(cpu, ",%s", kvm_setting(c));
        wants = wants || (feature && on);
    }
    xmlFreeDoc(doc);
    return wants;
}

/* ---- <apic>, <ioapic> ---- */

/* What the attribute of the feature says, for g_free(); NULL: nothing. */
static char *attribute(const struct vmgr__domain_def *def, const char *feature, const char *name)
{
    xmlDoc *doc = NULL;
    char *value;

    if (vmgr__vemu_feature_parse(def, feature, &doc, NULL) <= 0)
        return NULL;
    value = vmgr__xml_attr(xmlDocGetRootElement(doc), name);
    xmlFreeDoc(doc);
    return value;
}

/* The emulator has the I/O APIC, whatever the accelerator. */
static int check_ioapic(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    g_autofree char *driver = attribute(def, "ioapic", "driver");

    if (driver && strcmp(driver, "qemu") != 0)
        return unsupported(err, "driver '%s' of <ioapic> is not supported by the vemu driver",
                           driver);
    return 0;
}

/* An end of interrupt that costs no exit. */
static bool add_apic(const struct vmgr__domain_def *def, GString *cpu)
{
    g_autofree char *eoi = attribute(def, "apic", "eoi");

    if (eoi)
        g_string_append_printf(cpu, ",kvm-pv-eoi=%s", eoi);
    return g_strcmp0(eoi, "on") == 0;
}

/* ---- timers ---- */

/* Clocks of hypervisors. KVM's is there unless it is not wanted. */
static void add_timers(const struct vmgr__domain_def *def, GString *cpu)
{
    for (guint i = 0; i < def->clock.timers->len; i++) {
        const struct vmgr__timer *t = &g_array_index(def->clock.timers, struct vmgr__timer, i);
        const char *name = vmgr__timer_names[t->name];

        if (strcmp(name, "hypervclock") == 0 && t->present != 2)
            g_string_append(cpu, ",hv-time=on");
        if (strcmp(name, "kvmclock") == 0 && t->present == 2)
            g_string_append(cpu, ",kvmclock=off");
    }
}

/* ---- all of them ---- */

int vmgr__vemu_features_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    static const char *const known[] = { "acpi", "pae", "apic", "hyperv", "kvm", "ioapic", NULL };

    for (int i = 0; i < VMGR__FEATURE_COUNT; i++) {
        const char *name = vmgr__feature_names[i];
        const struct vmgr__feature *f = &def->features[i];

        if (f->present && f->state != 2 && vmgr__name_index(known, name) < 0)
            return unsupported(err, "feature '%s' is not supported by the vemu driver yet", name);
    }
    return check_kvm(def, err) < 0 || vmgr__vemu_hyperv_check(def, err) < 0
               ? -1
               : check_ioapic(def, err);
}

bool vmgr__vemu_features_cpu(const struct vmgr__domain_def *def, GString *cpu)
{
    const bool kvm = add_kvm(def, cpu), apic = add_apic(def, cpu);

    vmgr__vemu_hyperv_cpu(def, cpu);
    add_timers(def, cpu);
    return kvm || apic;
}
