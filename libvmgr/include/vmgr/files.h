/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of the caller for a domain.
 *
 * The caller keeps its descriptors, and may close them when the call has returned. To a daemon
 * they go by its unix socket alone.
 *
 * Returns 0, or -1 and *err. Context: any. Since 0.1. Errors also: VMGR_ERR_OPERATION_DENIED
 * (read-only connection), VMGR_ERR_NO_SUPPORT (not by this driver: vemu, as libvirt's driver for
 * QEMU, has no program in the guest that could inherit any; the test driver has no disks),
 * VMGR_ERR_INVALID_ARG (too many descriptors, or one that is not open),
 * VMGR_ERR_ARGUMENT_UNSUPPORTED (they cannot go over this connection), and those of domain.h.
 */
#ifndef VMGR_FILES_H
#define VMGR_FILES_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Most descriptors of one call. */
#define VMGR_FILES_MAX 32u

/**
 * vmgr_domain_start_with_files() - vmgr_domain_start() of a container whose first program inherits
 * descriptors, from 3 upwards
 * @fds: @n_fds of them, at most VMGR_FILES_MAX
 * @flags: VMGR_DOMAIN_START_*
 */
int vmgr_domain_start_with_files(struct vmgr_domain *domain, const int *fds, uint32_t n_fds,
                                 uint32_t flags, struct vmgr_error **err);
/** The same of vmgr_domain_create_xml(). */
int vmgr_domain_create_xml_with_files(struct vmgr_conn *conn, const char *xml, const int *fds,
                                      uint32_t n_fds, uint32_t flags,
                                      struct vmgr_domain **ret_domain, struct vmgr_error **err);

/* What becomes of security labels of associated files. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_FILES_SECLABEL_RESTORE  (1u << 0) /* as they were, when the domain stops */
#define VMGR_DOMAIN_FILES_SECLABEL_WRITABLE (1u << 1) /* for writing, though the disk is not */

/**
 * vmgr_domain_associate_files() - descriptors under a name, for disks whose <source> has it as its
 * attribute fdgroup
 * @name: of the group; one that is there is replaced
 * @fds: @n_fds of them for one image, 1 to VMGR_FILES_MAX
 * @flags: VMGR_DOMAIN_FILES_*
 *
 * The group lasts as long as the connection, and is used whoever starts the domain or plugs the
 * disk; without it that fails with VMGR_ERR_INVALID_ARG. A disk takes the one opened O_RDWR, one
 * that is read-only that opened O_RDONLY; with cache='none' or 'directsync' another one with
 * O_DIRECT. The vemu driver has no security labels: it takes the flags and does nothing for them.
 * Errors also: VMGR_ERR_OPERATION_FAILED (256 groups are there).
 */
int vmgr_domain_associate_files(struct vmgr_domain *domain, const char *name, const int *fds,
                                uint32_t n_fds, uint32_t flags, struct vmgr_error **err);
/**
 * vmgr_domain_dissociate_files() - forgets a group before its connection is closed
 *
 * A guest that runs keeps what it has. Errors also: VMGR_ERR_INVALID_ARG (there is no such group),
 * VMGR_ERR_NO_SUPPORT (a daemon: the protocol has nothing for it).
 */
int vmgr_domain_dissociate_files(struct vmgr_domain *domain, const char *name,
                                 struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
