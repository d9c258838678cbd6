/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One request on a file, to the end, on the calling thread.
 */
#ifndef VEMU_BLOCK_FILE_IO_H
#define VEMU_BLOCK_FILE_IO_H

#include "block/backend.h"

/* Does the request; 0 or -errno. Reads behind the end of the file give zeros. Context: any. */
int vemu__file_execute(int fd, const struct vemu_block_request *req);

#endif
