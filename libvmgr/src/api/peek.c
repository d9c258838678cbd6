/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking into a domain: the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include "../driver/peek.h"
#include "operation.h"

static int check_size(size_t size, const char *function, struct vmgr_error **err)
{
    if (size <= VMGR_PEEK_MAX)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                           "size %zu in %s is above %u bytes", size, function, VMGR_PEEK_MAX);
}

int vmgr_domain_peek_disk(struct vmgr_domain *domain, const char *disk, uint64_t offset, void *buf,
                          size_t size, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, peek, "virDomainBlockPeek");
    if (vmgr__need_write(conn, "virDomainBlockPeek", err) < 0 ||
        vmgr__check_flags(flags, 0, "virDomainBlockPeek", err) < 0 ||
        check_size(size, "virDomainBlockPeek", err) < 0)
        return -1;
    if (!disk)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no disk given");
    return conn->driver->peek->disk(domain, disk, offset, buf, size, err);
}

int vmgr_domain_peek_memory(struct vmgr_domain *domain, uint64_t start, void *buf, size_t size,
                            uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, peek, "virDomainMemoryPeek");
    if (vmgr__need_write(conn, "virDomainMemoryPeek", err) < 0 ||
        vmgr__check_flags(flags, VMGR_DOMAIN_MEMORY_VIRTUAL | VMGR_DOMAIN_MEMORY_PHYSICAL,
                          "virDomainMemoryPeek", err) < 0 ||
        check_size(size, "virDomainMemoryPeek", err) < 0)
        return -1;
    if (flags != VMGR_DOMAIN_MEMORY_VIRTUAL && flags != VMGR_DOMAIN_MEMORY_PHYSICAL)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "flags in virDomainMemoryPeek must be one of VIR_MEMORY_VIRTUAL "
                               "and VIR_MEMORY_PHYSICAL");
    return conn->driver->peek->memory(domain, start, buf, size, flags, err);
}
