/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulation assist's virtual machine: the software CPU with this machine's memory, made when it
 * is needed first, and what it counts.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/kvm/assist.h"
#include "accel/soft/lent/native.h"
#include "core/error.h"

/* --- the software CPU's VM -------------------------------------------------------------------- */

void kvm__assist_init(struct kvm_vm *vm)
{
    pthread_mutex_init(&vm->assist.lock, NULL);
    pthread_mutex_init(&vm->assist.vcpus, NULL);
}

static void summary(struct kvm_vm *vm);

void kvm__assist_fini(struct kvm_vm *vm)
{
    if (vm->assist.soft)
        summary(vm);
    vemu__accel_soft.vm_destroy(vm->assist.soft);
    free(vm->assist.events);
    if (vm->assist.spare)
        munmap(vm->assist.spare, 4096);
    pthread_mutex_destroy(&vm->assist.vcpus);
    pthread_mutex_destroy(&vm->assist.lock);
}

static int soft_add(struct kvm_vm *vm, struct vemu_accel_vm *soft)
{
    int r = 0;

    for (uint32_t n = 0; !r && n < vm->slot_count; n++)
        if (vm->slots[n].used)
            r = vemu__accel_soft.mem_slot(soft, &vm->slots[n].slot);
    for (size_t n = 0; !r && n < vm->assist.event_count; n++) {
        const struct kvm_assist_event *e = &vm->assist.events[n];
        r = vemu__accel_soft.ioeventfd(soft, true, e->pio, e->address, e->size, e->use_match,
                                       e->match, e->fd);
    }
    return r;
}

int kvm__assist_soft_vm(struct kvm_vm *vm, struct vemu_accel_vm **ret)
{
    struct vemu_accel_vm *soft;
    struct vemu_error *err = NULL;
    int r = 0;

    pthread_mutex_lock(&vm->assist.lock);
    soft = vm->assist.soft;
    if (!soft) {
        r = vemu__accel_soft.vm_create(&vm->config, &soft, &err);
        vemu_error_free(err);
        if (!r)
            r = soft_add(vm, soft);
        if (r < 0)
            vemu__accel_soft.vm_destroy(soft);
        else
            atomic_store(&vm->assist.soft, soft);
    }
    pthread_mutex_unlock(&vm->assist.lock);
    *ret = soft;
    return r;
}

int kvm__assist_mem_slot(struct kvm_vm *vm, uint32_t n, const struct kvm_slot *now)
{
    const struct vemu_accel_slot gone = { .slot = n };
    int r = 0;

    if (vm->assist.soft && (now->used || vm->slots[n].used))
        r = vemu__accel_soft.mem_slot(vm->assist.soft, now->used ? &now->slot : &gone);
    vm->slots[n] = *now;
    if (now->used && n >= vm->slot_count)
        vm->slot_count = n + 1;
    return r;
}

static bool same_event(const struct kvm_assist_event *a, const struct kvm_assist_event *b)
{
    return a->pio == b->pio && a->use_match == b->use_match && a->address == b->address &&
           a->match == b->match && a->size == b->size && a->fd == b->fd;
}

int kvm__assist_ioeventfd(struct kvm_vm *vm, bool add, const struct kvm_assist_event *e)
{
    struct kvm_assist_vm *a = &vm->assist;
    int r = 0;

    pthread_mutex_lock(&a->lock);
    if (add) {
        struct kvm_assist_event *grown =
            realloc(a->events, (a->event_count + 1) * sizeof(*a->events));
        if (grown) {
            grown[a->event_count++] = *e;
            a->events = grown;
        } else {
            r = -ENOMEM;
        }
    }
    for (size_t n = 0; !add && n < a->event_count; n++)
        if (same_event(&a->events[n], e)) {
            a->events[n] = a->events[--a->event_count];
            break;
        }
    if (!r && a->soft)
        r = vemu__accel_soft.ioeventfd(a->soft, add, e->pio, e->address, e->size, e->use_match,
                                       e->match, e->fd);
    pthread_mutex_unlock(&a->lock);
    return r;
}

void kvm__assist_dirty_get(struct kvm_vm *vm, uint32_t slot, uint64_t *bitmap)
{
    struct vemu_accel_vm *soft = atomic_load(&vm->assist.soft);

    if (soft)
        vemu__accel_soft.dirty_get(soft, slot, bitmap);
}

void kvm__assist_ram_written(struct vemu_accel_vm *opaque, uint64_t gpa, uint64_t size)
{
    struct vemu_accel_vm *soft = atomic_load(&((struct kvm_vm *)opaque)->assist.soft);

    if (soft)
        vemu__accel_soft.ram_written(soft, gpa, size);
}

void kvm__assist_notify(struct kvm_vm *vm, bool nmi)
{
    if (!atomic_load(&vm->assist.soft))
        return;
    pthread_mutex_lock(&vm->assist.vcpus);
    for (uint32_t n = 0; n < vm->config.vcpus; n++) {
        struct kvm_vcpu *vcpu = __atomic_load_n(&vm->vcpus[n], __ATOMIC_ACQUIRE);
        if (vcpu && vcpu->assist && vcpu->assist->cpu)
            sc_assist_notify(vcpu->assist->cpu, nmi);
    }
    pthread_mutex_unlock(&vm->assist.vcpus);
}

/* --- statistics ----------------------------------------------------------------------------- */

void kvm__assist_note(struct kvm_vm *vm, int level, const char *format, ...)
{
    char text[200];
    va_list args;

    if (!vm->config.callbacks.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    vm->config.callbacks.log(vm->config.callbacks.data, level, text);
}

/* What the software CPU itself is known to execute for KVM; the rest has names in
 * native_table.c. */
static const struct {
    uint16_t opcode;
    int8_t reg;   /* ModRM.reg, -1: any */
    int16_t modrm; /* -1: any */
    const char *name;
} mnemonics[] = {
    { 0xcc, -1, -1, "int3" }, { 0xcd, -1, -1, "int" }, { 0x9b, -1, -1, "fwait" },
    { 0xcf, -1, -1, "iret" },
    { SC_MAP_0F | 0x00, 4, -1, "verr" }, { SC_MAP_0F | 0x00, 5, -1, "verw" },
    { SC_MAP_0F | 0x01, -1, 0xca, "clac" }, { SC_MAP_0F | 0x01, -1, 0xcb, "stac" },
    { SC_MAP_0F | 0x01, -1, 0xd0, "xgetbv" }, { SC_MAP_0F | 0x01, -1, 0xf9, "rdtscp" },
    { SC_MAP_0F | 0x02, -1, -1, "lar" }, { SC_MAP_0F | 0x03, -1, -1, "lsl" },
    { SC_MAP_0F | 0x77, -1, -1, "emms" },
    { SC_MAP_0F | 0xae, 2, -1, "ldmxcsr" }, { SC_MAP_0F | 0xae, 3, -1, "stmxcsr" },
    { SC_MAP_0F | 0xae, 4, -1, "xsave" }, { SC_MAP_0F | 0xae, 5, -1, "xrstor" },
    { SC_MAP_0F | 0xae, 6, -1, "xsaveopt" }, { SC_MAP_0F | 0xae, 7, -1, "clflush" },
    { SC_MAP_0F | 0xc7, 1, -1, "cmpxchg16b" }, { SC_MAP_0F | 0xc7, 4, -1, "xsavec" },
};

/* The opcode's bytes, without operands. */
static void name_bytes(const uint8_t *bytes, uint32_t size, char *text, size_t room)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t n = 0; n < size && used + 4 < room; n++)
        used += (size_t)snprintf(text + used, room - used, "%s%02x", n ? " " : "", bytes[n]);
}

void kvm__assist_name(const uint8_t *bytes, uint32_t size, char *text, size_t room)
{
    struct sc_native_form form;
    struct sc_dec d;
    int len = sc_decode(&d, bytes, size, SC_M_64, 0);

    if (len == -SC_UD)
        len = sc_vex_decode(&d, bytes, size, SC_M_64, 0);
    if (len <= 0) {
        name_bytes(bytes, size, text, room);
        return;
    }
    for (size_t n = 0; n < sizeof(mnemonics) / sizeof(mnemonics[0]); n++)
        if (mnemonics[n].opcode == d.opcode && !d.vex &&
            (mnemonics[n].reg < 0 || mnemonics[n].reg == d.reg3) &&
            (mnemonics[n].modrm < 0 || mnemonics[n].modrm == d.modrm)) {
            snprintf(text, room, "%s", mnemonics[n].name);
            return;
        }
    if (sc_native_find(&d, &form))
        snprintf(text, room, "%s", form.name);
    else if (!d.vex && d.group == SC_G_X87)
        snprintf(text, room, "x87");
    else if (!d.vex && d.group == SC_G_SSE)
        snprintf(text, room, "sse");
    else
        name_bytes(bytes, (uint32_t)len, text, room);
}

void kvm__assist_count(struct kvm_vm *vm, const char *name)
{
    struct kvm_assist_vm *a = &vm->assist;
    unsigned n;

    pthread_mutex_lock(&a->lock);
    for (n = 0; n < a->opcode_count; n++)
        if (!strcmp(a->opcodes[n].name, name))
            break;
    if (n == a->opcode_count && n < KVM_ASSIST_OPCODES) {
        snprintf(a->opcodes[n].name, sizeof(a->opcodes[n].name), "%s", name);
        a->opcode_count++;
        kvm__assist_note(vm, 3, "emulation assist: first %s", name);
    }
    if (n < KVM_ASSIST_OPCODES)
        a->opcodes[n].count++;
    pthread_mutex_unlock(&a->lock);
}

static void log_name(void *data, const char *name, uint64_t times)
{
    kvm__assist_note(data, 3, "emulation assist: %s %llu", name, (unsigned long long)times);
}

/* When the machine ends. */
static void summary(struct kvm_vm *vm)
{
    struct vemu_accel_stats s = { 0 };

    kvm__assist_stats(vm, &s);
    kvm__assist_note(vm, 3,
                     "emulation assist: %llu instructions that KVM failed at, %llu stretches of "
                     "the software CPU (%llu ms), %llu on the host, %llu steps, %llu flushes",
                     (unsigned long long)s.assists, (unsigned long long)s.assist_stretches,
                     (unsigned long long)s.assist_ns / 1000000, (unsigned long long)s.assist_host,
                     (unsigned long long)s.assist_steps, (unsigned long long)s.assist_flushes);
    kvm__assist_names((struct vemu_accel_vm *)vm, false, log_name, vm);
    kvm__assist_names((struct vemu_accel_vm *)vm, true, log_name, vm);
}

/* What the host ran for the software CPU. */
static void host_counts(struct kvm_vm *vm, struct sc_native_count counts[SC_NATIVE_NAMES])
{
    pthread_mutex_lock(&vm->assist.vcpus);
    memcpy(counts, vm->assist.host, sizeof(vm->assist.host));
    for (uint32_t n = 0; n < vm->config.vcpus; n++) {
        struct kvm_vcpu *vcpu = __atomic_load_n(&vm->vcpus[n], __ATOMIC_ACQUIRE);
        struct sc_cpu *c = vcpu && vcpu->assist ? vcpu->assist->cpu : NULL;
        if (c && c->assist->native)
            sc_native_counts(c->assist->native, counts);
    }
    pthread_mutex_unlock(&vm->assist.vcpus);
}

void kvm__assist_stats(struct kvm_vm *vm, struct vemu_accel_stats *ret)
{
    struct vemu_accel_vm *soft = atomic_load(&vm->assist.soft);
    struct sc_native_count host[SC_NATIVE_NAMES] = { { 0 } };
    struct kvm_assist_vm *a = &vm->assist;
    struct vemu_accel_stats s = { 0 };

    if (!soft)
        return;
    vemu__accel_soft.stats(soft, &s);
    ret->exits_io += s.exits_io;
    ret->exits_mmio += s.exits_mmio;
    ret->exits_halt += s.exits_halt;
    ret->assists = atomic_load(&a->assists);
    ret->assist_stretches = atomic_load(&a->stretches);
    ret->assist_steps = atomic_load(&a->steps);
    ret->assist_flushes = atomic_load(&a->flushes);
    ret->assist_ns = atomic_load(&a->stretch_ns);
    host_counts(vm, host);
    for (unsigned n = 0; n < SC_NATIVE_NAMES && host[n].name; n++)
        ret->assist_host += host[n].count;
}

void kvm__assist_names(struct vemu_accel_vm *opaque, bool on_host,
                       void (*each)(void *data, const char *name, uint64_t count), void *data)
{
    struct sc_native_count host[SC_NATIVE_NAMES] = { { 0 } };
    struct kvm_vm *vm = (struct kvm_vm *)opaque;
    struct kvm_assist_vm *a = &vm->assist;

    if (on_host) {
        host_counts(vm, host);
        for (unsigned n = 0; n < SC_NATIVE_NAMES && host[n].name; n++)
            each(data, host[n].name, host[n].count);
        return;
    }
    pthread_mutex_lock(&a->lock);
    for (unsigned n = 0; n < a->opcode_count; n++)
        each(data, a->opcodes[n].name, a->opcodes[n].count);
    pthread_mutex_unlock(&a->lock);
}
