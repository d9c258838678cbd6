/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulator's monitor, as it is: for looking, and for what no other function does.
 *
 * Nothing here is checked: a command may end the guest, and what it changes the library may not
 * know.
 */
#ifndef VMGR_MONITOR_H
#define VMGR_MONITOR_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VMGR_DOMAIN_MONITOR_HMP (1u << 0) /* the command is for people: "info status" */

/**
 * vmgr_domain_monitor_command() - one command of the monitor's protocol (QMP)
 * @command: a JSON object: {"execute": "query-status"}; with HMP a line
 * @ret_answer: the monitor's answer, to be freed with free(): with "return" or "error"; with HMP
 *              what it prints
 *
 * Returns 0, or -1 and *err: VMGR_ERR_INVALID_ARG (no JSON object), VMGR_ERR_OPERATION_INVALID (the
 * domain does not run), VMGR_ERR_OPERATION_TIMEOUT, VMGR_ERR_INTERNAL_ERROR (the monitor went away;
 * with HMP: refused), and those of domain.h. Context: any. Since 0.1
 */
int vmgr_domain_monitor_command(struct vmgr_domain *domain, const char *command, uint32_t flags,
                                char **ret_answer, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
