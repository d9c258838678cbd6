/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP sockets by numeric address, for back-ends that listen.
 */
#ifndef VEMU_CORE_INET_SOCKET_H
#define VEMU_CORE_INET_SOCKET_H

#include "core/error.h"

/* A non-blocking socket that listens at `host` (an IPv4 or IPv6 address, "localhost"; NULL or "":
 * the loopback) and `port` ("0": the kernel chooses one). Names are not looked up. Returns the
 * descriptor or -errno; *ret_name is "host:port", to be freed with g_free(). */
int vemu__inet_listen(const char *host, const char *port, char **ret_name,
                      struct vemu_error **err);
/* Small pieces go out at once. */
void vemu__inet_no_delay(int fd);

#endif
