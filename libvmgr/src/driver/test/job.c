/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dumps, and whether a guest can be spoken to. There are no jobs: nothing takes time here.
 */
#include "../job.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "test.h"

static int get_control(struct vmgr_domain *dom, struct vmgr_domain_control *ret,
                       struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    (void)ret;
    return obj ? vmgr__test_leave(t, vmgr__domobj_need_active(obj, err)) : -1;
}

static int write_dump(const char *path, const char *name, struct vmgr_error **err)
{
    static const char magic[] = "TestGuestMagic";
    const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int r = 0;

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_TEST,
                                     "domain '%s' coredump: failed to open %s", name, path);
    if (write(fd, magic, sizeof(magic)) < 0)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_TEST,
                                  "domain '%s' coredump: failed to write header to %s", name, path);
    if (close(fd) < 0 && r == 0)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_TEST,
                                  "domain '%s' coredump: write failed: %s", name, path);
    return r;
}

static int core_dump(struct vmgr_domain *dom, const char *path, uint32_t format, uint32_t flags,
                     struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;
    int r;

    if (vmgr__check_flags(flags, VMGR_DOMAIN_DUMP_CRASH, "testDomainCoreDumpWithFormat", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0 && format != VMGR_DOMAIN_DUMP_FORMAT_RAW)
        r = vmgr__error_set(err, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_TEST,
                            "kdump-compressed format is not supported here");
    if (r == 0)
        r = write_dump(path, vmgr__domobj_name(obj), err);
    if (r == 0 && (flags & VMGR_DOMAIN_DUMP_CRASH))
        vmgr__test_end(t, vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_SHUTOFF_CRASHED,
                       VMGR_DOMAIN_EVENT_STOPPED_CRASHED);
    return vmgr__test_leave(t, r);
}

const struct vmgr__job_ops vmgr__test_job = {
    .get_control = get_control,
    .core_dump = core_dump,
};
