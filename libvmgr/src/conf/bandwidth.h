/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <bandwidth>: how much an interface or a network may carry.
 */
#ifndef VMGR_SRC_CONF_BANDWIDTH_H
#define VMGR_SRC_CONF_BANDWIDTH_H

#include "xml.h"

struct vmgr__rate {
    bool present;
    uint32_t average; /* KiB/s */
    uint32_t peak;    /* KiB/s; 0: no more than average */
    uint32_t burst;   /* KiB; 0: chosen */
};

/* Seen from the guest, or of a network from its guests: in is what they receive. */
struct vmgr__bandwidth {
    struct vmgr__rate in, out;
};

static inline bool vmgr__bandwidth_is_any(const struct vmgr__bandwidth *b)
{
    return b->in.present || b->out.present;
}

/* Fails on what makes no sense, and on "floor", which takes a scheduler of a whole network. */
int vmgr__bandwidth_read(const xmlNode *node, struct vmgr__bandwidth *ret, struct vmgr_error **err);
/* The same of an element's text. NULL: no limits. */
int vmgr__bandwidth_parse(const char *text, struct vmgr__bandwidth *ret, struct vmgr_error **err);
/* Puts it into an element in place of the <bandwidth> that is there. */
void vmgr__bandwidth_store(xmlNode *parent, const struct vmgr__bandwidth *b);

#endif
