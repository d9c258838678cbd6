/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * On the real KVM: registers through the run page. compare_with_plain_ioctls runs two guests
 * through the same random calls, one with registers in the run page and one without: nothing they
 * show may differ.
 */
#include <unistd.h>

#include "x86-kvm.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

/* inc ax; out 0x10, al; in al, 0x11; add bx, ax; mov [0x600], bx; mov cl, [0x600]; hlt; jmp */
static const uint8_t busy[] = { 0x40, 0xe6, 0x10, 0xe4, 0x11, 0x01, 0xc3, 0x89, 0x1e,
                                0x00, 0x06, 0x8a, 0x0e, 0x00, 0x06, 0xf4, 0xeb, 0xee };

/* What one call shows. */
struct view {
    int result;
    uint32_t kind;
    union {
        struct kvm_regs regs;
        struct kvm_sregs sregs;
        struct kvm_vcpu_events events;
        uint64_t value;
    };
};

static void one_call(struct machine *m, uint32_t call, uint32_t number, struct view *v)
{
    struct vkvm_exit e = { 0 };
    struct kvm_guest_debug debug = { 0 };
    struct vkvm_msrs *msrs;
    size_t count;
    uint32_t mp = 0;
    memset(v, 0, sizeof(*v));
    switch (call) {
    case 0: v->result = vkvm_vcpu_get_regs(m->vcpu, &v->regs); break;
    case 1:
        v->result = vkvm_vcpu_get_regs(m->vcpu, &v->regs);
        v->regs.rdx = number;
        v->regs.rflags ^= 1;
        v->result += vkvm_vcpu_set_regs(m->vcpu, &v->regs);
        break;
    case 2: v->result = vkvm_vcpu_get_sregs(m->vcpu, &v->sregs); break;
    case 3:
        v->result = vkvm_vcpu_get_sregs(m->vcpu, &v->sregs);
        v->sregs.gs.base = number & 3;
        v->sregs.efer |= number % 5 == 0 ? 1ull << 60 : 0; /* refused */
        v->result += vkvm_vcpu_set_sregs(m->vcpu, &v->sregs);
        break;
    case 4: v->result = vkvm_vcpu_get_events(m->vcpu, &v->events); break;
    case 5: v->result = vkvm_vcpu_translate(m->vcpu, CODE, &v->value); break;
    case 6:
        vkvm_msrs_new(1, &msrs);
        vkvm_msrs_add(msrs, 0xc0000100, number & 7); /* FS base */
        v->result = vkvm_vcpu_set_msrs(m->vcpu, msrs);
        v->value = vkvm_msrs_entries(msrs, &count)->data;
        vkvm_msrs_free(msrs);
        break;
    case 7:
        debug.control = number & 1 ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0;
        v->result = vkvm_vcpu_set_guest_debug(m->vcpu, &debug);
        break;
    case 8:
        v->result = vkvm_vcpu_get_mp_state(m->vcpu, &mp);
        v->value = mp;
        break;
    default:
        if (call == 9)
            vkvm_vcpu_kick(m->vcpu);
        v->result = vkvm_vcpu_run(m->vcpu, &e);
        v->kind = e.kind;
        if (e.kind == VKVM_EXIT_IO_IN)
            *e.io.data = (uint8_t)number;
        if (e.kind == VKVM_EXIT_IO_OUT)
            v->value = *e.io.data;
        break;
    }
}

void compare_with_plain_ioctls(void)
{
    int differences = 0;
    for (uint64_t seed = 1; seed <= 20 && !differences; seed++) {
        struct machine a, b;
        machine_new(&a, NO_CHIPS, busy, sizeof(busy));
        machine_new(&b, NO_CHIPS, busy, sizeof(busy));
        CHECK_EQ(vkvm_vcpu_set_sync(b.vcpu, 0), 0);
        random_state = seed;
        for (int n = 0; n < 300 && !differences; n++) {
            uint32_t call = random_below(16), number = random_below(1000);
            struct view x, y;
            one_call(&a, call, number, &x);
            one_call(&b, call, number, &y);
            if (memcmp(&x, &y, sizeof(x))) {
                printf("seed %d, call %d: %u shows another thing\n", (int)seed, n, call);
                differences++;
            }
        }
        CHECK(!memcmp(a.ram, b.ram, RAM_SIZE));
        machine_fini(&a);
        machine_fini(&b);
    }
    CHECK_EQ(differences, 0);
}

static int counted;

static int counting_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    const struct vkvm_syscalls *real = vkvm_syscalls_real();
    counted += request != KVM_RUN;
    return real->ioctl(real->data, fd, request, argument);
}

void registers_without_ioctls(void)
{
    struct vkvm_syscalls sys = *vkvm_syscalls_real();
    struct vkvm_exit e;
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct machine m;
    int size = vkvm_get_vcpu_mmap_size(kvm);
    if (lacks(NULL, KVM_CAP_SYNC_REGS))
        return;
    machine_new(&m, NO_CHIPS, busy, sizeof(busy));
    /* the same vCPU through a handle that counts */
    struct vkvm_vcpu *plain = m.vcpu;
    sys.ioctl = counting_ioctl;
    CHECK_EQ(vkvm_vcpu_from_fd(&sys, dup(vkvm_vcpu_get_fd(plain)), (size_t)size, &m.vcpu), 0);
    for (int i = 0; i < 50; i++) {
        if (i == 2)
            counted = 0;
        CHECK_EQ(vkvm_vcpu_run(m.vcpu, &e), 0);
        CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
        CHECK_EQ(vkvm_vcpu_get_sregs(m.vcpu, &sregs), 0);
        regs.rsi = (uint64_t)i;
        CHECK_EQ(vkvm_vcpu_set_regs(m.vcpu, &regs), 0);
        CHECK_EQ(vkvm_vcpu_set_sregs(m.vcpu, &sregs), 0);
    }
    CHECK_EQ(counted, 0);
    /* closing hands the last one over: the other handle sees it */
    vkvm_vcpu_close(m.vcpu);
    m.vcpu = plain;
    CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
    CHECK_EQ(regs.rsi, 49);
    machine_fini(&m);
}
