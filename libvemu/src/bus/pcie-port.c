/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI Express root port with a hot-plug slot (PCI Express Base 3.1, 6.7, 7.8.9 to 7.8.11).
 *
 * Theory of operation
 *
 * The slot has a power controller, both indicators and an attention button; no latch. What is in it
 * (presence, link) is read from the bus itself when the guest looks; only events are kept, until
 * the guest clears them. A command (a write to Slot Control) completes at once.
 *
 * Plugging in: the function is attached to the powered-off slot, and presence and button events are
 * raised at the same time (guests listen to the button alone where there is one, and do not wait
 * for a second thought when they see the presence). The guest switches the power on, and only then
 * does the bus show the function.
 *
 * Unplugging: vemu__pci_bus.request_unplug presses the attention button. The guest (after the five
 * seconds that people have to change their mind) stops its driver and switches power off. Then the
 * device is removed for good, on the loop thread. A guest that switches a slot off without having
 * been asked keeps the device in it. The button is not pressed again within those five seconds, nor
 * while the power indicator blinks: it would call the removal off. What is in a slot that is off
 * goes without asking.
 *
 * Surprise removal: the function goes first, and the guest hears that presence and link are gone.
 * What is plugged in while the guest still clears up after that is found twice, by its presence and
 * by the button: Linux switches it on and then takes the press for a wish to remove it. A power
 * indicator that begins to blink for that reason is answered by another press, which calls it off.
 *
 * At reset a slot with something in it is on, an empty one is off.
 */
#include "bus/pcie-port.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "bus/pci-bus.h"
#include "core/vm.h"

#define VENDOR_REDHAT    0x1b36
#define DEVICE_ROOT_PORT 0x000c
#define CLASS_BRIDGE     0x060400
#define UNPLUG_NS        (5 * INT64_C(1000000000)) /* PCI Express Base 3.1, 6.7.1.5 */

#define SLOT_EVENTS                                                                                \
    (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD | PCI_EXP_SLTSTA_MRLSC | PCI_EXP_SLTSTA_PDC |         \
     PCI_EXP_SLTSTA_CC)
#define SLOT_WRITABLE                                                                              \
    (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PFDE | PCI_EXP_SLTCTL_MRLSCE | PCI_EXP_SLTCTL_PDCE |     \
     PCI_EXP_SLTCTL_CCIE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_AIC | PCI_EXP_SLTCTL_PIC |         \
     PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_DLLSCE)

struct port {
    struct vemu_pci_device pci;
    uint8_t port; /* properties */
    uint16_t chassis, slot;
    bool hotplug;
    bool unplug_asked;  /* the button was pressed for what is in the slot; saved */
    bool pressed_in;    /* it was pressed when that came; saved */
    uint16_t indicated; /* by the power indicator, when it was last set */
    int64_t asked_ns;   /* when, by the machine's clock */
    bool was_asserted;  /* the interrupt condition held when last looked at */
};

static unsigned reg(const struct port *s, unsigned offset)
{
    return s->pci.cap_pcie + offset;
}

static uint16_t control(const struct port *s)
{
    return vemu_pci_get16(&s->pci, reg(s, PCI_EXP_SLTCTL));
}

static bool power_is_on(const struct port *s)
{
    return !(control(s) & PCI_EXP_SLTCTL_PCC);
}

/* --- interrupt -------------------------------------------------------------------------------- */

/* PCI Express Base 3.1, 6.7.3.4: enables and events pair up bit by bit, but for the last. */
static void port_interrupt(struct port *s)
{
    uint16_t status = vemu_pci_get16(&s->pci, reg(s, PCI_EXP_SLTSTA)), enable = control(s);
    bool asserted = (enable & PCI_EXP_SLTCTL_HPIE) &&
                    ((status & enable & 0x1f) ||
                     ((status & PCI_EXP_SLTSTA_DLLSC) && (enable & PCI_EXP_SLTCTL_DLLSCE)));

    if (vemu_pci_msi_enabled(&s->pci)) {
        vemu_pci_set_intx(&s->pci, false);
        if (asserted && !s->was_asserted)
            vemu_pci_msi_notify(&s->pci, 0);
    } else {
        vemu_pci_set_intx(&s->pci, asserted);
    }
    s->was_asserted = asserted;
}

static void port_event(struct port *s, uint16_t events)
{
    unsigned at = reg(s, PCI_EXP_SLTSTA);

    vemu_pci_put16(s->pci.config, at, vemu_pci_get16(&s->pci, at) | events);
    port_interrupt(s);
}

/* --- slot ------------------------------------------------------------------------------------- */

static uint16_t indicator(const struct port *s)
{
    return control(s) & PCI_EXP_SLTCTL_PIC;
}

static void set_power(struct port *s, bool on)
{
    unsigned at = reg(s, PCI_EXP_SLTCTL);
    uint16_t value = control(s) & (uint16_t) ~(PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC);

    value |= on ? PCI_EXP_SLTCTL_PWR_IND_ON : PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PCC;
    vemu_pci_put16(s->pci.config, at, value);
    s->indicated = indicator(s);
    atomic_store(&s->pci.secondary->powered, on);
}

static void port_changed(struct vemu_pci_device *bridge, bool attached)
{
    struct port *s = (struct port *)bridge;

    pthread_mutex_lock(&bridge->dev.lock);
    s->unplug_asked = s->pressed_in = false;
    if (atomic_load(&bridge->dev.vm->state) == VEMU_VM_CREATED || !s->hotplug) {
        set_power(s, attached);
    } else {
        s->pressed_in = attached;
        port_event(s, PCI_EXP_SLTSTA_PDC | (attached ? PCI_EXP_SLTSTA_ABP : 0) |
                          (power_is_on(s) ? PCI_EXP_SLTSTA_DLLSC : 0));
    }
    pthread_mutex_unlock(&bridge->dev.lock);
}

/* Power went off after the button was pressed: what is in the slot goes. The guest may not wait for
 * the loop, but what it could still see is nothing: the slot is off. */
static void let_go(struct port *s)
{
    struct vemu_pci_bus *bus = s->pci.secondary;

    s->unplug_asked = false;
    for (unsigned i = 0; i < bus->slots * 8; i++) {
        struct vemu_pci_device *pci = atomic_load(&bus->functions[i]);

        if (pci)
            vemu__device_request_removal(&pci->dev);
    }
}

static int port_request_unplug(struct vemu_pci_device *bridge)
{
    struct port *s = (struct port *)bridge;
    int64_t now = vemu_clock_ns(bridge->dev.vm);
    int r = 0;

    pthread_mutex_lock(&bridge->dev.lock);
    if (!power_is_on(s)) {
        let_go(s);
    } else if (s->unplug_asked && now - s->asked_ns < UNPLUG_NS) {
        r = -EALREADY;
    } else if (indicator(s) == PCI_EXP_SLTCTL_PWR_IND_BLINK) {
        r = -EBUSY;
    } else {
        s->unplug_asked = true;
        s->asked_ns = now;
        port_event(s, PCI_EXP_SLTSTA_ABP);
    }
    pthread_mutex_unlock(&bridge->dev.lock);
    return r;
}

/* --- configuration space ---------------------------------------------------------------------- */

static void port_config_reading(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct port *s = (struct port *)pci;
    bool present = !vemu__pci_bus_is_empty(pci->secondary), link = present && power_is_on(s);
    uint8_t *slot = &pci->config[reg(s, PCI_EXP_SLTSTA)];
    uint8_t *state = &pci->config[reg(s, PCI_EXP_LNKSTA) + 1];

    *slot = (uint8_t)((*slot & ~PCI_EXP_SLTSTA_PDS) | (present ? PCI_EXP_SLTSTA_PDS : 0));
    *state =
        (uint8_t)((*state & ~(PCI_EXP_LNKSTA_DLLLA >> 8)) | (link ? PCI_EXP_LNKSTA_DLLLA >> 8 : 0));
}

static void port_config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct port *s = (struct port *)pci;
    bool on;

    if (s->hotplug && vemu_pci_touches(offset, size, reg(s, PCI_EXP_SLTCTL), 2)) {
        on = power_is_on(s);
        if (on != atomic_exchange(&pci->secondary->powered, on)) {
            if (!vemu__pci_bus_is_empty(pci->secondary))
                port_event(s, PCI_EXP_SLTSTA_DLLSC);
            if (!on && s->unplug_asked)
                let_go(s);
        }
        if (on && s->pressed_in && !s->unplug_asked && s->indicated == PCI_EXP_SLTCTL_PWR_IND_ON &&
            indicator(s) == PCI_EXP_SLTCTL_PWR_IND_BLINK) {
            s->pressed_in = false;
            port_event(s, PCI_EXP_SLTSTA_ABP);
        }
        s->indicated = indicator(s);
        port_event(s, PCI_EXP_SLTSTA_CC);
    } else {
        port_interrupt(s); /* events cleared, enables or MSI changed */
    }
}

static const struct vemu_pci_ops port_pci_ops = {
    .config_reading = port_config_reading,
    .config_written = port_config_written,
};

/* --- class ------------------------------------------------------------------------------------ */

static void add_slot(struct port *s)
{
    struct vemu_pci_device *pci = &s->pci;
    uint32_t caps = PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PCP | PCI_EXP_SLTCAP_AIP |
                    PCI_EXP_SLTCAP_PIP | PCI_EXP_SLTCAP_HPC;

    pci->defaults[reg(s, PCI_EXP_FLAGS) + 1] |= PCI_EXP_FLAGS_SLOT >> 8;
    if (!s->hotplug)
        caps = 0;
    vemu_pci_put32(pci->defaults, reg(s, PCI_EXP_SLTCAP), caps | (uint32_t)s->slot << 19);
    if (!s->hotplug)
        return;
    vemu_pci_put16(pci->writable, reg(s, PCI_EXP_SLTCTL), SLOT_WRITABLE);
    vemu_pci_put16(pci->defaults, reg(s, PCI_EXP_SLTCTL), PCI_EXP_SLTCTL_ATTN_IND_OFF);
    vemu_pci_put16(pci->clearable, reg(s, PCI_EXP_SLTSTA), SLOT_EVENTS | PCI_EXP_SLTSTA_DLLSC);
}

/* The port on the bus that has this slot number in this chassis: people tell slots apart by them.
 * */
static const struct vemu_device *find_slot(const struct vemu_pci_bus *bus, const struct port *s)
{
    for (unsigned i = 0; bus && i < bus->slots * 8; i++) {
        const struct vemu_pci_device *pci = atomic_load(&bus->functions[i]);
        const struct port *other = (const struct port *)(const void *)pci;

        if (pci && pci != &s->pci && pci->dev.class_ == s->pci.dev.class_ &&
            other->chassis == s->chassis && other->slot == s->slot)
            return &pci->dev;
    }
    return NULL;
}

/* Takes a number that no other port has. */
static void choose_slot(struct port *s)
{
    s->slot = s->pci.devfn;
    while (find_slot(s->pci.bus, s))
        s->slot++;
    add_slot(s);
    memcpy(s->pci.config, s->pci.defaults, sizeof(s->pci.config));
}

static int port_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = VENDOR_REDHAT,
        .device = DEVICE_ROOT_PORT,
        .class_ = CLASS_BRIDGE,
        .pin = 1,
        .is_bridge = true,
    };
    struct port *s = (struct port *)dev;
    struct vemu_pci_device *pci = &s->pci;
    const struct vemu_device *other;
    uint8_t at;
    int r;

    if (!dev->vm->machine->pci)
        return vemu__error_set(err, EINVAL, "machine '%s' has no PCI bus",
                               dev->vm->machine->class_->name);
    if (s->slot > 0x1fff)
        return vemu__error_set(err, EINVAL, "property 'slot': %u is more than 8191", s->slot);
    other =
        s->slot ? find_slot(vemu__pci_host_find_bus(dev->vm->machine->pci, pci->bus_id), s) : NULL;
    if (other)
        return vemu__error_set(err, EBUSY, "'%s' has slot %u of chassis %u already", other->id,
                               s->slot, s->chassis);
    vemu_pci_init(pci, &ident, &port_pci_ops);
    vemu__pci_bridge_init(pci, 1);
    vemu_pci_add_pm(pci);
    vemu_pci_add_msi(pci, 1);
    vemu_pci_add_pcie(pci, PCI_EXP_TYPE_ROOT_PORT);
    pci->defaults[reg(s, PCI_EXP_LNKCAP) + 2] |= PCI_EXP_LNKCAP_DLLLARC >> 16;
    pci->defaults[reg(s, PCI_EXP_LNKCAP) + 3] = s->port;
    at = vemu_pci_add_cap(pci, PCI_CAP_ID_SSVID, 8);
    vemu_pci_put16(pci->defaults, at + 4u, VENDOR_REDHAT);
    pci->secondary->hotplug = s->hotplug;
    pci->secondary->changed = port_changed;
    pci->secondary->request_unplug = s->hotplug ? port_request_unplug : NULL;
    add_slot(s);
    r = vemu_pci_attach(pci, err);
    if (r < 0)
        return r;
    if (!s->slot)
        choose_slot(s);
    vemu__pci_host_add_bus(dev->vm->machine->pci, pci->secondary);
    return 0;
}

static void port_unrealize(struct vemu_device *dev)
{
    struct port *s = (struct port *)dev;

    vemu__pci_host_remove_bus(dev->vm->machine->pci, s->pci.secondary);
}

static void port_reset(struct vemu_device *dev)
{
    struct port *s = (struct port *)dev;

    s->unplug_asked = s->pressed_in = s->was_asserted = false;
    vemu_pci_reset(&s->pci);
    if (s->hotplug)
        set_power(s, !vemu__pci_bus_is_empty(s->pci.secondary));
}

static void port_restored(struct vemu_device *dev)
{
    struct port *s = (struct port *)dev;

    vemu_pci_restored(&s->pci);
    if (s->hotplug)
        atomic_store(&s->pci.secondary->powered, power_is_on(s));
    s->indicated = indicator(s);
    s->was_asserted = false;
    port_interrupt(s);
}

static void port_fini(struct vemu_device *dev)
{
    vemu__pci_bridge_fini((struct vemu_pci_device *)dev);
}

static const struct vemu_prop port_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP(struct port, port, "port", U8, "0", "link port number"),
    VEMU_PROP(struct port, chassis, "chassis", U16, "0",
              "chassis number; no two ports have the same chassis and slot"),
    VEMU_PROP(struct port, slot, "slot", U16, "0", "physical slot number, 0: chosen"),
    VEMU_PROP(struct port, hotplug, "hotplug", BOOL, "on",
              "the slot takes devices while the machine runs"),
    VEMU_PROP_END,
};

static const struct vemu_state_field port_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct port, unplug_asked),
    VEMU_STATE(struct port, pressed_in),
    VEMU_STATE_END,
};

static const struct vemu_device_ops port_ops = {
    .realize = port_realize,
    .unrealize = port_unrealize,
    .reset = port_reset,
    .restored = port_restored,
    .fini = port_fini,
    .unplug = vemu_pci_unplug,
};

const struct vemu_device_class vemu__device_pcie_root_port = {
    .name = "pcie-root-port",
    .summary = "PCI Express root port with a hot-plug slot",
    .state_version = 1,
    .instance_size = sizeof(struct port),
    .props = port_props,
    .state = port_state,
    .ops = &port_ops,
};
