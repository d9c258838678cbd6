/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file in which a guest's firmware keeps its variables.
 *
 * It is made from a template when the guest starts and has none, is the guest's from then on, and
 * outlives all its runs. It appears as a whole: a start that is killed leaves at most a file beside
 * it, which the next caller removes. Several domains may name the same file, so whoever makes one
 * holds a lock of all such files: behind the domain's, before none.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../state/lock.h"
#include "firmware.h"

static char *default_path(const struct vemu *d, const struct vmgr__domain_def *def)
{
    return g_strdup_printf("%s/%s_VARS.fd", d->nvram_dir, def->name);
}

static void set_path(struct vmgr__firmware *f, char *path)
{
    f->nvram = path;
    f->has_nvram = true;
}

void vmgr__vemu_nvram_place(const struct vemu *d, struct vmgr__domain_def *def)
{
    struct vmgr__firmware *f = &def->os.firmware;

    if (f->loader_type == VMGR__LOADER_PFLASH && f->readonly == 1 && f->stateless != 1 &&
        !f->nvram && !f->nvram_source)
        set_path(f, default_path(d, def));
}

/* Where it is or would be, for g_free(); NULL: the domain has none. */
static char *path_of(const struct vemu *d, const struct vmgr__domain_def *def)
{
    const struct vmgr__firmware *f = &def->os.firmware;

    if (f->nvram)
        return g_strdup(f->nvram);
    return f->kind == VMGR__FIRMWARE_EFI && f->stateless != 1 && !f->nvram_source
               ? default_path(d, def)
               : NULL;
}

int vmgr__vemu_nvram_make(const struct vemu *d, const struct vmgr__domain_def *def, bool reset,
                          struct vmgr_error **err)
{
    const struct vmgr__firmware *f = &def->os.firmware;
    g_autofree char *lock_path = NULL;
    g_autofree char *dir = NULL;
    int lock, r;

    if (!f->nvram || (!reset && access(f->nvram, F_OK) == 0))
        return 0;
    if (!f->nvram_template)
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "unable to find any master var store for loader: %s", f->loader);
    dir = g_path_get_dirname(f->nvram);
    if (strcmp(dir, d->nvram_dir) == 0 && g_mkdir_with_parents(dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     dir);
    lock_path = g_strconcat(d->lock_dir, ".nvram", NULL);
    lock = vmgr__file_lock(lock_path, VEMU_LOCK_TIMEOUT_MS, err);
    if (lock < 0)
        return -1;
    r = !reset && access(f->nvram, F_OK) == 0 ? 0
                                              : vmgr__file_copy(f->nvram_template, f->nvram, err);
    vmgr__vemu_unlock(lock);
    return r;
}

void vmgr__vemu_nvram_sweep(const struct vemu *d, const struct vmgr__domain_def *def)
{
    g_autofree char *lock_path = g_strconcat(d->lock_dir, ".nvram", NULL);
    g_autofree char *fresh = NULL;
    int lock;

    if (!def || !def->os.firmware.nvram)
        return;
    fresh = g_strconcat(def->os.firmware.nvram, VMGR__FILE_FRESH, NULL);
    if (access(fresh, F_OK) < 0)
        return;
    lock = vmgr__file_lock(lock_path, VEMU_LOCK_TIMEOUT_MS, NULL);
    if (lock >= 0)
        unlink(fresh);
    vmgr__vemu_unlock(lock);
}

int vmgr__vemu_nvram_check_leave(const struct vemu *d, const struct vmgr__domain_def *def,
                                 uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *path = path_of(d, def);

    if ((flags & VMGR_DOMAIN_UNDEFINE_NVRAM) && (flags & VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM))
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "cannot both keep and delete nvram");
    if (!path || access(path, F_OK) < 0 ||
        (flags & (VMGR_DOMAIN_UNDEFINE_NVRAM | VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM)))
        return 0;
    return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "cannot undefine domain with nvram");
}

int vmgr__vemu_nvram_remove(const struct vemu *d, const struct vmgr__domain_def *def,
                            struct vmgr_error **err)
{
    g_autofree char *path = path_of(d, def);

    return path ? vmgr__file_remove(path, true, err) : 0;
}

bool vmgr__vemu_nvram_keep_place(const struct vemu *d, struct vmgr__domain_def *def)
{
    g_autofree char *path = path_of(d, def);

    if (!path || def->os.firmware.nvram || access(path, F_OK) < 0)
        return false;
    set_path(&def->os.firmware, g_steal_pointer(&path));
    return true;
}
