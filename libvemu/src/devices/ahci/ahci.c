/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AHCI: the SATA adapter of the ICH9, six ports (AHCI 1.3.1).
 *
 * Theory of operation
 *
 * The guest puts commands into memory and sets bits of PxCI; port.c takes them, lets the drive work
 * on them and tells the end by FISes in memory, PxIS and an interrupt. There is no wire: what a HBA
 * and a drive would say to each other is what happens in memory and registers in the end.
 *
 * The adapter, its ports and its drives have one lock, that of the PCI function; nodes of the
 * drives complete under it. Whatever takes commands away from a drive (ST cleared, resets,
 * unplugging, pausing) waits for its node, so that nobody touches memory that the guest has been
 * given back.
 *
 * Not there: port multipliers, power management of the link, enclosure management, command
 * completion coalescing, the index-data pair of ports.
 */
#include "devices/ahci/ahci.h"

#include <errno.h>
#include <string.h>

#include <glib.h>
#include <linux/pci_regs.h>

#include "block/limits.h"
#include "core/error.h"
#include "devices/devices.h"

#define BAR       5u
#define BAR_SIZE  4096u
#define PORT_BASE 0x100u
#define PORT_SIZE 0x80u

#define CAP    0x00u
#define GHC    0x04u
#define IS     0x08u
#define PI     0x0cu
#define VS     0x10u
#define GHC_HR (1u << 0)
#define GHC_IE (1u << 1)
#define GHC_AE (1u << 31)

/* 64-bit addresses, queueing, CLO, 6 Gb/s, AHCI only, slots, ports. */
#define CAP_VALUE                                                                                  \
    (1u << 31 | 1u << 30 | 1u << 24 | 3u << 20 | 1u << 18 | (AHCI_SLOTS - 1) << 8 |                \
     (AHCI_PORTS - 1))
#define VS_VALUE 0x00010301u

/* Registers of the ICH9 (ICH9 datasheet, 15.1): mode AHCI, ports on. */
#define ICH9_MAP 0x90u
#define ICH9_PCS 0x92u

struct ahci *vemu__ahci_of(struct vemu_device *dev)
{
    return dev->class_ == &vemu__device_ahci ? (struct ahci *)dev : NULL;
}

/* --- interrupts ------------------------------------------------------------------------------- */

void vemu__ahci_update_irq(struct ahci *ahci, bool again)
{
    bool high = ahci->is && (ahci->ghc & GHC_IE), msi = vemu_pci_msi_enabled(&ahci->pci);

    vemu_pci_set_intx(&ahci->pci, high && !msi);
    if (high && msi && again)
        vemu_pci_msi_notify(&ahci->pci, 0);
}

void vemu__ahci_raise(struct ahci_port *port, uint32_t bits)
{
    uint32_t fresh = bits & ~port->s->is & port->s->ie;

    port->s->is |= bits;
    if (bits & port->s->ie)
        port->ahci->is |= 1u << port->nr;
    vemu__ahci_update_irq(port->ahci, fresh != 0);
}

/* --- registers -------------------------------------------------------------------------------- */

static void ahci_reset_hba(struct ahci *ahci)
{
    ahci->ghc = GHC_AE;
    ahci->is = 0;
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        vemu__ahci_port_reset(&ahci->ports[n]);
    vemu__ahci_update_irq(ahci, false);
}

static uint64_t ahci_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct ahci *ahci = (struct ahci *)dev;

    if (offset >= PORT_BASE) {
        unsigned n = (unsigned)(offset - PORT_BASE) / PORT_SIZE;

        return n < AHCI_PORTS ? vemu__ahci_port_read(&ahci->ports[n], offset % PORT_SIZE) : 0;
    }
    switch (offset) {
    case CAP: return CAP_VALUE;
    case GHC: return ahci->ghc;
    case IS: return ahci->is;
    case PI: return (1u << AHCI_PORTS) - 1;
    case VS: return VS_VALUE;
    default: return 0;
    }
}

/* What is not taken away with its cause comes back at once (10.7.2.1). */
static void is_write(struct ahci *ahci, uint32_t value)
{
    ahci->is &= ~value;
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        if (ahci->states[n].is & ahci->states[n].ie)
            ahci->is |= 1u << n;
    vemu__ahci_update_irq(ahci, true);
}

static void ahci_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct ahci *ahci = (struct ahci *)dev;

    if (offset >= PORT_BASE) {
        unsigned n = (unsigned)(offset - PORT_BASE) / PORT_SIZE;

        if (n < AHCI_PORTS)
            vemu__ahci_port_write(&ahci->ports[n], offset % PORT_SIZE, (uint32_t)value);
        return;
    }
    if (offset == GHC && (value & GHC_HR)) {
        ahci_reset_hba(ahci);
    } else if (offset == GHC) {
        bool was_on = ahci->ghc & GHC_IE;

        ahci->ghc = GHC_AE | (value & GHC_IE);
        vemu__ahci_update_irq(ahci, !was_on);
    } else if (offset == IS) {
        is_write(ahci, (uint32_t)value);
    }
}

static const struct vemu_region_ops ahci_region = {
    .read = ahci_read,
    .write = ahci_write,
    .min_size = 4,
    .max_size = 4,
};

/* Bus mastering and the kind of interrupts may be others now. */
static void ahci_config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct ahci *ahci = (struct ahci *)pci;

    if (vemu_pci_touches(offset, size, pci->cap_msi, 4))
        vemu__ahci_update_irq(ahci, true);
    if (vemu_pci_touches(offset, size, PCI_COMMAND, 2))
        for (unsigned n = 0; n < AHCI_PORTS; n++)
            vemu__ahci_port_run(&ahci->ports[n]);
}

/* --- drives ----------------------------------------------------------------------------------- */

static void put_text(char *to, size_t size, const char *text)
{
    g_strlcpy(to, text, size);
}

static int drive_check(struct ahci_drive *drive, struct vemu_error **err)
{
    struct vemu_scsi_unit_props *p = &drive->unit.props;
    int r;

    if (p->serial && strlen(p->serial) > 20)
        return vemu__error_set(err, EINVAL, "serial is longer than 20 characters");
    if (p->version && strlen(p->version) > 8)
        return vemu__error_set(err, EINVAL, "ver is longer than 8 characters");
    if (p->product && strlen(p->product) > 40)
        return vemu__error_set(err, EINVAL, "model is longer than 40 characters");
    put_text(drive->serial, sizeof(drive->serial), p->serial ? p->serial : drive->name);
    put_text(drive->firmware, sizeof(drive->firmware), p->version ? p->version : "1.0");
    put_text(drive->model, sizeof(drive->model),
             p->product         ? p->product
             : drive->is_cdrom ? "VEMU DVD-ROM"
                               : "VEMU HARDDISK");
    if (drive->is_cdrom)
        return 0;
    if (!p->drive)
        return vemu__error_set(err, EINVAL, "property 'drive' is missing");
    if (p->logical != 512)
        return vemu__error_set(err, EINVAL, "logical_block_size must be 512 for an ATA disk");
    r = vemu__block_check_limits(p->drive, p->logical, p->physical, p->min_io, p->opt_io, err);
    return r < 0 ? r
                 : vemu__block_parse_write_cache(p->drive, p->write_cache,
                                                 &drive->default_write_cache, err);
}

static int drive_attach(struct ahci_port *port, struct ahci_drive *drive, struct vemu_error **err)
{
    pthread_mutex_t *lock = &port->ahci->pci.dev.lock;

    drive->unit.name = drive->name;
    if (drive->is_cdrom) {
        struct vemu_scsi_unit_props *p = &drive->unit.props;
        char *serial = p->serial, *product = p->product, *version = p->version;
        int r;

        /* INQUIRY has less room than IDENTIFY. */
        p->serial = drive->serial;
        p->product = strlen(drive->model) <= 16 ? drive->model : NULL;
        p->version = strlen(drive->firmware) <= 4 ? drive->firmware : NULL;
        drive->unit.keep_sense = true;
        r = vemu__scsi_unit_attach(&drive->unit, &vemu__scsi_cdrom, &vemu__atapi_adapter, port,
                                   lock, err);
        p->serial = serial;
        p->product = product;
        p->version = version;
        return r;
    }
    drive->user = (struct vemu_block_user){ .name = drive->name, .batch = vemu__ata_batch,
                                            .rerror = drive->unit.props.rerror,
                                            .werror = drive->unit.props.werror };
    return vemu__block_attach(drive->unit.props.drive, &drive->user, port, lock, false, err);
}

int vemu__ahci_plug(struct ahci *ahci, unsigned n, struct ahci_drive *drive,
                    struct vemu_error **err)
{
    struct ahci_port *port = &ahci->ports[n];
    int r = drive_check(drive, err);

    if (r >= 0)
        r = drive_attach(port, drive, err);
    if (r < 0)
        return r;
    port->drive = drive;
    drive->port = port;
    if (!drive->is_cdrom)
        vemu__ata_reset(drive);
    vemu__ahci_port_reset(port);
    return 0;
}

void vemu__ahci_unplug(struct ahci_drive *drive)
{
    struct ahci_port *port = drive->port;

    vemu__ahci_port_drain(port);
    port->drive = NULL;
    drive->port = NULL;
    vemu__ahci_port_reset(port);
    if (drive->is_cdrom)
        vemu__scsi_unit_detach(&drive->unit);
    else
        vemu__block_detach(drive->unit.props.drive);
}

/* --- life ------------------------------------------------------------------------------------- */

static int ahci_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x8086,
        .device = 0x2922,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_ = 0x010601,
        .revision = 2,
        .pin = 1,
    };
    static const struct vemu_pci_ops hooks = { .config_written = ahci_config_written };
    struct ahci *ahci = (struct ahci *)dev;

    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        struct ahci_port *port = &ahci->ports[n];

        port->ahci = ahci;
        port->nr = n;
        port->s = &ahci->states[n];
        for (unsigned slot = 0; slot < AHCI_SLOTS; slot++) {
            port->commands[slot].port = port;
            port->commands[slot].slot = slot;
        }
    }
    vemu_pci_init(&ahci->pci, &ident, &hooks);
    vemu_pci_add_bar(&ahci->pci, BAR, BAR_SIZE, 0, &ahci_region, "ahci");
    vemu_pci_add_msi(&ahci->pci, 1);
    ahci->pci.defaults[ICH9_MAP] = 0x40;
    ahci->pci.defaults[ICH9_PCS] = (1u << AHCI_PORTS) - 1;
    ahci->pci.writable[ICH9_PCS] = (1u << AHCI_PORTS) - 1;
    return vemu_pci_attach(&ahci->pci, err);
}

/* Drives that are still there lose their port. */
static void ahci_unrealize(struct vemu_device *dev)
{
    struct ahci *ahci = (struct ahci *)dev;

    for (unsigned n = 0; n < AHCI_PORTS; n++)
        if (ahci->ports[n].drive)
            vemu__ahci_unplug(ahci->ports[n].drive);
}

static void ahci_reset(struct vemu_device *dev)
{
    struct ahci *ahci = (struct ahci *)dev;

    vemu_pci_reset(&ahci->pci);
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        struct ahci_drive *drive = ahci->ports[n].drive;

        vemu__ahci_port_drain(&ahci->ports[n]);
        if (drive && drive->is_cdrom)
            vemu__scsi_unit_reset(&drive->unit);
        else if (drive)
            vemu__ata_reset(drive);
    }
    ahci_reset_hba(ahci);
}

static void ahci_pause(struct vemu_device *dev)
{
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        vemu__ahci_port_pause(&((struct ahci *)dev)->ports[n]);
}

static void ahci_resume(struct vemu_device *dev)
{
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        vemu__ahci_port_run(&((struct ahci *)dev)->ports[n]);
}

static void ahci_restored(struct vemu_device *dev)
{
    struct ahci *ahci = (struct ahci *)dev;

    vemu_pci_restored(&ahci->pci);
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        ahci->states[n].last_slot %= AHCI_SLOTS;
    vemu__ahci_update_irq(ahci, false);
}

static void ahci_fini(struct vemu_device *dev)
{
    struct ahci *ahci = (struct ahci *)dev;

    for (unsigned n = 0; n < AHCI_PORTS; n++)
        for (unsigned slot = 0; slot < AHCI_SLOTS; slot++) {
            g_free(ahci->ports[n].commands[slot].iov);
            g_free(ahci->ports[n].commands[slot].gpa);
        }
}

static const struct vemu_prop ahci_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP_END,
};

static const struct vemu_state_field ahci_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct ahci, ghc),
    VEMU_STATE(struct ahci, is),
    VEMU_STATE(struct ahci, states),
    VEMU_STATE_END,
};

static const struct vemu_device_ops ahci_ops = {
    .realize = ahci_realize,
    .unrealize = ahci_unrealize,
    .reset = ahci_reset,
    .pause = ahci_pause,
    .resume = ahci_resume,
    .restored = ahci_restored,
    .fini = ahci_fini,
    .unplug = vemu_pci_unplug,
    .boot_path = vemu_pci_boot_path,
};

const struct vemu_device_class vemu__device_ahci = {
    .name = "ich9-ahci",
    .summary = "SATA adapter with six ports (AHCI)",
    .state_version = 1,
    .instance_size = sizeof(struct ahci),
    .props = ahci_props,
    .state = ahci_state,
    .ops = &ahci_ops,
};
