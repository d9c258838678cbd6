/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that grows by records and is whole at any time.
 *
 * It is written through a mapping of its tail: that costs no system call a record, and what has
 * been stored is in the page cache, so it survives the process. Room is allocated in steps, so a
 * full disk is an error of the step and no SIGBUS. What is behind the last record is zero until the
 * file is closed, which cuts it.
 */
#ifndef VKVM_SRC_TRACE_FILE_H
#define VKVM_SRC_TRACE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct trace_file {
    int fd;
    uint64_t size;   /* bytes written */
    uint64_t map_at; /* file offset of the window */
    uint8_t *map;    /* TRACE_WINDOW bytes, or NULL */
};

/* Takes the descriptor, also on failure. Writes the header. */
int trace__file_init(struct trace_file *file, int fd);
int trace__file_append(struct trace_file *file, const void *body, size_t size);
/* Cuts the file to what was written, closes. */
int trace__file_fini(struct trace_file *file);

#endif
