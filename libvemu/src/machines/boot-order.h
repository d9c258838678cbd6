/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware is told about booting: the options of -boot, and the boot indexes of devices.
 */
#ifndef VEMU_MACHINES_BOOT_ORDER_H
#define VEMU_MACHINES_BOOT_ORDER_H

#include "machines/machine.h"

/* In the struct of a machine that starts firmware. */
struct vemu_boot_order {
    char *order, *once;
    bool menu, strict;
    int32_t splash_time, reboot_timeout; /* ms; -1: not told */
    bool once_done;
};

/* Relative to struct vemu_boot_order: boot.order, boot.once ... */
extern const struct vemu_prop vemu__boot_order_props[];

/* -EINVAL with words. */
int vemu__boot_order_check(const struct vemu_boot_order *boot, struct vemu_error **err);
/* Puts it into fw_cfg and CMOS, at power-on and at each reset. */
void vemu__boot_order_publish(struct vemu_boot_order *boot, struct vemu_device *fw_cfg,
                              struct vemu_device *rtc);

#endif
