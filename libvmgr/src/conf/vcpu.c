/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vcpu>: how many virtual CPUs, and on which host CPUs they may run.
 */
#include "element.h"
#include "tuning.h"

#include <string.h>

enum { CPUSET_MAX = 16384, VCPUS_MAX = 65535 };

bool vmgr__cpuset_parse(const char *text, uint8_t *set, size_t size)
{
    bool any = false;

    memset(set, 0, size);
    for (;;) {
        bool clear = false;
        uint64_t first = 0, last;
        int digits = 0;

        while (g_ascii_isspace(*text))
            text++;
        if (*text == '^') {
            clear = true;
            text++;
        }
        for (; g_ascii_isdigit(*text) && digits < 9; text++, digits++)
            first = first * 10 + (uint64_t)(*text - '0');
        if (!digits)
            return false;
        last = first;
        while (g_ascii_isspace(*text))
            text++;
        if (*text == '-' && !clear) {
            text++;
            while (g_ascii_isspace(*text))
                text++;
            for (digits = 0, last = 0; g_ascii_isdigit(*text) && digits < 9; text++, digits++)
                last = last * 10 + (uint64_t)(*text - '0');
            if (!digits || last < first)
                return false;
        }
        if (last >= size)
            return false;
        for (uint64_t i = first; i <= last; i++)
            set[i] = !clear;
        while (g_ascii_isspace(*text))
            text++;
        if (*text == '\0')
            break;
        if (*text++ != ',')
            return false;
    }
    for (size_t i = 0; i < size; i++)
        any = any || set[i];
    return any;
}

static int parse_cpuset(struct vmgr__parse *p, const char *text)
{
    g_autofree uint8_t *set = g_malloc(CPUSET_MAX);

    if (!vmgr__cpuset_parse(text, set, CPUSET_MAX))
        return conf_error(p, VMGR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'", text);
    p->def->cpuset = vmgr__cpuset_format(set, CPUSET_MAX);
    return 0;
}

static int vcpu_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "placement", "cpuset", "current", NULL };
    static const char *const placements[] = { "static", "auto", NULL };
    struct vmgr__domain_def *def = p->def;
    g_autofree char *text = vmgr__xml_text(node);
    g_autofree char *current = vmgr__xml_attr(node, "current");
    g_autofree char *cpuset = vmgr__xml_attr(node, "cpuset");

    def->max_vcpus = def->vcpus = 1;
    if (!node)
        return 0;
    vmgr__warn_attrs(p, node, known);
    if (!vmgr__parse_u32(text, &def->max_vcpus))
        return conf_error(p, VMGR_ERR_XML_ERROR, "maximum vcpus count must be an integer");
    def->vcpus = def->max_vcpus;
    if (current && !vmgr__parse_u32(current, &def->vcpus))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'current' in element 'vcpu': '%s'. Expected "
                          "non-negative integer value",
                          current);
    if (current && def->vcpus == 0)
        def->vcpus = def->max_vcpus;
    if (vmgr__xml_enum(node, "placement", placements, &def->vcpu_placement, p->err) < 0)
        return -1;
    if (cpuset && parse_cpuset(p, cpuset) < 0)
        return -1;
    if (def->max_vcpus < def->vcpus)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "maximum vCPU count must not be less than current vCPU count");
    if (def->max_vcpus == 0)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "CPU IDs in <numa> exceed the <vcpu> count");
    if (def->max_vcpus > VCPUS_MAX)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "more than %d vCPUs are not supported",
                          VCPUS_MAX);
    return 0;
}

static void vcpu_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                        struct vmgr__xml_writer *w)
{
    g_autofree char *text = g_strdup_printf("%u", def->max_vcpus);

    vmgr__xw_begin(w, "vcpu");
    vmgr__xw_attr(w, "placement", def->vcpu_placement ? "auto" : "static");
    vmgr__xw_attr(w, "cpuset", def->cpuset);
    if (def->vcpus != def->max_vcpus)
        vmgr__xw_attrf(w, "current", "%u", def->vcpus);
    vmgr__xw_end_text(w, "vcpu", text);
}

const struct vmgr__element vmgr__element_vcpu = { "vcpu", vcpu_parse, vcpu_format, .always = true };
