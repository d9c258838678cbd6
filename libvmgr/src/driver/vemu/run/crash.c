/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when a guest has crashed, or its watchdog has barked, and its definition wants more
 * than the emulator does by itself.
 *
 * The emulator holds the guest (panic=pause, watchdog=pause). Whoever hears or sees that first
 * writes it into the status (news.c) and comes here: a dump begins, or the guest starts anew. What
 * is to be done after a dump is in the record of that job, so nobody has to stay.
 */
#include "crash.h"

#include <errno.h>
#include <string.h>

#include "../../../conf/device.h"
#include "../job/domain-job.h"
#include "../job/dump.h"
#include "../state/status.h"
#include "rights.h"

/* Where a dump that nobody asked for goes, for g_free(), or NULL and *err: ID-NAME-TIME. */
static char *dump_path(const struct vemu_change *c, struct vmgr_error **err)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%d-%H:%M:%S");
    g_autofree char *file =
        g_strdup_printf("%d-%.20s-%s", c->status.def->id, c->status.def->name, stamp);
    struct vemu_settings settings;
    char *path = NULL;

    if (vmgr__vemu_settings_load(c->d, &settings, err) < 0)
        return NULL;
    if (g_mkdir_with_parents(settings.auto_dump_path, 0700) < 0)
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                              settings.auto_dump_path);
    else
        path = g_build_filename(settings.auto_dump_path, file, NULL);
    vmgr__vemu_settings_clear(&settings);
    return path;
}

static int begin_dump(struct vemu_change *c, int then, struct vmgr_error **err)
{
    g_autofree char *path = dump_path(c, err);

    return path ? vmgr__dump_begin(c, path, then, false, NULL, err) : -1;
}

/* As if by its button, and on. */
static int restart(struct vemu_change *c, struct vmgr_error **err)
{
    if (vmgr__vemu_change_command(c, "system_reset", NULL, err) < 0 ||
        vmgr__vemu_change_command(c, "cont", NULL, err) < 0)
        return -1;
    c->status.state = VMGR_DOMAIN_RUNNING;
    c->status.reason = VMGR_DOMAIN_RUNNING_CRASHED;
    return vmgr__vemu_status_save(c->d, c->name, &c->status, err);
}

static int on_crash(struct vemu_change *c, struct vmgr_error **err)
{
    switch (c->status.def->on_crash) {
    case VMGR__ACTION_DESTROY: return vmgr__vemu_end_locked(c, VMGR_DOMAIN_SHUTOFF_CRASHED, err);
    case VMGR__ACTION_RESTART: return restart(c, err);
    case VMGR__ACTION_COREDUMP_DESTROY: return begin_dump(c, VEMU_DUMP_THEN_DESTROY, err);
    case VMGR__ACTION_COREDUMP_RESTART: return begin_dump(c, VEMU_DUMP_THEN_RESET, err);
    default: return 0;
    }
}

bool vmgr__vemu_stops_unseen(const struct vmgr__domobj *obj)
{
    return obj->live &&
           (obj->state == VMGR_DOMAIN_PMSUSPENDED ||
            (obj->state == VMGR_DOMAIN_RUNNING &&
             (obj->live->on_crash != VMGR__ACTION_DESTROY ||
              obj->live->on_poweroff == VMGR__ACTION_PRESERVE || obj->live->pm_mem == 1)));
}

bool vmgr__vemu_watchdog_dumps(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *action =
            strcmp(dev->name, "watchdog") == 0 ? vmgr__device_get(dev, NULL, "action") : NULL;

        if (g_strcmp0(action, "dump") == 0)
            return true;
    }
    return false;
}

bool vmgr__vemu_act(struct vemu *d, const char *name)
{
    struct vemu_change c;

    if (d->read_only)
        return true;
    if (vmgr__vemu_change_try_name(&c, d, name) < 0)
        return false;
    /* A guest that cannot be helped stays as it is, for people to see. */
    if (c.status.phase == VEMU_ACTIVE && !c.status.job) {
        if (c.status.state == VMGR_DOMAIN_CRASHED)
            on_crash(&c, NULL);
        else if (c.status.state == VMGR_DOMAIN_PAUSED &&
                 c.status.reason == VMGR_DOMAIN_PAUSED_WATCHDOG &&
                 vmgr__vemu_watchdog_dumps(c.status.def))
            begin_dump(&c, VEMU_DUMP_THEN_RESUME, NULL);
    }
    vmgr__vemu_change_end(&c, 0);
    return true;
}
