/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IOThreads of guests: at the start, in a guest that runs, and of the next start.
 */
#include "iothread.h"

#include <string.h>

#include "cgroup.h"
#include "../change.h"
#include "../device/parts.h"
#include "../run/qmp.h"

/* The emulator's names of what a definition may say. */
static const char *const poll_props[VMGR__IOTHREAD_POLLS] = { "poll-max-ns", "poll-grow",
                                                              "poll-shrink" };

static struct json_object *props_of(const struct vmgr__iothread *t)
{
    struct json_object *o = json_object_new_object();

    vmgr__vemu_set(o, "qom-type", "iothread");
    vmgr__vemu_setf(o, "id", VEMU_IOTHREAD_PREFIX "%u", t->id);
    if (t->pool_min >= 0)
        vmgr__vemu_set_int(o, "thread-pool-min", t->pool_min);
    if (t->pool_max >= 0)
        vmgr__vemu_set_int(o, "thread-pool-max", t->pool_max);
    for (int i = 0; i < VMGR__IOTHREAD_POLLS; i++) {
        if (t->poll[i] >= 0)
            vmgr__vemu_set_int(o, poll_props[i], t->poll[i]);
    }
    return o;
}

void vmgr__vemu_iothreads_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    for (guint i = 0; i < def->iothreads->len; i++) {
        struct json_object *o = props_of(&g_array_index(def->iothreads, struct vmgr__iothread, i));
        g_autoptr(GString) text = g_string_new("iothread");

        json_object_object_foreach(o, key, value)
        {
            if (strcmp(key, "qom-type") != 0)
                g_string_append_printf(text, ",%s=%s", key, json_object_get_string(value));
        }
        g_ptr_array_add(args, g_strdup("-object"));
        g_ptr_array_add(args, g_strdup(text->str));
        json_object_put(o);
    }
}

int vmgr__vemu_put_iothread(const struct vmgr__domain_def *def, const xmlNode *driver,
                            const char *a_device, struct json_object *props,
                            struct vmgr_error **err)
{
    uint32_t id;

    if (vmgr__iothread_of_driver(def, driver, a_device, &id, err) < 0)
        return -1;
    if (id)
        vmgr__vemu_setf(props, "iothread", VEMU_IOTHREAD_PREFIX "%u", id);
    return 0;
}

/* ---- changes ---- */

static struct json_object *id_of(uint32_t id)
{
    struct json_object *o = json_object_new_object();

    vmgr__vemu_setf(o, "id", VEMU_IOTHREAD_PREFIX "%u", id);
    return o;
}

/* The guest has it, and the status says so; or neither. */
static int add_live(struct vemu_change *c, uint32_t id, struct vmgr_error **err)
{
    struct vmgr__iothread *t;
    struct vemu_qmp *q;
    int r = -1;

    if (vmgr__iothread_add(c->status.def, id, &t, err) < 0)
        return -1;
    q = vmgr__vemu_change_monitor(c, err);
    if (q && vmgr__qmp_execute(q, "object-add", props_of(t), NULL, err) == 0) {
        c->status.updated = true;
        if (vmgr__threads_place_new(c, q, VMGR__TUNE_IOTHREAD_PERIOD, VMGR__TUNE_IOTHREAD_QUOTA,
                                    err) == 0)
            r = vmgr__vemu_status_save(c->d, c->name, &c->status, err);
        if (r < 0)
            vmgr__qmp_execute(q, "object-del", id_of(id), NULL, NULL);
    }
    vmgr__qmp_close(q);
    return r;
}

static int remove_live(struct vemu_change *c, uint32_t id, struct vmgr_error **err)
{
    if (vmgr__iothread_remove(c->status.def, id, err) < 0)
        return -1;
    return vmgr__vemu_change_command(c, "object-del", id_of(id), err);
}

int vmgr__vemu_set_iothread(struct vmgr_domain *dom, uint32_t id, bool there, uint32_t flags,
                            struct vmgr_error **err)
{
    struct vmgr__iothread *t;
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    /* The definition first, which is only saved when the guest took it. */
    if (config)
        r = there ? vmgr__iothread_add(c.config, id, &t, err)
                  : vmgr__iothread_remove(c.config, id, err);
    if (r == 0 && live)
        r = there ? add_live(&c, id, err) : remove_live(&c, id, err);
    return vmgr__vemu_change_save_end(&c, live && !there, config, r, err);
}

/* ---- parameters ---- */

static int set_prop(struct vemu_qmp *q, uint32_t id, const char *name, int64_t value,
                    struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_setf(args, "path", "/objects/" VEMU_IOTHREAD_PREFIX "%u", id);
    vmgr__vemu_set(args, "property", name);
    vmgr__vemu_set_int(args, "value", value);
    return vmgr__qmp_execute(q, "qom-set", args, NULL, err);
}

/* The greater end of the pool first where it grows: the least is never more than the most. */
static int set_pool(struct vemu_qmp *q, const struct vmgr__iothread *t,
                    const struct vmgr__iothread *old, struct vmgr_error **err)
{
    const bool min = t->pool_min != old->pool_min, max = t->pool_max != old->pool_max;
    const bool grows = max && (old->pool_max < 0 || t->pool_max > old->pool_max);

    if (grows && set_prop(q, t->id, "thread-pool-max", t->pool_max, err) < 0)
        return -1;
    if (min && set_prop(q, t->id, "thread-pool-min", t->pool_min, err) < 0)
        return -1;
    return max && !grows ? set_prop(q, t->id, "thread-pool-max", t->pool_max, err) : 0;
}

static int tune_live(struct vemu_change *c, uint32_t id, const struct vmgr_stat *params,
                     struct vmgr_error **err)
{
    struct vmgr__iothread *t = vmgr__iothread_find(c->status.def, id), old = { .id = id };
    struct vemu_qmp *q;
    int r = 0;

    if (t)
        old = *t;
    if (vmgr__iothread_set(c->status.def, id, params, true, err) < 0)
        return -1;
    q = vmgr__vemu_change_monitor(c, err);
    if (!q)
        return -1;
    for (int i = 0; r == 0 && i < VMGR__IOTHREAD_POLLS; i++) {
        if (t->poll[i] >= 0 && t->poll[i] != old.poll[i])
            r = set_prop(q, id, poll_props[i], t->poll[i], err);
    }
    if (r == 0)
        r = set_pool(q, t, &old, err);
    vmgr__qmp_close(q);
    return r;
}

int vmgr__vemu_tune_iothread(struct vmgr_domain *dom, const char *target,
                             const struct vmgr_stat *params, uint32_t flags,
                             struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    uint32_t id;
    int r = 0;

    if (!vmgr__parse_u32(target, &id) || !id)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "invalid IOThread id '%s'", target);
    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (config)
        r = vmgr__iothread_set(c.config, id, params, false, err);
    if (r == 0 && live)
        r = tune_live(&c, id, params, err);
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}
