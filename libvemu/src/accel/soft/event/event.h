/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between event.c (which event, nested faults) and deliver.c (through the IDT). */
#ifndef SC_EVENT_H
#define SC_EVENT_H

#include "accel/soft/cpu.h"

/* sc_cpu.delivering */
enum { SC_DLV_NONE, SC_DLV_EXCEPTION, SC_DLV_EXTERNAL, SC_DLV_SOFTWARE };

struct sc_event {
    uint8_t vector;
    bool soft;      /* INT n, INT3, INTO: gate DPL is checked, EXT is 0 */
    bool fault;     /* RF is set in the pushed image */
    bool has_error;
    uint32_t error;
    uint64_t rip;   /* to be pushed */
};

/* Transfers control through the IVT or IDT. Raises what goes wrong. */
void sc_deliver(struct sc_cpu *c, const struct sc_event *e);

#endif
