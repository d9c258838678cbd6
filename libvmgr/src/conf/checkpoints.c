/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's checkpoints: who is whose parent, and what may come in.
 *
 * Parents are names; a name that no checkpoint has is no parent. Whatever a set was made from, no
 * walk through it is longer than the set.
 */
#include <string.h>
#include <vmgr/checkpoint.h>

#include "checkpoint.h"

GPtrArray *vmgr__checkpoints_new(void)
{
    return g_ptr_array_new_with_free_func(vmgr__checkpoint_free);
}

struct vmgr__checkpoint *vmgr__checkpoints_find(const GPtrArray *list, const char *name)
{
    for (guint i = 0; list && name && i < list->len; i++) {
        struct vmgr__checkpoint *c = list->pdata[i];

        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

struct vmgr__checkpoint *vmgr__checkpoints_get(const GPtrArray *list, const char *name,
                                               struct vmgr_error **err)
{
    struct vmgr__checkpoint *c = vmgr__checkpoints_find(list, name);

    if (!c)
        vmgr__error_set(err, VMGR_ERR_NO_DOMAIN_CHECKPOINT, VMGR_FROM_DOMAIN_CHECKPOINT,
                        "no domain checkpoint with matching name '%s'", name);
    return c;
}

static struct vmgr__checkpoint *parent_of(const GPtrArray *list, const struct vmgr__checkpoint *c)
{
    return c->parent ? vmgr__checkpoints_find(list, c->parent) : NULL;
}

static bool has_children(const GPtrArray *list, const struct vmgr__checkpoint *c)
{
    for (guint i = 0; i < list->len; i++) {
        if (g_strcmp0(((struct vmgr__checkpoint *)list->pdata[i])->parent, c->name) == 0)
            return true;
    }
    return false;
}

const struct vmgr__checkpoint *vmgr__checkpoints_last(const GPtrArray *list)
{
    const struct vmgr__checkpoint *last = NULL;

    for (guint i = 0; list && i < list->len; i++) {
        if (has_children(list, list->pdata[i]))
            continue;
        if (last)
            return NULL;
        last = list->pdata[i];
    }
    return last;
}

/* How far below `of` (NULL: all); -1: it is not. */
static int depth_below(const GPtrArray *list, const struct vmgr__checkpoint *c,
                       const struct vmgr__checkpoint *of)
{
    int depth = 0;

    for (guint i = 0; c != of && i < list->len; i++, depth++) {
        c = parent_of(list, c);
        if (!c && of)
            return -1;
    }
    return c == of ? depth : -1;
}

#define invalid(err, ...)                                                                          \
    vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT, __VA_ARGS__)

static int check_parent(const GPtrArray *list, const struct vmgr__checkpoint *c,
                        struct vmgr_error **err)
{
    const struct vmgr__checkpoint *at = vmgr__checkpoints_find(list, c->parent);

    if (strcmp(c->parent, c->name) == 0)
        return invalid(err, "cannot set moment %s as its own parent", c->name);
    if (!at)
        return invalid(err, "parent %s for moment %s not found", c->parent, c->name);
    for (; at; at = parent_of(list, at)) {
        if (at->parent && strcmp(at->parent, c->name) == 0)
            return invalid(err, "parent %s would create cycle to %s", at->name, c->name);
    }
    return 0;
}

int vmgr__checkpoints_check(const GPtrArray *list, const struct vmgr__checkpoint *c, bool redefine,
                            struct vmgr_error **err)
{
    const struct vmgr__checkpoint *was = vmgr__checkpoints_find(list, c->name);
    char uuid[VMGR_UUID_STRING_SIZE];

    if (was && !redefine)
        return vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_DOMAIN_CHECKPOINT,
                               "domain moment %s already exists", c->name);
    if (!redefine)
        return 0;
    if (c->parent && check_parent(list, c, err) < 0)
        return -1;
    if (!was || !was->dom || !c->dom || memcmp(was->dom->uuid, c->dom->uuid, VMGR_UUID_SIZE) == 0)
        return 0;
    vmgr__uuid_format(was->dom->uuid, uuid);
    return invalid(err, "definition for checkpoint %s must use uuid %s", c->name, uuid);
}

void vmgr__checkpoints_put(GPtrArray *list, struct vmgr__checkpoint *c)
{
    struct vmgr__checkpoint *was = vmgr__checkpoints_find(list, c->name);

    if (was)
        g_ptr_array_remove(list, was);
    g_ptr_array_add(list, c);
}

void vmgr__checkpoints_remove(GPtrArray *list, struct vmgr__checkpoint *c)
{
    for (guint i = 0; i < list->len; i++) {
        struct vmgr__checkpoint *each = list->pdata[i];

        if (g_strcmp0(each->parent, c->name) != 0)
            continue;
        g_free(each->parent);
        each->parent = g_strdup(c->parent);
    }
    g_ptr_array_remove(list, c);
}

static bool passes(const GPtrArray *list, const struct vmgr__checkpoint *c,
                   const struct vmgr__checkpoint *of, uint32_t flags)
{
    const uint32_t kinds = VMGR_CHECKPOINT_LIST_LEAVES | VMGR_CHECKPOINT_LIST_NO_LEAVES;
    const bool leaf = !has_children(list, c);

    if (of && (c == of || (flags & VMGR_CHECKPOINT_LIST_DESCENDANTS ? depth_below(list, c, of) < 0
                                                                    : parent_of(list, c) != of)))
        return false;
    if (!of && (flags & VMGR_CHECKPOINT_LIST_ROOTS) && parent_of(list, c))
        return false;
    return !(flags & kinds) ||
           (flags & kinds) == (leaf ? VMGR_CHECKPOINT_LIST_LEAVES : VMGR_CHECKPOINT_LIST_NO_LEAVES);
}

void vmgr__checkpoints_select(const GPtrArray *list, const struct vmgr__checkpoint *of,
                              uint32_t flags, GPtrArray *ret)
{
    guint done = 0;

    /* depth_below() of none counts the checkpoint itself */
    for (int depth = 1; list && depth <= (int)list->len && done < list->len; depth++) {
        for (guint i = 0; i < list->len; i++) {
            struct vmgr__checkpoint *c = list->pdata[i];

            if (depth_below(list, c, NULL) != depth)
                continue;
            done++;
            if (passes(list, c, of, flags))
                g_ptr_array_add(ret, c);
        }
    }
}
