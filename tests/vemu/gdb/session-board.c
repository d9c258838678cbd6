/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine of two vCPUs and 64 KiB for a gdb session. It fails where it is used against the rules.
 */
#include "session-board.h"

#include <errno.h>
#include <string.h>

static enum gdb_machine board_machine(void *data)
{
    return ((struct board *)data)->machine;
}

static bool board_alive(void *data, uint32_t thread)
{
    g_assert(thread < BOARD_THREADS);
    return thread != ((struct board *)data)->absent;
}

static int board_get_state(void *data, uint32_t thread, uint32_t groups,
                           struct vemu_cpu_state *state)
{
    struct board *board = data;

    g_assert(thread < BOARD_THREADS && board->machine != GDB_MACHINE_RUNNING);
    if (!board->fail)
        *state = board->states[thread];
    return -board->fail;
}

static int board_set_state(void *data, uint32_t thread, uint32_t groups,
                           const struct vemu_cpu_state *state)
{
    struct board *board = data;

    g_assert(thread < BOARD_THREADS && board->machine != GDB_MACHINE_RUNNING);
    board->sets++;
    board->set_groups = groups;
    if (!board->fail)
        board->states[thread] = *state;
    return -board->fail;
}

static long span(uint64_t address, size_t size)
{
    g_assert(size > 0 && size <= GDB_PACKET_MAX);
    if (address < BOARD_BASE || address - BOARD_BASE >= BOARD_MEMORY)
        return -EFAULT;
    return (long)MIN(size, BOARD_MEMORY - (address - BOARD_BASE));
}

static long board_read(void *data, uint32_t thread, uint64_t address, void *buf, size_t size)
{
    struct board *board = data;
    long n = span(address, size);

    if (n > 0)
        memcpy(buf, board->memory + (address - BOARD_BASE), (size_t)n);
    return n;
}

static long board_write(void *data, uint32_t thread, uint64_t address, const void *buf, size_t size)
{
    struct board *board = data;
    long n = span(address, size);

    if (n > 0)
        memcpy(board->memory + (address - BOARD_BASE), buf, (size_t)n);
    return n;
}

static int board_insert(void *data, const struct vemu_debug_point *point)
{
    struct board *board = data;

    g_assert(board->machine != GDB_MACHINE_RUNNING && point->kind <= VEMU_DEBUG_ACCESS &&
             point->size);
    if (board->fail || board->point_count == G_N_ELEMENTS(board->points))
        return board->fail ? -board->fail : -ENOSPC;
    board->points[board->point_count++] = *point;
    return 0;
}

static int board_remove(void *data, const struct vemu_debug_point *point)
{
    struct board *board = data;

    for (unsigned n = 0; n < board->point_count; n++)
        if (board->points[n].kind == point->kind && board->points[n].address == point->address)
            board->points[n] = board->points[--board->point_count];
    return 0;
}

static int board_resume(void *data, const enum gdb_action *actions, struct gdb_stop *ret_stop)
{
    struct board *board = data;

    g_assert(board->machine == GDB_MACHINE_STOPPED);
    if (board->fail)
        return -board->fail;
    memcpy(board->actions, actions, sizeof(board->actions));
    board->resumes++;
    *ret_stop = (struct gdb_stop){
        .signal = GDB_SIGTRAP, .thread = 1, .debug = true,
        .exit.debug = { .kind = VEMU_DEBUG_WRITE, .address = 0x1234 },
    };
    if (board->stop_at_once)
        return 1;
    board->machine = GDB_MACHINE_RUNNING;
    return 0;
}

static void board_pause(void *data)
{
    struct board *board = data;
    const struct gdb_stop stop = { .signal = GDB_SIGINT };

    g_assert(board->machine == GDB_MACHINE_RUNNING);
    board->pauses++;
    board->machine = GDB_MACHINE_STOPPED;
    vemu__gdb_session_stopped(&board->session, &stop);
}

static void board_detach(void *data)
{
    ((struct board *)data)->detaches++;
    ((struct board *)data)->point_count = 0;
}

static void board_quit(void *data)
{
    ((struct board *)data)->quits++;
}

static void board_reset(void *data)
{
    ((struct board *)data)->resets++;
}

static const struct gdb_target target = {
    .threads = BOARD_THREADS,
    .machine = board_machine,
    .alive = board_alive,
    .get_state = board_get_state,
    .set_state = board_set_state,
    .read = board_read,
    .write = board_write,
    .insert = board_insert,
    .remove = board_remove,
    .resume = board_resume,
    .pause = board_pause,
    .detach = board_detach,
    .quit = board_quit,
    .reset = board_reset,
};

void board_init(struct board *board)
{
    memset(board, 0, sizeof(*board));
    board->machine = GDB_MACHINE_STOPPED;
    board->absent = UINT32_MAX;
    board->states = g_aligned_alloc0(BOARD_THREADS, sizeof(*board->states), 64);
    for (unsigned n = 0; n < BOARD_MEMORY; n++)
        board->memory[n] = (uint8_t)(n * 7 + n / 256);
    for (unsigned n = 0; n < BOARD_THREADS; n++) {
        board->states[n].regs.rip = 0x1000 * (n + 1);
        board->states[n].fpu.xsave_size = 512;
        board->states[n].mp_state = n ? VEMU_MP_HALTED : VEMU_MP_RUNNABLE;
    }
    vemu__gdb_session_init(&board->session, &target, board);
}

void board_fini(struct board *board)
{
    vemu__gdb_session_fini(&board->session);
    g_aligned_free(board->states);
}
