/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board with two flash devices and nothing else.
 */
#include "flash-board.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vemu/block.h>

#include "fake-accel.h"
#include "machines/flash.h"

/* --- slots ------------------------------------------------------------------------------------ */

static struct vemu_accel_slot slots[8]; /* size 0: none */
static unsigned slot_failures;

static int record_slot(struct vemu_accel_vm *vm, const struct vemu_accel_slot *slot)
{
    if (slot->slot >= 8)
        return -ENOSPC;
    if (slot_failures) {
        slot_failures--;
        return -ENOMEM;
    }
    slots[slot->slot] = *slot;
    return 0;
}

static const struct vemu_accel_slot *find_slot(uint64_t gpa)
{
    for (unsigned i = 0; i < 8; i++)
        if (gpa >= slots[i].gpa && gpa - slots[i].gpa < slots[i].size)
            return &slots[i];
    return NULL;
}

void flash_fail_slots(unsigned count)
{
    slot_failures = count;
}

/* --- machine ---------------------------------------------------------------------------------- */

static int machine_init(struct vemu_machine *machine, struct vemu_error **err)
{
    char code[] = "code", vars[] = "vars";
    char *const nodes[VEMU_FLASH_UNITS] = { code, vars };
    int r = vemu__memory_add_ram(machine->vm->memory, 0, 1 << 20, 0, "ram", NULL, err);

    return r < 0 ? r : vemu__flash_add(machine, nodes, err);
}

static int machine_load(struct vemu_machine *machine, struct vemu_error **err)
{
    return vemu__flash_shadow(machine, err);
}

static const struct vemu_machine_class machine_class = {
    .name = "flash-board",
    .summary = "two flash devices",
    .max_vcpus = 1,
    .instance_size = sizeof(struct vemu_machine),
    .init = machine_init,
    .load = machine_load,
};

/* Not Check's: the fuzzer uses this as well. */
static void must(int r, struct vemu_error *err)
{
    if (r < 0) {
        fprintf(stderr, "flash: %s\n", vemu_error_message(err));
        abort();
    }
}

static void make_file(char *path, uint32_t size, bool counts)
{
    uint8_t *bytes = malloc(size);
    int fd;

    strcpy(path, "/tmp/vemu-flash-XXXXXX");
    fd = mkstemp(path);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = counts ? (uint8_t)i : 0xff;
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
    free(bytes);
}

void flash_restart(struct flash_board *board)
{
    const struct vemu_property code[] = { { "filename", board->code },
                                          { "read-only", "on" },
                                          { "aio", "threads" } };
    const struct vemu_property vars[] = { { "filename", board->vars }, { "aio", "threads" } };
    static struct vemu_accel_ops accel;
    const struct vemu_vm_parts parts = {
        .accel = &accel,
        .accel_reason = "the test wants it",
        .machine = &machine_class,
    };
    struct vemu_error *err = NULL;

    vemu_vm_unref(board->vm);
    memset(slots, 0, sizeof(slots));
    accel = fake_accel;
    accel.mem_slot = record_slot;
    must(vemu__vm_new(NULL, &parts, &board->vm, &err), err);
    must(vemu_vm_add_block(board->vm, "file", "code", code, 3, &err), err);
    must(vemu_vm_add_block(board->vm, "file", "vars", vars, 2, &err), err);
    must(vemu_vm_realize(board->vm, &err), err);
    board->flash = (struct pflash *)vemu__vm_find_device(board->vm, "system.flash1");
}

void flash_init(struct flash_board *board)
{
    memset(board, 0, sizeof(*board));
    make_file(board->code, FLASH_CODE, true);
    make_file(board->vars, FLASH_VARS, false);
    flash_restart(board);
}

void flash_fini(struct flash_board *board)
{
    vemu_vm_unref(board->vm);
    unlink(board->code);
    unlink(board->vars);
}

/* --- ways in ---------------------------------------------------------------------------------- */

uint64_t flash_read(struct flash_board *board, uint32_t offset, unsigned size)
{
    const struct vemu_accel_slot *slot = find_slot(FLASH_BASE + offset);
    uint64_t value = 0;

    if (!slot)
        return vemu__memory_read(board->vm->memory, VEMU_SPACE_MEMORY, FLASH_BASE + offset, size);
    memcpy(&value, (uint8_t *)slot->hva + (FLASH_BASE + offset - slot->gpa), size);
    return value;
}

void flash_write(struct flash_board *board, uint32_t offset, unsigned size, uint64_t value)
{
    vemu__memory_write(board->vm->memory, VEMU_SPACE_MEMORY, FLASH_BASE + offset, size, value);
}

bool flash_shown(struct flash_board *board, unsigned unit)
{
    const struct vemu_accel_slot *slot = find_slot(FLASH_BASE + (unit ? 0 : FLASH_VARS));

    return slot && (slot->flags & VEMU_SLOT_READONLY);
}

uint8_t flash_stored(struct flash_board *board, uint32_t offset)
{
    int fd = open(board->vars, O_RDONLY | O_CLOEXEC);
    uint8_t byte = 0;

    if (fd < 0 || pread(fd, &byte, 1, offset) != 1)
        abort();
    close(fd);
    return byte;
}

void flash_fail_behind(uint64_t offset)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
        abort();
    limit.rlim_cur = offset == UINT64_MAX ? limit.rlim_max : offset;
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        abort();
}
