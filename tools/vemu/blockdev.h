/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -blockdev, and the images of -drive: block nodes.
 */
#ifndef VEMU_TOOL_BLOCKDEV_H
#define VEMU_TOOL_BLOCKDEV_H

#include <stdbool.h>
#include <vemu/vm.h>

#include "keyval.h"

/* What -drive says of its image; NULL: nothing. `text` is the whole option. */
struct drive_image {
    const char *text, *id, *file, *format, *read_only, *cache;
};

/* Makes the node of a -blockdev. False: the reason was printed. */
bool build_blockdev(struct vemu_vm *vm, const char *value);
/* Makes the node of a -drive from that and what else it says. False: the reason was printed. */
bool drive_add_image(struct vemu_vm *vm, const struct drive_image *drive, struct keyval *kv);

#endif
