/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going to the background, the pid file, the exit file.
 */
#ifndef VEMU_TOOL_DAEMON_H
#define VEMU_TOOL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Forks. The parent waits until the child says that it is ready (daemon_ready) or ends, and exits
 * with the matching status; the child returns. Before any thread exists.
 */
bool daemon_start(void);
/* Closes the standard streams and lets the parent go. Nothing when daemon_start() was not called.
 * */
void daemon_ready(void);

/* Writes and locks the pid file; false: printed why (another process holds it). */
bool pidfile_write(const char *path);
void pidfile_remove(const char *path);

/* One line of JSON, replaced atomically. */
bool exit_file_write(const char *path, const char *cause, uint32_t code, int status);

#endif
