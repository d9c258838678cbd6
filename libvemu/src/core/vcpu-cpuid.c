/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPUID of a machine's vCPUs: what the accelerator offers, made into the CPU model. The first
 * vCPU's thread asks for it, all others wait.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "core/cpu-model.h"
#include "core/vm.h"
#include "machines/machine.h"

bool vemu__vcpus_wait_accel(struct vemu_vcpus *vcpus)
{
    bool came;

    pthread_mutex_lock(&vcpus->lock);
    while (!vcpus->accel && !vcpus->quit)
        pthread_cond_wait(&vcpus->wake, &vcpus->lock);
    came = vcpus->accel;
    pthread_mutex_unlock(&vcpus->lock);
    return came;
}

static int cpuid_add_hyperv(struct vemu_vm *vm, const struct vemu_cpu_settings *settings,
                            struct vemu_cpuid *cpuid, struct vemu_error **err)
{
    int r = vemu__cpu_settings_add_hyperv(settings, vm->accel, &vm->accel_config, NULL, cpuid, err);

    if (r != -EAGAIN)
        return r;
    if (!vemu__vcpus_wait_accel(&vm->vcpus))
        return -ECANCELED;
    return vemu__cpu_settings_add_hyperv(settings, vm->accel, &vm->accel_config, vm->accel_vm,
                                         cpuid, err);
}

/* What the accelerator offers becomes the CPU model. Features that it should have are asked for in
 * vain and must be known to the user, since the guest runs without them. */
static int cpuid_fit(struct vemu_vm *vm, struct vemu_cpuid *cpuid, struct vemu_error **err)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(g_free);
    struct vemu_cpu_settings settings;
    int r = vemu__cpu_model_apply(vm->config.cpu, cpuid, missing, err);

    vemu__cpu_model_settings(vm->config.cpu, &settings);
    if (r >= 0)
        r = vemu__cpu_settings_fit_width(&settings, vm->accel, cpuid, err);
    if (r >= 0)
        r = cpuid_add_hyperv(vm, &settings, cpuid, err);
    for (guint n = 0; r >= 0 && n < missing->len; n++)
        vemu_vm_log(vm, VEMU_LOG_WARNING, "CPU feature %s is not offered by accelerator %s",
                    (const char *)missing->pdata[n], vm->accel->name);
    return r;
}

int vemu__vcpus_ask_cpuid(struct vemu_vm *vm, struct vemu_error **err)
{
    g_autofree struct vemu_cpuid *cpuid = g_new0(struct vemu_cpuid, 1);
    struct vemu_vcpus *vcpus = &vm->vcpus;
    int r = vm->accel->supported_cpuid(&vm->accel_config, NULL, cpuid);

    if (r == -EAGAIN) {
        if (!vemu__vcpus_wait_accel(vcpus))
            return -ECANCELED;
        r = vm->accel->supported_cpuid(&vm->accel_config, vm->accel_vm, cpuid);
    }
    if (r < 0)
        vemu__error_set(err, -r, "cannot ask accelerator %s for its CPUID: %s", vm->accel->name,
                        strerror(-r));
    else
        r = cpuid_fit(vm, cpuid, err);
    pthread_mutex_lock(&vcpus->lock);
    if (r >= 0)
        vcpus->cpuid = g_steal_pointer(&cpuid);
    vcpus->no_cpuid = r < 0;
    pthread_mutex_unlock(&vcpus->lock);
    pthread_cond_broadcast(&vcpus->wake);
    return r;
}

struct vemu_cpuid *vemu__vcpus_copy_cpuid(struct vemu_vcpus *vcpus)
{
    const struct vemu_cpuid *cpuid;

    pthread_mutex_lock(&vcpus->lock);
    while (!vcpus->cpuid && !vcpus->no_cpuid && !vcpus->quit)
        pthread_cond_wait(&vcpus->wake, &vcpus->lock);
    cpuid = vcpus->cpuid;
    pthread_mutex_unlock(&vcpus->lock);
    return cpuid ? g_memdup2(cpuid, sizeof(*cpuid)) : NULL;
}

int vemu__vcpus_check_reach(struct vemu_vm *vm, struct vemu_error **err)
{
    g_autofree struct vemu_cpuid *cpuid = vemu__vcpus_copy_cpuid(&vm->vcpus);
    const struct vemu_cpuid_entry *e = cpuid ? vemu__cpuid_find(cpuid, 0x80000008, 0) : NULL;
    const uint32_t bits = e ? e->eax & 0xff : 0;
    const uint64_t end = vm->machine->address_end;

    if (!bits || bits > 63 || end <= 1ull << bits)
        return 0;
    return vemu__error_set(err, EINVAL,
                           "memory and PCI windows of machine %s end at 0x%" PRIx64
                           ", which physical addresses of %u bits do not reach",
                           vm->machine->class_->name, end, bits);
}
