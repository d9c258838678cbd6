/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM handle: memory, and a port whose writes signal a descriptor instead of leaving the guest.
 *
 *     gcc example-vm.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^2 writes to the port, 0 exits for them$
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vkvm/vkvm.h>

#define RAM_SIZE 0x2000
#define ENTRY 0x1000

/* 16-bit code: mov dx, 0x20; out dx, al; out dx, al; hlt */
static const uint8_t code[] = { 0xba, 0x20, 0x00, 0xee, 0xee, 0xf4 };

static int run(struct vkvm_vcpu *vcpu, int *ret_exits)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
    struct vkvm_exit exit;
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    sregs.cs.base = sregs.cs.selector = 0; /* real mode, segment 0 */
    r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    if (r >= 0)
        r = vkvm_vcpu_set_regs(vcpu, &regs);
    while (r >= 0) {
        r = vkvm_vcpu_run(vcpu, &exit);
        if (r >= 0 && exit.kind == VKVM_EXIT_HLT)
            break;
        *ret_exits += exit.kind == VKVM_EXIT_IO_OUT;
    }
    return r;
}

int main(void)
{
    const struct vkvm_ioeventfd port = { .address = 0x20, .length = 1, .pio = 1 };
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    uint32_t slot;
    uint64_t writes = 0;
    int exits = 0, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED || fd < 0)
        return 1;
    memcpy(ram + ENTRY, code, sizeof(code));

    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_add_memory(vm, 0, RAM_SIZE, ram, 0, &slot);
    if (r >= 0)
        r = vkvm_vm_add_ioeventfd(vm, &port, fd);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0)
        r = run(vcpu, &exits);
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));
    else if (read(fd, &writes, sizeof(writes)) == sizeof(writes))
        printf("%d writes to the port, %d exits for them\n", (int)writes, exits);

    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    munmap(ram, RAM_SIZE);
    close(fd);
    return r == 0 ? 0 : 1;
}
