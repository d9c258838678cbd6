/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks on image files, the same bytes as QEMU's (block/file-posix.c): whoever uses a file holds a
 * shared lock on byte 100 + n for each thing n that it does with the file, and on byte 200 + n for
 * each thing that it does not let others do. After taking its locks a program looks whether anybody
 * holds a byte that speaks against them. The locks belong to the open file description (OFD), so
 * they also work between two images in one program.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "image/file-io.h"

#define PERM_BASE   100
#define SHARED_BASE 200
#define PERM_COUNT  4

static const char *const perm_names[PERM_COUNT] = {
    "consistent read",
    "write",
    "write unchanged",
    "resize",
};

static int set_lock(int fd, short type, off_t at)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    int r;

    do {
        r = fcntl(fd, F_OFD_SETLK, &lock);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

/* 1: somebody holds it. */
static int test_lock(int fd, off_t at)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    return lock.l_type != F_UNLCK;
}

bool vemu__file_can_lock(int fd)
{
    return test_lock(fd, PERM_BASE) >= 0;
}

static int fail(const char *filename, const char *shared, unsigned bit, int r,
                struct vemu_error **err)
{
    if (r == -EAGAIN || r == -EACCES)
        return vemu__error_set(err, EAGAIN,
                               "Failed to get %s\"%s\" lock: is another process using the image "
                               "[%s]?",
                               shared, perm_names[bit], filename);
    return vemu__error_set(err, -r, "cannot lock '%s': %s", filename, strerror(-r));
}

static int take(int fd, const char *filename, uint32_t perms, uint32_t unshared,
                struct vemu_error **err)
{
    for (unsigned bit = 0; bit < PERM_COUNT; bit++) {
        int r = perms & (1u << bit) ? set_lock(fd, F_RDLCK, PERM_BASE + (off_t)bit) : 0;

        if (r < 0)
            return fail(filename, "", bit, r, err);
        r = unshared & (1u << bit) ? set_lock(fd, F_RDLCK, SHARED_BASE + (off_t)bit) : 0;
        if (r < 0)
            return fail(filename, "shared ", bit, r, err);
    }
    return 0;
}

static int check(int fd, const char *filename, uint32_t perms, uint32_t unshared,
                 struct vemu_error **err)
{
    for (unsigned bit = 0; bit < PERM_COUNT; bit++) {
        int r = perms & (1u << bit) ? test_lock(fd, SHARED_BASE + (off_t)bit) : 0;

        if (r)
            return fail(filename, "", bit, r > 0 ? -EAGAIN : r, err);
        r = unshared & (1u << bit) ? test_lock(fd, PERM_BASE + (off_t)bit) : 0;
        if (r)
            return fail(filename, "shared ", bit, r > 0 ? -EAGAIN : r, err);
    }
    return 0;
}

/* The bytes are only ever added: whoever fails here closes the file, which lets go of them. */
int vemu__file_lock(int fd, const char *filename, uint32_t perms, uint32_t shared,
                    struct vemu_error **err)
{
    uint32_t unshared = ~shared & FILE_PERM_ALL;
    int r = take(fd, filename, perms, unshared, err);

    return r < 0 ? r : check(fd, filename, perms, unshared, err);
}

void vemu__file_unlock(int fd)
{
    for (unsigned bit = 0; bit < PERM_COUNT; bit++) {
        set_lock(fd, F_UNLCK, PERM_BASE + (off_t)bit);
        set_lock(fd, F_UNLCK, SHARED_BASE + (off_t)bit);
    }
}
