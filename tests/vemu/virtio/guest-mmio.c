/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver's side of virtio-mmio (virtio 1.2, 4.2.2).
 */
#include "guest.h"

static uint32_t get(struct guest *g, unsigned offset)
{
    return (uint32_t)vemu__memory_read(g->vm->memory, VEMU_SPACE_MEMORY, g->base + offset, 4);
}

static void put(struct guest *g, unsigned offset, uint32_t value)
{
    vemu__memory_write(g->vm->memory, VEMU_SPACE_MEMORY, g->base + offset, 4, value);
}

static uint32_t mmio_get_features(struct guest *g, uint32_t select)
{
    put(g, 0x14, select);
    return get(g, 0x10);
}

static void mmio_set_features(struct guest *g, uint32_t select, uint32_t value)
{
    put(g, 0x24, select);
    put(g, 0x20, value);
}

static uint8_t mmio_get_status(struct guest *g)
{
    return (uint8_t)get(g, 0x70);
}

static void mmio_set_status(struct guest *g, uint8_t status)
{
    put(g, 0x70, status);
}

static uint64_t mmio_config_read(struct guest *g, unsigned offset, unsigned size)
{
    return vemu__memory_read(g->vm->memory, VEMU_SPACE_MEMORY, g->base + 0x100 + offset, size);
}

static void mmio_config_write(struct guest *g, unsigned offset, unsigned size, uint64_t value)
{
    vemu__memory_write(g->vm->memory, VEMU_SPACE_MEMORY, g->base + 0x100 + offset, size, value);
}

static uint8_t mmio_get_generation(struct guest *g)
{
    return (uint8_t)get(g, 0xfc);
}

static uint16_t mmio_queue_max(struct guest *g, unsigned queue)
{
    put(g, 0x30, queue);
    return (uint16_t)get(g, 0x34);
}

static void mmio_queue_setup(struct guest *g, unsigned queue, uint16_t size,
                             const uint64_t areas[3])
{
    put(g, 0x30, queue);
    put(g, 0x38, size);
    for (unsigned i = 0; i < 3; i++) {
        put(g, 0x80 + 0x10 * i, (uint32_t)areas[i]);
        put(g, 0x84 + 0x10 * i, (uint32_t)(areas[i] >> 32));
    }
}

static void mmio_queue_enable(struct guest *g, unsigned queue)
{
    put(g, 0x30, queue);
    put(g, 0x44, 1);
}

static bool mmio_queue_enabled(struct guest *g, unsigned queue)
{
    put(g, 0x30, queue);
    return get(g, 0x44);
}

static void mmio_queue_reset(struct guest *g, unsigned queue)
{
    put(g, 0x30, queue);
    put(g, 0xc0, 1);
}

static void mmio_notify(struct guest *g, unsigned queue)
{
    put(g, 0x50, queue);
}

static bool take_interrupt(struct guest *g, uint32_t bit)
{
    uint32_t status = get(g, 0x60) & bit;

    put(g, 0x64, status);
    return status;
}

static bool mmio_queue_interrupt(struct guest *g, unsigned queue)
{
    return take_interrupt(g, 1);
}

static bool mmio_config_interrupt(struct guest *g)
{
    return take_interrupt(g, 2);
}

const struct guest_transport guest_mmio = {
    .suffix = "-device",
    .get_features = mmio_get_features,
    .set_features = mmio_set_features,
    .get_status = mmio_get_status,
    .set_status = mmio_set_status,
    .config_read = mmio_config_read,
    .config_write = mmio_config_write,
    .get_generation = mmio_get_generation,
    .queue_max = mmio_queue_max,
    .queue_setup = mmio_queue_setup,
    .queue_enable = mmio_queue_enable,
    .queue_enabled = mmio_queue_enabled,
    .queue_reset = mmio_queue_reset,
    .notify = mmio_notify,
    .queue_interrupt = mmio_queue_interrupt,
    .config_interrupt = mmio_config_interrupt,
};
