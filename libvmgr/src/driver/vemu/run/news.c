/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What emulators tell by themselves: events of their second monitor, for connections that listen to
 * runs (a daemon's always does).
 *
 * Theory of operation. Each run has a monitor events.sock beside the one for commands. A
 * connection that watches (watch.c) connects to it without waiting and reads what comes when its
 * descriptor is ready. The emulator serves several there, and tells each of them everything;
 * when there are too many, the rest stays in the socket's queue and is served when one goes.
 * What a guest does that is part of its run's status is written there by whoever reads it: why
 * it stands still, whether its agent listens. Who comes second finds it written. That needs the
 * domain's lock, which is tried and not waited for; what could not be written is tried again at
 * the next look. Who begins to listen to a run asks its other monitor once what happened before.
 * A guest may have taken the emulator over: lines are bounded, and a listener
 * that hears nonsense hears nothing more.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../conf/device.h"
#include "../device/memory.h"
#include "../device/parts.h"
#include "../state/cache.h"
#include "../state/lock.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "../state/watch.h"
#include "agent.h"
#include "channel.h"
#include "clock.h"
#include "crash.h"
#include "news.h"
#include "process.h"
#include "qmp.h"

#define LINE_MAX_BYTES (64u << 10)
#define READ_MAX_BYTES (256u << 10) /* at one look */
#define ASK_TIMEOUT_MS 250
#define TRIES_MAX      100 /* at looks that are a fifth of a second apart, or nearer */

struct vemu_listener {
    int fd;    /* -1: it hears nothing any more */
    int epoll; /* borrowed */
    uint64_t number;
    GString *in;
    int cause; /* why the guest is about to stand still; 0: unknown */
};

/* Something to be written into a status. */
struct news {
    char *name;
    char *port;   /* a channel's alias */
    char *memory; /* a virtio-mem's alias */
    uint64_t kib; /* what it has of that */
    bool clock;   /* the clock is `ahead` seconds of UTC, by the guest's hand */
    int64_t ahead;
    bool ports; /* none of these: the guest's state; this: and all channels */
    bool open;
    int reason;
    unsigned tries;
};

void vmgr__vemu_news_free(void *data)
{
    struct news *n = data;

    g_free(n->name);
    g_free(n->port);
    g_free(n->memory);
    g_free(n);
}

static void give_up(struct vemu_listener *l)
{
    /* Removed by name: while a child that was forked has a copy, closing alone leaves it there. */
    if (l->fd >= 0) {
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->fd, NULL);
        close(l->fd);
    }
    l->fd = -1;
    g_string_truncate(l->in, 0);
}

struct vemu_listener *vmgr__vemu_listener_free(struct vemu_listener *l)
{
    if (l) {
        give_up(l);
        g_string_free(l->in, TRUE);
        g_free(l);
    }
    return NULL;
}

struct vemu_listener *vmgr__vemu_listener_new(struct vemu *d, const char *name)
{
    g_autofree char *run = vmgr__vemu_run_path(d, name, NULL);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct epoll_event e = { .events = EPOLLIN };
    const uint64_t number = VEMU_WAKE_LISTENER + d->next_listener++;
    int dir = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
    struct vemu_listener *l;

    if (dir < 0)
        return NULL;
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/events.sock", dir);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    e.data.u64 = number;
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
                    !vmgr__socket_is_of(fd, dir, "events.sock") ||
                    epoll_ctl(d->watch_epoll, EPOLL_CTL_ADD, fd, &e) < 0)) {
        close(fd);
        fd = -1;
    }
    close(dir);
    if (fd < 0)
        return NULL; /* it is not there yet: the next look at the run tries again */
    l = g_new0(struct vemu_listener, 1);
    l->fd = fd;
    l->epoll = d->watch_epoll;
    l->number = number;
    l->in = g_string_new(NULL);
    return l;
}

bool vmgr__vemu_listener_is(const struct vemu_listener *l, const uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] == l->number)
            return true;
    }
    return false;
}

/* ---- from the emulator's words to events ---- */

static const char *text_of(struct json_object *o, const char *key)
{
    const char *text = vmgr__agent_string(o, key);

    return text ? text : "";
}

static bool flag_of(struct json_object *o, const char *key)
{
    struct json_object *value = vmgr__agent_member(o, key, json_type_boolean);

    return value && json_object_get_boolean(value);
}

/* What a handler gets. */
struct happening {
    struct vemu *d;
    const struct vmgr__domobj *obj;
    struct vemu_listener *listener;
    struct json_object *data;
};

static void tell(const struct happening *h, const struct vmgr_domain_event *event)
{
    vmgr__conn_emit_event(h->d->conn, vmgr__domobj_name(h->obj), vmgr__domobj_uuid(h->obj), event);
}

static void note(const struct happening *h, const char *port, bool open, int reason)
{
    struct news *n = g_new0(struct news, 1);

    n->name = g_strdup(vmgr__domobj_name(h->obj));
    n->port = g_strdup(port);
    n->open = open;
    n->reason = reason;
    g_ptr_array_add(h->d->news, n);
}

static void on_watchdog(const struct happening *h)
{
    static const char *const actions[] = { "none",     "pause", "reset",      "poweroff",
                                           "shutdown", "debug", "inject-nmi", NULL };
    const int action = vmgr__name_index(actions, text_of(h->data, "action"));

    if (action == VMGR_DOMAIN_EVENT_WATCHDOG_PAUSE)
        h->listener->cause = VMGR_DOMAIN_PAUSED_WATCHDOG;
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_WATCHDOG,
                                         .type = action < 0 ? 0 : action });
}

static void on_io_error(const struct happening *h)
{
    const char *node = text_of(h->data, "node-name"), *action = text_of(h->data, "action");
    struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_IO_ERROR, .path = "", .device = "" };
    g_autofree char *alias = NULL;

    for (guint i = 0; i < h->obj->live->devices->len && !alias; i++) {
        const struct vmgr__device *dev = h->obj->live->devices->pdata[i];
        g_autofree char *name =
            strcmp(dev->name, "disk") == 0 && dev->source ? vmgr__vemu_node_name(dev) : NULL;

        if (g_strcmp0(name, node) != 0)
            continue;
        alias = vmgr__device_alias(dev);
        event.path = dev->source;
        event.device = alias ? alias : "";
    }
    event.type = strcmp(action, "stop") == 0     ? VMGR_DOMAIN_EVENT_IO_ERROR_PAUSE
                 : strcmp(action, "report") == 0 ? VMGR_DOMAIN_EVENT_IO_ERROR_REPORT
                                                 : VMGR_DOMAIN_EVENT_IO_ERROR_NONE;
    if (event.type == VMGR_DOMAIN_EVENT_IO_ERROR_PAUSE)
        h->listener->cause = VMGR_DOMAIN_PAUSED_IOERROR;
    tell(h, &event);
    event.id = VMGR_DOMAIN_EVENT_IO_ERROR_REASON;
    event.text = flag_of(h->data, "nospace") ? "enospc" : "";
    tell(h, &event);
}

static void on_threshold(const struct happening *h)
{
    const char *node = text_of(h->data, "node-name");
    int64_t threshold = 0, excess = 0;

    vmgr__agent_int(h->data, "write-threshold", &threshold);
    vmgr__agent_int(h->data, "amount-exceeded", &excess);
    for (guint i = 0; i < h->obj->live->devices->len; i++) {
        const struct vmgr__device *dev = h->obj->live->devices->pdata[i];
        g_autofree char *name =
            strcmp(dev->name, "disk") == 0 && dev->source ? vmgr__vemu_node_name(dev) : NULL;

        if (name && g_str_has_prefix(node, name) &&
            (!node[strlen(name)] || strcmp(node + strlen(name), ".file") == 0))
            tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_BLOCK_THRESHOLD,
                                                 .device = dev->target,
                                                 .path = dev->source,
                                                 .value = threshold,
                                                 .excess = (uint64_t)MAX(excess, 0) });
    }
}

static void on_tray(const struct happening *h)
{
    const char *path = text_of(h->data, "id"), *slash = strrchr(path, '/');

    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_TRAY_CHANGE,
                                         .type = flag_of(h->data, "tray-open") ? 0 : 1,
                                         .device = slash ? slash + 1 : path });
}

/* ACPI 6.3, 6.3.5: sources 3 and 0x103 are ejections; status 1 means that it did not happen. */
static void on_ost(const struct happening *h)
{
    struct json_object *info = vmgr__agent_member(h->data, "info", json_type_object);
    int64_t source = 0, status = 0;

    vmgr__agent_int(info, "source", &source);
    vmgr__agent_int(info, "status", &status);
    if ((source == 0x3 || source == 0x103) && status == 1)
        tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_DEVICE_REMOVAL_FAILED,
                                             .device = text_of(info, "device") });
}

static void on_memory(const struct happening *h)
{
    struct news *n;
    int64_t size = 0;

    vmgr__agent_int(h->data, "size", &size);
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
                                         .device = text_of(h->data, "id"),
                                         .value = size });
    n = g_new0(struct news, 1);
    n->name = g_strdup(vmgr__domobj_name(h->obj));
    n->memory = g_strdup(text_of(h->data, "id"));
    n->kib = (uint64_t)MAX(size, 0) / 1024;
    g_ptr_array_add(h->d->news, n);
}

/* That an agent came or went is told when it is in the status (difference.c). */
static void on_port(const struct happening *h)
{
    note(h, text_of(h->data, "id"), flag_of(h->data, "open"), 0);
}

static void on_rtc(const struct happening *h)
{
    int64_t offset = 0;

    vmgr__agent_int(h->data, "offset", &offset);
    offset = vmgr__vemu_clock_ahead(h->obj->live, offset);
    if (h->obj->live->clock.offset == VMGR__CLOCK_VARIABLE) {
        struct news *n = g_new0(struct news, 1);

        n->name = g_strdup(vmgr__domobj_name(h->obj));
        n->clock = true;
        n->ahead = offset;
        g_ptr_array_add(h->d->news, n);
    }
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_RTC_CHANGE, .value = offset });
}

/* The emulator does not tell that a reset closes the ports. */
static void on_reset(const struct happening *h)
{
    const struct vmgr__device *channel = vmgr__vemu_agent_channel(h->obj->live);
    g_autofree char *alias = channel ? vmgr__device_alias(channel) : NULL;
    g_autofree char *state = channel ? vmgr__device_get(channel, "target", "state") : NULL;

    if (alias && g_strcmp0(state, "connected") == 0)
        note(h, alias, false, 0);
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_REBOOT });
}

/* A guest that stands still by itself: whoever else stops it writes the reason himself. */
static void on_stop(const struct happening *h)
{
    if (h->listener->cause)
        note(h, NULL, false, h->listener->cause);
    h->listener->cause = 0;
}

static void on_panic(const struct happening *h)
{
    note(h, NULL, false, 0);
}

static void on_sleep(const struct happening *h)
{
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_PMSUSPEND });
    note(h, NULL, false, 0);
}

static void on_wakeup(const struct happening *h)
{
    tell(h, &(struct vmgr_domain_event){ .id = VMGR_DOMAIN_EVENT_PMWAKEUP });
    note(h, NULL, false, 0);
}

static const struct {
    const char *event;
    void (*take)(const struct happening *h);
} takers[] = {
    { "RESET", on_reset },
    { "WATCHDOG", on_watchdog },
    { "BLOCK_IO_ERROR", on_io_error },
    { "BLOCK_WRITE_THRESHOLD", on_threshold },
    { "DEVICE_TRAY_MOVED", on_tray },
    { "ACPI_DEVICE_OST", on_ost },
    { "MEMORY_DEVICE_SIZE_CHANGE", on_memory },
    { "VSERPORT_CHANGE", on_port },
    { "RTC_CHANGE", on_rtc },
    { "STOP", on_stop },
    { "GUEST_PANICKED", on_panic },
    { "SUSPEND", on_sleep },
    { "WAKEUP", on_wakeup },
};

/* False: that is no monitor. */
static bool take_line(struct vemu *d, const struct vmgr__domobj *obj, struct vemu_listener *l,
                      const char *line)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
    struct json_object *o = json_tokener_parse(line);
    const struct happening h = { d, obj, l, vmgr__agent_member(o, "data", json_type_object) };
    const char *event = vmgr__agent_string(o, "event");
    bool ok = json_object_is_type(o, json_type_object);

    if (vmgr__agent_member(o, "QMP", json_type_object))
        ok = send(l->fd, hello, strlen(hello), MSG_NOSIGNAL | MSG_DONTWAIT) ==
             (ssize_t)strlen(hello);
    /* From this answer on everything is told; what happened just before is asked for. */
    if (json_object_object_get_ex(o, "return", NULL))
        vmgr__vemu_ask_soon(d, vmgr__domobj_name(obj));
    for (size_t i = 0; event && i < G_N_ELEMENTS(takers); i++) {
        if (strcmp(event, takers[i].event) == 0)
            takers[i].take(&h);
    }
    json_object_put(o);
    return ok;
}

/* It says what no monitor says: that is for people to look into. */
static void broken(struct vemu *d, const struct vmgr__domobj *obj, struct vemu_listener *l)
{
    const struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_CONTROL_ERROR };

    vmgr__conn_emit_event(d->conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj), &event);
    give_up(l);
}

void vmgr__vemu_listener_read(struct vemu *d, const struct vmgr__domobj *obj,
                              struct vemu_listener *l)
{
    size_t total = 0;
    char buf[16384];

    while (l->fd >= 0 && total < READ_MAX_BYTES) {
        ssize_t n = recv(l->fd, buf, sizeof(buf), MSG_DONTWAIT);
        char *end;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            give_up(l);
            break;
        }
        total += (size_t)n;
        g_string_append_len(l->in, buf, n);
        while (l->fd >= 0 && (end = memchr(l->in->str, '\n', l->in->len))) {
            *end = '\0';
            if (take_line(d, obj, l, l->in->str))
                g_string_erase(l->in, 0, end + 1 - l->in->str);
            else
                broken(d, obj, l);
        }
        if (l->in->len > LINE_MAX_BYTES)
            broken(d, obj, l);
    }
}

/* ---- into the status ---- */

/* True: it is in the status, or does not matter any more. */
static bool write_port(struct vemu *d, const struct news *n, struct vemu_status *s)
{
    struct vmgr__device *dev = vmgr__device_by_alias(s->def, n->port);

    if (!dev || strcmp(dev->name, "channel") != 0 || !vmgr__vemu_channel_set_open(dev, n->open))
        return true; /* another listener may have written it */
    return vmgr__vemu_status_save(d, n->name, s, NULL) == 0;
}

static bool write_memory(struct vemu *d, const struct news *n, struct vemu_status *s)
{
    struct vmgr__device *dev = vmgr__device_by_alias(s->def, n->memory);

    if (!dev || !vmgr__vemu_memory_set_current(s->def, dev, n->kib))
        return true;
    return vmgr__vemu_status_save(d, n->name, s, NULL) == 0;
}

static bool write_clock(struct vemu *d, const struct news *n, struct vemu_status *s)
{
    struct vmgr__clock *clock = &s->def->clock;

    if (clock->offset != VMGR__CLOCK_VARIABLE || clock->adjustment == n->ahead)
        return true;
    clock->adjustment = n->ahead;
    return vmgr__vemu_status_save(d, n->name, s, NULL) == 0;
}

/* Whether somebody in the guest has the channel open, as its back-end's front end tells. */
static bool is_open(struct json_object *list, const char *alias)
{
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    g_autofree char *label = g_strdup_printf("char%s", alias);

    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (strcmp(text_of(o, "label"), label) == 0)
            return flag_of(o, "frontend-open");
    }
    return false;
}

/* 1: they were not all as written; 0; -1: the monitor does not answer. */
static int ask_ports(struct vemu_qmp *q, const struct vmgr__domain_def *def)
{
    struct json_object *list;
    int changed = 0;

    if (vmgr__qmp_execute(q, "query-chardev", NULL, &list, NULL) < 0)
        return -1;
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *alias = strcmp(dev->name, "channel") == 0 ? vmgr__device_alias(dev) : NULL;

        if (alias && vmgr__vemu_channel_set_open(dev, is_open(list, alias)))
            changed = 1;
    }
    json_object_put(list);
    return changed;
}

/* Only what a guest does by itself is news, so only of one that is said to run, or to sleep. False:
 * its monitor does not answer yet. */
static bool write_state(struct vemu *d, const struct news *n, struct vemu_status *s)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, n->name, NULL);
    struct vemu_qmp *q = NULL;
    const bool sleeps = s->state == VMGR_DOMAIN_PMSUSPENDED;
    const bool by_itself = s->state == VMGR_DOMAIN_RUNNING || sleeps;
    int state, reason, changed = 0;
    bool answered;

    if (!by_itself && !n->ports)
        return true;
    q = vmgr__qmp_open(dir, -1, ASK_TIMEOUT_MS, NULL);
    answered = q && vmgr__qmp_state(q, &state, &reason, NULL) == 0;
    if (answered && n->ports) {
        changed = ask_ports(q, s->def);
        answered = changed >= 0;
    }
    if (answered && vmgr__vemu_memory_learn(s->def, q, NULL) > 0)
        changed = 1;
    if (answered && by_itself && state != s->state) {
        s->state = state;
        s->reason = sleeps && state == VMGR_DOMAIN_RUNNING     ? VMGR_DOMAIN_RUNNING_WAKEUP
                    : state == VMGR_DOMAIN_PAUSED && n->reason ? n->reason
                                                               : reason;
        changed = 1;
    }
    if (answered && changed)
        vmgr__vemu_status_save(d, n->name, s, NULL);
    vmgr__qmp_close(q);
    return answered;
}

/* True: done with it. */
static bool apply(struct vemu *d, const struct news *n)
{
    int lock = vmgr__vemu_try_lock(d, n->name);
    struct vemu_status s;
    bool done = true, acts = false;

    if (lock < 0)
        return false;
    if (vmgr__vemu_status_load(d, n->name, &s, NULL) > 0 && s.phase == VEMU_ACTIVE &&
        vmgr__process_is_alive(&s.process)) {
        if (n->port)
            done = write_port(d, n, &s);
        else if (n->memory)
            done = write_memory(d, n, &s);
        else if (n->clock)
            done = write_clock(d, n, &s);
        else
            done = write_state(d, n, &s);
        acts = s.state == VMGR_DOMAIN_CRASHED || s.reason == VMGR_DOMAIN_PAUSED_WATCHDOG;
    }
    vmgr__vemu_status_clear(&s);
    vmgr__vemu_unlock(lock);
    vmgr__vemu_changed(d, n->name, VMGR_DOMAIN_SHUTOFF_UNKNOWN);
    if (acts && !vmgr__vemu_act(d, n->name))
        done = false;
    return done;
}

void vmgr__vemu_ask_guest(struct vemu *d, const char *name)
{
    const struct news n = { .name = (char *)name };

    apply(d, &n);
}

void vmgr__vemu_ask_soon(struct vemu *d, const char *name)
{
    struct news *n = g_new0(struct news, 1);

    n->name = g_strdup(name);
    n->ports = true;
    g_ptr_array_add(d->news, n);
}

void vmgr__vemu_apply_news(struct vemu *d)
{
    g_autoptr(GPtrArray) list = NULL;

    if (d->read_only)
        return;
    g_mutex_lock(&d->lock);
    list = d->news;
    d->news = g_ptr_array_new_with_free_func(vmgr__vemu_news_free);
    g_mutex_unlock(&d->lock);
    /* In their order for each domain: one that has to wait lets those behind it wait. */
    for (guint i = 0; i < list->len; i++) {
        struct news *n = list->pdata[i];

        if (apply(d, n) || ++n->tries > TRIES_MAX)
            continue;
        g_mutex_lock(&d->lock);
        vmgr__vemu_watch_jobs(d); /* looks soon, whether or not something else happens */
        for (; i < list->len; i++) {
            g_ptr_array_add(d->news, list->pdata[i]);
            list->pdata[i] = NULL;
        }
        g_mutex_unlock(&d->lock);
    }
    g_ptr_array_set_free_func(list, NULL);
    for (guint i = 0; i < list->len; i++) {
        if (list->pdata[i])
            vmgr__vemu_news_free(list->pdata[i]);
    }
}
