/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions at rest: storing, changing and removing them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup/backup.h"
#include "define.h"
#include "device/parts.h"
#include "run/firmware.h"
#include "run/launch.h"
#include "state/cache.h"
#include "state/lock.h"
#include "state/paths.h"
#include "state/status.h"

int vmgr__vemu_config_load(const struct vemu *d, const char *name, struct vmgr__domain_def **ret,
                           struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_config_path(d, name);
    g_autofree char *text = NULL;
    int r = vmgr__file_read(path, &text, err);

    if (r <= 0)
        return r;
    *ret = vmgr__domain_def_parse(text, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, err);
    if (!*ret)
        return -1;
    /* A rename that died half-way: the name of the file is the one that counts. */
    if (strcmp((*ret)->name, name) != 0) {
        g_free((*ret)->name);
        (*ret)->name = g_strdup(name);
    }
    return 1;
}

/* *ret_text: what the file says then, for g_free(). */
static int save_text(const struct vemu *d, const struct vmgr__domain_def *def, char **ret_text,
                     struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_config_path(d, def->name);

    *ret_text = vmgr__domain_def_format(def, VMGR__CONF_INACTIVE);
    return vmgr__file_replace(path, *ret_text, true, err);
}

int vmgr__vemu_config_save(const struct vemu *d, const struct vmgr__domain_def *def,
                           struct vmgr_error **err)
{
    g_autofree char *text = NULL;

    return save_text(d, def, &text, err);
}

/* A writer has the domain's lock or, of a new name, the global one. */
static void sweep_one(const struct vemu *d, const char *entry, const char *name)
{
    g_autofree char *path = g_build_filename(d->config_dir, entry, NULL);
    const int lock_all = vmgr__vemu_lock_global(d, NULL);
    const int lock = lock_all < 0 ? -1 : vmgr__vemu_try_lock(d, name);

    if (lock >= 0)
        unlink(path);
    vmgr__vemu_unlock(lock);
    vmgr__vemu_unlock(lock_all);
}

void vmgr__vemu_config_sweep(const struct vemu *d)
{
    static const char suffix[] = ".xml" VMGR__FILE_FRESH;
    GDir *dir = d->read_only ? NULL : g_dir_open(d->config_dir, 0, NULL);
    const char *entry;

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;

        if (!g_str_has_suffix(entry, suffix))
            continue;
        name = g_strndup(entry, strlen(entry) - strlen(suffix));
        sweep_one(d, entry, name);
    }
    if (dir)
        g_dir_close(dir);
}

int vmgr__vemu_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct vemu *d = conn->driver_data;
    g_autofree char *text = NULL;
    struct vmgr__domain_def *def;
    struct vemu_change c;
    int lock, r = -1;

    if (flags & VMGR_DOMAIN_DEFINE_VALIDATE)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "validation against a schema is not available");
    def = vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, err);
    if (!def)
        return -1;
    if (vmgr__vemu_check_define(def, err) < 0 ||
        vmgr__vemu_assign_addresses(def, VEMU_SPARE_PORTS, err) < 0 ||
        vmgr__vemu_change_begin_name(&c, d, def->name, err) < 0) {
        vmgr__domain_def_free(def);
        return -1;
    }
    vmgr__vemu_nvram_place(d, def);
    lock = vmgr__vemu_lock_global(d, err);
    if (lock >= 0) {
        r = vmgr__vemu_check_unique(d, lock, def, false, err);
        if (r == 0)
            r = save_text(d, def, &text, err);
        if (r == 0)
            vmgr__vemu_set_grew(d, lock);
    }
    vmgr__vemu_unlock(lock);
    if (r == 0 && ret)
        *ret = vmgr__domain_new(conn, c.name, def->uuid);
    if (r == 0)
        vmgr__vemu_keep_definition(d, c.name, def, text);
    else
        vmgr__domain_def_free(def);
    return vmgr__vemu_change_end(&c, r);
}

/* A domain that goes takes what is known of its checkpoints along, if that was meant. */
static int check_checkpoints(struct vemu_change *c, uint32_t flags, struct vmgr_error **err)
{
    const unsigned n =
        vmgr__vemu_change_is_active(c) ? 0 : vmgr__vemu_checkpoints_count(c->d, c->name);

    if (n && !(flags & VMGR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA))
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "cannot delete inactive domain with %u checkpoints", n);
    if (n)
        vmgr__vemu_checkpoints_forget(c->d, c->name);
    return 0;
}

int vmgr__vemu_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *config = NULL;
    g_autofree char *link = NULL;
    struct vemu_change c;
    int r = -1;

    /* There is never a managed save, a snapshot or a TPM to remove or to keep. */
    if (vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    if (!c.config) {
        vemu_error(err, VMGR_ERR_OPERATION_INVALID, "cannot undefine transient domain");
        return vmgr__vemu_change_end(&c, -1);
    }
    if (vmgr__vemu_nvram_check_leave(c.d, c.config, flags, err) < 0 ||
        check_checkpoints(&c, flags, err) < 0 ||
        ((flags & VMGR_DOMAIN_UNDEFINE_NVRAM) && vmgr__vemu_nvram_remove(c.d, c.config, err) < 0))
        return vmgr__vemu_change_end(&c, -1);
    config = vmgr__vemu_config_path(c.d, c.name);
    link = vmgr__vemu_autostart_path(c.d, c.name);
    if (vmgr__file_remove(link, false, err) == 0)
        r = vmgr__file_remove(config, true, err);
    if (r == 0 && !vmgr__vemu_change_is_active(&c))
        vmgr__vemu_run_remove(c.d, c.name);
    return vmgr__vemu_change_end(&c, r);
}

static bool has_autostart(const struct vemu *d, const char *name)
{
    g_autofree char *link = vmgr__vemu_autostart_path(d, name);
    struct stat st;

    return lstat(link, &st) == 0;
}

/* Gives up on a name that a domain did not get: whoever has it, or will, did not ask for that. */
static void take_back_autostart(const struct vemu *d, const char *name)
{
    g_autofree char *link = vmgr__vemu_autostart_path(d, name);

    vmgr__file_remove(link, true, NULL);
}

static int make_autostart(const struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *link = vmgr__vemu_autostart_path(d, name);
    g_autofree char *target = g_strdup_printf("../domains/%s.xml", name);

    if (symlink(target, link) < 0 && errno != EEXIST)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU,
                                     "Failed to create symlink '%s' to '%s'", link, target);
    vmgr__file_sync_dir(link);
    return 0;
}

/* The file's name is the domain's: one rename() is the whole change, and the name inside is brought
 * up to date afterwards. */
static int rename_locked(struct vemu_change *c, const char *new_name, struct vmgr_error **err)
{
    g_autofree char *from = vmgr__vemu_config_path(c->d, c->name);
    g_autofree char *to = vmgr__vemu_config_path(c->d, new_name);
    g_autofree char *old_link = vmgr__vemu_autostart_path(c->d, c->name);
    const bool autostart = has_autostart(c->d, c->name) && !has_autostart(c->d, new_name);

    /* The guest keeps its variables: with the name, the usual place of their file changes. */
    if (vmgr__vemu_nvram_keep_place(c->d, c->config) &&
        vmgr__vemu_config_save(c->d, c->config, err) < 0)
        return -1;
    if (autostart && make_autostart(c->d, new_name, err) < 0)
        return -1;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot rename '%s' to '%s'", from, to);
        if (autostart)
            take_back_autostart(c->d, new_name);
        return -1;
    }
    vmgr__file_sync_dir(to);
    vmgr__file_remove(old_link, true, NULL);
    vmgr__vemu_run_remove(c->d, c->name);
    g_free(c->config->name);
    c->config->name = g_strdup(new_name);
    return vmgr__vemu_config_save(c->d, c->config, err);
}

static int check_rename(struct vemu_change *c, const char *new_name, struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    int r = -1;

    g_mutex_lock(&c->d->lock);
    vmgr__vemu_refresh_all_locked(c->d);
    obj = vmgr__domlist_by_name(&c->d->list, c->name);
    if (obj)
        r = vmgr__domlist_check_rename(&c->d->list, obj, new_name, err);
    else
        vemu_error(err, VMGR_ERR_NO_DOMAIN, "no domain with matching name '%s'", c->name);
    g_mutex_unlock(&c->d->lock);
    return r;
}

int vmgr__vemu_rename(struct vmgr_domain *dom, const char *new_name, struct vmgr_error **err)
{
    struct vemu_change c;
    int lock = -1, r;

    if (strlen(new_name) > VEMU_NAME_MAX)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "the domain's name is longer than %d bytes", VEMU_NAME_MAX);
    if (!g_utf8_validate(new_name, -1, NULL))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "the new name is not UTF-8");
    if (vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    /* The global lock keeps the new name free; its own lock cannot matter to a domain that is not
     * there, and taking two domain locks would need an order. */
    lock = vmgr__vemu_lock_global(c.d, err);
    r = lock < 0 ? -1 : check_rename(&c, new_name, err);
    if (r == 0 && vmgr__vemu_checkpoints_count(c.d, c.name))
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "cannot rename domain with checkpoints");
    if (r == 0)
        r = rename_locked(&c, new_name, err);
    if (r == 0)
        vmgr__vemu_set_grew(c.d, lock);
    vmgr__vemu_unlock(lock);
    if (r == 0) {
        g_mutex_lock(&c.d->lock);
        vmgr__vemu_refresh_all_locked(c.d);
        g_mutex_unlock(&c.d->lock);
        vmgr__domain_set_name(dom, new_name);
    }
    return vmgr__vemu_change_end(&c, r);
}

int vmgr__vemu_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err)
{
    g_autofree char *link = NULL;
    struct vemu_change c;
    int r;

    if (vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    link = vmgr__vemu_autostart_path(c.d, c.name);
    if (!c.config)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                       "cannot set autostart for transient domain");
    else if (on)
        r = make_autostart(c.d, c.name, err);
    else
        r = vmgr__file_remove(link, true, err);
    return vmgr__vemu_change_end(&c, r);
}

int vmgr__vemu_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                            const char *uri, uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (live)
        r = vmgr__def_set_metadata(c.status.def, type, text, key, uri, err);
    if (r == 0 && config)
        r = vmgr__def_set_metadata(c.config, type, text, key, uri, err);
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}
