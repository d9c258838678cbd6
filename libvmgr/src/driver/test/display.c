/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Screens and keyboards: a picture of one dot, keys that must exist, one process.
 */
#include "../display.h"

#include <string.h>

#include "test.h"

/* 1 by 1, 8 bits of gray. */
static const uint8_t picture[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x60, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x48, 0xaf, 0xa4, 0x71, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

struct roll {
    size_t at;
};

static ssize_t give(void *data, void *buf, size_t size, bool stop_at_hole, struct vmgr_error **err)
{
    struct roll *roll = data;
    const size_t n = MIN(size, sizeof(picture) - roll->at);

    (void)stop_at_hole;
    (void)err;
    memcpy(buf, picture + roll->at, n);
    roll->at += n;
    return (ssize_t)n;
}

static const struct vmgr__stream_ops picture_ops = { .recv = give, .closed = g_free };

static int need_active(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, vmgr__domobj_need_active(obj, err)) : -1;
}

static int screenshot(struct vmgr_domain *dom, uint32_t screen, char **ret_mime,
                      struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    (void)screen; /* they all show the same */
    if (need_active(dom, err) < 0)
        return -1;
    *ret_stream =
        vmgr__stream_new_sync(vmgr_domain_get_conn(dom), &picture_ops, g_new0(struct roll, 1), err);
    if (*ret_stream)
        *ret_mime = strdup("image/png");
    return *ret_stream ? 0 : -1;
}

static int send_key(struct vmgr_domain *dom, uint32_t codeset, uint32_t holdtime_ms,
                    const uint32_t *keycodes, uint32_t count, struct vmgr_error **err)
{
    (void)holdtime_ms;
    for (uint32_t i = 0; i < count; i++) {
        if (vmgr__keycode_to_linux(codeset, keycodes[i]) == -1)
            return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST,
                                   "invalid keycode %u of %s codeset", keycodes[i],
                                   vmgr_keycode_set_name((int)codeset));
    }
    return need_active(dom, err);
}

static int send_signal(struct vmgr_domain *dom, int64_t pid, uint32_t signum,
                       struct vmgr_error **err)
{
    if (pid != 1)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "only sending a signal to pid 1 is supported");
    if (signum > 64)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "signum value %u is out of range", signum);
    return need_active(dom, err);
}

const struct vmgr__display_ops vmgr__test_display = {
    .screenshot = screenshot,
    .send_key = send_key,
    .send_signal = send_signal,
};
