/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-scsi with a disk and a CD-ROM drive: SCSI commands and their sense data, task management,
 * events, hostile requests.
 */
#include <check.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/virtio_scsi.h>
#include <string.h>
#include <unistd.h>

#include <vemu/block.h>

#include "../core/test-main.h"
#include "guest.h"

#define DISK_SIZE (1u << 20)
#define ALL       (~0ull & ~VEMU_VIRTIO_F_RING_PACKED & ~VEMU_VIRTIO_F_IN_ORDER)
#define DISK      0u /* targets */
#define CDROM     3u

static char path[64];

struct result {
    uint8_t response, status, sense[18];
    uint32_t residual, sense_size;
};

static struct result last;

static void add_block(struct vemu_vm *vm, const char *id, const char *read_only)
{
    const struct vemu_property props[] = {
        { "filename", path },
        { "discard", "unmap" },
        { "read-only", read_only },
    };

    OK(vemu_vm_add_block(vm, "file", id, props, 3, &err));
}

static struct guest *start_with(const char *read_only)
{
    const struct vemu_property adapter[] = { { "num_queues", "1" } };
    const struct vemu_property disk[] = { { "drive", "disk" },
                                          { "serial", "S123" },
                                          { "wwn", "0x5000c50015ea71ac" } };
    const struct vemu_property cdrom[] = { { "drive", "cd" },
                                           { "scsi-id", "3" },
                                           { "bus", "scsi.0" } };
    struct vemu_vm *vm = guest_vm();
    struct guest *g;
    int fd;

    strcpy(path, "/tmp/vemu-scsi-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, DISK_SIZE), 0);
    ck_assert_int_eq(pwrite(fd, "CD001", 5, 16 * 2048 + 1), 5);
    close(fd);
    add_block(vm, "disk", read_only);
    add_block(vm, "cd", "on");
    OK(vemu_vm_add_device(vm, "virtio-scsi", "scsi", adapter, 1, &err));
    OK(vemu_vm_add_device(vm, "scsi-hd", "hd", disk, 3, &err));
    OK(vemu_vm_add_device(vm, "scsi-cd", "cdrom", cdrom, 3, &err));
    g = guest_adopt(vm, "scsi");
    guest_start(g, ALL, 3);
    return g;
}

static struct guest *start(void)
{
    return start_with("off");
}

static void finish(struct guest *g)
{
    guest_free(g);
    unlink(path);
}

/* One command; `last` has the end. Returns the status, or 0x100 | response. */
static unsigned command(struct guest *g, unsigned target, unsigned lun, const uint8_t *cdb,
                        void *data, uint32_t size, bool in)
{
    uint64_t heap = g->heap, head = guest_alloc(g, 51, 8), tail = guest_alloc(g, 108, 8);
    uint64_t at = guest_alloc(g, size + 1, 512);
    struct virtio_scsi_cmd_req req = { .lun = { 1, (uint8_t)target, (uint8_t)(0x40 | lun >> 8),
                                                (uint8_t)lun }, .tag = 7 };
    struct virtio_scsi_cmd_resp resp;
    struct guest_buffer b[3];
    unsigned count = 0;

    memcpy(req.cdb, cdb, 16);
    vemu_dma_write(g->vm, head, &req, 51);
    if (size && !in)
        vemu_dma_write(g->vm, at, data, size);
    b[count++] = (struct guest_buffer){ head, 51, false };
    if (size && !in)
        b[count++] = (struct guest_buffer){ at, size, false };
    b[count++] = (struct guest_buffer){ tail, 108, true };
    if (size && in)
        b[count++] = (struct guest_buffer){ at, size, true };
    guest_request(g, &g->queues[2], b, count);
    vemu_dma_read(g->vm, tail, &resp, 108);
    if (size && in)
        vemu_dma_read(g->vm, at, data, size);
    g->heap = heap;
    last = (struct result){ .response = resp.response, .status = resp.status,
                            .residual = resp.resid, .sense_size = resp.sense_len };
    memcpy(last.sense, resp.sense, sizeof(last.sense));
    return resp.response ? 0x100u | resp.response : resp.status;
}

#define CDB(...) ((const uint8_t[16]){ __VA_ARGS__ })
#define GOOD(target, cdb, data, size, in)                                                          \
    ck_assert_uint_eq(command(g, target, 0, cdb, data, size, in), 0)
/* CHECK CONDITION with this sense key, code and qualifier. */
#define CHECK(target, cdb, data, size, in, key, asc, ascq)                                         \
    do {                                                                                           \
        ck_assert_uint_eq(command(g, target, 0, cdb, data, size, in), 2);                          \
        ck_assert_uint_eq(last.sense_size, 18);                                                    \
        ck_assert_uint_eq(last.sense[0], 0x70);                                                    \
        ck_assert_uint_eq(last.sense[2], key);                                                     \
        ck_assert_uint_eq(last.sense[12], asc);                                                    \
        ck_assert_uint_eq(last.sense[13], ascq);                                                   \
    } while (0)

static void clear_attention(struct guest *g)
{
    CHECK(DISK, CDB(0), NULL, 0, true, 6, 0x29, 0);
    CHECK(CDROM, CDB(0), NULL, 0, true, 6, 0x29, 0);
}

START_TEST(test_inquiry)
{
    struct guest *g = start();
    uint8_t d[256];

    GOOD(DISK, CDB(0x12, 0, 0, 0, 96), d, 96, true); /* before the attention is told */
    ck_assert_uint_eq(d[0], 0);
    ck_assert_uint_eq(d[2], 6);
    ck_assert_uint_eq(d[4], 69);
    ck_assert_mem_eq(d + 8, "VEMU    VEMU HARDDISK   1.0 ", 28);
    ck_assert_uint_eq(last.residual, 96 - 74);
    clear_attention(g);
    GOOD(CDROM, CDB(0x12, 0, 0, 0, 36), d, 36, true);
    ck_assert_uint_eq(d[0], 5);
    ck_assert_uint_eq(d[1], 0x80);
    GOOD(DISK, CDB(0x12, 1, 0, 0, 255), d, 255, true);
    ck_assert_mem_eq(d, "\x00\x00\x00\x06\x00\x80\x83\xb0\xb1\xb2", 10);
    GOOD(CDROM, CDB(0x12, 1, 0, 0, 255), d, 255, true);
    ck_assert_mem_eq(d, "\x05\x00\x00\x02\x00\x83", 6);
    GOOD(DISK, CDB(0x12, 1, 0x80, 0, 255), d, 255, true);
    ck_assert_mem_eq(d, "\x00\x80\x00\x04S123", 8);
    GOOD(DISK, CDB(0x12, 1, 0x83, 0, 255), d, 255, true);
    ck_assert_mem_eq(d + 4, "\x02\x01\x00\x0cVEMU    S123", 16);
    ck_assert_mem_eq(d + 20, "\x01\x03\x00\x08\x50\x00\xc5\x00\x15\xea\x71\xac", 12);
    GOOD(DISK, CDB(0x12, 1, 0xb0, 0, 255), d, 255, true);
    ck_assert_mem_eq(d, "\x00\xb0\x00\x3c\x01", 5);
    ck_assert_mem_eq(d + 20, "\x00\x40\x00\x00\x00\x00\x01\x00", 8); /* UNMAP */
    GOOD(DISK, CDB(0x12, 1, 0xb2, 0, 255), d, 255, true);
    ck_assert_mem_eq(d, "\x00\xb2\x00\x04\x00\xe0\x02\x00", 8);
    CHECK(DISK, CDB(0x12, 1, 0xb5, 0, 255), d, 255, true, 5, 0x24, 0);
    CHECK(CDROM, CDB(0x12, 1, 0x80, 0, 255), d, 255, true, 5, 0x24, 0);
    CHECK(DISK, CDB(0x12, 0, 0x80, 0, 255), d, 255, true, 5, 0x24, 0);
    finish(g);
}
END_TEST

START_TEST(test_data)
{
    struct guest *g = start();
    uint8_t d[8192], back[8192];

    clear_attention(g);
    for (unsigned i = 0; i < sizeof(d); i++)
        d[i] = (uint8_t)(i * 7 + i / 256);
    GOOD(DISK, CDB(0x2a, 0x08, 0, 0, 0, 9, 0, 0, 16), d, 8192, false); /* FUA */
    GOOD(DISK, CDB(0x28, 0, 0, 0, 0, 9, 0, 0, 16), back, 8192, true);
    ck_assert_mem_eq(d, back, 8192);
    GOOD(DISK, CDB(0x08, 0, 0, 9, 2), back, 4096, true); /* more room than data */
    ck_assert_mem_eq(d, back, 1024);
    ck_assert_uint_eq(last.residual, 3072);
    GOOD(DISK, CDB(0xa8, 0, 0, 0, 0, 10, 0, 0, 0, 1), back, 512, true);
    ck_assert_mem_eq(d + 512, back, 512);
    GOOD(DISK, CDB(0x8a, 0, 0, 0, 0, 0, 0, 0, 7, 255, 0, 0, 0, 1), d, 512, false);
    GOOD(DISK, CDB(0x88, 0, 0, 0, 0, 0, 0, 0, 7, 255, 0, 0, 0, 1), back, 512, true);
    ck_assert_mem_eq(d, back, 512);
    GOOD(DISK, CDB(0x28, 0, 0, 0, 0, 9, 0, 0, 0), NULL, 0, true);
    CHECK(DISK, CDB(0x28, 0, 0, 0, 8, 0, 0, 0, 1), back, 512, true, 5, 0x21, 0);
    CHECK(DISK, CDB(0x28, 0, 0, 0, 7, 255, 0, 0, 2), back, 1024, true, 5, 0x21, 0);
    CHECK(DISK, CDB(0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255), back,
          512, true, 5, 0x21, 0);
    CHECK(DISK, CDB(0x28, 0x20, 0, 0, 0, 9, 0, 0, 1), back, 512, true, 5, 0x24, 0);
    CHECK(DISK, CDB(0xee), NULL, 0, true, 5, 0x20, 0);
    ck_assert_uint_eq(command(g, DISK, 0, CDB(0x28, 0, 0, 0, 0, 9, 0, 0, 2), back, 512, true),
                      0x100 | VIRTIO_SCSI_S_OVERRUN);
    ck_assert_uint_eq(command(g, DISK, 0, CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 2), d, 512, false),
                      0x100 | VIRTIO_SCSI_S_OVERRUN);
    GOOD(DISK, CDB(0x35), NULL, 0, true);
    GOOD(DISK, CDB(0x2f, 0, 0, 0, 0, 9, 0, 0, 16), NULL, 0, true);
    GOOD(DISK, CDB(0x2f, 2, 0, 0, 0, 9, 0, 0, 16), d, 8192, false);
    d[5000]++;
    CHECK(DISK, CDB(0x2f, 2, 0, 0, 0, 9, 0, 0, 16), d, 8192, false, 0xe, 0x1d, 0);
    CHECK(DISK, CDB(0x2f, 4, 0, 0, 0, 9, 0, 0, 16), d, 8192, false, 5, 0x24, 0);
    finish(g);
}
END_TEST

START_TEST(test_ranges)
{
    struct guest *g = start();
    uint8_t d[4096], zeros[4096] = { 0 };
    /* two extents, and one of no blocks */
    uint8_t list[8 + 48] = { 0, 54, 0, 48, 0, 0, 0, 0, [8 + 7] = 8, [8 + 11] = 8,
                             [24 + 7] = 64, [40 + 6] = 1, [40 + 11] = 1 };

    clear_attention(g);
    memset(d, 0xaa, sizeof(d));
    for (unsigned i = 0; i < 4; i++)
        GOOD(DISK, CDB(0x2a, 0, 0, 0, 0, (uint8_t)(8 * i), 0, 0, 8), d, 4096, false);
    GOOD(DISK, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 56), list, 56, false);
    GOOD(DISK, CDB(0x28, 0, 0, 0, 0, 8, 0, 0, 8), d, 4096, true);
    ck_assert_mem_eq(d, zeros, 4096); /* as a hole in a file */
    list[8 + 6] = 8;
    CHECK(DISK, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 56), list, 56, false, 5, 0x21, 0);
    CHECK(DISK, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 4), list, 4, false, 5, 0x1a, 0);
    CHECK(DISK, CDB(0x42, 1, 0, 0, 0, 0, 0, 0, 56), list, 56, false, 5, 0x24, 0);
    memset(d, 0x5a, 512);
    GOOD(DISK, CDB(0x41, 0, 0, 0, 0, 100, 0, 1, 0), d, 512, false); /* 256 blocks: two steps */
    GOOD(DISK, CDB(0x28, 0, 0, 0, 1, 99, 0, 0, 2), d + 1024, 1024, true);
    ck_assert_mem_eq(d + 1024, d, 512);
    ck_assert_uint_eq(d[1536], 0);
    GOOD(DISK, CDB(0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 1, 0), zeros, 512, false);
    GOOD(DISK, CDB(0x28, 0, 0, 0, 0, 100, 0, 0, 8), d, 4096, true);
    ck_assert_mem_eq(d, zeros, 4096);
    GOOD(DISK, CDB(0x93, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8), NULL, 0, true);
    GOOD(DISK, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 8), d, 4096, true);
    ck_assert_mem_eq(d, zeros, 4096);
    CHECK(DISK, CDB(0x41, 0, 0, 0, 0, 100, 0, 0, 0), d, 512, false, 5, 0x24, 0);
    CHECK(DISK, CDB(0x93, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1), d, 512, false, 5, 0x21, 0);
    ck_assert_uint_eq(command(g, DISK, 0, CDB(0x41, 0, 0, 0, 0, 100, 0, 0, 1), d, 100, false),
                      0x100 | VIRTIO_SCSI_S_OVERRUN);
    finish(g);
}
END_TEST

START_TEST(test_capacity)
{
    struct guest *g = start();
    uint8_t d[512];

    clear_attention(g);
    GOOD(DISK, CDB(0x25), d, 8, true);
    ck_assert_mem_eq(d, "\x00\x00\x07\xff\x00\x00\x02\x00", 8);
    GOOD(DISK, CDB(0x9e, 0x10, [13] = 32), d, 32, true);
    ck_assert_mem_eq(d, "\x00\x00\x00\x00\x00\x00\x07\xff\x00\x00\x02\x00\x00\x00\x80", 15);
    CHECK(DISK, CDB(0x9e, 0x11, [13] = 32), d, 32, true, 5, 0x20, 0);
    GOOD(CDROM, CDB(0x25), d, 8, true);
    ck_assert_mem_eq(d, "\x00\x00\x01\xff\x00\x00\x08\x00", 8);
    OK(vemu_vm_resize_block(g->vm, "disk", 2 * DISK_SIZE, &err));
    CHECK(DISK, CDB(0x25), d, 8, true, 6, 0x2a, 9);
    GOOD(DISK, CDB(0x25), d, 8, true);
    ck_assert_mem_eq(d, "\x00\x00\x0f\xff", 4);
    finish(g);
}
END_TEST

START_TEST(test_modes)
{
    struct guest *g = start();
    uint8_t d[64], select[24] = { 0, 0, 0, 0, 0x08, 18, 0x00 };

    clear_attention(g);
    GOOD(DISK, CDB(0x1a, 0, 0x08, 0, 64), d, 64, true);
    ck_assert_mem_eq(d, "\x1f\x00\x10\x08\x00\x00\x08\x00\x00\x00\x02\x00\x08\x12\x04", 15);
    GOOD(DISK, CDB(0x5a, 0x08, 0x48, 0, 0, 0, 0, 0, 64), d, 64, true); /* what can be changed */
    ck_assert_mem_eq(d, "\x00\x1a\x00\x10\x00\x00\x00\x00\x08\x12\x04\x00", 12);
    CHECK(DISK, CDB(0x1a, 0, 0xc8, 0, 64), d, 64, true, 5, 0x39, 0);
    CHECK(DISK, CDB(0x1a, 0, 0x2a, 0, 64), d, 64, true, 5, 0x24, 0);
    GOOD(CDROM, CDB(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64), d, 64, true);
    ck_assert_uint_eq(d[8], 0x2a);
    GOOD(DISK, CDB(0x15, 0x10, 0, 0, 24), select, 24, false); /* the write cache goes off */
    GOOD(DISK, CDB(0x1a, 8, 0x08, 0, 64), d, 64, true);
    ck_assert_uint_eq(d[6], 0);
    select[7] = 1;
    CHECK(DISK, CDB(0x15, 0x10, 0, 0, 24), select, 24, false, 5, 0x26, 0);
    CHECK(DISK, CDB(0x15, 0x10, 0, 0, 20), select, 20, false, 5, 0x1a, 0);
    CHECK(DISK, CDB(0x15, 0x11, 0, 0, 24), select, 24, false, 5, 0x24, 0);
    finish(g);
}
END_TEST

START_TEST(test_cdrom)
{
    struct guest *g = start();
    uint8_t d[4096];

    clear_attention(g);
    GOOD(CDROM, CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 1), d, 2048, true);
    ck_assert_mem_eq(d + 1, "CD001", 5);
    GOOD(CDROM, CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x10), d, 2048, true);
    ck_assert_mem_eq(d + 1, "CD001", 5);
    CHECK(CDROM, CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0xf8), d, 2352, true, 5, 0x64, 0);
    CHECK(CDROM, CDB(0x2a, 0, 0, 0, 0, 16, 0, 0, 1), d, 2048, false, 5, 0x20, 0);
    GOOD(CDROM, CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 20), d, 20, true);
    ck_assert_mem_eq(d, "\x00\x12\x01\x01\x00\x14\x01\x00\x00\x00\x00\x00"
                        "\x00\x14\xaa\x00\x00\x00\x02\x00", 20);
    GOOD(CDROM, CDB(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12), d, 12, true); /* as minutes */
    ck_assert_mem_eq(d + 8, "\x00\x00\x08\x3e", 4);
    CHECK(CDROM, CDB(0x43, 0, 0, 0, 0, 0, 7, 0, 12), d, 12, true, 5, 0x24, 0);
    GOOD(CDROM, CDB(0x46, 0, 0, 0, 0, 0, 0, 0, 128), d, 128, true);
    ck_assert_uint_eq(d[7], 0x08);
    ck_assert_uint_eq(d[3], 128 - 4 - last.residual);
    GOOD(CDROM, CDB(0x51, 0, 0, 0, 0, 0, 0, 0, 34), d, 34, true);
    ck_assert_uint_eq(d[2], 0x0e);
    GOOD(CDROM, CDB(0x1e, 0, 0, 0, 1), NULL, 0, true); /* lock */
    CHECK(CDROM, CDB(0x1b, 0, 0, 0, 2), NULL, 0, true, 5, 0x53, 2);
    GOOD(CDROM, CDB(0x1e), NULL, 0, true);
    GOOD(CDROM, CDB(0x1b, 0, 0, 0, 2), NULL, 0, true); /* eject */
    CHECK(CDROM, CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 1), d, 2048, true, 2, 0x3a, 2);
    GOOD(CDROM, CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), d, 8, true);
    ck_assert_mem_eq(d, "\x00\x06\x04\x10\x03\x01", 6);
    GOOD(CDROM, CDB(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8), d, 8, true);
    ck_assert_uint_eq(d[1], 0x10);
    GOOD(CDROM, CDB(0x1b, 0, 0, 0, 3), NULL, 0, true); /* load */
    CHECK(CDROM, CDB(0), NULL, 0, true, 6, 0x28, 0);
    GOOD(CDROM, CDB(0), NULL, 0, true);
    GOOD(CDROM, CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), d, 8, true);
    ck_assert_mem_eq(d, "\x00\x06\x04\x10\x02\x02", 6);
    CHECK(CDROM, CDB(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8), d, 8, true, 5, 0x24, 0);
    finish(g);
}
END_TEST

START_TEST(test_units)
{
    struct guest *g = start();
    uint8_t d[512];

    clear_attention(g);
    GOOD(DISK, CDB(0xa0, [9] = 64), d, 64, true);
    ck_assert_mem_eq(d, "\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00", 12);
    ck_assert_uint_eq(command(g, 2, 0, CDB(0), NULL, 0, true), 0x100 | VIRTIO_SCSI_S_BAD_TARGET);
    ck_assert_uint_eq(command(g, DISK, 5, CDB(0), NULL, 0, true), 2);
    ck_assert_uint_eq(last.sense[12], 0x25);
    ck_assert_uint_eq(command(g, DISK, 5, CDB(0x12, 0, 0, 0, 36), d, 36, true), 0);
    ck_assert_uint_eq(d[0], 0x7f);
    ck_assert_uint_eq(command(g, DISK, 5, CDB(0xa0, [9] = 64), d, 64, true), 0);
    ck_assert_uint_eq(d[3], 8);
    GOOD(DISK, CDB(0x03, 0, 0, 0, 18), d, 18, true);
    ck_assert_uint_eq(d[2], 0);
    GOOD(DISK, CDB(0x1b), NULL, 0, true); /* stop */
    CHECK(DISK, CDB(0x28, [8] = 1), d, 512, true, 2, 0x04, 2);
    GOOD(DISK, CDB(0x1b, 0, 0, 0, 1), NULL, 0, true);
    GOOD(DISK, CDB(0), NULL, 0, true);
    finish(g);
}
END_TEST

static uint8_t manage(struct guest *g, uint32_t subtype, unsigned target, unsigned lun)
{
    struct virtio_scsi_ctrl_tmf_req tmf = {
        .type = VIRTIO_SCSI_T_TMF,
        .subtype = subtype,
        .lun = { 1, (uint8_t)target, 0x40, (uint8_t)lun },
        .tag = 7,
    };
    uint64_t heap = g->heap, at = guest_alloc(g, sizeof(tmf), 8), end = guest_alloc(g, 1, 1);
    const struct guest_buffer b[] = { { at, sizeof(tmf), false }, { end, 1, true } };
    uint8_t response;

    vemu_dma_write(g->vm, at, &tmf, sizeof(tmf));
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 2), 1);
    vemu_dma_read(g->vm, end, &response, 1);
    g->heap = heap;
    return response;
}

START_TEST(test_management)
{
    struct guest *g = start();

    clear_attention(g);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_ABORT_TASK, DISK, 0), 0);
    GOOD(DISK, CDB(0), NULL, 0, true);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, DISK, 0), 0);
    CHECK(DISK, CDB(0), NULL, 0, true, 6, 0x29, 3);
    GOOD(CDROM, CDB(0), NULL, 0, true);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET, CDROM, 0), 0);
    CHECK(CDROM, CDB(0), NULL, 0, true, 6, 0x29, 3);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_QUERY_TASK, DISK, 0), 0);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_CLEAR_ACA, DISK, 0),
                      VIRTIO_SCSI_S_FUNCTION_REJECTED);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_ABORT_TASK, 9, 0), VIRTIO_SCSI_S_BAD_TARGET);
    ck_assert_uint_eq(manage(g, VIRTIO_SCSI_T_TMF_ABORT_TASK, DISK, 9),
                      VIRTIO_SCSI_S_INCORRECT_LUN);
    finish(g);
}
END_TEST

/* Units come and go while the driver runs. */
START_TEST(test_hotplug)
{
    struct guest *g = start();
    const struct vemu_property more[] = { { "scsi-id", "3" }, { "lun", "300" } };
    struct virtio_scsi_event event;
    uint64_t at = guest_alloc(g, sizeof(event), 8);
    const struct guest_buffer b = { at, sizeof(event), true };
    uint32_t len;

    clear_attention(g);
    FAILS(vemu_vm_add_device(g->vm, "scsi-cd", "x", more, 1, &err), EBUSY, "scsi-id 3");
    OK(vemu_vm_add_device(g->vm, "scsi-cd", "x", more, 2, &err)); /* nobody hears of it */
    guest_add(g, &g->queues[1], &b, 1);
    g->t->notify(g, 1);
    ck_assert_int_ge(guest_wait(g, &g->queues[1], &len), 0);
    vemu_dma_read(g->vm, at, &event, sizeof(event));
    ck_assert_uint_eq(event.event, VIRTIO_SCSI_T_EVENTS_MISSED);
    CHECK(CDROM, CDB(0), NULL, 0, true, 6, 0x3f, 0x0e);
    ck_assert_uint_eq(command(g, CDROM, 300, CDB(0), NULL, 0, true), 2);
    ck_assert_uint_eq(command(g, CDROM, 300, CDB(0), NULL, 0, true), 2);
    ck_assert_uint_eq(last.sense[12], 0x3a); /* empty */
    guest_add(g, &g->queues[1], &b, 1);
    OK(vemu_vm_remove_device(g->vm, "x", &err));
    ck_assert_int_ge(guest_wait(g, &g->queues[1], &len), 0);
    vemu_dma_read(g->vm, at, &event, sizeof(event));
    ck_assert_uint_eq(event.event, VIRTIO_SCSI_T_TRANSPORT_RESET);
    ck_assert_uint_eq(event.reason, VIRTIO_SCSI_EVT_RESET_REMOVED);
    ck_assert_mem_eq(event.lun, "\x01\x03\x41\x2c", 4);
    finish(g);
}
END_TEST

START_TEST(test_read_only)
{
    struct guest *g = start_with("on");
    uint8_t d[512] = { 0 };

    clear_attention(g);
    CHECK(DISK, CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 1), d, 512, false, 7, 0x27, 0);
    GOOD(DISK, CDB(0x1a, 8, 0x08, 0, 64), d, 64, true);
    ck_assert_uint_eq(d[2], 0x90);
    finish(g);
}
END_TEST

/* Requests that are too short break the device; resets with requests under way. */
START_TEST(test_hostile)
{
    struct guest *g = start();
    const struct guest_buffer b[] = { { 0x20000, 20, false }, { 0x20100, 108, true } };

    guest_add(g, &g->queues[2], b, 2);
    g->t->notify(g, 2);
    ck_assert(guest_broken(g));
    guest_start(g, ALL, 3);
    ck_assert(!guest_broken(g));
    for (unsigned round = 0; round < 20; round++) {
        uint64_t heap = g->heap, head = guest_alloc(g, 51, 8), data = guest_alloc(g, 65536, 512);
        const struct virtio_scsi_cmd_req req = { .lun = { 1, DISK, 0x40 },
                                                 .cdb = { 0x28, [8] = 64 } };
        const struct guest_buffer read[] = { { head, 51, false }, { data, 108 + 32768, true } };

        command(g, DISK, 0, CDB(0), NULL, 0, true);
        vemu_dma_write(g->vm, head, &req, 51);
        for (unsigned i = 0; i < 20; i++)
            guest_add(g, &g->queues[2], read, 2);
        g->t->notify(g, 2);
        g->t->set_status(g, 0);
        memset(guest_ptr(g, data), 0x77, 65536);
        g_usleep(500);
        for (unsigned i = 0; i < 65536; i++)
            ck_assert_uint_eq(((uint8_t *)guest_ptr(g, data))[i], 0x77);
        g->heap = heap;
        guest_start(g, ALL, 3);
    }
    finish(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_inquiry, test_data, test_ranges, test_capacity, test_modes,
                                   test_cdrom, test_units, test_management, test_hotplug,
                                   test_read_only, test_hostile };
    Suite *suite = suite_create("virtio-scsi");
    TCase *tcase = tcase_create("units");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
