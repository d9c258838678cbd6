/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <features>: switches of the machine.
 */
#include "canonical.h"
#include "element.h"

enum kind {
    PRESENCE, /* <acpi/> */
    STATE,    /* <pmu state='off'/> */
    KEPT,     /* more than a state */
};

/* In the order they are written. */
static const struct {
    const char *name;
    enum kind kind;
    int default_state; /* tristate when the attribute is absent */
} features[VMGR__FEATURE_COUNT] = {
    { "acpi", PRESENCE, 0 },     { "apic", KEPT, 0 },         { "pae", PRESENCE, 0 },
    { "hap", STATE, 1 },         { "viridian", PRESENCE, 0 }, { "privnet", PRESENCE, 0 },
    { "hyperv", KEPT, 0 },       { "kvm", KEPT, 0 },          { "pvspinlock", STATE, 1 },
    { "capabilities", KEPT, 0 }, { "pmu", STATE, 0 },         { "vmport", STATE, 0 },
    { "gic", KEPT, 0 },          { "smm", KEPT, 0 },          { "ioapic", KEPT, 0 },
    { "hpt", KEPT, 0 },          { "htm", STATE, 0 },         { "nested-hv", STATE, 0 },
    { "msrs", KEPT, 0 },         { "ccf-assist", STATE, 0 },  { "xen", KEPT, 0 },
    { "cfpc", KEPT, 0 },         { "sbbc", KEPT, 0 },         { "ibs", KEPT, 0 },
    { "tcg", KEPT, 0 },
};
const char *const vmgr__feature_names[] = {
    "acpi",   "apic",       "pae",          "hap",       "viridian", "privnet",    "hyperv",
    "kvm",    "pvspinlock", "capabilities", "pmu",       "vmport",   "gic",        "smm",
    "ioapic", "hpt",        "htm",          "nested-hv", "msrs",     "ccf-assist", "xen",
    "cfpc",   "sbbc",       "ibs",          "tcg",       NULL
};

void vmgr__features_fini(struct vmgr__domain_def *def)
{
    for (int i = 0; i < VMGR__FEATURE_COUNT; i++)
        g_free(def->features[i].kept);
}

static int parse_feature(struct vmgr__parse *p, xmlNode *node, int index)
{
    static const char *const values[] = { "on", "off", NULL };
    static const char *const state_attr[] = { "state", NULL };
    struct vmgr__feature *f = &p->def->features[index];
    int value;

    f->present = true;
    if (features[index].kind == KEPT) {
        /* The one attribute of <apic>, and the state all the others may have. */
        if (vmgr__xml_enum(node, "state", values, &value, p->err) < 0 ||
            vmgr__xml_enum(node, "eoi", values, &value, p->err) < 0)
            return -1;
        g_free(f->kept);
        vmgr__canonical(p, node, "features/");
        f->kept = vmgr__xml_keep(node, 2);
        switch (vmgr__xml_enum(node, "state", values, &value, p->err)) {
        case 1: f->state = value + 1; break;
        default: break;
        }
        return 0;
    }
    vmgr__warn_attrs(p, node, features[index].kind == STATE ? state_attr : NULL);
    vmgr__warn_children(p, node, NULL);
    if (features[index].kind == STATE) {
        f->state = features[index].default_state;
        switch (vmgr__xml_enum(node, "state", values, &value, p->err)) {
        case -1: return -1;
        case 1: f->state = value + 1; break;
        default: break;
        }
    }
    return 0;
}

static int features_parse(struct vmgr__parse *p, xmlNode *node)
{
    vmgr__warn_attrs(p, node, NULL);
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        int index = c->ns ? -1 : vmgr__name_index(vmgr__feature_names, (const char *)c->name);

        if (index < 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unexpected feature '%s'",
                              (const char *)c->name);
        if (parse_feature(p, c, index) < 0)
            return -1;
        p->def->has_features = true;
    }
    return 0;
}

static void features_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                            struct vmgr__xml_writer *w)
{
    if (!def->has_features)
        return;
    vmgr__xw_begin(w, "features");
    for (int i = 0; i < VMGR__FEATURE_COUNT; i++) {
        const struct vmgr__feature *f = &def->features[i];

        if (!f->present)
            continue;
        if (f->kept) {
            vmgr__xw_raw(w, f->kept);
            continue;
        }
        vmgr__xw_begin(w, features[i].name);
        if (f->state)
            vmgr__xw_attr(w, "state", vmgr__on_off[f->state]);
        vmgr__xw_end(w, features[i].name);
    }
    vmgr__xw_end(w, "features");
}

const struct vmgr__element vmgr__element_features = { "features", features_parse, features_format };
