/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual CPUs: the run page, running, kicking.
 *
 * Theory of operation: a kick must not be lost between the runner's last look and its entry into
 * the guest. kvm_run.immediate_exit closes that gap: the kernel looks at it after it has blocked
 * its own race, so a kick that arrives before KVM_RUN makes KVM_RUN return at once, and one that
 * arrives during it interrupts by the signal. The flag is cleared after the exit it caused has been
 * seen.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vkvm/uapi.h>
#include <vkvm/vcpu.h>

#include "vcpu.h"

static int thread_id(void)
{
    /* gettid() is a system call; initial-exec: no call to find the variable either */
    static _Thread_local __attribute__((tls_model("initial-exec"))) int id;
    if (!id)
        id = gettid();
    return id;
}

int vkvm_vcpu_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t mmap_size,
                      struct vkvm_vcpu **ret_vcpu)
{
    int r = -EINVAL;
    struct vkvm_vcpu *vcpu = NULL;
    if (mmap_size < sizeof(struct kvm_run))
        goto fail;
    r = -ENOMEM;
    vcpu = calloc(1, sizeof(*vcpu));
    if (!vcpu)
        goto fail;
    r = vkvm__handle_init(&vcpu->h, syscalls, fd);
    if (r < 0)
        goto fail;
    void *run;
    r = vcpu->h.sys.mmap(vcpu->h.sys.data, mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0,
                         &run);
    if (r < 0)
        goto fail;
    vcpu->run = run;
    vcpu->run_size = mmap_size;
    vkvm__sync_init(vcpu);
    *ret_vcpu = vcpu;
    return 0;
fail:
    free(vcpu);
    vkvm__close_fd(syscalls, fd);
    return r;
}

struct vkvm_vcpu *vkvm_vcpu_close(struct vkvm_vcpu *vcpu)
{
    if (vcpu) {
        vkvm__sync_flush(vcpu); /* somebody may hold a duplicate of the descriptor */
        vcpu->h.sys.munmap(vcpu->h.sys.data, vcpu->run, vcpu->run_size);
        vkvm__handle_fini(&vcpu->h);
        free(vcpu);
    }
    return NULL;
}

int vkvm_vcpu_get_fd(const struct vkvm_vcpu *vcpu)
{
    vkvm__sync_off((struct vkvm_vcpu *)vcpu); /* what is cached is no part of the value */
    return vcpu->h.fd;
}

struct kvm_run *vkvm_vcpu_get_run(struct vkvm_vcpu *vcpu)
{
    return vcpu->run;
}

int vkvm_vcpu_enable_cap(struct vkvm_vcpu *vcpu, uint32_t cap, const uint64_t args[4])
{
    int r = vkvm__sync_before(vcpu, KVM_ENABLE_CAP);
    return r < 0 ? r : vkvm__enable_cap(&vcpu->h, cap, args);
}

int vkvm_vcpu_ioctl(struct vkvm_vcpu *vcpu, unsigned long request, void *argument)
{
    int r = vkvm__sync_before(vcpu, request);
    return r < 0 ? r : vkvm__ioctl_raw(&vcpu->h, request, argument);
}

int vkvm_vcpu_run(struct vkvm_vcpu *vcpu, struct vkvm_exit *ret_exit)
{
    int r;
    do {
        vkvm__sync_enter(vcpu);
        /* Ordered before the kernel's look at immediate_exit: see vkvm_vcpu_kick(). */
        atomic_store(&vcpu->runner, thread_id());
        r = vkvm__call_ioctl(&vcpu->h, KVM_RUN, NULL);
        atomic_store_explicit(&vcpu->runner, 0, memory_order_release);
        vkvm__sync_leave(vcpu, r);
    } while (r == -EINVAL && vkvm__sync_refused(vcpu));
    if (__builtin_expect(r >= 0, 1))
        goto out;
    if (r == -EINTR || r == -EAGAIN) {
        __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        ret_exit->kind = VKVM_EXIT_INTR;
        ret_exit->kvm_reason = KVM_EXIT_INTR;
        return 0;
    }
    /* The one exit that comes with an error [5, KVM_EXIT_MEMORY_FAULT]. */
    if ((r != -EFAULT && r != -EHWPOISON) || vcpu->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
        return vkvm__failed(&vcpu->h, KVM_RUN, NULL, r);
out:
    vkvm_exit_decode(vcpu->run, vcpu->run_size, ret_exit);
    return 0;
}

void vkvm_vcpu_kick(struct vkvm_vcpu *vcpu)
{
    __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    int signal_number = atomic_load(&vcpu->kick_signal);
    int runner = atomic_load(&vcpu->runner);
    if (signal_number && runner)
        vcpu->h.sys.kill_thread(vcpu->h.sys.data, runner, signal_number);
}

void vkvm_vcpu_set_kick_signal(struct vkvm_vcpu *vcpu, int signal_number)
{
    atomic_store(&vcpu->kick_signal, signal_number);
}

int vkvm_vcpu_set_signal_mask(struct vkvm_vcpu *vcpu, const uint64_t *mask)
{
    struct {
        struct kvm_signal_mask head;
        uint8_t bits[8]; /* the kernel's sigset_t */
    } request = { .head.len = 8 };
    if (!mask)
        return vkvm__vcpu_ioctl_int(vcpu, KVM_SET_SIGNAL_MASK, 0);
    memcpy(request.head.sigset, mask, 8);
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &request);
}

int vkvm_vcpu_get_mp_state(struct vkvm_vcpu *vcpu, uint32_t *ret)
{
    struct kvm_mp_state state = { 0 };
    int r = vkvm__vcpu_ioctl(vcpu, KVM_GET_MP_STATE, &state);
    if (r >= 0)
        *ret = state.mp_state;
    return r;
}

int vkvm_vcpu_set_mp_state(struct vkvm_vcpu *vcpu, uint32_t state)
{
    struct kvm_mp_state mp = { .mp_state = state };
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &mp);
}

int vkvm_vcpu_set_guest_debug(struct vkvm_vcpu *vcpu, const struct kvm_guest_debug *debug)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_GUEST_DEBUG, debug);
}
