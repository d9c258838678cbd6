/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of the control path: an errno value and a sentence for a person.
 */
#ifndef VEMU_ERROR_H
#define VEMU_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct vemu_error - why a control-path call failed
 *
 * Functions that take a last parameter `struct vemu_error **err` set it (when err is not NULL and
 * the call fails) to a new error that the caller frees. *err must be NULL before the call.
 */
struct vemu_error;

/** The errno value, positive (ENOENT, EINVAL, ...). Context: any. Since 0.1 */
int vemu_error_code(const struct vemu_error *error);
/** One sentence without a final full stop; borrowed from the error. Context: any. Since 0.1 */
const char *vemu_error_message(const struct vemu_error *error);
/** Frees the error. NULL is fine. Returns NULL. Context: any. Since 0.1 */
struct vemu_error *vemu_error_free(struct vemu_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
