/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What became of a definition, as events: devices that came and went, media, limits and pins, the
 * balloon, metadata.
 *
 * Events follow from the difference between what was known and what the files say, so they come out
 * the same in every program, whoever brought the change about.
 */
#include <string.h>

#include "../../../conf/device.h"
#include "../../tunable.h"
#include "../device/memory.h"
#include "../run/agent.h"
#include "../vemu.h"
#include "cache.h"

static void emit(struct vemu *d, const struct vmgr__domain_def *def,
                 const struct vmgr_domain_event *event)
{
    vmgr__conn_emit_event(d->conn, def->name, def->uuid, event);
}

static void emit_device(struct vemu *d, const struct vmgr__domain_def *def, int id,
                        const char *alias)
{
    emit(d, def, &(struct vmgr_domain_event){ .id = id, .device = alias });
}

/* Devices that `def` has and `other` has not. */
static void emit_missing(struct vemu *d, const struct vmgr__domain_def *def,
                         const struct vmgr__domain_def *other, int id)
{
    for (guint i = 0; i < def->devices->len; i++) {
        g_autofree char *alias = vmgr__device_alias(def->devices->pdata[i]);

        if (alias && !vmgr__device_by_alias(other, alias))
            emit_device(d, def, id, alias);
    }
}

static void emit_media(struct vemu *d, const struct vmgr__domain_def *old,
                       const struct vmgr__domain_def *now)
{
    for (guint i = 0; i < now->devices->len; i++) {
        const struct vmgr__device *dev = now->devices->pdata[i], *was;
        g_autofree char *alias = NULL;

        if (strcmp(dev->name, "disk") != 0)
            continue;
        was = vmgr__disk_find(old, dev->target);
        if (!was || g_strcmp0(was->target, dev->target) != 0 ||
            g_strcmp0(was->source, dev->source) == 0)
            continue;
        alias = vmgr__device_alias(dev);
        emit(d, now,
             &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_DISK_CHANGE,
                                          .type = VMGR_DOMAIN_EVENT_DISK_CHANGED,
                                          .device = alias,
                                          .old_path = was->source,
                                          .path = dev->source });
    }
}

static void emit_metadata(struct vemu *d, const struct vmgr__domain_def *def, int type,
                          const char *uri)
{
    emit(d, def,
         &(struct vmgr_domain_event){
             .id = VMGR_DOMAIN_EVENT_METADATA_CHANGE, .type = type, .text = uri });
}

/* Elements of `def` that are others, or missing, in `other`; with `missing` the latter only. */
static void emit_elements(struct vemu *d, const struct vmgr__domain_def *def,
                          const struct vmgr__domain_def *other, bool missing)
{
    xmlNode *root = def->metadata ? xmlDocGetRootElement(def->metadata) : NULL;

    for (xmlNode *n = vmgr__xml_first(root); n; n = vmgr__xml_next(n, NULL)) {
        const char *uri = n->ns ? (const char *)n->ns->href : NULL;
        g_autofree char *here = uri ? vmgr__metadata_get(def, uri) : NULL;
        g_autofree char *there = uri ? vmgr__metadata_get(other, uri) : NULL;

        if (uri && (missing ? !there : g_strcmp0(here, there) != 0))
            emit_metadata(d, def, VMGR_DOMAIN_METADATA_ELEMENT, uri);
    }
}

void vmgr__vemu_emit_metadata(struct vemu *d, const struct vmgr__domain_def *old,
                              const struct vmgr__domain_def *now)
{
    if (g_strcmp0(old->description, now->description) != 0)
        emit_metadata(d, now, VMGR_DOMAIN_METADATA_DESCRIPTION, NULL);
    if (g_strcmp0(old->title, now->title) != 0)
        emit_metadata(d, now, VMGR_DOMAIN_METADATA_TITLE, NULL);
    emit_elements(d, now, old, false);
    emit_elements(d, old, now, true);
}

/* Connected or not, because of the channel. */
static void emit_agent(struct vemu *d, const struct vmgr__domain_def *old,
                       const struct vmgr__domain_def *now)
{
    const struct vmgr__device *was = vmgr__vemu_agent_channel(old);
    const struct vmgr__device *is = vmgr__vemu_agent_channel(now);
    g_autofree char *before = was ? vmgr__device_get(was, "target", "state") : NULL;
    g_autofree char *after = is ? vmgr__device_get(is, "target", "state") : NULL;
    const bool open = g_strcmp0(after, "connected") == 0;

    if (open != (g_strcmp0(before, "connected") == 0))
        emit(d, now,
             &(struct vmgr_domain_event){
                 .id = VMGR_DOMAIN_EVENT_AGENT_LIFECYCLE, .type = open ? 1 : 2, .detail = 2 });
}

void vmgr__vemu_emit_difference(struct vemu *d, const struct vmgr__domain_def *old,
                                const struct vmgr__domain_def *now)
{
    emit_missing(d, old, now, VMGR_DOMAIN_EVENT_DEVICE_REMOVED);
    emit_missing(d, now, old, VMGR_DOMAIN_EVENT_DEVICE_ADDED);
    emit_media(d, old, now);
    emit_agent(d, old, now);
    vmgr__emit_tunables(d->conn, old, now);
    if (vmgr__vemu_memory_ballooned(old) != vmgr__vemu_memory_ballooned(now))
        emit(d, now,
             &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_BALLOON_CHANGE,
                                          .value = (int64_t)now->current_memory_kib });
    vmgr__vemu_emit_metadata(d, old, now);
}
