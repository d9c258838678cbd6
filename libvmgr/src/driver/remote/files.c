/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors for domains behind a server.
 */
#include "../files.h"

#include "remote.h"

#define FEATURE_FD_PASSING 8

static int start(struct vmgr_domain *dom, const int *fds, uint32_t n_fds, uint32_t flags,
                 struct vmgr_error **err)
{
    const struct wire_domain_create_with_files_args args = { .dom = vmgr__remote_domain(dom),
                                                             .flags = flags };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    /* The domain that it gives is the one we have. */
    const int result = vmgr__remote_call_files(vmgr_domain_get_conn(dom)->driver_data,
                                               WIRE_DOMAIN_CREATE_WITH_FILES, &args, fds, n_fds,
                                               NULL, &reply, err);

    vmgr__remote_reply_clear(&reply);
    return result;
}

static int create(struct vmgr_conn *conn, const char *xml, const int *fds, uint32_t n_fds,
                  uint32_t flags, struct vmgr_domain **ret, struct vmgr_error **err)
{
    const struct wire_domain_create_xml_with_files_args args = { .xml_desc = (char *)xml,
                                                                 .flags = flags };
    struct wire_domain_create_xml_with_files_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call_files(conn->driver_data, WIRE_DOMAIN_CREATE_XML_WITH_FILES,
                                               &args, fds, n_fds, &out, &reply, err);

    if (result == 0)
        *ret = vmgr__domain_new(conn, out.dom.name, out.dom.uuid);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int associate(struct vmgr_domain *dom, const char *name, const int *fds, uint32_t n_fds,
                     uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__remote *r = vmgr_domain_get_conn(dom)->driver_data;
    const struct wire_connect_supports_feature_args feature = { FEATURE_FD_PASSING };
    const struct wire_domain_fd_associate_args args = { .dom = vmgr__remote_domain(dom),
                                                        .name = (char *)name,
                                                        .flags = flags };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result = vmgr__remote_number(r, WIRE_CONNECT_SUPPORTS_FEATURE, &feature, err);

    if (result < 0)
        return -1;
    if (result == 0)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_REMOTE,
                               "fd passing is not supported by this connection");
    result =
        vmgr__remote_call_files(r, WIRE_DOMAIN_FD_ASSOCIATE, &args, fds, n_fds, NULL, &reply, err);
    vmgr__remote_reply_clear(&reply);
    return result;
}

const struct vmgr__files_ops vmgr__remote_files = { .start = start,
                                                    .create = create,
                                                    .associate = associate };
