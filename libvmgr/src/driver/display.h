/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver whose guests have screens and keyboards is: the operations behind
 * include/vmgr/display.h, with the rules of driver.h. Arguments have been checked.
 */
#ifndef VMGR_SRC_DRIVER_DISPLAY_H
#define VMGR_SRC_DRIVER_DISPLAY_H

#include <vmgr/display.h>

#include "driver.h"

struct vmgr__display_ops {
    int (*screenshot)(struct vmgr_domain *dom, uint32_t screen, char **ret_mime,
                      struct vmgr_stream **ret_stream, struct vmgr_error **err);
    int (*send_key)(struct vmgr_domain *dom, uint32_t codeset, uint32_t holdtime_ms,
                    const uint32_t *keycodes, uint32_t count, struct vmgr_error **err);
    int (*send_signal)(struct vmgr_domain *dom, int64_t pid, uint32_t signum,
                       struct vmgr_error **err);
};

extern const struct vmgr__display_ops vmgr__remote_display;
extern const struct vmgr__display_ops vmgr__test_display;
extern const struct vmgr__display_ops vmgr__vemu_display;

/* ---- api/keycode.c ---- */
/* The number of a key of Linux that a code of another set means; -1: none, -2: the set is not known
 * here. */
int vmgr__keycode_to_linux(uint32_t codeset, uint32_t code);
/* The number of Linux as one of set "qnum"; -1: it has none. */
int vmgr__keycode_to_qnum(uint32_t code);

#endif
