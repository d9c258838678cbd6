/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs as devices: what the monitor asks.
 */
#ifndef VEMU_DEVICES_X86_CPU_H
#define VEMU_DEVICES_X86_CPU_H

#include "core/device.h"

/* The vCPU's number. */
uint32_t vemu__x86_cpu_id(const struct vemu_device *dev);

#endif
