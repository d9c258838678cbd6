/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the HPET: registers, time that passes, saved states that are not its own. What must
 * hold: a timer does not fire more often than the device lets it, the counter does not go back
 * while it runs, and nothing is high once it is reset.
 *
 * Input: operations of 16 bytes each (struct op). Built plainly it makes inputs from a seed and
 * runs as a test: fuzz-hpet [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "devices/devices.h"
#include "devices/hpet/hpet.h"
#include "mock.h"

#define OPS_MAX 300
#define LINES   G_N_ELEMENTS(((struct vemu_vm *)0)->irqs)

enum { WRITE, READ, PASS, TIMER, ENABLE, RESTORE, RESET, KINDS };

struct op {
    uint8_t kind, what;
    uint16_t offset;
    uint32_t time;
    uint64_t value;
};

static struct vemu_vm *vm;
static struct vemu_device *hpet;

static unsigned rises(void)
{
    unsigned sum = 0;

    for (unsigned n = 0; n < LINES; n++)
        sum += vm->irqs[n].rises;
    return sum;
}

/* At most one rise of each timer in 20 us, and three that were due. */
static void pass(uint32_t ns)
{
    const unsigned before = rises();

    mock_advance(vm, ns);
    if (rises() - before > 3 * (ns / 20000 + 2))
        abort();
}

static uint64_t get(uint64_t offset, unsigned size)
{
    return mock_read(vm, VEMU_HPET_ADDRESS + offset, size);
}

static void put(uint64_t offset, unsigned size, uint64_t value)
{
    mock_write(vm, VEMU_HPET_ADDRESS + offset, size, value);
}

static uint64_t counter(void)
{
    return get(0xf0, 8);
}

static void play(const struct op *op)
{
    const unsigned size = op->what & 1 ? 8 : 4;
    const uint64_t at = op->offset % VEMU_HPET_SIZE / size * size;
    uint64_t before;

    switch (op->kind % KINDS) {
    case WRITE: put(at, size, op->value); break;
    case READ: get(at, size); break;
    case PASS:
        before = counter();
        pass(op->time % 3000000);
        if (counter() - before > 300000)
            abort();
        break;
    case TIMER: /* one that comes soon */
        put(0x100 + op->offset % 3 * 0x20, 8, op->value & 0x3f4e);
        put(0x108 + op->offset % 3 * 0x20, 8, counter() + op->time % 100000);
        break;
    case ENABLE: put(0x10, 4, op->value & 3); break;
    case RESTORE: mock_restore_random(hpet, op->value); break;
    default: mock_reset(hpet); break;
    }
}

/* Lines 0 and 1 are those of legacy replacement, 2 is high meanwhile. */
static void board_init(void)
{
    vm = mock_new();
    hpet = mock_add(vm, &vemu__device_hpet, NULL);
    vemu__hpet_connect(hpet, vemu_device_get_irq(hpet, 0, NULL), vemu_device_get_irq(hpet, 1, NULL),
                       vemu_device_get_irq(hpet, 2, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct op op;

    board_init();
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&op);
    }
    mock_reset(hpet);
    for (unsigned n = 0; n < LINES; n++)
        if (vm->irqs[n].level)
            abort();
    if (mock_timer_armed(vm))
        abort();
    mock_free(vm);
    return 0;
}

const struct fuzz_target fuzz_target = { "hpet", 2 * OPS_MAX, 500, NULL };
