/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: the bare ioctls that run a guest which writes a port, with the memory and the vCPU
 * set-up a VMM needs. What vemu's start on KVM is compared with.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(x) do { if ((x) < 0) _exit(2); } while (0)

int main(void)
{
    static const uint8_t code[] = { 0xba, 0xf4, 0x00, 0xb0, 0x03, 0xee, 0xf4 };
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[256];
    } cpuid = { .head.nent = 256 };
    size_t size = 128u << 20;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu;
    CHECK(kvm);
    CHECK(vm = ioctl(kvm, KVM_CREATE_VM, 0));
    CHECK(ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul));
    struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
    CHECK(ioctl(vm, KVM_ENABLE_CAP, &split));
    uint8_t *ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memcpy(ram + 0x1000, code, sizeof(code));
    struct kvm_userspace_memory_region region = { .memory_size = size,
                                                  .userspace_addr = (uintptr_t)ram };
    CHECK(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
    CHECK(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0));
    CHECK(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid));
    CHECK(ioctl(vcpu, KVM_SET_CPUID2, &cpuid));
    int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    CHECK(run_size);
    struct kvm_run *run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_sregs sregs;
    CHECK(ioctl(vcpu, KVM_GET_SREGS, &sregs));
    sregs.cs.base = sregs.cs.selector = 0;
    CHECK(ioctl(vcpu, KVM_SET_SREGS, &sregs));
    struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
    CHECK(ioctl(vcpu, KVM_SET_REGS, &regs));
    for (;;) {
        CHECK(ioctl(vcpu, KVM_RUN, 0));
        if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0xf4)
            return 7;
    }
}
