/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of an AHCI adapter in a test.
 */
#include "ahci.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vemu/block.h>

#define ST   1u
#define FRE  0x10u
#define CMD  0x18u
#define TFD  0x20u
#define SACT 0x34u
#define CI   0x38u

/* Not Check's: the fuzzer uses this as well. */
static void must(int r, struct vemu_error *err)
{
    if (r < 0) {
        fprintf(stderr, "ahci: %s\n", vemu_error_message(err));
        abort();
    }
}

static void add_devices(struct vemu_vm *vm, void *data)
{
    const char *path = data;
    const struct vemu_property file[] = { { "filename", path }, { "discard", "unmap" },
                                          { "aio", "threads" } };
    const struct vemu_property iso[] = { { "filename", path }, { "read-only", "on" },
                                         { "aio", "threads" } };
    const struct vemu_property adapter[] = { { "addr", "5" } };
    const struct vemu_property disk[] = { { "drive", "d" }, { "bus", "sata.0" },
                                          { "serial", "S123" } };
    const struct vemu_property cdrom[] = { { "drive", "c" }, { "bus", "sata.2" } };
    struct vemu_error *err = NULL;

    must(vemu_vm_add_block(vm, "file", "d", file, 3, &err), err);
    must(vemu_vm_add_block(vm, "file", "c", iso, 3, &err), err);
    must(vemu_vm_add_device(vm, "ich9-ahci", "sata", adapter, 1, &err), err);
    must(vemu_vm_add_device(vm, "ide-hd", "hd", disk, 3, &err), err);
    must(vemu_vm_add_device(vm, "ide-cd", "cdrom", cdrom, 2, &err), err);
}

void sata_init(struct sata *sata, uint64_t size)
{
    int fd;

    strcpy(sata->path, "/tmp/vemu-ahci-XXXXXX");
    fd = mkstemp(sata->path);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 || pwrite(fd, "CD001", 5, 16 * 2048 + 1) != 5)
        abort();
    close(fd);
    board_init_with(&sata->board, add_devices, sata->path);
    board_config_write(&sata->board, SATA_BDF, 0x24, 4, SATA_BAR);
    board_config_write(&sata->board, SATA_BDF, 0x04, 2, 7);
}

void sata_fini(struct sata *sata)
{
    board_fini(&sata->board);
    unlink(sata->path);
}

uint32_t sata_get(struct sata *sata, unsigned port, unsigned offset)
{
    return (uint32_t)board_read(&sata->board, SATA_BAR + 0x100 + port * 0x80 + offset, 4);
}

void sata_set(struct sata *sata, unsigned port, unsigned offset, uint32_t value)
{
    board_write(&sata->board, SATA_BAR + 0x100 + port * 0x80 + offset, 4, value);
}

uint8_t *sata_memory(struct sata *sata, unsigned at)
{
    return vemu__memory_ptr(sata->board.vm->memory, at, 1, true);
}

static unsigned shift_of(unsigned port)
{
    return port * 0x10000;
}

void sata_start_port(struct sata *sata, unsigned port)
{
    sata_set(sata, port, 0x00, SATA_LIST + shift_of(port));
    sata_set(sata, port, 0x08, SATA_FIS + shift_of(port));
    sata_set(sata, port, CMD, FRE);
    sata_set(sata, port, CMD, FRE | ST);
}

void sata_prepare(struct sata *sata, unsigned port, unsigned slot, const uint8_t *fis,
                  const uint8_t *packet, unsigned data, unsigned size, bool write)
{
    unsigned table = SATA_TABLE + shift_of(port) + slot * 0x100, half = size / 2 & ~1u;
    uint32_t prd[8] = { SATA_DATA + data, 0, 0, half - 1, SATA_DATA + data + half, 0, 0,
                        size - half - 1 };
    uint32_t head[4] = { 5 | (packet ? 0x20u : 0) | (write ? 0x40u : 0), 0, table, 0 };

    if (size > 2) {
        head[0] |= 2u << 16;
    } else if (size) {
        prd[3] = size - 1;
        head[0] |= 1u << 16;
    }
    memcpy(sata_memory(sata, SATA_LIST + shift_of(port) + 32 * slot), head, sizeof(head));
    memcpy(sata_memory(sata, table), fis, 20);
    if (packet)
        memcpy(sata_memory(sata, table + 0x40), packet, 12);
    memcpy(sata_memory(sata, table + 0x80), prd, sizeof(prd));
}

uint32_t sata_issue(struct sata *sata, unsigned port, unsigned slot, bool queued)
{
    if (queued)
        sata_set(sata, port, SACT, 1u << slot);
    sata_set(sata, port, CI, 1u << slot);
    for (unsigned i = 0; i < 5000; i++) {
        /* in this order: it may end between the two */
        const bool under_way = sata_get(sata, port, queued ? SACT : CI) & 1u << slot;
        const uint32_t tfd = sata_get(sata, port, TFD);

        if (!under_way || (tfd & 1))
            return tfd;
        usleep(1000);
    }
    abort();
}

uint32_t sata_command(struct sata *sata, unsigned port, uint8_t opcode, uint8_t features,
                      uint64_t lba, uint16_t count, unsigned size, bool write)
{
    const uint8_t fis[20] = {
        0x27,           0x80,
        opcode,         features,
        (uint8_t)lba,   (uint8_t)(lba >> 8),
        (uint8_t)(lba >> 16), 0x40,
        (uint8_t)(lba >> 24), (uint8_t)(lba >> 32),
        (uint8_t)(lba >> 40), 0,
        (uint8_t)count, (uint8_t)(count >> 8),
    };

    sata_prepare(sata, port, 0, fis, NULL, 0, size, write);
    return sata_issue(sata, port, 0, false);
}

uint32_t sata_packet(struct sata *sata, unsigned port, const uint8_t *cdb, unsigned size)
{
    const uint8_t fis[20] = { 0x27, 0x80, 0xa0, 1 };

    sata_prepare(sata, port, 0, fis, cdb, 0, size, false);
    return sata_issue(sata, port, 0, false);
}

void sata_recover(struct sata *sata, unsigned port)
{
    sata_set(sata, port, CMD, FRE);
    sata_set(sata, port, 0x10, UINT32_MAX);
    sata_set(sata, port, CMD, FRE | ST);
}
