/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the client wants to stop at, on its way to the accelerator.
 *
 * Each point is given to all vCPUs as it comes, so that the client hears of one that is not
 * possible. Where breakpoints are INT3 instructions (KVM), these are in memory only while vCPUs
 * run: nobody else ever sees them, and a guest that was loaded anew gets them again.
 */
#include <errno.h>

#include "gdb/server.h"

#define INT3 0xcc

struct apply {
    struct vemu_debug debug;
};

static int apply_on_vcpu(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    const struct apply *apply = data;

    return vm->accel->set_debug(vcpu, &apply->debug);
}

int vemu__gdb_apply(struct vemu_gdb *gdb, uint32_t id, bool step)
{
    struct apply apply = { .debug = { .step = step, .count = gdb->points->len,
                                      .points = (void *)gdb->points->data } };
    int r = vemu__vcpu_call(gdb->vm, id, apply_on_vcpu, &apply);

    if (r >= 0)
        gdb->stepping[id] = step;
    return r;
}

static int apply_all(struct vemu_gdb *gdb)
{
    int r = 0;

    for (uint32_t id = 0; r >= 0 && id < gdb->vm->config.max_vcpus; id++)
        if (vemu__vcpu_is_present(gdb->vm, id))
            r = vemu__gdb_apply(gdb, id, false);
    return r;
}

static int find(const struct vemu_gdb *gdb, const struct vemu_debug_point *point)
{
    for (guint n = 0; n < gdb->points->len; n++) {
        const struct vemu_debug_point *p = &g_array_index(gdb->points, struct vemu_debug_point, n);

        if (p->kind == point->kind && p->address == point->address && p->size == point->size)
            return (int)n;
    }
    return -ENOENT;
}

bool vemu__gdb_point_exists(const struct vemu_gdb *gdb, enum vemu_debug_kind kind, uint64_t address)
{
    for (guint n = 0; n < gdb->points->len; n++) {
        const struct vemu_debug_point *p = &g_array_index(gdb->points, struct vemu_debug_point, n);

        if (p->kind == kind && p->address == address)
            return true;
    }
    return false;
}

int vemu__gdb_point_insert(struct vemu_gdb *gdb, const struct vemu_debug_point *point)
{
    uint64_t gpa;
    uint8_t byte;
    int r = 0;

    if (find(gdb, point) >= 0) /* said twice is said once */
        return 0;
    if (gdb->points->len == GDB_POINTS_MAX)
        return -ENOSPC;
    if (gdb->int3 && point->kind == VEMU_DEBUG_SOFTWARE) {
        r = vemu__gdb_translate(gdb, gdb->session.general, point->address, &gpa);
        if (r >= 0)
            r = vemu_vm_read_memory(gdb->vm, gpa, &byte, 1);
        if (r < 0)
            return r;
    }
    g_array_append_val(gdb->points, *point);
    r = apply_all(gdb);
    if (r < 0) {
        g_array_set_size(gdb->points, gdb->points->len - 1);
        apply_all(gdb);
    }
    return r;
}

int vemu__gdb_point_remove(struct vemu_gdb *gdb, const struct vemu_debug_point *point)
{
    int at = find(gdb, point);

    if (at < 0) /* removing what is not there is fine (E.2, z packets) */
        return 0;
    g_array_remove_index(gdb->points, (guint)at);
    return apply_all(gdb);
}

void vemu__gdb_points_clear(struct vemu_gdb *gdb)
{
    const bool any = gdb->points->len > 0;
    uint32_t id;

    g_array_set_size(gdb->points, 0);
    for (id = 0; id < gdb->vm->config.max_vcpus; id++) {
        if (any || gdb->stepping[id])
            vemu__gdb_apply(gdb, id, false);
        gdb->actions[id] = GDB_ACTION_RUN;
        vemu__vcpu_hold(gdb->vm, id, false);
    }
}

/* --- INT3 ------------------------------------------------------------------------------------- */

static bool is_patched(const struct vemu_gdb *gdb, uint64_t gpa)
{
    for (guint n = 0; n < gdb->patches->len; n++)
        if (g_array_index(gdb->patches, struct gdb_patch, n).gpa == gpa)
            return true;
    return false;
}

static bool patch_at(struct vemu_gdb *gdb, uint64_t gpa)
{
    const uint8_t int3 = INT3;
    struct gdb_patch patch = { .gpa = gpa };

    if (is_patched(gdb, gpa))
        return true;
    if (vemu_vm_read_memory(gdb->vm, gpa, &patch.old, 1) < 0 ||
        vemu_vm_write_memory(gdb->vm, gpa, &int3, 1) < 0)
        return false;
    g_array_append_val(gdb->patches, patch);
    return true;
}

/* A page that is not mapped now (other tables, a reset) has no breakpoint in this run. */
void vemu__gdb_patch(struct vemu_gdb *gdb)
{
    for (guint n = 0; gdb->int3 && n < gdb->points->len; n++) {
        const struct vemu_debug_point *p = &g_array_index(gdb->points, struct vemu_debug_point, n);
        bool done = false;
        uint64_t gpa;

        if (p->kind != VEMU_DEBUG_SOFTWARE)
            continue;
        for (uint32_t id = 0; !done && id < gdb->vm->config.max_vcpus; id++)
            done = vemu__gdb_translate(gdb, id, p->address, &gpa) >= 0 && patch_at(gdb, gpa);
        if (!done)
            vemu_vm_log(gdb->vm, VEMU_LOG_WARNING,
                        "gdb: the breakpoint at 0x%" G_GINT64_MODIFIER "x is not mapped",
                        p->address);
    }
}

/* What the guest has written over an INT3 meanwhile stays. */
void vemu__gdb_unpatch(struct vemu_gdb *gdb)
{
    for (guint n = 0; n < gdb->patches->len; n++) {
        const struct gdb_patch *p = &g_array_index(gdb->patches, struct gdb_patch, n);
        uint8_t byte;

        if (vemu_vm_read_memory(gdb->vm, p->gpa, &byte, 1) >= 0 && byte == INT3)
            vemu_vm_write_memory(gdb->vm, p->gpa, &p->old, 1);
    }
    g_array_set_size(gdb->patches, 0);
}
