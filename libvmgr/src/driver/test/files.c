/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors for domains in memory: nothing runs in them that could inherit any, so, as in
 * libvirt's test driver, they are taken and that is all.
 */
#include "../files.h"

#include "test.h"

static int start(struct vmgr_domain *dom, const int *fds, uint32_t n_fds, uint32_t flags,
                 struct vmgr_error **err)
{
    (void)fds, (void)n_fds;
    return vmgr__test_start(dom, flags, err);
}

static int create(struct vmgr_conn *conn, const char *xml, const int *fds, uint32_t n_fds,
                  uint32_t flags, struct vmgr_domain **ret, struct vmgr_error **err)
{
    (void)fds, (void)n_fds;
    return vmgr__test_create(conn, xml, flags, ret, err);
}

const struct vmgr__files_ops vmgr__test_files = { .start = start, .create = create };
