/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints of the test driver's guests: descriptions, with nothing behind them.
 */
#include "../checkpoint.h"

#include "../../conf/checkpoint.h"
#include "test.h"

/* Locks the driver and finds the checkpoint. */
static struct vmgr__checkpoint *enter(struct vmgr_domain *dom, const char *name,
                                      struct test **ret_test, struct vmgr__domobj **ret_obj,
                                      struct vmgr_error **err)
{
    struct vmgr__checkpoint *c;

    *ret_obj = vmgr__test_enter(dom, ret_test, err);
    if (!*ret_obj)
        return NULL;
    c = vmgr__checkpoints_get((*ret_obj)->checkpoints, name, err);
    if (!c)
        vmgr__test_leave(*ret_test, -1);
    return c;
}

/* Completes a new one, and takes it. */
static int put(struct vmgr__domobj *obj, struct vmgr__checkpoint *c, bool redefine,
               struct vmgr_error **err)
{
    const struct vmgr__checkpoint *last = vmgr__checkpoints_last(obj->checkpoints);

    if (!redefine) {
        if (vmgr__domobj_need_active(obj, NULL) < 0)
            return vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_TEST,
                                   "cannot create checkpoint for inactive domain");
        c->dom = vmgr__domain_def_copy(vmgr__domobj_current(obj), &vmgr__test_defaults, err);
        if (!c->dom)
            return -1;
        c->parent = last ? g_strdup(last->name) : NULL;
    }
    if (vmgr__checkpoint_align(c, err) < 0 ||
        vmgr__checkpoints_check(obj->checkpoints, c, redefine, err) < 0)
        return -1;
    if (!obj->checkpoints)
        obj->checkpoints = vmgr__checkpoints_new();
    vmgr__checkpoints_put(obj->checkpoints, c);
    return 0;
}

static int create(struct vmgr_domain *dom, const char *xml, uint32_t flags, char **ret,
                  struct vmgr_error **err)
{
    const bool redefine = flags & VMGR_CHECKPOINT_CREATE_REDEFINE;
    struct vmgr__checkpoint *c;
    struct vmgr__domobj *obj;
    struct test *t;

    if (flags & VMGR_CHECKPOINT_CREATE_REDEFINE_VALIDATE)
        return vmgr__check_flags(flags,
                                 VMGR_CHECKPOINT_CREATE_REDEFINE | VMGR_CHECKPOINT_CREATE_QUIESCE,
                                 "testDomainCheckpointCreateXML", err);
    c = vmgr__checkpoint_parse(xml, &vmgr__test_defaults, redefine, err);
    if (!c)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj || put(obj, c, redefine, err) < 0) {
        vmgr__checkpoint_free(c);
        return obj ? vmgr__test_leave(t, -1) : -1;
    }
    *ret = g_strdup(c->name);
    return vmgr__test_leave(t, 0);
}

static int lookup(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;

    return enter(dom, name, &t, &obj, err) ? vmgr__test_leave(t, 0) : -1;
}

static int list(struct vmgr_domain *dom, const char *of, uint32_t flags, GPtrArray *ret,
                struct vmgr_error **err)
{
    const struct vmgr__checkpoint *from = NULL;
    struct vmgr__domobj *obj;
    struct test *t;

    if (of)
        from = enter(dom, of, &t, &obj, err);
    else
        obj = vmgr__test_enter(dom, &t, err);
    if (!obj || (of && !from))
        return -1;
    vmgr__checkpoints_select(obj->checkpoints, from, flags, ret);
    for (guint i = 0; i < ret->len; i++)
        ret->pdata[i] = g_strdup(((struct vmgr__checkpoint *)ret->pdata[i])->name);
    return vmgr__test_leave(t, 0);
}

static int get_parent(struct vmgr_domain *dom, const char *name, char **ret,
                      struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;
    const struct vmgr__checkpoint *c = enter(dom, name, &t, &obj, err);

    if (!c)
        return -1;
    if (!c->parent)
        return vmgr__test_leave(t,
                                vmgr__error_set(err, VMGR_ERR_NO_DOMAIN_CHECKPOINT, VMGR_FROM_TEST,
                                                "checkpoint '%s' does not have a parent", name));
    *ret = g_strdup(c->parent);
    return vmgr__test_leave(t, 0);
}

static int get_xml(struct vmgr_domain *dom, const char *name, uint32_t flags, char **ret,
                   struct vmgr_error **err)
{
    const struct vmgr__checkpoint *c;
    struct vmgr__domobj *obj;
    struct test *t;

    /* Of sizes nothing is said: there is nothing that could have changed. */
    c = enter(dom, name, &t, &obj, err);
    if (!c)
        return -1;
    *ret = vmgr__checkpoint_format(
        c, !(flags & VMGR_CHECKPOINT_XML_NO_DOMAIN),
        VMGR__CONF_INACTIVE | (flags & VMGR_CHECKPOINT_XML_SECURE ? 0 : VMGR__CONF_PUBLIC));
    return vmgr__test_leave(t, 0);
}

static int remove_one(struct vmgr_domain *dom, const char *name, uint32_t flags,
                      struct vmgr_error **err)
{
    const uint32_t children =
        VMGR_CHECKPOINT_DELETE_CHILDREN | VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY;
    g_autoptr(GPtrArray) below = g_ptr_array_new();
    struct vmgr__domobj *obj;
    struct test *t;
    struct vmgr__checkpoint *c = enter(dom, name, &t, &obj, err);

    if (!c)
        return -1;
    if (flags & children)
        vmgr__checkpoints_select(obj->checkpoints, c, VMGR_CHECKPOINT_LIST_DESCENDANTS, below);
    while (below->len)
        vmgr__checkpoints_remove(obj->checkpoints, g_ptr_array_steal_index(below, below->len - 1));
    if (!(flags & VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY))
        vmgr__checkpoints_remove(obj->checkpoints, c);
    return vmgr__test_leave(t, 0);
}

const struct vmgr__checkpoint_ops vmgr__test_checkpoint = {
    .create = create,
    .lookup = lookup,
    .list = list,
    .get_parent = get_parent,
    .get_xml = get_xml,
    .remove = remove_one,
};
