/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AHCI from inside: ahci.c is the PCI function with the registers of the adapter, port.c a port's
 * registers and its command engine, command.c a command's memory and its end, ata.c, identify.c and
 * atapi.c the drives.
 *
 * The drives' objects (devices/ide-drive) join by the functions at the end.
 */
#ifndef VEMU_DEVICES_AHCI_AHCI_H
#define VEMU_DEVICES_AHCI_AHCI_H

#include "bus/pci.h"
#include "scsi/scsi.h"

#define AHCI_PORTS 6u
#define AHCI_SLOTS 32u

/* PxIS, PxIE (AHCI 1.3.1, 3.3.5) */
#define AHCI_IS_DHRS (1u << 0)  /* device to host register FIS */
#define AHCI_IS_PSS  (1u << 1)  /* PIO setup FIS */
#define AHCI_IS_SDBS (1u << 3)  /* set device bits FIS */
#define AHCI_IS_DPS  (1u << 5)  /* a piece of memory that asked for it is done */
#define AHCI_IS_PCS  (1u << 6)  /* PxSERR.DIAG.X */
#define AHCI_IS_PRCS (1u << 22) /* PxSERR.DIAG.N */
#define AHCI_IS_OFS  (1u << 24) /* more data than memory */
#define AHCI_IS_IFS  (1u << 27)
#define AHCI_IS_HBFS (1u << 29) /* no memory where the guest said */
#define AHCI_IS_TFES (1u << 30) /* the command failed */

/* Status and error of a drive (ATA8-ACS, 6.2 and 6.3). */
#define ATA_BSY  0x80u
#define ATA_DRDY 0x40u
#define ATA_DSC  0x10u
#define ATA_DRQ  0x08u
#define ATA_ERR  0x01u
#define ATA_GOOD (ATA_DRDY | ATA_DSC)
#define ATA_ABRT 0x04u
#define ATA_IDNF 0x10u
#define ATA_UNC  0x40u

struct ahci;
struct ahci_port;
struct ahci_drive;

/* What of a port and its drive is saved: plain integers. */
struct ahci_port_state {
    uint64_t clb, fb; /* command list, received FISes */
    uint32_t is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
    uint8_t halted;        /* after an error, until ST is cleared (6.2.2) */
    uint8_t signature_due; /* the drive's first FIS waits for FRE */
    uint8_t in_reset;      /* SRST is set */
    uint8_t last_slot;     /* where the search for commands goes on */
    /* the drive's */
    uint8_t multiple, udma, mwdma, write_cache, smart;
    uint8_t reserved[7];
    uint8_t ncq_error[16]; /* beginning of log 10h (ACS-2, A.14) */
};

/* A command that the drive has. */
struct ahci_command {
    struct ahci_port *port;
    unsigned slot;
    bool active, is_queued, is_write; /* is_write: memory is read */
    uint64_t table;       /* guest address of the command table */
    unsigned prd_count;
    uint8_t fis[20], packet[16];
    /* where in the list of memory pieces it is */
    unsigned prd_at;
    uint32_t prd_offset;
    bool prd_interrupt; /* a piece asked for one */
    uint32_t moved;     /* bytes */
    /* memory of the step under way */
    struct iovec *iov;
    uint64_t *gpa;
    unsigned iov_count, iov_room;
    /* work at the node */
    struct vemu_block_request req;
    uint64_t offset, left;
    bool is_pio;
    uint8_t *buf; /* of TRIM: ranges; of READ VERIFY: what is read */
    struct iovec own; /* that buffer, as a list */
    unsigned range_at, range_count;
    struct vemu_scsi_request scsi;
    /* of the end, while others have to end first */
    uint8_t error;
};

struct ahci_port {
    struct ahci *ahci;
    unsigned nr;
    struct ahci_port_state *s;
    struct ahci_drive *drive; /* NULL: nothing is plugged in */
    unsigned active;          /* commands at the drive */
    bool is_busy;             /* one of them is not queued: no other may begin */
    bool is_running, is_draining;
    struct ahci_command *failed; /* queued, waits for the others */
    struct ahci_command commands[AHCI_SLOTS];
};

struct ahci {
    struct vemu_pci_device pci;
    uint32_t ghc, is; /* saved */
    struct ahci_port_state states[AHCI_PORTS];
    struct ahci_port ports[AHCI_PORTS];
};

/* In the struct of a drive's device. */
struct ahci_drive {
    const char *name;
    bool is_cdrom;
    struct ahci_port *port; /* NULL: not plugged in */
    /* The unit of a CD-ROM drive; of a disk its properties alone are used. */
    struct vemu_scsi_unit unit;
    struct vemu_block_user user;
    bool default_write_cache;
    char serial[21], firmware[9], model[41]; /* of IDENTIFY */
};

/* --- ahci.c ----------------------------------------------------------------------------------- */
/* The device as this class; NULL: it is something else. */
struct ahci *vemu__ahci_of(struct vemu_device *dev);
/* Bits of PxIS came up. */
void vemu__ahci_raise(struct ahci_port *port, uint32_t bits);
/* Interrupts as the registers say; `again`: what is still there is told once more (10.6.2). */
void vemu__ahci_update_irq(struct ahci *ahci, bool again);
/* Puts the drive into the port; checks its properties. The adapter's lock is held. */
int vemu__ahci_plug(struct ahci *ahci, unsigned port, struct ahci_drive *drive,
                    struct vemu_error **err);
void vemu__ahci_unplug(struct ahci_drive *drive);

/* --- port.c ----------------------------------------------------------------------------------- */
uint32_t vemu__ahci_port_read(struct ahci_port *port, unsigned offset);
void vemu__ahci_port_write(struct ahci_port *port, unsigned offset, uint32_t value);
/* As after power-on, or a reset of the adapter: commands are dropped. */
void vemu__ahci_port_reset(struct ahci_port *port);
/* Starts what can be started. */
void vemu__ahci_port_run(struct ahci_port *port);
/* Commands at the drive are finished. */
void vemu__ahci_port_drain(struct ahci_port *port);
/* The machine halts: as far as error policies let them. */
void vemu__ahci_port_pause(struct ahci_port *port);
/* The drive was reset: signature as soon as the port takes it (5.2.2). */
void vemu__ahci_port_signature(struct ahci_port *port);

/* --- command.c -------------------------------------------------------------------------------- */
/* Takes the command from its slot. */
enum ahci_load {
    AHCI_LOAD_COMMAND, /* for the drive */
    AHCI_LOAD_DONE,    /* it was none, and is done */
    AHCI_LOAD_STOP,    /* others have to end first, or it cannot be had, and the port has halted */
};
enum ahci_load vemu__ahci_command_load(struct ahci_command *command);
/* Makes a list of the next pieces of memory: up to `bytes`, and `entries` pieces. How many bytes;
 * 0: there are no more, -EFAULT: one is not memory. */
int64_t vemu__ahci_command_map(struct ahci_command *command, uint64_t bytes, unsigned entries);
/* `bytes` of the list were filled. */
void vemu__ahci_command_filled(struct ahci_command *command, uint64_t bytes);
/* Copies a whole buffer; false: there is not as much memory. */
bool vemu__ahci_command_put(struct ahci_command *command, const void *buf, size_t size);
bool vemu__ahci_command_get(struct ahci_command *command, void *buf, size_t size);
/* The end: FIS, registers, interrupt. `error` 0: success. */
void vemu__ahci_command_end(struct ahci_command *command, uint8_t error);
/* The same for want of memory: `result` of vemu__ahci_command_map(). */
void vemu__ahci_command_starve(struct ahci_command *command, int64_t result);
/* Its memory goes; it is nobody's any more. */
void vemu__ahci_command_drop(struct ahci_command *command);
/* Copies a FIS to where the guest wants those of its kind; false: there is no memory. */
bool vemu__ahci_post(struct ahci_port *port, unsigned offset, const uint8_t *fis, size_t size);
void vemu__ahci_post_signature(struct ahci_port *port);
/* A queued command was taken: its slot's bit goes (5.6.4.1). */
void vemu__ahci_command_accept(struct ahci_command *command);

/* --- drives ----------------------------------------------------------------------------------- */
void vemu__ata_start(struct ahci_command *command);   /* ata.c */
void vemu__ata_reset(struct ahci_drive *drive);       /* settings as after power-on */
void vemu__ata_batch(void *data);                     /* of the port: node is done with some */
void vemu__atapi_start(struct ahci_command *command); /* atapi.c */
extern const struct vemu_scsi_adapter vemu__atapi_adapter;
/* identify.c: 512 bytes. */
void vemu__ata_identify(const struct ahci_drive *drive, uint8_t *data);
void vemu__ata_identify_packet(const struct ahci_drive *drive, uint8_t *data);

#endif
