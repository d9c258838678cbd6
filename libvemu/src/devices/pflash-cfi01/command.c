/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands of the Intel command set: what a write to the flash means.
 *
 * A command is one to many write cycles; the first one is the command itself, at any address unless
 * it is the address that it is about. Programming and erasing are over before the write that starts
 * them returns, so that there is nothing to suspend.
 *
 * Two things differ from the data sheet, because firmware for this board relies on them: clearing
 * the status register clears its ready bit as well (OVMF takes a device for ROM that answers the
 * next status read with anything but zero), and a clear puts the flash back to reading its array.
 */
#include "devices/pflash-cfi01/pflash.h"

#include <string.h>

#define CMD_PROGRAM     0x40u
#define CMD_PROGRAM_ALT 0x10u
#define CMD_ERASE       0x20u
#define CMD_CLEAR       0x50u
#define CMD_LOCK        0x60u
#define CMD_STATUS      0x70u
#define CMD_IDENT       0x90u
#define CMD_QUERY       0x98u
#define CMD_CONFIRM     0xd0u
#define CMD_BUFFER      0xe8u

#define LOCK_SET   0x01u
#define LOCK_CLEAR 0xd0u

static void wait_for(struct pflash *s, enum pflash_cycle cycle)
{
    s->cycle = (uint8_t)cycle;
    vemu__pflash_set_mode(s, PFLASH_STATUS);
}

static void finish(struct pflash *s, uint8_t status)
{
    s->cycle = PFLASH_COMMAND;
    s->status |= PFLASH_READY | status;
}

static void begin(struct pflash *s, uint8_t command)
{
    switch (command) {
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: wait_for(s, PFLASH_PROGRAM); break;
    case CMD_ERASE: wait_for(s, PFLASH_ERASE); break;
    case CMD_LOCK: wait_for(s, PFLASH_LOCK); break;
    case CMD_BUFFER:
        s->status |= PFLASH_READY; /* the buffer is free */
        wait_for(s, PFLASH_COUNT);
        break;
    case CMD_STATUS: vemu__pflash_set_mode(s, PFLASH_STATUS); break;
    case CMD_IDENT: vemu__pflash_set_mode(s, PFLASH_IDENT); break;
    case CMD_QUERY: vemu__pflash_set_mode(s, PFLASH_QUERY); break;
    case CMD_CLEAR:
        vemu__pflash_settle(s); /* its outcome belongs to what is cleared */
        s->status = 0;
        vemu__pflash_set_mode(s, PFLASH_ARRAY);
        break;
    default: vemu__pflash_set_mode(s, PFLASH_ARRAY); break; /* 0xff; 0xf0 and 0x00 of probes */
    }
}

static void program(struct pflash *s, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
    bool done = vemu__pflash_program(s, offset, bytes, size);

    finish(s, done ? 0 : PFLASH_PROGRAM_ERROR | PFLASH_LOCKED);
}

static void erase(struct pflash *s, uint32_t offset, uint8_t value)
{
    uint8_t error = 0;

    if (value != CMD_CONFIRM)
        error = PFLASH_SEQUENCE;
    else if (vemu__pflash_is_read_only(s))
        error = PFLASH_ERASE_ERROR | PFLASH_LOCKED;
    else if (!vemu__pflash_erase(s, offset))
        error = PFLASH_ERASE_ERROR;
    finish(s, error);
}

static void count(struct pflash *s, uint8_t value)
{
    s->left = (uint16_t)(value + 1u);
    s->window = UINT32_MAX;
    memset(s->buffer, 0xff, sizeof(s->buffer));
    s->cycle = PFLASH_DATA;
}

/* All bytes lie in one aligned piece of the buffer's size, which the first one chooses. */
static void data(struct pflash *s, uint32_t offset, uint8_t value)
{
    uint32_t window = offset & ~(PFLASH_BUFFER - 1);

    if (s->window == UINT32_MAX)
        s->window = window;
    if (s->window != window) {
        finish(s, PFLASH_SEQUENCE);
        return;
    }
    s->buffer[offset % PFLASH_BUFFER] = value;
    if (--s->left == 0)
        s->cycle = PFLASH_CONFIRM;
}

void vemu__pflash_write(struct pflash *s, uint32_t offset, uint8_t value)
{
    switch (s->cycle) {
    case PFLASH_PROGRAM: program(s, offset, &value, 1); break;
    case PFLASH_ERASE: erase(s, offset, value); break;
    case PFLASH_LOCK: /* blocks have no locks: nothing to set, nothing to clear */
        finish(s, value == LOCK_SET || value == LOCK_CLEAR ? 0 : PFLASH_SEQUENCE);
        break;
    case PFLASH_COUNT: count(s, value); break;
    case PFLASH_DATA: data(s, offset, value); break;
    case PFLASH_CONFIRM:
        if (value == CMD_CONFIRM)
            program(s, s->window, s->buffer, PFLASH_BUFFER);
        else
            finish(s, PFLASH_SEQUENCE);
        break;
    default: begin(s, value); break;
    }
}
