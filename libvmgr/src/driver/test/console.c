/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consoles and channels: they say back what they are told. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../conf/device.h"
#include "test.h"

static int open_echo(struct vmgr_conn *conn, struct vmgr_stream **ret, struct vmgr_error **err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_TEST, "cannot make a stream");
    *ret = vmgr__stream_new(conn, fds[0], fds[1], -1, NULL, NULL, err);
    return *ret ? 0 : -1;
}

int vmgr__test_open_console(struct vmgr_domain *dom, const char *device,
                            uint32_t flags G_GNUC_UNUSED, struct vmgr_stream **ret,
                            struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    guint n;
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    n = r == 0 ? obj->live->serials->len + obj->live->consoles->len : 0;
    if (r == 0 && (device || n == 0))
        r = vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST,
                            "cannot find character device %s", device ? device : "<null>");
    vmgr__test_leave(t, 0);
    return r < 0 ? -1 : open_echo(vmgr_domain_get_conn(dom), ret, err);
}

int vmgr__test_open_channel(struct vmgr_domain *dom, const char *name,
                            uint32_t flags G_GNUC_UNUSED, struct vmgr_stream **ret,
                            struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0 && !vmgr__channel_find(obj->live, name))
        r = vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST, "cannot find channel %s",
                            name ? name : "<null>");
    vmgr__test_leave(t, 0);
    return r < 0 ? -1 : open_echo(vmgr_domain_get_conn(dom), ret, err);
}
