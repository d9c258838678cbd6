/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of virtio devices: a guest that writes registers, rings and descriptors as it likes.
 *
 * Input: a program of operations on one machine with one device, whose
 * operands are drawn from small sets of interesting values, so that random bytes get far: queues
 * are set up properly half of the time, descriptors mostly point to memory. What must hold at the
 * end: the device answers a reset, and works for a well-behaved driver after it.
 *
 * Built with libFuzzer (for one DEVICE each) it takes inputs from there; built plainly, it runs
 * programs from a fixed seed, or replays a file: fuzz-virtio DEVICE [HOW-MANY | FILE].
 */
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vemu/block.h>
#include <vemu/input.h>
#include <vemu/net.h>
#include <vemu/object.h>

#include "echo.h"
#include "guest.h"
#include "share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef DEVICE
static const char *device = DEVICE;
#else
static const char *device;
#endif

#define AREA  0x8000u /* rings lie here, one queue's behind the other's */
#define STEPS 400

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t byte(struct input *in)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

static uint32_t word(struct input *in)
{
    uint32_t value = byte(in);

    value |= (uint32_t)byte(in) << 8;
    value |= (uint32_t)byte(in) << 16;
    return value | (uint32_t)byte(in) << 24;
}

static uint64_t address(struct input *in)
{
    switch (byte(in) % 8) {
    case 0: return GUEST_HOLE + byte(in);
    case 1: return GUEST_RAM - byte(in);
    case 2: return GUEST_BLOCK - byte(in);
    case 3: return (uint64_t)word(in) << 32 | word(in);
    case 4: return AREA + word(in) % 0x8000; /* the rings themselves */
    default: return 0x20000 + word(in) % 0x100000;
    }
}

static uint32_t length(struct input *in)
{
    switch (byte(in) % 8) {
    case 0: return word(in);
    case 1: return 0;
    case 2: return UINT32_MAX - byte(in);
    case 3: return 16u * byte(in);
    case 4: return 512u * byte(in);
    case 5: return 1;
    case 6: return strcmp(device, "scsi") == 0 ? 51 + 57 * (byte(in) & 1) : 16;
    default: return 16;
    }
}

static uint64_t area_of(unsigned queue, unsigned area)
{
    return AREA + queue * 0x2000 + area * 0x800;
}

static void setup_queue(struct guest *g, struct input *in, unsigned queue)
{
    uint64_t areas[3];
    uint8_t how = byte(in);

    for (unsigned i = 0; i < 3; i++)
        areas[i] = how & (1u << i) && how & 0x80 ? address(in) : area_of(queue, i);
    g->t->queue_setup(g, queue, how & 8 && how & 0x80 ? (uint16_t)word(in) : 16, areas);
    g->t->queue_enable(g, queue);
}

/* A descriptor of a queue (or anywhere), in either layout. */
static void put_desc(struct guest *g, struct input *in, unsigned queue)
{
    uint64_t table = area_of(queue, 0);
    uint64_t at = byte(in) & 0x80 ? address(in) & ~15ull : table + 16u * (byte(in) % 16);
    uint64_t addr = address(in);
    uint32_t len = length(in);
    uint16_t half[2] = { byte(in), byte(in) };
    uint8_t how = byte(in);

    half[how & 1] &= 7; /* flags; the other is next or id */
    half[!(how & 1)] %= 17;
    if (how & 2)
        half[1] |= how & 4 ? 0x80 : 0x8000;
    vemu_dma_write(g->vm, at, &addr, 8);
    vemu_dma_write(g->vm, at + 8, &len, 4);
    vemu_dma_write(g->vm, at + 12, half, 4);
}

static void make_available(struct guest *g, struct input *in, unsigned queue)
{
    uint16_t idx, entry = byte(in) % 18;
    uint8_t how = byte(in);

    vemu_dma_read(g->vm, area_of(queue, 1) + 2, &idx, 2);
    vemu_dma_write(g->vm, area_of(queue, 1) + 4 + 2 * (idx % 16), &entry, 2);
    idx = how < 250 ? (uint16_t)(idx + 1) : (uint16_t)word(in);
    vemu_dma_write(g->vm, area_of(queue, 1) + 2, &idx, 2);
}

/* A command for one of the two units, mostly of a kind that is there. */
static void put_scsi(struct guest *g, struct input *in)
{
    static const uint8_t opcodes[] = { 0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25,
                                       0x28, 0x2a, 0x2f, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a, 0x51,
                                       0x55, 0x5a, 0x88, 0x8a, 0x93, 0x9e, 0xa0, 0xa8, 0xbd, 0xbe };
    uint8_t bytes[51] = { 1, byte(in) % 3, 0x40, 0 };

    for (unsigned i = 20; i < 35; i++)
        bytes[i] = byte(in) & 1 ? 0 : byte(in) % 16;
    bytes[19] = opcodes[byte(in) % sizeof(opcodes)];
    if (!(byte(in) & 15)) /* task management */
        memset(bytes, 0, 4);
    vemu_dma_write(g->vm, 0x20000 + word(in) % 0x100000, bytes, sizeof(bytes));
}

/* A request of virtio-mem for blocks around those that there are. */
static void put_mem(struct guest *g, struct input *in)
{
    uint64_t words[3] = { byte(in) % 6, GUEST_DEVICE_MEMORY + ((byte(in) % 40) << 21),
                          byte(in) % 8 };

    if (byte(in) > 250)
        words[1] += byte(in);
    if (byte(in) > 250)
        words[2] = word(in);
    vemu_dma_write(g->vm, 0x20000 + word(in) % 0x100000, words, sizeof(words));
}

/* The first bytes of a buffer: headers of requests. */
static void put_header(struct guest *g, struct input *in)
{
    uint32_t header[4] = { byte(in) % 16, byte(in), byte(in), 0 };

    if (strcmp(device, "scsi") == 0) {
        put_scsi(g, in);
        return;
    }
    if (strcmp(device, "mem") == 0) {
        put_mem(g, in);
        return;
    }
    if (byte(in) > 250)
        header[3] = word(in);
    vemu_dma_write(g->vm, 0x20000 + word(in) % 0x100000, header, sizeof(header));
}

static uint8_t byte_of(void *data)
{
    return byte(data);
}

/* A whole request that makes some sense, for devices whose messages nobody hits upon by chance. */
static void put_request(struct guest *g, struct input *in)
{
    uint8_t message[4096] = { 0 }, how = byte(in);
    unsigned slot = how % 8;
    uint64_t out_gpa = 0x20000 + 0x1000 * slot, in_gpa = 0x30000 + 0x1000 * slot;
    size_t size = share_message(device, byte_of, in, message, sizeof(message));
    bool is_9p = strcmp(device, "9p") == 0;
    /* 9p: both in one chain; vsock: a packet for the device, and a buffer for one of its own. */
    const struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } descs[] = {
        { out_gpa, (uint32_t)size, is_9p, (uint16_t)(2 * slot + 1) },
        { in_gpa, how > 128 ? 4096 : 16u * how, 2, 0 },
    };
    uint16_t idx, entry = (uint16_t)(2 * slot);
    unsigned queue = is_9p ? 0 : 1;

    if (!size)
        return;
    vemu_dma_write(g->vm, out_gpa, message, size);
    for (unsigned i = 0; i < 2; i++, entry++) {
        unsigned q = is_9p ? 0 : 1 - i;

        vemu_dma_write(g->vm, area_of(q, 0) + 16u * entry, &descs[i], 16);
        if (is_9p && i)
            break;
        vemu_dma_read(g->vm, area_of(q, 1) + 2, &idx, 2);
        vemu_dma_write(g->vm, area_of(q, 1) + 4 + 2 * (idx % 16), &entry, 2);
        idx++;
        vemu_dma_write(g->vm, area_of(q, 1) + 2, &idx, 2);
    }
    g->t->notify(g, queue);
    g->t->notify(g, 0);
}

static void negotiate(struct guest *g, struct input *in)
{
    static const uint64_t sets[] = {
        0, ~0ull, ~VEMU_VIRTIO_F_RING_PACKED, ~VEMU_VIRTIO_F_IN_ORDER,
        ~(VEMU_VIRTIO_F_RING_PACKED | VEMU_VIRTIO_F_IN_ORDER),
    };

    guest_negotiate(g, sets[byte(in) % G_N_ELEMENTS(sets)]);
    for (unsigned n = 0; n < 3; n++)
        setup_queue(g, in, n);
    if (byte(in) & 7)
        guest_driver_ok(g);
}

static void step(struct guest *g, struct input *in)
{
    uint8_t op = byte(in);
    unsigned queue = byte(in) % 3;

    switch (op % 20) {
    case 0: negotiate(g, in); break;
    case 1: setup_queue(g, in, queue); break;
    case 2: g->t->queue_reset(g, byte(in)); break;
    case 3: g->t->set_status(g, byte(in)); break;
    case 4: g->t->set_features(g, byte(in) % 3, word(in)); break;
    case 5: g->t->config_write(g, byte(in), 1u << byte(in) % 4, word(in)); break;
    case 6: g->t->config_read(g, byte(in), 1u << byte(in) % 4); break;
    case 7: vemu__memory_write(g->vm->memory, VEMU_SPACE_MEMORY, g->base + word(in) % 0x200,
                               1u << byte(in) % 4, word(in)); break;
    case 8: vemu__memory_read(g->vm->memory, VEMU_SPACE_MEMORY, g->base + word(in) % 0x200,
                              1u << byte(in) % 4); break;
    case 9: put_header(g, in); break;
    case 10: g->t->notify(g, byte(in)); break;
    case 11: case 12: make_available(g, in, queue); g->t->notify(g, queue); break;
    case 13: make_available(g, in, queue); break;
    case 14: case 15: case 16: put_request(g, in); break;
    default: put_desc(g, in, queue); break;
    }
}

/* --- the machine ------------------------------------------------------------------------------ */

static int cable = -1; /* net: the other end */

/* The neighbours send frames, and read what the guest sends or let it wait. */
static void neighbours(struct input *in)
{
    uint8_t frame[2048], what = cable >= 0 ? byte(in) : 0;

    if (what & 1) {
        memset(frame, what, sizeof(frame));
        if (send(cable, frame, 8u * what + 1, MSG_DONTWAIT) < 0 && what & 2)
            return;
    }
    while (what & 4 && recv(cable, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
        ;
}

/* Somebody types, or moves. */
static void user(struct guest *g, struct input *in)
{
    const struct vemu_input_event keys[] = { { VEMU_INPUT_KEY, 1 + byte(in) % 88, byte(in) & 1 } };
    const struct vemu_input_event moves[] = { { VEMU_INPUT_ABS, byte(in) & 1, byte(in) } };

    vemu_vm_send_input(g->vm, NULL, strcmp(device, "tablet") ? keys : moves, 1, NULL);
}

static struct guest *machine_net(struct vemu_vm *vm)
{
    char number[16];
    const struct vemu_property props[] = { { "type", "dgram" }, { "fd", number } };
    struct vemu_error *err = NULL;
    int ends[2], small = 8192;

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    snprintf(number, sizeof(number), "%d", ends[0]);
    cable = ends[1];
    guest_ok(vemu_vm_add_net(vm, "socket", "cable", props, 2, &err), err);
    return guest_attach(vm, "virtio-net", "netdev", "cable", "packed", "on", "in_order", "on",
                        NULL);
}

static struct guest *machine_memory(struct vemu_vm *vm)
{
    const struct vemu_property props[] = { { "size", "64M" } };
    struct vemu_error *err = NULL;

    guest_ok(vemu_vm_add_object(vm, "memory-backend-memfd", "m", props, 1, &err), err);
    return strcmp(device, "pmem") == 0
               ? guest_attach(vm, "virtio-pmem", "memdev", "m", "packed", "on", "in_order", "on",
                              NULL)
               : guest_attach(vm, "virtio-mem", "memdev", "m", "requested-size", "32M", "packed",
                              "on", "in_order", "on", NULL);
}

static struct guest *machine_scsi(struct vemu_vm *vm)
{
    const struct vemu_property adapter[] = { { "packed", "on" }, { "in_order", "on" },
                                             { "num_queues", "1" } };
    const struct vemu_property disk[] = { { "drive", "disk" } };
    struct vemu_error *err = NULL;

    guest_ok(vemu_vm_add_device(vm, "virtio-scsi", "scsi", adapter, 3, &err), err);
    guest_ok(vemu_vm_add_device(vm, "scsi-hd", NULL, disk, 1, &err), err);
    guest_ok(vemu_vm_add_device(vm, "scsi-cd", NULL, NULL, 0, &err), err);
    return guest_adopt(vm, "scsi");
}

static struct guest *machine_new(char *path)
{
    /* Threads: taking an io_uring away takes the kernel many times longer than a program. */
    const struct vemu_property props[] = { { "filename", path },
                                           { "discard", "unmap" },
                                           { "aio", "threads" } };
    struct vemu_vm *vm = guest_vm();
    struct vemu_error *err = NULL;
    int fd;

    if (strcmp(device, "serial") == 0) {
        const struct vemu_property ring[] = { { "chardev", "ring" } };

        guest_ok(vemu_vm_add_chardev(vm, "ring", "ring", NULL, 0, &err), err);
        guest_ok(vemu_vm_add_device(vm, "virtio-serial", "serial", NULL, 0, &err), err);
        guest_ok(vemu_vm_add_device(vm, "virtconsole", NULL, ring, 1, &err), err);
        guest_ok(vemu_vm_add_device(vm, "virtserialport", NULL, NULL, 0, &err), err);
        return guest_adopt(vm, "serial");
    }
    if (strcmp(device, "net") == 0)
        return machine_net(vm);
    if (strcmp(device, "mem") == 0 || strcmp(device, "pmem") == 0)
        return machine_memory(vm);
    if (strcmp(device, "9p") == 0 || strcmp(device, "vsock") == 0)
        return share_machine(vm, device);
    if (strcmp(device, "echo") == 0)
        return guest_attach(vm, "test-echo", "packed", "on", "in_order", "on", NULL);
    if (strcmp(device, "blk") != 0 && strcmp(device, "scsi") != 0) {
        g_autofree char *name = g_strconcat("virtio-", device, NULL);

        return guest_attach(vm, name, "packed", "on", "in_order", "on", NULL);
    }
    fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, 65536) < 0)
        abort();
    close(fd);
    guest_ok(vemu_vm_add_block(vm, "file", "disk", props, 3, &err), err);
    if (strcmp(device, "scsi") == 0)
        return machine_scsi(vm);
    return guest_attach(vm, "virtio-blk", "drive", "disk", "packed", "on", "in_order", "on",
                        "num-queues", "3", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/vemu-fuzz-XXXXXX";
    struct guest *g = machine_new(path);
    struct input in = { data, size };

    if (strcmp(device, "echo") == 0)
        ((struct echo *)g->vdev)->hold = byte(&in) & 1;
    if (strcmp(device, "keyboard") == 0 || strcmp(device, "tablet") == 0)
        vemu_vm_start(g->vm, NULL);
    negotiate(g, &in);
    for (unsigned i = 0; i < STEPS && in.size; i++) {
        step(g, &in);
        neighbours(&in);
        if ((strcmp(device, "keyboard") == 0 || strcmp(device, "tablet") == 0) && i % 4 == 0)
            user(g, &in);
        share_neighbours(byte_of, &in);
    }
    g->t->set_status(g, 0);
    if (g->t->get_status(g) != 0 || guest_broken(g))
        abort();
    guest_start(g, strcmp(device, "mem") == 0 ? 2 : 0, 1);
    if (guest_broken(g))
        abort();
    guest_free(g);
    share_end();
    unlink(path);
    if (cable >= 0)
        close(cable);
    cable = -1;
    return 0;
}

#ifndef DEVICE

static uint64_t state = 0x9e3779b97f4a7c15;

static uint8_t random_byte(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint8_t)(state >> 24);
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

int main(int argc, char **argv)
{
    unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
    uint8_t data[4096];

    if (argc < 2) {
        fprintf(stderr, "usage: fuzz-virtio DEVICE [HOW-MANY | FILE]\n");
        return 2;
    }
    device = argv[1];
    if (!runs)
        return replay(argv[2]);
    for (unsigned i = 0; i < runs; i++) {
        for (size_t j = 0; j < sizeof(data); j++)
            data[j] = random_byte();
        LLVMFuzzerTestOneInput(data, sizeof(data));
    }
    printf("fuzz-virtio %s: %u programs\n", device, runs);
    return 0;
}

#endif
