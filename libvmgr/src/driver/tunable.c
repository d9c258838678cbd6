/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of limits and pins of domains that run, as events: the names of the parameters of
 * resources.h, behind "cputune." or "blkdeviotune.".
 */
#include "tunable.h"

#include <string.h>
#include <vmgr/event.h>
#include <vmgr/stats.h>

#include "../conf/device.h"
#include "../conf/tuning.h"
#include "stats.h"

/* A list that is ended by a NULL name when it is full. */
static GArray *list_new(void)
{
    return g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
}

static struct vmgr_stat *list_free(GArray *list)
{
    return vmgr_stats_free((struct vmgr_stat *)(void *)g_array_free(list, FALSE));
}

static const struct vmgr_stat *items(const GArray *list)
{
    return (const struct vmgr_stat *)(const void *)list->data;
}

static void emit(struct vmgr_conn *conn, const struct vmgr__domain_def *def, GArray *list)
{
    vmgr__conn_emit_event(conn, def->name, def->uuid,
                          &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_TUNABLE,
                                                       .stats = items(list) });
}

static void add(GArray *list, const char *prefix, const struct vmgr_stat *s)
{
    if (s->type == VMGR_STAT_STRING)
        vmgr__stat_add_text(list, s->text, "%s.%s", prefix, s->name);
    else
        vmgr__stat_add(list, s->type, s->number, "%s.%s", prefix, s->name);
}

/* What has another value now, behind what is in the list already. True: there is such. */
static bool add_changed(GArray *list, const char *prefix, const GArray *old, const GArray *now)
{
    const guint before = list->len;

    for (const struct vmgr_stat *s = items(now); s->name; s++) {
        const struct vmgr_stat *was = vmgr_stats_find(items(old), s->name);

        if (!was || was->number != s->number || g_strcmp0(was->text, s->text) != 0)
            add(list, prefix, s);
    }
    return list->len > before;
}

/* What of the scheduler, or (target) of a disk, has changed. */
static void emit_resource(struct vmgr_conn *conn, const struct vmgr__domain_def *old,
                          const struct vmgr__domain_def *now, int resource, const char *target,
                          const char *prefix)
{
    GArray *was = list_new(), *is = list_new(), *list = list_new();

    if (target)
        vmgr__stat_add_text(list, target, "%s.disk", prefix);
    if (vmgr__tuning_get(old, resource, target, was, NULL) == 0 &&
        vmgr__tuning_get(now, resource, target, is, NULL) == 0 &&
        add_changed(list, prefix, was, is))
        emit(conn, now, list);
    list_free(was);
    list_free(is);
    list_free(list);
}

static void emit_pin(struct vmgr_conn *conn, const struct vmgr__domain_def *def,
                     const struct vmgr__pin *pin)
{
    GArray *list = list_new();

    if (pin->kind == VMGR_PIN_EMULATOR)
        vmgr__stat_add_text(list, pin->cpuset, "cputune.emulatorpin");
    else
        vmgr__stat_add_text(list, pin->cpuset, "cputune.%s%u",
                            pin->kind == VMGR_PIN_VCPU ? "vcpupin" : "iothreadpin", pin->id);
    emit(conn, def, list);
    list_free(list);
}

void vmgr__emit_tunables(struct vmgr_conn *conn, const struct vmgr__domain_def *old,
                         const struct vmgr__domain_def *now)
{
    for (guint i = 0; now->tuning.pins && i < now->tuning.pins->len; i++) {
        const struct vmgr__pin *pin = &g_array_index(now->tuning.pins, struct vmgr__pin, i);

        if (g_strcmp0(vmgr__tuning_pin(&old->tuning, pin->kind, pin->id), pin->cpuset) != 0)
            emit_pin(conn, now, pin);
    }
    if (memcmp(old->tuning.value, now->tuning.value, sizeof(now->tuning.value)) != 0)
        emit_resource(conn, old, now, VMGR_RESOURCE_SCHEDULER, NULL, "cputune");
    for (guint i = 0; i < now->devices->len; i++) {
        const struct vmgr__device *dev = now->devices->pdata[i], *was;

        if (strcmp(dev->name, "disk") != 0)
            continue;
        was = vmgr__disk_find(old, dev->target);
        if (was && g_strcmp0(was->target, dev->target) == 0 && g_strcmp0(was->text, dev->text) != 0)
            emit_resource(conn, old, now, VMGR_RESOURCE_DISK, dev->target, "blkdeviotune");
    }
}
