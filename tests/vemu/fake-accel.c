/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An accelerator without a CPU, a machine without a chipset and a device without a purpose.
 */
#include "fake-accel.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chardev/chardev.h"

struct fake fake = { .paused = -1 };

/* --- accelerator ------------------------------------------------------------------------------ */

struct vemu_accel_vm {
    struct vemu_accel_callbacks callbacks;
};

struct vemu_accel_vcpu {
    struct vemu_accel_vm *vm;
    uint32_t id;
    struct fake_step *step;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool kicked;
};

static void fake_probe(struct vemu_accel_probe *ret, bool measure)
{
    memset(ret, 0, sizeof(*ret));
    ret->usable = true;
}

static int fake_vm_create(const struct vemu_accel_config *config, struct vemu_accel_vm **ret_vm,
                          struct vemu_error **err)
{
    if (fake.fail_vm_create)
        return vemu__error_set(err, fake.fail_vm_create, "no machine today");
    *ret_vm = g_new0(struct vemu_accel_vm, 1);
    (*ret_vm)->callbacks = config->callbacks;
    atomic_fetch_add(&fake.vms, 1);
    return 0;
}

static void fake_vm_destroy(struct vemu_accel_vm *vm)
{
    if (vm)
        atomic_fetch_sub(&fake.vms, 1);
    g_free(vm);
}

static int fake_mem_slot(struct vemu_accel_vm *vm, const struct vemu_accel_slot *slot)
{
    if (fake.fail_mem_slot)
        return -fake.fail_mem_slot;
    atomic_fetch_add(&fake.slots, 1);
    return 0;
}

static void fake_ram_written(struct vemu_accel_vm *vm, uint64_t gpa, uint64_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock);
    fake.written_gpa = gpa;
    fake.written_size = size;
    pthread_mutex_unlock(&lock);
}

static int fake_supported_cpuid(const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                                struct vemu_cpuid *ret)
{
    static const struct vemu_cpuid_entry entries[] = {
        { .function = 0, .eax = 0x1f },
        { .function = 1, .ebx = 0xffffffff, .edx = 1 },
        { .function = 4, .index = 3, .flags = VEMU_CPUID_INDEXED, .eax = 3 << 5 | 3 },
        { .function = 0xb, .index = 0, .flags = VEMU_CPUID_INDEXED, .edx = 0x77 },
        { .function = 0x40000000, .eax = 0x40000001 },
        { .function = 0x80000008, .eax = 40, .ecx = 0x3007 },
    };

    if (fake.cpuid_needs_vm && !vm)
        return -EAGAIN;
    if (fake.fail_cpuid)
        return -fake.fail_cpuid;
    ret->count = G_N_ELEMENTS(entries);
    memcpy(ret->entries, entries, sizeof(entries));
    return 0;
}

static int fake_vcpu_create(struct vemu_accel_vm *vm, uint32_t id,
                            struct vemu_accel_vcpu **ret_vcpu, struct vemu_error **err)
{
    struct vemu_accel_vcpu *vcpu;

    if (fake.fail_vcpu_create && id + 1 == (uint32_t)fake.fail_vcpu_create)
        return -ENOMEM;
    vcpu = g_new0(struct vemu_accel_vcpu, 1);
    vcpu->vm = vm;
    vcpu->id = id;
    vcpu->step = fake.scripts[id];
    pthread_mutex_init(&vcpu->lock, NULL);
    pthread_cond_init(&vcpu->cond, NULL);
    pthread_getname_np(pthread_self(), fake.thread_name[id], sizeof(fake.thread_name[id]));
    atomic_fetch_add(&fake.vcpus, 1);
    *ret_vcpu = vcpu;
    return 0;
}

static void fake_vcpu_destroy(struct vemu_accel_vcpu *vcpu)
{
    atomic_fetch_sub(&fake.vcpus, 1);
    pthread_cond_destroy(&vcpu->cond);
    pthread_mutex_destroy(&vcpu->lock);
    g_free(vcpu);
}

static int fake_set_cpuid(struct vemu_accel_vcpu *vcpu, const struct vemu_cpuid *cpuid)
{
    fake.cpuid[vcpu->id] = *cpuid;
    return 0;
}

/* True when a kick was there; takes it. */
static bool take_kick(struct vemu_accel_vcpu *vcpu, bool wait)
{
    bool kicked;

    pthread_mutex_lock(&vcpu->lock);
    while (wait && !vcpu->kicked)
        pthread_cond_wait(&vcpu->cond, &vcpu->lock);
    kicked = vcpu->kicked;
    vcpu->kicked = false;
    pthread_mutex_unlock(&vcpu->lock);
    return kicked;
}

static void play(struct vemu_accel_vcpu *vcpu, struct fake_step *step)
{
    struct vemu_accel_callbacks *callbacks = &vcpu->vm->callbacks;
    uint32_t value = 0;

    switch (step->op) {
    case FAKE_OUT:
        callbacks->pio_write(callbacks->data, (uint16_t)step->address, step->size,
                             (uint32_t)step->value);
        break;
    case FAKE_IN:
        callbacks->pio_read(callbacks->data, (uint16_t)step->address, step->size, &value);
        step->result = value;
        break;
    case FAKE_WRITE:
        callbacks->mmio_write(callbacks->data, step->address, step->size, step->value);
        break;
    case FAKE_READ:
        callbacks->mmio_read(callbacks->data, step->address, step->size, &step->result);
        break;
    case FAKE_CALL: step->fn(callbacks->data); break;
    default: break;
    }
}

static int fake_vcpu_run(struct vemu_accel_vcpu *vcpu, struct vemu_exit *exit)
{
    struct fake_step *step;

    atomic_fetch_add(&fake.runs, 1);
    if (fake.int3)
        vemu_vm_read_memory(vcpu->vm->callbacks.data, 0x1000, &fake.at_1000, 1);
    exit->reason = VEMU_EXIT_INTR;
    for (;;) {
        step = vcpu->step;
        if (take_kick(vcpu, !step || step->op == FAKE_END))
            return 0;
        switch (step->op) {
        case FAKE_EXIT:
            vcpu->step++;
            *exit = step->exit;
            return 0;
        case FAKE_FAIL: vcpu->step++; return -(int)step->value;
        case FAKE_SPIN: play(vcpu, step - 1); break;
        default:
            vcpu->step++;
            play(vcpu, step);
            break;
        }
    }
}

static void fake_vcpu_kick(struct vemu_accel_vcpu *vcpu)
{
    atomic_fetch_add(&fake.kicks, 1);
    pthread_mutex_lock(&vcpu->lock);
    vcpu->kicked = true;
    pthread_cond_signal(&vcpu->cond);
    pthread_mutex_unlock(&vcpu->lock);
}

static int fake_get_state(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                          struct vemu_cpu_state *state)
{
    state->regs.rip = fake.rip[vcpu->id];
    memcpy(state->lapic + 0x360, &fake.lint1[vcpu->id], sizeof(uint32_t));
    return 0;
}

static int fake_inject_nmi(struct vemu_accel_vcpu *vcpu)
{
    atomic_fetch_add(&fake.nmis, 1);
    return 0;
}

static void fake_stats(struct vemu_accel_vm *vm, struct vemu_accel_stats *ret)
{
    memset(ret, 0, sizeof(*ret));
}

static int fake_set_state(struct vemu_accel_vcpu *vcpu, uint32_t groups,
                          const struct vemu_cpu_state *state)
{
    if (groups & VEMU_STATE_REGS)
        fake.rip[vcpu->id] = state->regs.rip;
    return 0;
}

static int fake_translate(struct vemu_accel_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa)
{
    *ret_gpa = gva & 0xfffffff;
    return gva >> 32 ? -EFAULT : 0;
}

static int fake_set_debug(struct vemu_accel_vcpu *vcpu, const struct vemu_debug *debug)
{
    if (fake.points_max && debug->count > fake.points_max)
        return -ENOSPC;
    fake.step[vcpu->id] = debug->step;
    fake.points[vcpu->id] = debug->count;
    return 0;
}

static bool fake_debug_int3(struct vemu_accel_vm *vm)
{
    return fake.int3;
}

static int fake_vcpu_reset(struct vemu_accel_vcpu *vcpu)
{
    atomic_fetch_add(&fake.resets, 1);
    return 0;
}

static void fake_vm_paused(struct vemu_accel_vm *vm, bool paused)
{
    atomic_store(&fake.paused, paused);
}

const struct vemu_accel_ops fake_accel = {
    .name = "fake",
    .probe = fake_probe,
    .vm_create = fake_vm_create,
    .vm_destroy = fake_vm_destroy,
    .mem_slot = fake_mem_slot,
    .ram_written = fake_ram_written,
    .supported_cpuid = fake_supported_cpuid,
    .vcpu_create = fake_vcpu_create,
    .vcpu_destroy = fake_vcpu_destroy,
    .set_cpuid = fake_set_cpuid,
    .vcpu_run = fake_vcpu_run,
    .vcpu_kick = fake_vcpu_kick,
    .get_state = fake_get_state,
    .set_state = fake_set_state,
    .vcpu_reset = fake_vcpu_reset,
    .translate = fake_translate,
    .set_debug = fake_set_debug,
    .debug_int3 = fake_debug_int3,
    .vm_paused = fake_vm_paused,
    .inject_nmi = fake_inject_nmi,
    .stats = fake_stats,
};

/* --- machine ---------------------------------------------------------------------------------- */

struct fake_machine_object {
    struct vemu_machine machine;
    bool option;
    char *text;
};

static void fake_line(void *data, unsigned n, bool level)
{
    atomic_store(&fake.level[n], level);
    atomic_fetch_add(&fake.edges[n], 1);
}

static int fake_init(struct vemu_machine *machine, struct vemu_error **err)
{
    struct vemu_memory *mem = vemu__vm_memory(machine->vm);
    uint64_t ram = fake.ram ? fake.ram : vemu__vm_config(machine->vm)->memory_bytes;
    unsigned n;
    int r;

    atomic_fetch_add(&fake.inits, 1);
    machine->can_sleep = fake.can_sleep;
    machine->address_end = vemu__vm_config(machine->vm)->max_memory_bytes;
    for (n = 0; n < FAKE_LINES; n++)
        machine->irq_lines[n] = vemu__irq_new(machine->vm, fake_line, NULL, n);
    if (fake.fail_init)
        return vemu__error_set(err, fake.fail_init, "no board today");
    r = vemu__memory_add_ram(mem, 0, MIN(ram, 0xf0000), 0, "low", NULL, err);
    if (r >= 0)
        r = vemu__memory_add_ram(mem, 0xf0000, 0x10000, VEMU_RAM_READONLY, "rom", NULL, err);
    if (r >= 0 && ram > 0x100000)
        r = vemu__memory_add_ram(mem, 0x100000, ram - 0x100000, 0, "high", NULL, err);
    return r;
}

static int fake_load(struct vemu_machine *machine, struct vemu_error **err)
{
    atomic_fetch_add(&fake.loads, 1);
    if (fake.fail_load)
        return vemu__error_set(err, fake.fail_load, "no kernel today");
    return vemu__memory_write_rom(vemu__vm_memory(machine->vm), 0xf0000, "ROM", 4);
}

static uint32_t fake_boot_state(struct vemu_machine *machine, uint32_t id,
                                struct vemu_cpu_state *state)
{
    atomic_fetch_add(&fake.boots, 1);
    state->regs.rip = 0x1000 + id;
    return VEMU_STATE_REGS;
}

static int fake_wake(struct vemu_machine *machine, struct vemu_error **err)
{
    atomic_fetch_add(&fake.wakes, 1);
    return fake.fail_wake ? vemu__error_set(err, fake.fail_wake, "no dream today") : 0;
}

static void fake_fini(struct vemu_machine *machine)
{
    atomic_fetch_add(&fake.finis, 1);
}

static const struct vemu_prop fake_machine_props[] = {
    VEMU_PROP(struct fake_machine_object, option, "option", BOOL, "on", "a switch"),
    VEMU_PROP(struct fake_machine_object, text, "text", STRING, NULL, "a text"),
    VEMU_PROP_END,
};

const struct vemu_machine_class fake_machine = {
    .name = "fake",
    .summary = "A board of nothing",
    .max_vcpus = FAKE_VCPUS,
    .has_numa = true,
    .has_dies = true,
    .instance_size = sizeof(struct fake_machine_object),
    .props = fake_machine_props,
    .init = fake_init,
    .load = fake_load,
    .boot_state = fake_boot_state,
    .wake = fake_wake,
    .fini = fake_fini,
};

/* --- device ----------------------------------------------------------------------------------- */

static void note(struct fake_device *device, bool write, uint64_t offset, unsigned size,
                 uint64_t value)
{
    unsigned n = device->accesses++ % FAKE_LOG;

    device->log[n].write = write;
    device->log[n].offset = offset;
    device->log[n].size = size;
    device->log[n].value = value;
}

static uint64_t device_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct fake_device *device = (struct fake_device *)dev;
    uint64_t value = 0;
    unsigned i;

    /* Each register byte holds its own offset plus next_read. */
    for (i = 0; i < size; i++)
        value |= (uint64_t)(uint8_t)(offset + i + device->next_read) << (8 * i);
    note(device, false, offset, size, value);
    return value;
}

static void device_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    note((struct fake_device *)dev, true, offset, size, value);
}

static void device_timer(struct vemu_device *dev)
{
    struct fake_device *device = (struct fake_device *)dev;

    device->fires++;
    device->fired_at = vemu_clock_ns(dev->vm);
    if (device->on_timer)
        device->on_timer(device);
}

static size_t device_room(void *data)
{
    return ((struct fake_device *)data)->room;
}

static void device_input(void *data, const uint8_t *buf, size_t size)
{
    struct fake_device *device = data;

    ck_assert(size <= device->room);
    device->room -= size;
    g_string_append_len(device->input, (const char *)buf, (gssize)size);
}

static void device_event(void *data, enum vemu_chardev_event event)
{
    struct fake_device *device = data;

    device->opens += event == VEMU_CHARDEV_OPENED;
    device->closes += event == VEMU_CHARDEV_CLOSED;
    device->breaks += event == VEMU_CHARDEV_BREAK;
}

static void device_writable(void *data)
{
    ((struct fake_device *)data)->writables++;
}

static const struct vemu_chardev_handlers handlers = {
    .input_room = device_room,
    .input = device_input,
    .event = device_event,
    .writable = device_writable,
};

static void device_powerdown(struct vemu_device *dev)
{
    ((struct fake_device *)dev)->powerdowns++;
}

static int64_t device_sleep(struct vemu_device *dev)
{
    const int64_t alarm = atomic_load(&fake.alarm_ns);

    return alarm ? alarm : INT64_MAX;
}

static void device_woken(struct vemu_device *dev, enum vemu_wake cause)
{
    atomic_store(&fake.woken_by, (int)cause);
}

static int device_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct fake_device *device = (struct fake_device *)dev;
    int r = 0;

    device->realizes++;
    if (!device->input)
        device->input = g_string_new(NULL);
    device->ops = (struct vemu_region_ops){ device_read, device_write, device->min, device->max,
                                            device->unaligned };
    device->timer = vemu_device_add_timer(dev, device_timer);
    if (device->iobase)
        r = vemu_device_map(dev, VEMU_SPACE_IO, device->iobase, 16, &device->ops, "ports", err);
    if (r >= 0 && device->mmio)
        r = vemu_device_map(dev, VEMU_SPACE_MEMORY, device->mmio, 4096, &device->ops, "registers",
                            err);
    if (r >= 0) {
        device->irq = vemu_device_get_irq(dev, device->irq_number, err);
        r = device->irq ? 0 : -EINVAL;
    }
    if (r >= 0 && device->chardev)
        r = vemu_chardev_attach(device->chardev, &handlers, device, &dev->lock);
    if (r >= 0 && device->flag)
        vemu_device_on_powerdown(dev, device_powerdown);
    return device->fail ? -EIO : r;
}

static void device_unrealize(struct vemu_device *dev)
{
    struct fake_device *device = (struct fake_device *)dev;

    device->unrealizes++;
    vemu_timer_set(device->timer, INT64_MAX);
}

static void device_reset(struct vemu_device *dev)
{
    ((struct fake_device *)dev)->resets++;
}

static void device_pause(struct vemu_device *dev)
{
    ((struct fake_device *)dev)->pauses++;
}

static void device_resume(struct vemu_device *dev)
{
    ((struct fake_device *)dev)->resumes++;
}

static void device_fini(struct vemu_device *dev)
{
    struct fake_device *device = (struct fake_device *)dev;

    if (device->input)
        g_string_free(device->input, TRUE);
}

static const struct vemu_prop fake_device_props[] = {
    VEMU_PROP(struct fake_device, flag, "flag", BOOL, "off", "a switch; has a power button"),
    VEMU_PROP(struct fake_device, u8, "u8", U8, NULL, "8 bits"),
    VEMU_PROP(struct fake_device, u16, "u16", U16, "77", "16 bits"),
    VEMU_PROP(struct fake_device, u32, "u32", U32, "0x10", "32 bits"),
    VEMU_PROP(struct fake_device, u64, "u64", U64, NULL, "64 bits"),
    VEMU_PROP(struct fake_device, length, "length", SIZE, "4K", "a size"),
    VEMU_PROP(struct fake_device, text, "text", STRING, "none", "a text"),
    VEMU_PROP(struct fake_device, chardev, "chardev", CHARDEV, NULL, "a chardev"),
    VEMU_PROP(struct fake_device, iobase, "iobase", U16, "0", "ports"),
    VEMU_PROP(struct fake_device, mmio, "mmio", U64, "0", "registers"),
    VEMU_PROP(struct fake_device, min, "min", U8, "0", "smallest access"),
    VEMU_PROP(struct fake_device, max, "max", U8, "0", "largest access"),
    VEMU_PROP(struct fake_device, unaligned, "unaligned", BOOL, "off", "takes unaligned accesses"),
    VEMU_PROP(struct fake_device, irq_number, "irq", U8, "5", "interrupt"),
    VEMU_PROP(struct fake_device, room, "room", U64, "0", "bytes of input it can take"),
    VEMU_PROP(struct fake_device, fail, "fail", BOOL, "off", "realize fails"),
    VEMU_PROP_END,
};

static const struct vemu_device_ops fake_device_ops = {
    .sleep = device_sleep,
    .woken = device_woken,
    .realize = device_realize,
    .unrealize = device_unrealize,
    .reset = device_reset,
    .pause = device_pause,
    .resume = device_resume,
    .fini = device_fini,
};

const struct vemu_device_class fake_device_class = {
    .name = "test-device",
    .summary = "Remembers what is done to it",
    .instance_size = sizeof(struct fake_device),
    .props = fake_device_props,
    .ops = &fake_device_ops,
};

static const struct vemu_device_class internal_class = {
    .name = "test-internal",
    .summary = "Belongs to a board",
    .flags = VEMU_DEVICE_INTERNAL,
    .instance_size = sizeof(struct fake_device),
    .ops = &fake_device_ops,
};

const struct vemu_device_class *const fake_device_classes[] = { &fake_device_class, &internal_class,
                                                                NULL };

/* --- conveniences ----------------------------------------------------------------------------- */

void fake_ok(int result, struct vemu_error *err)
{
    ck_assert_msg(result >= 0, "%d: %s", result, vemu_error_message(err));
}

int fake_vm_try(const struct vemu_vm_config *config, struct vemu_vm **ret, struct vemu_error **err)
{
    const struct vemu_vm_parts parts = {
        .accel = &fake_accel,
        .accel_reason = "the test wants it",
        .machine = &fake_machine,
        .extra_classes = fake_device_classes,
    };

    return vemu__vm_new(config, &parts, ret, err);
}

struct vemu_vm *fake_vm(const struct vemu_vm_config *config)
{
    struct vemu_error *err = NULL;
    struct vemu_vm *vm = NULL;

    fake_ok(fake_vm_try(config, &vm, &err), err);
    return vm;
}

static size_t collect(va_list ap, struct vemu_property props[16])
{
    size_t count = 0;
    const char *name;

    while ((name = va_arg(ap, const char *)) != NULL) {
        ck_assert(count < 16);
        props[count].name = name;
        props[count++].value = va_arg(ap, const char *);
    }
    return count;
}

struct fake_device *fake_find_device(struct vemu_vm *vm, const char *id)
{
    return (struct fake_device *)vemu__vm_find_device(vm, id);
}

struct fake_device *fake_add_device(struct vemu_vm *vm, const char *id, ...)
{
    struct vemu_property props[16];
    struct vemu_error *err = NULL;
    va_list ap;
    size_t count;

    va_start(ap, id);
    count = collect(ap, props);
    va_end(ap);
    fake_ok(vemu_vm_add_device(vm, "test-device", id, props, count, &err), err);
    return fake_find_device(vm, id);
}

int fake_add_chardev(struct vemu_vm *vm, struct vemu_error **err, const char *class_name,
                     const char *id, ...)
{
    struct vemu_property props[16];
    va_list ap;
    size_t count;

    va_start(ap, id);
    count = collect(ap, props);
    va_end(ap);
    return vemu_vm_add_chardev(vm, class_name, id, props, count, err);
}

static int nothing(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    return 0;
}

void fake_sync(struct vemu_vm *vm)
{
    vemu__vm_control(vm, nothing, NULL, NULL);
}
