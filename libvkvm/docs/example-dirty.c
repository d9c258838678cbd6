/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty tracking: which pages a guest has written, in whatever form the host is best at.
 *
 *     gcc example-dirty.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^written: 0x[35]000 \+ 0x1000, the guest put [12] there$
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <vkvm/dirty.h>
#include <vkvm/vkvm.h>

#define RAM_SIZE 0x8000
#define ENTRY 0x1000

/* 16-bit code: movb $1, 0x3000; movb $2, 0x5000; hlt */
static const uint8_t code[] = { 0xc6, 0x06, 0, 0x30, 1, 0xc6, 0x06, 0, 0x50, 2, 0xf4 };

static int harvest(struct vkvm_dirty *dirty)
{
    struct vkvm_dirty_range range;
    int r = vkvm_dirty_harvest(dirty);
    while (r >= 0 && (r = vkvm_dirty_next(dirty, &range)) == 1)
        printf("written: %#llx + %#llx, the guest put %d there\n", (unsigned long long)range.gpa,
               (unsigned long long)range.length, *(uint8_t *)range.hva);
    return r;
}

static int run(struct vkvm_vcpu *vcpu, struct vkvm_dirty *dirty)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
    struct vkvm_exit exit = { 0 };
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    sregs.cs.base = sregs.cs.selector = 0; /* real mode, segment 0 */
    r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    if (r >= 0)
        r = vkvm_vcpu_set_regs(vcpu, &regs);
    while (r >= 0 && exit.kind != VKVM_EXIT_HLT) {
        r = vkvm_vcpu_run(vcpu, &exit);
        if (r >= 0 && exit.kind == VKVM_EXIT_DIRTY_RING_FULL)
            r = harvest(dirty); /* makes room */
    }
    return r;
}

int main(void)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    struct vkvm_dirty *dirty = NULL;
    uint32_t slot;
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        return 1;
    memcpy(ram + ENTRY, code, sizeof(code));

    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_add_memory(vm, 0, RAM_SIZE, ram, 0, &slot);
    if (r >= 0)
        r = vkvm_dirty_new(vm, VKVM_DIRTY_BEST, 0, 0, &dirty); /* rings: before the first vCPU */
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0)
        r = vkvm_dirty_add_vcpu(dirty, vcpu);
    if (r >= 0)
        r = vkvm_dirty_start(dirty);
    if (r >= 0)
        r = run(vcpu, dirty);
    if (r >= 0)
        r = harvest(dirty);
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));

    vkvm_dirty_free(dirty);
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    munmap(ram, RAM_SIZE);
    return r == 0 ? 0 : 1;
}
