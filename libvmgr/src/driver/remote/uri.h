/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URIs of hypervisors that are behind a daemon: scheme+transport://[user@]host[:port]/path?param.
 */
#ifndef VMGR_DRIVER_REMOTE_URI_H
#define VMGR_DRIVER_REMOTE_URI_H

#include "../driver.h"

enum remote_transport {
    REMOTE_UNIX,
    REMOTE_TCP,
    REMOTE_TLS,
    REMOTE_SSH,
    REMOTE_EXT, /* a program's standard input and output */
};

struct vmgr__remote_uri {
    enum remote_transport transport;
    char *scheme; /* "qemu" of qemu+unix */
    char *user, *host, *port;
    char *path;
    char *name; /* what the server is asked for; NULL: its own choice */
    /* parameters; NULL: not given */
    char *socket, *command, *netcat, *keyfile, *known_hosts, *auth, *authfile;
    char *pkipath, *tls_priority, *tls_hostname;
    char *root, *emulator; /* of a vmgrd that is to be started */
    bool no_verify;        /* tls: not the server's certificate; ssh: not the host's key */
    bool no_tty;           /* ssh: never ask */
    bool no_start;         /* do not start a daemon */
    int mode;              /* of enum remote_mode */
};
/* Which of libvirt's daemons: its one for all, or one per hypervisor. */
enum remote_mode { REMOTE_MODE_AUTO, REMOTE_MODE_LEGACY, REMOTE_MODE_DIRECT };

/* A scheme with a transport, a host, or a socket: not for a driver in this process. */
bool vmgr__remote_is_remote(GUri *uri);
/* 0, or -1 and *err; then too vmgr__remote_uri_clear(). */
int vmgr__remote_uri_parse(GUri *uri, const char *text, struct vmgr__remote_uri *ret,
                           struct vmgr_error **err);
void vmgr__remote_uri_clear(struct vmgr__remote_uri *u);
/* Whether a daemon of this user alone is meant. */
bool vmgr__remote_uri_is_session(const struct vmgr__remote_uri *u);
/* Where the daemon's unix socket is, on its host. For g_free(). */
char *vmgr__remote_uri_socket(const struct vmgr__remote_uri *u, bool read_only);

#endif
