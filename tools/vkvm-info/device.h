/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening the KVM device, and what to do when that fails.
 */
#ifndef VKVM_INFO_DEVICE_H
#define VKVM_INFO_DEVICE_H

#include <vkvm/vkvm.h>

#include "host.h"

#define MAX_CURES 4

struct device {
    char path[256];
    bool usable;
    int api_version; /* 0: not usable */
    int error;       /* -errno, 0: none */
    char message[400];
    char cures[MAX_CURES][240];
    uint32_t cure_count;
};

/* Opens; on failure explains. Returns an exit status. */
int device_open(const struct vkvm_syscalls *sys, const char *path, const struct host *host,
                struct device *ret, struct vkvm **ret_kvm);

#endif
