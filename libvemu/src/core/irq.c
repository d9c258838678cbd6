/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt lines shared by several users: high while one of them is.
 *
 * A line is the controller's end; each user has an end of its own with its own level. The line's
 * lock is held while its level is handed on, so that two users changing their levels at the same
 * time leave the controller with the last state. Lock order: device -> line -> controller ->
 * accelerator.
 */
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/vm.h"

struct vemu_irq {
    struct vemu_irq *next; /* in vm->irqs */
    struct vemu_vm *vm;
    struct vemu_irq *line; /* the line this end belongs to; a line's own end is itself */
    atomic_bool level;     /* of this end */
    /* of a line */
    pthread_mutex_t lock;
    unsigned high; /* ends that are high */
    vemu_irq_fn fn;
    void *data;
    unsigned n;
};

static struct vemu_irq *irq_new(struct vemu_vm *vm)
{
    struct vemu_irq *irq = g_new0(struct vemu_irq, 1);

    irq->vm = vm;
    irq->line = irq;
    pthread_mutex_init(&irq->lock, NULL);
    pthread_mutex_lock(&vm->list_lock);
    irq->next = vm->irqs;
    vm->irqs = irq;
    pthread_mutex_unlock(&vm->list_lock);
    return irq;
}

struct vemu_irq *vemu__irq_new(struct vemu_vm *vm, vemu_irq_fn fn, void *data, unsigned n)
{
    struct vemu_irq *irq = irq_new(vm);

    irq->fn = fn;
    irq->data = data;
    irq->n = n;
    return irq;
}

struct vemu_irq *vemu__irq_user(struct vemu_irq *line)
{
    struct vemu_irq *irq = irq_new(line->vm);

    irq->line = line->line;
    return irq;
}

void vemu_irq_set(struct vemu_irq *irq, bool level)
{
    struct vemu_irq *line;

    if (!irq || atomic_load_explicit(&irq->level, memory_order_relaxed) == level)
        return;
    line = irq->line;
    pthread_mutex_lock(&line->lock);
    if (atomic_load_explicit(&irq->level, memory_order_relaxed) != level) {
        atomic_store_explicit(&irq->level, level, memory_order_relaxed);
        line->high += level ? 1u : -1u;
        if (line->high == (level ? 1 : 0)) {
            VEMU_TRACE(line->vm, IRQ_LINE, NULL, line->n, level);
            line->fn(line->data, line->n, level);
        }
    }
    pthread_mutex_unlock(&line->lock);
}

void vemu_irq_pulse(struct vemu_irq *irq)
{
    vemu_irq_set(irq, false);
    vemu_irq_set(irq, true);
    vemu_irq_set(irq, false);
}

void vemu__irqs_free(struct vemu_vm *vm)
{
    struct vemu_irq *irq;

    while ((irq = vm->irqs) != NULL) {
        vm->irqs = irq->next;
        pthread_mutex_destroy(&irq->lock);
        g_free(irq);
    }
}
