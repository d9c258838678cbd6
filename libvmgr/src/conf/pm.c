/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <pm>: whether the guest may suspend to memory and to disk.
 */
#include "element.h"

static int parse_enabled(struct vmgr__parse *p, xmlNode *pm, const char *name, int *ret)
{
    static const char *const known[] = { "enabled", NULL };
    xmlNode *node = vmgr__xml_child(pm, name);
    g_autofree char *text = node ? vmgr__xml_attr(node, "enabled") : NULL;

    if (!node)
        return 0;
    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, NULL);
    if (!text)
        return 0;
    *ret = vmgr__name_index(vmgr__yes_no, text);
    if (*ret <= 0)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'enabled' in element '%s': '%s'.", name,
                          text);
    return 0;
}

static int pm_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "suspend-to-mem", "suspend-to-disk", NULL };

    vmgr__warn_attrs(p, node, NULL);
    vmgr__warn_children(p, node, known);
    if (parse_enabled(p, node, known[0], &p->def->pm_mem) < 0)
        return -1;
    return parse_enabled(p, node, known[1], &p->def->pm_disk);
}

static void format_enabled(struct vmgr__xml_writer *w, const char *name, int value)
{
    if (!value)
        return;
    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, "enabled", vmgr__yes_no[value]);
    vmgr__xw_end(w, name);
}

static void pm_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                      struct vmgr__xml_writer *w)
{
    if (!def->pm_mem && !def->pm_disk)
        return;
    vmgr__xw_begin(w, "pm");
    format_enabled(w, "suspend-to-mem", def->pm_mem);
    format_enabled(w, "suspend-to-disk", def->pm_disk);
    vmgr__xw_end(w, "pm");
}

const struct vmgr__element vmgr__element_pm = { "pm", pm_parse, pm_format };
