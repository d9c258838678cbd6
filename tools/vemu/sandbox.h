/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -sandbox: system calls that this process gives up before it reads anything of a guest.
 */
#ifndef VEMU_TOOL_SANDBOX_H
#define VEMU_TOOL_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* What is denied, beside what always is. */
#define SANDBOX_ON         (1u << 0)
#define SANDBOX_OBSOLETE   (1u << 1)
#define SANDBOX_PRIVILEGES (1u << 2) /* changing users, groups and capabilities */
#define SANDBOX_SPAWN      (1u << 3) /* starting programs */
#define SANDBOX_RESOURCES  (1u << 4) /* its own scheduling */

/* on|off[,obsolete=deny|allow][,elevateprivileges=deny|allow|children][,spawn=deny|allow]
 * [,resourcecontrol=deny|allow]. False: the reason was printed. */
bool sandbox_parse(const char *text, uint32_t *ret);
/* All threads of the process, from now on and for good. False: the reason was printed. */
bool sandbox_enter(uint32_t what);

#endif
