/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backups that begin.
 *
 * Theory of operation. The record of a backup (<domainbackup> in the run's status) and those of its
 * jobs are written before the emulator is asked for anything. Then files are made, nodes are added,
 * and one transaction does the rest for all disks at once: temporary bitmaps with what changed
 * since the checkpoint, bitmaps of the checkpoint that begins, jobs, which end together. Whatever
 * happens to the caller in between, whoever looks next (backup-end.c) finds the jobs and goes on,
 * or finds none and puts away what is there.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backup.h"
#include "../device/parts.h"
#include "../run/rights.h"
#include "../run/qmp.h"
#include "../state/cache.h"
#include "../state/status.h"

#define FIRST_PORT 10809 /* of NBD; the next ones when it is taken */
#define PORTS      64

struct work {
    struct vemu_change c;
    struct vemu_qmp *q;
    struct json_object *blocks;
    struct vmgr__backup *b;
    bool given;                  /* b is the status' own */
    struct vmgr__checkpoint *cp; /* that begins with it; or NULL */
};

static struct vmgr__device *device_of(const struct work *w, const struct vmgr__backup_disk *disk)
{
    return vmgr__disk_find(w->c.status.def, disk->name);
}

static char *node_name(const struct vmgr__backup_disk *disk)
{
    return g_strdup_printf("backup-%s", disk->name);
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

/* ---- checking ---- */

/* The checkpoint's bitmap of the disk. NULL: *err. */
static const char *bitmap_of(const struct work *w, const struct vmgr__backup_disk *disk,
                             GPtrArray *checkpoints, struct vmgr_error **err)
{
    const struct vmgr__checkpoint *cp = vmgr__checkpoints_get(checkpoints, disk->incremental, err);
    const struct vmgr__checkpoint_disk *its = cp ? vmgr__checkpoint_disk_of(cp, disk->name) : NULL;
    g_autofree char *alias = vmgr__device_alias(device_of(w, disk));
    bool usable = false;

    if (!cp)
        return NULL;
    if (its && its->bitmap)
        vmgr__bitmap_find(w->blocks, alias, its->bitmap, &usable);
    if (usable)
        return its->bitmap;
    vemu_error(err, VMGR_ERR_CHECKPOINT_INCONSISTENT, "missing or broken bitmap '%s' for disk '%s'",
               its && its->bitmap ? its->bitmap : disk->incremental, disk->name);
    return NULL;
}

static int check_disk(const struct work *w, const struct vmgr__backup_disk *disk, uint32_t flags,
                      struct vmgr_error **err)
{
    struct stat st;
    const bool there = stat(disk->store, &st) == 0;

    if (vmgr__blockjob_check_none(&w->c.status, disk->name, err) < 0)
        return -1;
    if (disk->type && there && !S_ISBLK(st.st_mode))
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "store '%s' for backup of '%s' is no block "
                          "device",
                          disk->store, disk->name);
    if ((flags & VMGR_BACKUP_REUSE_EXTERNAL) || disk->type)
        return there ? 0
                     : vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU,
                                             "cannot use store '%s' for backup of '%s'",
                                             disk->store, disk->name);
    if (there && (!S_ISREG(st.st_mode) || st.st_size))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "store '%s' for backup of '%s' exists",
                          disk->store, disk->name);
    return 0;
}

/* ---- stores ---- */

/* What the guest sees of the disk, in bytes. */
static uint64_t size_of(const struct work *w, const struct vmgr__backup_disk *disk)
{
    g_autofree char *alias = vmgr__device_alias(device_of(w, disk));
    struct json_object *image =
        get(get(vmgr__vemu_of_alias(w->blocks, alias), "inserted"), "image");

    return (uint64_t)MAX(json_object_get_int64(get(image, "virtual-size")), 0);
}

static int make_store(struct work *w, struct vmgr__backup_disk *disk, uint32_t flags,
                      struct vmgr_error **err)
{
    const bool reuse = flags & VMGR_BACKUP_REUSE_EXTERNAL;
    struct vemu_error *error = NULL;
    int r = 0;

    disk->made = !reuse && !disk->type;
    /* A device gets an image of the format as well; of raw data it has room for. */
    if (!reuse && !(disk->type && strcmp(disk->format, "raw") == 0))
        r = vemu_image_create(disk->store, disk->format, size_of(w, disk), NULL, 0, NULL, &error);
    if (r < 0)
        vemu_error(err, VMGR_ERR_OPERATION_FAILED, "cannot make store '%s' for backup of '%s': %s",
                   disk->store, disk->name, vemu_error_message(error));
    vemu_error_free(error);
    if (r < 0)
        return -1;
    return vmgr__vemu_rights_file(w->c.d, w->c.name, &w->c.status, disk->store, true, err);
}

static int add_node(const struct work *w, const struct vmgr__backup_disk *disk,
                    struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *file = json_object_new_object();
    g_autofree char *name = node_name(disk);

    vmgr__vemu_set(args, "driver", disk->format);
    vmgr__vemu_set(args, "node-name", name);
    if (strcmp(disk->format, "qcow2") == 0) /* clusters are written as a whole */
        json_object_object_add(args, "backing", NULL);
    vmgr__vemu_set(file, "driver", disk->type ? "host_device" : "file");
    vmgr__vemu_set(file, "filename", disk->store);
    json_object_object_add(args, "file", file);
    return vmgr__qmp_execute(w->q, "blockdev-add", args, NULL, err);
}

/* ---- the server of a pulled backup ---- */

static int listen_at(const struct work *w, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *address = json_object_new_object(),
                       *data = json_object_new_object();
    g_autofree char *port = g_strdup_printf("%u", w->b->port);

    vmgr__vemu_set(address, "type", w->b->is_unix ? "unix" : "inet");
    if (w->b->is_unix) {
        vmgr__vemu_set(data, "path", w->b->socket);
    } else {
        vmgr__vemu_set(data, "host", w->b->host);
        vmgr__vemu_set(data, "port", port);
    }
    json_object_object_add(address, "data", data);
    json_object_object_add(args, "addr", address);
    return vmgr__qmp_execute(w->q, "nbd-server-start", args, NULL, err);
}

static int start_server(const struct work *w, struct vmgr_error **err)
{
    struct vmgr__backup *b = w->b;

    if (!b->has_server) {
        b->has_server = true;
        b->host = g_strdup("localhost");
    }
    if (!b->is_unix && !b->host)
        b->host = g_strdup("localhost");
    if (b->is_unix || b->port)
        return listen_at(w, err);
    for (b->port = FIRST_PORT; b->port < FIRST_PORT + PORTS; b->port++) {
        if (listen_at(w, b->port == FIRST_PORT + PORTS - 1 ? err : NULL) == 0)
            return 0;
    }
    return -1;
}

/* ---- the moment ---- */

static void add_bitmap(struct json_object *actions, const char *node, const char *name,
                       const char *from)
{
    struct json_object *data = json_object_new_object(), *list = json_object_new_array();

    vmgr__vemu_set(data, "node", node);
    vmgr__vemu_set(data, "name", name);
    vmgr__vemu_set_bool(data, "disabled", true);
    vmgr__transaction_add(actions, "block-dirty-bitmap-add", data);
    data = json_object_new_object();
    vmgr__vemu_set(data, "node", node);
    vmgr__vemu_set(data, "target", name);
    json_object_array_add(list, json_object_new_string(from));
    json_object_object_add(data, "bitmaps", list);
    vmgr__transaction_add(actions, "block-dirty-bitmap-merge", data);
}

static int add_job(const struct work *w, const struct vmgr__backup_disk *disk,
                   GPtrArray *checkpoints, struct json_object *actions, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(device_of(w, disk)), *name = node_name(disk);
    const struct vemu_blockjob *job = vmgr__blockjob_of(w->c.status.jobs, disk->name);
    g_autofree char *id = vmgr__blockjob_id(job);
    const char *bitmap = NULL, *temporary = disk->export_bitmap ? disk->export_bitmap : name;
    struct json_object *data;

    if (disk->incremental) {
        bitmap = bitmap_of(w, disk, checkpoints, err);
        if (!bitmap)
            return -1;
        add_bitmap(actions, alias, temporary, bitmap);
    }
    data = json_object_new_object();
    vmgr__vemu_set(data, "job-id", id);
    vmgr__vemu_set(data, "device", alias);
    vmgr__vemu_set(data, "target", name);
    vmgr__vemu_set_bool(data, "auto-dismiss", false);
    if (w->b->pull) {
        vmgr__vemu_set(data, "sync", "none");
    } else if (bitmap) {
        vmgr__vemu_set(data, "sync", "incremental");
        vmgr__vemu_set(data, "bitmap", temporary);
    } else {
        vmgr__vemu_set(data, "sync", "full");
    }
    vmgr__transaction_add(actions, "blockdev-backup", data);
    return 0;
}

static int run(struct work *w, GPtrArray *checkpoints, struct vmgr_error **err)
{
    struct json_object *actions = json_object_new_array();
    int r = 0;

    for (guint i = 0; r == 0 && i < w->b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = w->b->disks->pdata[i];

        if (disk->backup == 1)
            r = add_job(w, disk, checkpoints, actions, err);
    }
    if (r < 0) {
        json_object_put(actions);
        return -1;
    }
    if (w->cp) {
        vmgr__checkpoint_actions(&w->c, w->cp, actions);
        if (vmgr__vemu_checkpoint_save(w->c.d, w->c.name, w->cp, err) < 0) {
            json_object_put(actions);
            return -1;
        }
    }
    return vmgr__transaction_run(w->q, actions, true, err);
}

/* ---- the operation ---- */

static int make_all(struct work *w, uint32_t flags, GPtrArray *checkpoints, struct vmgr_error **err)
{
    for (guint i = 0; i < w->b->disks->len; i++) {
        struct vmgr__backup_disk *disk = w->b->disks->pdata[i];

        if (disk->backup == 1 &&
            (make_store(w, disk, flags, err) < 0 || add_node(w, disk, err) < 0))
            return -1;
    }
    /* Where it listens is known now. */
    if (w->b->pull && (start_server(w, err) < 0 ||
                       vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, err) < 0))
        return -1;
    return run(w, checkpoints, err);
}

/* Of a backup that has not begun; scratch files go with its record. */
static void remove_targets(const struct vmgr__backup *b)
{
    for (guint i = 0; !b->pull && i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (disk->made)
            unlink(disk->store);
    }
}

static int begin(struct work *w, uint32_t flags, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) checkpoints = vmgr__vemu_checkpoints_load(w->c.d, w->c.name);
    struct vmgr__backup *b = w->b;
    int r = 0;

    for (guint i = 0; r == 0 && i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (disk->backup != 1)
            continue;
        r = check_disk(w, disk, flags, err);
        if (r == 0 && disk->incremental && !bitmap_of(w, disk, checkpoints, err))
            r = -1;
    }
    if (r < 0)
        return -1;
    b->checkpoint = w->cp ? g_strdup(w->cp->name) : NULL;
    w->c.status.bitmaps = w->c.status.bitmaps || w->cp;
    w->c.status.backup = b;
    w->given = true;
    vmgr__domain_job_add(&w->c, VEMU_DOMAIN_JOB_BACKUP);
    for (guint i = 0; i < b->disks->len; i++) {
        struct vmgr__backup_disk *disk = b->disks->pdata[i];

        disk->made = disk->backup == 1 && !disk->type && !(flags & VMGR_BACKUP_REUSE_EXTERNAL);
        if (disk->backup == 1)
            vmgr__blockjob_add(&w->c.status, disk->name, VMGR_BLOCK_JOB_BACKUP);
    }
    if (vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, err) < 0)
        return -1;
    r = make_all(w, flags, checkpoints, err);
    if (r < 0) {
        remove_targets(b);
    } else if (b->pull && vmgr__backup_export(b, w->q, err) < 0) {
        vmgr__backup_cancel(&w->c, w->q);
        r = -1;
    }
    if (r < 0)
        vmgr__domain_job_remove(&w->c);
    /* From here on as if this caller had been killed. */
    if (vmgr__blockjobs_settle(&w->c, w->q, r < 0 ? NULL : err) < 0)
        r = -1;
    return r;
}

static int prepare(struct work *w, const char *checkpoint_xml, struct vmgr_error **err)
{
    g_autofree char *suffix =
        g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);

    if (!vmgr__vemu_change_is_active(&w->c))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "cannot perform disk backup for inactive domain");
    w->q = vmgr__vemu_change_monitor(&w->c, err);
    if (!w->q || vmgr__blockjobs_settle(&w->c, w->q, err) < 0 ||
        vmgr__domain_job_settle(&w->c, w->q, err) < 0)
        return -1;
    if (w->c.status.backup)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "another backup job is already running");
    if (vmgr__domain_job_check_none(&w->c, err) < 0)
        return -1;
    if (checkpoint_xml) {
        w->cp = vmgr__checkpoint_prepare(&w->c, checkpoint_xml, err);
        if (!w->cp)
            return -1;
    }
    if (vmgr__backup_align(w->b, w->c.status.def, w->cp ? w->cp->name : suffix, err) < 0)
        return -1;
    return vmgr__qmp_execute(w->q, "query-block", NULL, &w->blocks, err);
}

int vmgr__vemu_begin_backup(struct vmgr_domain *dom, const char *xml, const char *checkpoint_xml,
                            uint32_t flags, struct vmgr_error **err)
{
    struct work w = { .b = vmgr__backup_parse(xml, err) };
    int r;

    if (!w.b)
        return -1;
    if (vmgr__vemu_change_begin(&w.c, dom, err) < 0) {
        vmgr__backup_free(w.b);
        return -1;
    }
    r = prepare(&w, checkpoint_xml, err);
    if (r == 0)
        r = begin(&w, flags, err);
    if (!w.given)
        vmgr__backup_free(w.b);
    json_object_put(w.blocks);
    vmgr__checkpoint_free(w.cp);
    vmgr__qmp_close(w.q);
    return vmgr__vemu_change_end(&w.c, r);
}

int vmgr__vemu_get_backup_xml(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *name = vmgr__vemu_name_of(d, dom, err);
    struct vemu_status s;
    int r;

    if (!name)
        return -1;
    vmgr__blockjobs_look(d, name);
    r = vmgr__vemu_status_load(d, name, &s, err);
    if (r >= 0 && (!s.backup || s.phase != VEMU_ACTIVE))
        r = vemu_error(err, VMGR_ERR_NO_DOMAIN_BACKUP, "no domain backup job present");
    else if (r >= 0)
        *ret = vmgr__backup_format(s.backup);
    vmgr__vemu_status_clear(&s);
    return MIN(r, 0);
}
