/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ATA disks: the commands of ATA8-ACS and ACS-2 that systems use.
 *
 * Data goes between node and guest memory in steps of as many memory pieces as a list of ours has;
 * most requests are one step. A command ends by vemu__ahci_command_end(). Addresses are logical
 * blocks of 512 bytes; there are no cylinders.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "devices/ahci/ahci.h"

#define SECTOR       512u
#define PIECES       256u /* of a step */
#define TRIM_SECTORS 8u   /* of ranges, in a command; IDENTIFY tells it */
#define LBA_BIT      0x40u

/* What a command is, as far as it needs no code. */
#define ATA_EXT   (1u << 0) /* 48 bit address */
#define ATA_PIO   (1u << 1)
#define ATA_WRITE (1u << 2)
#define ATA_FUA   (1u << 3)

struct ata_command {
    uint8_t opcode, flags;
    void (*run)(struct ahci_command *command, unsigned flags);
};

static struct vemu_block *node_of(const struct ahci_command *command)
{
    return command->port->drive->unit.props.drive;
}

static void end(struct ahci_command *command, uint8_t error)
{
    vemu__ahci_command_end(command, error);
}

static uint64_t lba48(const uint8_t *fis)
{
    return fis[4] | (uint64_t)fis[5] << 8 | (uint64_t)fis[6] << 16 | (uint64_t)fis[8] << 24 |
           (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
}

/* --- work at the node ------------------------------------------------------------------------- */

static void submit(struct ahci_command *command, enum vemu_block_op op, uint32_t flags,
                   uint64_t bytes, void (*done)(struct vemu_block_request *req, int result))
{
    command->req.op = op;
    command->req.flags = flags;
    command->req.offset = command->offset;
    command->req.bytes = bytes;
    command->req.iov = command->buf ? &command->own : command->iov;
    command->req.iov_count = command->buf ? 1 : command->iov_count;
    command->req.done = done;
    vemu__block_submit(node_of(command), &command->req);
}

static struct ahci_command *command_of(struct vemu_block_request *req)
{
    return (struct ahci_command *)((char *)req - offsetof(struct ahci_command, req));
}

static uint8_t error_of(const struct vemu_block_request *req, int result)
{
    if (result >= 0)
        return 0;
    return result == -EINVAL ? ATA_IDNF : req->op == VEMU_BLOCK_READ ? ATA_UNC : ATA_ABRT;
}

static void simple_done(struct vemu_block_request *req, int result)
{
    end(command_of(req), error_of(req, result));
}

static void next_piece(struct ahci_command *command);

static void piece_done(struct vemu_block_request *req, int result)
{
    struct ahci_command *command = command_of(req);

    if (result >= 0) {
        if (req->op == VEMU_BLOCK_READ)
            vemu__ahci_command_filled(command, req->bytes);
        command->moved += (uint32_t)req->bytes;
        command->offset += req->bytes;
        command->left -= req->bytes;
    }
    if (result < 0)
        end(command, error_of(req, result));
    else if (!command->left)
        end(command, 0);
    else if (!command->port->is_draining)
        next_piece(command);
}

static void next_piece(struct ahci_command *command)
{
    int64_t n = vemu__ahci_command_map(command, command->left, PIECES);

    if (n <= 0)
        vemu__ahci_command_starve(command, n);
    else
        submit(command, command->is_write ? VEMU_BLOCK_WRITE : VEMU_BLOCK_READ, command->req.flags,
               (uint64_t)n, piece_done);
}

/* False: not on the disk, and the command has ended. */
static bool set_range(struct ahci_command *command, uint64_t lba, uint64_t sectors)
{
    uint64_t size = vemu__block_size(node_of(command)) / SECTOR;

    if (lba > size || sectors > size - lba) {
        end(command, ATA_IDNF);
        return false;
    }
    command->offset = lba * SECTOR;
    command->left = sectors * SECTOR;
    return true;
}

/* The registers' address and count; false: there is none, and the command has ended. */
static bool take_range(struct ahci_command *command, unsigned flags)
{
    const uint8_t *fis = command->fis;
    uint32_t count = fis[12], max = 256;
    uint64_t lba = lba48(fis);

    if (!(fis[7] & LBA_BIT)) {
        end(command, ATA_ABRT);
        return false;
    }
    if (flags & ATA_EXT) {
        count |= (uint32_t)fis[13] << 8;
        max = 65536;
    } else {
        lba = (lba & 0xffffff) | (uint64_t)(fis[7] & 0x0f) << 24;
    }
    return set_range(command, lba, count ? count : max);
}

static uint32_t write_flags(const struct ahci_command *command, bool fua)
{
    return command->is_write && (fua || !command->port->s->write_cache) ? VEMU_BLOCK_FUA : 0;
}

/* --- data ------------------------------------------------------------------------------------- */

static void begin_transfer(struct ahci_command *command, bool fua)
{
    if (command->is_write && vemu__block_read_only(node_of(command))) {
        end(command, ATA_ABRT);
        return;
    }
    command->req.flags = write_flags(command, fua);
    next_piece(command);
}

static void transfer(struct ahci_command *command, unsigned flags)
{
    if (command->is_write != !!(flags & ATA_WRITE)) /* header and command do not agree */
        end(command, ATA_ABRT);
    else if (take_range(command, flags)) {
        command->is_pio = flags & ATA_PIO;
        begin_transfer(command, flags & ATA_FUA);
    }
}

/* Block mode has to be set before (ATA8-ACS, 7.27). */
static void transfer_multiple(struct ahci_command *command, unsigned flags)
{
    if (command->port->s->multiple)
        transfer(command, flags);
    else
        end(command, ATA_ABRT);
}

/* 7.x of ACS-2: READ and WRITE FPDMA QUEUED; the tag is that of the slot (AHCI 1.3.1, 5.6.4). */
static void transfer_queued(struct ahci_command *command, unsigned flags)
{
    const uint8_t *fis = command->fis;
    uint32_t count = fis[3] | (uint32_t)fis[11] << 8;

    if (fis[12] >> 3 != command->slot || command->is_write != !!(flags & ATA_WRITE) ||
        !(fis[7] & LBA_BIT))
        end(command, ATA_ABRT);
    else if (set_range(command, lba48(fis), count ? count : 65536))
        begin_transfer(command, fis[7] & 0x80);
}

/* --- READ VERIFY: reads for nothing ----------------------------------------------------------- */

#define VERIFY_SIZE (64u << 10)

static void verify_next(struct ahci_command *command);

static void verify_done(struct vemu_block_request *req, int result)
{
    struct ahci_command *command = command_of(req);

    command->offset += req->bytes;
    command->left -= req->bytes;
    if (result < 0 || !command->left)
        end(command, error_of(req, result));
    else if (!command->port->is_draining)
        verify_next(command);
}

static void verify_next(struct ahci_command *command)
{
    uint64_t n = MIN(command->left, VERIFY_SIZE);

    command->own = (struct iovec){ command->buf, n };
    submit(command, VEMU_BLOCK_READ, 0, n, verify_done);
}

static void verify(struct ahci_command *command, unsigned flags)
{
    if (!take_range(command, flags))
        return;
    command->buf = g_malloc(VERIFY_SIZE);
    verify_next(command);
}

static void flush(struct ahci_command *command, unsigned flags)
{
    command->offset = 0;
    submit(command, VEMU_BLOCK_FLUSH, 0, 0, simple_done);
}

/* --- TRIM ------------------------------------------------------------------------------------- */

static void next_range(struct ahci_command *command);

static void range_done(struct vemu_block_request *req, int result)
{
    struct ahci_command *command = command_of(req);

    if (result < 0)
        end(command, error_of(req, result));
    else if (!command->port->is_draining)
        next_range(command);
}

/* An entry is 48 bits of address and 16 of count; those without count mean nothing. */
static void next_range(struct ahci_command *command)
{
    while (command->range_at < command->range_count) {
        uint64_t entry, sectors;

        memcpy(&entry, command->buf + 8 * command->range_at++, sizeof(entry));
        sectors = entry >> 48;
        if (!sectors)
            continue;
        if (set_range(command, entry & 0xffffffffffff, sectors))
            submit(command, VEMU_BLOCK_DISCARD, 0, command->left, range_done);
        return;
    }
    end(command, 0);
}

static void data_set_management(struct ahci_command *command, unsigned flags)
{
    unsigned sectors = command->fis[12] | (unsigned)command->fis[13] << 8;

    if (command->fis[3] != 1 || !sectors || sectors > TRIM_SECTORS ||
        vemu__block_read_only(node_of(command)) || !vemu__block_can_discard(node_of(command))) {
        end(command, ATA_ABRT);
        return;
    }
    command->buf = g_malloc(TRIM_SECTORS * SECTOR);
    command->range_at = 0;
    command->range_count = sectors * SECTOR / 8;
    if (vemu__ahci_command_get(command, command->buf, sectors * SECTOR))
        next_range(command);
    else
        vemu__ahci_command_starve(command, 0);
}

/* --- pages of data ---------------------------------------------------------------------------- */

static void give(struct ahci_command *command, const void *data, size_t size, bool is_pio)
{
    command->is_pio = is_pio;
    if (vemu__ahci_command_put(command, data, size))
        end(command, 0);
    else
        vemu__ahci_command_starve(command, 0);
}

static void identify(struct ahci_command *command, unsigned flags)
{
    uint8_t data[SECTOR];

    vemu__ata_identify(command->port->drive, data);
    give(command, data, sizeof(data), true);
}

/* Makes the sum of all bytes zero. */
static void checksum(uint8_t *data)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < SECTOR - 1; i++)
        sum += data[i];
    data[SECTOR - 1] = (uint8_t)-sum;
}

/* The general purpose logs there are: the directory, and that of failed queued commands. */
static void read_log(struct ahci_command *command, unsigned flags)
{
    const uint8_t *fis = command->fis;
    uint8_t data[SECTOR] = { 0 };

    if (fis[12] != 1 || fis[13] || fis[5] || fis[9] || (fis[4] != 0x00 && fis[4] != 0x10)) {
        end(command, ATA_ABRT);
        return;
    }
    if (fis[4] == 0x10) {
        memcpy(data, command->port->s->ncq_error, sizeof(command->port->s->ncq_error));
        checksum(data);
    } else {
        data[0] = 1;    /* version */
        data[0x20] = 1; /* pages of log 10h */
    }
    give(command, data, sizeof(data), flags & ATA_PIO);
}

/* --- SMART (ATA8-ACS, 7.53): nothing ever wears out ------------------------------------------- */

static void smart_log(struct ahci_command *command)
{
    uint8_t log = command->fis[4], data[SECTOR] = { 0 };

    if (command->fis[12] != 1 || (log != 0x00 && log != 0x01 && log != 0x06)) {
        end(command, ATA_ABRT);
        return;
    }
    data[0] = 1; /* version of the directory, and of both logs */
    if (log == 0x00)
        data[2 * 0x01] = data[2 * 0x06] = 1;
    else
        checksum(data);
    give(command, data, sizeof(data), true);
}

static void smart_data(struct ahci_command *command, bool thresholds)
{
    uint8_t data[SECTOR] = { 0x10 };

    if (!thresholds)
        data[368] = 0x01; /* capability: saves its attributes */
    checksum(data);
    give(command, data, sizeof(data), true);
}

static void smart(struct ahci_command *command, unsigned flags)
{
    uint8_t what = command->fis[3], *enabled = &command->port->s->smart;

    if (command->fis[5] != 0x4f || command->fis[6] != 0xc2 || (!*enabled && what != 0xd8)) {
        end(command, ATA_ABRT);
        return;
    }
    switch (what) {
    case 0xd0: smart_data(command, false); break;
    case 0xd1: smart_data(command, true); break;
    case 0xd5: smart_log(command); break;
    case 0xd8:
    case 0xd9:
        *enabled = what == 0xd8;
        end(command, 0);
        break;
    case 0xda: end(command, 0); break; /* 4fh, c2h: no threshold exceeded */
    default: end(command, ATA_ABRT); break;
    }
}

/* --- settings --------------------------------------------------------------------------------- */

void vemu__ata_reset(struct ahci_drive *drive)
{
    struct ahci_port_state *s = drive->port->s;

    s->multiple = 16;
    s->udma = 0x20 | 5;
    s->mwdma = 0;
    s->smart = true;
    s->write_cache = drive->default_write_cache;
}

static void set_multiple(struct ahci_command *command, unsigned flags)
{
    uint8_t count = command->fis[12];

    if (count > 16 || (count & (count - 1))) {
        end(command, ATA_ABRT);
        return;
    }
    command->port->s->multiple = count;
    end(command, 0);
}

static uint8_t set_transfer_mode(struct ahci_port_state *s, uint8_t mode)
{
    unsigned n = mode & 7;

    switch (mode >> 3) {
    case 0: return mode > 1 ? ATA_ABRT : 0; /* PIO, default */
    case 1: return n > 4 ? ATA_ABRT : 0;    /* PIO */
    case 4:                                 /* multi-word DMA */
        if (n > 2)
            return ATA_ABRT;
        s->mwdma = (uint8_t)(0x20 | n);
        s->udma = 0;
        return 0;
    case 8: /* Ultra DMA */
        if (n > 5)
            return ATA_ABRT;
        s->udma = (uint8_t)(0x20 | n);
        s->mwdma = 0;
        return 0;
    default: return ATA_ABRT;
    }
}

static void set_features(struct ahci_command *command, unsigned flags)
{
    struct ahci_port_state *s = command->port->s;

    switch (command->fis[3]) {
    case 0x02: s->write_cache = true; break;
    case 0x03: end(command, set_transfer_mode(s, command->fis[12])); return;
    case 0x55: /* look-ahead off, on; power-on defaults kept or not: nothing to do */
    case 0xaa:
    case 0x66:
    case 0xcc: break;
    case 0x82: /* what is in the cache is written first */
        s->write_cache = false;
        flush(command, flags);
        return;
    default: end(command, ATA_ABRT); return;
    }
    end(command, 0);
}

static void check_power(struct ahci_command *command, unsigned flags)
{
    command->fis[12] = 0xff; /* active or idle */
    end(command, 0);
}

static void nothing(struct ahci_command *command, unsigned flags)
{
    end(command, 0);
}

static const struct ata_command commands[] = {
    { 0x06, ATA_WRITE, data_set_management },
    { 0x20, ATA_PIO, transfer },
    { 0x24, ATA_PIO | ATA_EXT, transfer },
    { 0x25, ATA_EXT, transfer },
    { 0x29, ATA_PIO | ATA_EXT, transfer_multiple },
    { 0x2f, ATA_PIO, read_log },
    { 0x30, ATA_PIO | ATA_WRITE, transfer },
    { 0x34, ATA_PIO | ATA_EXT | ATA_WRITE, transfer },
    { 0x35, ATA_EXT | ATA_WRITE, transfer },
    { 0x39, ATA_PIO | ATA_EXT | ATA_WRITE, transfer_multiple },
    { 0x3d, ATA_EXT | ATA_WRITE | ATA_FUA, transfer },
    { 0x40, 0, verify },
    { 0x42, ATA_EXT, verify },
    { 0x47, 0, read_log },
    { 0x60, 0, transfer_queued },
    { 0x61, ATA_WRITE, transfer_queued },
    { 0xb0, 0, smart },
    { 0xc4, ATA_PIO, transfer_multiple },
    { 0xc5, ATA_PIO | ATA_WRITE, transfer_multiple },
    { 0xc6, 0, set_multiple },
    { 0xc8, 0, transfer },
    { 0xca, ATA_WRITE, transfer },
    { 0xce, ATA_PIO | ATA_EXT | ATA_WRITE | ATA_FUA, transfer_multiple },
    { 0xe0, 0, flush },   /* STANDBY IMMEDIATE */
    { 0xe1, 0, nothing }, /* IDLE IMMEDIATE */
    { 0xe2, 0, flush },   /* STANDBY */
    { 0xe3, 0, nothing }, /* IDLE */
    { 0xe5, 0, check_power },
    { 0xe6, 0, flush }, /* SLEEP */
    { 0xe7, 0, flush },
    { 0xea, 0, flush },
    { 0xec, 0, identify },
    { 0xef, 0, set_features },
};

void vemu__ata_start(struct ahci_command *command)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (commands[i].opcode == command->fis[2]) {
            commands[i].run(command, commands[i].flags);
            return;
        }
    end(command, ATA_ABRT);
}

void vemu__ata_batch(void *data)
{
    struct ahci_port *port = data;

    vemu__block_kick(port->drive->unit.props.drive); /* next pieces */
    vemu__ahci_port_run(port);
}
