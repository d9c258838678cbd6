/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making errors, for every part of the library.
 */
#ifndef VMGR_SRC_API_ERROR_H
#define VMGR_SRC_API_ERROR_H

#include <glib.h>
#include <vmgr/error.h>

/* A new error "<class phrase>: <detail>"; without a detail the phrase alone. */
struct vmgr_error *vmgr__error_new(int code, int domain, const char *detail);
/* Sets *err unless err is NULL or an error is there already. Always -1, for `return`. */
int vmgr__error_set(struct vmgr_error **err, int code, int domain, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* The sentence alone, without the phrase of its class. Always -1. */
int vmgr__error_set_plain(struct vmgr_error **err, int code, int domain, const char *sentence);
/* Gives `error` (may be NULL) to the caller, or frees it if it wants none or has one. */
void vmgr__error_move(struct vmgr_error **err, struct vmgr_error *error);
/* VMGR_ERR_SYSTEM_ERROR "<what>: <text of errnum>". Always -1. */
int vmgr__error_set_errno(struct vmgr_error **err, int errnum, int domain, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Compilers should know of the -1: they warn of variables that are not set after a failure. */
static inline int vmgr__error_always(int minus_one)
{
    if (minus_one != -1)
        __builtin_unreachable();
    return minus_one;
}
#define vmgr__error_set(...) vmgr__error_always(vmgr__error_set(__VA_ARGS__))
#define vmgr__error_set_plain(...) vmgr__error_always(vmgr__error_set_plain(__VA_ARGS__))
#define vmgr__error_set_errno(...) vmgr__error_always(vmgr__error_set_errno(__VA_ARGS__))

#endif
