/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of shared files, and where mapped-xattr keeps them.
 *
 * The extended attributes are those of QEMU, so that a tree can be shared by either: uid, gid and
 * mode in 4 bytes, rdev in 8, little endian. A file without them shows the host's.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsdev/fsdev.h"

#define MAP_UID  "user.virtfs.uid"
#define MAP_GID  "user.virtfs.gid"
#define MAP_MODE "user.virtfs.mode"
#define MAP_RDEV "user.virtfs.rdev"

struct vemu_fs_name vemu__fs_name(int file)
{
    struct vemu_fs_name name;

    snprintf(name.path, sizeof(name.path), "/proc/self/fd/%d", file);
    return name;
}

/* --- the map ---------------------------------------------------------------------------------- */

static bool get32(const char *path, const char *attr, uint32_t *ret)
{
    uint32_t value;

    if (getxattr(path, attr, &value, sizeof(value)) != sizeof(value))
        return false;
    *ret = le32toh(value);
    return true;
}

static int set32(const char *path, const char *attr, uint32_t value)
{
    value = htole32(value);
    return setxattr(path, attr, &value, sizeof(value), 0) < 0 ? -errno : 0;
}

static void stat_mapped(int file, struct stat *st)
{
    const struct vemu_fs_name name = vemu__fs_name(file);
    uint64_t rdev;
    uint32_t mode;

    if (S_ISLNK(st->st_mode)) /* made on the host; it has no such attributes */
        return;
    get32(name.path, MAP_UID, &st->st_uid);
    get32(name.path, MAP_GID, &st->st_gid);
    if (get32(name.path, MAP_MODE, &mode)) {
        /* Only a plain file can stand for something else. */
        if (S_ISREG(st->st_mode) && (mode & S_IFMT) && !S_ISDIR(mode))
            st->st_mode = mode & (S_IFMT | 07777);
        else
            st->st_mode = (st->st_mode & S_IFMT) | (mode & 07777);
    }
    if (getxattr(name.path, MAP_RDEV, &rdev, sizeof(rdev)) == sizeof(rdev))
        st->st_rdev = le64toh(rdev);
}

/* --- reading and setting ---------------------------------------------------------------------- */

int vemu__fs_stat(const struct vemu_fsdev *fs, int file, struct stat *ret)
{
    if (fstatat(file, "", ret, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (fs->security == VEMU_FS_MAPPED)
        stat_mapped(file, ret);
    return 0;
}

int vemu__fs_chmod(const struct vemu_fsdev *fs, int file, uint32_t mode)
{
    const struct vemu_fs_name name = vemu__fs_name(file);
    struct stat st;
    int r = fs->read_only ? -EROFS : vemu__fs_stat(fs, file, &st);

    if (r < 0)
        return r;
    if (S_ISLNK(st.st_mode))
        return -EOPNOTSUPP;
    if (fs->security == VEMU_FS_MAPPED)
        return set32(name.path, MAP_MODE, (st.st_mode & S_IFMT) | (mode & 07777));
    return chmod(name.path, mode & 07777) < 0 ? -errno : 0;
}

int vemu__fs_chown(const struct vemu_fsdev *fs, int file, struct vemu_fs_owner owner)
{
    const struct vemu_fs_name name = vemu__fs_name(file);
    int r = 0;

    if (fs->read_only)
        return -EROFS;
    if (fs->security != VEMU_FS_MAPPED)
        return fchownat(file, "", owner.uid, owner.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0
                   ? -errno
                   : 0;
    if (owner.uid != VEMU_FS_KEEP)
        r = set32(name.path, MAP_UID, owner.uid);
    if (r >= 0 && owner.gid != VEMU_FS_KEEP)
        r = set32(name.path, MAP_GID, owner.gid);
    return r;
}

int vemu__fs_utimens(const struct vemu_fsdev *fs, int file, const struct timespec times[2])
{
    if (fs->read_only)
        return -EROFS;
    if (utimensat(file, "", times, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOENT)
        return -errno;
    /* Kernels before 5.8 know no AT_EMPTY_PATH here. */
    return utimensat(AT_FDCWD, vemu__fs_name(file).path, times, 0) < 0 ? -errno : 0;
}

void vemu__fs_wrote(const struct vemu_fsdev *fs, int fd, uint64_t offset, uint64_t size)
{
    if (fs->write_soon && size)
        sync_file_range(fd, (off64_t)offset, (off64_t)size,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
}

int vemu__fs_truncate(const struct vemu_fsdev *fs, int file, uint64_t size)
{
    int fd, r = 0;

    if (size > INT64_MAX)
        return -EFBIG;
    fd = vemu__fs_open(fs, file, O_WRONLY);
    if (fd < 0)
        return fd;
    if (ftruncate(fd, (off_t)size) < 0)
        r = -errno;
    close(fd);
    return r;
}

/* Last, since it may take the right to write from who made it. */
static int set_host_mode(const struct vemu_fsdev *fs, int file, bool is_dir)
{
    const struct vemu_fs_name name = vemu__fs_name(file);
    const uint32_t mode = is_dir ? fs->dir_mode : fs->file_mode;

    return (is_dir ? fs->dmode : fs->fmode) && chmod(name.path, mode) < 0 ? -errno : 0;
}

int vemu__fs_set_new(const struct vemu_fsdev *fs, int file, uint32_t mode, dev_t rdev,
                     struct vemu_fs_owner owner)
{
    const struct vemu_fs_name name = vemu__fs_name(file);
    uint64_t number = htole64(rdev);
    int r = vemu__fs_chown(fs, file, owner);

    if (r < 0 && fs->security != VEMU_FS_NONE)
        return r;
    if (fs->security != VEMU_FS_MAPPED)
        return !S_ISLNK(mode) && chmod(name.path, mode & 07777) < 0 ? -errno : 0;
    r = set32(name.path, MAP_MODE, mode & (S_IFMT | 07777));
    if (r >= 0 && (S_ISCHR(mode) || S_ISBLK(mode)) &&
        setxattr(name.path, MAP_RDEV, &number, sizeof(number), 0) < 0)
        r = -errno;
    return r < 0 ? r : set_host_mode(fs, file, S_ISDIR(mode));
}
