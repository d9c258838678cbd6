/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory as a vCPU sees it: linear addresses, page by page, without regard to rights.
 */
#include <errno.h>

#include "gdb/server.h"

#define PAGE 4096u

/* Consecutive pages, translated on the vCPU's thread at once. */
struct pages {
    uint64_t address; /* of the first */
    uint32_t wanted, got;
    uint64_t gpa[GDB_PACKET_MAX / PAGE + 2];
};

static int translate(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    struct pages *p = data;
    int r = 0;

    while (p->got < p->wanted) {
        r = vm->accel->translate(vcpu, p->address + (uint64_t)p->got * PAGE, &p->gpa[p->got]);
        if (r < 0)
            break;
        p->got++;
    }
    return p->got ? 0 : r;
}

int vemu__gdb_translate(struct vemu_gdb *gdb, uint32_t id, uint64_t address, uint64_t *ret_gpa)
{
    struct pages pages = { .address = address, .wanted = 1 };
    int r = vemu__vcpu_call(gdb->vm, id, translate, &pages);

    *ret_gpa = pages.gpa[0];
    return r;
}

long vemu__gdb_memory(struct vemu_gdb *gdb, uint32_t id, uint64_t address, void *buf, size_t size,
                      bool write)
{
    const uint32_t offset = address & (PAGE - 1);
    struct pages pages = { .address = address - offset };
    uint8_t *bytes = buf;
    size_t done = 0;
    int r;

    if (!size || size > GDB_PACKET_MAX)
        return -EINVAL;
    pages.wanted = (uint32_t)((offset + size + PAGE - 1) / PAGE);
    r = vemu__vcpu_call(gdb->vm, id, translate, &pages);
    for (uint32_t n = 0; r >= 0 && n < pages.got; n++) {
        const uint32_t from = n ? 0 : offset;
        const size_t part = MIN(size - done, PAGE - from);
        const uint64_t gpa = (pages.gpa[n] & ~(uint64_t)(PAGE - 1)) + from;

        r = write ? vemu_vm_write_memory(gdb->vm, gpa, bytes + done, part)
                  : vemu_vm_read_memory(gdb->vm, gpa, bytes + done, part);
        if (r >= 0)
            done += part;
    }
    return done ? (long)done : r < 0 ? r : -EFAULT;
}
