/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of /sys and /proc.
 */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *G_GNUC_PRINTF(1, 0) sys_path(const char *format, va_list ap)
{
    const char *root = g_getenv("VMGR_SYSFS");
    g_autofree char *rest = g_strdup_vprintf(format, ap);

    return g_build_filename(root && *root ? root : "/sys", rest, NULL);
}

char *vmgr__sys_path(const char *format, ...)
{
    va_list ap;
    char *path;

    va_start(ap, format);
    path = sys_path(format, ap);
    va_end(ap);
    return path;
}

/* Sizes of these files are not told beforehand. */
static char *read_text(const char *path)
{
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

char *vmgr__sys_read(const char *format, ...)
{
    g_autofree char *path = NULL;
    va_list ap;

    va_start(ap, format);
    path = sys_path(format, ap);
    va_end(ap);
    return read_text(path);
}

char *vmgr__proc_read(const char *name)
{
    const char *root = g_getenv("VMGR_PROCFS");
    g_autofree char *path = g_build_filename(root && *root ? root : "/proc", name, NULL);

    return read_text(path);
}

bool vmgr__file_number(const char *path, uint64_t *ret)
{
    g_autofree char *text = read_text(path);

    return text && g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, UINT64_MAX, ret, NULL);
}

int vmgr__file_put_number(const char *path, uint64_t number, struct vmgr_error **err)
{
    char text[32];
    const int length = g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, number);
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    const bool ok = fd >= 0 && write(fd, text, (size_t)length) == length;
    const int errnum = errno;

    if (fd >= 0)
        close(fd);
    return ok ? 0
              : vmgr__error_set_errno(err, errnum, VMGR_FROM_QEMU, "cannot write %s to '%s'", text,
                                      path);
}

bool vmgr__host_list(const char *text, uint8_t *map, uint32_t bits)
{
    while (*text && *text != '\n') {
        char *end;
        unsigned long first, last;

        if (!g_ascii_isdigit(*text))
            return false;
        first = last = strtoul(text, &end, 10);
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last >= bits || (*end && *end != ',' && *end != '\n'))
            return false;
        for (unsigned long i = first; i <= last; i++)
            map[i / 8] |= (uint8_t)(1u << i % 8);
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

unsigned vmgr__host_cells(int *ret_last)
{
    g_autofree char *path = vmgr__sys_path("devices/system/node");
    DIR *dir = opendir(path);
    const struct dirent *e;
    unsigned n = 0;
    int last = 0;

    while (dir && (e = readdir(dir))) {
        if (!g_str_has_prefix(e->d_name, "node") || !g_ascii_isdigit(e->d_name[4]))
            continue;
        n++;
        last = MAX(last, atoi(e->d_name + 4));
    }
    if (dir)
        closedir(dir);
    if (ret_last)
        *ret_last = last;
    return MAX(n, 1);
}
