/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI Express ports, for core/registry.c.
 */
#ifndef VEMU_BUS_PCIE_PORT_H
#define VEMU_BUS_PCIE_PORT_H

#include "core/device.h"

extern const struct vemu_device_class vemu__device_pcie_root_port;

#endif
