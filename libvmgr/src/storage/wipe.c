/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wiping: what was on a volume cannot be read from it any more.
 *
 * A sparse file is emptied and given its size again. Others are overwritten in place, with zeros or
 * with random bytes; the patterns with names are those of the program scrub.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vemu/image.h>

#include "backend.h"

#define CHUNK (1u << 20)

static int fail(const char *path, const char *what, struct vmgr_error **err)
{
    return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "Failed to %s volume '%s'", what,
                                 path);
}

static int fill_random(uint8_t *buf, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t n = getrandom(buf + at, MIN(size - at, 256), 0);

        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int overwrite(int fd, const char *path, uint64_t size, bool random, struct vmgr_error **err)
{
    g_autofree uint8_t *buf = g_try_malloc0(CHUNK);
    uint64_t at = 0;

    if (!buf)
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_STORAGE, NULL);
    while (at < size) {
        const size_t want = MIN(CHUNK, size - at);
        ssize_t n;

        if (random && fill_random(buf, want) < 0)
            return fail(path, "find random bytes for", err);
        n = pwrite(fd, buf, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(path, "write to storage", err);
        at += (uint64_t)n;
    }
    return fsync(fd) < 0 ? fail(path, "sync data to", err) : 0;
}

static int wipe_fd(int fd, const struct vmgr__volume_def *def, bool random, struct vmgr_error **err)
{
    const char *path = def->target.path;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(path, "stat storage", err);
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size) {
        if (ftruncate(fd, 0) < 0 || ftruncate(fd, st.st_size) < 0)
            return fail(path, "truncate", err);
        return fsync(fd) < 0 ? fail(path, "sync data to", err) : 0;
    }
    return overwrite(fd, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : def->capacity, random,
                     err);
}

static int scrub(const char *path, uint32_t algorithm, struct vmgr_error **err)
{
    static const char *const patterns[] = {
        [VMGR_VOLUME_WIPE_NNSA] = "nnsa",
        [VMGR_VOLUME_WIPE_DOD] = "dod",
        [VMGR_VOLUME_WIPE_BSI] = "bsi",
        [VMGR_VOLUME_WIPE_GUTMANN] = "gutmann",
        [VMGR_VOLUME_WIPE_SCHNEIER] = "schneier",
        [VMGR_VOLUME_WIPE_PFITZNER7] = "pfitzner7",
        [VMGR_VOLUME_WIPE_PFITZNER33] = "pfitzner33",
    };

    return vmgr__run_args(NULL, err, "scrub", "-f", "-p", patterns[algorithm], path);
}

static int wipe(const struct vmgr__volume_def *def, uint32_t algorithm, struct vmgr_error **err)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *why = NULL;
    struct vemu_image *lock;
    int fd, r;

    if (def->type == VMGR_VOLUME_DIR)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "storage pool doesn't support wiping of directory volumes");
    if (algorithm == VMGR_VOLUME_WIPE_TRIM)
        return storage_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "'trim' algorithm not supported");
    /* A guest that uses it has it locked. */
    options.format = "raw";
    options.flags = VEMU_IMAGE_WRITE;
    r = vemu_image_open(def->target.path, &options, &lock, &why);
    if (r < 0)
        return vmgr__storage_image_error(why, r, err);
    if (algorithm == VMGR_VOLUME_WIPE_ZERO || algorithm == VMGR_VOLUME_WIPE_RANDOM) {
        fd = open(def->target.path, O_RDWR | O_CLOEXEC);
        r = fd < 0 ? fail(def->target.path, "open storage", err)
                   : wipe_fd(fd, def, algorithm == VMGR_VOLUME_WIPE_RANDOM, err);
        if (fd >= 0)
            close(fd);
    } else {
        r = scrub(def->target.path, algorithm, err);
    }
    vemu_image_close(lock);
    return r;
}

int vmgr__storage_volume_wipe(struct vmgr_volume *volume, uint32_t algorithm,
                              struct vmgr_error **err)
{
    struct vmgr__pool_record pool;
    struct vmgr__volume_def *def;
    int r;

    if (vmgr__storage_volume_of(volume, &pool, &def, err) < 0)
        return -1;
    r = wipe(def, algorithm, err);
    vmgr__volume_def_free(def);
    vmgr__pool_record_clear(&pool);
    return r;
}
