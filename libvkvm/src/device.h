/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device handle.
 */
#ifndef VKVM_SRC_DEVICE_H
#define VKVM_SRC_DEVICE_H

#include "handle.h"

struct vkvm_device {
    struct vkvm_handle h;
};

#endif
