/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of each device, and the chains they come in.
 */
#include "request.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_mem.h>
#include <linux/virtio_net.h>
#include <linux/virtio_scsi.h>
#include <string.h>

#include <glib.h>

#include "share.h"

#define BUFFERS   0x20000u /* a slot of guest memory for each of 16 chains */
#define SLOT      0x10000u
#define INDIRECT  0x280000u
#define PIECES    4u
#define DRIVER_OK 4u /* of the status */

void request_put(struct request *r, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size && r->used < sizeof(r->out); i++)
        r->out[r->used++] = (uint8_t)(value >> (8 * i));
}

/* Bytes that are somehow alike: some content of a request. */
static void put_data(struct program *p, struct request *r, size_t size)
{
    const uint8_t byte = program_byte(p);

    size = MIN(size, sizeof(r->out) - r->used);
    memset(r->out + r->used, byte, size);
    r->used += size;
}

/* --- devices ---------------------------------------------------------------------------------- */

static void make_blk(struct program *p, struct request *r)
{
    static const uint8_t types[] = { VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
                                     VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
                                     VIRTIO_BLK_T_FLUSH,   VIRTIO_BLK_T_GET_ID,
                                     VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
    const uint8_t how = program_byte(p), type = types[how % 8];
    const unsigned sectors = program_byte(p) % 10;

    r->queue = how / 8 % 3;
    request_put(r, how > 250 ? program_number(p) : type, 4);
    request_put(r, 0, 4);
    request_put(r, program_number(p), 8);
    r->in_size = type == VIRTIO_BLK_T_IN ? 512 * sectors + 1 : type == VIRTIO_BLK_T_GET_ID ? 21 : 1;
    if (type == VIRTIO_BLK_T_OUT)
        put_data(p, r, 512 * sectors);
    for (unsigned n = 0; type >= VIRTIO_BLK_T_DISCARD && n <= sectors % 3; n++) {
        request_put(r, program_number(p), 8);
        request_put(r, program_number(p), 4);
        request_put(r, program_once(p, 4), 4);
    }
}

/* Ethernet, IPv4 and TCP, and the device's header, whose offloads may be asked for. */
static void put_frame(struct program *p, struct request *r)
{
    static const uint8_t start[] = { 0x52, 0x54, 0,  1, 2, 3, 0x52, 0x54, 0, 4, 5, 6,  8, 0, 0x45,
                                     0,    0,    60, 0, 1, 0, 0,    64,   6, 0, 0, 10, 0, 2, 15 };
    const bool offload = program_byte(p) & 1;

    request_put(r, offload ? program_byte(p) % 4 : 0, 1);
    request_put(r, offload ? program_byte(p) : 0, 1);
    for (unsigned n = 0; n < 4; n++)
        request_put(r, offload ? program_number(p) : 0, 2);
    request_put(r, 0, 2);
    for (size_t n = 0; n < sizeof(start); n++)
        request_put(r, start[n], 1);
    put_data(p, r, program_number(p) & 0xfff);
}

static void put_net_command(struct program *p, struct request *r)
{
    const uint8_t class_ = program_byte(p) % 7;

    request_put(r, class_, 1);
    request_put(r, program_byte(p) % 6, 1);
    if (class_ == VIRTIO_NET_CTRL_MAC && program_byte(p) & 1) {
        for (unsigned table = 0; table < 2; table++) {
            const uint64_t count = program_number(p);

            request_put(r, count, 4);
            put_data(p, r, 6 * MIN(count, 100));
        }
        return;
    }
    request_put(r, program_number(p), class_ == VIRTIO_NET_CTRL_GUEST_OFFLOADS ? 8 : 2);
    put_data(p, r, program_byte(p) % 8);
}

static void make_net(struct program *p, struct request *r)
{
    r->queue = program_byte(p) % 3;
    if (r->queue == 0) {
        r->in_size = sizeof(struct virtio_net_hdr_v1) + (uint32_t)(program_number(p) & 0x3fff);
    } else if (r->queue == 1) {
        put_frame(p, r);
    } else {
        put_net_command(p, r);
        r->in_size = 1;
    }
}

static void put_lun(struct program *p, struct request *r)
{
    const uint8_t bytes[8] = { program_once(p, 32) ? 0 : 1, program_byte(p) % 3, 0x40, 0 };

    for (unsigned n = 0; n < sizeof(bytes); n++)
        request_put(r, bytes[n], 1);
}

static void put_cdb(struct program *p, struct request *r)
{
    static const uint8_t opcodes[] = { 0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e,
                                       0x25, 0x28, 0x2a, 0x2f, 0x35, 0x41, 0x42, 0x43, 0x46,
                                       0x4a, 0x51, 0x55, 0x5a, 0x88, 0x8a, 0x8f, 0x91, 0x93,
                                       0x9e, 0xa0, 0xa8, 0xaa, 0xaf, 0xbd, 0xbe };
    uint8_t cdb[VIRTIO_SCSI_CDB_DEFAULT_SIZE] = { opcodes[program_byte(p) % sizeof(opcodes)] };
    const uint32_t which = program_word(p) & program_word(p);

    for (unsigned n = 1; n < 16; n++)
        if (which >> n & 1)
            cdb[n] = which >> 31 ? program_byte(p) : program_byte(p) % 32;
    for (unsigned n = 0; n < sizeof(cdb); n++)
        request_put(r, cdb[n], 1);
}

static void make_scsi(struct program *p, struct request *r)
{
    const uint8_t how = program_byte(p);

    if (how < 16) { /* an event's buffer */
        r->queue = 1;
        r->in_size = sizeof(struct virtio_scsi_event);
    } else if (how < 40) {
        r->queue = 0;
        request_put(r, program_byte(p) % 4, 4);
        if (how & 1)
            request_put(r, program_byte(p) % 9, 4);
        put_lun(p, r);
        request_put(r, program_number(p), how & 1 ? 8 : 4);
        r->in_size = how & 1 ? 1 : 5;
    } else {
        r->queue = 2;
        put_lun(p, r);
        request_put(r, program_byte(p) % 8, 8); /* its tag */
        request_put(r, 0, 3);
        put_cdb(p, r);
        r->in_size = sizeof(struct virtio_scsi_cmd_resp);
        if (how & 1)
            r->in_size += (uint32_t)(program_number(p) & 0x7fff);
        if (how & 2)
            put_data(p, r, program_number(p) & 0x1fff);
    }
}

static void make_serial(struct program *p, struct request *r)
{
    r->queue = program_byte(p) % 6;
    if (r->queue == 3) {
        request_put(r, program_byte(p) % 4, 4);
        request_put(r, program_byte(p) % 9, 2);
        request_put(r, program_byte(p) % 3, 2);
    } else if (r->queue & 1) {
        put_data(p, r, program_number(p) & 0xfff);
    } else {
        r->in_size = r->queue == 2 ? 64 : (uint32_t)program_number(p) & 0xfff;
    }
}

static void make_balloon(struct program *p, struct request *r)
{
    uint64_t page = program_number(p);

    r->queue = program_byte(p) % 4;
    if (r->queue == 3) {
        r->in_size = 1 + (uint32_t)(program_number(p) << 6 & 0xffff);
        return;
    }
    for (unsigned n = program_byte(p) % 32; n; n--) {
        if (r->queue == 2) {
            request_put(r, n % (VIRTIO_BALLOON_S_NR + 1), 2);
            request_put(r, page, 8);
        } else {
            request_put(r, page, 4);
        }
        page = program_once(p, 4) ? program_number(p) : page + 1;
    }
}

/* For blocks around those that there are. */
static void make_mem(struct program *p, struct request *r)
{
    uint64_t address = GUEST_DEVICE_MEMORY + ((uint64_t)(program_byte(p) % 40) << 21);

    request_put(r, program_byte(p) % 6, 8);
    request_put(r, program_once(p, 32) ? address + program_number(p) : address, 8);
    request_put(r, program_once(p, 32) ? program_number(p) : program_byte(p) % 8, 8);
    r->in_size = sizeof(struct virtio_mem_resp);
}

static void make_pmem(struct program *p, struct request *r)
{
    request_put(r, program_once(p, 8) ? program_number(p) : 0, 4);
    r->in_size = 4;
}

static void make_input(struct program *p, struct request *r)
{
    r->queue = program_byte(p) & 1;
    if (!r->queue) {
        r->in_size = 8;
        return;
    }
    for (unsigned n = 1 + program_byte(p) % 3; n; n--) {
        request_put(r, program_byte(p) % 0x18, 2);
        request_put(r, program_byte(p), 2);
        request_put(r, program_byte(p), 4);
    }
}

static void make_rng(struct program *p, struct request *r)
{
    r->in_size = (uint32_t)program_number(p);
}

static void make_echo(struct program *p, struct request *r)
{
    r->queue = program_byte(p) & 1;
    put_data(p, r, program_number(p) & 0xfff);
    r->in_size = (uint32_t)program_number(p) & 0xfff;
}

static const struct request_kind kinds[] = {
    { "9p", 1, share_make_9p, share_begin_9p },
    { "balloon", 4, make_balloon, NULL },
    { "blk", 3, make_blk, NULL },
    { "echo", 2, make_echo, NULL },
    { "keyboard", 2, make_input, NULL },
    { "mem", 1, make_mem, NULL },
    { "net", 3, make_net, NULL },
    { "pmem", 1, make_pmem, NULL },
    { "rng", 1, make_rng, NULL },
    { "scsi", 3, make_scsi, NULL },
    { "serial", 6, make_serial, NULL },
    { "tablet", 2, make_input, NULL },
    { "vsock", 3, share_make_vsock, NULL },
};

const struct request_kind *request_kind(const char *device)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(kinds); n++)
        if (strcmp(kinds[n].device, device) == 0)
            return &kinds[n];
    fprintf(stderr, "there is no device '%s'\n", device);
    abort();
}

/* --- chains ----------------------------------------------------------------------------------- */

/* Adds memory from gpa on in a few pieces. */
static unsigned cut(struct program *p, uint64_t gpa, uint32_t size, bool write,
                    struct guest_buffer *buffers)
{
    unsigned count = 0;

    while (count + 1 < PIECES && size > 1 && program_byte(p) & 1) {
        const uint32_t piece = 1 + (uint32_t)(program_number(p) % (size - 1));

        buffers[count++] = (struct guest_buffer){ gpa, piece, write };
        gpa += piece;
        size -= piece;
    }
    if (size)
        buffers[count++] = (struct guest_buffer){ gpa, size, write };
    return count;
}

void request_send(struct guest *g, struct program *p, const struct request *r)
{
    const uint8_t how = program_byte(p);
    const uint64_t gpa = BUFFERS + how % 16 * SLOT + (how & 0x80 ? program_byte(p) << 8 : 0);
    struct guest_queue *q = &g->queues[r->queue];
    struct guest_buffer buffers[2 * PIECES];
    const uint64_t heap = g->heap;
    unsigned count;

    if (!q->size || !(g->t->get_status(g) & DRIVER_OK))
        return;
    vemu_dma_write(g->vm, gpa, r->out, r->used);
    count = cut(p, gpa, (uint32_t)r->used, false, buffers);
    count += cut(p, gpa + REQUEST_MAX, r->in_size, true, buffers + count);
    if (!count)
        return;
    if (program_once(p, 32)) /* neither its size nor its direction is right */
        buffers[program_byte(p) % count].len = (uint32_t)program_number(p);
    if (program_once(p, 32))
        buffers[program_byte(p) % count].write ^= true;
    if (how & 0x20 && g->features & VEMU_VIRTIO_F_INDIRECT_DESC) {
        g->heap = INDIRECT + how % 16 * 0x1000u;
        guest_add_indirect(g, q, buffers, count);
        g->heap = heap;
    } else {
        guest_add(g, q, buffers, count);
    }
    if (how & 0xc0)
        g->t->notify(g, r->queue);
}
