/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the guest's memory and registers to a file, for crash, gdb and the like.
 */
#ifndef VEMU_DUMP_DUMP_H
#define VEMU_DUMP_DUMP_H

#include <stdbool.h>
#include <stdint.h>

struct vemu_dump;
struct vemu_error;
struct vemu_vm;

enum vemu_dump_status { VEMU_DUMP_NONE, VEMU_DUMP_ACTIVE, VEMU_DUMP_COMPLETED, VEMU_DUMP_FAILED };

struct vemu_dump_request {
    const char *path; /* NULL: fd, of which a copy is taken, at its position */
    int fd;
    bool has_range; /* only [begin, begin + length) */
    uint64_t begin, length;
    bool detach; /* return when it has begun */
};

/*
 * The machine stands still until it is done, and goes on if it ran before;
 * VEMU_EVENT_DUMP_COMPLETED comes in any case once it has begun. -EBUSY: there is one under way;
 * -EINVAL: nothing is in the range. Context: loop.
 */
int vemu__dump_start(struct vemu_vm *vm, const struct vemu_dump_request *request,
                     struct vemu_error **err);
/* Ends one that is under way, without an event, and waits for it. Context: loop. */
void vemu__dump_cancel(struct vemu_vm *vm);
/* Asks one that was detached to end; it fails with ECANCELED. Context: loop. */
void vemu__dump_abort(struct vemu_vm *vm);
/* -EBUSY and words while one is under way. Context: loop. */
int vemu__dump_check(struct vemu_vm *vm, struct vemu_error **err);
void vemu__dump_free(struct vemu_dump *dump);

struct vemu_dump_info {
    enum vemu_dump_status status;
    uint64_t completed, total; /* bytes of guest memory */
    const char *message;       /* FAILED: why; valid until the next dump */
};
/* Of the last one. Context: loop. */
void vemu__dump_get(const struct vemu_vm *vm, struct vemu_dump_info *ret);

#endif
