/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ATAPI: SCSI commands in packets, for a CD-ROM drive on a port (ATA8-ACS, 7.18; MMC-6, annex A).
 *
 * The unit of scsi/ does the work. Its sense key becomes the error register; REQUEST SENSE tells
 * the rest.
 */
#include <string.h>

#include <glib.h>

#include "devices/ahci/ahci.h"

#define PIECES 1024u /* of memory, for a packet */

static void packet_done(struct vemu_scsi_request *req)
{
    struct ahci_command *command =
        (struct ahci_command *)((char *)req - offsetof(struct ahci_command, scsi));

    if (!command->is_write)
        vemu__ahci_command_filled(command, req->transferred);
    command->moved = (uint32_t)req->transferred;
    command->fis[12] = 0x03; /* interrupt reason: status */
    if (req->overrun)
        vemu__ahci_command_starve(command, 0);
    else if (req->status == VEMU_SCSI_CHECK)
        vemu__ahci_command_end(command, (uint8_t)((req->sense[2] << 4) | ATA_ABRT));
    else
        vemu__ahci_command_end(command, 0);
}

static void packet(struct ahci_command *command)
{
    struct vemu_scsi_request *req = &command->scsi;
    int64_t n = vemu__ahci_command_map(command, UINT32_MAX, PIECES);

    if (n < 0) {
        vemu__ahci_command_starve(command, n);
        return;
    }
    memset(req, 0, sizeof(*req));
    memcpy(req->cdb, command->packet, 12);
    req->done = packet_done;
    if (command->is_write) {
        req->out = command->iov;
        req->out_count = command->iov_count;
        req->out_size = (uint64_t)n;
    } else {
        req->in = command->iov;
        req->in_count = command->iov_count;
        req->in_size = (uint64_t)n;
    }
    vemu__scsi_submit(&command->port->drive->unit, req);
}

static void identify(struct ahci_command *command)
{
    uint8_t data[512];

    command->is_pio = true;
    vemu__ata_identify_packet(command->port->drive, data);
    if (vemu__ahci_command_put(command, data, sizeof(data)))
        vemu__ahci_command_end(command, 0);
    else
        vemu__ahci_command_starve(command, 0);
}

/* The registers after a command that is not for such drives: what a host finds it by. */
static void put_signature(struct ahci_command *command)
{
    command->fis[4] = command->fis[12] = 1;
    command->fis[5] = 0x14;
    command->fis[6] = 0xeb;
}

void vemu__atapi_start(struct ahci_command *command)
{
    switch (command->fis[2]) {
    case 0x08: /* DEVICE RESET */
        vemu__scsi_unit_reset(&command->port->drive->unit);
        put_signature(command);
        vemu__ahci_command_end(command, 0);
        break;
    case 0xa0: packet(command); break;
    case 0xa1: identify(command); break;
    case 0xef: /* SET FEATURES: transfer mode, which means nothing here */
        vemu__ahci_command_end(command, command->fis[3] == 0x03 ? 0 : ATA_ABRT);
        break;
    case 0xec:
        put_signature(command);
        vemu__ahci_command_end(command, ATA_ABRT);
        break;
    default: vemu__ahci_command_end(command, ATA_ABRT); break;
    }
}

static void packet_batch(void *data)
{
    vemu__ahci_port_run(data);
}

const struct vemu_scsi_adapter vemu__atapi_adapter = { .batch = packet_batch };
