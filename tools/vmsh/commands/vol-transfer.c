/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vol-upload and vol-download: a volume's bytes from and to a file, holes as holes with --sparse.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text/storage.h"

const struct opt vol_upload_opts[] = {
    VOL_OPT("vol name, key or path"),
    { .name = "file", .type = OPT_DATA, .help = "file", .completer = COMPLETE_FILE },
    VOL_POOL_OPT,
    { .name = "offset", .type = OPT_INT, .help = "volume offset to upload to" },
    { .name = "length", .type = OPT_INT, .help = "amount of data to upload" },
    FLAG("sparse", "preserve sparseness of volume"),
    OPT_END,
};
const struct opt vol_download_opts[] = {
    VOL_OPT("vol name, key or path"),
    { .name = "file", .type = OPT_DATA, .help = "file", .completer = COMPLETE_FILE },
    VOL_POOL_OPT,
    { .name = "offset", .type = OPT_INT, .help = "volume offset to download from" },
    { .name = "length", .type = OPT_INT, .help = "amount of data to download" },
    FLAG("sparse", "preserve sparseness of volume"),
    OPT_END,
};

#define CHUNK 262144

static bool parse_number(struct shell *sh, const struct args *args, const char *name, uint64_t *ret)
{
    const char *text = args_string(args, name);
    char *end;
    *ret = 0;
    if (!text)
        return true;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || strchr(text, '-')) {
        shell_error(sh, "Numeric value '%s' for <%s> option is malformed or out of range", text,
                    name);
        return false;
    }
    *ret = value;
    return true;
}

/* Bytes from the stream into the file; false: failed, errno or the library says why. */
static bool receive(struct shell *sh, struct vmgr_stream *stream, int fd, bool sparse)
{
    char *buf = must_alloc(CHUNK);
    uint64_t hole;
    ssize_t n;
    bool ok = true;
    off_t at = 0;
    while (ok &&
           (n = vmgr_stream_recv_flags(stream, buf, CHUNK, sparse ? VMGR_STREAM_STOP_AT_HOLE : 0,
                                       shell_err(sh))) != 0) {
        if (n == VMGR_STREAM_AT_HOLE) {
            ok = vmgr_stream_recv_hole(stream, &hole, shell_err(sh)) >= 0 &&
                 lseek(fd, (off_t)hole, SEEK_CUR) >= 0;
            at += ok ? (off_t)hole : 0;
            continue;
        }
        ok = n > 0;
        for (ssize_t done = 0, w; ok && done < n; done += w) {
            w = write(fd, buf + done, (size_t)(n - done)); /* it may be a pipe */
            ok = w > 0;
            at += ok ? w : 0;
        }
    }
    free(buf);
    return ok && (!sparse || ftruncate(fd, at) == 0);
}

/* Where the hole or the data that is at `at` ends; *hole says which. */
static off_t extent_end(int fd, off_t at, off_t size, bool *hole)
{
    off_t data = lseek(fd, at, SEEK_DATA);
    *hole = data > at || (data < 0 && errno == ENXIO);
    if (*hole)
        return data < 0 ? size : data;
    off_t end = lseek(fd, at, SEEK_HOLE);
    return end > at ? end : size;
}

static bool send_all(struct shell *sh, struct vmgr_stream *stream, const char *buf, size_t size)
{
    while (size) {
        ssize_t n = vmgr_stream_send(stream, buf, size, shell_err(sh));
        if (n <= 0)
            return false;
        buf += n;
        size -= (size_t)n;
    }
    return true;
}

/* The file into the stream; false: failed, the library or errno says why. */
static bool transmit(struct shell *sh, struct vmgr_stream *stream, int fd, bool sparse)
{
    char *buf = must_alloc(CHUNK);
    struct stat st;
    bool ok = fstat(fd, &st) == 0, hole = false;
    off_t at = 0, end = 0;
    ssize_t n = 1;
    sparse = sparse && S_ISREG(st.st_mode);
    while (ok && n > 0) {
        size_t want = CHUNK;
        if (sparse && at >= st.st_size)
            break;
        if (sparse && at >= end)
            end = extent_end(fd, at, st.st_size, &hole);
        if (sparse && hole) {
            ok = vmgr_stream_send_hole(stream, (uint64_t)(end - at), shell_err(sh)) >= 0;
            at = end;
            continue;
        }
        if (sparse && end - at < CHUNK)
            want = (size_t)(end - at);
        n = sparse ? pread(fd, buf, want, at) : read(fd, buf, want);
        ok = n >= 0 && send_all(sh, stream, buf, (size_t)n);
        at += n > 0 ? n : 0;
    }
    free(buf);
    return ok;
}

bool cmd_vol_upload(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "sparse") ? VMGR_VOLUME_STREAM_SPARSE : 0;
    struct vmgr_stream *stream = NULL;
    uint64_t offset, length;
    bool ok = false;
    int fd = -1;
    if (!parse_number(sh, args, "offset", &offset) || !parse_number(sh, args, "length", &length))
        return false;
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    if (!volume)
        return false;
    const char *name = vmgr_volume_get_name(volume);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        shell_error(sh, "cannot read %s", path);
    else if (vmgr_volume_upload(volume, offset, length, flags, &stream, shell_err(sh)) < 0)
        shell_error(sh, "cannot upload to volume %s", name);
    else if (!transmit(sh, stream, fd, flags))
        shell_error(sh, "cannot send data to volume %s", name);
    else if (vmgr_stream_finish(stream, shell_err(sh)) < 0)
        shell_error(sh, "cannot close volume %s", name);
    else
        ok = true;
    vmgr_stream_unref(stream);
    if (fd >= 0)
        close(fd);
    vmgr_volume_unref(volume);
    return ok;
}

/* The target, which may be there already; *made says whether it was not. */
static int open_target(const char *path, bool *made)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd;
}

bool cmd_vol_download(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "sparse") ? VMGR_VOLUME_STREAM_SPARSE : 0;
    struct vmgr_stream *stream = NULL;
    uint64_t offset, length;
    bool ok = false, made = false;
    int fd = -1;
    if (!parse_number(sh, args, "offset", &offset) || !parse_number(sh, args, "length", &length))
        return false;
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    if (!volume)
        return false;
    const char *name = vmgr_volume_get_name(volume);
    if (vmgr_volume_download(volume, offset, length, flags, &stream, shell_err(sh)) < 0)
        shell_error(sh, "cannot download from volume %s", name);
    else if ((fd = open_target(path, &made)) < 0)
        shell_error(sh, "cannot create %s", path);
    else if (!receive(sh, stream, fd, flags))
        shell_error(sh, "cannot receive data from volume %s", name);
    else if (close(fd) < 0)
        shell_error(sh, "cannot close file %s", path);
    else
        ok = vmgr_stream_finish(stream, shell_err(sh)) >= 0;
    if (!ok && made)
        unlink(path);
    vmgr_stream_unref(stream);
    vmgr_volume_unref(volume);
    return ok;
}
