/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of capabilities, and requiring several at once.
 */
#ifndef VKVM_CAP_H
#define VKVM_CAP_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** "KVM_CAP_USER_MEMORY" for 3; NULL when libvkvm has no name for it. Borrowed, static. Since 0.1
 * */
const char *vkvm_cap_name(uint32_t cap);
/** The number of a name with or without "KVM_CAP_", or -ENOENT. */
int vkvm_cap_number(const char *name);

/**
 * vkvm_require_caps() - checks several capabilities
 * @caps, @count: what is needed
 * @ret_missing: receives the missing ones (at most `count`); may be NULL
 * Returns the number of missing ones (0: all there), or -errno.
 */
int vkvm_require_caps(struct vkvm *kvm, const uint32_t *caps, size_t count, uint32_t *ret_missing);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
