/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Volumes that are files of a directory: dir, and file systems once they are mounted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backend.h"

int vmgr__files_measure(struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    struct statvfs sv;
    struct stat st;

    if (stat(pool->path, &st) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot open directory '%s'",
                                     pool->path);
    if (!S_ISDIR(st.st_mode))
        return vmgr__error_set_errno(err, ENOTDIR, VMGR_FROM_STORAGE, "cannot open directory '%s'",
                                     pool->path);
    if (statvfs(pool->path, &sv) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot statvfs path '%s'",
                                     pool->path);
    pool->capacity = (uint64_t)sv.f_frsize * sv.f_blocks;
    pool->available = (uint64_t)sv.f_bfree * sv.f_frsize;
    pool->allocation = pool->capacity - pool->available;
    return 0;
}

/* Names that cannot be shown, or that belong to a creation under way, are not volumes. */
static bool is_volume_name(const char *name)
{
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        g_str_has_prefix(name, ".vmgr-") || strchr(name, '/') || strlen(name) > NAME_MAX)
        return false;
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    }
    return true;
}

int vmgr__files_find(const struct vmgr__pool_def *pool, const char *name,
                     struct vmgr__volume_def **ret, struct vmgr_error **err)
{
    struct vmgr__volume_def *def;
    int r;

    if (!is_volume_name(name))
        return 0;
    def = vmgr__volume_def_new();
    def->name = g_strdup(name);
    def->target.path = g_strdup_printf("%s/%s", strcmp(pool->path, "/") ? pool->path : "", name);
    def->key = g_strdup(def->target.path);
    r = vmgr__volume_probe(def, err);
    if (r > 0 && pool->refresh_allocation && strcmp(pool->refresh_allocation, "capacity") == 0)
        def->allocation = def->capacity;
    if (r > 0)
        *ret = def;
    else
        vmgr__volume_def_free(def);
    return r;
}

int vmgr__files_list(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err)
{
    DIR *stream = opendir(pool->path);
    const struct dirent *e;
    int r = 0;

    if (!stream)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot open directory '%s'",
                                     pool->path);
    while (r >= 0 && (e = readdir(stream))) {
        struct vmgr__volume_def *def = NULL;

        r = vmgr__files_find(pool, e->d_name, &def, err);
        if (r > 0)
            g_ptr_array_add(ret, def);
    }
    closedir(stream);
    return r < 0 ? -1 : 0;
}

int vmgr__files_delete(const struct vmgr__pool_def *pool G_GNUC_UNUSED,
                       const struct vmgr__volume_def *def, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "virStorageBackendVolDeleteLocal", err) < 0)
        return -1;
    if (def->type == VMGR_VOLUME_BLOCK)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "removing block or network volumes is not supported: %s",
                             def->target.path);
    if (def->type == VMGR_VOLUME_DIR ? rmdir(def->target.path) == 0 : unlink(def->target.path) == 0)
        return 0;
    if (errno == ENOENT)
        return storage_error(err, VMGR_ERR_NO_STORAGE_VOL, "no storage vol with matching name '%s'",
                             def->name);
    return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                 def->type == VMGR_VOLUME_DIR ? "cannot remove directory '%s'"
                                                              : "cannot unlink file '%s'",
                                 def->target.path);
}

int vmgr__files_resize(const struct vmgr__pool_def *pool G_GNUC_UNUSED,
                       const struct vmgr__volume_def *def, uint64_t capacity, uint32_t flags,
                       struct vmgr_error **err)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *why = NULL;
    struct vemu_image *image;
    int r;

    if (def->type != VMGR_VOLUME_FILE)
        return storage_error(err, VMGR_ERR_NO_SUPPORT, "only files can be resized: '%s'",
                             def->target.path);
    options.format = vmgr__volume_image_format(def);
    options.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING;
    r = vemu_image_open(def->target.path, &options, &image, &why);
    if (r < 0)
        return vmgr__storage_image_error(why, r, err);
    r = vemu_image_resize(image, capacity, flags & VMGR_VOLUME_RESIZE_ALLOCATE ? "falloc" : NULL,
                          flags & VMGR_VOLUME_RESIZE_SHRINK ? VEMU_IMAGE_RESIZE_SHRINK : 0, NULL,
                          &why);
    if (r < 0) {
        vemu_image_close(image);
        return vmgr__storage_image_error(why, r, err);
    }
    r = vemu_image_close(image);
    return r < 0 ? vmgr__storage_image_error(NULL, r, err) : 0;
}

/* ---- the directory itself ---- */

int vmgr__files_make_dir(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    const struct vmgr__perms *perms = &pool->perms;
    g_autofree char *parent = g_path_get_dirname(pool->path);
    const mode_t mode = perms->mode >= 0 ? (mode_t)perms->mode : 0711;
    bool made;

    if (g_mkdir_with_parents(parent, 0755) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot create path '%s'",
                                     parent);
    made = mkdir(pool->path, mode) == 0;
    if (!made && errno != EEXIST)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "failed to create directory '%s'", pool->path);
    /* Past the umask; of what was there before only what was asked for is changed. */
    if ((made || perms->mode >= 0) && chmod(pool->path, mode) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot set mode of '%s' to %o",
                                     pool->path, (unsigned)mode);
    if ((perms->owner >= 0 || perms->group >= 0) &&
        chown(pool->path, perms->owner >= 0 ? (uid_t)perms->owner : (uid_t)-1,
              perms->group >= 0 ? (gid_t)perms->group : (gid_t)-1) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot chown '%s'",
                                     pool->path);
    return 0;
}

static int build(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "virStorageBackendDirBuild", err) < 0)
        return -1;
    return vmgr__files_make_dir(pool, err);
}

static int remove_dir(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, 0, "virStorageBackendDeleteLocal", err) < 0)
        return -1;
    if (rmdir(pool->path) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "failed to remove pool '%s'",
                                     pool->path);
    return 0;
}

const struct vmgr__backend vmgr__backend_dir = {
    .build = build,
    .remove = remove_dir,
    .measure = vmgr__files_measure,
    .list = vmgr__files_list,
    .find = vmgr__files_find,
    .create = vmgr__files_create,
    .delete = vmgr__files_delete,
    .resize = vmgr__files_resize,
};
