/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvkvm costs over the ioctls it makes, on one vCPU and in one process: blocks of calls, raw
 * and through the library in turn, and the median CPU time of each (which other programs on the
 * machine disturb less than the time of day).
 *
 * usage: vkvm-overhead [BLOCKS]    prints "NAME OURS RAW", nanoseconds a call
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vkvm/vkvm.h>

#define CODE      0x1000
#define RAM_SIZE  0x10000
#define CALLS     100 /* in a block */
#define MAX_BLOCK 10000

static struct vkvm_vcpu *vcpu;
static int fd; /* the same vCPU, raw */
static struct kvm_run *run;
static struct kvm_regs regs;
static struct kvm_sregs sregs;
static uint64_t sink; /* what is read is used */

static void check(int r, const char *what)
{
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(r == -ENOENT || r == -EACCES ? 77 : 1);
    }
}

/* --- what is compared; each makes one call --- */

static void raw_exit(void)
{
    int r = ioctl(fd, KVM_RUN, 0);
    if (r < 0 || run->exit_reason != KVM_EXIT_IO)
        abort();
    sink += run->io.port + ((uint8_t *)run)[run->io.data_offset];
}

static void our_exit(void)
{
    struct vkvm_exit e;
    int r = vkvm_vcpu_run(vcpu, &e);
    if (r < 0 || e.kind != VKVM_EXIT_IO_OUT)
        abort();
    sink += e.io.port + e.io.data[0];
}

static void raw_get_regs(void)
{
    sink += (uint64_t)ioctl(fd, KVM_GET_REGS, &regs) + regs.rip;
}

static void our_get_regs(void)
{
    sink += (uint64_t)vkvm_vcpu_get_regs(vcpu, &regs) + regs.rip;
}

static void raw_get_sregs(void)
{
    sink += (uint64_t)ioctl(fd, KVM_GET_SREGS, &sregs) + sregs.cr0;
}

static void our_get_sregs(void)
{
    sink += (uint64_t)vkvm_vcpu_get_sregs(vcpu, &sregs) + sregs.cr0;
}

static void raw_get_mp(void)
{
    struct kvm_mp_state mp = { 0 };
    sink += (uint64_t)ioctl(fd, KVM_GET_MP_STATE, &mp) + mp.mp_state;
}

static void our_get_mp(void)
{
    uint32_t mp = 0;
    sink += (uint64_t)vkvm_vcpu_get_mp_state(vcpu, &mp) + mp;
}

static void raw_get_events(void)
{
    struct kvm_vcpu_events events;
    sink += (uint64_t)ioctl(fd, KVM_GET_VCPU_EVENTS, &events) + events.flags;
}

static void our_get_events(void)
{
    struct kvm_vcpu_events events;
    sink += (uint64_t)vkvm_vcpu_get_events(vcpu, &events) + events.flags;
}

/* An exit whose handler changes a register: where the run page pays. */
static void raw_exit_regs(void)
{
    raw_exit();
    if (ioctl(fd, KVM_GET_REGS, &regs) < 0)
        abort();
    regs.rbx++;
    if (ioctl(fd, KVM_SET_REGS, &regs) < 0)
        abort();
}

static void our_exit_regs(void)
{
    our_exit();
    if (vkvm_vcpu_get_regs(vcpu, &regs) < 0)
        abort();
    regs.rbx++;
    if (vkvm_vcpu_set_regs(vcpu, &regs) < 0)
        abort();
}

static const struct {
    const char *name;
    void (*ours)(void), (*raw)(void);
    uint32_t sync; /* groups through the run page */
} pairs[] = {
    { "pio-exit", our_exit, raw_exit, KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS },
    { "get-regs", our_get_regs, raw_get_regs, 0 },
    { "get-sregs", our_get_sregs, raw_get_sregs, 0 },
    { "get-mp-state", our_get_mp, raw_get_mp, 0 },
    { "get-events", our_get_events, raw_get_events, 0 },
    { "pio-exit-regs", our_exit_regs, raw_exit_regs, KVM_SYNC_X86_REGS },
};

/* --- */

static void machine(void)
{
    static const uint8_t code[] = { 0xe6, 0x10, 0xeb, 0xfc }; /* out 0x10, al; jmp */
    struct vkvm *kvm;
    struct vkvm_vm *vm;
    struct vkvm_cpuid *cpuid;
    uint32_t slot;
    check(vkvm_open(&kvm), "/dev/kvm");
    check(vkvm_create_vm(kvm, 0, &vm), "KVM_CREATE_VM");
    check(vkvm_vm_set_tss_addr(vm, 0xfffbd000), "KVM_SET_TSS_ADDR");
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(ram + CODE, code, sizeof(code));
    check(vkvm_vm_add_memory(vm, 0, RAM_SIZE, ram, 0, &slot), "KVM_SET_USER_MEMORY_REGION");
    check(vkvm_vm_create_vcpu(vm, 0, &vcpu), "KVM_CREATE_VCPU");
    check(vkvm_get_supported_cpuid(kvm, &cpuid), "KVM_GET_SUPPORTED_CPUID");
    check(vkvm_vcpu_set_cpuid(vcpu, cpuid), "KVM_SET_CPUID2");
    vkvm_cpuid_free(cpuid);
    check(vkvm_vcpu_get_sregs(vcpu, &sregs), "KVM_GET_SREGS");
    sregs.cs.base = sregs.cs.selector = 0;
    check(vkvm_vcpu_set_sregs(vcpu, &sregs), "KVM_SET_SREGS");
    regs = (struct kvm_regs){ .rip = CODE, .rflags = 2 };
    check(vkvm_vcpu_set_regs(vcpu, &regs), "KVM_SET_REGS");
    fd = vkvm_vcpu_get_fd(vcpu);
    run = vkvm_vcpu_get_run(vcpu);
}

static double block(void (*call)(void))
{
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (int i = 0; i < CALLS; i++)
        call();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / CALLS;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    static double ours[MAX_BLOCK], raw[MAX_BLOCK];
    int blocks = argc > 1 ? atoi(argv[1]) : 1000;
    if (blocks < 1 || blocks > MAX_BLOCK) {
        fprintf(stderr, "usage: vkvm-overhead [BLOCKS]\n");
        return 2;
    }
    machine();
    for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++) {
        for (int i = -2; i < blocks; i++) { /* two to warm up */
            int at = i < 0 ? 0 : i;
            /* the raw calls go around the library: it must not keep anything across a block */
            vkvm_vcpu_set_sync(vcpu, pairs[p].sync);
            ours[at] = block(pairs[p].ours);
            vkvm_vcpu_set_sync(vcpu, 0);
            raw[at] = block(pairs[p].raw);
        }
        printf("%s %.1f %.1f\n", pairs[p].name, median(ours, blocks), median(raw, blocks));
    }
    return 0;
}
