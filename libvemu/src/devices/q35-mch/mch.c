/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory controller hub of the Intel Q35 chipset: function 00.0 (8086:29c0).
 *
 * What has an effect: PCIEXBAR (Intel 3 Series Express Chipset Family data sheet, 5.1.16), which
 * places the configuration space in memory. Kept but without effect: the PAM registers, since
 * memory below 1 MiB is always RAM, and SMRAM, since there is no system management mode.
 */
#include <errno.h>

#include "bus/pci-bus.h"
#include "core/vm.h"
#include "devices/devices.h"

#define PCIEXBAR       0x60u
#define PCIEXBAR_ON    0x01u
#define PCIEXBAR_SIZES 0x06u /* 256, 128, 64 MiB */
#define PAM0           0x90u
#define PAM6           0x96u
#define PAM_WRITABLE   0x33u
#define SMRAM          0x9du
#define ESMRAMC        0x9eu
#define MIB            (1ull << 20)

struct mch {
    struct vemu_pci_device pci;
    uint64_t ecam; /* property: address at reset */
};

static void mch_place_config(struct mch *s)
{
    static const uint64_t sizes[4] = { 256 * MIB, 128 * MIB, 64 * MIB, 0 };
    uint32_t low = vemu_pci_get32(&s->pci, PCIEXBAR);
    uint64_t address = (uint64_t)(s->pci.config[PCIEXBAR + 4] & 0x0f) << 32 | low;
    uint64_t size = low & PCIEXBAR_ON ? sizes[(low & PCIEXBAR_SIZES) >> 1] : 0;

    vemu__pci_host_set_ecam(s->pci.dev.vm->machine->pci, size ? address & ~(size - 1) : 0, size);
}

static void mch_config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    if (vemu_pci_touches(offset, size, PCIEXBAR, 8)) {
        mch_place_config((struct mch *)pci);
    }
}

static const struct vemu_pci_ops mch_pci_ops = { .config_written = mch_config_written };

static int mch_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x8086,
        .device = 0x29c0,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_ = 0x060000,
        .revision = 2,
    };
    struct mch *s = (struct mch *)dev;
    uint8_t *w = s->pci.writable;

    vemu_pci_init(&s->pci, &ident, &mch_pci_ops);
    vemu_pci_put32(w, PCIEXBAR, 0xfc000000u | PCIEXBAR_SIZES | PCIEXBAR_ON);
    w[PCIEXBAR + 4] = 0x0f;
    vemu_pci_put32(s->pci.defaults, PCIEXBAR, s->ecam ? (uint32_t)s->ecam | PCIEXBAR_ON : 0);
    for (unsigned i = PAM0; i <= PAM6; i++) {
        w[i] = i == PAM0 ? PAM_WRITABLE & 0xf0 : PAM_WRITABLE;
    }
    w[SMRAM] = 0x7a;
    s->pci.defaults[SMRAM] = 0x02;
    w[ESMRAMC] = 0x47;
    return vemu_pci_attach(&s->pci, err);
}

static void mch_reset(struct vemu_device *dev)
{
    struct mch *s = (struct mch *)dev;

    vemu_pci_reset(&s->pci);
    mch_place_config(s);
}

static void mch_restored(struct vemu_device *dev)
{
    struct mch *s = (struct mch *)dev;

    vemu_pci_restored(&s->pci);
    mch_place_config(s);
}

static const struct vemu_prop mch_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP(struct mch, ecam, "ecam", U64, "0",
              "address of configuration space at reset, 0: firmware places it"),
    VEMU_PROP_END,
};

static const struct vemu_state_field mch_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE_END,
};

static const struct vemu_device_ops mch_ops = {
    .realize = mch_realize,
    .reset = mch_reset,
    .restored = mch_restored,
    .unplug = vemu_pci_unplug,
};

const struct vemu_device_class vemu__device_q35_mch = {
    .name = "mch",
    .summary = "Q35 memory controller hub",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct mch),
    .props = mch_props,
    .state = mch_state,
    .ops = &mch_ops,
};
