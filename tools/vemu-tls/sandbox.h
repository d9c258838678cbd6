/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up what a TLS connection does not need.
 */
#ifndef VEMU_TLS_SANDBOX_H
#define VEMU_TLS_SANDBOX_H

/* "<text>" on stderr, and the end. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* No privileges, no new ones, no system calls but those on descriptors that are open, memory and
 * time. Exits with a message when that is not possible. */
void sandbox_enter(void);

#endif
