/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start, stop and what lies between.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../conf/vcpus.h"
#include "backup/backup.h"
#include "block/blockjob.h"
#include "change.h"
#include "device/memory.h"
#include "device/parts.h"
#include "device/plug.h"
#include "device/vsock.h"
#include "lifecycle.h"
#include "run/agent.h"
#include "run/backing.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/files.h"
#include "run/firmware.h"
#include "run/launch.h"
#include "run/log.h"
#include "run/process.h"
#include "run/qmp.h"
#include "run/rights.h"
#include "state/cache.h"
#include "state/lock.h"
#include "state/status.h"
#include "tune/numa.h"
#include "tune/resource.h"

#define KILL_TIMEOUT_MS 10000

/* The global lock is held. */
static int next_id_locked(const struct vemu *d, int *ret, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".next-id", NULL);
    g_autofree char *text = NULL;
    g_autofree char *fresh = NULL;
    uint32_t id = 1;

    if (vmgr__file_read(path, &text, err) < 0)
        return -1;
    if (text)
        g_strchomp(text);
    /* A damaged counter starts again: numbers are names of runs, not their identity. */
    if (!vmgr__parse_u32(text, &id) || id == 0 || id >= INT32_MAX)
        id = 1;
    *ret = (int)id;
    fresh = g_strdup_printf("%u\n", id + 1);
    return vmgr__file_replace(path, fresh, false, err);
}

/* What a running definition says beyond the one at rest. */
static void dress(const struct vemu *d, struct vmgr__domain_def *def, int id, const char *emulator)
{
    def->id = id;
    if (!def->emulator)
        def->emulator = g_strdup(emulator);
    for (guint i = 0; i < def->serials->len; i++) {
        struct vmgr__chardev *c = def->serials->pdata[i];

        if (!c->alias)
            c->alias = g_strdup_printf("serial%u", i);
    }
    vmgr__vemu_assign_aliases(def);
    for (guint i = 0; i < def->devices->len; i++)
        vmgr__vemu_channel_path(d, def, def->devices->pdata[i]);
    if (def->console_is_serial) {
        const struct vmgr__chardev *serial = def->serials->pdata[0];
        struct vmgr__chardev *console = def->consoles->pdata[0];

        g_free(console->alias);
        console->alias = g_strdup(serial->alias);
    }
    for (guint i = 0; i < def->consoles->len; i++) {
        struct vmgr__chardev *c = def->consoles->pdata[i];

        if (!c->alias)
            c->alias = g_strdup_printf("console%u", i);
    }
}

static void set_path(struct vmgr__chardev *c, const char *path)
{
    g_free(c->path);
    c->path = g_strdup(path);
}

static void set_pty(struct vmgr__domain_def *def, const char *label, const char *filename)
{
    const char *path = filename + strlen("pty:");

    if (!g_str_has_prefix(filename, "pty:/dev/"))
        return;
    for (guint i = 0; i < def->serials->len; i++) {
        struct vmgr__chardev *c = def->serials->pdata[i];
        g_autofree char *want = g_strdup_printf("charserial%d", c->port);

        if (c->type != VMGR__CHARDEV_PTY || strcmp(want, label) != 0)
            continue;
        set_path(c, path);
        if (i == 0 && def->console_is_serial)
            set_path(def->consoles->pdata[0], path);
    }
    for (guint i = def->console_is_serial ? 1 : 0; i < def->consoles->len; i++) {
        struct vmgr__chardev *c = def->consoles->pdata[i];
        g_autofree char *want = g_strdup_printf("charconsole%u", i);

        if (c->type == VMGR__CHARDEV_PTY && strcmp(want, label) == 0)
            set_path(c, path);
    }
}

static bool has_pty(const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        if (((struct vmgr__chardev *)list->pdata[i])->type == VMGR__CHARDEV_PTY)
            return true;
    }
    return false;
}

static int learn_ptys(struct vemu_qmp *q, struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct json_object *list, *label, *filename;

    if (!has_pty(def->serials) && !has_pty(def->consoles))
        return 0;
    if (vmgr__qmp_execute(q, "query-chardev", NULL, &list, err) < 0)
        return -1;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (json_object_is_type(o, json_type_object) &&
            json_object_object_get_ex(o, "label", &label) &&
            json_object_object_get_ex(o, "filename", &filename))
            set_pty(def, json_object_get_string(label), json_object_get_string(filename));
    }
    json_object_put(list);
    return 0;
}

static void set_owner(struct vemu_status *s)
{
    struct vemu_process self;

    if (vmgr__process_identify((int)getpid(), &self)) {
        s->owner = self.pid;
        s->owner_start_time = self.start_time;
    }
}

/* Sends a signal and waits. */
static bool end_process(const struct vemu_process *p, int signal_number)
{
    int pidfd = vmgr__process_open(p);
    bool ended;

    if (pidfd < 0)
        return true;
    syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
    ended = vmgr__process_wait(pidfd, KILL_TIMEOUT_MS);
    close(pidfd);
    return ended;
}

/* Lets the guest go. A monitor may be open before the machine behind it is whole: it then says
 * "prelaunch" and refuses. */
static int let_go(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    gint64 deadline = g_get_monotonic_time() + VEMU_QMP_TIMEOUT_MS * 1000;
    int pidfd = vmgr__process_open(&c->status.process);
    struct vmgr_error *why = NULL;
    int state, reason, r;

    while ((r = vmgr__qmp_execute(q, "cont", NULL, NULL, &why)) < 0 && pidfd >= 0 &&
           g_get_monotonic_time() < deadline && vmgr__qmp_state(q, &state, &reason, NULL) == 0 &&
           reason == VMGR_DOMAIN_PAUSED_STARTING_UP && !vmgr__process_wait(pidfd, 1))
        why = vmgr_error_free(why);
    if (r < 0)
        vmgr__error_move(err, why);
    if (pidfd >= 0)
        close(pidfd);
    return r;
}

/* A guest that is to have less than it may: its balloon takes the rest. */
static int set_balloon(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                       struct vmgr_error **err)
{
    struct json_object *args;

    if (vmgr__vemu_memory_ballooned(def) == vmgr__memory_initial(def))
        return 0;
    args = json_object_new_object();
    vmgr__vemu_set_int(args, "value", (int64_t)vmgr__vemu_memory_ballooned(def) * 1024);
    return vmgr__qmp_execute(q, "balloon", args, NULL, err);
}

/* Nobody in a guest that has not begun has a channel open. What it opens later is only known where
 * somebody listens. */
static void close_channels(struct vemu *d, struct vmgr__domain_def *def)
{
    bool watching;

    g_mutex_lock(&d->lock);
    watching = d->watching;
    g_mutex_unlock(&d->lock);
    for (guint i = 0; watching && i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (strcmp(dev->name, "channel") == 0)
            vmgr__vemu_channel_set_open(dev, false);
    }
}

/* The process runs and its monitor is ours: finish the start. */
static int bring_up(struct vemu_change *c, struct vemu_qmp *q, uint32_t flags,
                    struct vmgr_error **err)
{
    struct vemu_status *s = &c->status;

    if (learn_ptys(q, s->def, err) < 0 || vmgr__vemu_set_links(q, s->def, err) < 0 ||
        vmgr__vemu_chain_learn(q, s->def, err) < 0 || vmgr__vemu_memory_begin(s->def, q, err) < 0 ||
        set_balloon(q, s->def, err) < 0 || vmgr__vemu_tune_start(c->d, c->name, s, q, err) < 0)
        return -1;
    close_channels(c->d, s->def);
    if (!(flags & VMGR_DOMAIN_START_PAUSED)) {
        if (let_go(c, q, err) < 0)
            return -1;
        s->state = VMGR_DOMAIN_RUNNING;
        s->reason = VMGR_DOMAIN_RUNNING_BOOTED;
    } else {
        s->reason = VMGR_DOMAIN_PAUSED_USER;
    }
    s->phase = VEMU_ACTIVE;
    return vmgr__vemu_status_save(c->d, c->name, s, err);
}

/* Makes the run known: an id, and a status that claims name and UUID. */
static int announce(struct vemu_change *c, bool fresh, const char *emulator,
                    struct vmgr_error **err)
{
    struct vemu_status *s = &c->status;
    int lock = vmgr__vemu_lock_global(c->d, err);
    int id, r = -1;

    if (lock >= 0 && (!fresh || vmgr__vemu_check_unique(c->d, lock, s->def, true, err) == 0) &&
        vmgr__vemu_vsock_assign_locked(c->d, c->name, vmgr__vemu_vsock_of(s->def), err) == 0 &&
        next_id_locked(c->d, &id, err) == 0) {
        dress(c->d, s->def, id, emulator);
        s->phase = VEMU_STARTING;
        s->state = VMGR_DOMAIN_PAUSED;
        s->reason = VMGR_DOMAIN_PAUSED_STARTING_UP;
        r = vmgr__vemu_status_save(c->d, c->name, s, err);
        if (fresh)
            vmgr__vemu_set_grew(c->d, lock);
    }
    vmgr__vemu_unlock(lock);
    return r;
}

/* Starts `def`, which is taken over; fresh: it was not defined here before. The domain is locked
 * and at rest. */
static int start_locked(struct vemu_change *c, struct vmgr__domain_def *def, bool fresh,
                        uint32_t flags, struct vmgr_error **err)
{
    struct vemu_status *s = &c->status;
    g_autoptr(GArray) files = NULL;
    g_autofree char *emulator = NULL;
    struct vemu_qmp *q = NULL;
    off_t log_from = 0;
    int r;

    vmgr__vemu_status_clear(s);
    s->def = def;
    if (vmgr__vemu_assign_addresses(def, VEMU_SPARE_PORTS, err) < 0 ||
        vmgr__vemu_volumes_resolve(c->d->conn, def, err) < 0 ||
        vmgr__vemu_cpu_expand(def, err) < 0 || vmgr__vemu_check_support(def, err) < 0 ||
        vmgr__vemu_firmware_choose(c->d, def, err) < 0)
        return -1;
    vmgr__vemu_clock_begin(def);
    vmgr__vcpus_number(def);
    emulator = vmgr__vemu_find_emulator(c->d, def, err);
    files = emulator ? vmgr__vemu_files_open(c->d, def, NULL, err) : NULL;
    if (!files)
        return -1;
    if (flags & VMGR_DOMAIN_START_AUTODESTROY) {
        set_owner(s);
        g_mutex_lock(&c->d->lock);
        g_hash_table_add(c->d->autodestroy, g_strdup(c->name));
        g_mutex_unlock(&c->d->lock);
    }
    if (announce(c, fresh, emulator, err) < 0)
        return -1;
    s->files = files;
    r = vmgr__vemu_nvram_make(c->d, def, flags & VMGR_DOMAIN_START_RESET_NVRAM, err);
    if (r == 0)
        r = vmgr__vemu_rights_begin(c->d, c->name, s, err);
    if (r == 0)
        r = vmgr__vemu_backing_begin(c->d, c->name, s, err);
    if (r == 0)
        r = vmgr__vemu_launch(c->d, c->name, s, &q, &log_from, err);
    s->files = NULL;
    if (r == 0) {
        struct vmgr_error *why = NULL;

        r = bring_up(c, q, flags, &why);
        if (r < 0)
            vmgr__vemu_explain(c->d, c->name, &s->process, log_from, err);
        if (r < 0)
            vmgr__error_move(err, why);
    }
    vmgr__qmp_close(q);
    if (r < 0) {
        end_process(&s->process, SIGKILL);
        vmgr__vemu_finish(c->d, c->name, s, VMGR_DOMAIN_SHUTOFF_FAILED, NULL);
    }
    return r;
}

#define START_FLAGS                                                                                \
    (VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY | VMGR_DOMAIN_START_FORCE_BOOT |     \
     VMGR_DOMAIN_START_RESET_NVRAM)

int vmgr__vemu_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    struct vmgr__domain_def *def;

    /* Forcing a boot is easy while there are no saved states to continue. */
    if (vmgr__check_flags(flags, START_FLAGS, "virDomainCreateWithFlags", err) < 0 ||
        vmgr__vemu_change_begin(&c, dom, err) < 0)
        return -1;
    if (vmgr__vemu_change_is_active(&c)) {
        vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is already running");
        return vmgr__vemu_change_end(&c, -1);
    }
    def = vmgr__domain_def_copy(c.config, &vmgr__vemu_defaults, err);
    return vmgr__vemu_change_end(&c, def ? start_locked(&c, def, false, flags, err) : -1);
}

int vmgr__vemu_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct vemu *d = conn->driver_data;
    struct vmgr__domain_def *def;
    struct vemu_change c;
    struct vmgr_domain *dom;
    int r;

    if (flags & VMGR_DOMAIN_START_VALIDATE)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "validation against a schema is not available");
    if (vmgr__check_flags(flags, START_FLAGS, "virDomainCreateXML", err) < 0)
        return -1;
    def = vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, err);
    if (!def)
        return -1;
    if (vmgr__vemu_check_define(def, err) < 0 ||
        vmgr__vemu_change_begin_name(&c, d, def->name, err) < 0) {
        vmgr__domain_def_free(def);
        return -1;
    }
    if (vmgr__vemu_change_is_active(&c)) {
        /* The same domain, or another that took its name: the list knows the words for both. */
        if (vmgr__vemu_check_unique(d, -1, def, true, err) == 0)
            vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain '%s' is already active", def->name);
        vmgr__domain_def_free(def);
        return vmgr__vemu_change_end(&c, -1);
    }
    dom = vmgr__domain_new(conn, def->name, def->uuid);
    r = vmgr__vemu_change_end(&c, start_locked(&c, def, true, flags, err));
    if (r == 0 && ret)
        *ret = dom;
    else
        vmgr_domain_unref(dom);
    return r;
}

/* ---- talking to a running guest ---- */

#define WAYS (VMGR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT)

/* Asks the guest's agent, where that is a way and there may be one. 1: it was asked; 0: press the
 * button; -1 and *err. An agent that was not named, or beside the button, is tried first. */
static int ask_agent(struct vmgr_domain *dom, uint32_t flags, const char *mode,
                     struct vmgr_error **err)
{
    struct vmgr_error *why = NULL;

    if (flags & ~WAYS)
        return vemu_error(
            err, VMGR_ERR_OPERATION_UNSUPPORTED,
            "guests can be asked by their ACPI power button (mode acpi) or their agent "
            "(mode agent) only");
    if (flags ? !(flags & VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT) : !vmgr__vemu_agent_is_there(dom))
        return 0;
    if (vmgr__vemu_agent_shutdown(dom, mode, &why) == 0)
        return 1;
    if (flags == VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT) {
        vmgr__error_move(err, why);
        return -1;
    }
    vmgr_error_free(why);
    return 0;
}

int vmgr__vemu_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    const int r = ask_agent(dom, flags, "powerdown", err);

    if (r)
        return r < 0 ? -1 : 0;
    return vmgr__vemu_change_by_command(dom, "system_powerdown", NULL, err);
}

/* By its button, a reboot is a power-off after which the machine is reset instead of ended. The
 * emulator must see to that: nobody else is there when it happens. */
int vmgr__vemu_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_error *why = NULL;
    struct json_object *args;
    struct vemu_change c;
    int r = ask_agent(dom, flags, "reboot", err);

    if (r)
        return r < 0 ? -1 : 0;
    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    args = json_object_new_object();
    json_object_object_add(args, "then", json_object_new_string("reset"));
    r = vmgr__vemu_change_command(&c, "system_powerdown", args, &why);
    if (r < 0)
        vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, "the guest cannot be asked to reboot: %s",
                   vmgr_error_get_message(why));
    vmgr_error_free(why);
    return vmgr__vemu_change_end(&c, r);
}

int vmgr__vemu_reset(struct vmgr_domain *dom, struct vmgr_error **err)
{
    return vmgr__vemu_change_by_command(dom, "system_reset", NULL, err);
}

/* stop or cont, and the status that goes with it. */
static int switch_to(struct vemu_change *c, const char *monitor_command, int state, int reason,
                     struct vmgr_error **err)
{
    if (vmgr__vemu_change_command(c, monitor_command, NULL, err) < 0)
        return -1;
    c->status.state = state;
    c->status.reason = reason;
    return vmgr__vemu_status_save(c->d, c->name, &c->status, err);
}

int vmgr__vemu_suspend(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu_change c;
    int r = 0;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    if (c.status.state == VMGR_DOMAIN_CRASHED)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is crashed");
    else if (c.status.state == VMGR_DOMAIN_PMSUSPENDED)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is pmsuspended");
    if (r == 0 && c.status.state != VMGR_DOMAIN_PAUSED)
        r = switch_to(&c, "stop", VMGR_DOMAIN_PAUSED, VMGR_DOMAIN_PAUSED_USER, err);
    return vmgr__vemu_change_end(&c, r);
}

int vmgr__vemu_resume(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu_change c;
    int r;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    if (c.status.state == VMGR_DOMAIN_RUNNING)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is already running");
    else if (c.status.state == VMGR_DOMAIN_PMSUSPENDED)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is pmsuspended");
    else
        r = switch_to(&c, "cont", VMGR_DOMAIN_RUNNING, VMGR_DOMAIN_RUNNING_UNPAUSED, err);
    return vmgr__vemu_change_end(&c, r);
}

static int destroy_locked(struct vemu_change *c, uint32_t flags, int reason,
                          struct vmgr_error **err)
{
    struct vemu_status *s = &c->status;
    bool graceful = flags & VMGR_DOMAIN_DESTROY_GRACEFUL;

    /* A graceful end may fail, so it is not a decision yet. One that there is no room to write down
     * is carried out all the same: a full disk keeps no guest. */
    if (!graceful) {
        s->phase = VEMU_STOPPING;
        vmgr__vemu_status_save(c->d, c->name, s, NULL);
    }
    /* Bitmaps of checkpoints are written when images are closed. */
    if (!graceful && (s->bitmaps || vmgr__vemu_checkpoints_count(c->d, c->name)) &&
        end_process(&s->process, SIGTERM))
        return vmgr__vemu_finish(c->d, c->name, s, VMGR_DOMAIN_SHUTOFF_DESTROYED, err);
    if (!end_process(&s->process, graceful ? SIGTERM : SIGKILL))
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "Failed to terminate process %d with %s: Device or resource busy",
                          s->process.pid, graceful ? "SIGTERM" : "SIGKILL");
    return vmgr__vemu_finish(c->d, c->name, s, reason, err);
}

int vmgr__vemu_end_locked(struct vemu_change *c, int reason, struct vmgr_error **err)
{
    return destroy_locked(c, 0, reason, err);
}

int vmgr__vemu_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    int r;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    r = destroy_locked(&c, flags, VMGR_DOMAIN_SHUTOFF_DESTROYED, err);
    if (r == 0 && flags & VMGR_DOMAIN_DESTROY_REMOVE_LOGS)
        r = vmgr__vemu_log_remove(c.d, c.name, err);
    return vmgr__vemu_change_end(&c, r);
}

void vmgr__vemu_autodestroy(struct vemu *d)
{
    GHashTableIter iter;
    void *name;

    g_hash_table_iter_init(&iter, d->autodestroy);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        struct vemu_change c;

        if (vmgr__vemu_change_begin_name(&c, d, name, NULL) < 0)
            continue;
        if (vmgr__vemu_change_is_active(&c) && c.status.owner == (int)getpid())
            destroy_locked(&c, 0, VMGR_DOMAIN_SHUTOFF_DESTROYED, NULL);
        vmgr__vemu_change_end(&c, 0);
    }
}
