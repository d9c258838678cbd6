/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints of domains as files: CHECKPOINTS/DOMAIN/NAME.xml, beside the definitions.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"

static char *dir_of(const struct vemu *d, const char *name)
{
    g_autofree char *base = g_path_get_dirname(d->config_dir);

    return g_build_filename(base, "checkpoints", name, NULL);
}

static char *path_of(const struct vemu *d, const char *name, const char *checkpoint)
{
    g_autofree char *dir = dir_of(d, name), *file = g_strconcat(checkpoint, ".xml", NULL);

    return g_build_filename(dir, file, NULL);
}

static struct vmgr__checkpoint *load(const char *dir, const char *file)
{
    g_autofree char *path = g_build_filename(dir, file, NULL);
    g_autofree char *text = NULL;
    struct vmgr__checkpoint *c = NULL;

    if (vmgr__file_read(path, &text, NULL) > 0)
        c = vmgr__checkpoint_parse(text, &vmgr__vemu_defaults, true, NULL);
    if (c && strncmp(c->name, file, strlen(file) - strlen(".xml")) == 0)
        return c;
    vmgr__checkpoint_free(c);
    return NULL;
}

static int by_age(gconstpointer a, gconstpointer b)
{
    const struct vmgr__checkpoint *x = *(struct vmgr__checkpoint *const *)a,
                                  *y = *(struct vmgr__checkpoint *const *)b;

    if (x->created != y->created)
        return x->created < y->created ? -1 : 1;
    return strcmp(x->name, y->name);
}

GPtrArray *vmgr__vemu_checkpoints_load(const struct vemu *d, const char *name)
{
    g_autofree char *path = dir_of(d, name);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    GPtrArray *list = vmgr__checkpoints_new();
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        struct vmgr__checkpoint *c = g_str_has_suffix(file, ".xml") ? load(path, file) : NULL;

        if (c)
            g_ptr_array_add(list, c);
    }
    g_ptr_array_sort(list, by_age);
    return list;
}

unsigned vmgr__vemu_checkpoints_count(const struct vemu *d, const char *name)
{
    g_autoptr(GPtrArray) list = vmgr__vemu_checkpoints_load(d, name);

    return list->len;
}

int vmgr__vemu_checkpoint_save(const struct vemu *d, const char *name,
                               const struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    g_autofree char *dir = dir_of(d, name), *path = path_of(d, name, c->name);
    g_autofree char *text = vmgr__checkpoint_format(c, true, VMGR__CONF_INACTIVE);

    if (g_mkdir_with_parents(dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     dir);
    return vmgr__file_replace(path, text, true, err);
}

int vmgr__vemu_checkpoint_forget(const struct vemu *d, const char *name, const char *checkpoint,
                                 struct vmgr_error **err)
{
    g_autofree char *dir = dir_of(d, name), *path = path_of(d, name, checkpoint);
    int r = vmgr__file_remove(path, true, err);

    rmdir(dir); /* when it was the last */
    return r;
}

void vmgr__vemu_checkpoints_forget(const struct vemu *d, const char *name)
{
    g_autofree char *path = dir_of(d, name);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *each = g_build_filename(path, file, NULL);

        unlink(each);
    }
    rmdir(path);
}
