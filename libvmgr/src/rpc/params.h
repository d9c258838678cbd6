/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Typed parameters: building a list of them.
 */
#ifndef VMGR_RPC_PARAMS_H
#define VMGR_RPC_PARAMS_H

#include "wire-protocol.h"

struct vmgr__params {
    struct vmgr__arena *arena; /* borrowed: keeps names, strings and, at last, the list */
    GArray *list;
};
void vmgr__params_init(struct vmgr__params *p, struct vmgr__arena *arena);
/* Names are formatted: "vcpu.%u.time". */
void vmgr__params_add_int(struct vmgr__params *p, int32_t value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__params_add_uint(struct vmgr__params *p, uint32_t value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__params_add_ullong(struct vmgr__params *p, uint64_t value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__params_add_llong(struct vmgr__params *p, int64_t value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__params_add_boolean(struct vmgr__params *p, bool value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
void vmgr__params_add_string(struct vmgr__params *p, const char *value, const char *name, ...)
    G_GNUC_PRINTF(3, 4);
/* Gives the list over to the arena. */
struct wire_typed_param *vmgr__params_end(struct vmgr__params *p, uint32_t *ret_n);

#endif
