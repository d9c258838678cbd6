/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace events: what the inside of a machine does, one line each.
 */
#ifndef VEMU_TRACE_H
#define VEMU_TRACE_H

#include <stdint.h>
#include <vemu/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_vm;

/**
 * struct vemu_trace_info - one kind of event
 * @size: sizeof(struct vemu_trace_info), set by the caller (VEMU_TRACE_INFO_INIT)
 * @name, @summary: static
 */
struct vemu_trace_info {
    uint32_t size;
    uint32_t reserved;
    const char *name;
    const char *summary;
};
#define VEMU_TRACE_INFO_INIT { .size = sizeof(struct vemu_trace_info) }

/** vemu_trace_get() - event kind number `index` (from 0)
 * Errors: -ENOENT (index is past the last), -EINVAL (size). Context: any. Since 0.1 */
int vemu_trace_get(uint32_t index, struct vemu_trace_info *ret);

/** Takes a line, without a newline: "name who key=value ...". Context: any thread of the machine,
 * several at once, with locks of it held: must not call into the VM, nor wait for somebody who
 * does. */
typedef void (*vemu_trace_fn)(void *data, const char *line);
/** vemu_vm_set_trace_handler() - where lines go from now on; NULL: to the VM's log, level debug
 * Call it before events are switched on. Errors: -EBUSY (some are). Context: any. Since 0.1 */
int vemu_vm_set_trace_handler(struct vemu_vm *vm, vemu_trace_fn fn, void *data);
/**
 * vemu_vm_set_trace() - switches events on or off
 * @pattern: name of events; '*' stands for any characters
 * @enable: 1 or 0
 * Returns how many events the pattern stands for. Errors: ENOENT (none). Context: any. Since 0.1
 */
int vemu_vm_set_trace(struct vemu_vm *vm, const char *pattern, uint32_t enable,
                      struct vemu_error **err);
/** Is event number `index` on? Errors: -ENOENT. Context: any. Since 0.1 */
int vemu_vm_get_trace(struct vemu_vm *vm, uint32_t index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
