/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log: a line per event, to standard error or a file.
 *
 *     2026-11-22T12:00:00.123Z info msg="client" client=3 uid=0 ...
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmgrd.h"

struct log {
    GMutex lock;
    int fd;
    bool own;
    enum vmgr__log_level level;
};

static int open_file(const char *file)
{
    return open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
}

struct log *log_open(const char *file, enum vmgr__log_level level, char **err)
{
    struct log *log = g_new0(struct log, 1);

    g_mutex_init(&log->lock);
    log->level = level;
    log->fd = file ? open_file(file) : STDERR_FILENO;
    log->own = file != NULL;
    if (log->fd < 0) {
        *err = g_strdup_printf("cannot open log file '%s': %s", file, g_strerror(errno));
        log->own = false;
        log_close(log);
        return NULL;
    }
    return log;
}

void log_reopen(struct log *log, const char *file, enum vmgr__log_level level)
{
    const int fd = file ? open_file(file) : STDERR_FILENO;

    g_mutex_lock(&log->lock);
    log->level = level;
    if (fd >= 0) {
        if (log->own)
            close(log->fd);
        log->fd = fd;
        log->own = file != NULL;
    }
    g_mutex_unlock(&log->lock);
}

void log_close(struct log *log)
{
    if (!log)
        return;
    if (log->own)
        close(log->fd);
    g_mutex_clear(&log->lock);
    g_free(log);
}

void log_line(enum vmgr__log_level level, const char *line, void *data)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    const gint64 now = g_get_real_time();
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
    g_autofree char *stamp = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *text =
        g_strdup_printf("%s.%03dZ %s %s\n", stamp, (int)(now / 1000 % 1000), names[level], line);
    struct log *log = data;

    g_mutex_lock(&log->lock);
    /* A log that cannot be written must not end what it tells about. */
    if (level <= log->level && write(log->fd, text, strlen(text)) < 0)
        errno = 0;
    g_mutex_unlock(&log->lock);
}
