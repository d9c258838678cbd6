/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command of an AHCI port: its table in memory, the list of memory pieces, its end (AHCI 1.3.1,
 * 4.2 and 5).
 *
 * The list may have 65535 pieces of up to 4 MiB. It is walked as it is needed, a part at a time: no
 * guest makes the host hold all of it.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/iov.h"
#include "core/vm.h"
#include "devices/ahci/ahci.h"

#define HEADER_SIZE  32u
#define HEADER_WRITE (1u << 6)
#define TABLE_PACKET 0x40u
#define TABLE_PRDS   0x80u
#define PRD_SIZE     16u

#define FIS_PIO      0x20u /* where received FISes go (4.2.1) */
#define FIS_REGISTER 0x40u
#define FIS_BITS     0x58u

#define FIS_TYPE_H2D  0x27u
#define FIS_TYPE_D2H  0x34u
#define FIS_TYPE_PIO  0x5fu
#define FIS_TYPE_BITS 0xa1u
#define FIS_INTERRUPT 0x40u

#define CONTROL_SRST 0x04u

static uint64_t header_address(const struct ahci_command *command)
{
    return command->port->s->clb + command->slot * HEADER_SIZE;
}

static void halt(struct ahci_port *port, uint32_t why)
{
    port->s->halted = true;
    vemu__ahci_raise(port, why);
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* Not a command but a change of the control register: software reset (10.4.1). */
static void control(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    bool reset = command->fis[15] & CONTROL_SRST;

    port->s->ci &= ~(1u << command->slot);
    port->s->last_slot = (uint8_t)command->slot;
    if (reset) {
        port->s->in_reset = true;
        port->s->tfd |= ATA_BSY;
    } else if (port->s->in_reset) {
        port->s->in_reset = false;
        vemu__ahci_port_signature(port);
    }
}

static bool fetch(struct ahci_command *command, uint32_t *header)
{
    struct vemu_vm *vm = command->port->ahci->pci.dev.vm;

    if (vemu_dma_read(vm, header_address(command), header, 16) < 0)
        return false;
    command->table = (header[2] & ~0x7fu) | (uint64_t)header[3] << 32;
    return vemu_dma_read(vm, command->table, command->fis, sizeof(command->fis)) >= 0 &&
           vemu_dma_read(vm, command->table + TABLE_PACKET, command->packet,
                         sizeof(command->packet)) >= 0;
}

enum ahci_load vemu__ahci_command_load(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    uint32_t header[4];

    if (!fetch(command, header)) {
        halt(port, AHCI_IS_HBFS);
        return AHCI_LOAD_STOP;
    }
    if ((header[0] & 0x1f) < 2 || command->fis[0] != FIS_TYPE_H2D) {
        halt(port, AHCI_IS_IFS);
        return AHCI_LOAD_STOP;
    }
    command->prd_count = header[0] >> 16;
    command->is_write = header[0] & HEADER_WRITE;
    command->is_queued =
        !port->drive->is_cdrom && (command->fis[2] == 0x60 || command->fis[2] == 0x61);
    command->prd_at = command->prd_offset = command->moved = command->iov_count = 0;
    command->prd_interrupt = command->is_pio = false;
    command->error = 0;
    if (command->fis[1] & 0x80)
        return AHCI_LOAD_COMMAND;
    if (port->active) /* a reset of the drive waits for what it has */
        return AHCI_LOAD_STOP;
    control(command);
    return AHCI_LOAD_DONE;
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool grow(struct ahci_command *command, unsigned entries)
{
    struct iovec *iov;
    uint64_t *gpa;

    if (command->iov_room >= entries)
        return true;
    iov = g_try_realloc_n(command->iov, entries, sizeof(*iov));
    if (!iov)
        return false;
    command->iov = iov;
    gpa = g_try_realloc_n(command->gpa, entries, sizeof(*gpa));
    if (!gpa)
        return false;
    command->gpa = gpa;
    command->iov_room = entries;
    return true;
}

/* Adds what it can of the piece at [gpa, gpa + size); how much, or -EFAULT. */
static int64_t add(struct ahci_command *command, uint64_t gpa, uint64_t size)
{
    struct vemu_memory *mem = vemu__vm_memory(command->port->ahci->pci.dev.vm);
    uint64_t n;
    void *at = vemu__memory_span(mem, gpa, size, !command->is_write, &n);

    if (!at)
        return -EFAULT;
    command->iov[command->iov_count] = (struct iovec){ at, n };
    command->gpa[command->iov_count++] = gpa;
    return (int64_t)n;
}

int64_t vemu__ahci_command_map(struct ahci_command *command, uint64_t bytes, unsigned entries)
{
    struct vemu_vm *vm = command->port->ahci->pci.dev.vm;
    uint64_t total = 0;

    command->iov_count = 0;
    if (!grow(command, entries))
        return -EFAULT;
    while (total < bytes && command->prd_at < command->prd_count && command->iov_count < entries) {
        uint32_t prd[4], size;
        int64_t n;

        if (vemu_dma_read(vm, command->table + TABLE_PRDS + command->prd_at * PRD_SIZE, prd,
                          sizeof(prd)) < 0)
            return -EFAULT;
        size = (prd[3] & 0x3fffff) + 1 - command->prd_offset;
        n = add(command, (prd[0] | (uint64_t)prd[1] << 32) + command->prd_offset,
                MIN(size, bytes - total));
        if (n < 0)
            return n;
        total += (uint64_t)n;
        command->prd_offset += (uint32_t)n;
        if (n == size) {
            command->prd_interrupt |= prd[3] >> 31;
            command->prd_at++;
            command->prd_offset = 0;
        }
    }
    return (int64_t)total;
}

void vemu__ahci_command_filled(struct ahci_command *command, uint64_t bytes)
{
    struct vemu_memory *mem = vemu__vm_memory(command->port->ahci->pci.dev.vm);

    for (unsigned i = 0; i < command->iov_count && bytes; i++) {
        uint64_t n = MIN(bytes, command->iov[i].iov_len);

        vemu__memory_written(mem, command->gpa[i], n);
        bytes -= n;
    }
}

/* Moves a buffer, a few pieces at a time. */
static bool copy(struct ahci_command *command, uint8_t *buf, size_t size, bool put)
{
    while (size) {
        int64_t n = vemu__ahci_command_map(command, size, 16);

        if (n <= 0)
            return false;
        if (put) {
            vemu__iov_write(command->iov, command->iov_count, 0, buf, (size_t)n);
            vemu__ahci_command_filled(command, (uint64_t)n);
        } else {
            vemu__iov_read(command->iov, command->iov_count, 0, buf, (size_t)n);
        }
        command->moved += (uint32_t)n;
        buf += n;
        size -= (size_t)n;
    }
    return true;
}

bool vemu__ahci_command_put(struct ahci_command *command, const void *buf, size_t size)
{
    return !command->is_write && copy(command, (uint8_t *)buf, size, true);
}

bool vemu__ahci_command_get(struct ahci_command *command, void *buf, size_t size)
{
    return command->is_write && copy(command, buf, size, false);
}

/* --- received FISes --------------------------------------------------------------------------- */

bool vemu__ahci_post(struct ahci_port *port, unsigned offset, const uint8_t *fis, size_t size)
{
    if (!(port->s->cmd & 1u << 14)) /* FR: the guest does not want any */
        return true;
    if (vemu_dma_write(port->ahci->pci.dev.vm, port->s->fb + offset, fis, size) >= 0)
        return true;
    halt(port, AHCI_IS_HBFS);
    return false;
}

/* The registers of the drive: as the command left them. */
static void post_registers(struct ahci_command *command, uint8_t status, uint8_t error,
                           bool interrupt)
{
    uint8_t fis[20] = { FIS_TYPE_D2H, interrupt ? FIS_INTERRUPT : 0, status, error };

    memcpy(fis + 4, command->fis + 4, 3);
    fis[7] = command->fis[7];
    memcpy(fis + 8, command->fis + 8, 3);
    memcpy(fis + 12, command->fis + 12, 2);
    vemu__ahci_post(command->port, FIS_REGISTER, fis, sizeof(fis));
}

void vemu__ahci_post_signature(struct ahci_port *port)
{
    bool packet = port->drive->is_cdrom;
    uint8_t fis[20] = { FIS_TYPE_D2H, 0, packet ? 0 : ATA_GOOD, 1, 1 };

    fis[5] = packet ? 0x14 : 0; /* ATA8-ACS, table 206 */
    fis[6] = packet ? 0xeb : 0;
    fis[12] = 1;
    port->s->signature_due = false;
    port->s->tfd = (uint32_t)fis[3] << 8 | fis[2];
    port->s->sig =
        (uint32_t)fis[6] << 24 | (uint32_t)fis[5] << 16 | (uint32_t)fis[4] << 8 | fis[12];
    vemu__ahci_post(port, FIS_REGISTER, fis, sizeof(fis));
}

/* --- the end ---------------------------------------------------------------------------------- */

void vemu__ahci_command_drop(struct ahci_command *command)
{
    g_free(command->buf);
    command->buf = NULL;
    command->active = false;
    command->port->active--;
    if (!command->is_queued)
        command->port->is_busy = false;
    if (command->port->failed == command)
        command->port->failed = NULL;
}

/* How much was moved, into the header (4.2.2); the interrupt that a piece wanted. */
static void account(struct ahci_command *command)
{
    const uint32_t moved = command->moved;

    vemu_dma_write(command->port->ahci->pci.dev.vm, header_address(command) + 4, &moved,
                   sizeof(moved));
    if (command->prd_interrupt)
        vemu__ahci_raise(command->port, AHCI_IS_DPS);
}

void vemu__ahci_command_accept(struct ahci_command *command)
{
    post_registers(command, ATA_GOOD, 0, false);
    command->port->s->tfd = ATA_GOOD;
    command->port->s->ci &= ~(1u << command->slot);
}

static void end_registers(struct ahci_command *command, uint8_t error)
{
    struct ahci_port *port = command->port;
    uint8_t status = ATA_GOOD | (error ? ATA_ERR : 0);

    account(command);
    port->s->tfd = (uint32_t)error << 8 | status;
    if (!error)
        port->s->ci &= ~(1u << command->slot);
    post_registers(command, status, error, true);
    if (error)
        halt(port, AHCI_IS_DHRS | AHCI_IS_TFES);
    else
        vemu__ahci_raise(port, AHCI_IS_DHRS);
}

/* Data that came by PIO ends with its own FIS (5.6.2.. ATA8-AST, 10.5.11). */
static void end_pio(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    uint8_t fis[20] = { FIS_TYPE_PIO, 0x20 | FIS_INTERRUPT, ATA_GOOD | ATA_DRQ, 0 };

    account(command);
    memcpy(fis + 4, command->fis + 4, 10);
    fis[11] = 0;
    fis[15] = ATA_GOOD;
    fis[17] = 0x02; /* 512 bytes of the last block */
    port->s->tfd = ATA_GOOD;
    port->s->ci &= ~(1u << command->slot);
    vemu__ahci_post(port, FIS_PIO, fis, sizeof(fis));
    vemu__ahci_raise(port, AHCI_IS_PSS);
}

static void post_bits(struct ahci_port *port, uint32_t done, uint8_t error)
{
    uint8_t status = ATA_GOOD | (error ? ATA_ERR : 0);
    uint8_t fis[8] = { FIS_TYPE_BITS, FIS_INTERRUPT, status & 0x77, error };

    for (unsigned i = 0; i < 4; i++)
        fis[4 + i] = (uint8_t)(done >> (8 * i));
    port->s->sact &= ~done;
    port->s->tfd = (uint32_t)error << 8 | status;
    vemu__ahci_post(port, FIS_BITS, fis, sizeof(fis));
    vemu__ahci_raise(port, AHCI_IS_SDBS);
}

/* The queue stops with the failed command; log 10h says which it was (ACS-2, A.14). */
static void end_queue(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    uint8_t *log = port->s->ncq_error;

    memset(log, 0, sizeof(port->s->ncq_error));
    log[0] = (uint8_t)command->slot;
    log[2] = ATA_GOOD | ATA_ERR;
    log[3] = command->error;
    memcpy(log + 4, command->fis + 4, 4);
    memcpy(log + 8, command->fis + 8, 3);
    log[12] = command->fis[3]; /* count of a queued command: the features */
    log[13] = command->fis[11];
    account(command);
    post_bits(port, 0, command->error);
    vemu__ahci_command_drop(command);
    halt(port, AHCI_IS_TFES);
}

/* A queued command that failed is told when all others are done: no order is promised, and then
 * nothing is under way any more when the queue stops. */
static void end_queued(struct ahci_command *command, uint8_t error)
{
    struct ahci_port *port = command->port;

    if (error && !port->failed) {
        command->error = error;
        port->failed = command;
    } else if (error) { /* not told: it goes with the queue */
        vemu__ahci_command_drop(command);
    } else {
        account(command);
        post_bits(port, 1u << command->slot, 0);
        vemu__ahci_command_drop(command);
    }
    if (port->failed && port->active == 1)
        end_queue(port->failed);
}

void vemu__ahci_command_end(struct ahci_command *command, uint8_t error)
{
    struct ahci_port *port = command->port;

    if (port->is_draining) { /* dropped by whoever drains */
        return;
    }
    if (command->is_queued) {
        end_queued(command, error);
    } else {
        if (command->is_pio && !command->is_write && !error)
            end_pio(command);
        else
            end_registers(command, error);
        vemu__ahci_command_drop(command);
    }
}

void vemu__ahci_command_starve(struct ahci_command *command, int64_t result)
{
    vemu__ahci_raise(command->port, result == 0 ? AHCI_IS_OFS : AHCI_IS_HBFS);
    vemu__ahci_command_end(command, ATA_ABRT);
}
