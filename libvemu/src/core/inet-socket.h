/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP and UDP sockets by numeric address.
 */
#ifndef VEMU_CORE_INET_SOCKET_H
#define VEMU_CORE_INET_SOCKET_H

#include "core/error.h"

/* A non-blocking socket that listens at `host` (an IPv4 or IPv6 address, "localhost"; NULL or "":
 * the loopback) and `port` ("0": the kernel chooses one). Names are not looked up. Returns the
 * descriptor or -errno; *ret_name is "host:port", to be freed with g_free(). */
int vemu__inet_listen(const char *host, const char *port, char **ret_name,
                      struct vemu_error **err);
/* A non-blocking socket that is about to be connected to such an address: when it can be written
 * to, vemu__inet_connected() says how it went. The descriptor or -errno. */
int vemu__inet_connect(const char *host, const char *port, struct vemu_error **err);
/* 0, or -errno: what a connection came to. */
int vemu__inet_connected(int fd);
/* A non-blocking UDP socket whose peer is at `host` and `port`, at an address and port of its own
 * (NULL: any). The descriptor or -errno. */
int vemu__inet_udp(const char *host, const char *port, const char *local_host,
                   const char *local_port, struct vemu_error **err);
/* Small pieces go out at once. */
void vemu__inet_no_delay(int fd);

#endif
