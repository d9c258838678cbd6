/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu-nbd: offers a disk image by the NBD protocol.
 *
 * The library serves on threads of its own; this program waits for a signal, or for the last client
 * to go.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon.h"
#include "options.h"
#include "report.h"

#define FIRST_FD 3 /* of those that systemd hands over */

static int done_fd = -1; /* the last client has gone */

void report(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("vemu-nbd: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static bool failed(struct vemu_error *err)
{
    report("%s", vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

/* --- listening -------------------------------------------------------------------------------- */

/* sd_listen_fds(3) */
static int handed_over(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    int n = atoi(count);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    return n > 0 ? n : 0;
}

static bool listen_somewhere(struct vemu_nbd_server *server, const struct options *o, int handed)
{
    struct vemu_error *err = NULL;
    int r = 0;
    if (handed && (o->socket || o->port || o->host)) {
        report("--socket, --port and --bind do not go with sockets that are handed over");
        return false;
    }
    for (int i = 0; i < handed && r >= 0; i++)
        r = vemu_nbd_server_listen_fd(server, FIRST_FD + i, &err);
    if (!handed)
        r = o->socket
                ? vemu_nbd_server_listen_unix(server, o->socket, &err)
                : vemu_nbd_server_listen_inet(server, o->host, o->port ? o->port : "10809", &err);
    return r >= 0 || failed(err);
}

/* --- the server ------------------------------------------------------------------------------- */

static void client_gone(void *data, uint32_t connected, int negotiated)
{
    const struct options *o = data;
    const uint64_t one = 1;
    if (!negotiated || connected || o->persistent)
        return;
    ssize_t n = write(done_fd, &one, sizeof(one));
    (void)n; /* it is full: said already */
}

static struct vemu_image *open_image(const struct options *o)
{
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    if (vemu_image_open(o->filename, &o->open, &image, &err) < 0) {
        failed(err);
        return NULL;
    }
    if (o->snapshot && vemu_image_load_snapshot(image, o->snapshot, &err) < 0) {
        failed(err);
        vemu_image_close(image);
        return NULL;
    }
    return image;
}

static struct vemu_nbd_server *make_server(struct options *o, struct vemu_image *image, int handed)
{
    struct vemu_nbd_server_options server_options = VEMU_NBD_SERVER_OPTIONS_INIT;
    struct vemu_nbd_export_options export = VEMU_NBD_EXPORT_OPTIONS_INIT;
    struct vemu_nbd_server *server = NULL;
    struct vemu_error *err = NULL;
    server_options.max_clients = o->max_clients;
    server_options.client_gone = client_gone;
    server_options.data = o;
    if (o->tls) {
        server_options.tls_creds = o->tls->dir;
        server_options.flags = VEMU_NBD_TLS_REQUIRED;
        server_options.flags |= o->tls->verify_peer ? VEMU_NBD_TLS_VERIFY_PEER : 0;
    }
    export.flags |= o->read_only ? 0 : VEMU_NBD_EXPORT_WRITABLE;
    export.flags |= o->allocation_depth ? VEMU_NBD_EXPORT_ALLOCATION_DEPTH : 0;
    export.name = o->name;
    export.description = o->description;
    export.image = image;
    export.bitmaps = o->bitmaps;
    export.bitmap_count = o->bitmap_count;
    bool ok = vemu_nbd_server_new(&server_options, &server, &err) >= 0 || failed(err);
    ok = ok && (vemu_nbd_server_add_export(server, &export, &err) >= 0 || failed(err));
    ok = ok && listen_somewhere(server, o, handed);
    ok = ok && (vemu_nbd_server_start(server, &err) >= 0 || failed(err));
    if (ok)
        return server;
    vemu_nbd_server_free(server);
    return NULL;
}

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void wait_for_end(int signals)
{
    struct pollfd fds[] = { { signals, POLLIN, 0 }, { done_fd, POLLIN, 0 } };
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
}

static bool serve(struct options *o, struct vemu_image *image, int handed)
{
    int signals = signals_open();
    struct vemu_nbd_server *server = make_server(o, image, handed);
    bool ok = server != NULL && (!o->pid_file || pidfile_write(o->pid_file));
    if (ok) {
        const char *address;
        for (unsigned i = 0; o->verbose && (address = vemu_nbd_server_get_address(server, i)); i++)
            printf("listening on %s\n", address);
        fflush(stdout);
        daemon_ready();
        wait_for_end(signals);
    }
    vemu_nbd_server_free(server);
    if (o->pid_file)
        pidfile_remove(o->pid_file);
    close(signals);
    return ok;
}

static int run(struct options *o)
{
    int handed = handed_over();
    if (o->daemonize && !daemon_start())
        return 1;
    done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct vemu_image *image = open_image(o);
    bool ok = image && serve(o, image, handed);
    int r = vemu_image_close(image);
    if (r < 0)
        report("closing '%s': %s", o->filename, strerror(-r));
    close(done_fd);
    return ok && r >= 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o;
    switch (options_parse(&o, argc, argv)) {
    case OPTIONS_RUN: return o.list ? list_exports(&o) : run(&o);
    case OPTIONS_DONE: return 0;
    default: return 1;
    }
}
