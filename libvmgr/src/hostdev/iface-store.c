/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of the host's interfaces.
 *
 *   CONFIG/interfaces/NAME.xml         what the interface is to be
 *   CONFIG/interfaces-begin/NAME.xml   the same as it was when changes began
 *   CONFIG/interfaces-begin/active     names of those that were active then, one a line: written
 *                                      last, so without it the directory counts for nothing
 *
 * The host's own configuration (/etc/network, NetworkManager's) is neither read nor written.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../driver/vemu/vemu.h"
#include "hostdev.h"
#include "iface-store.h"

int vmgr__iface_lock(const struct vemu *d, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".interfaces", NULL);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

static char *path_of(const char *dir, const char *name)
{
    return g_strdup_printf("%s/%s.xml", dir, name);
}

static struct vmgr__iface_def *load(const char *dir, const char *name)
{
    g_autofree char *path = path_of(dir, name);
    g_autofree char *text = NULL;
    struct vmgr__iface_def *def;

    if (!vmgr__iface_name_is_valid(name) || vmgr__file_read(path, &text, NULL) <= 0)
        return NULL;
    def = vmgr__iface_def_parse(text, NULL);
    if (def && strcmp(def->name, name) == 0)
        return def;
    vmgr__iface_def_free(def);
    return NULL;
}

struct vmgr__iface_def *vmgr__iface_load(const struct vemu *d, const char *name)
{
    return load(d->iface_dir, name);
}

static GPtrArray *load_dir(const char *dir)
{
    g_autoptr(GPtrArray) files = vmgr__sysfs_names(dir);
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__iface_def_free);

    for (guint i = 0; i < files->len; i++) {
        const char *file = files->pdata[i];
        g_autofree char *name =
            g_str_has_suffix(file, ".xml") ? g_strndup(file, strlen(file) - 4) : NULL;
        struct vmgr__iface_def *def = name ? load(dir, name) : NULL;

        if (def)
            g_ptr_array_add(list, def);
    }
    return list;
}

GPtrArray *vmgr__iface_load_all(const struct vemu *d)
{
    return load_dir(d->iface_dir);
}

bool vmgr__iface_is_up(const char *name)
{
    struct ifreq ifr = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up;

    if (fd < 0)
        return false;
    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    up = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && ifr.ifr_flags & IFF_UP;
    close(fd);
    return up;
}

static int make_dir(const char *dir, struct vmgr_error **err)
{
    return g_mkdir_with_parents(dir, 0700) == 0
               ? 0
               : vmgr__error_set_errno(err, errno, VMGR_FROM_INTERFACE,
                                       "cannot create directory '%s'", dir);
}

static int save(const char *dir, const struct vmgr__iface_def *def, struct vmgr_error **err)
{
    g_autofree char *path = path_of(dir, def->name);
    g_autofree char *text = vmgr__iface_def_format(def);

    return make_dir(dir, err) < 0 ? -1 : vmgr__file_replace(path, text, true, err);
}

int vmgr__iface_save(const struct vemu *d, const struct vmgr__iface_def *def,
                     struct vmgr_error **err)
{
    return save(d->iface_dir, def, err);
}

int vmgr__iface_remove(const struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *path = path_of(d->iface_dir, name);

    return vmgr__file_remove(path, true, err);
}

/* ---- what was when changes began ---- */

static char *active_path(const struct vemu *d)
{
    return g_build_filename(d->iface_begin_dir, "active", NULL);
}

bool vmgr__iface_has_begun(const struct vemu *d)
{
    g_autofree char *path = active_path(d);

    return access(path, F_OK) == 0;
}

void vmgr__iface_begun_forget(const struct vemu *d)
{
    g_autofree char *path = active_path(d);
    g_autoptr(GPtrArray) files = NULL;

    vmgr__file_remove(path, true, NULL);
    files = vmgr__sysfs_names(d->iface_begin_dir);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *file = g_build_filename(d->iface_begin_dir, files->pdata[i], NULL);

        unlink(file);
    }
    rmdir(d->iface_begin_dir);
}

int vmgr__iface_begun_save(const struct vemu *d, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__iface_load_all(d);
    g_autoptr(GString) active = g_string_new(NULL);
    g_autofree char *path = active_path(d);

    vmgr__iface_begun_forget(d);
    if (make_dir(d->iface_begin_dir, err) < 0)
        return -1;
    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__iface_def *def = list->pdata[i];

        if (save(d->iface_begin_dir, def, err) < 0)
            return -1;
        if (vmgr__iface_is_up(def->name))
            g_string_append_printf(active, "%s\n", def->name);
    }
    return vmgr__file_replace(path, active->str, true, err);
}

GPtrArray *vmgr__iface_begun_load(const struct vemu *d, char ***ret_active)
{
    g_autofree char *path = active_path(d);
    g_autofree char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    *ret_active = g_strsplit(text ? text : "", "\n", -1);
    return load_dir(d->iface_begin_dir);
}
