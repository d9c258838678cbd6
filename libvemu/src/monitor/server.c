/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listening socket whose clients have a monitor each.
 *
 * A chardev has one front end and one peer, so a client that comes is given a chardev of its own
 * (ID-1, ID-2, ...) over its socket, and a monitor on that. Both go when it hangs up: not at once,
 * since that is told from inside the chardev, but from the loop soon after. With as many clients as
 * there may be, nobody is let in until one leaves; who calls meanwhile waits in the socket's queue.
 * One that does not read is cut short by qmp.c as any other client is, and costs the others
 * nothing.
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "core/loop.h"
#include "core/unix-socket.h"
#include "core/vm.h"
#include "monitor/monitor.h"

#define CLIENTS_MAX 64

struct client {
    char *id; /* of its chardev */
    struct vemu_monitor *monitor;
};

struct vemu_monitor_server {
    struct vemu_vm *vm;
    char *id, *path;
    uint32_t most;
    unsigned made; /* clients so far */
    GPtrArray *clients;
    int fd; /* -1: none */
    struct vemu_unix_file file;
    struct vemu_watch *watch;
    struct vemu_delay *soon, *retry;
};

static void client_free(void *data)
{
    struct client *c = data;

    vemu__monitor_free(c->monitor);
    g_free(c->id);
    g_free(c);
}

static void listen_if_room(struct vemu_monitor_server *s)
{
    vemu__watch_set(s->watch, s->clients->len < s->most ? POLLIN : 0);
}

/* Those who left. */
static void reap(void *data)
{
    struct vemu_monitor_server *s = data;

    for (guint i = s->clients->len; i > 0; i--) {
        const struct client *c = s->clients->pdata[i - 1];
        g_autofree char *id = g_strdup(c->id);

        if (vemu_chardev_is_open(vemu__vm_find_chardev(s->vm, id)))
            continue;
        g_ptr_array_remove_index(s->clients, i - 1);
        vemu_vm_remove_chardev(s->vm, id, NULL);
    }
    listen_if_room(s);
}

static void reap_soon(void *data)
{
    struct vemu_monitor_server *s = data;

    vemu__delay_free(s->soon);
    s->soon = vemu__delay_new(s->vm->loop, 0, reap, s);
}

/* Takes the socket. */
static void serve(struct vemu_monitor_server *s, int fd)
{
    g_autofree char *text = g_strdup_printf("%d", fd);
    const struct vemu_property prop = { "fd", text };
    struct client *c = g_new0(struct client, 1);
    struct vemu_error *err = NULL;
    int r;

    c->id = g_strdup_printf("%s-%u", s->id, ++s->made);
    r = vemu_vm_add_chardev(s->vm, "socket", c->id, &prop, 1, &err);
    if (r < 0) {
        close(fd);
    } else {
        struct vemu_chardev *chr = vemu__vm_find_chardev(s->vm, c->id);

        vemu__chardev_hide(chr); /* what somebody asked for is the socket */
        r = vemu__monitor_new(s->vm, chr, &c->monitor, &err);
    }
    if (r < 0) {
        vemu_vm_log(s->vm, VEMU_LOG_WARNING, "monitor '%s': %s", s->id, vemu_error_message(err));
        vemu_error_free(err);
        vemu_vm_remove_chardev(s->vm, c->id, NULL);
        client_free(c);
        return;
    }
    vemu__monitor_on_close(c->monitor, reap_soon, s);
    g_ptr_array_add(s->clients, c);
    reap_soon(s); /* it may have gone before its monitor could hear of that */
}

static void on_retry(void *data)
{
    listen_if_room(data);
}

static void on_client(void *data, uint32_t revents)
{
    struct vemu_monitor_server *s = data;
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        serve(s, fd);
        listen_if_room(s);
    } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        /* No descriptors or memory: the client stays in the queue, and poll(2) would not rest. */
        vemu__watch_set(s->watch, 0);
        vemu__delay_free(s->retry);
        s->retry = vemu__delay_new(s->vm->loop, 1000, on_retry, s);
    }
}

const char *vemu__monitor_server_id(const struct vemu_monitor_server *s)
{
    return s->id;
}

const char *vemu__monitor_server_path(const struct vemu_monitor_server *s)
{
    return s->path;
}

void vemu__monitor_server_free(struct vemu_monitor_server *s)
{
    if (!s)
        return;
    vemu__watch_free(s->watch);
    vemu__delay_free(s->soon);
    vemu__delay_free(s->retry);
    /* Their chardevs stay: the machine closes them when all of their output is out. */
    g_ptr_array_unref(s->clients);
    vemu__unix_unbind(s->path, &s->file);
    if (s->fd >= 0)
        close(s->fd);
    g_free(s->path);
    g_free(s->id);
    g_free(s);
}

struct add {
    const char *id, *path;
    uint32_t clients;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;
    struct vemu_monitor_server *s;

    if (vm->stopping)
        return vemu__error_set(err, EBUSY, "cannot add a monitor: the machine is being stopped");
    s = g_new0(struct vemu_monitor_server, 1);
    s->vm = vm;
    s->id = g_strdup(add->id);
    s->path = g_strdup(add->path);
    s->most = add->clients;
    s->clients = g_ptr_array_new_with_free_func(client_free);
    s->fd = vemu__unix_bind(s->path, SOCK_STREAM, &s->file, err);
    if (s->fd < 0) {
        int r = s->fd;

        vemu__monitor_server_free(s);
        return r;
    }
    s->watch = vemu__watch_new(vm->loop, s->fd, POLLIN, on_client, s);
    g_ptr_array_add(vm->monitor_servers, s);
    return 0;
}

int vemu_vm_add_monitor_server(struct vemu_vm *vm, const char *id, const char *path,
                               uint32_t clients, struct vemu_error **err)
{
    struct add add = { id, path, clients };

    if (!id || !path)
        return vemu__error_set(err, EINVAL, "the monitor's %s is missing", id ? "path" : "id");
    if (clients < 1 || clients > CLIENTS_MAX)
        return vemu__error_set(err, EINVAL, "monitor '%s': %u clients (1 to %u)", id, clients,
                               CLIENTS_MAX);
    return vemu__vm_control(vm, do_add, &add, err);
}
