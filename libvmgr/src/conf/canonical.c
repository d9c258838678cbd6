/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept as text, put into the order in which libvirt writes it.
 *
 * Theory of operation. schema.c has for each element the names of its attributes and children in
 * order. Sorting is stable, so several children of one name keep theirs; what has no place comes
 * last, in the order of the document, and is reported: it belongs to a newer version, or is a
 * mistake. Comments stay before the element they stood before. An element that is meant to have
 * text, not children, keeps its content as it is; text between children goes with the next one. One
 * that may hold itself (<backingStore>) has one path at any depth.
 */
#include "canonical.h"

#include <stdlib.h>
#include <string.h>

#include "element.h"

static int compare(const void *path, const void *shape)
{
    return strcmp(path, ((const struct vmgr__shape *)shape)->path);
}

const struct vmgr__shape *vmgr__shape_find(const char *path)
{
    const char *name = strrchr(path, '/');
    const struct vmgr__shape *found =
        bsearch(path, vmgr__shapes, vmgr__shape_count, sizeof(*vmgr__shapes), compare);
    char any[64];

    if (found || !name || g_snprintf(any, sizeof(any), "*%s", name) >= (int)sizeof(any))
        return found;
    return bsearch(any, vmgr__shapes, vmgr__shape_count, sizeof(*vmgr__shapes), compare);
}

/* The place of a name among blank-separated words; -1: none. */
static int rank_of(const char *words, const char *name)
{
    const size_t length = strlen(name);
    int rank = 0;

    for (const char *w = words; *w; rank++) {
        const size_t n = strcspn(w, " ");

        if (n == length && memcmp(w, name, n) == 0)
            return rank;
        w += n + (w[n] == ' ');
    }
    return -1;
}

struct ranked {
    int rank;
    guint place;
    void *item;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void put(GArray *list, int rank, void *item)
{
    struct ranked r = { rank, list->len, item };

    g_array_append_val(list, r);
}

static bool sorted(GArray *list)
{
    const struct ranked *r = (const struct ranked *)(void *)list->data;

    for (guint i = 1; i < list->len; i++) {
        if (r[i].rank < r[i - 1].rank)
            return false;
    }
    return true;
}

static void order_attrs(struct vmgr__parse *p, xmlNode *node, const char *words)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ranked));
    xmlAttr *last = NULL;

    for (xmlAttr *a = node->properties; a; a = a->next) {
        int rank = a->ns ? -1 : rank_of(words, (const char *)a->name);

        if (rank < 0 && !a->ns)
            vmgr__warn_attr(p, node, (const char *)a->name);
        put(list, rank < 0 ? INT_MAX : rank, a);
    }
    if (sorted(list))
        return;
    g_array_sort(list, by_rank);
    for (guint i = 0; i < list->len; i++) {
        xmlAttr *a = g_array_index(list, struct ranked, i).item;

        a->prev = last;
        a->next = NULL;
        if (last)
            last->next = a;
        else
            node->properties = a;
        last = a;
    }
}

static bool has_text(const xmlNode *node)
{
    for (const xmlNode *c = node->children; c; c = c->next) {
        if (c->type != XML_ELEMENT_NODE && c->type != XML_COMMENT_NODE &&
            (c->type != XML_TEXT_NODE || !xmlIsBlankNode(c)))
            return true;
    }
    return false;
}

static void order_children(struct vmgr__parse *p, xmlNode *node, const char *words)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ranked));
    xmlNode *last = NULL;
    int rank = INT_MAX;

    for (xmlNode *c = node->last; c; c = c->prev) { /* what stands before an element goes with it */
        if (c->type == XML_ELEMENT_NODE) {
            rank = c->ns ? -1 : rank_of(words, (const char *)c->name);
            if (rank < 0 && !c->ns)
                vmgr__warn_element(p, c, (const char *)node->name);
            rank = rank < 0 ? INT_MAX : rank;
        }
        put(list, rank, c);
    }
    for (guint i = 0; i < list->len; i++) /* it was read backwards */
        g_array_index(list, struct ranked, i).place = list->len - i;
    g_array_sort(list, by_rank);
    for (guint i = 0; i < list->len; i++) {
        xmlNode *c = g_array_index(list, struct ranked, i).item;

        c->prev = last;
        c->next = NULL;
        if (last)
            last->next = c;
        else
            node->children = c;
        last = c;
    }
    node->last = last;
}

static void order(struct vmgr__parse *p, xmlNode *node, const char *path)
{
    const struct vmgr__shape *shape = vmgr__shape_find(path);
    const char *name = strrchr(path, '/');

    if (shape) {
        order_attrs(p, node, shape->attrs);
        if (*shape->children || !has_text(node))
            order_children(p, node, shape->children);
    }
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        bool itself = strcmp(name ? name + 1 : path, (const char *)c->name) == 0;
        g_autofree char *below = NULL;

        if (c->ns)
            continue;
        if (!itself)
            below = g_strconcat(path, "/", (const char *)c->name, NULL);
        order(p, c, itself ? path : below);
    }
}

void vmgr__canonical(struct vmgr__parse *p, xmlNode *node, const char *prefix)
{
    g_autofree char *path = g_strconcat(prefix, (const char *)node->name, NULL);

    if (!node->ns)
        order(p, node, path);
}
