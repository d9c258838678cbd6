/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <hugepages> of <memoryBacking>: one size for all of a guest's memory, or sizes for its NUMA
 * nodes.
 */
#include "element.h"
#include "tuning.h"

#define SET_MAX  16384 /* of vmgr__tuning_parse_set() */
#define PAGE_KIB 4     /* of the system: such pages are not huge */

static const struct vmgr__hugepage *at(const struct vmgr__tuning *t, guint i)
{
    return &g_array_index(t->pages, struct vmgr__hugepage, i);
}

static guint count(const struct vmgr__tuning *t)
{
    return t->pages ? t->pages->len : 0;
}

/* ---- reading ---- */

static int parse_nodes(struct vmgr__parse *p, const char *text, struct vmgr__hugepage *page)
{
    g_autofree char *canonical = vmgr__tuning_parse_set(p, text, "nodeset");
    g_autofree uint8_t *set = g_malloc(SET_MAX);

    if (!canonical)
        return -1;
    vmgr__cpuset_parse(canonical, set, SET_MAX);
    for (unsigned i = 0; i < SET_MAX; i++) {
        if (i < VMGR__NODES_MAX)
            page->nodes[i / 64] |= (uint64_t)set[i] << i % 64;
        else if (set[i] && !page->beyond)
            page->beyond = i;
    }
    return 0;
}

static int parse_page(struct vmgr__parse *p, const xmlNode *node)
{
    g_autofree char *size = vmgr__xml_attr(node, "size");
    g_autofree char *unit = vmgr__xml_attr(node, "unit");
    g_autofree char *nodeset = vmgr__xml_attr(node, "nodeset");
    struct vmgr__hugepage page = { .of_nodes = nodeset };
    uint64_t n, bytes;

    if (!size || !*size)
        return conf_error(p, VMGR_ERR_XML_ERROR, "missing element or attribute './@size'");
    if (!vmgr__parse_u64(size + strspn(size, " \t\r\n"), &n))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value '%s' for element or attribute './@size'", size);
    if (!n)
        return conf_error(p, VMGR_ERR_XML_DETAIL, "hugepage size can't be zero");
    if (vmgr__scale(n, unit, 1024, INT64_MAX, &bytes, p->err) < 0)
        return -1;
    if (nodeset && parse_nodes(p, nodeset, &page) < 0)
        return -1;
    page.kib = bytes / 1024 + (bytes % 1024 != 0);
    if (!p->def->tuning.pages)
        p->def->tuning.pages = g_array_new(FALSE, FALSE, sizeof(page));
    g_array_append_val(p->def->tuning.pages, page);
    return 0;
}

int vmgr__hugepages_parse(struct vmgr__parse *p, const xmlNode *node)
{
    p->def->tuning.hugepages = true;
    for (xmlNode *c = vmgr__xml_child(node, "page"); c; c = vmgr__xml_next(c, "page")) {
        if (parse_page(p, c) < 0)
            return -1;
    }
    return 0;
}

static bool has_node(const struct vmgr__hugepage *page, unsigned node)
{
    return node < VMGR__NODES_MAX && page->nodes[node / 64] >> node % 64 & 1;
}

/* Two of all nodes, or of one. */
static int check_pair(struct vmgr__parse *p, const struct vmgr__hugepage *a,
                      const struct vmgr__hugepage *b)
{
    uint64_t both = 0;

    if (!a->of_nodes && !b->of_nodes)
        return conf_error(p, VMGR_ERR_XML_DETAIL,
                          "two master hugepages detected: %" G_GUINT64_FORMAT
                          " and %" G_GUINT64_FORMAT,
                          a->kib, b->kib);
    for (size_t i = 0; i < G_N_ELEMENTS(a->nodes); i++)
        both |= a->nodes[i] & b->nodes[i];
    return both ? conf_error(p, VMGR_ERR_XML_DETAIL,
                             "nodeset attribute of hugepages of sizes %" G_GUINT64_FORMAT
                             " and %" G_GUINT64_FORMAT " intersect",
                             a->kib, b->kib)
                : 0;
}

/* A guest without cells is node 0 as a whole. */
static void forget_only_node(struct vmgr__hugepage *page)
{
    uint64_t others = page->beyond | (page->nodes[0] & ~(uint64_t)1);

    for (size_t i = 1; i < G_N_ELEMENTS(page->nodes); i++)
        others |= page->nodes[i];
    if (!others)
        *page = (struct vmgr__hugepage){ .kib = page->kib };
}

int vmgr__hugepages_settle(struct vmgr__parse *p, const xmlNode *domain)
{
    const struct vmgr__tuning *t = &p->def->tuning;
    const unsigned cells = vmgr__numa_cell_count(domain);

    for (guint i = 0; !cells && i < count(t); i++)
        forget_only_node(&g_array_index(t->pages, struct vmgr__hugepage, i));
    for (guint i = 0; i < count(t); i++) {
        for (guint j = 0; j < i; j++) {
            if (check_pair(p, at(t, i), at(t, j)) < 0)
                return -1;
        }
        for (unsigned node = cells; node < VMGR__NODES_MAX; node++) {
            if (has_node(at(t, i), node))
                return conf_error(p, VMGR_ERR_XML_DETAIL, "hugepages: node %u not found", node);
        }
        if (at(t, i)->beyond)
            return conf_error(p, VMGR_ERR_XML_DETAIL, "hugepages: node %u not found",
                              at(t, i)->beyond);
    }
    return 0;
}

/* ---- asking and writing ---- */

bool vmgr__hugepages_of(const struct vmgr__tuning *t, int node, uint64_t *ret_kib)
{
    const struct vmgr__hugepage *found = NULL;

    for (guint i = 0; i < count(t); i++) {
        const struct vmgr__hugepage *page = at(t, i);

        if (page->of_nodes ? node >= 0 && has_node(page, (unsigned)node) : !found)
            found = page;
    }
    *ret_kib = found ? found->kib : 0;
    return found ? found->kib != PAGE_KIB : t->hugepages && !count(t);
}

static void write_page(const struct vmgr__hugepage *page, struct vmgr__xml_writer *w)
{
    uint8_t set[VMGR__NODES_MAX];
    g_autofree char *nodeset = NULL;

    for (unsigned i = 0; i < VMGR__NODES_MAX; i++)
        set[i] = has_node(page, i);
    if (page->of_nodes)
        nodeset = vmgr__cpuset_format(set, sizeof(set));
    vmgr__xw_begin(w, "page");
    vmgr__xw_attrf(w, "size", "%" G_GUINT64_FORMAT, page->kib);
    vmgr__xw_attr(w, "unit", "KiB");
    vmgr__xw_attr(w, "nodeset", nodeset);
    vmgr__xw_end(w, "page");
}

void vmgr__hugepages_write(const struct vmgr__tuning *t, struct vmgr__xml_writer *w)
{
    if (!t->hugepages)
        return;
    vmgr__xw_begin(w, "hugepages");
    for (guint i = 0; i < count(t); i++)
        write_page(at(t, i), w);
    vmgr__xw_end(w, "hugepages");
}
