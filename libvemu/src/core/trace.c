/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace events: the table, switching, and the line that an event becomes.
 */
#include "core/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "core/vm.h"

struct kind {
    const char *name, *summary;
    const char *numbers[VEMU_TRACE_NUMBERS]; /* NULL: not there */
};

#define KIND(symbol, name_, summary_, ...) { name_, summary_, { __VA_ARGS__ } },
static const struct kind kinds[VEMU_TRACE_COUNT] = { VEMU_TRACE_EVENTS(KIND) };

int vemu_trace_get(uint32_t index, struct vemu_trace_info *ret)
{
    if (ret->size < sizeof(*ret))
        return -EINVAL;
    if (index >= VEMU_TRACE_COUNT)
        return -ENOENT;
    ret->name = kinds[index].name;
    ret->summary = kinds[index].summary;
    return 0;
}

int vemu_vm_set_trace_handler(struct vemu_vm *vm, vemu_trace_fn fn, void *data)
{
    for (unsigned n = 0; n < VEMU_TRACE_COUNT; n++)
        if (atomic_load(&vm->trace.on[n]))
            return -EBUSY;
    vm->trace.fn = fn;
    vm->trace.data = data;
    return 0;
}

int vemu_vm_set_trace(struct vemu_vm *vm, const char *pattern, uint32_t enable,
                      struct vemu_error **err)
{
    int count = 0;

    for (unsigned n = 0; n < VEMU_TRACE_COUNT; n++) {
        if (!g_pattern_match_simple(pattern, kinds[n].name))
            continue;
        atomic_store(&vm->trace.on[n], enable != 0);
        count++;
    }
    return count ? count : vemu__error_set(err, ENOENT, "there is no trace event '%s'", pattern);
}

int vemu_vm_get_trace(struct vemu_vm *vm, uint32_t index)
{
    return index < VEMU_TRACE_COUNT ? atomic_load(&vm->trace.on[index]) : -ENOENT;
}

void vemu__trace(struct vemu_vm *vm, enum vemu_trace_event event, const char *who,
                 const uint64_t numbers[VEMU_TRACE_NUMBERS])
{
    const struct kind *kind = &kinds[event];
    char line[256];
    int used = g_snprintf(line, sizeof(line), "%s%s%s", kind->name, who ? " " : "", who ? who : "");

    for (unsigned i = 0; i < VEMU_TRACE_NUMBERS && kind->numbers[i]; i++)
        if ((size_t)used < sizeof(line))
            used += g_snprintf(line + used, sizeof(line) - (size_t)used, " %s=0x%" PRIx64,
                               kind->numbers[i], numbers[i]);
    if (vm->trace.fn)
        vm->trace.fn(vm->trace.data, line);
    else
        vemu_vm_log(vm, VEMU_LOG_DEBUG, "%s", line);
}
