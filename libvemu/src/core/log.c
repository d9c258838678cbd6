/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines to the application's callback.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/vm.h"

void vemu_vm_log(struct vemu_vm *vm, int level, const char *format, ...)
{
    char line[512];
    va_list ap;
    char *p;

    if (!vm->config.log)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    /* Parts of a line come from the guest: no control character reaches a terminal. */
    for (p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    vm->config.log(vm->config.log_data, level, line);
}
