/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a boot takes: when the machine was made, began, wrote its first byte and said how far it
 * is.
 */
#include <time.h>

#include "chardev/backend.h"
#include "core/vm.h"

int64_t vemu__times_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void vemu__times_start(struct vemu_vm *vm)
{
    if (!atomic_load(&vm->times.started))
        atomic_store(&vm->times.started, vemu__times_now());
}

/* vCPUs do not run. */
void vemu__times_reset(struct vemu_vm *vm)
{
    atomic_store(&vm->times.started, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(vm->times.codes); i++)
        atomic_store(&vm->times.codes[i], 0);
    pthread_mutex_lock(&vm->list_lock);
    for (guint i = 0; i < vm->chardevs->len; i++)
        vemu__chardev_forget_first(vm->chardevs->pdata[i]);
    pthread_mutex_unlock(&vm->list_lock);
}

void vemu_vm_report_progress(struct vemu_vm *vm, uint8_t code)
{
    int64_t never = 0;

    if (!atomic_load_explicit(&vm->times.codes[code], memory_order_relaxed))
        atomic_compare_exchange_strong(&vm->times.codes[code], &never, vemu__times_now());
}
