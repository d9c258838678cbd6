/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors on the wire.
 */
#ifndef VMGR_RPC_ERRORS_H
#define VMGR_RPC_ERRORS_H

#include <vmgr/error.h>

#include "wire-protocol.h"

/* The whole message of an error as other ends expect it; borrows `message`. */
struct wire_error vmgr__rpc_error(int code, int domain, const char *message);
/* As above, from one of the library's; borrows from it. NULL: an error without a cause. */
struct wire_error vmgr__rpc_error_from(const struct vmgr_error *error);
/* The message of an error that came in; never NULL. */
const char *vmgr__rpc_error_message(const struct wire_error *error);

#endif
