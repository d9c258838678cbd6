/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of the program to its user.
 */
#ifndef VEMU_TOOL_REPORT_H
#define VEMU_TOOL_REPORT_H

/* "vemu: <text>" on stderr. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
