/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of an AHCI adapter: registers, resets, and which command is next (AHCI 1.3.1, 3.3 and 5).
 *
 * A port works while ST is set, the link is up, no error has halted it and the function may master
 * the bus. It takes the slots of PxCI in turn; queued commands go to the drive together, others
 * alone. An error halts the port until the guest clears ST (6.2.2).
 */
#include <string.h>

#include <glib.h>

#include "devices/ahci/ahci.h"

#define CLB  0x00u
#define CLBU 0x04u
#define FB   0x08u
#define FBU  0x0cu
#define IS   0x10u
#define IE   0x14u
#define CMD  0x18u
#define TFD  0x20u
#define SIG  0x24u
#define SSTS 0x28u
#define SCTL 0x2cu
#define SERR 0x30u
#define SACT 0x34u
#define CI   0x38u

#define IE_MASK  0xfdc000ffu
#define IS_CLEAR 0xfd8000afu /* bits that a written 1 clears */

#define CMD_ST    (1u << 0)
#define CMD_SUD   (1u << 1)
#define CMD_POD   (1u << 2)
#define CMD_CLO   (1u << 3)
#define CMD_FRE   (1u << 4)
#define CMD_FR    (1u << 14)
#define CMD_CR    (1u << 15)
#define CMD_FIXED (CMD_SUD | CMD_POD)
#define CMD_WRITE (CMD_ST | CMD_FRE | 1u << 24 | 1u << 25) /* and ATAPI, DLAE */

#define SCTL_DET 0x0fu
#define SSTS_UP  0x133u /* active, 6 Gb/s, device there */
#define SSTS_OFF 0x004u /* PHY offline */
#define SERR_X   (1u << 26) /* exchanged */
#define SERR_N   (1u << 16) /* PHY is ready, or not any more */
#define TFD_NONE 0x7fu
#define SIG_NONE UINT32_MAX

/* --- the engine ------------------------------------------------------------------------------- */

static bool can_run(const struct ahci_port *port)
{
    const struct ahci_port_state *s = port->s;

    return (s->cmd & CMD_CR) && s->ssts == SSTS_UP && !s->halted && port->drive &&
           !port->is_draining && !port->is_busy && !port->failed &&
           vemu_pci_is_master(&port->ahci->pci);
}

/* The next slot after the last one that has a command; -1: none. */
static int next_slot(const struct ahci_port *port)
{
    for (unsigned i = 1; i <= AHCI_SLOTS; i++) {
        unsigned slot = (port->s->last_slot + i) % AHCI_SLOTS;

        if ((port->s->ci & 1u << slot) && !port->commands[slot].active)
            return (int)slot;
    }
    return -1;
}

/* Gives the command to the drive; false: others have to end first, or the port has halted. */
static bool start(struct ahci_port *port, unsigned slot)
{
    struct ahci_command *command = &port->commands[slot];
    enum ahci_load load = vemu__ahci_command_load(command);

    if (load != AHCI_LOAD_COMMAND)
        return load == AHCI_LOAD_DONE;
    if (!command->is_queued && port->active)
        return false;
    port->s->last_slot = (uint8_t)slot;
    command->active = true;
    port->active++;
    if (command->is_queued) {
        vemu__ahci_command_accept(command);
    } else {
        port->is_busy = true;
        port->s->tfd |= ATA_BSY;
        port->s->cmd = (port->s->cmd & ~0x1f00u) | slot << 8; /* CCS */
    }
    if (port->drive->is_cdrom)
        vemu__atapi_start(command);
    else
        vemu__ata_start(command);
    return true;
}

static void kick(struct ahci_port *port)
{
    if (port->drive && port->drive->unit.props.drive)
        vemu__block_kick(port->drive->unit.props.drive);
}

void vemu__ahci_port_run(struct ahci_port *port)
{
    int slot;

    if (port->is_running) /* the loop is further out, and looks again */
        return;
    port->is_running = true;
    while (can_run(port) && (slot = next_slot(port)) >= 0 && start(port, (unsigned)slot))
        ;
    port->is_running = false;
    if (port->active)
        kick(port);
}

void vemu__ahci_port_drain(struct ahci_port *port)
{
    if (port->drive && port->drive->unit.props.drive)
        vemu__block_drain(port->drive->unit.props.drive);
}

void vemu__ahci_port_pause(struct ahci_port *port)
{
    if (port->drive && port->drive->unit.props.drive)
        vemu__block_pause(port->drive->unit.props.drive);
}

/* The commands at the drive end without a word. */
static void abandon(struct ahci_port *port)
{
    port->is_draining = true;
    vemu__ahci_port_drain(port);
    for (unsigned slot = 0; slot < AHCI_SLOTS; slot++)
        if (port->commands[slot].active)
            vemu__ahci_command_drop(&port->commands[slot]);
    port->is_draining = false;
}

static void stop(struct ahci_port *port)
{
    abandon(port);
    port->s->ci = port->s->sact = 0;
    port->s->halted = false;
    if (!port->s->in_reset)
        port->s->tfd &= ~(ATA_BSY | ATA_DRQ);
    port->s->last_slot = AHCI_SLOTS - 1;
    port->s->cmd &= ~(CMD_ST | CMD_CR | 0x1f00u);
}

/* --- link and resets -------------------------------------------------------------------------- */

void vemu__ahci_port_signature(struct ahci_port *port)
{
    port->s->signature_due = true;
    if (port->s->cmd & CMD_FR)
        vemu__ahci_post_signature(port);
}

/* The link comes up, if there is a drive (10.4.2): it sends its signature. */
static void link_up(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;

    s->tfd = TFD_NONE;
    s->sig = SIG_NONE;
    s->ssts = port->drive ? SSTS_UP : 0;
    if (!port->drive)
        return;
    s->serr |= SERR_X | SERR_N;
    vemu__ahci_raise(port, AHCI_IS_PCS | AHCI_IS_PRCS);
    vemu__ahci_port_signature(port);
}

void vemu__ahci_port_reset(struct ahci_port *port)
{
    struct ahci_port_state *s = port->s;
    const struct ahci_port_state before = *s;

    stop(port);
    memset(s, 0, sizeof(*s));
    s->multiple = before.multiple;
    s->udma = before.udma;
    s->mwdma = before.mwdma;
    s->write_cache = before.write_cache;
    s->smart = before.smart;
    s->cmd = CMD_FIXED;
    s->last_slot = AHCI_SLOTS - 1;
    link_up(port);
}

static void write_sctl(struct ahci_port *port, uint32_t value)
{
    struct ahci_port_state *s = port->s;
    unsigned before = s->sctl & SCTL_DET, now = value & SCTL_DET;

    s->sctl = value & 0xfff;
    if (now == before)
        return;
    if (now == 1 || now == 4) { /* COMRESET, or off */
        stop(port);
        s->ssts = now == 4 ? SSTS_OFF : 0;
        s->tfd = TFD_NONE;
    } else if (now == 0) {
        link_up(port);
    }
}

static void write_cmd(struct ahci_port *port, uint32_t value)
{
    struct ahci_port_state *s = port->s;
    bool was_on = s->cmd & CMD_ST;

    if (was_on && !(value & CMD_ST))
        stop(port);
    s->cmd = (s->cmd & ~CMD_WRITE) | (value & CMD_WRITE) | CMD_FIXED;
    if ((value & CMD_CLO) && !(value & CMD_ST))
        s->tfd &= ~(ATA_BSY | ATA_DRQ);
    if (s->cmd & CMD_FRE) {
        s->cmd |= CMD_FR;
        if (s->signature_due)
            vemu__ahci_post_signature(port);
    } else if (!(s->cmd & CMD_ST)) { /* not while commands are under way (10.3.2) */
        s->cmd &= ~CMD_FR;
    }
    if (!was_on && (s->cmd & CMD_ST))
        s->cmd |= CMD_CR;
    vemu__ahci_port_run(port);
}

/* --- registers -------------------------------------------------------------------------------- */

uint32_t vemu__ahci_port_read(struct ahci_port *port, unsigned offset)
{
    const struct ahci_port_state *s = port->s;

    switch (offset) {
    case CLB: return (uint32_t)s->clb;
    case CLBU: return (uint32_t)(s->clb >> 32);
    case FB: return (uint32_t)s->fb;
    case FBU: return (uint32_t)(s->fb >> 32);
    case IS: return s->is;
    case IE: return s->ie;
    case CMD: return s->cmd;
    case TFD: return s->tfd;
    case SIG: return s->sig;
    case SSTS: return s->ssts;
    case SCTL: return s->sctl;
    case SERR: return s->serr;
    case SACT: return s->sact;
    case CI: return s->ci;
    default: return 0;
    }
}

static void write_half(uint64_t *to, unsigned shift, uint32_t value)
{
    *to = (*to & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

/* Errors that were cleared take the interrupt bits that show them along. */
static void write_serr(struct ahci_port *port, uint32_t value)
{
    struct ahci_port_state *s = port->s;

    s->serr &= ~value;
    if (!(s->serr & SERR_X))
        s->is &= ~AHCI_IS_PCS;
    if (!(s->serr & SERR_N))
        s->is &= ~AHCI_IS_PRCS;
}

void vemu__ahci_port_write(struct ahci_port *port, unsigned offset, uint32_t value)
{
    struct ahci_port_state *s = port->s;

    switch (offset) {
    case CLB: write_half(&s->clb, 0, value & ~0x3ffu); break;
    case CLBU: write_half(&s->clb, 32, value); break;
    case FB: write_half(&s->fb, 0, value & ~0xffu); break;
    case FBU: write_half(&s->fb, 32, value); break;
    case IS: s->is &= ~(value & IS_CLEAR); break;
    case IE:
        s->ie = value & IE_MASK;
        if (s->is & s->ie)
            port->ahci->is |= 1u << port->nr;
        vemu__ahci_update_irq(port->ahci, s->is & s->ie);
        break;
    case CMD: write_cmd(port, value); break;
    case SCTL: write_sctl(port, value); break;
    case SERR: write_serr(port, value); break;
    case SACT:
        if (s->cmd & CMD_ST)
            s->sact |= value;
        break;
    case CI:
        if (s->cmd & CMD_ST)
            s->ci |= value;
        vemu__ahci_port_run(port);
        break;
    default: break;
    }
}
