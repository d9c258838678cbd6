/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS on a connection, in a program of its own.
 *
 * The library hands the socket to vemu-tls and talks to that through a socket pair. So no TLS
 * library, with its parsers that a peer feeds and its secrets, is in the process that has the
 * guest's memory, and the vemu program stays one static file.
 */
#include "image/nbd/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <unistd.h>

#define END_MS 1000

int vemu__nbd_tls_start(struct vemu_net_helper *helper, const struct nbd_tls_config *config, int fd,
                        struct vemu_error **err)
{
    g_autofree char *program = vemu__net_helper_find("vemu-tls", err);
    g_autofree char *creds = g_strdup_printf("creds=%s", config->creds ? config->creds : "");
    g_autofree char *hostname =
        g_strdup_printf("hostname=%s", config->hostname ? config->hostname : "");
    char *argv[] = { program,
                     config->server ? (char *)"role=server" : (char *)"role=client",
                     creds,
                     config->verify_peer ? (char *)"verify-peer=on" : (char *)"verify-peer=off",
                     config->hostname ? hostname : NULL,
                     NULL };
    int ours = -1, flags, r = program ? 0 : -ENOENT;

    *helper = (struct vemu_net_helper){ .pidfd = -1, .pass_fd = fd };
    if (r >= 0)
        r = vemu__net_helper_start(helper, argv, &ours, err);
    close(fd);
    if (r >= 0) {
        flags = fcntl(ours, F_GETFL);
        fcntl(ours, F_SETFL, flags & ~O_NONBLOCK);
        return ours;
    }
    vemu__net_helper_stop(helper);
    vemu__error_prefix(err, "TLS");
    return r;
}

void vemu__nbd_tls_stop(struct vemu_net_helper *helper)
{
    struct pollfd poll_fd = { .fd = helper->pidfd, .events = POLLIN };

    /* What was sent last still goes out. */
    if (helper->pid && helper->pidfd >= 0)
        poll(&poll_fd, 1, END_MS);
    if (helper->pid)
        vemu__net_helper_stop(helper);
}

int vemu__nbd_tls_check(const struct nbd_tls_config *config, struct vemu_error **err)
{
    const char *const names[] = { "ca-cert.pem", config->server ? "server-cert.pem" : NULL,
                                  config->server ? "server-key.pem" : NULL };
    g_autofree char *program = vemu__net_helper_find("vemu-tls", err);

    if (!program)
        return -ENOENT;
    for (unsigned i = 0; config->creds && i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = names[i] ? g_build_filename(config->creds, names[i], NULL) : NULL;

        if (path && access(path, R_OK) < 0)
            return vemu__error_set(err, errno, "TLS credentials: cannot read '%s': %s", path,
                                   g_strerror(errno));
    }
    return 0;
}
