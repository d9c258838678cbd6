/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving the CPU for a device.
 *
 * Around a callback the host's own FPU state is in place, and the vCPU counts as stopped: another
 * one may change memory slots while this one waits for a device's lock.
 */
#ifndef SC_IO_H
#define SC_IO_H

#include "accel/soft/sys/sys.h"

/* Around one: runs the statement. */
#define SC_CALLBACK(c, statement)                                                                  \
    do {                                                                                           \
        const bool parked_ = sc_callback_begin(c);                                                 \
        statement;                                                                                 \
        sc_callback_end(c, parked_);                                                               \
    } while (0)
bool sc_callback_begin(struct sc_cpu *c);
void sc_callback_end(struct sc_cpu *c, bool parked); /* what _begin returned */

#endif
