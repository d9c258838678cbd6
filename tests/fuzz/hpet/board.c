/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an HPET needs around it, and no more.
 */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

/* The core's types are the board's here: a VM is a board, a line or an alarm one of its numbers. */
static struct board *board_of(struct vemu_vm *vm)
{
    return (struct board *)vm;
}

static struct board *the_board; /* whose lines and alarms the handles below are */

static struct vemu_irq *line(unsigned n)
{
    return (struct vemu_irq *)&the_board->level[n];
}

int64_t vemu_clock_ns(struct vemu_vm *vm)
{
    return board_of(vm)->now_ns;
}

struct vemu_irq *vemu_device_get_irq(struct vemu_device *dev, unsigned n, struct vemu_error **err)
{
    return line(n);
}

void vemu_irq_set(struct vemu_irq *irq, bool level)
{
    bool *now = (bool *)irq;

    if (level && !*now)
        the_board->rises[now - the_board->level]++;
    *now = level;
}

void vemu_irq_pulse(struct vemu_irq *irq)
{
    vemu_irq_set(irq, false);
    vemu_irq_set(irq, true);
    vemu_irq_set(irq, false);
}

struct vemu_timer *vemu_device_add_timer(struct vemu_device *dev, vemu_timer_fn fn)
{
    struct board *b = board_of(dev->vm);

    if (b->alarms == BOARD_ALARMS)
        abort();
    b->alarm[b->alarms] = fn;
    b->deadline[b->alarms] = INT64_MAX;
    return (struct vemu_timer *)&b->deadline[b->alarms++];
}

void vemu_timer_set(struct vemu_timer *timer, int64_t deadline_ns)
{
    *(int64_t *)timer = deadline_ns;
}

int vemu_device_map(struct vemu_device *dev, enum vemu_space space, uint64_t address, uint64_t size,
                    const struct vemu_region_ops *ops, const char *region_name,
                    struct vemu_error **err)
{
    board_of(dev->vm)->ops = ops;
    return 0;
}

void board_init(struct board *b)
{
    const struct vemu_device_class *c = &vemu__device_hpet;

    memset(b, 0, sizeof(*b));
    the_board = b;
    b->now_ns = 1000000;
    b->hpet = g_malloc0(c->instance_size);
    b->hpet->class_ = c;
    b->hpet->vm = (struct vemu_vm *)b;
    if (c->ops->realize(b->hpet, NULL) < 0)
        abort();
    vemu__hpet_connect(b->hpet, line(0), line(1), line(2));
    board_reset(b);
}

void board_fini(struct board *b)
{
    g_free(b->hpet);
}

void board_reset(struct board *b)
{
    b->hpet->class_->ops->reset(b->hpet);
}

uint64_t board_read(struct board *b, uint64_t offset, unsigned size)
{
    return b->ops->read(b->hpet, offset, size);
}

void board_write(struct board *b, uint64_t offset, unsigned size, uint64_t value)
{
    b->ops->write(b->hpet, offset, size, size == 8 ? value : (uint32_t)value);
}

void board_advance(struct board *b, int64_t ns)
{
    const int64_t end = b->now_ns + ns;

    for (;;) {
        unsigned first = 0;

        for (unsigned n = 1; n < b->alarms; n++)
            if (b->deadline[n] < b->deadline[first])
                first = n;
        if (b->deadline[first] > end)
            break;
        b->now_ns = MAX(b->now_ns, b->deadline[first]);
        b->deadline[first] = INT64_MAX;
        b->alarm[first](b->hpet);
    }
    b->now_ns = end;
}

bool board_is_armed(const struct board *b)
{
    for (unsigned n = 0; n < b->alarms; n++)
        if (b->deadline[n] != INT64_MAX)
            return true;
    return false;
}

void board_garbage(struct board *b, uint64_t seed)
{
    for (const struct vemu_state_field *f = b->hpet->class_->state; f->name; f++)
        for (size_t n = 0; n < f->size; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            ((uint8_t *)b->hpet)[f->offset + n] = seed >> 62 ? (uint8_t)(seed >> 40) : 0;
        }
    b->hpet->class_->ops->restored(b->hpet);
}
