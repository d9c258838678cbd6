/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: their screens and keyboards.
 */
#include "../display.h"

#include "remote.h"

static int screenshot(struct vmgr_domain *dom, uint32_t screen, char **ret_mime,
                      struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    const struct wire_domain_screenshot_args args = { .dom = vmgr__remote_domain(dom),
                                                      .screen = screen };
    char *mime = NULL;

    if (vmgr__remote_call_stream_text(vmgr_domain_get_conn(dom)->driver_data,
                                      WIRE_DOMAIN_SCREENSHOT, &args, REMOTE_STREAM_DOWNLOAD, &mime,
                                      ret_stream, err) < 0)
        return -1;
    *ret_mime = mime;
    return 0;
}

static int send_key(struct vmgr_domain *dom, uint32_t codeset, uint32_t holdtime_ms,
                    const uint32_t *keycodes, uint32_t count, struct vmgr_error **err)
{
    const struct wire_domain_send_key_args args = {
        .dom = vmgr__remote_domain(dom),
        .codeset = codeset,
        .holdtime = holdtime_ms,
        .keycodes = { .n = count, .v = (uint32_t *)keycodes },
    };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_SEND_KEY, &args,
                           err);
}

static int send_signal(struct vmgr_domain *dom, int64_t pid, uint32_t signum,
                       struct vmgr_error **err)
{
    const struct wire_domain_send_process_signal_args args = { .dom = vmgr__remote_domain(dom),
                                                               .pid_value = pid,
                                                               .signum = signum };

    return vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_SEND_PROCESS_SIGNAL,
                           &args, err);
}

const struct vmgr__display_ops vmgr__remote_display = {
    .screenshot = screenshot,
    .send_key = send_key,
    .send_signal = send_signal,
};
