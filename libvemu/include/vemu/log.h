/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log levels and the log callback. The library never prints by itself.
 */
#ifndef VEMU_LOG_H
#define VEMU_LOG_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vemu_log_level {
    VEMU_LOG_ERROR = 0,   /* something did not work */
    VEMU_LOG_WARNING = 1, /* works, but not as asked */
    VEMU_LOG_INFO = 2,    /* life cycle, choices taken */
    VEMU_LOG_DEBUG = 3,   /* what the guest does wrong, unknown ports and MSRs */
};

/** Receives one line without newline. Context: any thread; must not call back into the VM. */
typedef void (*vemu_log_fn)(void *data, int level, const char *line);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
