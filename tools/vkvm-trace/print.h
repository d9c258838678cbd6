/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of a session as text.
 */
#ifndef VKVM_TRACE_PRINT_H
#define VKVM_TRACE_PRINT_H

#include <stdbool.h>
#include <vkvm/vkvm.h>

/* One line: order, descriptor, call, result. bytes: arguments in hex below it. */
void print_record(const struct vkvm_trace *trace, const struct vkvm_trace_record *record,
                  bool bytes);
/* One line for a KVM_RUN, without its place in the file, so that sessions can be compared. */
void print_exit(const struct vkvm_trace_record *record);

#endif
