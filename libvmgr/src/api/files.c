/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors for domains: the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <fcntl.h>

#include "../driver/files.h"
#include "operation.h"

static int check_fds(const int *fds, uint32_t n, const char *function, struct vmgr_error **err)
{
    if (n > VMGR_FILES_MAX)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "%u descriptors in %s, of which at most %u can go", n, function,
                               VMGR_FILES_MAX);
    if (n && !fds)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no descriptors given");
    for (uint32_t i = 0; i < n; i++) {
        if (fcntl(fds[i], F_GETFD) < 0)
            return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                   "descriptor %d in %s is not open", fds[i], function);
    }
    return 0;
}

int vmgr_domain_start_with_files(struct vmgr_domain *domain, const int *fds, uint32_t n_fds,
                                 uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED_WRITE_IN(conn, files, start, VMGR_FROM_DOM, "virDomainCreateWithFiles");
    if (vmgr__check_flags(flags, VMGR__START_FLAGS, "virDomainCreateWithFiles", err) < 0 ||
        check_fds(fds, n_fds, "virDomainCreateWithFiles", err) < 0)
        return -1;
    return conn->driver->files->start(domain, fds, n_fds, flags, err);
}

int vmgr_domain_create_xml_with_files(struct vmgr_conn *conn, const char *xml, const int *fds,
                                      uint32_t n_fds, uint32_t flags,
                                      struct vmgr_domain **ret_domain, struct vmgr_error **err)
{
    NEED_WRITE_IN(conn, files, create, VMGR_FROM_DOM, "virDomainCreateXMLWithFiles");
    if (vmgr__check_flags(flags, VMGR__START_FLAGS | VMGR_DOMAIN_START_VALIDATE,
                          "virDomainCreateXMLWithFiles", err) < 0 ||
        check_fds(fds, n_fds, "virDomainCreateXMLWithFiles", err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no document given");
    return conn->driver->files->create(conn, xml, fds, n_fds, flags, ret_domain, err);
}

int vmgr_domain_associate_files(struct vmgr_domain *domain, const char *name, const int *fds,
                                uint32_t n_fds, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    if (!n_fds)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "nfds in virDomainFDAssociate must not be zero");
    NEED_WRITE_IN(conn, files, associate, VMGR_FROM_DOM, "virDomainFDAssociate");
    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_FILES_SECLABEL_RESTORE | VMGR_DOMAIN_FILES_SECLABEL_WRITABLE,
                          "virDomainFDAssociate", err) < 0 ||
        check_fds(fds, n_fds, "virDomainFDAssociate", err) < 0)
        return -1;
    if (!name || !*name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no name given");
    return conn->driver->files->associate(domain, name, fds, n_fds, flags, err);
}

int vmgr_domain_dissociate_files(struct vmgr_domain *domain, const char *name,
                                 struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED_WRITE_IN(conn, files, dissociate, VMGR_FROM_DOM, "vmgr_domain_dissociate_files");
    if (!name || !*name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no name given");
    return conn->driver->files->dissociate(domain, name, err);
}
