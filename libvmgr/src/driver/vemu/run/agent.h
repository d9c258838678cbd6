/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agents of guests, for other files of the driver.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_AGENT_H
#define VMGR_SRC_DRIVER_VEMU_RUN_AGENT_H

#include "../../../agent/agent.h"
#include "../vemu.h"

extern const struct vmgr__agent_ops vmgr__vemu_agent;

/* The channel that the agent listens on; borrowed, NULL: none. */
struct vmgr__device *vmgr__vemu_agent_channel(const struct vmgr__domain_def *def);
/* Whether an agent is known to listen. */
bool vmgr__vemu_agent_is_there(struct vmgr_domain *dom);
/* Asks the guest's programs to end it: "powerdown", "reboot". */
int vmgr__vemu_agent_shutdown(struct vmgr_domain *dom, const char *mode, struct vmgr_error **err);
/* Asks them to put it to sleep, with guest-suspend-*; see vmgr__agent_call_until(). */
int vmgr__vemu_agent_suspend(struct vmgr_domain *dom, const char *command,
                             bool (*asleep)(void *data), void *data, struct vmgr_error **err);
/* The vCPUs that the guest uses, or has (maximum). */
int vmgr__vemu_agent_count_vcpus(struct vmgr_domain *dom, bool maximum, struct vmgr_error **err);
int vmgr__vemu_agent_resize_vcpus(struct vmgr_domain *dom, uint32_t count, struct vmgr_error **err);
/* Addresses, see agent/agent.h. */
int vmgr__vemu_agent_interfaces(struct vmgr_domain *dom, vmgr__agent_interface_fn fn, void *data,
                                struct vmgr_error **err);

#endif
