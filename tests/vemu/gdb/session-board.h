/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine of two vCPUs and 64 KiB for a gdb session, without a machine: what tests and the fuzzer
 * debug.
 */
#ifndef TESTS_VEMU_GDB_SESSION_BOARD_H
#define TESTS_VEMU_GDB_SESSION_BOARD_H

#include "gdb/registers.h"
#include "gdb/session.h"

#define BOARD_THREADS 2u
#define BOARD_MEMORY  65536u /* at BOARD_BASE */
#define BOARD_BASE    0xffffffff80000000ull

struct board {
    enum gdb_machine machine;
    struct vemu_cpu_state *states; /* BOARD_THREADS of them */
    uint8_t memory[BOARD_MEMORY];
    struct vemu_debug_point points[8];
    unsigned point_count;
    enum gdb_action actions[BOARD_THREADS];
    unsigned resumes, pauses, detaches, quits, resets, sets;
    uint32_t set_groups;
    uint32_t absent; /* this place has no vCPU; UINT32_MAX: all have one */
    int fail; /* errno of get_state, set_state, insert, resume */
    bool stop_at_once;
    struct gdb_session session;
};

void board_init(struct board *board);
void board_fini(struct board *board);

#endif
