/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the argument of each ioctl consists of, for recording and replaying it.
 *
 * Theory of operation: most requests say it themselves, by the direction and size in their number.
 * The table of trace-layout.c has those that do not: structures that end in an array, that point to
 * more, that hold addresses and descriptors (different in every process, so neither recorded nor
 * compared), that make descriptors, or whose number lies about the direction. A part is one
 * contiguous range of user memory: part 0 is the structure with its array, the others are pointed
 * to. Sizes come from the caller's argument alone, never from a file.
 */
#ifndef VKVM_SRC_TRACE_LAYOUT_H
#define VKVM_SRC_TRACE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace-format.h"

/* A slot's size decides how long its dirty log is. */
struct trace_slot {
    uint32_t number;
    uint64_t pages;
};

/* What must be known of a descriptor to size the arguments of its calls. Zeroed: nothing yet. */
struct trace_object {
    struct trace_object *vm; /* of a vCPU or device; may be NULL */
    struct trace_slot *slots;
    size_t slot_count;
    uint32_t device_type;
    bool is_device;
    size_t xsave_size; /* what KVM_CAP_XSAVE2 was answered; 0: never asked */
};

void trace__object_fini(struct trace_object *object);

struct trace_part {
    uint8_t *data;
    size_t in;       /* bytes the kernel reads */
    size_t capacity; /* bytes it may write */
    size_t out;      /* bytes it has written; set by trace__layout_out() */
};

enum trace_child { TRACE_NO_CHILD, TRACE_CHILD_RESULT, TRACE_CHILD_FIELD };

struct trace_mask {
    uint16_t offset, size;
};

enum trace_pointed { /* what the structure points to */
                     TRACE_POINTS_NOWHERE,
                     TRACE_POINTS_DIRTY_LOG,
                     TRACE_POINTS_CLEAR_LOG,
                     TRACE_POINTS_ATTR_IN,
                     TRACE_POINTS_ATTR_OUT,
                     TRACE_POINTS_REG_IN,
                     TRACE_POINTS_REG_OUT,
                     TRACE_POINTS_MSR_BITMAPS,
};

struct trace_layout {
    unsigned long request;
    uint32_t in, out;  /* bytes of the structure; out without the array when that is cut short */
    uint16_t count_at; /* where the number of array elements is, 32 bits (64 with count_wide) */
    uint16_t element;  /* bytes of one; 0: no array */
    uint16_t base;     /* where the array begins; 0 with `element` 1: the count is the whole size */
    bool count_wide;
    bool array_in, array_out;
    uint8_t child;                  /* enum trace_child */
    uint8_t pointed;                /* enum trace_pointed */
    bool xsave;                     /* as large as KVM_CAP_XSAVE2 says */
    struct trace_mask masks[4];     /* of part 0: never recorded, never compared */
    struct trace_mask element_mask; /* the same, in each element */
};

/* Always finds one: what is not in the table is derived from the number, into *derived. */
const struct trace_layout *trace__layout(unsigned long request, struct trace_layout *derived);
/* Fills the parts of an argument before the call. Returns how many; 0: the argument is a number (or
 * NULL). */
unsigned trace__layout_parts(const struct trace_layout *layout, const struct trace_object *object,
                             void *argument, struct trace_part parts[TRACE_MAX_PARTS]);
/* After a call that returned `result`: how much of each part is output. `bytes` is what the kernel
 * left in part 0, `size` of it. */
void trace__layout_out(const struct trace_layout *layout, struct trace_part *parts, unsigned count,
                       const uint8_t *bytes, size_t size, int result);
/* Zeroes what is never recorded in a copy of part 0. */
void trace__layout_mask(const struct trace_layout *layout, uint8_t *bytes, size_t size);
/* Learns from a call that succeeded. `argument` and `result` as user space sees them. */
void trace__layout_learn(struct trace_object *object, unsigned long request, const void *argument,
                         int result);
/* After a KVM_CREATE_DEVICE. */
void trace__layout_device(struct trace_object *device, const void *argument);

#endif
