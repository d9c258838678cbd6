/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures of the program for the emulator's own things, as clients of QEMU know them.
 */
#include <stdlib.h>
#include <vmgr/agent.h>
#include <vmgr/monitor.h>

#include "internal.h"

static int agent_command(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_qemu_domain_agent_command_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_qemu_domain_agent_command_ret *r = ret;

    if (!dom ||
        vmgr_domain_agent_command(dom, a->cmd, a->timeout, a->flags, &r->result, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->result, free);
    return 0;
}

static int monitor_command(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_qemu_domain_monitor_command_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_qemu_domain_monitor_command_ret *r = ret;

    if (!dom || vmgr_domain_monitor_command(dom, a->cmd, a->flags, &r->result, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->result, free);
    return 0;
}

const struct vmgr__handler vmgr__handlers_qemu[] = {
    { WIRE_QEMU_DOMAIN_MONITOR_COMMAND, monitor_command, 0 },
    { WIRE_QEMU_DOMAIN_AGENT_COMMAND, agent_command, 0 },
    { 0, NULL, 0 },
};
