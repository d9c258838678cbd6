/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that are whole at any time: written beside, synced, renamed into place.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../vemu.h"

/* No definition or status is larger; a file that is did not come from here. */
#define FILE_MAX (2 * (size_t)VMGR__XML_MAX_SIZE)

#define ONE_PIECE 4096 /* a page */

static int write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

void vmgr__file_sync_dir(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd); /* some file systems cannot; then a power failure may undo the last change */
        close(fd);
    }
}

/*
 * Whether fsync() of a file also makes its last rename() last. Journals keep changes of names in
 * order, and the file's own metadata are behind it; a second commit would cost as much as the
 * first.
 */
static bool syncs_names(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return false;
    return (unsigned long)fs.f_type == EXT4_SUPER_MAGIC ||
           (unsigned long)fs.f_type == XFS_SUPER_MAGIC ||
           (unsigned long)fs.f_type == BTRFS_SUPER_MAGIC;
}

/* Gives up on a file that is being written, for the reason in errno. Always -1. */
static int discard(int fd, const char *file, const char *verb, const char *path,
                   struct vmgr_error **err)
{
    const int saved = errno;

    close(fd);
    unlink(file);
    return vmgr__error_set_errno(err, saved, VMGR_FROM_VEMU, "cannot %s file '%s'", verb, path);
}

/* Where the next content is until it is whole. */
static char *fresh_of(const char *path)
{
    return g_strconcat(path, VMGR__FILE_FRESH, NULL);
}

int vmgr__file_replace(const char *path, const char *text, bool sync, struct vmgr_error **err)
{
    g_autofree char *fresh = fresh_of(path);

    return vmgr__file_replace_from(fresh, path, text, sync, err);
}

int vmgr__file_replace_from(const char *fresh, const char *path, const char *text, bool sync,
                            struct vmgr_error **err)
{
    /* The writer holds the domain's lock, so one name is enough, and what a dead writer left is
     * overwritten. */
    /*
     * What replaces something is on the disk before it does. What is new may get its name first: if
     * the power fails before the answer, the name may be there with nothing in it, which counts as
     * not there (vmgr__file_read()). One page is written as a whole or not at all.
     */
    const bool late = sync && strlen(text) <= ONE_PIECE && access(path, F_OK) < 0;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create file '%s'", fresh);
    if (write_all(fd, text, strlen(text)) < 0 || (sync && !late && fsync(fd) < 0))
        return discard(fd, fresh, "write", fresh, err);
    if (rename(fresh, path) < 0)
        return discard(fd, fresh, "replace", path, err);
    if (late && fsync(fd) < 0)
        return discard(fd, path, "write", path, err);
    if (sync && !(late && syncs_names(fd)))
        vmgr__file_sync_dir(path);
    close(fd);
    return 0;
}

static int copy_content(int from, int to)
{
    char buf[65536];
    ssize_t n;

    while ((n = read(from, buf, sizeof(buf))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || write_all(to, buf, (size_t)n) < 0)
            return -1;
    }
    return fsync(to);
}

int vmgr__file_copy(const char *from, const char *path, struct vmgr_error **err)
{
    g_autofree char *fresh = fresh_of(path);
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), out, r = 0;
    struct stat st;

    if (in < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "Failed to open file '%s'", from);
    if (fstat(in, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(in);
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' is not a regular file", from);
    }
    unlink(fresh);
    out = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "Failed to create file '%s'", fresh);
    else if (copy_content(in, out) < 0)
        r = discard(out, fresh, "write", fresh, err);
    else if (rename(fresh, path) < 0)
        r = discard(out, fresh, "replace", path, err);
    close(in);
    if (r < 0)
        return -1;
    close(out);
    vmgr__file_sync_dir(path);
    return 0;
}

int vmgr__file_read(const char *path, char **ret, struct vmgr_error **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    GString *s;
    struct stat st;
    char buf[16384];
    ssize_t n;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open file '%s'", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' is not a regular file", path);
        return -1;
    }
    s = g_string_sized_new((gsize)MIN((size_t)st.st_size + 1, FILE_MAX));
    do { /* less than was asked for is the end */
        n = read(fd, buf, sizeof(buf));
        if (n > 0)
            g_string_append_len(s, buf, n);
    } while ((n < 0 && errno == EINTR) || (n == sizeof(buf) && s->len <= FILE_MAX));
    close(fd);
    if (n < 0 || s->len > FILE_MAX) {
        g_string_free(s, TRUE);
        return vmgr__error_set_errno(err, n < 0 ? errno : EFBIG, VMGR_FROM_VEMU,
                                     "cannot read file '%s'", path);
    }
    if (!s->len) { /* of a writer that never got an answer */
        g_string_free(s, TRUE);
        return 0;
    }
    *ret = g_string_free(s, FALSE);
    return 1;
}

int vmgr__file_remove(const char *path, bool sync, struct vmgr_error **err)
{
    g_autofree char *fresh = fresh_of(path);

    unlink(fresh); /* what a dead writer left goes with it */
    if (unlink(path) < 0) {
        if (errno == ENOENT)
            return 0;
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot remove file '%s'", path);
    }
    if (sync)
        vmgr__file_sync_dir(path);
    return 0;
}
