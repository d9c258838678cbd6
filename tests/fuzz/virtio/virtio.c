/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of virtio devices: a guest that writes registers, rings and descriptors as it likes.
 *
 * Input: a program of operations on one machine with one device, whose operands are drawn from
 * small sets of interesting values. Half of the operations are whole requests (request.c), so that
 * what is wrong comes to a device that works; the others break its registers, rings and
 * descriptors. What must hold at the end: the device answers a reset, and works for a well-behaved
 * driver after it.
 *
 * Built with libFuzzer (for one DEVICE each) it takes inputs from there; built plainly, it runs
 * programs from a fixed seed, replays a file, or writes programs for libFuzzer to begin with:
 * fuzz-virtio DEVICE [HOW-MANY | FILE | --write FOLDER].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "echo.h"
#include "guest.h"
#include "machine.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef DEVICE
static const char *device = DEVICE;
#else
static const char *device;
#endif

#define AREA      0x8000u /* rings lie here, one queue's behind the other's */
#define ENTRIES   16u
#define STEPS     400
#define DRIVER_OK 4u

static const struct request_kind *kind;

/* --- operations ------------------------------------------------------------------------------- */

static uint64_t address(struct program *p)
{
    switch (program_byte(p) % 8) {
    case 0: return GUEST_HOLE + program_byte(p);
    case 1: return GUEST_RAM - program_byte(p);
    case 2: return GUEST_BLOCK - program_byte(p);
    case 3: return (uint64_t)program_word(p) << 32 | program_word(p);
    case 4: return AREA + program_word(p) % 0x18000; /* the rings themselves */
    default: return 0x20000 + program_word(p) % 0x100000;
    }
}

static uint32_t length(struct program *p)
{
    switch (program_byte(p) % 8) {
    case 0: return program_word(p);
    case 1: return 0;
    case 2: return UINT32_MAX - program_byte(p);
    case 3: return 16u * program_byte(p);
    case 4: return 512u * program_byte(p);
    case 5: return 1;
    default: return 16;
    }
}

static uint64_t area_of(unsigned queue, unsigned area)
{
    return AREA + queue * 0x2000 + area * 0x800;
}

/* Where it should be, or anywhere; g->queues has it in the first case. */
static void setup_queue(struct guest *g, struct program *p, unsigned queue)
{
    const uint8_t how = program_byte(p) & (program_once(p, 4) ? 0xff : 0x10);
    const uint16_t size = how & 8 ? (uint16_t)program_word(p) : ENTRIES;
    struct guest_queue *q = &g->queues[queue];
    uint64_t areas[3];

    for (unsigned i = 0; i < 3; i++)
        areas[i] = how & (1u << i) ? address(p) : area_of(queue, i);
    memset(q, 0, sizeof(*q));
    if (!(how & 0x0f)) {
        q->index = queue;
        q->size = ENTRIES;
        memcpy(q->area, areas, sizeof(areas));
        q->packed = g->features & VEMU_VIRTIO_F_RING_PACKED;
        q->wrap = q->seen_wrap = true;
        if (!(how & 0x80)) /* or with what was there */
            memset(guest_ptr(g, areas[0]), 0, 0x1800);
    }
    g->t->queue_setup(g, queue, size, areas);
    g->t->queue_enable(g, queue);
}

/* A descriptor of a queue (or anywhere), in either layout. */
static void put_desc(struct guest *g, struct program *p, unsigned queue)
{
    uint64_t table = area_of(queue, 0);
    uint64_t at =
        program_byte(p) & 0x80 ? address(p) & ~15ull : table + 16u * (program_byte(p) % ENTRIES);
    uint64_t addr = address(p);
    uint32_t len = length(p);
    uint16_t half[2] = { program_byte(p), program_byte(p) };
    uint8_t how = program_byte(p);

    half[how & 1] &= 7; /* flags; the other is next or id */
    half[!(how & 1)] %= 17;
    if (how & 2)
        half[1] |= how & 4 ? 0x80 : 0x8000;
    vemu_dma_write(g->vm, at, &addr, 8);
    vemu_dma_write(g->vm, at + 8, &len, 4);
    vemu_dma_write(g->vm, at + 12, half, 4);
}

static void make_available(struct guest *g, struct program *p, unsigned queue)
{
    uint16_t idx, entry = program_byte(p) % (ENTRIES + 2);
    uint8_t how = program_byte(p);

    vemu_dma_read(g->vm, area_of(queue, 1) + 2, &idx, 2);
    vemu_dma_write(g->vm, area_of(queue, 1) + 4 + 2 * (idx % ENTRIES), &entry, 2);
    idx = how < 250 ? (uint16_t)(idx + 1) : (uint16_t)program_word(p);
    vemu_dma_write(g->vm, area_of(queue, 1) + 2, &idx, 2);
}

static void negotiate(struct guest *g, struct program *p)
{
    static const uint64_t sets[] = {
        ~0ull,
        ~VEMU_VIRTIO_F_RING_PACKED,
        ~VEMU_VIRTIO_F_IN_ORDER,
        ~(VEMU_VIRTIO_F_RING_PACKED | VEMU_VIRTIO_F_IN_ORDER),
        0,
    };
    const uint8_t how = program_byte(p);
    uint64_t set = sets[how % G_N_ELEMENTS(sets)];

    if (how > 200) /* without some that are the device's own */
        set &= ~(uint64_t)program_word(p);
    guest_negotiate(g, set);
    if (kind->begin)
        kind->begin();
    for (unsigned n = 0; n < kind->queues; n++)
        setup_queue(g, p, n);
    if (!program_once(p, 8))
        guest_driver_ok(g);
}

/* A driver finds that its device wants a reset, mostly. */
static void request(struct guest *g, struct program *p)
{
    struct request r = { 0 };

    if ((guest_broken(g) || !(g->t->get_status(g) & DRIVER_OK)) && program_byte(p) & 3)
        negotiate(g, p);
    kind->make(p, &r);
    request_send(g, p, &r);
}

static void touch_register(struct guest *g, struct program *p, bool write)
{
    const uint64_t at = g->base + program_word(p) % 0x200;
    const unsigned size = 1u << program_byte(p) % 4;

    if (write)
        vemu__memory_write(g->vm->memory, VEMU_SPACE_MEMORY, at, size, program_word(p));
    else
        vemu__memory_read(g->vm->memory, VEMU_SPACE_MEMORY, at, size);
}

/* Registers that are there, mostly. */
static void write_config(struct guest *g, struct program *p)
{
    const uint8_t offset = program_byte(p);
    const unsigned size = 1u << program_byte(p) % 4;

    g->t->config_write(g, offset & 0xc0 ? offset % 16 : offset, size, program_number(p));
}

/* By the register or, as KVM has it, by a descriptor. */
static void notify(struct guest *g, struct program *p)
{
    const uint8_t queue = program_byte(p);
    const uint64_t one = 1;
    int fd = -1;

    if (queue & 0x80)
        fd = guest_notifier(g, queue % kind->queues);
    if (fd < 0 || write(fd, &one, sizeof(one)) < 0)
        g->t->notify(g, queue % 16);
}

static void want_interrupt(struct guest *g, struct program *p, unsigned queue)
{
    struct guest_queue *q = &g->queues[queue];

    if (q->size)
        guest_want_interrupt(g, q, program_byte(p) & 1);
}

static void step(struct guest *g, struct program *p)
{
    const uint8_t op = program_byte(p);
    const unsigned queue = op / 32 % kind->queues;

    switch (op % 32) {
    case 0: negotiate(g, p); break;
    case 1: setup_queue(g, p, queue); break;
    case 2: g->t->queue_reset(g, program_byte(p)); break;
    case 3: g->t->set_status(g, program_byte(p)); break;
    case 4: g->t->set_features(g, program_byte(p) % 3, program_word(p)); break;
    case 5: write_config(g, p); break;
    case 6: g->t->config_read(g, program_byte(p), 1u << program_byte(p) % 4); break;
    case 7: touch_register(g, p, true); break;
    case 8: touch_register(g, p, false); break;
    case 9: notify(g, p); break;
    case 10: want_interrupt(g, p, queue); break;
    case 11: put_desc(g, p, queue); break;
    case 12: make_available(g, p, queue); break;
    case 13:
        put_desc(g, p, queue);
        make_available(g, p, queue);
        g->t->notify(g, queue);
        break;
    case 14:
    case 15: machine_host(g, p); break;
    default: request(g, p); break;
    }
}

/* --- programs --------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guest *g = machine_new(device);
    struct program p = { data, size };

    kind = request_kind(device);
    if (strcmp(device, "echo") == 0)
        ((struct echo *)g->vdev)->hold = program_byte(&p) & 1;
    negotiate(g, &p);
    for (unsigned i = 0; i < STEPS && p.size; i++)
        step(g, &p);
    g->t->set_status(g, 0);
    if (g->t->get_status(g) != 0 || guest_broken(g))
        abort();
    guest_start(g, strcmp(device, "mem") == 0 ? 2 : 0, 1);
    if (guest_broken(g))
        abort();
    machine_free(g);
    return 0;
}

#ifndef DEVICE

#define LONGEST 4096u
#define WRITTEN 100u /* programs for libFuzzer */

static uint8_t program[LONGEST];

static void make_program(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;

    for (unsigned i = 0; i < LONGEST; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        program[i] = (uint8_t)(state >> 24);
    }
}

static int replay(const char *path)
{
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(path, &text, &size, NULL)) {
        fprintf(stderr, "fuzz-virtio: cannot read %s\n", path);
        return 1;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
}

/* From short ones to long ones. */
static int write_programs(const char *folder)
{
    for (unsigned n = 1; n <= WRITTEN; n++) {
        g_autofree char *path = g_strdup_printf("%s/seed-%u", folder, n);

        make_program();
        if (!g_file_set_contents(path, (const char *)program, LONGEST * n / WRITTEN, NULL)) {
            fprintf(stderr, "fuzz-virtio: cannot write %s\n", path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;

    if (argc < 2) {
        fprintf(stderr, "usage: fuzz-virtio DEVICE [HOW-MANY | FILE | --write FOLDER]\n");
        return 2;
    }
    device = argv[1];
    if (argc == 4 && strcmp(argv[2], "--write") == 0)
        return write_programs(argv[3]);
    if (!runs)
        return replay(argv[2]);
    for (unsigned i = 0; i < runs; i++) {
        make_program();
        LLVMFuzzerTestOneInput(program, LONGEST);
    }
    printf("fuzz-virtio %s: %u programs\n", device, runs);
    return 0;
}

#endif
