/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for the core: the functions of core/device.h and chardev/chardev.h that devices call.
 */
#include "mock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/events.h"
#include "machines/machine.h"

#define MAX 32

/* Not Check's: fuzzers use the board, too. */
#define must(is_so)           must_say(is_so, #is_so)
#define must_say(is_so, text) ((is_so) ? (void)0 : wrong(__LINE__, text))

static void wrong(int at, const char *text)
{
    fprintf(stderr, "mock.c:%d: %s\n", at, text);
    abort();
}

struct vemu_irq {
    struct vemu_vm *vm;
    unsigned n;
    bool level;
};

struct vemu_timer {
    struct vemu_device *dev;
    vemu_timer_fn fn;
    int64_t deadline;
};

struct vemu_chardev {
    struct vemu_vm *vm;
    const struct vemu_chardev_handlers *handlers;
    void *data;
};

struct mock {
    struct vemu_device *devices[MAX];
    unsigned device_count;
    struct {
        struct vemu_device *dev;
        enum vemu_space space;
        uint64_t address, size;
        const struct vemu_region_ops *ops;
    } regions[MAX];
    unsigned region_count;
    struct vemu_irq irqs[MAX];
    unsigned irq_count;
    struct vemu_timer timers[MAX];
    unsigned timer_count;
    struct vemu_chardev chardev, other_chardev;
    struct vemu_device *powerdown_dev;
    vemu_powerdown_fn powerdown;
    struct {
        struct vemu_device *dev;
        const struct vemu_input_ops *ops;
    } inputs[MAX];
    unsigned input_count;
    unsigned posted; /* events; the last one: */
    int posted_type;
    uint64_t posted_value;
};

struct vemu_vm *mock_new(void)
{
    struct vemu_vm *vm = calloc(1, sizeof(*vm));

    vm->mock = calloc(1, sizeof(*vm->mock));
    vm->mock->chardev.vm = vm->mock->other_chardev.vm = vm;
    vm->output_room = SIZE_MAX;
    vm->now_ns = 1000000000;
    return vm;
}

void mock_free(struct vemu_vm *vm)
{
    struct mock *m = vm->mock;

    for (unsigned i = 0; i < m->device_count; i++) {
        struct vemu_device *dev = m->devices[i];

        if (dev->realized && dev->class_->ops->unrealize) {
            dev->class_->ops->unrealize(dev);
        }
        if (dev->class_->ops->fini) {
            dev->class_->ops->fini(dev);
        }
        for (const struct vemu_prop *p = dev->class_->props; p->name; p++) {
            if (p->type == VEMU_PROP_STRING) {
                free(*(char **)((char *)dev + p->offset));
            }
        }
        pthread_mutex_destroy(&dev->lock);
        free(dev->id);
        free(dev);
    }
    free(m);
    free(vm);
}

static void set_prop(struct vemu_vm *vm, struct vemu_device *dev, const struct vemu_prop *p,
                     const char *text)
{
    void *at = (char *)dev + p->offset;
    uint64_t value = strtoull(text, NULL, 0);

    switch (p->type) {
    case VEMU_PROP_BOOL: *(bool *)at = strcmp(text, "on") == 0; break;
    case VEMU_PROP_U8: *(uint8_t *)at = (uint8_t)value; break;
    case VEMU_PROP_U16: *(uint16_t *)at = (uint16_t)value; break;
    case VEMU_PROP_U32: *(uint32_t *)at = (uint32_t)value; break;
    case VEMU_PROP_S32: *(int32_t *)at = (int32_t)value; break;
    case VEMU_PROP_U64:
    case VEMU_PROP_SIZE: *(uint64_t *)at = value; break;
    case VEMU_PROP_STRING:
        free(*(char **)at);
        *(char **)at = strdup(text);
        break;
    case VEMU_PROP_CHARDEV:
        *(struct vemu_chardev **)at =
            strcmp(text, "mock") == 0 ? &vm->mock->chardev : &vm->mock->other_chardev;
        break;
    case VEMU_PROP_BLOCK:
    case VEMU_PROP_NETDEV:
    case VEMU_PROP_FSDEV:
    case VEMU_PROP_IOTHREAD:
    case VEMU_PROP_MEMDEV:
    case VEMU_PROP_TABLE: must_say(false, p->name);
    }
}

static struct vemu_device *device_new(struct vemu_vm *vm, const struct vemu_device_class *class_,
                                      const char *props)
{
    struct vemu_device *dev = calloc(1, class_->instance_size);
    char *copy = strdup(props ? props : ""), *save = NULL;

    dev->class_ = class_;
    dev->vm = vm;
    dev->id = strdup("dev0");
    pthread_mutex_init(&dev->lock, NULL);
    for (const struct vemu_prop *p = class_->props; p->name; p++) {
        if (p->def) {
            set_prop(vm, dev, p, p->def);
        }
    }
    for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        const struct vemu_prop *p = class_->props;

        must(value);
        *value++ = 0;
        while (p->name && strcmp(p->name, item) != 0) {
            p++;
        }
        must_say(p->name, item);
        set_prop(vm, dev, p, value);
    }
    free(copy);
    must(vm->mock->device_count < MAX);
    vm->mock->devices[vm->mock->device_count++] = dev;
    return dev;
}

struct vemu_device *mock_add(struct vemu_vm *vm, const struct vemu_device_class *class_,
                             const char *props)
{
    struct vemu_device *dev = device_new(vm, class_, props);
    struct vemu_error *err = NULL;
    int r = class_->ops->realize(dev, &err);

    must_say(r >= 0, err ? vemu_error_message(err) : "realize: no message");
    dev->realized = true;
    mock_reset(dev);
    return dev;
}

int mock_add_failing(struct vemu_vm *vm, const struct vemu_device_class *class_, const char *props,
                     char **ret_message)
{
    struct vemu_device *dev = device_new(vm, class_, props);
    struct vemu_error *err = NULL;
    int r = class_->ops->realize(dev, &err);

    must(r < 0);
    must(err);
    *ret_message = strdup(vemu_error_message(err));
    vemu_error_free(err);
    return r;
}

void mock_reset(struct vemu_device *dev)
{
    if (dev->class_->ops->reset) {
        pthread_mutex_lock(&dev->lock);
        dev->class_->ops->reset(dev);
        pthread_mutex_unlock(&dev->lock);
    }
}

static void restored(struct vemu_device *dev)
{
    pthread_mutex_lock(&dev->lock);
    if (dev->class_->ops->restored) {
        dev->class_->ops->restored(dev);
    }
    pthread_mutex_unlock(&dev->lock);
}

void mock_save_restore(struct vemu_device *dev)
{
    uint8_t stream[4096];
    size_t at = 0;

    for (const struct vemu_state_field *f = dev->class_->state; f->name; f++) {
        must(at + f->size <= sizeof(stream));
        memcpy(stream + at, (char *)dev + f->offset, f->size);
        at += f->size;
    }
    mock_reset(dev);
    at = 0;
    for (const struct vemu_state_field *f = dev->class_->state; f->name; f++) {
        memcpy((char *)dev + f->offset, stream + at, f->size);
        at += f->size;
    }
    restored(dev);
}

void mock_restore_garbage(struct vemu_device *dev, uint8_t byte)
{
    for (const struct vemu_state_field *f = dev->class_->state; f->name; f++) {
        memset((char *)dev + f->offset, byte, f->size);
    }
    restored(dev);
}

void mock_restore_random(struct vemu_device *dev, uint64_t seed)
{
    for (const struct vemu_state_field *f = dev->class_->state; f->name; f++)
        for (size_t n = 0; n < f->size; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            ((uint8_t *)dev)[f->offset + n] = seed >> 62 ? 0 : (uint8_t)(seed >> 40);
        }
    restored(dev);
}

/* --- regions ---------------------------------------------------------------------------------- */

int vemu_device_map(struct vemu_device *dev, enum vemu_space space, uint64_t address, uint64_t size,
                    const struct vemu_region_ops *ops, const char *region_name,
                    struct vemu_error **err)
{
    struct mock *m = dev->vm->mock;

    for (unsigned i = 0; i < m->region_count; i++) {
        if (m->regions[i].space == space && address < m->regions[i].address + m->regions[i].size &&
            m->regions[i].address < address + size) {
            return vemu__error_set(err, EEXIST, "%s overlaps", region_name);
        }
    }
    must(m->region_count < MAX);
    m->regions[m->region_count].dev = dev;
    m->regions[m->region_count].space = space;
    m->regions[m->region_count].address = address;
    m->regions[m->region_count].size = size;
    m->regions[m->region_count].ops = ops;
    m->region_count++;
    return 0;
}

/* Splits and widens as the core does. */
static uint64_t access(struct vemu_vm *vm, enum vemu_space space, uint64_t address, unsigned size,
                       bool write, uint64_t value)
{
    struct mock *m = vm->mock;
    uint64_t result = 0;

    for (unsigned i = 0; i < m->region_count; i++) {
        const struct vemu_region_ops *ops = m->regions[i].ops;
        struct vemu_device *dev = m->regions[i].dev;
        uint64_t offset = address - m->regions[i].address;

        if (m->regions[i].space != space || address < m->regions[i].address ||
            offset >= m->regions[i].size) {
            continue;
        }
        if (size > ops->max_size || offset + size > m->regions[i].size) {
            unsigned half = size / 2;

            result = access(vm, space, address, half, write, value);
            result |= access(vm, space, address + half, half, write, value >> (8 * half))
                      << (8 * half);
            return result;
        }
        pthread_mutex_lock(&dev->lock);
        if (size < ops->min_size) {
            unsigned shift = (unsigned)(offset % ops->min_size) * 8;

            if (!write) {
                result = ops->read(dev, offset - offset % ops->min_size, ops->min_size) >> shift;
            }
        } else if (write) {
            ops->write(dev, offset, size, value & (size < 8 ? (1ull << (8 * size)) - 1 : ~0ull));
        } else {
            result = ops->read(dev, offset, size);
        }
        pthread_mutex_unlock(&dev->lock);
        return result & (size < 8 ? (1ull << (8 * size)) - 1 : ~0ull);
    }
    return size < 8 ? (1ull << (8 * size)) - 1 : ~0ull;
}

uint32_t mock_in(struct vemu_vm *vm, uint16_t port, unsigned size)
{
    return (uint32_t)access(vm, VEMU_SPACE_IO, port, size, false, 0);
}

void mock_out(struct vemu_vm *vm, uint16_t port, unsigned size, uint32_t value)
{
    access(vm, VEMU_SPACE_IO, port, size, true, value);
}

uint64_t mock_read(struct vemu_vm *vm, uint64_t gpa, unsigned size)
{
    return access(vm, VEMU_SPACE_MEMORY, gpa, size, false, 0);
}

void mock_write(struct vemu_vm *vm, uint64_t gpa, unsigned size, uint64_t value)
{
    access(vm, VEMU_SPACE_MEMORY, gpa, size, true, value);
}

/* --- interrupts, time ------------------------------------------------------------------------- */

struct vemu_irq *vemu_device_get_irq(struct vemu_device *dev, unsigned n, struct vemu_error **err)
{
    struct mock *m = dev->vm->mock;

    if (n >= 24) {
        vemu__error_set(err, EINVAL, "irq %u is out of range", n);
        return NULL;
    }
    must(m->irq_count < MAX);
    m->irqs[m->irq_count] = (struct vemu_irq){ dev->vm, n, false };
    return &m->irqs[m->irq_count++];
}

void vemu_irq_set(struct vemu_irq *irq, bool level)
{
    struct mock_irq_line *line;

    if (!irq) {
        return;
    }
    line = &irq->vm->irqs[irq->n];
    if (level && !irq->level) {
        line->rises++;
    }
    irq->level = level;
    line->level = level;
    if (irq->vm->wire)
        irq->vm->wire(irq->vm, irq->n, level);
}

void vemu_irq_pulse(struct vemu_irq *irq)
{
    vemu_irq_set(irq, true);
    vemu_irq_set(irq, false);
}

int64_t vemu_clock_ns(struct vemu_vm *vm)
{
    return vm->now_ns;
}

struct vemu_timer *vemu_device_add_timer(struct vemu_device *dev, vemu_timer_fn fn)
{
    struct mock *m = dev->vm->mock;

    must(m->timer_count < MAX);
    m->timers[m->timer_count] = (struct vemu_timer){ dev, fn, INT64_MAX };
    return &m->timers[m->timer_count++];
}

void vemu_timer_set(struct vemu_timer *timer, int64_t deadline_ns)
{
    timer->deadline = deadline_ns;
}

bool vemu_timer_armed(const struct vemu_timer *timer)
{
    return timer->deadline != INT64_MAX;
}

void vemu__events_post(struct vemu_vm *vm, int type, const char *message, uint64_t value)
{
    vm->mock->posted++;
    vm->mock->posted_type = type;
    vm->mock->posted_value = value;
}

unsigned mock_posted(struct vemu_vm *vm, int *ret_type, uint64_t *ret_value)
{
    *ret_type = vm->mock->posted_type;
    *ret_value = vm->mock->posted_value;
    return vm->mock->posted;
}

bool mock_timer_armed(struct vemu_vm *vm)
{
    for (unsigned i = 0; i < vm->mock->timer_count; i++) {
        if (vemu_timer_armed(&vm->mock->timers[i])) {
            return true;
        }
    }
    return false;
}

/* The earliest timer whose time is `end` or before fires, at its time. */
static bool fire_until(struct vemu_vm *vm, int64_t end)
{
    struct vemu_timer *first = NULL;

    for (unsigned i = 0; i < vm->mock->timer_count; i++) {
        struct vemu_timer *t = &vm->mock->timers[i];

        if (t->deadline <= end && (!first || t->deadline < first->deadline)) {
            first = t;
        }
    }
    if (!first) {
        return false;
    }
    if (first->deadline > vm->now_ns) {
        vm->now_ns = first->deadline;
    }
    first->deadline = INT64_MAX;
    pthread_mutex_lock(&first->dev->lock);
    first->fn(first->dev);
    pthread_mutex_unlock(&first->dev->lock);
    return true;
}

bool mock_fire(struct vemu_vm *vm)
{
    return fire_until(vm, vm->now_ns);
}

void mock_advance(struct vemu_vm *vm, int64_t ns)
{
    int64_t end = vm->now_ns + ns;

    while (fire_until(vm, end)) {
    }
    vm->now_ns = end;
}

/* --- requests, log ---------------------------------------------------------------------------- */

void vemu_vm_request_reset(struct vemu_vm *vm, enum vemu_cause cause)
{
    vm->resets++;
    vm->reset_cause = cause;
}

void vemu_vm_request_shutdown(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code)
{
    vm->shutdowns++;
    vm->shutdown_cause = cause;
    vm->shutdown_code = code;
}

void vemu_vm_request_sleep(struct vemu_vm *vm, uint32_t wakes)
{
    vm->sleeps++;
    vm->sleep_wakes = wakes;
}

void vemu_vm_request_wake(struct vemu_vm *vm, enum vemu_wake cause)
{
    vm->wakes++;
}

void vemu_vm_report_panic(struct vemu_vm *vm, const char *message)
{
    vm->panics++;
}

void vemu_vm_report_progress(struct vemu_vm *vm, uint8_t code)
{
    vm->progress = code;
}

void vemu__input_add(struct vemu_device *dev, const struct vemu_input_ops *ops)
{
    struct mock *m = dev->vm->mock;

    must(m->input_count < MAX);
    m->inputs[m->input_count].dev = dev;
    m->inputs[m->input_count++].ops = ops;
}

void vemu__input_remove(struct vemu_device *dev) {}

void mock_event(struct vemu_vm *vm, uint32_t type, uint32_t code, int32_t value)
{
    const struct vemu_input_event event = { type, code, value };
    struct mock *m = vm->mock;

    for (unsigned i = 0; i < m->input_count; i++) {
        struct vemu_device *dev = m->inputs[i].dev;

        if (!(m->inputs[i].ops->types & VEMU_INPUT_BIT(type)))
            continue;
        pthread_mutex_lock(&dev->lock);
        m->inputs[i].ops->event(dev, &event);
        m->inputs[i].ops->sync(dev);
        pthread_mutex_unlock(&dev->lock);
        return;
    }
    must_say(false, "nobody takes input of this type");
}

void vemu_device_on_powerdown(struct vemu_device *dev, vemu_powerdown_fn fn)
{
    dev->vm->mock->powerdown_dev = dev;
    dev->vm->mock->powerdown = fn;
}

void mock_powerdown(struct vemu_vm *vm)
{
    struct mock *m = vm->mock;

    must(m->powerdown);
    pthread_mutex_lock(&m->powerdown_dev->lock);
    m->powerdown(m->powerdown_dev);
    pthread_mutex_unlock(&m->powerdown_dev->lock);
}

void vemu_vm_log(struct vemu_vm *vm, int level, const char *format, ...) {}

/* --- accelerator ------------------------------------------------------------------------------ */

static int mock_signal_msi(struct vemu_accel_vm *accel_vm, uint64_t address, uint32_t data)
{
    struct vemu_vm *vm = (struct vemu_vm *)accel_vm;

    if (vm->msi_count < MOCK_MSI_MAX) {
        vm->msis[vm->msi_count].address = address;
        vm->msis[vm->msi_count].data = data;
        vm->msi_count++;
    }
    return 1;
}

static int mock_set_ioapic_routes(struct vemu_accel_vm *accel_vm,
                                  const struct vemu_msi_route *routes, uint32_t count)
{
    struct vemu_vm *vm = (struct vemu_vm *)accel_vm;

    must(count == 24);
    memcpy(vm->routes, routes, sizeof(vm->routes));
    vm->route_updates++;
    return 0;
}

static void mock_set_extint(struct vemu_accel_vm *accel_vm, bool level)
{
    ((struct vemu_vm *)accel_vm)->extint = level;
}

const struct vemu_accel_ops *vemu__vm_accel(struct vemu_vm *vm, struct vemu_accel_vm **ret_accel_vm)
{
    static const struct vemu_accel_ops ops = {
        .name = "mock",
        .signal_msi = mock_signal_msi,
        .set_ioapic_routes = mock_set_ioapic_routes,
        .set_extint = mock_set_extint,
    };

    *ret_accel_vm = (struct vemu_accel_vm *)vm;
    return &ops;
}

/* --- chardev ---------------------------------------------------------------------------------- */

int vemu_chardev_attach(struct vemu_chardev *chr, const struct vemu_chardev_handlers *handlers,
                        void *data, pthread_mutex_t *lock)
{
    if (chr->handlers) {
        return -EBUSY;
    }
    chr->handlers = handlers;
    chr->data = data;
    return 0;
}

void vemu_chardev_detach(struct vemu_chardev *chr)
{
    chr->handlers = NULL;
}

size_t vemu_chardev_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    struct vemu_vm *vm = chr->vm;

    if (size > vm->output_room) {
        size = vm->output_room;
    }
    must(vm->output_size + size <= sizeof(vm->output));
    memcpy(vm->output + vm->output_size, buf, size);
    vm->output_size += size;
    vm->output_room -= size;
    return size;
}

void vemu_chardev_input_ready(struct vemu_chardev *chr) {}

bool vemu_chardev_is_open(struct vemu_chardev *chr)
{
    return true;
}

void mock_input(struct vemu_vm *vm, const void *buf, size_t size, size_t *ret_taken)
{
    struct vemu_chardev *chr = &vm->mock->chardev;
    size_t room = chr->handlers->input_room(chr->data);

    *ret_taken = size < room ? size : room;
    if (*ret_taken) {
        chr->handlers->input(chr->data, buf, *ret_taken);
    }
}

void mock_break(struct vemu_vm *vm)
{
    struct vemu_chardev *chr = &vm->mock->chardev;

    chr->handlers->event(chr->data, VEMU_CHARDEV_BREAK);
}

void mock_writable(struct vemu_vm *vm, size_t room)
{
    struct vemu_chardev *chr = &vm->mock->chardev;

    vm->output_room += room;
    chr->handlers->writable(chr->data);
}
