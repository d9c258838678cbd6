/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about screens and keyboards of domains.
 */
#include <stdlib.h>
#include <vmgr/display.h>

#include "internal.h"

static int screenshot(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_screenshot_args *a = args;
    struct wire_domain_screenshot_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_stream *stream;
    char *mime = NULL;

    if (!dom || vmgr_domain_screenshot(dom, a->screen, a->flags, &mime, &stream, &call->err) < 0)
        return -1;
    out->mime = mime ? vmgr__arena_adopt(&call->arena, mime, free) : NULL;
    return vmgr__transfer_add(call, stream, false, false);
}

static int send_key(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_send_key_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    return dom ? vmgr_domain_send_key(dom, a->codeset, a->holdtime, a->keycodes.v, a->keycodes.n,
                                      a->flags, &call->err)
               : -1;
}

static int send_process_signal(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_send_process_signal_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    return dom ? vmgr_domain_send_process_signal(dom, a->pid_value, a->signum, a->flags, &call->err)
               : -1;
}

const struct vmgr__handler vmgr__handlers_domain_display[] = {
    { WIRE_DOMAIN_SCREENSHOT, screenshot, 0 },
    { WIRE_DOMAIN_SEND_KEY, send_key, 0 },
    { WIRE_DOMAIN_SEND_PROCESS_SIGNAL, send_process_signal, 0 },
    { 0, NULL, 0 },
};
