/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures with descriptors for a domain. They are the packet's, and go with it.
 */
#include <vmgr/files.h>

#include "internal.h"

static int create_with_files(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_create_with_files_args *a = args;
    struct wire_domain_create_with_files_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    if (!dom || vmgr_domain_start_with_files(dom, call->packet->fds, call->packet->n_fds, a->flags,
                                             &call->err) < 0)
        return -1;
    if (a->flags & VMGR_DOMAIN_START_AUTODESTROY)
        vmgr__autodestroy_add(call, dom);
    return vmgr__call_put_domain(call, dom, &r->dom);
}

static int create_xml_with_files(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_create_xml_with_files_args *a = args;
    struct wire_domain_create_xml_with_files_ret *r = ret;
    struct vmgr_domain *dom = NULL;

    if (vmgr_domain_create_xml_with_files(call->conn, a->xml_desc, call->packet->fds,
                                          call->packet->n_fds, a->flags, &dom, &call->err) < 0)
        return -1;
    if (a->flags & VMGR_DOMAIN_START_AUTODESTROY)
        vmgr__autodestroy_add(call, dom);
    return vmgr__call_put_domain(call, vmgr__call_keep(call, dom), &r->dom);
}

static int fd_associate(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_fd_associate_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    return dom ? vmgr__associate(call, dom, a->name, a->flags) : -1;
}

const struct vmgr__handler vmgr__handlers_domain_files[] = {
    { WIRE_DOMAIN_CREATE_WITH_FILES, create_with_files, HANDLER_FDS },
    { WIRE_DOMAIN_CREATE_XML_WITH_FILES, create_xml_with_files, HANDLER_FDS },
    { WIRE_DOMAIN_FD_ASSOCIATE, fd_associate, HANDLER_FDS },
    { 0, NULL, 0 },
};
