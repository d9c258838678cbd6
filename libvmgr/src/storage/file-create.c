/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a volume that is a file, whole or not at all.
 *
 * The file has no name while it is filled; see storage.h. The image library works on it by its
 * descriptor's name in /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backend.h"

/* A file in the making. */
struct nascent {
    int fd;
    char *path;      /* by which it can be opened */
    char *temporary; /* its name, where it must have one; else NULL */
};

static int nascent_open(struct nascent *n, const char *dir, struct vmgr_error **err)
{
    *n = (struct nascent){ .fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
    if (n->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        n->temporary = g_build_filename(dir, ".vmgr-XXXXXX", NULL);
        n->fd = mkostemp(n->temporary, O_CLOEXEC);
        n->path = g_strdup(n->temporary);
    } else {
        n->path = g_strdup_printf("/proc/self/fd/%d", n->fd);
    }
    if (n->fd >= 0)
        return 0;
    vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot create file in '%s'", dir);
    g_clear_pointer(&n->temporary, g_free);
    g_clear_pointer(&n->path, g_free);
    return -1;
}

static void nascent_close(struct nascent *n)
{
    if (n->temporary)
        unlink(n->temporary);
    close(n->fd);
    g_free(n->path);
    g_free(n->temporary);
}

/* Gives it its name, which must be free. */
static int nascent_publish(struct nascent *n, const char *path)
{
    if (!n->temporary)
        return linkat(AT_FDCWD, n->path, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    if (renameat2(AT_FDCWD, n->temporary, AT_FDCWD, path, RENAME_NOREPLACE) < 0) {
        if (errno != EINVAL && errno != ENOSYS)
            return -1;
        if (link(n->temporary, path) < 0)
            return -1;
        return 0; /* closing takes the other name away */
    }
    g_clear_pointer(&n->temporary, g_free);
    return 0;
}

/* ---- contents ---- */

static int open_image(const char *path, const char *format, uint32_t flags, struct vemu_image **ret,
                      struct vmgr_error **err)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *why = NULL;
    int r;

    options.format = format;
    options.flags = flags;
    r = vemu_image_open(path, &options, ret, &why);
    return r < 0 ? vmgr__storage_image_error(why, r, err) : 0;
}

int vmgr__volume_copy(const struct vmgr__volume_origin *origin, const char *path,
                      const char *format, bool zeroed, struct vmgr_error **err)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    struct vemu_image *source = NULL, *target = NULL;
    struct vemu_error *why = NULL;
    int r;

    if (open_image(origin->path, origin->format, 0, &source, err) < 0)
        return -1;
    if (open_image(path, format, VEMU_IMAGE_WRITE, &target, err) < 0) {
        vemu_image_close(source);
        return -1;
    }
    options.flags = zeroed ? VEMU_IMAGE_COPY_TARGET_IS_ZERO : 0;
    options.bytes = MIN(vemu_image_get_size(source), vemu_image_get_size(target));
    r = options.bytes ? vemu_image_copy(source, target, &options, NULL, &why) : 0;
    vemu_image_close(source);
    if (r < 0) {
        vemu_image_close(target);
        return vmgr__storage_image_error(why, r, err);
    }
    r = vemu_image_close(target);
    return r < 0 ? vmgr__storage_image_error(NULL, r, err) : 0;
}

static int reflink(const struct nascent *n, const struct vmgr__volume_origin *origin,
                   struct vmgr_error **err)
{
    int fd = open(origin->path, O_RDONLY | O_CLOEXEC), r;

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "could not open input path '%s'", origin->path);
    r = ioctl(n->fd, FICLONE, fd);
    if (r < 0)
        vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "failed to clone files from '%s'",
                              origin->path);
    close(fd);
    return r < 0 ? -1 : 0;
}

static int fill_raw(const struct nascent *n, const struct vmgr__volume_def *def,
                    const struct vmgr__volume_origin *origin, uint32_t flags,
                    struct vmgr_error **err)
{
    /* A copy that may take less than its origin's capacity stays sparse. */
    const bool allocate = def->allocation && !(origin && def->allocation < origin->capacity);

    if (flags & VMGR_VOLUME_CREATE_REFLINK) {
        if (!origin || strcmp(origin->format, "raw") != 0)
            return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                                 "only a raw volume can be cloned by reference into a raw one");
        if (reflink(n, origin, err) < 0)
            return -1;
    }
    if (ftruncate(n->fd, (off_t)def->capacity) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot extend file '%s'",
                                     def->target.path);
    if (flags & VMGR_VOLUME_CREATE_REFLINK)
        return 0;
    if (allocate && fallocate(n->fd, 0, 0, (off_t)MIN(def->allocation, def->capacity)) < 0 &&
        errno != EOPNOTSUPP)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "cannot allocate %" G_GUINT64_FORMAT " bytes in file '%s'",
                                     def->allocation, def->target.path);
    return origin ? vmgr__volume_copy(origin, n->path, "raw", true, err) : 0;
}

/* Options as qemu-img's -o has them. */
struct options {
    struct vemu_property props[8];
    size_t n;
    char cluster_size[32];
};

static void add(struct options *o, const char *name, const char *value)
{
    if (value)
        o->props[o->n++] = (struct vemu_property){ name, value };
}

static int make_options(struct options *o, const struct vmgr__volume_def *def, const char *format,
                        uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__volume_target *t = &def->target;
    const bool qcow2 = strcmp(format, "qcow2") == 0;

    *o = (struct options){ .n = 0 };
    if (!qcow2 && (t->cluster_size || t->has_features))
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "format features only available with qcow2");
    if (qcow2 && t->has_features && t->compat && strcmp(t->compat, "1.1") < 0)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "format features not available with compat level %s", t->compat);
    if (qcow2)
        add(o, "compat", t->compat);
    if (t->cluster_size) {
        g_snprintf(o->cluster_size, sizeof(o->cluster_size), "%" G_GUINT64_FORMAT, t->cluster_size);
        add(o, "cluster_size", o->cluster_size);
    }
    if (t->features & VMGR__VOLUME_LAZY_REFCOUNTS)
        add(o, "lazy_refcounts", "on");
    if (t->features & VMGR__VOLUME_EXTENDED_L2)
        add(o, "extended_l2", "on");
    if (def->has_backing) {
        add(o, "backing_file", def->backing.path);
        add(o, "backing_fmt", vmgr__file_format_name(def->backing.format));
    }
    if (flags & VMGR_VOLUME_CREATE_PREALLOC_METADATA)
        add(o, "preallocation", def->allocation < def->capacity ? "metadata" : "falloc");
    return 0;
}

static int fill_image(const struct nascent *n, const struct vmgr__volume_def *def,
                      const struct vmgr__volume_origin *origin, uint32_t flags,
                      struct vmgr_error **err)
{
    const char *format = vmgr__file_format_name(def->target.format);
    struct vemu_error *why = NULL;
    struct options o;
    int r;

    if (flags & VMGR_VOLUME_CREATE_REFLINK)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "only a raw volume can be cloned by reference into a raw one");
    if (make_options(&o, def, format, flags, err) < 0)
        return -1;
    r = vemu_image_create(n->path, format, def->capacity, o.props, o.n, NULL, &why);
    if (r < 0)
        return vmgr__storage_image_error(why, r, err);
    /* With a backing store, zeros of the origin have to hide what that has. */
    return origin ? vmgr__volume_copy(origin, n->path, format, !def->has_backing, err) : 0;
}

static int set_owner(const struct nascent *n, const struct vmgr__volume_def *def,
                     struct vmgr_error **err)
{
    const struct vmgr__perms *p = &def->target.perms;

    if ((p->owner >= 0 || p->group >= 0) &&
        fchown(n->fd, p->owner >= 0 ? (uid_t)p->owner : (uid_t)-1,
               p->group >= 0 ? (gid_t)p->group : (gid_t)-1) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot chown '%s'",
                                     def->target.path);
    if (fchmod(n->fd, p->mode >= 0 ? (mode_t)p->mode : 0600) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot set mode of '%s'",
                                     def->target.path);
    return 0;
}

static void set_nocow(const struct nascent *n, const struct vmgr__volume_def *def)
{
    int attributes;

    /* A wish: file systems without copy on write do not know the flag, nor need it. */
    if (def->target.nocow && ioctl(n->fd, FS_IOC_GETFLAGS, &attributes) == 0) {
        attributes |= FS_NOCOW_FL;
        ioctl(n->fd, FS_IOC_SETFLAGS, &attributes);
    }
}

static int publish(struct nascent *n, const struct vmgr__volume_def *def, struct vmgr_error **err)
{
    if (fsync(n->fd) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot sync data to file '%s'",
                                     def->target.path);
    if (nascent_publish(n, def->target.path) == 0)
        return 0;
    if (errno == EEXIST)
        return storage_error(err, VMGR_ERR_STORAGE_VOL_EXIST, "'%s'", def->name);
    return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "Failed to create file '%s'",
                                 def->target.path);
}

static int make_file(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                     const struct vmgr__volume_origin *origin, uint32_t flags,
                     struct vmgr_error **err)
{
    const bool raw = strcmp(vmgr__file_format_name(def->target.format), "raw") == 0;
    struct nascent n;
    int r;

    if (raw && def->has_backing)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "backing storage not supported for raw volumes");
    if (raw && flags & VMGR_VOLUME_CREATE_PREALLOC_METADATA)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "metadata preallocation is not supported for raw volumes");
    if (nascent_open(&n, pool->path, err) < 0)
        return -1;
    set_nocow(&n, def);
    r = raw ? fill_raw(&n, def, origin, flags, err) : fill_image(&n, def, origin, flags, err);
    if (r == 0)
        r = set_owner(&n, def, err);
    if (r == 0)
        r = publish(&n, def, err);
    nascent_close(&n);
    return r;
}

static int make_dir(const struct vmgr__volume_def *def, const struct vmgr__volume_origin *origin,
                    struct vmgr_error **err)
{
    const struct vmgr__perms *p = &def->target.perms;

    if (origin)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "cannot copy from volume to a directory volume");
    if (def->has_backing)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "backing storage not supported for directories volumes");
    if (mkdir(def->target.path, p->mode >= 0 ? (mode_t)p->mode : 0711) < 0) {
        if (errno == EEXIST)
            return storage_error(err, VMGR_ERR_STORAGE_VOL_EXIST, "'%s'", def->name);
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "failed to create directory '%s'", def->target.path);
    }
    return 0;
}

/* A backing file must be there, so that a guest does not find out. Relative: beside the volume. */
static int settle_backing(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                          struct vmgr_error **err)
{
    if (!def->has_backing)
        return 0;
    if (*def->backing.path != '/') {
        char *full = g_build_filename(pool->path, def->backing.path, NULL);

        g_free(def->backing.path);
        def->backing.path = full;
    }
    if (access(def->backing.path, R_OK) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "inaccessible backing store volume %s", def->backing.path);
    return 0;
}

int vmgr__files_create(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                       const struct vmgr__volume_origin *origin, uint32_t flags,
                       struct vmgr_error **err)
{
    const char *format = vmgr__file_format_name(def->target.format);

    def->target.path =
        g_strdup_printf("%s/%s", strcmp(pool->path, "/") ? pool->path : "", def->name);
    def->key = g_strdup(def->target.path);
    if (def->target.encryption)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "encrypted volumes are not supported");
    if (settle_backing(pool, def, err) < 0)
        return -1;
    if (access(def->target.path, F_OK) == 0)
        return storage_error(err, VMGR_ERR_STORAGE_VOL_EXIST, "'%s'", def->name);
    if (def->type == VMGR_VOLUME_DIR || strcmp(format, "dir") == 0)
        return make_dir(def, origin, err);
    return make_file(pool, def, origin, flags, err);
}
