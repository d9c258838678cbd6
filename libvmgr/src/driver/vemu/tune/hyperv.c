/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <hyperv>: what Windows looks for in a hypervisor.
 *
 * Each is a setting of -cpu. What needs what, and what the host has, is the emulator's to say.
 */
#include <string.h>

#include "../device/parts.h"
#include "feature.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)
#define xml_error(err, ...)   vemu_error(err, VMGR_ERR_XML_ERROR, __VA_ARGS__)

#define RETRIES_MIN 4095
#define VENDOR_MAX  12

/* Children that are a switch and nothing else. */
static const char *const switches[] = { "relaxed",  "vapic", "vpindex",     "runtime",
                                        "synic",    "reset", "frequencies", "reenlightenment",
                                        "tlbflush", "ipi",   "avic",        NULL };

static int check_state(const xmlNode *node, struct vmgr_error **err)
{
    return node && vmgr__vemu_feature_state(node) < 0
               ? xml_error(err, "Missing required attribute 'state' in element '%s'",
                           (const char *)node->name)
               : 0;
}

static int check_child(const xmlNode *child, struct vmgr_error **err)
{
    const char *name = (const char *)child->name;
    const int on = vmgr__vemu_feature_state(child);
    g_autofree char *retries = vmgr__xml_attr(child, "retries");
    g_autofree char *value = vmgr__xml_attr(child, "value");
    uint32_t count;

    if (check_state(child, err) < 0)
        return -1;
    if (!on || vmgr__name_index(switches, name) >= 0)
        return 0;
    if (strcmp(name, "stimer") == 0)
        return check_state(vmgr__xml_child(child, "direct"), err);
    if (strcmp(name, "spinlocks") == 0) {
        if (!retries)
            return xml_error(err, "Missing required attribute 'retries' in element 'spinlocks'");
        if (!vmgr__parse_u32(retries, &count) || count < RETRIES_MIN)
            return xml_error(err, "HyperV spinlock retry count must be at least %d", RETRIES_MIN);
        return 0;
    }
    if (strcmp(name, "vendor_id") == 0) {
        if (!value || !*value)
            return xml_error(err, "missing 'value' attribute for HyperV feature 'vendor_id'");
        if (strlen(value) > VENDOR_MAX)
            return xml_error(err, "HyperV vendor_id value must not be more than %d characters.",
                             VENDOR_MAX);
        if (strchr(value, ','))
            return xml_error(err, "HyperV vendor_id value is invalid");
        return 0;
    }
    return unsupported(err, "<%s> of feature 'hyperv' is not supported by the vemu driver yet",
                       name);
}

static bool passes_all(const xmlNode *root)
{
    g_autofree char *mode = vmgr__xml_attr(root, "mode");

    return g_strcmp0(mode, "passthrough") == 0;
}

int vmgr__vemu_hyperv_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    xmlDoc *doc = NULL;
    const xmlNode *root;
    g_autofree char *mode = NULL;
    int r = vmgr__vemu_feature_parse(def, "hyperv", &doc, err);

    if (r <= 0)
        return r;
    root = xmlDocGetRootElement(doc);
    mode = vmgr__xml_attr(root, "mode");
    r = 0;
    if (mode && strcmp(mode, "custom") != 0 && strcmp(mode, "passthrough") != 0)
        r = xml_error(err, "Invalid value for attribute 'mode' in element 'hyperv': '%s'.", mode);
    for (xmlNode *c = vmgr__xml_first(root); c && r == 0; c = vmgr__xml_next(c, NULL))
        r = check_child(c, err);
    xmlFreeDoc(doc);
    return r;
}

static void add_child(const xmlNode *child, GString *cpu)
{
    const char *name = (const char *)child->name;
    xmlNode *direct = vmgr__xml_child(child, "direct");
    g_autofree char *retries = vmgr__xml_attr(child, "retries");
    g_autofree char *value = vmgr__xml_attr(child, "value");
    uint32_t count = 0;

    if (vmgr__vemu_feature_state(child) != 1)
        return;
    if (strcmp(name, "spinlocks") == 0) {
        vmgr__parse_u32(retries, &count);
        g_string_append_printf(cpu, ",hv-spinlocks=0x%x", count);
    } else if (strcmp(name, "vendor_id") == 0) {
        g_string_append_printf(cpu, ",hv-vendor-id=%s", value);
    } else {
        g_string_append_printf(cpu, ",hv-%s=on", name);
    }
    if (direct && vmgr__vemu_feature_state(direct) == 1)
        g_string_append(cpu, ",hv-stimer-direct=on");
}

void vmgr__vemu_hyperv_cpu(const struct vmgr__domain_def *def, GString *cpu)
{
    xmlDoc *doc = NULL;

    if (vmgr__vemu_feature_parse(def, "hyperv", &doc, NULL) <= 0)
        return;
    if (passes_all(xmlDocGetRootElement(doc)))
        g_string_append(cpu, ",hv-passthrough=on");
    for (xmlNode *c = vmgr__xml_first(xmlDocGetRootElement(doc)); c; c = vmgr__xml_next(c, NULL))
        add_child(c, cpu);
    xmlFreeDoc(doc);
}
