/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clock and CMOS memory: what the board puts into the latter.
 */
#ifndef VEMU_DEVICES_RTC_MC146818_RTC_H
#define VEMU_DEVICES_RTC_MC146818_RTC_H

#include "core/device.h"

/* Sets a byte of the CMOS memory (from 0x0e to 0x7f). Context: loop, vCPUs do not run. */
void vemu__rtc_set_cmos(struct vemu_device *rtc, uint8_t index, uint8_t value);

#endif
