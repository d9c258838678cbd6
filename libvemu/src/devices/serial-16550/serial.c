/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 16550A serial port on the ISA bus (COM1 to COM4).
 *
 * Theory of operation
 *
 * The register model is that of the National Semiconductor PC16550D data sheet (1995); section
 * numbers below are its own. The wire is infinitely fast: a byte written to THR leaves at once, so
 * THRE and TEMT are set again before the write returns, and the four character times after which a
 * receive time-out is reported (section 8.4.1) have always passed.
 *
 * The one thing that can take time is the back-end. When it does not take a byte, the byte waits in
 * the transmitter FIFO and THRE stays clear until the back-end says it is writable again; a driver
 * then waits as it would for a slow line. In the other direction input is taken from the back-end
 * only as far as the receiver FIFO has room, so nothing is ever lost.
 *
 * The interrupt is the highest-priority source that is enabled (section 8.6.3) and goes to the bus
 * only while MCR.OUT2 is set, as the PC wires it. ISA interrupts are edge-triggered: whenever a
 * source goes away the line falls, even if the next one raises it again at once.
 */
#include "devices/serial-16550/serial.h"

#include <errno.h>
#include <string.h>

#include "chardev/chardev.h"
#include "devices/devices.h"

enum {
    REG_DATA = 0, /* RBR, THR, DLL */
    REG_IER = 1,  /* IER, DLM */
    REG_IIR = 2,  /* IIR, FCR */
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_MSR = 6,
    REG_SCR = 7,
};

#define IER_RX    0x01
#define IER_THRE  0x02
#define IER_LINE  0x04
#define IER_MODEM 0x08

#define IIR_NONE    0x01
#define IIR_MODEM   0x00
#define IIR_THRE    0x02
#define IIR_RX      0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFO    0xc0

#define FCR_ENABLE   0x01
#define FCR_RX_RESET 0x02
#define FCR_TX_RESET 0x04
#define FCR_DMA      0x08
#define FCR_TRIGGER  0xc0

#define LCR_BREAK 0x40
#define LCR_DLAB  0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DR         0x01
#define LSR_OE         0x02
#define LSR_PE         0x04
#define LSR_FE         0x08
#define LSR_BI         0x10
#define LSR_THRE       0x20
#define LSR_TEMT       0x40
#define LSR_FIFO_ERROR 0x80
#define LSR_ERRORS     (LSR_OE | LSR_PE | LSR_FE | LSR_BI)

#define MSR_DELTAS 0x0f
#define MSR_TERI   0x04 /* trailing edge of ring indicator */
#define MSR_CTS    0x10
#define MSR_DSR    0x20
#define MSR_RI     0x40
#define MSR_DCD    0x80

#define FIFO_SIZE  16
#define INDEX_AUTO 255

struct serial_fifo {
    uint8_t data[FIFO_SIZE];
    uint8_t error[FIFO_SIZE]; /* LSR bits that belong to the byte */
    uint8_t head, count;
};

struct serial {
    struct vemu_device dev;
    /* properties */
    struct vemu_chardev *chr;
    uint8_t index;
    uint16_t iobase;
    uint8_t irq_number;
    /* wiring */
    struct vemu_irq *irq;
    bool attached;
    bool irq_level;
    /* state */
    struct serial_fifo rx, tx;
    uint8_t dll, dlm, ier, fcr, lcr, mcr, msr, scr;
    uint8_t overrun;      /* LSR.OE */
    uint8_t thre_pending; /* THRE interrupt not yet acknowledged */
};

static const struct {
    uint16_t iobase;
    uint8_t irq;
} com_ports[4] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

static unsigned fifo_depth(const struct serial *s)
{
    return (s->fcr & FCR_ENABLE) ? FIFO_SIZE : 1;
}

static void fifo_clear(struct serial_fifo *fifo)
{
    memset(fifo, 0, sizeof(*fifo));
}

static void fifo_push(struct serial_fifo *fifo, uint8_t byte, uint8_t error)
{
    unsigned tail = (fifo->head + fifo->count) % FIFO_SIZE;

    fifo->data[tail] = byte;
    fifo->error[tail] = error;
    fifo->count++;
}

static uint8_t fifo_pop(struct serial_fifo *fifo)
{
    uint8_t byte = fifo->data[fifo->head];

    fifo->head = (fifo->head + 1) % FIFO_SIZE;
    fifo->count--;
    return byte;
}

static unsigned rx_trigger(const struct serial *s)
{
    static const uint8_t levels[4] = { 1, 4, 8, 14 };

    return (s->fcr & FCR_ENABLE) ? levels[s->fcr >> 6] : 1;
}

static uint8_t serial_lsr(const struct serial *s)
{
    uint8_t lsr = s->overrun;

    if (s->rx.count) {
        lsr |= LSR_DR | s->rx.error[s->rx.head];
    }
    if (s->fcr & FCR_ENABLE) {
        for (unsigned i = 0; i < s->rx.count; i++) {
            if (s->rx.error[(s->rx.head + i) % FIFO_SIZE]) {
                lsr |= LSR_FIFO_ERROR;
            }
        }
    }
    if (!s->tx.count) {
        lsr |= LSR_THRE | LSR_TEMT;
    }
    return lsr;
}

/* Section 8.6.3, table II: the pending interrupt of highest priority. */
static uint8_t serial_iir(const struct serial *s)
{
    if ((s->ier & IER_LINE) && (serial_lsr(s) & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((s->ier & IER_RX) && s->rx.count) {
        return s->rx.count >= rx_trigger(s) ? IIR_RX : IIR_TIMEOUT;
    }
    if ((s->ier & IER_THRE) && s->thre_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_MODEM) && (s->msr & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void serial_update_irq(struct serial *s)
{
    bool level = serial_iir(s) != IIR_NONE && (s->mcr & MCR_OUT2);

    if (level != s->irq_level) {
        s->irq_level = level;
        vemu_irq_set(s->irq, level);
    }
}

/* A source was acknowledged: an edge-triggered controller must see the next one as a new edge. */
static void serial_drop_irq(struct serial *s)
{
    if (s->irq_level) {
        s->irq_level = false;
        vemu_irq_set(s->irq, false);
    }
}

static void serial_receive(struct serial *s, uint8_t byte, uint8_t error)
{
    if (s->rx.count >= fifo_depth(s)) {
        /* Section 8.4: the FIFO keeps what it has; without it the old byte is overwritten. */
        s->overrun = LSR_OE;
        if (!(s->fcr & FCR_ENABLE)) {
            s->rx.data[s->rx.head] = byte;
            s->rx.error[s->rx.head] = error;
        }
        return;
    }
    fifo_push(&s->rx, byte, error);
}

static void serial_flush_tx(struct serial *s)
{
    bool had_some = s->tx.count > 0;

    while (s->tx.count) {
        unsigned run = FIFO_SIZE - s->tx.head;
        size_t done;

        if (run > s->tx.count) {
            run = s->tx.count;
        }
        done = s->chr ? vemu_chardev_write(s->chr, &s->tx.data[s->tx.head], run) : run;
        s->tx.head = (s->tx.head + done) % FIFO_SIZE;
        s->tx.count -= done;
        if (done < run) {
            return;
        }
    }
    if (had_some) {
        s->thre_pending = 1;
    }
}

static void serial_transmit(struct serial *s, uint8_t byte)
{
    s->thre_pending = 0;
    serial_drop_irq(s);
    if (s->mcr & MCR_LOOP) {
        serial_receive(s, byte, 0);
        s->thre_pending = 1;
        return;
    }
    if (s->tx.count >= fifo_depth(s)) {
        return; /* the driver did not wait for THRE: the byte is lost, as on the chip */
    }
    fifo_push(&s->tx, byte, 0);
    serial_flush_tx(s);
}

/* Section 8.6.8: in loop-back the modem inputs are the modem outputs. */
static void serial_update_msr(struct serial *s)
{
    uint8_t old = s->msr & 0xf0;
    uint8_t now = MSR_CTS | MSR_DSR | MSR_DCD;

    if (s->mcr & MCR_LOOP) {
        now = ((s->mcr & MCR_RTS) ? MSR_CTS : 0) | ((s->mcr & MCR_DTR) ? MSR_DSR : 0) |
              ((s->mcr & MCR_OUT1) ? MSR_RI : 0) | ((s->mcr & MCR_OUT2) ? MSR_DCD : 0);
    }
    s->msr |= ((old ^ now) & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    if ((old & MSR_RI) && !(now & MSR_RI)) {
        s->msr |= MSR_TERI;
    }
    s->msr = (s->msr & MSR_DELTAS) | now;
}

static void serial_input_ready(struct serial *s)
{
    if (s->chr) {
        vemu_chardev_input_ready(s->chr);
    }
}

static void serial_write_fcr(struct serial *s, uint8_t value)
{
    bool toggled = (value ^ s->fcr) & FCR_ENABLE;

    /* Section 8.6.2: with bit 0 clear no other bit is programmed; changing it clears the FIFOs. */
    s->fcr = (value & FCR_ENABLE) ? value & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER) : 0;
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_RX_RESET))) {
        fifo_clear(&s->rx);
        serial_input_ready(s);
    }
    if (toggled || ((value & FCR_ENABLE) && (value & FCR_TX_RESET))) {
        if (s->tx.count) {
            s->thre_pending = 1;
        }
        fifo_clear(&s->tx);
    }
}

static uint64_t serial_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct serial *s = (struct serial *)dev;
    uint8_t value = 0;

    switch (offset) {
    case REG_DATA:
        if (s->lcr & LCR_DLAB) {
            return s->dll;
        }
        if (s->rx.count) {
            value = fifo_pop(&s->rx);
            serial_drop_irq(s);
            if (!s->rx.count || !(s->fcr & FCR_ENABLE)) {
                serial_input_ready(s);
            }
        }
        break;
    case REG_IER: return (s->lcr & LCR_DLAB) ? s->dlm : s->ier;
    case REG_IIR:
        value = serial_iir(s);
        if (value == IIR_THRE) {
            s->thre_pending = 0;
            serial_drop_irq(s);
        }
        value |= (s->fcr & FCR_ENABLE) ? IIR_FIFO : 0;
        break;
    case REG_LCR: return s->lcr;
    case REG_MCR: return s->mcr;
    case REG_LSR:
        value = serial_lsr(s);
        if (value & LSR_ERRORS) {
            s->overrun = 0;
            if (s->rx.count) {
                s->rx.error[s->rx.head] = 0;
            }
            serial_drop_irq(s);
        }
        break;
    case REG_MSR:
        value = s->msr;
        if (value & MSR_DELTAS) {
            s->msr &= ~MSR_DELTAS;
            serial_drop_irq(s);
        }
        break;
    case REG_SCR: return s->scr;
    }
    serial_update_irq(s);
    return value;
}

static void serial_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value64)
{
    struct serial *s = (struct serial *)dev;
    uint8_t value = (uint8_t)value64;

    switch (offset) {
    case REG_DATA:
        if (s->lcr & LCR_DLAB) {
            s->dll = value;
            return;
        }
        serial_transmit(s, value);
        break;
    case REG_IER:
        if (s->lcr & LCR_DLAB) {
            s->dlm = value;
            return;
        }
        /* Enabling the THRE interrupt while THR is empty raises it (section 8.6.5). */
        if ((value & IER_THRE) && !(s->ier & IER_THRE) && !s->tx.count) {
            s->thre_pending = 1;
        }
        s->ier = value & 0x0f;
        break;
    case REG_IIR: serial_write_fcr(s, value); break;
    case REG_LCR:
        if ((s->mcr & MCR_LOOP) && (value & LCR_BREAK) && !(s->lcr & LCR_BREAK)) {
            serial_receive(s, 0, LSR_BI | LSR_FE);
        }
        s->lcr = value;
        break;
    case REG_MCR: {
        bool left_loop = (s->mcr & MCR_LOOP) && !(value & MCR_LOOP);

        s->mcr = value & 0x1f;
        serial_update_msr(s);
        if (left_loop) {
            serial_input_ready(s);
        }
        break;
    }
    case REG_SCR: s->scr = value; return;
    default: /* LSR and MSR: factory test only (section 8.6.4) */ return;
    }
    serial_update_irq(s);
}

static const struct vemu_region_ops serial_region = {
    .read = serial_read,
    .write = serial_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- back-end --------------------------------------------------------------------------------- */

static size_t serial_input_room(void *data)
{
    const struct serial *s = data;
    unsigned depth = fifo_depth(s);

    if ((s->mcr & MCR_LOOP) || s->rx.count >= depth) {
        return 0; /* in loop-back the receiver is not connected to the line */
    }
    return depth - s->rx.count;
}

static void serial_input(void *data, const uint8_t *buf, size_t size)
{
    struct serial *s = data;

    for (size_t i = 0; i < size; i++) {
        serial_receive(s, buf[i], 0);
    }
    serial_update_irq(s);
}

static void serial_event(void *data, enum vemu_chardev_event event)
{
    struct serial *s = data;

    if (event == VEMU_CHARDEV_BREAK && !(s->mcr & MCR_LOOP)) {
        serial_receive(s, 0, LSR_BI | LSR_FE);
        serial_update_irq(s);
    }
}

static void serial_writable(void *data)
{
    struct serial *s = data;

    serial_flush_tx(s);
    serial_update_irq(s);
}

static const struct vemu_chardev_handlers serial_handlers = {
    .input_room = serial_input_room,
    .input = serial_input,
    .event = serial_event,
    .writable = serial_writable,
};

/* --- life cycle ------------------------------------------------------------------------------- */

/* Takes the ports that were asked for, or those of the first free COM port. */
static int serial_map(struct serial *s, struct vemu_error **err)
{
    if (s->iobase || s->index != INDEX_AUTO) {
        unsigned index = s->index == INDEX_AUTO ? 0 : s->index;

        if (index >= 4) {
            return vemu__error_set(err, EINVAL, "index is %u; it goes from 0 (COM1) to 3 (COM4)",
                                   index);
        }
        s->iobase = s->iobase ? s->iobase : com_ports[index].iobase;
        s->irq_number = s->irq_number ? s->irq_number : com_ports[index].irq;
        return vemu_device_map(&s->dev, VEMU_SPACE_IO, s->iobase, 8, &serial_region, "serial", err);
    }
    for (unsigned i = 0; i < 4; i++) {
        int r = vemu_device_map(&s->dev, VEMU_SPACE_IO, com_ports[i].iobase, 8, &serial_region,
                                "serial", NULL);

        if (r == -EEXIST) {
            continue;
        }
        if (r < 0) {
            return vemu__error_set(err, -r, "cannot take the ports of COM%u", i + 1);
        }
        s->iobase = com_ports[i].iobase;
        s->irq_number = s->irq_number ? s->irq_number : com_ports[i].irq;
        return 0;
    }
    return vemu__error_set(err, EBUSY,
                           "COM1 to COM4 are all taken; give iobase= and irq= for a fifth port");
}

static int serial_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct serial *s = (struct serial *)dev;
    int r = serial_map(s, err);

    if (r < 0) {
        return r;
    }
    s->irq = vemu_device_get_irq(dev, s->irq_number, err);
    if (!s->irq) {
        return -EINVAL;
    }
    if (s->chr) {
        r = vemu_chardev_attach(s->chr, &serial_handlers, s, &dev->lock);
        if (r < 0) {
            return vemu__error_set(err, -r, "the chardev already has another user");
        }
        s->attached = true;
    }
    return 0;
}

static void serial_unrealize(struct vemu_device *dev)
{
    struct serial *s = (struct serial *)dev;

    if (s->attached) {
        vemu_chardev_detach(s->chr);
        s->attached = false;
    }
    serial_drop_irq(s);
}

static void serial_reset(struct vemu_device *dev)
{
    struct serial *s = (struct serial *)dev;

    fifo_clear(&s->rx);
    fifo_clear(&s->tx);
    s->dll = 0x0c; /* 9600 baud, what PC firmware leaves */
    s->dlm = 0;
    s->ier = 0;
    s->fcr = 0;
    s->lcr = 0;
    s->mcr = MCR_OUT2;
    s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    s->scr = 0;
    s->overrun = 0;
    s->thre_pending = 0;
    serial_drop_irq(s);
    serial_input_ready(s);
}

static void serial_restored(struct vemu_device *dev)
{
    struct serial *s = (struct serial *)dev;

    /* The stream is not trusted: indices must stay inside the FIFOs. */
    s->rx.head %= FIFO_SIZE;
    s->tx.head %= FIFO_SIZE;
    s->rx.count = s->rx.count > FIFO_SIZE ? FIFO_SIZE : s->rx.count;
    s->tx.count = s->tx.count > FIFO_SIZE ? FIFO_SIZE : s->tx.count;
    s->overrun &= LSR_OE;
    for (unsigned i = 0; i < FIFO_SIZE; i++) {
        s->rx.error[i] &= LSR_ERRORS;
    }
    serial_flush_tx(s);
    serial_drop_irq(s);
    serial_update_irq(s);
    serial_input_ready(s);
}

void vemu__serial_get_resources(const struct vemu_device *dev, uint16_t *ret_iobase,
                                unsigned *ret_irq)
{
    const struct serial *s = (const struct serial *)dev;

    *ret_iobase = s->iobase;
    *ret_irq = s->irq_number;
}

static const struct vemu_prop serial_props[] = {
    VEMU_PROP(struct serial, chr, "chardev", CHARDEV, NULL, "where the bytes go and come from"),
    VEMU_PROP(struct serial, index, "index", U8, "255",
              "0 to 3 for COM1 to COM4; 255: the first free one"),
    VEMU_PROP(struct serial, iobase, "iobase", U16, NULL, "first of 8 ports; 0: by index"),
    VEMU_PROP(struct serial, irq_number, "irq", U8, NULL, "ISA interrupt; 0: by index"),
    VEMU_PROP_END,
};

static const struct vemu_state_field serial_state[] = {
    VEMU_STATE(struct serial, rx.data),      VEMU_STATE(struct serial, rx.error),
    VEMU_STATE(struct serial, rx.head),      VEMU_STATE(struct serial, rx.count),
    VEMU_STATE(struct serial, tx.data),      VEMU_STATE(struct serial, tx.head),
    VEMU_STATE(struct serial, tx.count),     VEMU_STATE(struct serial, dll),
    VEMU_STATE(struct serial, dlm),          VEMU_STATE(struct serial, ier),
    VEMU_STATE(struct serial, fcr),          VEMU_STATE(struct serial, lcr),
    VEMU_STATE(struct serial, mcr),          VEMU_STATE(struct serial, msr),
    VEMU_STATE(struct serial, scr),          VEMU_STATE(struct serial, overrun),
    VEMU_STATE(struct serial, thre_pending), VEMU_STATE_END,
};

static const struct vemu_device_ops serial_ops = {
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .reset = serial_reset,
    .restored = serial_restored,
};

const struct vemu_device_class vemu__device_serial_16550 = {
    .name = "isa-serial",
    .summary = "16550A serial port",
    .state_version = 1,
    .instance_size = sizeof(struct serial),
    .props = serial_props,
    .state = serial_state,
    .ops = &serial_ops,
};
