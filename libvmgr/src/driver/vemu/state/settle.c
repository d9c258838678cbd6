/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing a run to a rest: after its process ended, or after the caller that was changing it died.
 *
 * Theory of operation. With the domain's lock held, nobody is working on it, so a status that says
 * "starting" or "stopping" was left by a caller that is gone:
 *
 *   starting, process gone       the run never came about: off (failed)
 *   starting, process there      ask its monitor. It runs, or was paused on purpose: the start had
 *                                succeeded but for its last note: active. It still waits to be let
 *                                go, or does not answer: the start is undone: kill it, off (failed)
 *   stopping, process there      the decision stands: kill it, off (destroyed)
 *   stopping, process gone       off (destroyed)
 *   active, process gone         off, for the reason the emulator left in exit.json; without one it
 *                                was killed or it crashed: off (crashed)
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../backup/backup.h"
#include "../tune/cgroup.h"
#include "../run/backing.h"
#include "../run/firmware.h"
#include "../run/rights.h"
#include "../run/ethernet.h"
#include "../run/port.h"
#include "../run/process.h"
#include "../run/qmp.h"
#include "lock.h"
#include "paths.h"
#include "status.h"

#define KILL_TIMEOUT_MS 10000

static const struct {
    const char *cause;
    int reason;
} causes[] = {
    { "guest-shutdown", VMGR_DOMAIN_SHUTOFF_SHUTDOWN },
    { "guest-reset", VMGR_DOMAIN_SHUTOFF_SHUTDOWN }, /* with on_reboot=destroy */
    { "guest-triple-fault", VMGR_DOMAIN_SHUTOFF_SHUTDOWN },
    { "guest-debug-exit", VMGR_DOMAIN_SHUTOFF_SHUTDOWN },
    { "host-signal", VMGR_DOMAIN_SHUTOFF_SHUTDOWN },
    { "host-quit", VMGR_DOMAIN_SHUTOFF_DESTROYED },
    { "guest-panic", VMGR_DOMAIN_SHUTOFF_CRASHED },
    { "internal-error", VMGR_DOMAIN_SHUTOFF_FAILED },
};

/* What the emulator says about its end; -1: nothing. */
static int exit_reason(const struct vemu *d, const char *name)
{
    g_autofree char *path = vmgr__vemu_run_path(d, name, "exit.json");
    g_autofree char *text = NULL;
    struct json_object *root, *cause;
    int reason = VMGR_DOMAIN_SHUTOFF_CRASHED;

    if (vmgr__file_read(path, &text, NULL) <= 0)
        return reason;
    root = json_tokener_parse(text);
    if (root && json_object_is_type(root, json_type_object) &&
        json_object_object_get_ex(root, "cause", &cause) &&
        json_object_is_type(cause, json_type_string)) {
        for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
            if (strcmp(json_object_get_string(cause), causes[i].cause) == 0)
                reason = causes[i].reason;
        }
    }
    json_object_put(root);
    return reason;
}

int vmgr__vemu_finish(struct vemu *d, const char *name, struct vemu_status *s, int reason,
                      struct vmgr_error **err)
{
    g_autofree char *config = vmgr__vemu_config_path(d, name);

    if (s->def) {
        vmgr__vemu_ports_forget(d, s->def);
        vmgr__vemu_ethernets_down(d, s);
    }
    vmgr__backup_forget(s->backup);
    vmgr__vemu_backing_end(d, name);
    vmgr__vemu_rights_end(d, name);
    if (s->cgroup)
        vmgr__cgroup_remove(s->cgroup);
    vmgr__vemu_status_clear(s);
    s->phase = VEMU_OFF;
    s->state = VMGR_DOMAIN_SHUTOFF;
    s->reason = reason;
    if (access(config, F_OK) != 0) {
        vmgr__vemu_checkpoints_forget(d, name);
        vmgr__vemu_run_remove(d, name);
        return 0;
    }
    if (vmgr__vemu_status_save(d, name, s, NULL) < 0) {
        /* There is no room for it: without one the domain is as much off, but for the reason. */
        g_autofree char *path = vmgr__vemu_run_path(d, name, "status.xml");

        if (vmgr__file_remove(path, false, err) < 0)
            return -1;
    }
    vmgr__vemu_run_sweep(d, name);
    return 0;
}

/* Kills and waits. True: it is gone. */
static bool kill_process(const struct vemu_process *p)
{
    int pidfd = vmgr__process_open(p);
    bool gone;

    if (pidfd < 0)
        return !vmgr__process_is_alive(p);
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    gone = vmgr__process_wait(pidfd, KILL_TIMEOUT_MS);
    close(pidfd);
    return gone;
}

/* The process of an interrupted start: true if the guest runs, with its state in *s. */
static bool start_had_succeeded(struct vemu *d, const char *name, struct vemu_status *s)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    struct vemu_qmp *q = vmgr__qmp_open(dir, -1, VEMU_QMP_TIMEOUT_MS, NULL);
    int state, reason;
    bool ok = q && vmgr__qmp_state(q, &state, &reason, NULL) == 0 &&
              !(state == VMGR_DOMAIN_PAUSED && reason == VMGR_DOMAIN_PAUSED_STARTING_UP);

    vmgr__qmp_close(q);
    if (!ok)
        return false;
    s->phase = VEMU_ACTIVE;
    s->state = state;
    s->reason = state == VMGR_DOMAIN_RUNNING ? VMGR_DOMAIN_RUNNING_BOOTED : reason;
    return true;
}

/* A run for a caller that is gone. */
static bool is_abandoned(const struct vemu_status *s)
{
    struct vemu_process owner = { s->owner, s->owner_start_time };

    return s->owner && !vmgr__process_is_alive(&owner);
}

/* True if the status and the world disagree, or someone must decide. */
static bool needs_settling(const struct vemu_status *s)
{
    switch (s->phase) {
    case VEMU_OFF: return false;
    case VEMU_ACTIVE: return !vmgr__process_is_alive(&s->process) || is_abandoned(s);
    default: return true;
    }
}

int vmgr__vemu_settle_locked(struct vemu *d, const char *name, struct vemu_status *s,
                             struct vmgr_error **err)
{
    bool alive;

    if (!needs_settling(s))
        return 0;
    alive = vmgr__process_is_alive(&s->process);
    if (s->phase == VEMU_ACTIVE && !alive)
        return vmgr__vemu_finish(d, name, s, exit_reason(d, name), err);
    if (s->phase == VEMU_STARTING && alive && start_had_succeeded(d, name, s))
        return vmgr__vemu_status_save(d, name, s, err);
    if (alive && !kill_process(&s->process))
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "Failed to terminate process %d with SIGKILL: Device or resource busy",
                          s->process.pid);
    vmgr__vemu_nvram_sweep(d, s->def);
    return vmgr__vemu_finish(d, name, s,
                             s->phase == VEMU_STARTING ? VMGR_DOMAIN_SHUTOFF_FAILED
                                                       : VMGR_DOMAIN_SHUTOFF_DESTROYED,
                             err);
}

int vmgr__vemu_status_settled(struct vemu *d, const char *name, struct vemu_status *ret,
                              struct vmgr_error **err)
{
    int r = vmgr__vemu_status_load(d, name, ret, err);
    int lock;

    if (r <= 0 || !needs_settling(ret))
        return r;
    lock = vmgr__vemu_try_lock(d, name);
    if (lock >= 0) {
        /* It may have changed until the lock was ours. */
        vmgr__vemu_status_clear(ret);
        r = vmgr__vemu_status_load(d, name, ret, err);
        if (r > 0 && vmgr__vemu_settle_locked(d, name, ret, err) < 0)
            r = -1;
        vmgr__vemu_unlock(lock);
        return r;
    }
    /* Someone is at it, or this caller may not write here: show what is known. */
    if ((ret->phase == VEMU_STARTING && ret->process.pid == 0) ||
        (ret->phase != VEMU_STARTING && !vmgr__process_is_alive(&ret->process))) {
        int reason = ret->phase == VEMU_STARTING ? VMGR_DOMAIN_SHUTOFF_UNKNOWN
                     : ret->phase == VEMU_ACTIVE ? exit_reason(d, name)
                                                 : VMGR_DOMAIN_SHUTOFF_DESTROYED;

        vmgr__vemu_status_clear(ret);
        ret->reason = reason;
        ret->unsettled = true;
    }
    return r;
}
