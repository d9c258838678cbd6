/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come and go while the guest runs; see plug.h.
 */
#include <string.h>

#include "../block/blockjob.h"
#include "../run/backing.h"
#include "../run/ethernet.h"
#include "../run/files.h"
#include "../run/port.h"
#include "../run/rights.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "../tune/resource.h"
#include "medium.h"
#include "memory.h"
#include "parts.h"
#include "plug-note.h"
#include "plug.h"

#define DETACH_TIMEOUT_MS 10000 /* a Linux guest waits 5 s for a second thought */
#define SETTLE_TIMEOUT_MS 1000  /* for a monitor that nobody waits for */

static int save(struct vemu_change *c, struct vmgr_error **err)
{
    return vmgr__vemu_status_save(c->d, c->name, &c->status, err);
}

/* ---- in the emulator ---- */

/* Whether the emulator has no device of this name. */
static bool lacks(struct vemu_qmp *q, const char *alias)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_setf(args, "path", "/machine/peripheral/%s", alias);
    return vmgr__qmp_execute(q, "qom-list", args, NULL, NULL) < 0;
}

/* What a device stood on, and what the host had for it. node: the disk's; NULL: as it was made. */
static void drop_parts(struct vemu_change *c, struct vemu_qmp *q, const struct vmgr__device *dev,
                       const char *node)
{
    struct vemu_parts parts;
    struct json_object *args;

    if (node) {
        args = json_object_new_object();
        vmgr__vemu_set(args, "node-name", node);
        vmgr__qmp_execute(q, "blockdev-del", args, NULL, NULL);
    } else {
        vmgr__vemu_parts_init(&parts);
        if (vmgr__vemu_device_parts(c->status.def, dev, &parts, NULL) == 0)
            vmgr__vemu_parts_drop(&parts, q);
        vmgr__vemu_parts_fini(&parts);
    }
    vmgr__vemu_files_drop(dev, q);
    vmgr__vemu_backing_drop(c->d, c->name, dev);
    vmgr__vemu_port_forget(c->d, c->status.def, dev);
}

int vmgr__vemu_plug_rights(struct vemu_change *c, const GArray *files,
                           const struct vemu_parts *parts, struct vmgr_error **err)
{
    int r;

    c->status.files = files;
    r = vmgr__vemu_rights_parts(c->d, c->name, &c->status, parts, err);
    c->status.files = NULL;
    return r;
}

int vmgr__vemu_plug_parts(const struct vmgr__device *dev, const GArray *files,
                          const struct vemu_parts *parts, struct vemu_qmp *q,
                          struct vmgr_error **err)
{
    if (vmgr__vemu_files_send(files, q, err) < 0)
        return -1;
    if (vmgr__vemu_parts_plug(parts, q, err) == 0)
        return 0;
    vmgr__vemu_files_drop(dev, q);
    return -1;
}

int vmgr__vemu_set_link(struct vemu_qmp *q, const struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *state = vmgr__device_get(dev, "link", "state");
    struct json_object *args = json_object_new_object();
    g_autofree char *alias = vmgr__device_alias(dev);

    vmgr__vemu_set(args, "name", alias);
    vmgr__vemu_set_bool(args, "up", g_strcmp0(state, "down") != 0);
    return vmgr__qmp_execute(q, "set_link", args, NULL, err);
}

static int pull_cable(struct vemu_qmp *q, const struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *state =
        strcmp(dev->name, "interface") == 0 ? vmgr__device_get(dev, "link", "state") : NULL;

    return g_strcmp0(state, "down") == 0 ? vmgr__vemu_set_link(q, dev, err) : 0;
}

int vmgr__vemu_set_links(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                         struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        if (pull_cable(q, def->devices->pdata[i], err) < 0)
            return -1;
    }
    return 0;
}

/* What the guest's new device is to be told, and what is to be known of it. */
static int finish(struct vemu_qmp *q, struct vmgr__device *dev, struct vmgr_error **err)
{
    if (pull_cable(q, dev, err) < 0 || vmgr__vemu_chain_learn_one(q, dev, err) < 0)
        return -1;
    return vmgr__vemu_tune_disk(q, dev, err);
}

/* ---- coming ---- */

static int make(struct vemu_change *c, struct vmgr__device *dev, struct vemu_qmp *q,
                const GArray *files, const GArray *ports, struct vmgr_error **err)
{
    g_autofree char *run = vmgr__vemu_run_path(c->d, c->name, NULL);
    struct vemu_parts parts;
    int r;

    vmgr__vemu_parts_init(&parts);
    r = vmgr__vemu_device_parts(c->status.def, dev, &parts, err);
    vmgr__vemu_parts_shorten(&parts, run);
    if (r == 0)
        r = vmgr__vemu_plug_rights(c, files, &parts, err);
    if (r == 0)
        r = vmgr__vemu_ports_send(ports, &parts, q, err);
    if (r == 0)
        r = vmgr__vemu_plug_parts(dev, files, &parts, q, err);
    vmgr__vemu_parts_fini(&parts);
    return r;
}

/* The guest is not asked: it has hardly seen the device. */
static void take_back(struct vemu_change *c, struct vemu_qmp *q, const struct vmgr__device *dev)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, "id", alias);
    vmgr__vemu_set_bool(args, "force", true);
    vmgr__qmp_execute(q, "device_del", args, NULL, NULL);
    drop_parts(c, q, dev, NULL);
}

/* It is the definition's, which owns it: what nobody knew of could not be taken away later. */
static int take_in(struct vemu_change *c, struct vmgr__device *dev, struct vemu_qmp *q,
                   struct vmgr_error **err)
{
    GPtrArray *devices = c->status.def->devices;
    g_autofree char *alias = vmgr__device_alias(dev);

    g_ptr_array_add(devices, dev);
    vmgr__memory_count(c->status.def, dev, true);
    vmgr__vemu_memory_learn(c->status.def, q, NULL);
    c->status.updated = true;
    vmgr__vemu_plug_forget(c, alias);
    if (save(c, err) == 0)
        return 0;
    g_ptr_array_steal_index(devices, devices->len - 1);
    vmgr__memory_discount(c->status.def, dev, true);
    return -1;
}

static int bring(struct vemu_change *c, struct vmgr__device *dev, const GArray *files,
                 const GArray *ports, struct vmgr_error **err)
{
    struct vemu_qmp *q = vmgr__vemu_change_monitor(c, err);
    int r = q ? make(c, dev, q, files, ports, err) : -1;

    if (r == 0) {
        r = finish(q, dev, err) < 0 ? -1 : take_in(c, dev, q, err);
        if (r < 0)
            take_back(c, q, dev);
    }
    vmgr__qmp_close(q);
    return r;
}

int vmgr__vemu_plug(struct vemu_change *c, struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autoptr(GArray) files = vmgr__vemu_files_open(c->d, c->status.def, dev, err);
    g_autoptr(GArray) ports = NULL;
    int r = files ? vmgr__vemu_plug_note_coming(c, alias, dev, false, err) : -1;

    if (r == 0) {
        ports = vmgr__vemu_port_open(c->d, &c->status, dev, err);
        r = ports ? 0 : -1;
    }
    if (r == 0 && vmgr__vemu_ports_count(ports))
        r = vmgr__vemu_plug_note_port(c, alias, dev, err);
    if (r == 0)
        r = bring(c, dev, files, ports, err);
    if (r < 0) {
        vmgr__vemu_plug_forget(c, alias);
        vmgr__vemu_backing_drop(c->d, c->name, dev);
        if (ports) { /* else a name that its document has may be another's */
            vmgr__vemu_port_forget(c->d, c->status.def, dev);
            vmgr__vemu_ethernet_down(c->d, c->status.def, dev);
        }
        save(c, NULL);
    }
    return r;
}

/* A device that somebody died over has come, and is the definition's, or it has not. False: it is
 * to be looked at again. */
static bool settle(struct vemu_change *c, struct vemu_qmp *q, struct vemu_plug *p)
{
    if (p->medium)
        return vmgr__vemu_medium_settle(c, q, p->alias, p->dev);
    if (lacks(q, p->alias)) {
        drop_parts(c, q, p->dev, NULL);
        if (p->port_open)
            vmgr__vemu_ethernet_down(c->d, c->status.def, p->dev);
    } else {
        finish(q, p->dev, NULL);
        vmgr__memory_count(c->status.def, p->dev, true);
        g_ptr_array_add(c->status.def->devices, g_steal_pointer(&p->dev));
        vmgr__vemu_memory_learn(c->status.def, q, NULL);
        c->status.updated = true;
    }
    return true;
}

void vmgr__vemu_plugs_settle(struct vemu_change *c)
{
    g_autofree char *dir = vmgr__vemu_run_path(c->d, c->name, NULL);
    struct vemu_qmp *q;

    if (c->status.phase != VEMU_ACTIVE || !vmgr__vemu_plugs_torn(c->status.plugs))
        return;
    q = vmgr__qmp_open(dir, -1, SETTLE_TIMEOUT_MS, NULL);
    for (guint i = q ? c->status.plugs->len : 0; i-- > 0;) {
        struct vemu_plug *p = c->status.plugs->pdata[i];

        if (!p->dev || !settle(c, q, p))
            continue;
        g_ptr_array_remove_index(c->status.plugs, i);
    }
    if (q && !vmgr__vemu_plugs_torn(c->status.plugs)) /* the definition names what there is */
        vmgr__vemu_ports_sweep(c->d, c->status.def);
    if (q)
        save(c, NULL);
    vmgr__qmp_close(q);
}

/* ---- going ---- */

/* 1: it is gone. 0: the guest has not let it go yet. */
static int ask_to_go(struct vemu_qmp *q, const char *alias, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();
    struct vmgr_error *why = NULL;
    int r = 1;

    vmgr__vemu_set(args, "id", alias);
    if (vmgr__qmp_execute(q, "device_del", args, NULL, &why) == 0)
        r = vmgr__qmp_await_deleted(q, alias, DETACH_TIMEOUT_MS);
    else if (!lacks(q, alias)) /* else it went after an earlier attempt */
        r = -1;
    if (r < 0)
        vmgr__error_move(err, g_steal_pointer(&why));
    vmgr_error_free(why);
    return r;
}

int vmgr__vemu_unplug(struct vemu_change *c, struct vmgr__device *dev, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    struct vemu_qmp *q = vmgr__vemu_change_monitor(c, err);
    g_autofree char *node = NULL;
    struct vemu_plug *p;
    int r;

    if (!q)
        return -1;
    p = vmgr__vemu_plug_note(c, alias);
    if (strcmp(dev->name, "disk") == 0)
        node = vmgr__vemu_disk_node(q, alias);
    if (node) { /* it may have gone already */
        g_free(p->node);
        p->node = g_steal_pointer(&node);
    }
    r = save(c, err);
    if (r == 0)
        r = ask_to_go(q, alias, err);
    if (r > 0) {
        drop_parts(c, q, dev, p->node);
        vmgr__vemu_ethernet_down(c->d, c->status.def, dev);
        vmgr__memory_discount(c->status.def, dev, true);
        g_ptr_array_remove(c->status.def->devices, dev);
    }
    vmgr__qmp_close(q);
    if (r != 0)
        vmgr__vemu_plug_forget(c, alias);
    if (r < 0)
        save(c, NULL);
    return MIN(r, 0);
}
