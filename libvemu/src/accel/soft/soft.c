/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The accelerator interface of the software CPU (accel.h).
 *
 * A destroyed vCPU leaves its memory, switched off, in vm->cpus[] until the VM goes: other threads
 * deliver interrupts to it without a lock. Creating the same id again takes it up.
 *
 * Changes of memory slots stop all vCPUs at a trace edge. They may come from a device callback,
 * that is from the middle of an instruction of one vCPU; caller() finds out.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"
#include "core/error.h"

struct vemu_accel_vcpu {
    struct sc_cpu cpu;
    pthread_t thread;
    bool live;            /* created and not destroyed; changes under vm->lock */
    _Atomic bool running; /* inside vcpu_run() */
};

struct vemu_accel_vm {
    struct sc_vm vm;
    pthread_mutex_t lock; /* creating and destroying vCPUs */
};

#define VCPUS_MAX 1024u

static struct vemu_accel_vcpu *vcpu_of(struct sc_cpu *c)
{
    return (struct vemu_accel_vcpu *)((char *)c - offsetof(struct vemu_accel_vcpu, cpu));
}

/* The vCPU on whose thread, inside vcpu_run(), this is called; NULL on any other thread. */
static struct sc_cpu *caller(struct sc_vm *vm)
{
    for (uint32_t n = 0; n < vm->config.vcpus; n++) {
        struct sc_cpu *c = __atomic_load_n(&vm->cpus[n], __ATOMIC_ACQUIRE);

        if (c && atomic_load(&vcpu_of(c)->running) &&
            pthread_equal(vcpu_of(c)->thread, pthread_self()))
            return c;
    }
    return NULL;
}

/* --- the VM ----------------------------------------------------------------------------------- */

static void soft_probe(struct vemu_accel_probe *ret, bool measure)
{
    *ret = (struct vemu_accel_probe){
        .usable = true,
        .reason = "the software CPU runs on every x86-64 host",
    };
}

/* A mapping of its own each: pages of it that nobody touches cost nothing. */
static void *map_zeroes(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void unmap(void *p, size_t size)
{
    if (p)
        munmap(p, size);
}

static void soft_vm_destroy(struct vemu_accel_vm *avm)
{
    struct sc_vm *vm;

    if (!avm)
        return;
    vm = &avm->vm;
    sc_time_fini(vm); /* its thread touches vCPUs */
    for (uint32_t n = 0; vm->cpus && n < vm->config.vcpus; n++) {
        if (!vm->cpus[n])
            continue;
        sc_traces_fini(vm->cpus[n]);
        sc_debug_clear(vm->cpus[n]);
        sc_lapic_fini(vm->cpus[n]);
        unmap(vcpu_of(vm->cpus[n]), sizeof(struct vemu_accel_vcpu));
    }
    free(vm->cpus);
    for (uint32_t n = 0; n < vm->slot_count; n++)
        unmap(vm->slots[n].pages, vm->slots[n].size >> SC_PAGE_BITS);
    sc_bus_fini(vm);
    sc_sync_fini(vm);
    pthread_rwlock_destroy(&vm->slot_lock);
    pthread_mutex_destroy(&avm->lock);
    unmap(avm, sizeof(*avm));
}

static int soft_vm_create(const struct vemu_accel_config *config, struct vemu_accel_vm **ret_vm,
                          struct vemu_error **err)
{
    struct vemu_accel_vm *avm;
    int r;

    if (!config->vcpus || config->vcpus > VCPUS_MAX)
        return vemu__error_set(err, EINVAL, "accelerator soft: %u vCPUs are not possible (1 to %u)",
                               config->vcpus, VCPUS_MAX);
    if (config->phys_bits && (config->phys_bits < 32 || config->phys_bits > 52))
        return vemu__error_set(err, EINVAL,
                               "accelerator soft: %llu physical address bits (32 to 52)",
                               (unsigned long long)config->phys_bits);
    avm = map_zeroes(sizeof(*avm)); /* most slots are never used */
    if (!avm)
        return vemu__error_set(err, ENOMEM, "accelerator soft: out of memory");
    avm->vm.config = *config;
    pthread_mutex_init(&avm->lock, NULL);
    pthread_rwlock_init(&avm->vm.slot_lock, NULL);
    avm->vm.cpus = calloc(config->vcpus, sizeof(avm->vm.cpus[0]));
    r = avm->vm.cpus ? 0 : -ENOMEM;
    if (!r)
        r = sc_sync_init(&avm->vm);
    if (!r)
        r = sc_bus_init(&avm->vm);
    if (!r)
        r = sc_time_init(&avm->vm);
    if (r < 0) {
        soft_vm_destroy(avm);
        return vemu__error_set(err, -r, "accelerator soft: cannot create the VM: %s", strerror(-r));
    }
    *ret_vm = avm;
    return 0;
}

/* --- memory --------------------------------------------------------------------------------- */

static int check_slot(const struct vemu_accel_slot *s)
{
    uint64_t low = SC_PAGE_SIZE - 1;

    if ((s->gpa & low) || (s->size & low) || ((uintptr_t)s->hva & low))
        return -EINVAL;
    if (s->flags & ~(VEMU_SLOT_READONLY | VEMU_SLOT_LOG_DIRTY))
        return -EINVAL;
    if (s->size && (!s->hva || s->gpa + s->size < s->gpa || s->gpa + s->size > 1ull << 52))
        return -EINVAL;
    return 0;
}

static int slot_index(const struct sc_vm *vm, uint32_t id)
{
    for (uint32_t n = 0; n < vm->slot_count; n++)
        if (vm->slots[n].id == id)
            return (int)n;
    return -1;
}

static int soft_mem_slot(struct vemu_accel_vm *avm, const struct vemu_accel_slot *slot)
{
    struct sc_vm *vm = &avm->vm;
    struct sc_cpu *self = caller(vm);
    struct sc_slot fresh = {.gpa = slot->gpa, .size = slot->size, .hva = slot->hva,
                            .id = slot->slot, .flags = slot->flags};
    _Atomic uint8_t *unused = NULL;
    uint64_t unused_size = slot->size;
    uint32_t at;
    int r = check_slot(slot), old;

    if (r < 0)
        return r;
    if (slot->size) {
        fresh.pages = map_zeroes(slot->size >> SC_PAGE_BITS);
        if (!fresh.pages)
            return -ENOMEM;
    }
    sc_exclusive_begin(vm, self);
    pthread_rwlock_wrlock(&vm->slot_lock);
    old = slot_index(vm, slot->slot);
    if (!slot->size && old < 0)
        r = -EINVAL;
    if (slot->size && old < 0 && vm->slot_count == SC_SLOT_MAX)
        r = -ENOSPC;
    for (uint32_t n = 0; !r && slot->size && n < vm->slot_count; n++)
        if ((int)n != old && vm->slots[n].gpa < slot->gpa + slot->size &&
            slot->gpa < vm->slots[n].gpa + vm->slots[n].size)
            r = -EEXIST;
    if (r < 0) {
        unused = fresh.pages;
        goto out;
    }
    if (old >= 0) {
        struct sc_slot *o = &vm->slots[old];

        unused = o->pages;
        unused_size = o->size;
        if (o->gpa == fresh.gpa && o->size == fresh.size && o->hva == fresh.hva) {
            unused = fresh.pages; /* flags only: what is known about the pages stays */
            fresh.pages = o->pages;
        }
        memmove(o, o + 1, (vm->slot_count - (uint32_t)old - 1) * sizeof(*o));
        vm->slot_count--;
    }
    if (slot->size) {
        for (at = vm->slot_count; at && vm->slots[at - 1].gpa > fresh.gpa; at--)
            vm->slots[at] = vm->slots[at - 1];
        vm->slots[at] = fresh;
        vm->slot_count++;
    }
    for (uint32_t n = 0; n < vm->config.vcpus; n++)
        if (vm->cpus[n])
            sc_async_set(vm->cpus[n], SC_A_FLUSH);
    if (self) /* its trace goes on to the next edge; data accesses must not use the old map */
        sc_tlb_flush_all(self);
out:
    pthread_rwlock_unlock(&vm->slot_lock);
    sc_exclusive_end(vm, self);
    unmap(unused, unused_size >> SC_PAGE_BITS);
    return r;
}

static int soft_dirty_get(struct vemu_accel_vm *avm, uint32_t slot, uint64_t *bitmap)
{
    struct sc_vm *vm = &avm->vm;
    struct sc_cpu *self = caller(vm);
    bool any = false;
    int n, r = 0;

    /* Stopped, because a store through a TLB entry and the log must not miss each other. */
    sc_exclusive_begin(vm, self);
    n = slot_index(vm, slot);
    if (n < 0) {
        r = -ENOENT;
    } else if (!(vm->slots[n].flags & VEMU_SLOT_LOG_DIRTY)) {
        r = -EINVAL;
    } else {
        const struct sc_slot *s = &vm->slots[n];

        for (uint64_t page = 0; page < s->size >> SC_PAGE_BITS; page++) {
            if (!(atomic_load_explicit(&s->pages[page], memory_order_relaxed) & SC_PAGE_DIRTY))
                continue;
            atomic_fetch_and_explicit(&s->pages[page], (uint8_t)~SC_PAGE_DIRTY,
                                      memory_order_relaxed);
            bitmap[page / 64] |= 1ull << page % 64;
            any = true;
        }
        for (uint32_t k = 0; any && k < vm->config.vcpus; k++)
            if (vm->cpus[k])
                sc_tlb_flush_all(vm->cpus[k]);
    }
    sc_exclusive_end(vm, self);
    return r;
}

static void soft_ram_written(struct vemu_accel_vm *avm, uint64_t gpa, uint64_t size)
{
    struct sc_vm *vm = &avm->vm;

    pthread_rwlock_rdlock(&vm->slot_lock);
    while (size) {
        uint64_t n = SC_PAGE_SIZE - (gpa & (SC_PAGE_SIZE - 1));
        struct sc_slot *s = sc_slot_find(vm, gpa);

        if (n > size)
            n = size;
        if (s && (atomic_load_explicit(sc_slot_page(s, gpa), memory_order_relaxed) & SC_PAGE_CODE))
            sc_smc_write(vm, NULL, gpa, (unsigned)n); /* takes sync->code, nothing that waits */
        gpa += n;
        size -= n;
    }
    pthread_rwlock_unlock(&vm->slot_lock);
}

/* --- interrupts and events -------------------------------------------------------------------- */

static int soft_signal_msi(struct vemu_accel_vm *avm, uint64_t address, uint32_t data)
{
    return sc_lapic_msi(&avm->vm, address, data);
}

/* Which EOIs to report follows from the trigger mode that came with each interrupt and is kept in
 * the LAPIC's TMR, so the table itself is not needed here. */
static int soft_set_ioapic_routes(struct vemu_accel_vm *avm, const struct vemu_msi_route *routes,
                                  uint32_t count)
{
    return count > avm->vm.config.ioapic_pins ? -EINVAL : 0;
}

static void soft_set_extint(struct vemu_accel_vm *avm, bool level)
{
    struct sc_vm *vm = &avm->vm;
    struct sc_cpu *c = __atomic_load_n(&vm->cpus[0], __ATOMIC_ACQUIRE);

    atomic_store(&vm->extint, level);
    if (level && c)
        sc_async_set(c, SC_A_INTR);
}

static int soft_inject_nmi(struct vemu_accel_vcpu *vcpu)
{
    sc_async_set(&vcpu->cpu, SC_A_NMI);
    return 0;
}

static int soft_ioeventfd(struct vemu_accel_vm *avm, bool add, bool pio, uint64_t address,
                          unsigned size, bool use_match, uint64_t match, int fd)
{
    return sc_bus_ioeventfd(&avm->vm, add, pio, address, size, use_match, match, fd);
}

/* --- vCPUs ---------------------------------------------------------------------------------- */

static int soft_supported_cpuid(const struct vemu_accel_config *config, struct vemu_accel_vm *avm,
                                struct vemu_cpuid *ret)
{
    if (!avm)
        return -EAGAIN;
    sc_cpuid_default(&avm->vm, ret);
    return 0;
}

/* A vCPU that has never been. Not yet visible to other threads. */
static struct vemu_accel_vcpu *vcpu_new(struct sc_vm *vm, uint32_t id, int *ret)
{
    struct vemu_accel_vcpu *v = map_zeroes(sizeof(*v)); /* mostly caches */
    struct sc_cpu *c;

    *ret = -ENOMEM;
    if (!v)
        return NULL;
    c = &v->cpu;
    c->vm = vm;
    c->id = id;
    sc_cpuid_default(vm, &c->cpuid);
    *ret = sc_traces_init(c);
    if (*ret < 0) {
        unmap(v, sizeof(*v));
        return NULL;
    }
    *ret = sc_lapic_init(c);
    if (*ret < 0) {
        sc_traces_fini(c);
        unmap(v, sizeof(*v));
        return NULL;
    }
    return v;
}

static int soft_set_cpuid(struct vemu_accel_vcpu *vcpu, const struct vemu_cpuid *cpuid);

static int soft_vcpu_create(struct vemu_accel_vm *avm, uint32_t id,
                            struct vemu_accel_vcpu **ret_vcpu, struct vemu_error **err)
{
    struct sc_vm *vm = &avm->vm;
    struct vemu_accel_vcpu *v = NULL;
    struct vemu_cpuid *cpuid;
    int r = 0;

    if (id >= vm->config.vcpus)
        return vemu__error_set(err, EINVAL, "accelerator soft: vCPU %u of %u", id,
                               vm->config.vcpus);
    cpuid = malloc(sizeof(*cpuid));
    if (!cpuid)
        return vemu__error_set(err, ENOMEM, "accelerator soft: out of memory");
    pthread_mutex_lock(&avm->lock);
    if (vm->cpus[id])
        v = vcpu_of(vm->cpus[id]);
    if (v && v->live)
        r = -EEXIST;
    else if (!v)
        v = vcpu_new(vm, id, &r);
    if (r == 0) {
        v->thread = pthread_self();
        v->live = true;
        sc_cpuid_default(vm, cpuid);
        soft_set_cpuid(v, cpuid);
        sc_cpu_reset(&v->cpu, false);
        /* Those that run, or have a section, go through all vCPUs. */
        sc_exclusive_begin(vm, NULL);
        __atomic_store_n(&vm->cpus[id], &v->cpu, __ATOMIC_RELEASE);
        if (id >= vm->cpu_count) /* an upper bound of ids */
            __atomic_store_n(&vm->cpu_count, id + 1, __ATOMIC_RELEASE);
        sc_exclusive_end(vm, NULL);
    }
    pthread_mutex_unlock(&avm->lock);
    free(cpuid);
    if (r < 0)
        return vemu__error_set(err, -r, "accelerator soft: cannot create vCPU %u: %s", id,
                               strerror(-r));
    *ret_vcpu = v;
    return 0;
}

static void soft_vcpu_destroy(struct vemu_accel_vcpu *vcpu)
{
    struct vemu_accel_vm *avm;

    if (!vcpu)
        return;
    avm = (struct vemu_accel_vm *)((char *)vcpu->cpu.vm - offsetof(struct vemu_accel_vm, vm));
    pthread_mutex_lock(&avm->lock);
    sc_lapic_set_offline(&vcpu->cpu);
    sc_traces_trim(&vcpu->cpu);
    sc_debug_clear(&vcpu->cpu);
    vcpu->live = false;
    pthread_mutex_unlock(&avm->lock);
}

static int soft_set_cpuid(struct vemu_accel_vcpu *vcpu, const struct vemu_cpuid *cpuid)
{
    struct sc_cpu *c = &vcpu->cpu;
    const struct vemu_cpuid_entry *e;

    if (cpuid->count > VEMU_CPUID_MAX)
        return -EINVAL;
    e = sc_cpuid_find(cpuid, 0x80000008, 0);
    if (e && ((e->eax & 0xff) < 32 || (e->eax & 0xff) > 52))
        return -EINVAL;
    c->cpuid = *cpuid;
    c->phys_bits = e ? e->eax & 0xff : 36;
    sc_traces_flush(c); /* decoding depends on CPUID */
    sc_tlb_flush_all(c);
    return 0;
}

static int soft_get_cpuid(struct vemu_accel_vcpu *vcpu, struct vemu_cpuid *ret)
{
    *ret = vcpu->cpu.cpuid;
    for (uint32_t n = 0; n < ret->count; n++) {
        struct vemu_cpuid_entry *e = &ret->entries[n];
        uint32_t out[4];

        sc_cpuid(&vcpu->cpu, e->function, e->index, out);
        e->eax = out[0];
        e->ebx = out[1];
        e->ecx = out[2];
        e->edx = out[3];
    }
    return 0;
}

static int soft_vcpu_run(struct vemu_accel_vcpu *vcpu, struct vemu_exit *exit)
{
    struct sc_cpu *c = &vcpu->cpu;
    int r;

    memset(exit, 0, sizeof(*exit));
    sc_time_start(c->vm);
    sc_state_settle(c);
    atomic_store(&vcpu->running, true);
    r = sc_run(c, exit);
    atomic_store(&vcpu->running, false);
    sc_count(c, exit->reason == VEMU_EXIT_INTR ? SC_CNT_INTR : SC_CNT_OTHER);
    return r;
}

static void soft_vcpu_kick(struct vemu_accel_vcpu *vcpu)
{
    sc_async_set(&vcpu->cpu, SC_A_EXIT);
}

static int soft_get_state(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                          struct vemu_cpu_state *state)
{
    return sc_get_state(&vcpu->cpu, groups, state);
}

static int soft_set_state(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                          const struct vemu_cpu_state *state)
{
    return sc_set_state(&vcpu->cpu, groups, state);
}

static int soft_vcpu_reset(struct vemu_accel_vcpu *vcpu)
{
    sc_cpu_reset(&vcpu->cpu, false);
    return 0;
}

static int soft_translate(struct vemu_accel_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa)
{
    sc_state_settle(&vcpu->cpu);
    return sc_translate(&vcpu->cpu, gva, ret_gpa) ? 0 : -EFAULT;
}

static int soft_set_debug(struct vemu_accel_vcpu *vcpu, const struct vemu_debug *debug)
{
    return sc_debug_set(&vcpu->cpu, debug);
}

static void soft_vm_paused(struct vemu_accel_vm *avm, bool paused)
{
    sc_time_paused(&avm->vm, paused);
}

static void soft_stats(struct vemu_accel_vm *avm, struct vemu_accel_stats *ret)
{
    sc_bus_stats(&avm->vm, ret);
}

const struct vemu_accel_ops vemu__accel_soft = {
    .name = "soft",
    .phys_bits_max = 52,
    .direct_io = true,
    .probe = soft_probe,
    .vm_create = soft_vm_create,
    .vm_destroy = soft_vm_destroy,
    .mem_slot = soft_mem_slot,
    .dirty_get = soft_dirty_get,
    .ram_written = soft_ram_written,
    .signal_msi = soft_signal_msi,
    .set_ioapic_routes = soft_set_ioapic_routes,
    .set_extint = soft_set_extint,
    .inject_nmi = soft_inject_nmi,
    .ioeventfd = soft_ioeventfd,
    .supported_cpuid = soft_supported_cpuid,
    .vcpu_create = soft_vcpu_create,
    .vcpu_destroy = soft_vcpu_destroy,
    .set_cpuid = soft_set_cpuid,
    .get_cpuid = soft_get_cpuid,
    .vcpu_run = soft_vcpu_run,
    .vcpu_kick = soft_vcpu_kick,
    .get_state = soft_get_state,
    .set_state = soft_set_state,
    .vcpu_reset = soft_vcpu_reset,
    .translate = soft_translate,
    .set_debug = soft_set_debug,
    .vm_paused = soft_vm_paused,
    .stats = soft_stats,
};
