/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmgrd: the management daemon. Puts the server together, and minds signals.
 *
 * It may be killed at any time: what runs and what is defined is in files, and the next vmgrd takes
 * it up.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmgrd.h"

struct daemon {
    struct config config;
    struct vmgr__server *server;
    struct log *log;
    int signal_fd;
};

static int fail(char *why)
{
    fprintf(stderr, "vmgrd: %s\n", why ? why : "out of memory");
    g_free(why);
    return -1;
}

static void reload(struct daemon *d)
{
    g_autofree char *err = NULL, *line = NULL;

    if (config_load(&d->config, &err) < 0) {
        line = g_strdup_printf("msg=\"configuration kept as it was\" error=\"%s\"", err);
        log_line(VMGR__LOG_ERROR, line, d->log);
        return;
    }
    if (network_set(d->server, &d->config, &err) < 0) {
        line = g_strdup_printf("msg=\"certificates kept as they were\" error=\"%s\"", err);
        log_line(VMGR__LOG_ERROR, line, d->log);
        g_clear_pointer(&line, g_free);
    }
    log_reopen(d->log, d->config.log_file, d->config.log_level);
    vmgr__server_set_limits(d->server, &d->config.limits);
    log_line(VMGR__LOG_INFO, "msg=\"configuration reloaded\"", d->log);
}

static void on_signal(void *data)
{
    struct daemon *d = data;
    struct signalfd_siginfo info;

    while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            reload(d);
        else
            vmgr__server_stop(d->server);
    }
}

/* Before there are threads: all of them inherit the mask. */
static int take_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A descriptor for each client, and more. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MIN(limit.rlim_max, 65536);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_server(struct daemon *d, char **err)
{
    const struct config *c = &d->config;
    /* A hypervisor in memory has no files; the root is then for the daemon's own. */
    const bool in_memory = c->uri && g_str_has_prefix(c->uri, "test:");
    const struct vmgr__server_options options = {
        .uri = c->uri       ? c->uri
               : c->session ? "vemu:///session"
                            : NULL,
        .root = in_memory ? NULL : c->root,
        .emulator = c->emulator,
        .limits = c->limits,
        .log = log_line,
        .log_data = d->log,
    };

    if (vmgr__server_new(&options, &d->server, err) < 0)
        return -1;
    return vmgr__server_watch(d->server, d->signal_fd, on_signal, d, err);
}

static int serve(struct daemon *d)
{
    g_autofree char *run = places_run_dir(&d->config);
    g_autofree char *pid_file = d->config.pid_file ? g_strdup(d->config.pid_file)
                                                   : g_build_filename(run, "vmgrd.pid", NULL);
    int ready_fd = -1, lock_fd, r = -1;
    char *err = NULL;

    /* Others must be able to reach the sockets; what is secret is in directories of its own. */
    if (g_mkdir_with_parents(run, 0755) < 0 || chmod(run, 0755) < 0) {
        err = g_strdup_printf("cannot use directory '%s': %s", run, g_strerror(errno));
        return fail(err);
    }
    if (d->config.daemon && (ready_fd = process_daemonize(&err)) < 0)
        return fail(err);
    lock_fd = process_lock(pid_file, &err);
    if (lock_fd < 0)
        return fail(err);
    if (open_server(d, &err) < 0 || network_set(d->server, &d->config, &err) < 0 ||
        sockets_open(d->server, &d->config, &err) < 0) {
        fail(err);
    } else {
        struct autostart *autostart = autostart_begin(d->server, &d->config, d->log);

        if (ready_fd >= 0)
            process_ready(ready_fd);
        log_line(VMGR__LOG_INFO, "msg=\"ready\"", d->log);
        r = vmgr__server_run(d->server, &err);
        if (r < 0)
            fail(err);
        autostart_end(autostart);
        log_line(VMGR__LOG_INFO, "msg=\"ended\"", d->log);
    }
    vmgr__server_free(d->server);
    unlink(pid_file);
    close(lock_fd);
    return r;
}

int main(int argc, char **argv)
{
    struct daemon d = { 0 };
    int status = 1;
    char *err = NULL;

    if (options_parse(&d.config, argc, argv, &status) == 0) {
        d.signal_fd = take_signals();
        raise_limits();
        if (config_load(&d.config, &err) < 0) {
            fail(err);
        } else if (!(d.log = log_open(d.config.log_file, d.config.log_level, &err))) {
            fail(err);
        } else {
            status = serve(&d) < 0;
        }
    }
    log_close(d.log);
    config_clear(&d.config);
    return status;
}
