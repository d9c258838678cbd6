/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SCSI: logical units, and the commands that a host adapter brings them.
 *
 * An adapter (devices/virtio-scsi, devices/ahci for packets) owns requests and their memory. It
 * fills in the first part of a request and submits it; `done` is called with the second part, from
 * the submit itself or later. A unit is a disk or a CD-ROM drive on a block node. Buses (bus.c)
 * give units an address.
 *
 * Locking: the adapter's lock, with which the unit was attached, is held in every function here,
 * and in `done`, and is that of the block node's user as well.
 *
 * Specifications: SPC-4 (commands all have), SBC-3 (disks), MMC-6 (CD-ROM), SAM-5 (status, unit
 * attentions).
 */
#ifndef VEMU_SCSI_SCSI_H
#define VEMU_SCSI_SCSI_H

#include "block/backend.h"

#define VEMU_SCSI_CDB_MAX    16u
#define VEMU_SCSI_SENSE_SIZE 18u /* fixed format */

/* SAM-5, 5.3.1 */
#define VEMU_SCSI_GOOD  0x00u
#define VEMU_SCSI_CHECK 0x02u

struct vemu_scsi_unit;
struct vemu_scsi_bus;
struct vemu_scsi_job;

struct vemu_scsi_request {
    /* the adapter's, before the submit */
    uint8_t cdb[VEMU_SCSI_CDB_MAX]; /* behind the end of a shorter one: zeros */
    struct iovec *out, *in;         /* data for the unit, and room for data from it */
    unsigned out_count, in_count;
    uint64_t out_size, in_size;
    void (*done)(struct vemu_scsi_request *req);
    /* the result. The lists are as they were. */
    uint8_t status;
    uint8_t sense[VEMU_SCSI_SENSE_SIZE]; /* with CHECK */
    bool overrun;         /* the command has more data than there is room: nothing was done */
    uint64_t transferred; /* bytes of `in` or `out` */
    /* the unit's */
    struct vemu_scsi_unit *unit;
    struct vemu_block_request block;
    struct iovec *trimmed; /* entry of a list that was made shorter */
    size_t trimmed_length; /* what it was */
    struct vemu_scsi_job *job;
};

/* --- units ------------------------------------------------------------------------------------ */

/* Unit attentions that wait to be told (SAM-5, 5.14), in order of importance. */
#define VEMU_SCSI_UA_POWER_ON      (1u << 0)
#define VEMU_SCSI_UA_RESET         (1u << 1)
#define VEMU_SCSI_UA_MEDIUM        (1u << 2)
#define VEMU_SCSI_UA_LUNS          (1u << 3)
#define VEMU_SCSI_UA_MODE          (1u << 4)
#define VEMU_SCSI_UA_CAPACITY      (1u << 5)
#define VEMU_SCSI_UA_COUNT         6u

/* What of a unit is saved: plain integers. */
struct vemu_scsi_unit_state {
    uint8_t attentions;               /* VEMU_SCSI_UA_* */
    uint8_t write_cache;              /* WCE as the initiator set it */
    uint8_t tray_open, locked;        /* CD */
    uint8_t stopped;                  /* START STOP UNIT */
    uint8_t medium_event;             /* MMC-6, table 336: to be told once */
    uint8_t has_sense;                /* keep_sense: `sense` is of the last command */
    uint8_t reserved;
    uint8_t sense[VEMU_SCSI_SENSE_SIZE];
    uint8_t reserved2[6];
};

struct vemu_scsi_unit_props {
    struct vemu_block *drive;
    char *serial, *version, *vendor, *product, *write_cache, *rerror, *werror;
    uint32_t logical, physical, min_io, opt_io;
    uint64_t wwn;
    uint16_t rotation;
    bool removable;
};
/* Relative to struct vemu_scsi_unit_props. */
extern const struct vemu_prop vemu__scsi_disk_props[], vemu__scsi_cdrom_props[];

/* What a unit tells its adapter. */
struct vemu_scsi_adapter {
    void (*batch)(void *data); /* a series of `done` is over */
    /* `asc` << 8 | `ascq` of a unit attention has come up. May be NULL. */
    void (*changed)(struct vemu_scsi_unit *unit, void *data, uint16_t code);
};

struct vemu_scsi_type;
extern const struct vemu_scsi_type vemu__scsi_disk, vemu__scsi_cdrom;

struct vemu_scsi_unit {
    const struct vemu_scsi_type *type;
    const char *name; /* for people: the device's id */
    struct vemu_vm *vm; /* that hears of the tray */
    struct vemu_scsi_unit_props props;
    struct vemu_scsi_unit_state s;
    /* Does REQUEST SENSE tell what the last command met (packets of ATA), or did the sense data go
     * with it? */
    bool keep_sense;
    /* the unit's */
    struct vemu_block_user user;
    const struct vemu_scsi_adapter *adapter;
    void *adapter_data;
    pthread_mutex_t *lock; /* the adapter's */
    struct vemu_iothread *iothread; /* of its requests; set before it is attached; NULL: none */
    bool attached, default_write_cache;
    struct vemu_scsi_bus *bus; /* NULL: the unit is alone */
    unsigned target, lun;
};
#define VEMU_SCSI_UNIT_STATE(struct_, field)                                                       \
    { .name = "unit", .offset = offsetof(struct_, field.s),                                        \
      .size = sizeof(struct vemu_scsi_unit_state), .since = 1 }

/* Checks the properties and takes the node. `lock` is the adapter's, and held. The unit begins as
 * after power-on. */
int vemu__scsi_unit_attach(struct vemu_scsi_unit *unit, const struct vemu_scsi_type *type,
                           const struct vemu_scsi_adapter *adapter, void *adapter_data,
                           pthread_mutex_t *lock, struct vemu_error **err);
/* Requests that are under way are finished first. Also for a unit that is not attached. */
void vemu__scsi_unit_detach(struct vemu_scsi_unit *unit);
/* To power-on state; nothing is under way. */
void vemu__scsi_unit_reset(struct vemu_scsi_unit *unit);
/* On return nothing is under way. */
void vemu__scsi_unit_drain(struct vemu_scsi_unit *unit);
/* The machine halts: nothing is under way but what an error policy holds back. */
void vemu__scsi_unit_pause(struct vemu_scsi_unit *unit);
void vemu__scsi_unit_raise(struct vemu_scsi_unit *unit, unsigned attention);
/* Is there a medium that can be read? */
bool vemu__scsi_unit_ready(const struct vemu_scsi_unit *unit);

/* The host moves the tray of a CD-ROM drive. -EBUSY: the guest holds it, and was asked to let go;
 * `force` opens it all the same. The lock is held. Context: loop. */
int vemu__scsi_tray_move(struct vemu_scsi_unit *unit, bool open, bool force);
/* Puts a medium into the open tray, or takes what is there out (NULL). -EBUSY: the tray is closed;
 * or the node has a user. The lock is held. Context: loop. */
int vemu__scsi_set_medium(struct vemu_scsi_unit *unit, struct vemu_block *block,
                          struct vemu_error **err);
/* The unit of a CD-ROM drive that is plugged in; NULL: the device is none. */
struct vemu_scsi_unit *vemu__scsi_cd_of(struct vemu_device *dev);  /* devices/scsi-drive */
struct vemu_scsi_unit *vemu__ide_cd_of(struct vemu_device *dev);   /* devices/ide-drive */

/* Starts the request. What it queued at the node runs after vemu__scsi_kick(). */
void vemu__scsi_submit(struct vemu_scsi_unit *unit, struct vemu_scsi_request *req);
void vemu__scsi_kick(struct vemu_scsi_unit *unit);
/* Whether the opcode and what follows it in a CDB bring data: bytes of a CDB, 0: unknown length. */
unsigned vemu__scsi_cdb_size(uint8_t opcode);

/* --- buses ------------------------------------------------------------------------------------ */

#define VEMU_SCSI_TARGET_MAX 255u
#define VEMU_SCSI_LUN_MAX    16383u
#define VEMU_SCSI_ANY        UINT32_MAX

struct vemu_scsi_bus {
    struct vemu_scsi_unit **units; /* in order of address */
    unsigned count;
};

/* Gives the unit an address; VEMU_SCSI_ANY: the first free target. -EINVAL, -EBUSY. */
int vemu__scsi_bus_add(struct vemu_scsi_bus *bus, struct vemu_scsi_unit *unit, uint32_t target,
                       uint32_t lun, struct vemu_error **err);
void vemu__scsi_bus_remove(struct vemu_scsi_bus *bus, struct vemu_scsi_unit *unit);
struct vemu_scsi_unit *vemu__scsi_bus_find(const struct vemu_scsi_bus *bus, unsigned target,
                                           unsigned lun);
bool vemu__scsi_bus_has_target(const struct vemu_scsi_bus *bus, unsigned target);
/* A request for a unit that does not exist at a target that does (SPC-4, 6.6.2, 6.33). */
void vemu__scsi_bus_answer_absent(const struct vemu_scsi_bus *bus, unsigned target,
                                  struct vemu_scsi_request *req);
void vemu__scsi_bus_free(struct vemu_scsi_bus *bus); /* its memory; units have gone */

#endif
