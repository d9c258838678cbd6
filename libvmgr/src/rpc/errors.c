/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors on the wire: the library's, in the protocol's structure.
 *
 * Clients read code, domain and message. The strings beside the message are a format and what goes
 * into it, for clients that translate; ours is already a sentence, so it goes into "%s".
 */
#include "errors.h"

struct wire_error vmgr__rpc_error(int code, int domain, const char *message)
{
    struct wire_error e = {
        .code = code,
        .domain = domain,
        .level = VMGR_ERROR_LEVEL_ERROR,
        .int1 = -1,
        .int2 = -1,
    };
    static char format[] = "%s";

    e.message = (char *)message;
    e.str1 = format;
    e.str2 = (char *)message;
    return e;
}

struct wire_error vmgr__rpc_error_from(const struct vmgr_error *error)
{
    if (!error)
        return vmgr__rpc_error(VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: a call failed without saying why");
    return vmgr__rpc_error(vmgr_error_get_code(error), vmgr_error_get_domain(error),
                           vmgr_error_get_message(error));
}

const char *vmgr__rpc_error_message(const struct wire_error *error)
{
    return error->message && *error->message ? error->message : "unknown error";
}
