/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The KVM accelerator: virtual machines, slots, interrupts, vCPU creation, and the table of
 * operations.
 *
 * On PVM hosts (reference: a KVM that interprets kernel mode) two things differ: KVM patches VMCALL
 * into the guest for ever unless the FIX_HYPERCALL_INSN quirk is off, and PV features that use
 * hypercalls are hidden (cpuid.c). Ordinary VT-x and SVM hosts are not affected.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/kvm/assist.h"
#include "accel/kvm/session.h"
#include "core/error.h"

#define TSS_ADDRESS          0xfffbd000u /* three pages below the firmware, for VT-x real mode */
#define IDENTITY_MAP_ADDRESS 0xfffbc000u /* one page in front of them */
#define QUIRK_FIX_HYPERCALL (1u << 5)    /* KVM_X86_QUIRK_FIX_HYPERCALL_INSN */

static void vm_free(struct kvm_vm *vm)
{
    kvm__assist_fini(vm);
    vkvm_routing_free(vm->routing);
    vkvm_vm_close(vm->vm);
    vkvm_close(vm->sys);
    kvm__session_free(vm->session);
    pthread_mutex_destroy(&vm->routing_lock);
    free(vm->msr_list);
    free(vm->eoi_routes);
    free(vm->vcpus);
    munmap(vm, sizeof(*vm));
}

static int vm_setup(struct kvm_vm *vm, struct vemu_error **err)
{
    char missing[200];
    int r = kvm__session_new(&vm->config, &vm->session, err);
    if (r < 0)
        return r;
    r = vkvm_open_with(kvm__session_syscalls(vm->session), NULL, &vm->sys);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot open /dev/kvm: %s", strerror(-r));
    r = kvm__check_caps(vm->sys, missing, sizeof(missing));
    if (r != 0)
        return vemu__error_set(err, r < 0 ? -r : ENOTSUP, "%s",
                               r < 0 ? "cannot ask KVM for its capabilities" : missing);
    r = vkvm_create_vm(vm->sys, 0, &vm->vm);
    if (r < 0)
        return vemu__error_set(err, -r, "KVM_CREATE_VM: %s", strerror(-r));
    r = vkvm_vm_set_identity_map_addr(vm->vm, IDENTITY_MAP_ADDRESS);
    if (r >= 0)
        r = vkvm_vm_set_tss_addr(vm->vm, TSS_ADDRESS);
    if (r < 0)
        return vemu__error_set(err, -r, "KVM_SET_TSS_ADDR: %s", strerror(-r));
    r = vkvm_vm_enable_split_irqchip(vm->vm, vm->config.ioapic_pins);
    if (r < 0)
        return vemu__error_set(err, -r, "KVM_CAP_SPLIT_IRQCHIP: %s", strerror(-r));
    vm->pvm = kvm__session_host_is_pvm(vm->session);
    vm->assist.eager = vm->pvm && !vm->session; /* guest memory is not in a recording */
    if (vm->pvm) {
        const uint64_t quirks[4] = { QUIRK_FIX_HYPERCALL };
        vkvm_vm_enable_cap(vm->vm, KVM_CAP_DISABLE_QUIRKS2, quirks); /* as far as it goes */
    }
    if (vkvm_check_cap(vm->sys, KVM_CAP_EXIT_ON_EMULATION_FAILURE) > 0) {
        const uint64_t on[4] = { 1 }; /* also in user mode, instead of #UD: see assist.c */
        vkvm_vm_enable_cap(vm->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, on);
    }
    r = vkvm_get_msr_index_list(vm->sys, &vm->msr_list, &vm->msr_count);
    if (r < 0)
        return vemu__error_set(err, -r, "KVM_GET_MSR_INDEX_LIST: %s", strerror(-r));
    r = vkvm_routing_new(&vm->routing);
    vm->vcpus = calloc(vm->config.vcpus, sizeof(*vm->vcpus));
    vm->eoi_routes = calloc(vm->config.ioapic_pins, sizeof(*vm->eoi_routes));
    if (r < 0 || !vm->vcpus || !vm->eoi_routes)
        return vemu__error_set(err, ENOMEM, "out of memory");
    for (uint32_t i = 0; i < vm->config.ioapic_pins; i++)
        vm->eoi_routes[i].masked = true;
    return 0;
}

static int kvm_vm_create(const struct vemu_accel_config *config, struct vemu_accel_vm **ret_vm,
                         struct vemu_error **err)
{
    /* Pages that nobody touches cost nothing: most slots are never used. */
    struct kvm_vm *vm = mmap(NULL, sizeof(*vm), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vm == MAP_FAILED)
        return vemu__error_set(err, ENOMEM, "out of memory");
    vm->config = *config;
    pthread_mutex_init(&vm->routing_lock, NULL);
    kvm__assist_init(vm);
    int r = vm_setup(vm, err);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    *ret_vm = (struct vemu_accel_vm *)vm;
    return 0;
}

static void kvm_vm_destroy(struct vemu_accel_vm *opaque)
{
    if (opaque)
        vm_free((struct kvm_vm *)opaque);
}

/* --- interrupts ------------------------------------------------------------------------------- */

#define MSI_MODE     0x700u /* Intel SDM Vol. 3, 11.11.2 */
#define MSI_MODE_NMI 0x400u

static int kvm_signal_msi(struct vemu_accel_vm *opaque, uint64_t address, uint32_t data)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    int r = vkvm_vm_signal_msi(vm->vm, address, data);
    kvm__assist_notify(vm, (data & MSI_MODE) == MSI_MODE_NMI);
    return r;
}

/*
 * Only the kernel's list of EOIs to report is made from the routes; delivery goes by
 * KVM_SIGNAL_MSI. So only level-triggered entries matter, and the kernel is asked only when those
 * change: each time costs a grace period.
 */
static int kvm_set_ioapic_routes(struct vemu_accel_vm *opaque, const struct vemu_msi_route *routes,
                                 uint32_t count)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    int r = 0;
    if (count > vm->config.ioapic_pins)
        return -EINVAL;
    pthread_mutex_lock(&vm->routing_lock);
    bool changed = vm->eoi_routes_stale;
    vkvm_routing_clear(vm->routing);
    for (uint32_t i = 0; r >= 0 && i < count; i++) {
        struct vemu_msi_route none = { .masked = true };
        const bool matters = routes[i].level && !routes[i].masked;
        const struct vemu_msi_route *new = matters ? &routes[i] : &none;
        struct vemu_msi_route *old = &vm->eoi_routes[i];
        if (old->masked != new->masked || old->address != new->address || old->data != new->data)
            changed = true;
        *old = *new;
        if (!new->masked)
            r = vkvm_routing_add_msi(vm->routing, i, new->address, new->data);
    }
    if (r >= 0 && changed)
        r = vkvm_vm_set_routing(vm->vm, vm->routing);
    vm->eoi_routes_stale = r < 0;
    pthread_mutex_unlock(&vm->routing_lock);
    return r < 0 ? r : 0;
}

static void kvm_set_extint(struct vemu_accel_vm *opaque, bool level)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    bool old = atomic_exchange(&vm->extint, level);
    struct kvm_vcpu *boot = __atomic_load_n(&vm->vcpus[0], __ATOMIC_ACQUIRE);
    if (level && !old && boot) {
        vkvm_vcpu_kick(boot->vcpu); /* not kvm__vcpu_kick: vcpu_run() goes on */
        kvm__assist_notify(vm, false);
    }
}

static int kvm_inject_nmi(struct vemu_accel_vcpu *opaque)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    vcpu->untouched = 0;
    int r = vkvm_vcpu_nmi(vcpu->vcpu);
    kvm__assist_notify(vcpu->vm, true);
    return r;
}

static int kvm_ioeventfd(struct vemu_accel_vm *opaque, bool add, bool pio, uint64_t address,
                         unsigned size, bool use_match, uint64_t match, int fd)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    struct vkvm_ioeventfd io = {
        .address = address, .length = size, .pio = pio, .match = use_match, .value = match,
    };
    const struct kvm_assist_event event = {
        .pio = pio, .use_match = use_match, .address = address, .match = match, .size = size,
        .fd = fd,
    };
    int r =
        add ? vkvm_vm_add_ioeventfd(vm->vm, &io, fd) : vkvm_vm_remove_ioeventfd(vm->vm, &io, fd);
    return r < 0 ? r : kvm__assist_ioeventfd(vm, add, &event);
}

/* --- vCPUs ------------------------------------------------------------------------------------ */

/* The kick signal: blocked in this thread, unblocked inside KVM_RUN. */
static int vcpu_setup_signal(struct vkvm_vcpu *vcpu)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, kvm__kick_signal());
    int r = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (r)
        return -r;
    uint64_t mask = 0; /* inside: everything that is blocked outside, but the kick */
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    for (int number = 1; number <= 64; number++)
        if (sigismember(&set, number) == 1 && number != kvm__kick_signal())
            mask |= 1ull << (number - 1);
    r = vkvm_vcpu_set_signal_mask(vcpu, &mask);
    vkvm_vcpu_set_kick_signal(vcpu, kvm__kick_signal());
    return r;
}

static void kvm_vcpu_destroy(struct vemu_accel_vcpu *opaque)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    if (!vcpu)
        return;
    if (vcpu->vm->vcpus[vcpu->id] == vcpu)
        __atomic_store_n(&vcpu->vm->vcpus[vcpu->id], NULL, __ATOMIC_RELEASE);
    kvm__assist_vcpu_fini(vcpu);
    kvm__debug_fini(vcpu);
    vkvm_vcpu_close(vcpu->vcpu);
    free(vcpu->power_on);
    free(vcpu);
}

static int kvm_vcpu_create(struct vemu_accel_vm *opaque, uint32_t id,
                           struct vemu_accel_vcpu **ret_vcpu, struct vemu_error **err)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    if (id >= vm->config.vcpus)
        return vemu__error_set(err, EINVAL, "vCPU %u: the machine has %u", id, vm->config.vcpus);
    struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));
    if (!vcpu)
        return vemu__error_set(err, ENOMEM, "out of memory");
    vcpu->vm = vm;
    vcpu->id = id;
    int r = vkvm_vm_create_vcpu(vm->vm, id, &vcpu->vcpu);
    if (r >= 0)
        r = vcpu_setup_signal(vcpu->vcpu);
    if (r < 0) {
        if (vcpu->vcpu)
            vkvm_vcpu_close(vcpu->vcpu);
        free(vcpu);
        return vemu__error_set(err, -r, "KVM_CREATE_VCPU %u: %s", id, strerror(-r));
    }
    __atomic_store_n(&vm->vcpus[id], vcpu, __ATOMIC_RELEASE);
    *ret_vcpu = (struct vemu_accel_vcpu *)vcpu;
    return 0;
}

/*
 * The state after creation is kept on the first reset, which comes before the first run, and put
 * back on each later one. What the first run will need is made here, too, while the board may still
 * be under construction; it makes do without.
 */
static int kvm_vcpu_reset(struct vemu_accel_vcpu *opaque)
{
    struct kvm_vcpu *vcpu = (struct kvm_vcpu *)opaque;
    const uint32_t groups = VEMU_STATE_ALL & ~VEMU_STATE_TSC;
    if (vcpu->vm->assist.eager && !vcpu->assist)
        kvm__assist_ensure(vcpu);
    kvm__assist_reset(vcpu);
    if (vcpu->power_on) {
        int done = kvm__hyperv_reset(vcpu);
        return done < 0 ? done : kvm__set_state(opaque, groups, vcpu->power_on);
    }
    vcpu->power_on = calloc(1, sizeof(*vcpu->power_on));
    if (!vcpu->power_on)
        return -ENOMEM;
    int r = kvm__get_state(opaque, groups, vcpu->power_on);
    if (r < 0) {
        free(vcpu->power_on);
        vcpu->power_on = NULL;
    } else if (vcpu->id == 0) {
        vcpu->untouched = KVM__UNTOUCHED;
    }
    return r;
}

static int kvm_translate(struct vemu_accel_vcpu *opaque, uint64_t gva, uint64_t *ret_gpa)
{
    return vkvm_vcpu_translate(((struct kvm_vcpu *)opaque)->vcpu, gva, ret_gpa);
}

/* --- time, statistics ------------------------------------------------------------------------- */

static void kvm_vm_paused(struct vemu_accel_vm *opaque, bool paused)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    if (paused) {
        vm->clock_valid = vkvm_vm_get_clock(vm->vm, &vm->clock) >= 0;
    } else if (vm->clock_valid) {
        struct kvm_clock_data clock = { .clock = vm->clock.clock };
        vkvm_vm_set_clock(vm->vm, &clock);
        vm->clock_valid = false;
    }
}

static void kvm_stats(struct vemu_accel_vm *opaque, struct vemu_accel_stats *ret)
{
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    *ret = (struct vemu_accel_stats){
        .exits_io = atomic_load(&vm->exits_io),
        .exits_mmio = atomic_load(&vm->exits_mmio),
        .exits_intr = atomic_load(&vm->exits_intr),
        .exits_other = atomic_load(&vm->exits_other),
    };
    kvm__assist_stats(vm, ret);
}

const struct vemu_accel_ops vemu__accel_kvm = {
    .name = "kvm",
    .probe = kvm__probe,
    .vm_create = kvm_vm_create,
    .vm_destroy = kvm_vm_destroy,
    .mem_slot = kvm__mem_slot,
    .dirty_get = kvm__dirty_get,
    .ram_written = kvm__assist_ram_written,
    .signal_msi = kvm_signal_msi,
    .set_ioapic_routes = kvm_set_ioapic_routes,
    .set_extint = kvm_set_extint,
    .inject_nmi = kvm_inject_nmi,
    .ioeventfd = kvm_ioeventfd,
    .supported_cpuid = kvm__supported_cpuid,
    .supported_hyperv = kvm__supported_hyperv,
    .vcpu_create = kvm_vcpu_create,
    .vcpu_destroy = kvm_vcpu_destroy,
    .set_cpuid = kvm__set_cpuid,
    .get_cpuid = kvm__get_cpuid,
    .vcpu_run = kvm__vcpu_run,
    .vcpu_kick = kvm__vcpu_kick,
    .get_state = kvm__get_state,
    .set_state = kvm__set_state,
    .vcpu_reset = kvm_vcpu_reset,
    .translate = kvm_translate,
    .set_debug = kvm__set_debug,
    .debug_int3 = kvm__debug_int3,
    .vm_paused = kvm_vm_paused,
    .stats = kvm_stats,
    .assist_names = kvm__assist_names,
};
