/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The virtual machine object: making, finding its parts, freeing.
 */
#include "core/vm.h"
#include "dump/dump.h"

#include <errno.h>
#include <string.h>

#include "block/backend.h"
#include "block/fdset.h"
#include "core/object.h"
#include "core/property.h"
#include "core/thread.h"
#include "core/watchdog.h"
#include "fsdev/fsdev.h"
#include "jobs/job.h"
#include "monitor/monitor.h"
#include "nbd-server/vm.h"
#include "net/net.h"

/* --- what other parts may ask ----------------------------------------------------------------- */

struct vemu_memory *vemu__vm_memory(struct vemu_vm *vm)
{
    return vm->memory;
}

const struct vemu_vm_config *vemu__vm_config(struct vemu_vm *vm)
{
    return &vm->config;
}

const struct vemu_accel_ops *vemu__vm_accel(struct vemu_vm *vm, struct vemu_accel_vm **ret_accel_vm)
{
    if (ret_accel_vm)
        *ret_accel_vm = vm->accel_vm;
    return vm->accel;
}

struct vemu_machine *vemu__vm_machine(struct vemu_vm *vm)
{
    return vm->machine;
}

const char *vemu_vm_get_accel(struct vemu_vm *vm, const char **ret_reason)
{
    if (ret_reason)
        *ret_reason = vm->accel_reason;
    return vm->accel->name;
}

char *vemu__vm_make_id(struct vemu_vm *vm, const char *class_name)
{
    unsigned n;

    pthread_mutex_lock(&vm->list_lock);
    n = vm->next_id++;
    pthread_mutex_unlock(&vm->list_lock);
    return g_strdup_printf("%s#%u", class_name, n);
}

/* --- running things on the loop --------------------------------------------------------------- */

struct control {
    struct vemu_vm *vm;
    int (*fn)(struct vemu_vm *vm, void *data, struct vemu_error **err);
    void *data;
    struct vemu_error **err;
};

static int control_run(void *data)
{
    struct control *control = data;
    int r = control->fn(control->vm, control->data, control->err);

    vemu__events_flush(control->vm->events);
    return r;
}

int vemu__vm_control(struct vemu_vm *vm,
                     int (*fn)(struct vemu_vm *vm, void *data, struct vemu_error **err), void *data,
                     struct vemu_error **err)
{
    struct control control = { .vm = vm, .fn = fn, .data = data, .err = err };
    int r = vemu__loop_call(vm->loop, control_run, &control);

    if (r == -ESHUTDOWN)
        vemu__error_set(err, ESHUTDOWN, "the machine is stopped");
    else if (r == -EDEADLK)
        vemu__error_set(err, EDEADLK, "not possible from a vCPU thread of the machine");
    return r;
}

/* --- making and freeing ----------------------------------------------------------------------- */

static void vm_free(struct vemu_vm *vm)
{
    /* The application lets its data go first: freeing it must not find a half-freed machine. */
    vemu_vm_set_event_handler(vm, NULL, NULL, NULL);
    if (vm->accel_vm && vm->machine->class_->fini)
        vm->machine->class_->fini(vm->machine);
    vemu__jobs_stop(vm);
    g_ptr_array_free(vm->jobs, TRUE);
    vemu__vm_nbd_stop(vm);
    g_ptr_array_free(vm->monitors, TRUE);
    g_ptr_array_free(vm->monitor_servers, TRUE);
    g_ptr_array_free(vm->user_devices, TRUE);
    g_ptr_array_free(vm->devices, TRUE);
    g_ptr_array_free(vm->chardevs, TRUE);
    g_ptr_array_free(vm->blocks, TRUE);
    g_array_unref(vm->fdsets);
    g_ptr_array_free(vm->nets, TRUE);
    g_ptr_array_free(vm->fsdevs, TRUE);
    g_ptr_array_free(vm->displays, TRUE);
    vemu__inputs_free(vm->inputs);
    g_ptr_array_free(vm->objects, TRUE);
    if (vm->machine) {
        vemu__props_clear(vm->machine, vm->machine->class_->props);
        g_free(vm->machine);
    }
    vemu__numa_free(vm->numa);
    g_clear_pointer(&vm->fw_files, g_ptr_array_unref);
    vemu__dump_free(vm->dump);
    if (vm->memory_places)
        g_array_free(vm->memory_places, TRUE);
    vemu__irqs_free(vm);
    vemu__timers_free(vm->timers);
    if (vm->accel_vm)
        vm->accel->vm_destroy(vm->accel_vm);
    vemu__memory_free(vm->memory);
    vemu__events_free(vm->events);
    vemu__loop_free(vm->loop);
    vemu__vcpus_fini(&vm->vcpus);
    vemu__requests_fini(&vm->requests);
    pthread_cond_destroy(&vm->state_cond);
    pthread_mutex_destroy(&vm->state_lock);
    pthread_mutex_destroy(&vm->stop_lock);
    pthread_mutex_destroy(&vm->list_lock);
    vemu__config_clear(&vm->config);
    g_free(vm);
}

static void device_destroy(gpointer data)
{
    vemu__device_free(data);
}

static void chardev_destroy(gpointer data)
{
    vemu__chardev_free(data);
}

static void block_destroy(gpointer data)
{
    vemu__block_free(data);
}

static void net_destroy(gpointer data)
{
    vemu__net_free(data);
}

static void fsdev_destroy(gpointer data)
{
    vemu__fsdev_free(data);
}

static void object_destroy(gpointer data)
{
    vemu__object_free(data);
}

static void monitor_destroy(gpointer data)
{
    vemu__monitor_free(data);
}

static void monitor_server_destroy(gpointer data)
{
    vemu__monitor_server_free(data);
}

static struct vemu_vm *vm_alloc(void)
{
    struct vemu_vm *vm = g_new0(struct vemu_vm, 1);

    atomic_init(&vm->refs, 1);
    vm->times.created = vemu__times_now();
    atomic_init(&vm->state, VEMU_VM_CREATED);
    pthread_mutex_init(&vm->list_lock, NULL);
    pthread_mutex_init(&vm->stop_lock, NULL);
    pthread_mutex_init(&vm->state_lock, NULL);
    vemu__cond_init(&vm->state_cond);
    vemu__requests_init(&vm->requests);
    vemu__vcpus_init(&vm->vcpus);
    vm->events = vemu__events_new(vm);
    vm->devices = g_ptr_array_new_with_free_func(device_destroy);
    vm->user_devices = g_ptr_array_new_with_free_func(device_destroy);
    vm->chardevs = g_ptr_array_new_with_free_func(chardev_destroy);
    vm->fdsets = vemu__fdsets_new();
    vm->blocks = g_ptr_array_new_with_free_func(block_destroy);
    vm->jobs = g_ptr_array_new();
    vm->nets = g_ptr_array_new_with_free_func(net_destroy);
    vm->fsdevs = g_ptr_array_new_with_free_func(fsdev_destroy);
    vm->displays = g_ptr_array_new_with_free_func(g_free);
    vm->inputs = vemu__inputs_new(vm);
    vm->objects = g_ptr_array_new_with_free_func(object_destroy);
    vm->monitors = g_ptr_array_new_with_free_func(monitor_destroy);
    vm->monitor_servers = g_ptr_array_new_with_free_func(monitor_server_destroy);
    return vm;
}

static int vm_init(struct vemu_vm *vm, const struct vemu_vm_config *config,
                   const struct vemu_vm_parts *parts, struct vemu_error **err)
{
    int r = vemu__config_copy(config, &vm->config, err);

    if (r < 0)
        return r;
    vm->extra_classes = parts ? parts->extra_classes : NULL;
    vemu__watchdog_set_action(
        vm, (enum vemu_watchdog_action)vemu__watchdog_action(vm->config.watchdog_action));
    r = vemu__config_machine(vm, parts ? parts->machine : NULL, err);
    if (r < 0)
        return r;
    if (parts) {
        vm->accel = parts->accel;
        g_strlcpy(vm->accel_reason, parts->accel_reason, sizeof(vm->accel_reason));
    } else {
        vm->accel =
            vemu__accel_choose(vm->config.accel, vm->accel_reason, sizeof(vm->accel_reason), err);
        if (!vm->accel)
            return vemu__error_set(err, ENOTSUP, "accelerator '%s' is not usable",
                                   vm->config.accel);
    }
    r = vemu__memory_new(vm, &vm->memory);
    if (r >= 0)
        r = vemu__loop_new(vm, vm->config.flags & VEMU_VM_CALLER_LOOP, &vm->loop);
    if (r >= 0)
        r = vemu__timers_new(vm->loop, &vm->timers);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot make a virtual machine: %s", strerror(-r));
    vemu_vm_log(vm, VEMU_LOG_INFO, "accelerator %s: %s", vm->accel->name, vm->accel_reason);
    return 0;
}

int vemu__vm_new(const struct vemu_vm_config *config, const struct vemu_vm_parts *parts,
                 struct vemu_vm **ret_vm, struct vemu_error **err)
{
    struct vemu_vm *vm = vm_alloc();
    int r = vm_init(vm, config, parts, err);

    if (r < 0) {
        if (vm->loop)
            vemu__loop_stop(vm->loop);
        /* vemu__accel_choose() tells why only in words. */
        if (err && *err)
            r = -vemu_error_code(*err);
        vm_free(vm);
        return r;
    }
    *ret_vm = vm;
    return 0;
}

int vemu_vm_new(const struct vemu_vm_config *config, struct vemu_vm **ret_vm,
                struct vemu_error **err)
{
    return vemu__vm_new(config, NULL, ret_vm, err);
}

struct vemu_vm *vemu_vm_ref(struct vemu_vm *vm)
{
    atomic_fetch_add(&vm->refs, 1);
    return vm;
}

static void *reap(void *data)
{
    struct vemu_vm *vm = data;

    vemu_vm_stop(vm, NULL);
    vm_free(vm);
    return NULL;
}

struct vemu_vm *vemu_vm_unref(struct vemu_vm *vm)
{
    pthread_t thread;

    if (!vm || atomic_fetch_sub(&vm->refs, 1) != 1)
        return NULL;
    if (vemu__thread_vm() != vm) {
        reap(vm);
        return NULL;
    }
    /* The last reference was dropped in a callback: this thread cannot wait for its own end. */
    if (vemu__thread_start(NULL, "vemu-reap", reap, vm, &thread) == 0)
        pthread_detach(thread);
    else
        vemu_vm_log(vm, VEMU_LOG_ERROR, "cannot start a thread to free the machine");
    return NULL;
}

/* --- guest memory for the application --------------------------------------------------------- */

int vemu_vm_read_memory(struct vemu_vm *vm, uint64_t gpa, void *buf, size_t size)
{
    return vemu_dma_read(vm, gpa, buf, size);
}

int vemu_vm_write_memory(struct vemu_vm *vm, uint64_t gpa, const void *buf, size_t size)
{
    return vemu_dma_write(vm, gpa, buf, size);
}
