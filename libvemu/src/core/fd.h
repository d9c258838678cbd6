/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File descriptors: what read(2) and write(2) leave to do.
 */
#ifndef VEMU_CORE_FD_H
#define VEMU_CORE_FD_H

#include <stddef.h>

/* Writes all of it. 0 or -errno. */
int vemu__fd_write_all(int fd, const void *buf, size_t size);

#endif
