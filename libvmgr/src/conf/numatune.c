/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <numatune>: the host's NUMA nodes that a guest's memory comes from.
 */
#include "canonical.h"
#include "element.h"
#include "tuning.h"

const char *const vmgr__numa_mode_names[] = { "strict", "preferred", "interleave", "restrictive",
                                              NULL };

static int parse_word(struct vmgr__parse *p, const xmlNode *node, const char *attr,
                      const char *const *words, const char *what, int *ret)
{
    g_autofree char *word = vmgr__xml_attr(node, attr);
    int index = word ? vmgr__name_index(words, word) : *ret;

    if (word && index < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Unsupported NUMA memory %s mode '%s'",
                          what, word);
    *ret = index;
    return 0;
}

static int parse_numa_memory(struct vmgr__parse *p, const xmlNode *node)
{
    static const char *const placements[] = { "static", "auto", NULL };
    struct vmgr__tuning *t = &p->def->tuning;
    g_autofree char *nodes = vmgr__xml_attr(node, "nodeset");
    int mode = -1, placement = -1;

    if (parse_word(p, node, "mode", vmgr__numa_mode_names, "tuning", &mode) < 0 ||
        parse_word(p, node, "placement", placements, "placement", &placement) < 0)
        return -1;
    if (!nodes && mode < 0 && placement < 0)
        return 0;
    if (placement < 0)
        placement = !nodes && p->def->vcpu_placement;
    t->numa_mode = MAX(mode, 0);
    t->numa_auto = placement == 1;
    if (!nodes && !t->numa_auto)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "nodeset for NUMA memory tuning must be set if "
                          "'placement' is 'static'");
    t->numa_nodeset = nodes ? vmgr__tuning_parse_set(p, nodes, "nodeset") : NULL;
    if (nodes && !t->numa_nodeset)
        return -1;
    if (t->numa_auto)
        g_clear_pointer(&t->numa_nodeset, g_free);
    return 0;
}

unsigned vmgr__numa_cell_count(const xmlNode *domain)
{
    const xmlNode *cpu = vmgr__xml_child(domain, "cpu");
    const xmlNode *numa = cpu ? vmgr__xml_child(cpu, "numa") : NULL;

    unsigned n = 0;

    for (const xmlNode *c = numa ? vmgr__xml_child(numa, "cell") : NULL; c;
         c = vmgr__xml_next(c, "cell"))
        n++;
    return n;
}

static int numatune_parse(struct vmgr__parse *p, xmlNode *node)
{
    const xmlNode *memory = vmgr__xml_child(node, "memory");

    vmgr__canonical(p, node, "");
    if (memory && parse_numa_memory(p, memory) < 0)
        return -1;
    if (vmgr__xml_child(node, "memnode") && !vmgr__numa_cell_count(node->parent))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Element 'memnode' is invalid without any guest NUMA cells");
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (!vmgr__xml_is(c, "memory"))
            vmgr__tuning_keep(&p->def->tuning, c, VMGR__TUNE_NUMATUNE);
        else if (c != memory)
            g_ptr_array_add(p->def->warnings,
                            g_strdup("only the first of several elements 'memory' in numatune "
                                     "counts"));
    }
    return 0;
}

static void write_numa(const struct vmgr__tuning *t, struct vmgr__xml_writer *w)
{
    if (t->numa_mode < 0)
        return;
    vmgr__xw_begin(w, "memory");
    vmgr__xw_attr(w, "mode", vmgr__numa_mode_names[t->numa_mode]);
    if (t->numa_auto)
        vmgr__xw_attr(w, "placement", "auto");
    else
        vmgr__xw_attr(w, "nodeset", t->numa_nodeset);
    vmgr__xw_end(w, "memory");
}

static void numatune_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                            struct vmgr__xml_writer *w)
{
    const struct vmgr__tuning *t = &def->tuning;

    if (t->numa_mode < 0 && !t->kept[VMGR__TUNE_NUMATUNE])
        return;
    vmgr__xw_begin(w, "numatune");
    write_numa(t, w);
    vmgr__tuning_write_kept(t, VMGR__TUNE_NUMATUNE, w);
    vmgr__xw_end(w, "numatune");
}

const struct vmgr__element vmgr__element_numatune = { "numatune", numatune_parse, numatune_format };
