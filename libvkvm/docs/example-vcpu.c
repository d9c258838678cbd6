/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vCPU handle: a guest that never ends is kicked from another thread, and sent elsewhere.
 *
 *     gcc -pthread example-vcpu.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^kicked at 0x1000, then halted at 0x1003$
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vkvm/vkvm.h>

#define RAM_SIZE 0x2000
#define ENTRY 0x1000

/* 16-bit code: jmp $; hlt */
static const uint8_t code[] = { 0xeb, 0xfe, 0xf4 };

static void on_signal(int number)
{
    (void)number; /* a handler must exist; KVM_RUN ends because the signal came */
}

static void *kick(void *vcpu)
{
    usleep(20000);
    vkvm_vcpu_kick(vcpu); /* the only vCPU call for other threads */
    return NULL;
}

static int run(struct vkvm_vcpu *vcpu)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
    struct vkvm_exit exit = { 0 };
    pthread_t kicker;
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    sregs.cs.base = sregs.cs.selector = 0; /* real mode, segment 0 */
    r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    if (r >= 0)
        r = vkvm_vcpu_set_regs(vcpu, &regs);
    if (r < 0 || pthread_create(&kicker, NULL, kick, vcpu))
        return r < 0 ? r : -1;
    r = vkvm_vcpu_run(vcpu, &exit); /* VKVM_EXIT_INTR: the kick */
    pthread_join(kicker, NULL);
    if (r >= 0)
        r = vkvm_vcpu_get_regs(vcpu, &regs);
    if (r < 0 || exit.kind != VKVM_EXIT_INTR)
        return r < 0 ? r : -1;
    printf("kicked at %#llx, ", regs.rip);
    regs.rip = ENTRY + 2;
    r = vkvm_vcpu_set_regs(vcpu, &regs);
    if (r >= 0)
        r = vkvm_vcpu_run(vcpu, &exit);
    if (r >= 0 && exit.kind == VKVM_EXIT_HLT)
        r = vkvm_vcpu_get_regs(vcpu, &regs);
    printf("then halted at %#llx\n", regs.rip);
    return r;
}

int main(void)
{
    const struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART */
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    uint32_t slot;
    uint8_t *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED || sigaction(SIGUSR1, &action, NULL))
        return 1;
    memcpy(ram + ENTRY, code, sizeof(code));
    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_add_memory(vm, 0, RAM_SIZE, ram, 0, &slot);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0) {
        vkvm_vcpu_set_kick_signal(vcpu, SIGUSR1);
        r = run(vcpu);
    }
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    munmap(ram, RAM_SIZE);
    return r == 0 ? 0 : 1;
}
