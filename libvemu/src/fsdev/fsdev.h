/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared directories: the border between a file server (devices/virtio-9p) and the host's file
 * system ("-fsdev").
 *
 * A file is an O_PATH descriptor that the server holds. There are no paths: what is named is named
 * by a directory's descriptor and one component, which is never followed if it is a symbolic link.
 * So nothing outside of the tree can be reached, whatever guest or host rename meanwhile.
 *
 * Special files are never opened; their opening is the guest's affair.
 *
 * Security models, as QEMU names them:
 *   passthrough   owners and modes are those of the host's files; the process must be allowed to
 *                 set them
 *   none          the same, but owners that cannot be set are let be
 *   mapped-xattr  owner, mode, type and device number are kept in the extended attributes
 *                 user.virtfs.*; on the host all files belong to the process, have the modes fmode
 *                 and dmode, and symbolic links and special files are plain files
 *
 * All functions return -errno on failure. They keep no state, so any thread may call them.
 */
#ifndef VEMU_FSDEV_FSDEV_H
#define VEMU_FSDEV_FSDEV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "core/backend.h"
#include "core/device.h"

enum vemu_fs_security { VEMU_FS_PASSTHROUGH, VEMU_FS_NONE, VEMU_FS_MAPPED };

struct vemu_fsdev_class {
    struct vemu_backend_class base; /* of struct vemu_fsdev */
};

struct vemu_fsdev {
    const struct vemu_fsdev_class *class_;
    char *id;
    /* properties */
    char *path, *security_model, *fmode, *dmode, *writeout;
    bool read_only;

    enum vemu_fs_security security;
    uint32_t file_mode, dir_mode; /* on the host, of what is made with fmode, dmode */
    bool write_soon;              /* what is written starts its way to the disk at once */
    int root;                     /* O_PATH */
    struct stat root_stat;
};

/* NULL-terminated table in core/registry.c. */
extern const struct vemu_backend_class *const vemu__fsdev_classes[];
extern const struct vemu_backend_kind vemu__fsdev_kind;
extern const struct vemu_fsdev_class vemu__fsdev_local;

struct vemu_fsdev *vemu__vm_find_fsdev(struct vemu_vm *vm, const char *id);
void vemu__fsdev_free(struct vemu_fsdev *fs);

#define VEMU_FS_KEEP UINT32_MAX /* of an owner: as it is */
struct vemu_fs_owner {
    uint32_t uid, gid;
};

/* Modes of what is made, until it has those that it shall have. */
#define VEMU_FS_NEW_FILE 0600u
#define VEMU_FS_NEW_DIR  0700u

/* --- local.c: the tree ------------------------------------------------------------------------ */
/* One component: not empty, not "." or "..", no '/', not too long. */
int vemu__fs_check_name(const char *name);
/* O_PATH descriptors. */
int vemu__fs_root(const struct vemu_fsdev *fs);
int vemu__fs_lookup(const struct vemu_fsdev *fs, int dir, const char *name);
/* A descriptor for I/O on a regular file or directory; `flags`: access mode, O_TRUNC, O_APPEND,
 * O_DSYNC, O_SYNC, O_DIRECTORY. -ENXIO: a special file. */
int vemu__fs_open(const struct vemu_fsdev *fs, int file, int flags);
/* A new file, open; -EEXIST. */
int vemu__fs_create(const struct vemu_fsdev *fs, int dir, const char *name, int flags,
                    uint32_t mode, struct vemu_fs_owner owner);
int vemu__fs_mkdir(const struct vemu_fsdev *fs, int dir, const char *name, uint32_t mode,
                   struct vemu_fs_owner owner);
/* `mode` with type. */
int vemu__fs_mknod(const struct vemu_fsdev *fs, int dir, const char *name, uint32_t mode,
                   dev_t rdev, struct vemu_fs_owner owner);
int vemu__fs_symlink(const struct vemu_fsdev *fs, const char *target, int dir, const char *name,
                     struct vemu_fs_owner owner);
int vemu__fs_link(const struct vemu_fsdev *fs, int file, int dir, const char *name);
int vemu__fs_unlink(const struct vemu_fsdev *fs, int dir, const char *name, bool is_dir);
int vemu__fs_rename(const struct vemu_fsdev *fs, int old_dir, const char *old_name, int new_dir,
                    const char *new_name);
/* The target, without an end; bytes. */
int vemu__fs_readlink(const struct vemu_fsdev *fs, int file, char *buf, size_t size);
int vemu__fs_statfs(const struct vemu_fsdev *fs, int file, struct statfs *ret);

/* --- attr.c: `file` is O_PATH or open --------------------------------------------------------- */
/* "/proc/self/fd/N": the file itself, also where a call does not take O_PATH descriptors. */
struct vemu_fs_name {
    char path[32];
};
struct vemu_fs_name vemu__fs_name(int file);
int vemu__fs_stat(const struct vemu_fsdev *fs, int file, struct stat *ret);
int vemu__fs_chmod(const struct vemu_fsdev *fs, int file, uint32_t mode);
int vemu__fs_chown(const struct vemu_fsdev *fs, int file, struct vemu_fs_owner owner);
int vemu__fs_utimens(const struct vemu_fsdev *fs, int file, const struct timespec times[2]);
/* What was written there is begun to be written out, if that is wanted; no promise that it is. */
void vemu__fs_wrote(const struct vemu_fsdev *fs, int fd, uint64_t offset, uint64_t size);
int vemu__fs_truncate(const struct vemu_fsdev *fs, int file, uint64_t size);
/* A file that was just made gets what it shall have. `rdev` is for special files. */
int vemu__fs_set_new(const struct vemu_fsdev *fs, int file, uint32_t mode, dev_t rdev,
                     struct vemu_fs_owner owner);

/* --- xattr.c: sizes like getxattr(2), 0 asks for the size ------------------------------------- */
int64_t vemu__fs_get_xattr(const struct vemu_fsdev *fs, int file, const char *name, void *buf,
                           size_t size);
int64_t vemu__fs_list_xattr(const struct vemu_fsdev *fs, int file, char *buf, size_t size);
int vemu__fs_set_xattr(const struct vemu_fsdev *fs, int file, const char *name, const void *value,
                       size_t size, int flags);
int vemu__fs_remove_xattr(const struct vemu_fsdev *fs, int file, const char *name);

#endif
