/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <memoryBacking>: what a guest's memory is made of.
 */
#include "canonical.h"
#include "element.h"
#include "tuning.h"

static const char *const sources[] = {
    "", [VMGR__MEMORY_SOURCE_FILE] = "file", [VMGR__MEMORY_SOURCE_ANONYMOUS] = "anonymous",
    [VMGR__MEMORY_SOURCE_MEMFD] = "memfd", NULL
};
static const char *const accesses[] = { "", "shared", "private", NULL };
static const char *const allocations[] = { "", "immediate", "ondemand", NULL };

static int parse_word(struct vmgr__parse *p, const xmlNode *node, const char *attr,
                      const char *const *words, int *ret)
{
    g_autofree char *word = vmgr__xml_attr(node, attr);
    int index = word ? vmgr__name_index(words, word) : 0;

    if (index < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown memoryBacking/%s/%s '%s'",
                          (const char *)node->name, attr, word);
    *ret = index;
    return 0;
}

static int parse_child(struct vmgr__parse *p, xmlNode *c)
{
    struct vmgr__tuning *t = &p->def->tuning;
    g_autofree char *threads = NULL;

    if (vmgr__xml_is(c, "hugepages"))
        return vmgr__hugepages_parse(p, c);
    if (vmgr__xml_is(c, "nosharepages"))
        t->nosharepages = true;
    else if (vmgr__xml_is(c, "locked"))
        t->locked = true;
    else if (vmgr__xml_is(c, "discard"))
        t->discard = true;
    else if (vmgr__xml_is(c, "source"))
        return parse_word(p, c, "type", sources, &t->source);
    else if (vmgr__xml_is(c, "access"))
        return parse_word(p, c, "mode", accesses, &t->access);
    else if (vmgr__xml_is(c, "allocation")) {
        threads = vmgr__xml_attr(c, "threads");
        if (threads && !vmgr__parse_u32(threads, &t->allocation_threads))
            return conf_error(p, VMGR_ERR_XML_ERROR, "Failed to parse memory allocation threads");
        return parse_word(p, c, "mode", allocations, &t->allocation);
    }
    return 0;
}

static int backing_parse(struct vmgr__parse *p, xmlNode *node)
{
    vmgr__canonical(p, node, "");
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (parse_child(p, c) < 0)
            return -1;
    }
    return 0;
}

static void write_word(struct vmgr__xml_writer *w, const char *name, const char *attr,
                       const char *const *words, int index)
{
    if (!index)
        return;
    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, attr, words[index]);
    vmgr__xw_end(w, name);
}

static void write_flag(struct vmgr__xml_writer *w, const char *name, bool on)
{
    if (!on)
        return;
    vmgr__xw_begin(w, name);
    vmgr__xw_end(w, name);
}

static bool has_backing(const struct vmgr__tuning *t)
{
    return t->hugepages || t->nosharepages || t->locked || t->source || t->access ||
           t->allocation || t->allocation_threads || t->discard;
}

static void backing_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                           struct vmgr__xml_writer *w)
{
    const struct vmgr__tuning *t = &def->tuning;

    if (!has_backing(t))
        return;
    vmgr__xw_begin(w, "memoryBacking");
    vmgr__hugepages_write(t, w);
    write_flag(w, "nosharepages", t->nosharepages);
    write_flag(w, "locked", t->locked);
    write_word(w, "source", "type", sources, t->source);
    write_word(w, "access", "mode", accesses, t->access);
    if (t->allocation || t->allocation_threads) {
        vmgr__xw_begin(w, "allocation");
        if (t->allocation)
            vmgr__xw_attr(w, "mode", allocations[t->allocation]);
        if (t->allocation_threads)
            vmgr__xw_attrf(w, "threads", "%u", t->allocation_threads);
        vmgr__xw_end(w, "allocation");
    }
    write_flag(w, "discard", t->discard);
    vmgr__xw_end(w, "memoryBacking");
}

const struct vmgr__element vmgr__element_memory_backing = { "memoryBacking", backing_parse,
                                                            backing_format };
