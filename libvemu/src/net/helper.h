/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper program that is a network: started, watched, ended.
 */
#ifndef VEMU_NET_HELPER_H
#define VEMU_NET_HELPER_H

#include "core/error.h"
#include "core/loop.h"

struct vemu_net_helper {
    int pid, pidfd; /* 0, -1: none */
    int pass_fd;    /* set before the start: becomes the program's descriptor 3; 0: none */
};

/* The program `name`: beside the running one, in a build tree, or where it is installed. NULL and
 * *err: nowhere. To be freed. */
char *vemu__net_helper_find(const char *name, struct vemu_error **err);
/*
 * Starts argv[0]. Its descriptor 0 is a socket whose other end, non-blocking, is *ret_fd; what it
 * writes to descriptor 2 is read until "ready" and a newline: then it runs. Before, it is its
 * reason not to. Errors: what starting gives, EIO (it did not start), ETIMEDOUT. Context: loop.
 */
int vemu__net_helper_start(struct vemu_net_helper *helper, char *const argv[], int *ret_fd,
                           struct vemu_error **err);
/* Ends it and waits for that. Fine when not started. */
void vemu__net_helper_stop(struct vemu_net_helper *helper);

#endif
