/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking into a domain: bytes of its raw disks, from the host's file, and of its memory, which the
 * emulator writes into its run's directory.
 */
#include "../../peek.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../../conf/device.h"
#include "../device/parts.h"
#include "../state/cache.h"
#include "../state/paths.h"
#include "made.h"

#define MEMORY "memory.peek"

/* All of it; what: for the message. */
static int read_all(int fd, void *buf, size_t size, uint64_t offset, const char *what,
                    struct vmgr_error **err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot read '%s'", what);
        if (n == 0)
            return vemu_error(err, VMGR_ERR_INVALID_ARG, "'%s' ends before %" G_GUINT64_FORMAT,
                              what, offset + size);
        done += (size_t)n;
    }
    return 0;
}

/* ---- disks ---- */

/* Where a disk lies, for g_free(), or NULL and *err. d->lock is held. */
static char *find_source(const struct vmgr__domain_def *def, const char *name,
                         struct vmgr_error **err)
{
    const struct vmgr__device *dev = vmgr__disk_find(def, name);
    g_autofree char *type = dev ? vmgr__device_get(dev, NULL, "type") : NULL;
    g_autofree char *format = dev ? vmgr__device_get(dev, "driver", "type") : NULL;
    char *path = NULL;

    if (!dev) {
        vemu_error(err, VMGR_ERR_INVALID_ARG, "invalid path: %s", name);
    } else if (format && strcmp(format, "raw") != 0) {
        vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                   "peeking is only supported for disk with 'raw' format not '%s'", format);
    } else {
        path = vmgr__device_get(dev, "source", g_strcmp0(type, "block") == 0 ? "dev" : "file");
        if (!path)
            vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                       "peeking is only supported for disks on files and block devices, which "
                       "'%s' is not",
                       name);
    }
    return path;
}

static int peek_disk(struct vmgr_domain *dom, const char *disk, uint64_t offset, void *buf,
                     size_t size, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *path = NULL;
    struct vmgr__domobj *obj;
    struct stat st;
    int fd, r = -1;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    path = obj ? find_source(vmgr__domobj_current(obj), disk, err) : NULL;
    g_mutex_unlock(&d->lock);
    if (!path)
        return -1;
    if (offset > INT64_MAX - VMGR_PEEK_MAX)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "'%s' ends before %" G_GUINT64_FORMAT, path,
                          offset);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, "'%s' is no file and no block device",
                   path);
    else
        r = read_all(fd, buf, size, offset, path, err);
    close(fd);
    return r;
}

/* ---- memory ---- */

static int take_memory(struct vemu_change *c, uint64_t start, void *buf, size_t size,
                       uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_run_path(c->d, c->name, MEMORY);
    struct json_object *args = json_object_new_object();
    const char *command = flags & VMGR_DOMAIN_MEMORY_VIRTUAL ? "memsave" : "pmemsave";
    uint64_t made;
    int fd = -1, r = -1;

    json_object_object_add(args, "val", json_object_new_int64((int64_t)start));
    json_object_object_add(args, "size", json_object_new_int64((int64_t)size));
    vmgr__vemu_set(args, "filename", MEMORY);
    unlink(path);
    if (vmgr__vemu_change_command(c, command, args, err) == 0)
        fd = vmgr__vemu_made_open(c, MEMORY, size, &made, err);
    unlink(path);
    if (fd < 0)
        return -1;
    r = read_all(fd, buf, size, 0, path, err);
    close(fd);
    return r;
}

static int peek_memory(struct vmgr_domain *dom, uint64_t start, void *buf, size_t size,
                       uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    int r;

    if (start > INT64_MAX)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "addresses from 2^63 on are not supported by the vemu driver");
    if (vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    r = vmgr__vemu_change_need_active(&c, err);
    if (r == 0)
        r = take_memory(&c, start, buf, size, flags, err);
    return vmgr__vemu_change_end(&c, r);
}

const struct vmgr__peek_ops vmgr__vemu_peek = { .disk = peek_disk, .memory = peek_memory };
