/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unix sockets by path, for back-ends that listen or connect.
 */
#ifndef VEMU_CORE_UNIX_SOCKET_H
#define VEMU_CORE_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"

/* The file that bind() made, to remove just that one. */
struct vemu_unix_file {
    bool bound;
    dev_t dev;
    ino_t ino;
};

/* A non-blocking socket of `type` (SOCK_STREAM: listening) at `path`. A socket file that nobody
 * listens on is replaced. Returns the descriptor or -errno. `file` is also filled on failure. */
int vemu__unix_bind(const char *path, int type, struct vemu_unix_file *file,
                    struct vemu_error **err);
/* Removes the file, if it is still ours. */
void vemu__unix_unbind(const char *path, struct vemu_unix_file *file);
/* Makes a non-blocking socket that is connected to `path`. */
int vemu__unix_connect(const char *path, int type, struct vemu_error **err);
/* Connects an existing one. */
int vemu__unix_connect_fd(int fd, const char *path, struct vemu_error **err);
/* Checks a descriptor that the application opened (as text: property "fd") and makes it
 * non-blocking and close-on-exec: a socket of `type`, which listens or does not. Returns it. */
int vemu__unix_use_fd(const char *text, int type, bool listens, struct vemu_error **err);

#endif
