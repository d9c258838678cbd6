/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LPC bridge of the Intel ICH9: function 1f.0 (8086:2918), interrupt router, general-purpose
 * events.
 *
 * Theory of operation
 *
 * The router (ICH9 data sheet, 13.1.17 and on) has eight inputs. Input n always is line 16 + n of
 * the I/O APIC, and also the ISA line that its routing register names, unless bit 7 switches that
 * off; a system uses one or the other and masks what it does not.
 *
 * The power management ports are where all firmware for this chipset puts them: PMBASE reads 0x600
 * and cannot be moved, ACPI_EN is always set. PM1 and the timer are the device acpi-pm; here are
 * the general-purpose events (0x620) and SMI control (0x630). There is no system management mode:
 * APMC_EN reads 1, which tells firmware that it is set up already.
 *
 * The chipset configuration registers (RCBA, 10.1) are memory that keeps what is written.
 */
#include <errno.h>
#include <string.h>

#include "boot/acpi.h"
#include "bus/pci-bus.h"
#include "core/vm.h"
#include "devices/acpi-pm/acpi-pm.h"
#include "devices/devices.h"
#include "devices/ich9-lpc/lpc.h"

#define PMBASE      0x40u
#define ACPI_CNTL   0x44u
#define ACPI_EN     0x80u
#define PIRQA_ROUT  0x60u
#define SERIRQ_CNTL 0x64u
#define PIRQE_ROUT  0x68u
#define LPC_IO_DEC  0x80u
#define LPC_EN      0x82u
#define GEN_DEC     0x84u
#define GEN_PMCON   0xa0u
#define BIOS_CNTL   0xdcu
#define RCBA        0xf0u
#define RCBA_ON     1u

#define ROUTE_OFF  0x80u
#define ROUTE_LINE 0x0fu

#define SMI_EN_PORT  0x630u
#define SMI_EN_FIXED 0x20u /* APMC_EN */
#define APM_PORT     0xb2u
#define RCBA_SIZE    0x4000u

struct lpc {
    struct vemu_pci_device pci;
    struct vemu_irq *gsi[VEMU_PCI_PIRQS], *isa[16], *sci;
    struct vemu_region *rcba;
    uint64_t rcba_address;
    atomic_uchar route[VEMU_PCI_PIRQS]; /* as in configuration space; for the router */
    /* saved, besides configuration space */
    uint8_t gpe_status[8], gpe_enable[8];
    uint8_t smi_enable[4];
    uint8_t apm[2];
    uint8_t chipset[RCBA_SIZE];
};

/* --- interrupt router ------------------------------------------------------------------------- */

static void lpc_route(void *data, uint8_t levels)
{
    struct lpc *s = data;
    uint16_t isa = 0;

    for (unsigned n = 0; n < VEMU_PCI_PIRQS; n++) {
        uint8_t route = atomic_load(&s->route[n]);
        bool level = levels & 1u << n;

        vemu_irq_set(s->gsi[n], level);
        if (level && !(route & ROUTE_OFF)) {
            isa |= (uint16_t)(1u << (route & ROUTE_LINE));
        }
    }
    for (unsigned n = 0; n < 16; n++) {
        vemu_irq_set(s->isa[n], isa & 1u << n);
    }
}

static unsigned route_register(unsigned n)
{
    return n < 4 ? PIRQA_ROUT + n : PIRQE_ROUT + n - 4;
}

static void lpc_update_routes(struct lpc *s)
{
    for (unsigned n = 0; n < VEMU_PCI_PIRQS; n++) {
        atomic_store(&s->route[n], s->pci.config[route_register(n)]);
    }
    vemu__pci_host_reroute(s->pci.dev.vm->machine->pci);
}

/* --- chipset configuration registers ---------------------------------------------------------- */

static uint64_t rcba_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, ((struct lpc *)dev)->chipset + offset, size);
    return value;
}

static void rcba_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    memcpy(((struct lpc *)dev)->chipset + offset, &value, size);
}

static const struct vemu_region_ops rcba_region = {
    .read = rcba_read,
    .write = rcba_write,
    .min_size = 1,
    .max_size = 4,
};

static void lpc_place_rcba(struct lpc *s)
{
    uint32_t value = vemu_pci_get32(&s->pci, RCBA);
    uint64_t address = value & RCBA_ON ? value & ~(RCBA_SIZE - 1) : 0;

    if (address == s->rcba_address) {
        return;
    }
    vemu_device_unmap(&s->pci.dev, s->rcba);
    s->rcba = NULL;
    s->rcba_address = address;
    if (address) {
        vemu_device_map_floating(&s->pci.dev, VEMU_SPACE_MEMORY, address, RCBA_SIZE, &rcba_region,
                                 "rcba", &s->rcba);
    }
}

static void lpc_config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct lpc *s = (struct lpc *)pci;

    if (vemu_pci_touches(offset, size, PIRQA_ROUT, 12)) {
        lpc_update_routes(s);
    }
    if (vemu_pci_touches(offset, size, RCBA, 4)) {
        lpc_place_rcba(s);
    }
}

static const struct vemu_pci_ops lpc_pci_ops = { .config_written = lpc_config_written };

/* --- general-purpose events, SMI -------------------------------------------------------------- */

static void gpe_update(struct lpc *s)
{
    bool level = false;

    for (unsigned i = 0; i < sizeof(s->gpe_status); i++) {
        level |= (s->gpe_status[i] & s->gpe_enable[i]) != 0;
    }
    vemu_irq_set(s->sci, level);
}

static uint64_t gpe_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    const struct lpc *s = (struct lpc *)dev;

    return offset < 8 ? s->gpe_status[offset] : s->gpe_enable[offset - 8];
}

static void gpe_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct lpc *s = (struct lpc *)dev;

    if (offset < 8) {
        s->gpe_status[offset] &= (uint8_t)~value;
    } else {
        s->gpe_enable[offset - 8] = (uint8_t)value;
    }
    gpe_update(s);
}

static const struct vemu_region_ops gpe_region = {
    .read = gpe_read,
    .write = gpe_write,
    .min_size = 1,
    .max_size = 1,
};

void vemu__ich9_raise_gpe(struct vemu_device *dev, unsigned n)
{
    struct lpc *s = (struct lpc *)dev;

    pthread_mutex_lock(&dev->lock);
    s->gpe_status[n / 8] |= (uint8_t)(1u << n % 8);
    gpe_update(s);
    pthread_mutex_unlock(&dev->lock);
}

/* SMI_EN and SMI_STS; the latter never says anything. */
static uint64_t smi_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    const struct lpc *s = (struct lpc *)dev;

    return offset < 4 ? s->smi_enable[offset] | (offset == 0 ? SMI_EN_FIXED : 0) : 0;
}

static void smi_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset < 4) {
        ((struct lpc *)dev)->smi_enable[offset] = (uint8_t)value;
    }
}

static const struct vemu_region_ops smi_region = {
    .read = smi_read,
    .write = smi_write,
    .min_size = 1,
    .max_size = 1,
};

static uint64_t apm_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct lpc *)dev)->apm[offset];
}

static void apm_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    ((struct lpc *)dev)->apm[offset] = (uint8_t)value;
}

static const struct vemu_region_ops apm_region = {
    .read = apm_read,
    .write = apm_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- class ------------------------------------------------------------------------------------ */

static int lpc_get_lines(struct lpc *s, struct vemu_error **err)
{
    struct vemu_device *dev = &s->pci.dev;

    for (unsigned n = 0; n < VEMU_PCI_PIRQS; n++) {
        s->gsi[n] = vemu_device_get_irq(dev, 16 + n, err);
        if (!s->gsi[n]) {
            return -EINVAL;
        }
    }
    for (unsigned n = 0; n < 16; n++) {
        s->isa[n] = vemu_device_get_irq(dev, n, err);
        if (!s->isa[n]) {
            return -EINVAL;
        }
    }
    s->sci = vemu_device_get_irq(dev, VEMU_ACPI_SCI, err);
    return s->sci ? 0 : -EINVAL;
}

static void lpc_init_config(struct vemu_pci_device *pci)
{
    uint8_t *w = pci->writable, *d = pci->defaults;

    vemu_pci_put32(d, PMBASE, VEMU_ACPI_PM1_EVENT | 1);
    d[ACPI_CNTL] = ACPI_EN;
    w[ACPI_CNTL] = 0x07; /* SCI_IRQ_SEL: kept; it stays IRQ 9 */
    for (unsigned n = 0; n < VEMU_PCI_PIRQS; n++) {
        d[route_register(n)] = ROUTE_OFF;
        w[route_register(n)] = ROUTE_OFF | ROUTE_LINE;
    }
    d[SERIRQ_CNTL] = 0x10;
    w[SERIRQ_CNTL] = 0xc3;
    vemu_pci_put16(w, LPC_IO_DEC, 0x1377);
    vemu_pci_put16(w, LPC_EN, 0x3f0f);
    for (unsigned i = 0; i < 4; i++) {
        vemu_pci_put32(w, GEN_DEC + 4 * i, 0x00fcfffd);
    }
    vemu_pci_put16(w, GEN_PMCON, 0x1fff);
    w[BIOS_CNTL] = 0x3d;
    vemu_pci_put32(w, RCBA, ~(RCBA_SIZE - 1) | RCBA_ON);
}

static int lpc_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x8086,
        .device = 0x2918,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_ = 0x060100,
        .revision = 2,
    };
    struct lpc *s = (struct lpc *)dev;
    int r = lpc_get_lines(s, err);

    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, VEMU_ICH9_GPE_PORT, VEMU_ACPI_GPE_SIZE, &gpe_region,
                            "gpe0", err);
    }
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, SMI_EN_PORT, 8, &smi_region, "smi", err);
    }
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, APM_PORT, 2, &apm_region, "apm", err);
    }
    if (r < 0) {
        return r;
    }
    vemu_pci_init(&s->pci, &ident, &lpc_pci_ops);
    lpc_init_config(&s->pci);
    r = vemu_pci_attach(&s->pci, err);
    if (r >= 0) {
        vemu__pci_host_set_router(dev->vm->machine->pci, lpc_route, s);
    }
    return r;
}

static void lpc_unrealize(struct vemu_device *dev)
{
    vemu__pci_host_set_router(dev->vm->machine->pci, NULL, NULL);
}

static void lpc_settle(struct lpc *s)
{
    lpc_update_routes(s);
    lpc_place_rcba(s);
    gpe_update(s);
}

static void lpc_reset(struct vemu_device *dev)
{
    struct lpc *s = (struct lpc *)dev;

    vemu_pci_reset(&s->pci);
    memset(s->gpe_status, 0, sizeof(s->gpe_status));
    memset(s->gpe_enable, 0, sizeof(s->gpe_enable));
    memset(s->smi_enable, 0, sizeof(s->smi_enable));
    memset(s->apm, 0, sizeof(s->apm));
    memset(s->chipset, 0, sizeof(s->chipset));
    lpc_settle(s);
}

static void lpc_restored(struct vemu_device *dev)
{
    struct lpc *s = (struct lpc *)dev;

    vemu_pci_restored(&s->pci);
    lpc_settle(s);
}

/* What firmware would have done: both halves of the router on lines 10 and 11. */
void vemu__ich9_preset_routes(struct vemu_device *dev)
{
    struct lpc *s = (struct lpc *)dev;

    pthread_mutex_lock(&dev->lock);
    for (unsigned n = 0; n < VEMU_PCI_PIRQS; n++) {
        s->pci.config[route_register(n)] = n % 4 < 2 ? 10 : 11;
    }
    lpc_update_routes(s);
    pthread_mutex_unlock(&dev->lock);
}

static void lpc_unplug(struct vemu_device *dev)
{
    struct lpc *s = (struct lpc *)dev;

    vemu_pci_unplug(dev);
    vemu_device_unmap(dev, s->rcba);
    s->rcba = NULL;
}

static const struct vemu_prop lpc_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP_END,
};

static const struct vemu_state_field lpc_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct lpc, gpe_status),
    VEMU_STATE(struct lpc, gpe_enable),
    VEMU_STATE(struct lpc, smi_enable),
    VEMU_STATE(struct lpc, apm),
    VEMU_STATE(struct lpc, chipset),
    VEMU_STATE_END,
};

static const struct vemu_device_ops lpc_ops = {
    .realize = lpc_realize,
    .unrealize = lpc_unrealize,
    .reset = lpc_reset,
    .restored = lpc_restored,
    .unplug = lpc_unplug,
};

const struct vemu_device_class vemu__device_ich9_lpc = {
    .name = "ICH9-LPC",
    .summary = "ICH9 LPC bridge: interrupt router, general-purpose events",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct lpc),
    .props = lpc_props,
    .state = lpc_state,
    .ops = &lpc_ops,
};
