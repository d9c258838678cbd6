/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -trace: events of the machine's inside, a line each.
 */
#ifndef VEMU_TOOL_TRACE_H
#define VEMU_TOOL_TRACE_H

#include "options.h"

struct trace;

/* One -trace option into `o`; false: it is wrong, and why was printed. */
bool trace_option(struct options *o, const char *value);
/* "help": lists the events; false: it is something else. */
bool trace_help(const char *value);
/* Opens where lines go. NULL and *ok false on failure; NULL when there is nothing to trace. */
struct trace *trace_open(const struct options *o, bool *ok);
/* Switches events on; false: a pattern is none. */
bool trace_begin(struct trace *trace, struct vemu_vm *vm, const struct options *o);
void trace_close(struct trace *trace);

#endif
