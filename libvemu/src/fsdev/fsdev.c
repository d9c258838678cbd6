/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared directories: making them by class name, finding them, freeing them.
 */
#include "fsdev/fsdev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vemu/fsdev.h>

#include "core/property.h"
#include "core/vm.h"

static const struct vemu_prop local_props[] = {
    VEMU_PROP(struct vemu_fsdev, path, "path", STRING, NULL, "the directory"),
    VEMU_PROP(struct vemu_fsdev, security_model, "security_model", STRING, NULL,
              "passthrough, mapped-xattr (or mapped) or none: whose the files are"),
    VEMU_PROP(struct vemu_fsdev, read_only, "readonly", BOOL, "off", "refuse all changes"),
    VEMU_PROP(struct vemu_fsdev, fmode, "fmode", STRING, NULL,
              "mode of new files with mapped-xattr, 0600 unless given"),
    VEMU_PROP(struct vemu_fsdev, dmode, "dmode", STRING, NULL,
              "mode of new directories with mapped-xattr, 0700 unless given"),
    VEMU_PROP(struct vemu_fsdev, writeout, "writeout", STRING, NULL,
              "immediate: the host begins to write out what the guest writes at once"),
    VEMU_PROP_END,
};

const struct vemu_fsdev_class vemu__fsdev_local = {
    .base = {
        .name = "local",
        .summary = "a directory of this machine",
        .instance_size = sizeof(struct vemu_fsdev),
        .props = local_props,
    },
};

void vemu__fsdev_free(struct vemu_fsdev *fs)
{
    if (!fs)
        return;
    if (fs->root >= 0)
        close(fs->root);
    vemu__props_clear(fs, fs->class_->base.props);
    g_free(fs->id);
    g_free(fs);
}

static int choose_security(struct vemu_fsdev *fs, struct vemu_error **err)
{
    static const struct {
        const char *name;
        enum vemu_fs_security security;
    } models[] = {
        { "passthrough", VEMU_FS_PASSTHROUGH },
        { "none", VEMU_FS_NONE },
        { "mapped-xattr", VEMU_FS_MAPPED },
        { "mapped", VEMU_FS_MAPPED },
    };

    if (!fs->security_model)
        return vemu__error_set(err, EINVAL, "property 'security_model' is missing");
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        if (strcmp(fs->security_model, models[i].name) != 0)
            continue;
        fs->security = models[i].security;
        return 0;
    }
    return vemu__error_set(err, EINVAL,
                           "security_model '%s' is not supported (passthrough, mapped-xattr, none)",
                           fs->security_model);
}

/* Octal with a zero in front, decimal or hexadecimal, as QEMU has it. */
static int choose_mode(const struct vemu_fsdev *fs, const char *name, const char *text,
                       uint32_t unless, uint32_t *ret, struct vemu_error **err)
{
    char *end = NULL;
    guint64 mode;

    *ret = unless;
    if (!text)
        return 0;
    if (fs->security != VEMU_FS_MAPPED)
        return vemu__error_set(err, EINVAL, "property '%s': only with security_model mapped-xattr",
                               name);
    mode = g_ascii_strtoull(text, &end, 0);
    if (!g_ascii_isdigit(*text) || *end || mode > 0777)
        return vemu__error_set(err, EINVAL, "property '%s': '%s' is not a mode from 0 to 0777",
                               name, text);
    *ret = (uint32_t)mode;
    return 0;
}

static int choose_writing(struct vemu_fsdev *fs, struct vemu_error **err)
{
    if (fs->writeout && strcmp(fs->writeout, "immediate") != 0)
        return vemu__error_set(
            err, EINVAL, "property 'writeout': '%s' is not supported (immediate)", fs->writeout);
    fs->write_soon = fs->writeout;
    return 0;
}

static int fs_open(void *instance, struct vemu_error **err)
{
    struct vemu_fsdev *fs = instance;
    int r = choose_security(fs, err);

    if (r >= 0)
        r = choose_mode(fs, "fmode", fs->fmode, VEMU_FS_NEW_FILE, &fs->file_mode, err);
    if (r >= 0)
        r = choose_mode(fs, "dmode", fs->dmode, VEMU_FS_NEW_DIR, &fs->dir_mode, err);
    if (r >= 0)
        r = choose_writing(fs, err);
    if (r < 0)
        return r;
    if (!fs->path)
        return vemu__error_set(err, EINVAL, "property 'path' is missing");
    fs->root = open(fs->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fs->root < 0 || fstat(fs->root, &fs->root_stat) < 0)
        return vemu__error_set(err, errno, "cannot open directory '%s': %s", fs->path,
                               strerror(errno));
    return 0;
}

static void *make(struct vemu_vm *vm, const struct vemu_backend_class *class_, const char *id)
{
    struct vemu_fsdev *fs = g_malloc0(class_->instance_size);

    fs->class_ = (const struct vemu_fsdev_class *)class_;
    fs->id = g_strdup(id);
    fs->root = -1;
    return fs;
}

static void fs_free(void *instance)
{
    vemu__fsdev_free(instance);
}

const struct vemu_backend_kind vemu__fsdev_kind = {
    .a_noun = "an fsdev",
    .class_noun = "fsdev class",
    .classes = vemu__fsdev_classes,
    .list = offsetof(struct vemu_vm, fsdevs),
    .id = offsetof(struct vemu_fsdev, id),
    .make = make,
    .open = fs_open,
    .free = fs_free,
};

struct vemu_fsdev *vemu__vm_find_fsdev(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__fsdev_kind, id);
}

int vemu_vm_add_fsdev(struct vemu_vm *vm, const char *class_name, const char *id,
                      const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    return vemu__backend_add(vm, &vemu__fsdev_kind, class_name, id, props, prop_count, err);
}
