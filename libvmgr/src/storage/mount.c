/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that are mounted: a file system of a block device (fs), or of another host (netfs).
 */
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"

/* What is mounted at the pool's path last, for g_free(); NULL: nothing. */
static char *mounted_source(const struct vmgr__pool_def *pool)
{
    FILE *f = setmntent("/proc/self/mounts", "re");
    char buf[8192], *source = NULL;
    struct mntent e;

    while (f && getmntent_r(f, &e, buf, sizeof(buf))) {
        if (strcmp(e.mnt_dir, pool->path) == 0) {
            g_free(source);
            source = g_strdup(e.mnt_fsname);
        }
    }
    if (f)
        endmntent(f);
    return source;
}

/* The source as mount takes it. */
static char *source_of(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    const struct vmgr__pool_host *host = vmgr__pool_source_host(&pool->source);
    const char *device = vmgr__pool_source_device(&pool->source);
    const char *format = vmgr__pool_kinds[pool->type].formats[pool->source.format];

    if (pool->type == VMGR__POOL_FS) {
        if (*device != '/') {
            storage_error(err, VMGR_ERR_XML_ERROR, "source device path '%s' is not absolute",
                          device);
            return NULL;
        }
        return g_strdup(device);
    }
    if (pool->source.hosts->len != 1) {
        storage_error(err, VMGR_ERR_INTERNAL_ERROR, "Expected exactly 1 host for the storage pool");
        return NULL;
    }
    if (vmgr__run_check_word(host->name, "source host", err) < 0)
        return NULL;
    if (strcmp(format, "cifs") == 0)
        return g_strdup_printf("//%s/%s", host->name,
                               pool->source.dir + (*pool->source.dir == '/'));
    return g_strdup_printf("%s:%s", host->name, pool->source.dir);
}

static int mount_it(const struct vmgr__pool_def *pool, const char *source, struct vmgr_error **err)
{
    const char *format = vmgr__pool_kinds[pool->type].formats[pool->source.format];
    g_autofree char *version = NULL;
    const char *argv[12] = { "mount" };
    size_t n = 1;

    if (strcmp(format, "auto") != 0 || pool->type == VMGR__POOL_NETFS) {
        argv[n++] = "-t";
        argv[n++] = strcmp(format, "auto") ? format : "nfs";
    }
    if (pool->source.protocol_ver) {
        if (vmgr__run_check_word(pool->source.protocol_ver, "protocol version", err) < 0)
            return -1;
        version = g_strdup_printf("nfsvers=%s", pool->source.protocol_ver);
        argv[n++] = "-o";
        argv[n++] = version;
    } else if (strcmp(format, "cifs") == 0) {
        argv[n++] = "-o";
        argv[n++] = "guest";
    } else if (strcmp(format, "glusterfs") == 0) {
        argv[n++] = "-o";
        argv[n++] = "direct-io-mode=1";
    }
    argv[n++] = "-o";
    argv[n++] = "nodev,nosuid,noexec";
    argv[n++] = source;
    argv[n] = pool->path;
    return vmgr__run(argv, NULL, err);
}

static int start(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autofree char *source = source_of(pool, err), *there = mounted_source(pool);

    if (!source)
        return -1;
    if (*pool->path != '/')
        return storage_error(err, VMGR_ERR_XML_ERROR, "target path '%s' is not absolute",
                             pool->path);
    if (!there)
        return mount_it(pool, source, err);
    if (strcmp(there, source) == 0)
        return 0; /* somebody has done it */
    return storage_error(err, VMGR_ERR_OPERATION_FAILED, "'%s' is mounted at '%s' already", there,
                         pool->path);
}

static int stop(const struct vmgr__pool_def *pool, struct vmgr_error **err)
{
    g_autofree char *there = mounted_source(pool);

    return there ? vmgr__run_args(NULL, err, "umount", "--", pool->path) : 0;
}

static int make_fs(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    const char *device = vmgr__pool_source_device(&pool->source);
    const char *format = vmgr__pool_kinds[pool->type].formats[pool->source.format];
    g_autofree char *source = source_of(pool, err);
    const char *argv[6] = { "mkfs", "-t", NULL };
    size_t n = 2;
    int r;

    if (!source)
        return -1;
    if (access(device, F_OK) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE,
                                     "Source device does not exist when formatting pool '%s'",
                                     pool->name);
    if (strcmp(format, "auto") == 0)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "a file system cannot be made without a source format");
    if (flags & VMGR_POOL_BUILD_NO_OVERWRITE) {
        r = vmgr__device_has_content(device, err);
        if (r > 0)
            return storage_error(err, VMGR_ERR_STORAGE_POOL_BUILT, "Device '%s' already formatted",
                                 device);
        if (r < 0)
            return -1;
    }
    argv[n++] = format;
    if (strcmp(format, "xfs") == 0)
        argv[n++] = "-f";
    argv[n++] = device;
    return vmgr__run(argv, NULL, err);
}

static int build(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    const uint32_t both = VMGR_POOL_BUILD_OVERWRITE | VMGR_POOL_BUILD_NO_OVERWRITE;

    if (vmgr__check_flags(flags, both, "virStorageBackendFileSystemBuild", err) < 0)
        return -1;
    if (flags == both)
        return storage_error(err, VMGR_ERR_INVALID_ARG,
                             "Overwrite and no overwrite flags are mutually exclusive");
    if (vmgr__files_make_dir(pool, err) < 0)
        return -1;
    return flags && pool->type == VMGR__POOL_FS ? make_fs(pool, flags, err) : 0;
}

static int remove_dir(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err)
{
    return vmgr__backend_dir.remove(pool, flags, err);
}

#define MOUNTED_OPS                                                                                \
    {                                                                                              \
        .build = build, .start = start, .stop = stop, .remove = remove_dir,                        \
        .measure = vmgr__files_measure, .list = vmgr__files_list, .find = vmgr__files_find,        \
        .create = vmgr__files_create, .delete = vmgr__files_delete, .resize = vmgr__files_resize   \
    }

const struct vmgr__backend vmgr__backend_fs = MOUNTED_OPS;
const struct vmgr__backend vmgr__backend_netfs = MOUNTED_OPS;
