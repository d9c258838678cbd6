/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking into a domain: bytes of its disks and of its memory.
 *
 * Returns 0, or -1 and *err. Context: any. Since 0.1. Errors also: VMGR_ERR_OPERATION_DENIED
 * (read-only connection), VMGR_ERR_NO_SUPPORT (not by this driver), and those of domain.h.
 */
#ifndef VMGR_PEEK_H
#define VMGR_PEEK_H

#include <stddef.h>

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Most bytes of one call. */
#define VMGR_PEEK_MAX (4u << 20)

/**
 * vmgr_domain_peek_disk() - reads a disk as it lies on the host
 * @disk: its target ("vda") or its source's path
 * @offset: bytes. @flags: 0
 * @buf: @size bytes, at most VMGR_PEEK_MAX
 *
 * What a guest that runs has not flushed yet may be missing.
 * Errors: VMGR_ERR_INVALID_ARG (no such disk, too many bytes, beyond its end),
 * VMGR_ERR_OPERATION_UNSUPPORTED (a format other than raw, a source that is no file or block
 * device), VMGR_ERR_SYSTEM_ERROR (it cannot be read).
 */
int vmgr_domain_peek_disk(struct vmgr_domain *domain, const char *disk, uint64_t offset, void *buf,
                          size_t size, uint32_t flags, struct vmgr_error **err);

/* How memory is addressed: one of them. Numbers of the libvirt protocol. */
#define VMGR_DOMAIN_MEMORY_VIRTUAL  (1u << 0) /* as the first vCPU sees it now */
#define VMGR_DOMAIN_MEMORY_PHYSICAL (1u << 1)

/**
 * vmgr_domain_peek_memory() - reads memory of a domain that runs
 * @start: address. @buf: @size bytes, at most VMGR_PEEK_MAX. @flags: VMGR_DOMAIN_MEMORY_*
 *
 * Errors: VMGR_ERR_INVALID_ARG (flags, too many bytes), VMGR_ERR_OPERATION_INVALID (not running),
 * VMGR_ERR_INTERNAL_ERROR (no memory there).
 */
int vmgr_domain_peek_memory(struct vmgr_domain *domain, uint64_t start, void *buf, size_t size,
                            uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
