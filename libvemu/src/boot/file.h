/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading image files: by descriptor and never by mapping, so that a file cut short meanwhile gives
 * an error and not a signal.
 */
#ifndef VEMU_BOOT_FILE_H
#define VEMU_BOOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct vemu_boot_file {
    int fd;
    uint64_t size;
    char *path;
};

/* Opens a regular file. `what` is for messages: "kernel", "initrd". */
int vemu__boot_file_open(const char *path, const char *what, struct vemu_boot_file *ret,
                         struct vemu_error **err);
void vemu__boot_file_close(struct vemu_boot_file *file);
/* Reads exactly `size` bytes. -ENODATA when the file ends before, -EIO and the like. */
int vemu__boot_file_read(const struct vemu_boot_file *file, uint64_t offset, void *buf,
                         size_t size);

#endif
