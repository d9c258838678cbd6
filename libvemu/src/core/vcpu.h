/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPUs: one thread each, which creates, runs and destroys the accelerator's vCPU.
 */
#ifndef VEMU_CORE_VCPU_H
#define VEMU_CORE_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "core/topology.h"

struct vemu_vm;
struct vemu_vcpu;

struct vemu_vcpus {
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t wake;  /* to the vCPU threads */
    pthread_cond_t done;  /* from them */
    struct vemu_vcpu *list;
    uint32_t count; /* of entries in the list: vCPUs that are there, and that could be */
    struct vemu_cpuid *cpuid; /* of the CPU model; NULL: not known yet */
    bool no_cpuid;            /* the accelerator could not be asked, or lacks what is enforced */
    bool accel;  /* the accelerator's VM exists */
    bool run;    /* vCPUs may be inside vcpu_run() */
    bool quit;
};

void vemu__vcpus_init(struct vemu_vcpus *vcpus);
void vemu__vcpus_fini(struct vemu_vcpus *vcpus);

/* Starts the threads, which wait for the accelerator's VM. After a failure vemu__vcpus_destroy()
 * ends what was begun. Context: loop, as all but interrupt. */
int vemu__vcpus_spawn(struct vemu_vm *vm, struct vemu_error **err);
/* The accelerator's VM exists: each thread begins to make its vCPU. */
void vemu__vcpus_begin(struct vemu_vm *vm);
/* Waits until each thread has its vCPU. */
int vemu__vcpus_create(struct vemu_vm *vm, struct vemu_error **err);
/* Asks the threads to end; they do while other things are taken down. */
void vemu__vcpus_quit(struct vemu_vm *vm);
/* Ends and joins the threads. */
void vemu__vcpus_destroy(struct vemu_vm *vm);
void vemu__vcpus_run(struct vemu_vm *vm);
/* Returns when no vCPU is inside vcpu_run(). */
void vemu__vcpus_park(struct vemu_vm *vm);
/* Asks all vCPUs to come out of vcpu_run() and stay out, without waiting. Context: any. */
void vemu__vcpus_interrupt(struct vemu_vm *vm);

/*
 * Plugging in and out, while others run. A vCPU that leaves keeps its thread and what the
 * accelerator made for it, in the power-on state: KVM makes a vCPU only once. Context: loop.
 */
int vemu__vcpu_plug(struct vemu_vm *vm, uint32_t id, struct vemu_error **err);
void vemu__vcpu_unplug(struct vemu_vm *vm, uint32_t id);
/* Context: any. */
bool vemu__vcpu_is_present(struct vemu_vm *vm, uint32_t id);
uint32_t vemu__vcpus_present(struct vemu_vm *vm);

/* Where vCPU `id` sits. */
void vemu__vcpu_place(const struct vemu_vm *vm, uint32_t id, struct vemu_vcpu_place *ret);
/* What a vCPU is called as a device: "max-x86_64-cpu"; to be freed. */
char *vemu__vcpu_type(const struct vemu_vm *vm);

/* The kernel's id of the vCPU's thread, 0: it has none. Context: any. */
int vemu__vcpus_thread_id(struct vemu_vm *vm, uint32_t id);
/* nmi.c: a pulse on LINT1 of every vCPU, as the button of a server gives. Context: loop. */
int vemu__vcpus_nmi(struct vemu_vm *vm);

/* Runs fn on every vCPU's thread while it is parked; the first failure is returned. */
typedef int (*vemu_vcpu_fn)(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu);
int vemu__vcpus_call(struct vemu_vm *vm, vemu_vcpu_fn fn);
/* The same on one of them. -ENODEV: there is no such vCPU (now). */
typedef int (*vemu_vcpu_data_fn)(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu,
                                 void *data);
int vemu__vcpu_call(struct vemu_vm *vm, uint32_t id, vemu_vcpu_data_fn fn, void *data);
/* Stays parked when the machine goes, until said otherwise. The machine does not run. */
void vemu__vcpu_hold(struct vemu_vm *vm, uint32_t id, bool hold);
/* For work on vCPUs while the machine may run: parks them, and lets them go on afterwards unless a
 * request waits that called them out. Context: loop. */
void vemu__vcpus_pause_for(struct vemu_vm *vm);
void vemu__vcpus_go_on(struct vemu_vm *vm);
/* Power-on state of every vCPU, then the machine's boot state. vCPUs are parked. */
int vemu__vcpus_reset(struct vemu_vm *vm, struct vemu_error **err);

/* vcpu-cpuid.c. Context: a vCPU's thread. */
/* Waits for the accelerator's VM. False: it will not come. */
bool vemu__vcpus_wait_accel(struct vemu_vcpus *vcpus);
/* Asks the accelerator for the CPUID that all vCPUs begin with. -ECANCELED: the threads are to
 * end. */
int vemu__vcpus_ask_cpuid(struct vemu_vm *vm, struct vemu_error **err);
/* A copy of it, waited for, for g_free(); NULL: it will not come. */
struct vemu_cpuid *vemu__vcpus_copy_cpuid(struct vemu_vcpus *vcpus);
/* -EINVAL: physical addresses of the vCPUs, which have their CPUID, do not reach all that the board
 * has. Context: loop. */
int vemu__vcpus_check_reach(struct vemu_vm *vm, struct vemu_error **err);

/* cpuid.c: `cpuid` as offered by the accelerator becomes that of the n-th vCPU. */
void vemu__cpuid_topology(struct vemu_cpuid *cpuid, const struct vemu_topology *topology,
                          uint32_t n);

#endif
