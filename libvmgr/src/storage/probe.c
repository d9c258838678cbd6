/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a volume is: its sizes, format and backing store, from the file itself.
 *
 * Nothing of the image is believed but what the image library has checked, and a backing store is
 * only named, never opened.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backend.h"

int vmgr__storage_image_error(struct vemu_error *image, int r, struct vmgr_error **err)
{
    vmgr__error_set(err, r == -EAGAIN ? VMGR_ERR_RESOURCE_BUSY : VMGR_ERR_SYSTEM_ERROR,
                    VMGR_FROM_STORAGE, "%s", image ? vemu_error_message(image) : g_strerror(-r));
    vemu_error_free(image);
    return -1;
}

static struct timespec time_of(const struct statx_timestamp *t)
{
    return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

/* Owner, mode and times. */
static void set_file(struct vmgr__volume_target *t, const struct statx *stx)
{
    t->perms.mode = stx->stx_mode & 0777;
    t->perms.owner = stx->stx_uid;
    t->perms.group = stx->stx_gid;
    t->has_times = true;
    t->atime = time_of(&stx->stx_atime);
    t->mtime = time_of(&stx->stx_mtime);
    t->ctime = time_of(&stx->stx_ctime);
    if (stx->stx_mask & STATX_BTIME)
        t->btime = time_of(&stx->stx_btime);
}

static bool look(const char *path, struct statx *stx)
{
    return statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, stx) == 0;
}

static void set_backing(struct vmgr__volume_def *def, const struct vemu_image_info *info)
{
    int format = vmgr__file_format_index(info->backing_format);
    struct statx stx;

    if (!info->backing_filename)
        return;
    def->has_backing = true;
    def->backing.path = g_strdup(info->full_backing_filename ? info->full_backing_filename
                                                             : info->backing_filename);
    def->backing.format = format >= 0 ? format : vmgr__file_format_index("raw");
    if (*def->backing.path == '/' && look(def->backing.path, &stx))
        set_file(&def->backing, &stx);
}

static void set_facts(struct vmgr__volume_target *t, const struct vemu_image_info *info)
{
    for (size_t i = 0; i < info->fact_count; i++) {
        const struct vemu_image_fact *f = &info->facts[i];

        if (strcmp(f->name, "compat") == 0 && f->text && strcmp(f->text, "0.10") != 0) {
            g_free(t->compat);
            t->compat = g_strdup(f->text);
            t->has_features = true;
        } else if (strcmp(f->name, "lazy-refcounts") == 0 && f->number) {
            t->features |= VMGR__VOLUME_LAZY_REFCOUNTS;
        } else if (strcmp(f->name, "extended-l2") == 0 && f->number) {
            t->features |= VMGR__VOLUME_EXTENDED_L2;
        }
    }
}

/* Asks the image library; a file that it cannot read stays what its first bytes say, with the size
 * of the file. */
static void see_image(struct vmgr__volume_def *def)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    struct vemu_image *image = NULL;
    const char *format = NULL;
    int index;

    def->target.format = vmgr__file_format_index("raw");
    if (vemu_image_probe(def->target.path, &format, NULL) < 0)
        return;
    index = vmgr__file_format_index(format);
    if (index < 0 || strcmp(format, "raw") == 0)
        return;
    def->target.format = index;
    options.format = format;
    options.flags = VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_FORCE_SHARE;
    if (vemu_image_open(def->target.path, &options, &image, NULL) < 0)
        return;
    def->capacity = vemu_image_get_size(image);
    if (vemu_image_get_info(image, &info, NULL) == 0) {
        if (info.cluster_size)
            def->target.cluster_size = info.cluster_size;
        set_facts(&def->target, &info);
        set_backing(def, &info);
        vemu_image_info_clear(&info);
    }
    vemu_image_close(image);
}

/* A block device has no st_size. */
static uint64_t device_size(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint64_t bytes = 0;

    if (fd < 0)
        return 0;
    if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
        bytes = 0;
    close(fd);
    return bytes;
}

int vmgr__volume_probe(struct vmgr__volume_def *def, struct vmgr_error **err G_GNUC_UNUSED)
{
    struct statx stx;

    if (!look(def->target.path, &stx))
        return 0;
    set_file(&def->target, &stx);
    def->capacity = def->physical = stx.stx_size;
    def->allocation = stx.stx_blocks * 512;
    if (S_ISREG(stx.stx_mode)) {
        def->type = VMGR_VOLUME_FILE;
        see_image(def);
    } else if (S_ISDIR(stx.stx_mode)) {
        def->type = VMGR_VOLUME_DIR;
        def->target.format = vmgr__file_format_index("dir");
    } else if (S_ISBLK(stx.stx_mode)) {
        def->type = VMGR_VOLUME_BLOCK;
        def->capacity = def->allocation = def->physical = device_size(def->target.path);
        def->target.format = vmgr__file_format_index("raw");
    } else {
        return 0; /* a socket, a pipe */
    }
    return 1;
}

const char *vmgr__volume_image_format(const struct vmgr__volume_def *def)
{
    return def->type == VMGR_VOLUME_FILE ? vmgr__file_format_name(def->target.format) : "raw";
}

int vmgr__device_has_content(const char *device, struct vmgr_error **err)
{
    struct vmgr_error *why = NULL;
    const char *const argv[] = { "blkid", "-p", "-o", "export", "--", device, NULL };
    int status = vmgr__run_status(argv, NULL, &why);

    if (status == 0 || status == 2) { /* blkid(8): 2 is "nothing found" */
        vmgr_error_free(why);
        return status == 0;
    }
    vmgr__error_move(err, why);
    return -1;
}
