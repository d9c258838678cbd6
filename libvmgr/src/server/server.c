/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: its loop, its limits, its beginning and end.
 *
 * Sources are polled level-triggered with their address as epoll's data. What is closed while a
 * batch of events is worked off stays in memory until the end of the batch (graveyard), so that a
 * later event of the same batch finds it, closed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define LOOKS_AT_ONE 4

struct watch {
    struct source source; /* first */
    void (*fn)(void *data);
    void *data;
};

int vmgr__server_fail(char **err, int errnum, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list ap;

    va_start(ap, format);
    what = g_strdup_vprintf(format, ap);
    va_end(ap);
    *err = errnum ? g_strdup_printf("%s: %s", what, g_strerror(errnum)) : g_steal_pointer(&what);
    return -1;
}

/* The same from an error of the library, which it frees. */
static int fail_from(char **err, struct vmgr_error *cause)
{
    *err = g_strdup(vmgr_error_get_message(cause));
    vmgr_error_free(cause);
    return -1;
}

static void kicked(struct source *source, uint32_t events)
{
    struct vmgr__server *s =
        (struct vmgr__server *)((char *)source - offsetof(struct vmgr__server, kick));
    GSList *list;
    uint64_t count;

    (void)events;
    if (read(s->kick_fd, &count, sizeof(count)) < 0)
        return; /* someone else's turn has read it */
    g_mutex_lock(&s->kick_lock);
    list = g_steal_pointer(&s->kicked);
    g_mutex_unlock(&s->kick_lock);
    for (GSList *l = list; l; l = l->next) {
        vmgr__client_resume(l->data);
        vmgr__client_unref(l->data);
    }
    g_slist_free(list);
}

static void wake(struct vmgr__server *s)
{
    static const uint64_t one = 1;

    if (write(s->kick_fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* full: it is readable */
}

void vmgr__server_kick(struct vmgr__server *s, struct vmgr__client *c)
{
    g_mutex_lock(&s->kick_lock);
    s->kicked = g_slist_prepend(s->kicked, vmgr__client_ref(c));
    g_mutex_unlock(&s->kick_lock);
    wake(s);
}

void vmgr__server_stop(struct vmgr__server *s)
{
    g_atomic_int_set(&s->stopping, 1);
    wake(s);
}

struct vmgr__server_limits vmgr__server_limits(struct vmgr__server *s)
{
    struct vmgr__server_limits limits;

    g_mutex_lock(&s->limits_lock);
    limits = s->limits;
    g_mutex_unlock(&s->limits_lock);
    return limits;
}

void vmgr__server_set_limits(struct vmgr__server *s, const struct vmgr__server_limits *limits)
{
    g_mutex_lock(&s->limits_lock);
    s->limits = *limits;
    g_mutex_unlock(&s->limits_lock);
}

struct vmgr_conn *vmgr__server_conn(struct vmgr__server *s)
{
    return s->conn;
}

/* What clients may call the hypervisor by. */
static int read_uri(struct vmgr__server *s, char **err)
{
    struct vmgr_error *cause = NULL;
    g_autoptr(GUri) uri = NULL;
    const char *type;
    char *text = NULL;

    if (vmgr_conn_get_uri(s->conn, &text, &cause) < 0 ||
        vmgr_conn_get_type(s->conn, &type, &cause) < 0) {
        free(text);
        return fail_from(err, cause);
    }
    uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    free(text);
    s->scheme_path = g_strdup(uri ? g_uri_get_path(uri) : "/");
    s->runs_guests = strcmp(type, "VEMU") == 0;
    s->uri = g_strdup_printf("%s://%s", uri ? g_uri_get_scheme(uri) : "", s->scheme_path);
    return 0;
}

/* Reads what there is, and so brings to a rest what an earlier server left undone. */
static int take_up(struct vmgr__server *s, char **err)
{
    struct vmgr_error *cause = NULL;
    const int all = vmgr_domain_list(s->conn, 0, NULL, &cause);
    int running;

    if (all < 0)
        return fail_from(err, cause);
    running = vmgr_domain_list(s->conn, VMGR_DOMAIN_LIST_ACTIVE, NULL, &cause);
    if (running < 0)
        return fail_from(err, cause);
    vmgr__log(s, VMGR__LOG_INFO, "domains taken up", "uri=%s defined=%d running=%d", s->uri, all,
              running);
    return 0;
}

int vmgr__server_new(const struct vmgr__server_options *options, struct vmgr__server **ret,
                     char **err)
{
    struct vmgr__server *s = g_new0(struct vmgr__server, 1);
    struct vmgr_conn_options o = VMGR_CONN_OPTIONS_INIT;
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = &s->kick };
    struct vmgr_error *cause = NULL;

    s->limits = options->limits;
    s->log = options->log;
    s->log_data = options->log_data;
    g_mutex_init(&s->limits_lock);
    g_mutex_init(&s->kick_lock);
    s->listeners = g_ptr_array_new();
    s->watches = g_ptr_array_new_with_free_func(g_free);
    s->graveyard = g_ptr_array_new_with_free_func((GDestroyNotify)vmgr__client_unref);
    s->dead_streams = g_ptr_array_new_with_free_func((GDestroyNotify)vmgr__stream_unref);
    s->clients = g_hash_table_new(NULL, NULL);
    s->kick.ready = kicked;
    vmgr__spin_init(&s->spin);
    vmgr__pool_init(&s->pool, s);
    vmgr__subscriptions_init(&s->subscriptions);
    vmgr__associations_init(&s->associations);
    vmgr__handlers_init(s);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    o.uri = options->uri;
    o.root = options->root;
    o.emulator = options->emulator;
    if (s->epoll_fd < 0 || s->kick_fd < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->kick_fd, &e) < 0) {
        vmgr__server_fail(err, errno, "cannot make an event loop");
        goto fail;
    }
    if (vmgr_conn_open_with(&o, &s->conn, &cause) < 0) {
        fail_from(err, cause);
        goto fail;
    }
    if (read_uri(s, err) < 0 || take_up(s, err) < 0)
        goto fail;
    vmgr__subscriptions_start(s);
    *ret = s;
    return 0;
fail:
    vmgr__server_free(s);
    return -1;
}

void vmgr__server_free(struct vmgr__server *s)
{
    GHashTableIter iter;
    void *client;

    if (!s)
        return;
    g_hash_table_iter_init(&iter, s->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL)) {
        g_hash_table_iter_steal(&iter);
        vmgr__client_close(client, "server ends");
    }
    vmgr__subscriptions_fini(s);
    vmgr__pool_fini(&s->pool);
    vmgr__transfers_wait(s);
    vmgr__associations_fini(&s->associations);
    g_slist_free_full(s->kicked, (GDestroyNotify)vmgr__client_unref);
    g_ptr_array_unref(s->dead_streams);
    g_ptr_array_unref(s->graveyard);
    g_hash_table_unref(s->clients);
    vmgr__listeners_free(s);
    g_ptr_array_unref(s->watches);
    vmgr_conn_unref(s->conn);
    vmgr__tls_context_unref(s->tls);
    vmgr__access_clear(&s->access);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->kick_fd >= 0)
        close(s->kick_fd);
    g_free(s->handlers);
    g_free(s->scheme_path);
    g_free(s->uri);
    g_mutex_clear(&s->limits_lock);
    g_mutex_clear(&s->kick_lock);
    g_free(s);
}

static void watch_ready(struct source *source, uint32_t events)
{
    struct watch *w = (struct watch *)source;

    (void)events;
    w->fn(w->data);
}

int vmgr__server_watch(struct vmgr__server *s, int fd, void (*fn)(void *data), void *data,
                       char **err)
{
    struct watch *w = g_new0(struct watch, 1);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = w };

    w->source.ready = watch_ready;
    w->fn = fn;
    w->data = data;
    g_ptr_array_add(s->watches, w);
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        return vmgr__server_fail(err, errno, "cannot watch a descriptor");
    return 0;
}

static void tick(struct vmgr__server *s, int64_t now_us)
{
    g_autoptr(GPtrArray) clients = g_ptr_array_new();
    GHashTableIter iter;
    void *client;

    g_hash_table_iter_init(&iter, s->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL))
        g_ptr_array_add(clients, client);
    for (guint i = 0; i < clients->len; i++)
        vmgr__client_tick(clients->pdata[i], now_us); /* may close it: the graveyard keeps it */
}

/* Guests need somebody who hears them. */
static bool runs_anything(const struct vmgr__server *s)
{
    return s->runs_guests && vmgr_domain_list(s->conn, VMGR_DOMAIN_LIST_ACTIVE, NULL, NULL) > 0;
}

/* How long the loop may sleep, or -1: it has been idle for too long. */
static bool sleep_time(struct vmgr__server *s, int64_t now_us, int *ret_ms)
{
    const unsigned idle_seconds = vmgr__server_limits(s).idle_seconds;
    int64_t left;

    *ret_ms = -1;
    if (g_hash_table_size(s->clients) > 0) {
        s->idle_since_us = 0;
        *ret_ms = 1000;
        return true;
    }
    if (!s->idle_since_us)
        s->idle_since_us = now_us;
    if (!idle_seconds)
        return true;
    left = s->idle_since_us + (int64_t)idle_seconds * 1000000 - now_us;
    if (left <= 0 && runs_anything(s)) {
        s->idle_since_us = now_us;
        left = (int64_t)idle_seconds * 1000000;
    }
    *ret_ms = left <= 0 ? 0 : (int)MIN(left / 1000 + 1, 3600 * 1000);
    return left > 0;
}

/* Looks for the next call of a client whose calls follow each other: straight into its socket,
 * which saves asking whether there is something, and every LOOKS_AT_ONE times at everybody. True:
 * one was served, or *ret_n events are there. */
static bool look_again(struct vmgr__server *s, struct epoll_event *ret, int most, int *ret_n)
{
    if (s->recent && ++s->looks % LOOKS_AT_ONE)
        return vmgr__client_look(s->recent);
    *ret_n = epoll_wait(s->epoll_fd, ret, most, 0);
    return *ret_n != 0;
}

/* As epoll_wait(), but 0 also when a call was served meanwhile. */
static int wait_for_events(struct vmgr__server *s, struct epoll_event *ret, int most,
                           int64_t now_us, int timeout_ms)
{
    int64_t waited_us = 0;
    bool found = false;
    int n = 0;

    while (!found && vmgr__spin_wanted(&s->spin, waited_us)) {
        found = look_again(s, ret, most, &n);
        waited_us = g_get_monotonic_time() - now_us;
    }
    if (!found) {
        n = epoll_wait(s->epoll_fd, ret, most, timeout_ms);
        waited_us = g_get_monotonic_time() - now_us;
    }
    vmgr__spin_waited(&s->spin, waited_us);
    return n;
}

int vmgr__server_run(struct vmgr__server *s, char **err)
{
    struct epoll_event events[128];
    int64_t ticked_us = 0;
    int timeout_ms;

    while (!g_atomic_int_get(&s->stopping)) {
        int64_t now_us = g_get_monotonic_time();
        int n;

        if (!sleep_time(s, now_us, &timeout_ms)) {
            vmgr__log(s, VMGR__LOG_INFO, "idle for too long", "uri=%s", s->uri);
            break;
        }
        n = wait_for_events(s, events, G_N_ELEMENTS(events), now_us, timeout_ms);
        if (n < 0 && errno != EINTR)
            return vmgr__server_fail(err, errno, "cannot wait for events");
        for (int i = 0; i < n; i++) {
            struct source *source = events[i].data.ptr;

            source->ready(source, events[i].events);
        }
        now_us = g_get_monotonic_time();
        if (now_us - ticked_us >= 1000000) {
            ticked_us = now_us;
            tick(s, now_us);
        }
        g_ptr_array_set_size(s->dead_streams, 0);
        g_ptr_array_set_size(s->graveyard, 0);
    }
    return 0;
}
