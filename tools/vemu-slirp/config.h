/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the arguments of vemu-slirp ask for.
 */
#ifndef VEMU_SLIRP_CONFIG_H
#define VEMU_SLIRP_CONFIG_H

#include <netinet/in.h>
#include <slirp/libslirp.h>
#include <stdbool.h>

#define FORWARDS_MAX 64

struct forward {
    bool udp;
    struct in_addr host, guest; /* guest 0: the first address of DHCP */
    int host_port, guest_port;
    const char *text;
};

struct config {
    SlirpConfig slirp;
    struct forward forwards[FORWARDS_MAX];
    unsigned forward_count;
};

/* Parses "name=value" words and fills in what they leave open. On an error says why on standard
 * error and exits. */
void config_parse(struct config *config, int argc, char **argv);
/* "vemu-slirp: <text>" on standard error, and exit status 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
