/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine of virtio tests, and what all drivers do.
 */
#include "guest.h"

#include <stdarg.h>
#include <string.h>

#include "echo.h"
#include "fake-accel.h"
#include "virtio/class.h"

#define HEAP_START 0x10000u
#define MMIO_BASE  0xfeb00000u
#define MMIO_IRQ   16u

const struct guest_transport *guest_transport(void)
{
    return &guest_mmio;
}

void guest_ok(int result, struct vemu_error *err)
{
    if (result < 0)
        fprintf(stderr, "%s\n", err ? vemu_error_message(err) : "no message");
    guest_assert(result >= 0);
}

/* --- machine ---------------------------------------------------------------------------------- */

static void board_line(void *data, unsigned n, bool level)
{
    atomic_store(&fake.level[n], level);
    atomic_fetch_add(&fake.edges[n], 1);
}

static int board_init(struct vemu_machine *machine, struct vemu_error **err)
{
    struct vemu_memory *mem = vemu__vm_memory(machine->vm);
    int r;

    machine->device_memory_base = GUEST_DEVICE_MEMORY;
    machine->device_memory_size = 1ull << 30;
    for (unsigned n = 0; n < FAKE_LINES; n++)
        machine->irq_lines[n] = vemu__irq_new(machine->vm, board_line, NULL, n);
    r = vemu__memory_add_ram(mem, 0, GUEST_BLOCK, 0, "low", NULL, err);
    if (r >= 0)
        r = vemu__memory_add_ram(mem, GUEST_BLOCK, GUEST_RAM - GUEST_BLOCK, 0, "high", NULL, err);
    return r;
}

static int board_virtio_slot(struct vemu_machine *machine, struct vemu_device *dev,
                             uint64_t *ret_address, unsigned *ret_irq, struct vemu_error **err)
{
    *ret_address = MMIO_BASE;
    *ret_irq = MMIO_IRQ;
    return 0;
}

static const struct vemu_machine_class board = {
    .name = "virtio-test",
    .summary = "two blocks of RAM and a slot",
    .max_vcpus = 1,
    .instance_size = sizeof(struct vemu_machine),
    .init = board_init,
    .virtio_slot = board_virtio_slot,
    .virtio_suffix = "-device",
};

struct vemu_vm *guest_vm(void)
{
    const struct vemu_vm_parts parts = {
        .accel = &fake_accel,
        .accel_reason = "the test wants it",
        .machine = &board,
        .extra_classes = echo_classes,
    };
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    struct vemu_error *err = NULL;
    struct vemu_vm *vm = NULL;

    config.memory_bytes = GUEST_RAM;
    config.max_memory_bytes = GUEST_RAM + (1ull << 30);
    guest_ok(vemu__vm_new(&config, &parts, &vm, &err), err);
    return vm;
}

struct guest *guest_adopt(struct vemu_vm *vm, const char *id)
{
    struct guest *g = g_new0(struct guest, 1);
    struct vemu_error *err = NULL;

    g->vm = vm;
    g->t = guest_transport();
    g->base = MMIO_BASE;
    g->heap = HEAP_START;
    guest_ok(vemu_vm_realize(vm, &err), err);
    g->dev = vemu__vm_find_device(vm, id);
    guest_assert(g->dev);
    g->vdev = vemu__virtio_of(g->dev);
    return g;
}

static struct guest *attach(struct vemu_vm *vm, const char *name, va_list ap)
{
    struct vemu_property props[16];
    struct vemu_error *err = NULL;
    const char *property;
    g_autofree char *class_name = NULL;
    size_t count = 0;

    class_name = g_strconcat(name, guest_transport()->suffix, NULL);
    while ((property = va_arg(ap, const char *)) != NULL) {
        guest_assert(count < G_N_ELEMENTS(props));
        props[count++] = (struct vemu_property){ property, va_arg(ap, const char *) };
    }
    guest_ok(vemu_vm_add_device(vm, class_name, "dev", props, count, &err), err);
    return guest_adopt(vm, "dev");
}

struct guest *guest_attach(struct vemu_vm *vm, const char *name, ...)
{
    struct guest *g;
    va_list ap;

    va_start(ap, name);
    g = attach(vm, name, ap);
    va_end(ap);
    return g;
}

struct guest *guest_new(const char *name, ...)
{
    struct guest *g;
    va_list ap;

    va_start(ap, name);
    g = attach(guest_vm(), name, ap);
    va_end(ap);
    return g;
}

void guest_free(struct guest *g)
{
    vemu_vm_stop(g->vm, NULL);
    vemu_vm_unref(g->vm);
    g_free(g);
}

static int make_notifier(void *data)
{
    return vemu__virtq_get_notifier(data);
}

int guest_notifier(struct guest *g, unsigned queue)
{
    return vemu__loop_call(g->vm->loop, make_notifier, vemu__virtio_queue(g->vdev, queue));
}

/* --- memory ----------------------------------------------------------------------------------- */

uint64_t guest_alloc(struct guest *g, uint64_t size, uint64_t align)
{
    uint64_t gpa = (g->heap + align - 1) & ~(align - 1);

    /* In one piece. */
    if (gpa < GUEST_BLOCK && gpa + size > GUEST_BLOCK)
        gpa = GUEST_BLOCK;
    guest_assert(gpa + size <= GUEST_RAM);
    g->heap = gpa + size;
    return gpa;
}

void *guest_ptr(struct guest *g, uint64_t gpa)
{
    void *ptr = vemu__memory_ptr(g->vm->memory, gpa, 1, true);

    guest_assert(ptr);
    return ptr;
}

/* --- life ------------------------------------------------------------------------------------- */

bool guest_negotiate(struct guest *g, uint64_t wanted)
{
    uint64_t offered;

    g->t->set_status(g, 0);
    guest_assert(g->t->get_status(g) == 0);
    g->t->set_status(g, VEMU_VIRTIO_STATUS_ACKNOWLEDGE);
    g->t->set_status(g, VEMU_VIRTIO_STATUS_ACKNOWLEDGE | VEMU_VIRTIO_STATUS_DRIVER);
    offered = g->t->get_features(g, 0) | (uint64_t)g->t->get_features(g, 1) << 32;
    guest_assert(offered & VEMU_VIRTIO_F_VERSION_1);
    g->features = offered & (wanted | VEMU_VIRTIO_F_VERSION_1);
    g->t->set_features(g, 0, (uint32_t)g->features);
    g->t->set_features(g, 1, (uint32_t)(g->features >> 32));
    g->t->set_status(g, g->t->get_status(g) | VEMU_VIRTIO_STATUS_FEATURES_OK);
    return g->t->get_status(g) & VEMU_VIRTIO_STATUS_FEATURES_OK;
}

struct guest_queue *guest_setup_queue(struct guest *g, unsigned n, uint16_t size)
{
    struct guest_queue *q = &g->queues[n];
    uint16_t max = g->t->queue_max(g, n);

    guest_assert(max != 0);
    memset(q, 0, sizeof(*q));
    q->index = n;
    q->size = size ? size : MIN(max, GUEST_SIZE);
    q->packed = g->features & VEMU_VIRTIO_F_RING_PACKED;
    q->wrap = q->seen_wrap = true;
    q->area[0] = guest_alloc(g, 16ull * q->size, 16);
    q->area[1] = guest_alloc(g, 6 + 2ull * q->size, 4);
    q->area[2] = guest_alloc(g, 6 + 8ull * q->size, 4);
    memset(guest_ptr(g, q->area[0]), 0, 16ull * q->size);
    memset(guest_ptr(g, q->area[1]), 0, 6 + 2ull * q->size);
    memset(guest_ptr(g, q->area[2]), 0, 6 + 8ull * q->size);
    g->t->queue_setup(g, n, q->size, q->area);
    g->t->queue_enable(g, n);
    return q;
}

void guest_driver_ok(struct guest *g)
{
    g->t->set_status(g, g->t->get_status(g) | VEMU_VIRTIO_STATUS_DRIVER_OK);
}

void guest_start(struct guest *g, uint64_t wanted, unsigned queues)
{
    guest_assert(guest_negotiate(g, wanted));
    for (unsigned n = 0; n < queues; n++)
        guest_setup_queue(g, n, 0);
    guest_driver_ok(g);
}

bool guest_broken(struct guest *g)
{
    return g->t->get_status(g) & VEMU_VIRTIO_STATUS_NEEDS_RESET;
}
