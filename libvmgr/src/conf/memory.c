/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <maxMemory>, <memory> and <currentMemory>: how much the guest may ever have, may have and has; in
 * KiB once read.
 */
#include "element.h"
#include "memory-device.h"

/* Bytes must stay in what a signed 64-bit file offset can say. */
#define MEMORY_MAX_BYTES ((uint64_t)INT64_MAX)

static int parse_kib(struct vmgr__parse *p, xmlNode *node, const char *path, uint64_t *ret_kib)
{
    g_autofree char *text = vmgr__xml_text(node);
    g_autofree char *unit = vmgr__xml_attr(node, "unit");
    uint64_t value, bytes;

    if (!*text) /* <memory/> says as little as no <memory> */
        return 0;
    if (!vmgr__parse_u64(text, &value))
        return conf_error(p, VMGR_ERR_XML_ERROR, "Invalid value '%s' for element or attribute '%s'",
                          text, path);
    if (vmgr__scale(value, unit, 1024, MEMORY_MAX_BYTES, &bytes, p->err) < 0)
        return -1;
    *ret_kib = bytes / 1024 + (bytes % 1024 ? 1 : 0);
    return 0;
}

static int max_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "slots", "unit", NULL };
    g_autofree char *slots = vmgr__xml_attr(node, "slots");

    vmgr__warn_attrs(p, node, known);
    if (slots && *slots && !vmgr__parse_u32(slots, &p->def->memory_slots))
        return conf_error(p, VMGR_ERR_XML_ERROR, "Failed to parse memory slot count");
    return parse_kib(p, node, "./maxMemory[1]", &p->def->max_memory_kib);
}

static void max_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                       struct vmgr__xml_writer *w)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, def->max_memory_kib);

    if (!def->max_memory_kib)
        return;
    vmgr__xw_begin(w, "maxMemory");
    vmgr__xw_attrf(w, "slots", "%u", def->memory_slots);
    vmgr__xw_attr(w, "unit", "KiB");
    vmgr__xw_end_text(w, "maxMemory", text);
}

const struct vmgr__element vmgr__element_max_memory = { "maxMemory", max_parse, max_format };

static int memory_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "unit", "dumpCore", NULL };
    static const char *const values[] = { "on", "off", NULL };
    int value;

    if (node) {
        vmgr__warn_attrs(p, node, known);
        if (parse_kib(p, node, "./memory[1]", &p->def->memory_kib) < 0)
            return -1;
        switch (vmgr__xml_enum(node, "dumpCore", values, &value, p->err)) {
        case 1: p->def->dump_core = value + 1; break;
        case -1: return -1;
        default: break;
        }
    }
    return 0;
}

static void memory_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                          struct vmgr__xml_writer *w)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, def->memory_kib);

    vmgr__xw_begin(w, "memory");
    if (def->dump_core)
        vmgr__xw_attr(w, "dumpCore", vmgr__on_off[def->dump_core]);
    vmgr__xw_attr(w, "unit", "KiB");
    vmgr__xw_end_text(w, "memory", text);
}

const struct vmgr__element vmgr__element_memory = { "memory", memory_parse, memory_format,
                                                    .always = true };

/* Comes after <memory> in the table, so both are known here. */
static int current_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "unit", NULL };
    struct vmgr__domain_def *def = p->def;

    if (node) {
        vmgr__warn_attrs(p, node, known);
        if (parse_kib(p, node, "./currentMemory[1]", &def->current_memory_kib) < 0)
            return -1;
    }
    if (def->memory_kib == 0)
        return conf_error(
            p, VMGR_ERR_XML_ERROR,
            "Memory size must be specified via <memory> or in the <numa> configuration");
    if (def->current_memory_kib == 0 || def->current_memory_kib > def->memory_kib)
        def->current_memory_kib = def->memory_kib;
    return 0;
}

static void current_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                           struct vmgr__xml_writer *w)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, def->current_memory_kib);

    vmgr__xw_begin(w, "currentMemory");
    vmgr__xw_attr(w, "unit", "KiB");
    vmgr__xw_end_text(w, "currentMemory", text);
}

const struct vmgr__element vmgr__element_current_memory = { "currentMemory", current_parse,
                                                            current_format, .always = true };

int vmgr__memory_settle(struct vmgr__parse *p)
{
    const struct vmgr__domain_def *def = p->def;
    const uint64_t plugged = vmgr__memory_in_devices(def);

    if (plugged > def->memory_kib)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Total size of memory devices exceeds the total memory size");
    if (plugged == def->memory_kib)
        return conf_error(
            p, VMGR_ERR_XML_ERROR,
            "Memory size must be specified via <memory> or in the <numa> configuration");
    if (!def->max_memory_kib != !def->memory_slots)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "both maximum memory size and memory slot count must be specified");
    if (def->max_memory_kib && def->max_memory_kib < def->memory_kib)
        return conf_error(
            p, VMGR_ERR_XML_ERROR,
            "maximum memory size must be equal or greater than the actual memory size");
    return 0;
}
