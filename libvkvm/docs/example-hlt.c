/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs four instructions in a virtual machine with libvkvm: load 42, write it to a port, halt.
 *
 *     gcc example-hlt.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^guest says: 42, then halts$
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <vkvm/vkvm.h>

#define RAM_SIZE 0x2000
#define ENTRY 0x1000

/* 16-bit code: mov al, 42; mov dx, 0x10; out dx, al; hlt */
static const uint8_t code[] = { 0xb0, 0x2a, 0xba, 0x10, 0x00, 0xee, 0xf4 };

static int run(struct vkvm_vcpu *vcpu)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
    struct vkvm_exit exit;
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r >= 0) {
        sregs.cs.base = 0; /* real mode, segment 0 */
        sregs.cs.selector = 0;
        r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    }
    if (r >= 0)
        r = vkvm_vcpu_set_regs(vcpu, &regs);
    while (r >= 0) {
        r = vkvm_vcpu_run(vcpu, &exit);
        if (r < 0)
            break;
        if (exit.kind == VKVM_EXIT_IO_OUT && exit.io.port == 0x10) {
            printf("guest says: %u, ", exit.io.data[0]);
        } else if (exit.kind == VKVM_EXIT_HLT) {
            printf("then halts\n");
            return 0;
        } else if (exit.kind != VKVM_EXIT_INTR) {
            printf("unexpected exit: %s\n", vkvm_exit_name(exit.kind));
            return 1;
        }
    }
    return r;
}

int main(void)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
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
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0)
        r = run(vcpu);
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));

    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    munmap(ram, RAM_SIZE);
    return r == 0 ? 0 : 1;
}
