/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measuring guest.
 *
 * Theory of operation: two loops in flat 32-bit protected mode at privilege level 0, paging off.
 * One counts ECX down (DEC, JNZ), the other writes to a port each time; both end in HLT, which
 * leaves KVM_RUN since the VM has no interrupt controller. A processor runs thousands of millions
 * of such instructions a second, an interpreter some; SLOW_MIPS lies far from both, so that a busy
 * host does not matter. A short loop decides, and only a fast one is repeated at a length where
 * time can be measured.
 *
 * An interval timer interrupts KVM_RUN now and then, so that a guest that never halts is noticed.
 */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define RAM_SIZE   0x3000
#define COUNT_LOOP 0x1000
#define PORT_LOOP  0x2000
#define PORT       0x10
#define SLOW_MIPS  20
#define LIMIT_NS   2000000000ull

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void on_alarm(int number)
{
    (void)number; /* ending KVM_RUN with EINTR is all it is for */
}

static int prepare(struct vkvm_vcpu *vcpu, uint32_t rip, uint32_t iterations)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = rip, .rcx = iterations, .rdx = PORT, .rflags = 2 };
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    sregs.ds = (struct kvm_segment){
        .limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1
    };
    sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.cs = sregs.ds;
    sregs.cs.selector = 8;
    sregs.cs.type = 11;
    sregs.cr0 |= 1;
    r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    return r < 0 ? r : vkvm_vcpu_set_regs(vcpu, &regs);
}

/* Until HLT. Nanoseconds, or 0 with `failure` set. */
static uint64_t run_loop(struct vkvm_vcpu *vcpu, uint32_t rip, uint32_t iterations,
                         struct probe *probe)
{
    struct vkvm_exit e;
    struct kvm_regs regs;
    int r = prepare(vcpu, rip, iterations);
    uint64_t start = now_ns(), ns = 0;
    while (r >= 0) {
        r = vkvm_vcpu_run(vcpu, &e);
        ns = now_ns() - start;
        if (r < 0 || (e.kind != VKVM_EXIT_INTR && e.kind != VKVM_EXIT_IO_OUT))
            break;
        if (ns > LIMIT_NS) {
            snprintf(probe->failure, sizeof(probe->failure),
                     "%u turns of a loop did not end within %u s", iterations,
                     (unsigned)(LIMIT_NS / 1000000000u));
            return 0;
        }
    }
    if (r < 0)
        snprintf(probe->failure, sizeof(probe->failure), "%s", strerror(-r));
    else if (e.kind != VKVM_EXIT_HLT)
        snprintf(probe->failure, sizeof(probe->failure), "the guest ended with exit \"%s\"",
                 vkvm_exit_name(e.kind));
    else if (vkvm_vcpu_get_regs(vcpu, &regs) < 0 || regs.rcx != 0)
        snprintf(probe->failure, sizeof(probe->failure), "the guest did not count to the end");
    else
        return ns ? ns : 1;
    return 0;
}

uint32_t probe_classify(uint64_t instructions, uint64_t ns)
{
    return instructions * 1000 < SLOW_MIPS * (ns ? ns : 1) ? PROBE_EMULATED : PROBE_HARDWARE;
}

static void measure(struct vkvm_vcpu *vcpu, struct probe *ret)
{
    uint32_t turns = 500, exits = 64;
    uint64_t ns = run_loop(vcpu, COUNT_LOOP, 10, ret); /* page faults, the first entry */
    if (ns)
        ns = run_loop(vcpu, COUNT_LOOP, turns, ret);
    if (!ns)
        return;
    ret->mode = probe_classify(2ull * turns, ns);
    if (ret->mode == PROBE_HARDWARE) {
        turns = 1000000;
        exits = 1000;
        ns = run_loop(vcpu, COUNT_LOOP, turns, ret);
        ret->mode = ns ? probe_classify(2ull * turns, ns) : PROBE_FAILED;
        if (!ns)
            return;
    }
    ret->mips = 2000.0 * turns / (double)ns;
    ns = run_loop(vcpu, PORT_LOOP, exits, ret);
    ret->exit_ns = (uint32_t)(ns / exits);
    ret->failure[0] = '\0'; /* exits that cannot be measured are no failure of the mode */
}

int probe_run(struct vkvm_vm *vm, struct vkvm_vcpu *vcpu, struct probe *ret)
{
    static const uint8_t count[] = { 0x49, 0x75, 0xfd, 0xf4 };      /* dec ecx; jnz -3; hlt */
    static const uint8_t port[] = { 0xee, 0x49, 0x75, 0xfc, 0xf4 }; /* out dx, al; then the same */
    const struct itimerval period = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
    struct sigaction action = { .sa_handler = on_alarm }, saved;
    uint32_t slot;
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        return -ENOMEM;
    memcpy(ram + COUNT_LOOP, count, sizeof(count));
    memcpy(ram + PORT_LOOP, port, sizeof(port));
    int r = vkvm_vm_add_memory(vm, 0, RAM_SIZE, ram, 0, &slot);
    if (r >= 0) {
        sigaction(SIGALRM, &action, &saved);
        setitimer(ITIMER_REAL, &period, NULL);
        measure(vcpu, ret);
        setitimer(ITIMER_REAL, &off, NULL);
        sigaction(SIGALRM, &saved, NULL);
        ret->known = true;
        vkvm_vm_remove_memory(vm, slot);
    }
    munmap(ram, RAM_SIZE);
    return r;
}

const char *probe_mode_name(uint32_t mode)
{
    static const char *const names[] = { "failed", "emulated", "hardware" };
    return mode <= PROBE_HARDWARE ? names[mode] : "?";
}
