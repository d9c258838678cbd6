/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The GDB server of a machine: a session's target, on a chardev.
 *
 * A client that connects stops the machine; what it asks for is done on the loop thread while vCPUs
 * are parked, with those of them that have to do it (vemu__vcpu_call()). A vCPU that meets a
 * breakpoint notes it here and asks the loop, which pauses the machine; the event PAUSED makes the
 * reply. So QMP's stop and cont, a guest that ends and Ctrl-C take the same way.
 *
 * Output that the chardev does not take waits, and while much waits no input is read.
 */
#include "gdb/server.h"

#include <errno.h>
#include <string.h>

#include "chardev/chardev.h"
#include "core/lifecycle.h"

#define OUT_PAUSE (64u << 10) /* no input is read while more than this waits */

static void flush(struct vemu_gdb *gdb)
{
    GString *out = gdb->session.out;

    if (out->len)
        g_string_erase(out, 0, (gssize)vemu_chardev_write(gdb->chr, out->str, out->len));
}

/* --- the session's target ----------------------------------------------------------------- */

static enum gdb_machine target_machine(void *data)
{
    const struct vemu_gdb *gdb = data;

    if (gdb->vm->stopping)
        return GDB_MACHINE_NONE;
    switch (vemu_vm_get_state(gdb->vm)) {
    case VEMU_VM_RUNNING: return GDB_MACHINE_RUNNING;
    case VEMU_VM_SHUTDOWN: return GDB_MACHINE_OFF;
    case VEMU_VM_CREATED:
    case VEMU_VM_STOPPED: return GDB_MACHINE_NONE;
    default: return GDB_MACHINE_STOPPED;
    }
}

static bool target_alive(void *data, uint32_t thread)
{
    return vemu__vcpu_is_present(((struct vemu_gdb *)data)->vm, thread);
}

struct transfer {
    uint32_t groups;
    struct vemu_cpu_state *get;
    const struct vemu_cpu_state *set;
};

static int transfer(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    const struct transfer *t = data;

    return t->get ? vm->accel->get_state(vcpu, t->groups, t->get)
                  : vm->accel->set_state(vcpu, t->groups, t->set);
}

static int target_get_state(void *data, uint32_t thread, uint32_t groups,
                            struct vemu_cpu_state *state)
{
    struct transfer t = { .groups = groups, .get = state };

    return vemu__vcpu_call(((struct vemu_gdb *)data)->vm, thread, transfer, &t);
}

static int target_set_state(void *data, uint32_t thread, uint32_t groups,
                            const struct vemu_cpu_state *state)
{
    struct transfer t = { .groups = groups, .set = state };

    return vemu__vcpu_call(((struct vemu_gdb *)data)->vm, thread, transfer, &t);
}

static long target_read(void *data, uint32_t thread, uint64_t address, void *buf, size_t size)
{
    return vemu__gdb_memory(data, thread, address, buf, size, false);
}

static long target_write(void *data, uint32_t thread, uint64_t address, const void *buf,
                         size_t size)
{
    return vemu__gdb_memory(data, thread, address, (void *)buf, size, true);
}

static int target_insert(void *data, const struct vemu_debug_point *point)
{
    return vemu__gdb_point_insert(data, point);
}

static int target_remove(void *data, const struct vemu_debug_point *point)
{
    return vemu__gdb_point_remove(data, point);
}

static bool is_data(enum vemu_debug_kind kind)
{
    return kind >= VEMU_DEBUG_WRITE && kind <= VEMU_DEBUG_ACCESS;
}

/* Something that has happened and was not told: an access to data, as another vCPU stopped first.
 * Breakpoints are met again. */
static bool take_stop(struct vemu_gdb *gdb, bool data_only, struct gdb_stop *ret)
{
    bool found = false;

    pthread_mutex_lock(&gdb->lock);
    for (uint32_t id = 0; !found && id < gdb->vm->config.max_vcpus; id++) {
        struct gdb_stop *stop = &gdb->stops[id];

        if (!stop->debug)
            continue;
        if (!data_only || (is_data(stop->exit.debug.kind) &&
                           vemu__gdb_point_exists(gdb, stop->exit.debug.kind,
                                                  stop->exit.debug.address))) {
            *ret = *stop;
            found = true;
        }
        stop->debug = false;
    }
    pthread_mutex_unlock(&gdb->lock);
    return found;
}

static int target_resume(void *data, const enum gdb_action *actions, struct gdb_stop *ret_stop)
{
    struct vemu_gdb *gdb = data;

    if (take_stop(gdb, true, ret_stop))
        return 1;
    memcpy(gdb->actions, actions, gdb->vm->config.max_vcpus * sizeof(*actions));
    return vemu_vm_get_state(gdb->vm) == VEMU_VM_PRELAUNCH ? vemu_vm_start(gdb->vm, NULL)
                                                            : vemu_vm_resume(gdb->vm, NULL);
}

static void target_pause(void *data)
{
    vemu_vm_pause(((struct vemu_gdb *)data)->vm, NULL);
}

static void target_detach(void *data)
{
    struct vemu_gdb *gdb = data;
    const int state = vemu_vm_get_state(gdb->vm);

    vemu__gdb_points_clear(gdb);
    if (state == VEMU_VM_PRELAUNCH)
        vemu_vm_start(gdb->vm, NULL);
    else if (state == VEMU_VM_PAUSED)
        vemu_vm_resume(gdb->vm, NULL);
}

static void target_quit(void *data)
{
    vemu_vm_request_shutdown(((struct vemu_gdb *)data)->vm, VEMU_CAUSE_HOST_QUIT, 0);
}

static void target_reset(void *data)
{
    vemu_vm_reset(((struct vemu_gdb *)data)->vm, NULL);
}

/* --- the core's side -------------------------------------------------------------------------- */

void vemu__gdb_note(struct vemu_gdb *gdb, uint32_t id, const struct vemu_exit *exit)
{
    pthread_mutex_lock(&gdb->lock);
    gdb->stops[id] = (struct gdb_stop){
        .signal = GDB_SIGTRAP, .thread = id, .debug = true, .exit = *exit,
    };
    pthread_mutex_unlock(&gdb->lock);
}

bool vemu__gdb_wants(const struct vemu_gdb *gdb)
{
    return gdb && gdb->connected;
}

void vemu__gdb_go(struct vemu_gdb *gdb)
{
    struct gdb_stop stale;

    take_stop(gdb, true, &stale);
    for (uint32_t id = 0; id < gdb->vm->config.max_vcpus; id++) {
        const bool step = gdb->actions[id] == GDB_ACTION_STEP;

        if (step != gdb->stepping[id])
            vemu__gdb_apply(gdb, id, step);
        vemu__vcpu_hold(gdb->vm, id, gdb->actions[id] == GDB_ACTION_HOLD);
        gdb->actions[id] = GDB_ACTION_RUN;
    }
    vemu__gdb_patch(gdb);
}

void vemu__gdb_halted(struct vemu_gdb *gdb)
{
    vemu__gdb_unpatch(gdb);
}

static void on_event(void *data, const struct vemu_event *event)
{
    struct vemu_gdb *gdb = data;
    struct gdb_stop stop;

    switch (event->type) {
    case VEMU_EVENT_PAUSED:
    case VEMU_EVENT_PANICKED:
    case VEMU_EVENT_ERROR:
        if (!gdb->session.waiting || !take_stop(gdb, false, &stop))
            stop = (struct gdb_stop){ .signal = event->type == VEMU_EVENT_PAUSED ? GDB_SIGINT
                                                                                 : GDB_SIGABRT };
        vemu__gdb_session_stopped(&gdb->session, &stop);
        break;
    case VEMU_EVENT_SHUTDOWN:
        vemu__gdb_session_exited(&gdb->session,
                                 event->cause == VEMU_CAUSE_GUEST_DEBUG_EXIT ? (uint8_t)event->code
                                                                             : 0);
        break;
    case VEMU_EVENT_RESET: gdb->session.cached = false; break;
    default: return;
    }
    flush(gdb);
}

/* --- the chardev ------------------------------------------------------------------------------ */

static size_t input_room(void *data)
{
    return ((struct vemu_gdb *)data)->session.out->len > OUT_PAUSE ? 0 : 4096;
}

static void input(void *data, const uint8_t *buf, size_t size)
{
    struct vemu_gdb *gdb = data;

    vemu__gdb_session_input(&gdb->session, buf, size);
    flush(gdb);
}

static void writable(void *data)
{
    struct vemu_gdb *gdb = data;

    flush(gdb);
    if (gdb->session.out->len <= OUT_PAUSE)
        vemu_chardev_input_ready(gdb->chr);
}

static void client_came(struct vemu_gdb *gdb)
{
    gdb->connected = true;
    if (target_machine(gdb) == GDB_MACHINE_RUNNING)
        vemu_vm_pause(gdb->vm, NULL);
}

/* Nobody would hear of a breakpoint any more. Whether the machine runs stays as it is. */
static void client_went(struct vemu_gdb *gdb)
{
    const bool runs = target_machine(gdb) == GDB_MACHINE_RUNNING;

    gdb->connected = false;
    if (runs) {
        vemu__vcpus_park(gdb->vm);
        vemu__gdb_unpatch(gdb);
    }
    vemu__gdb_points_clear(gdb);
    if (runs)
        vemu__requests_go_on(gdb->vm);
}

static void chardev_event(void *data, enum vemu_chardev_event event)
{
    struct vemu_gdb *gdb = data;

    if (event == VEMU_CHARDEV_BREAK)
        return;
    vemu__gdb_session_reset(&gdb->session);
    if (event == VEMU_CHARDEV_OPENED)
        client_came(gdb);
    else if (gdb->connected)
        client_went(gdb);
}

static const struct vemu_chardev_handlers handlers = {
    .input_room = input_room,
    .input = input,
    .event = chardev_event,
    .writable = writable,
};

/* --- life ------------------------------------------------------------------------------------- */

static const struct gdb_target target_template = {
    .machine = target_machine,
    .alive = target_alive,
    .get_state = target_get_state,
    .set_state = target_set_state,
    .read = target_read,
    .write = target_write,
    .insert = target_insert,
    .remove = target_remove,
    .resume = target_resume,
    .pause = target_pause,
    .detach = target_detach,
    .quit = target_quit,
    .reset = target_reset,
};

static void gdb_destroy(struct vemu_gdb *gdb)
{
    g_free((void *)gdb->session.target);
    vemu__gdb_session_fini(&gdb->session);
    g_array_free(gdb->points, TRUE);
    g_array_free(gdb->patches, TRUE);
    g_free(gdb->actions);
    g_free(gdb->stepping);
    g_free(gdb->stops);
    pthread_mutex_destroy(&gdb->lock);
    g_free(gdb);
}

int vemu__gdb_new(struct vemu_vm *vm, struct vemu_chardev *chr, struct vemu_gdb **ret,
                  struct vemu_error **err)
{
    const uint32_t vcpus = vm->config.max_vcpus;
    struct gdb_target *target;
    struct vemu_gdb *gdb;
    int r;

    if (!vm->accel->set_debug || !vm->accel->translate)
        return vemu__error_set(err, ENOTSUP, "accelerator %s cannot debug guests", vm->accel->name);
    gdb = g_new0(struct vemu_gdb, 1);
    gdb->vm = vm;
    gdb->chr = chr;
    gdb->points = g_array_new(FALSE, FALSE, sizeof(struct vemu_debug_point));
    gdb->patches = g_array_new(FALSE, FALSE, sizeof(struct gdb_patch));
    gdb->int3 = vm->accel->debug_int3 && vm->accel->debug_int3(vm->accel_vm);
    gdb->actions = g_malloc0_n(vcpus, sizeof(*gdb->actions));
    gdb->stepping = g_new0(bool, vcpus);
    gdb->stops = g_new0(struct gdb_stop, vcpus);
    pthread_mutex_init(&gdb->lock, NULL);
    target = g_memdup2(&target_template, sizeof(target_template));
    target->threads = vcpus;
    vemu__gdb_session_init(&gdb->session, target, gdb);
    r = vemu_chardev_attach(chr, &handlers, gdb, NULL);
    if (r < 0) {
        gdb_destroy(gdb);
        return vemu__error_set(err, -r, "gdb: %s",
                               r == -EBUSY ? "the chardev is in use" : g_strerror(-r));
    }
    vemu__events_listen(vm->events, on_event, gdb);
    *ret = gdb;
    if (vemu_chardev_is_open(chr))
        client_came(gdb);
    return 0;
}

struct vemu_gdb *vemu__gdb_free(struct vemu_gdb *gdb)
{
    if (!gdb)
        return NULL;
    vemu__events_unlisten(gdb->vm->events, on_event, gdb);
    flush(gdb);
    vemu_chardev_detach(gdb->chr);
    gdb_destroy(gdb);
    return NULL;
}

/* --- <vemu/vm.h> ------------------------------------------------------------------------------ */

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, data);
    struct vemu_gdb *gdb;
    int r;

    if (vm->stopping || atomic_load(&vm->state) == VEMU_VM_CREATED)
        return vemu__error_set(err, EBUSY, "cannot add a gdb server: the machine is %s",
                               vm->stopping ? "being stopped" : "not realized");
    if (vm->gdb)
        return vemu__error_set(err, EBUSY, "the machine has a gdb server");
    if (!chr)
        return vemu__error_set(err, ENOENT, "there is no chardev '%s'", (const char *)data);
    r = vemu__gdb_new(vm, chr, &gdb, err);
    if (r >= 0)
        vm->gdb = gdb;
    return r;
}

int vemu_vm_add_gdbserver(struct vemu_vm *vm, const char *chardev_id, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_add, (void *)chardev_id, err);
}
