/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <iothreads> and <iothreadids>: threads for the requests of disks.
 *
 * <iothreads> says how many there are; <iothreadids> gives numbers to some, and the others get the
 * lowest that are free. More numbers than the count make the count.
 */
#include "iothread.h"

#include <string.h>

#include "device.h"
#include "element.h"
#include "tuning.h"

#define THREADS_MAX 65535

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)
#define unsupported(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_DOMAIN, __VA_ARGS__)

static const char *const poll_names[VMGR__IOTHREAD_POLLS] = { "max", "grow", "shrink" };

/* ---- the list ---- */

struct vmgr__iothread *vmgr__iothread_find(const struct vmgr__domain_def *def, uint32_t id)
{
    for (guint i = 0; i < def->iothreads->len; i++) {
        struct vmgr__iothread *t = &g_array_index(def->iothreads, struct vmgr__iothread, i);

        if (t->id == id)
            return t;
    }
    return NULL;
}

static struct vmgr__iothread *append(struct vmgr__domain_def *def, uint32_t id)
{
    const struct vmgr__iothread fresh = {
        .id = id, .pool_min = -1, .pool_max = -1, .poll = { -1, -1, -1 }
    };

    g_array_append_val(def->iothreads, fresh);
    return &g_array_index(def->iothreads, struct vmgr__iothread, def->iothreads->len - 1);
}

int vmgr__iothread_add(struct vmgr__domain_def *def, uint32_t id, struct vmgr__iothread **ret,
                       struct vmgr_error **err)
{
    if (vmgr__iothread_find(def, id))
        return invalid(err, "an IOThread is already using iothread_id '%u'", id);
    if (def->iothreads->len >= THREADS_MAX)
        return invalid(err, "more than %d IOThreads", THREADS_MAX);
    *ret = append(def, id);
    return 0;
}

/* ---- reading ---- */

static int iothreads_parse(struct vmgr__parse *p, xmlNode *node)
{
    g_autofree char *text = vmgr__xml_text(node);
    uint32_t count;

    if (!*text)
        return 0;
    if (!vmgr__parse_u32(text, &count) || count > THREADS_MAX)
        return conf_error(p, VMGR_ERR_XML_ERROR, "invalid iothreads count '%s'", text);
    p->def->iothread_count = count;
    return 0;
}

/* A number that may be missing, in which case *ret stays. */
static int parse_number(struct vmgr__parse *p, const xmlNode *node, const char *attr, int64_t most,
                        int64_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    uint64_t value;

    if (!text)
        return 0;
    if (!vmgr__parse_u64(text, &value) || value > (uint64_t)most)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element '%s': '%s'. Expected "
                          "non-negative value",
                          attr, (const char *)node->name, text);
    *ret = (int64_t)value;
    return 0;
}

static int parse_poll(struct vmgr__parse *p, const xmlNode *node, struct vmgr__iothread *t)
{
    static const char *const known[] = { "max", "grow", "shrink", NULL };

    if (!node)
        return 0;
    vmgr__warn_attrs(p, node, known);
    for (int i = 0; i < VMGR__IOTHREAD_POLLS; i++) {
        if (parse_number(p, node, poll_names[i], INT64_MAX, &t->poll[i]) < 0)
            return -1;
    }
    return 0;
}

/* As libvirt has it: a least number alone is more than none. */
static int check_pool(int64_t min, int64_t max, struct vmgr_error **err)
{
    if (min > max)
        return unsupported(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                           "thread_pool_min must be smaller or equal to thread_pool_max");
    return 0;
}

static int parse_id(struct vmgr__parse *p, const xmlNode *node, uint32_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, "id");

    if (!text)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'id' in element 'iothread'");
    if (!vmgr__parse_u32(text, ret))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'id' in element 'iothread': '%s'. Expected "
                          "integer value",
                          text);
    if (!*ret)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'id' in element 'iothread': Zero is not "
                          "permitted");
    if (vmgr__iothread_find(p->def, *ret))
        return conf_error(p, VMGR_ERR_XML_ERROR, "duplicate iothread id '%u' found", *ret);
    return 0;
}

static int parse_one(struct vmgr__parse *p, const xmlNode *node)
{
    static const char *const known[] = { "id", "thread_pool_min", "thread_pool_max", NULL };
    static const char *const children[] = { "poll", NULL };
    struct vmgr__iothread *t;
    int64_t min = -1, max = -1;
    uint32_t id;

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, children);
    if (parse_id(p, node, &id) < 0 ||
        parse_number(p, node, "thread_pool_min", INT32_MAX, &min) < 0 ||
        parse_number(p, node, "thread_pool_max", INT32_MAX, &max) < 0 ||
        check_pool(min, max, p->err) < 0)
        return -1;
    if (p->def->iothreads->len >= THREADS_MAX)
        return conf_error(p, VMGR_ERR_XML_ERROR, "more than %d IOThreads", THREADS_MAX);
    t = append(p->def, id);
    t->pool_min = (int32_t)min;
    t->pool_max = (int32_t)max;
    return parse_poll(p, vmgr__xml_child(node, "poll"), t);
}

/* Numbers for those that are only counted. */
static void fill(struct vmgr__domain_def *def)
{
    const uint32_t count = def->iothread_count, named = def->iothreads->len;
    g_autofree bool *taken = g_new0(bool, (gsize)count + 2);
    uint32_t id = 1;

    for (guint i = 0; i < named; i++) {
        const uint32_t n = g_array_index(def->iothreads, struct vmgr__iothread, i).id;

        if (n <= count)
            taken[n] = true;
    }
    while (def->iothreads->len < count) {
        while (taken[id])
            id++;
        append(def, id++)->counted = true;
    }
}

static int iothreadids_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const children[] = { "iothread", NULL };

    if (node) {
        vmgr__warn_attrs(p, node, NULL);
        vmgr__warn_children(p, node, children);
    }
    for (xmlNode *c = node ? vmgr__xml_child(node, "iothread") : NULL; c;
         c = vmgr__xml_next(c, "iothread")) {
        if (parse_one(p, c) < 0)
            return -1;
    }
    fill(p->def);
    return 0;
}

/* ---- writing ---- */

static void iothreads_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                             struct vmgr__xml_writer *w)
{
    g_autofree char *text = g_strdup_printf("%u", def->iothreads->len);

    if (!def->iothreads->len)
        return;
    vmgr__xw_begin(w, "iothreads");
    vmgr__xw_end_text(w, "iothreads", text);
}

static bool has_poll(const struct vmgr__iothread *t)
{
    return t->poll[0] >= 0 || t->poll[1] >= 0 || t->poll[2] >= 0;
}

static void format_one(const struct vmgr__iothread *t, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "iothread");
    vmgr__xw_attrf(w, "id", "%u", t->id);
    if (t->pool_min >= 0)
        vmgr__xw_attrf(w, "thread_pool_min", "%d", t->pool_min);
    if (t->pool_max >= 0)
        vmgr__xw_attrf(w, "thread_pool_max", "%d", t->pool_max);
    if (has_poll(t)) {
        vmgr__xw_begin(w, "poll");
        for (int i = 0; i < VMGR__IOTHREAD_POLLS; i++) {
            if (t->poll[i] >= 0)
                vmgr__xw_attrf(w, poll_names[i], "%" G_GINT64_FORMAT, t->poll[i]);
        }
        vmgr__xw_end(w, "poll");
    }
    vmgr__xw_end(w, "iothread");
}

static void iothreadids_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                               struct vmgr__xml_writer *w)
{
    bool any = false;

    for (guint i = 0; i < def->iothreads->len; i++) {
        const struct vmgr__iothread *t = &g_array_index(def->iothreads, struct vmgr__iothread, i);

        any = any || !t->counted || t->pool_min >= 0 || t->pool_max >= 0 || has_poll(t);
    }
    if (!any)
        return;
    vmgr__xw_begin(w, "iothreadids");
    for (guint i = 0; i < def->iothreads->len; i++)
        format_one(&g_array_index(def->iothreads, struct vmgr__iothread, i), w);
    vmgr__xw_end(w, "iothreadids");
}

const struct vmgr__element vmgr__element_iothreads = {
    .name = "iothreads",
    .parse = iothreads_parse,
    .format = iothreads_format,
};

const struct vmgr__element vmgr__element_iothreadids = {
    .name = "iothreadids",
    .parse = iothreadids_parse,
    .format = iothreadids_format,
    .always = true,
};

/* ---- changes ---- */

/* Whose <driver> names the thread. */
static int check_unused(const struct vmgr__domain_def *def, uint32_t id, struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *text = vmgr__device_get(dev, "driver", "iothread");
        uint32_t n;

        if (!vmgr__parse_u32(text, &n) || n != id)
            continue;
        if (strcmp(dev->name, "disk") == 0)
            return invalid(err, "cannot remove IOThread %u since it is being used by disk '%s'", id,
                           dev->target);
        if (strcmp(dev->name, "controller") == 0)
            return invalid(err, "cannot remove IOThread '%u' since it is being used by controller",
                           id);
    }
    return 0;
}

int vmgr__iothread_remove(struct vmgr__domain_def *def, uint32_t id, struct vmgr_error **err)
{
    struct vmgr__iothread *t = vmgr__iothread_find(def, id);

    if (!t)
        return invalid(err, "cannot find IOThread '%u' in iothreadids list", id);
    if (check_unused(def, id, err) < 0)
        return -1;
    g_array_remove_index(def->iothreads,
                         (guint)(t - &g_array_index(def->iothreads, struct vmgr__iothread, 0)));
    /* from now on numbers cannot be made up any more: they would be others */
    for (guint i = 0; i < def->iothreads->len; i++)
        g_array_index(def->iothreads, struct vmgr__iothread, i).counted = false;
    vmgr__tuning_drop_pin(&def->tuning, VMGR_PIN_IOTHREAD, id);
    return 0;
}

static int set_one(struct vmgr__iothread *t, const struct vmgr_stat *s, bool live,
                   struct vmgr_error **err)
{
    static const char *const polls[] = { "poll_max_ns", "poll_grow", "poll_shrink" };
    const bool negative =
        (s->type == VMGR_STAT_INT || s->type == VMGR_STAT_LLONG) && (int64_t)s->number < 0;

    if (s->type == VMGR_STAT_STRING)
        return invalid(err, "invalid type 'string' for parameter '%s'", s->name);
    for (int i = 0; i < VMGR__IOTHREAD_POLLS; i++) {
        if (strcmp(s->name, polls[i]) != 0)
            continue;
        if (!live)
            return unsupported(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                               "configuring persistent polling values is not supported");
        if (negative || s->number > INT32_MAX)
            return invalid(err, "%s (%" G_GUINT64_FORMAT ") must be less than or equal to %d",
                           polls[i], s->number, INT32_MAX);
        t->poll[i] = (int64_t)s->number;
        return 0;
    }
    if (strcmp(s->name, "thread_pool_min") != 0 && strcmp(s->name, "thread_pool_max") != 0)
        return unsupported(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "parameter '%s' not supported",
                           s->name);
    if (negative || s->number > INT32_MAX)
        return invalid(err, "%s (%d) must be between 0 and %d", s->name, (int)(int64_t)s->number,
                       INT32_MAX);
    if (strcmp(s->name, "thread_pool_min") == 0)
        t->pool_min = (int32_t)s->number;
    else
        t->pool_max = (int32_t)s->number;
    return 0;
}

int vmgr__iothread_set(struct vmgr__domain_def *def, uint32_t id, const struct vmgr_stat *params,
                       bool live, struct vmgr_error **err)
{
    struct vmgr__iothread *t = vmgr__iothread_find(def, id), fresh;

    if (!t)
        return invalid(err, "cannot find IOThread '%u' in iothreadids list", id);
    fresh = *t;
    for (const struct vmgr_stat *s = params; s->name; s++) {
        if (set_one(&fresh, s, live, err) < 0)
            return -1;
    }
    if (fresh.pool_max >= 0 && fresh.pool_min > fresh.pool_max)
        return invalid(err, "thread_pool_min (%d) can't be greater than thread_pool_max (%d)",
                       fresh.pool_min, fresh.pool_max);
    *t = fresh;
    return 0;
}

/* ---- devices ---- */

int vmgr__iothread_of_driver(const struct vmgr__domain_def *def, const xmlNode *driver,
                             const char *a_device, uint32_t *ret, struct vmgr_error **err)
{
    g_autofree char *text = driver ? vmgr__xml_attr(driver, "iothread") : NULL;

    *ret = 0;
    if (!text)
        return 0;
    if (!vmgr__parse_u32(text, ret) || !*ret)
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN,
                               "Invalid value for attribute 'iothread' in element 'driver': '%s'",
                               text);
    if (!vmgr__iothread_find(def, *ret))
        return unsupported(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                           "%s iothread '%u' not defined in iothreadid", a_device, *ret);
    return 0;
}
