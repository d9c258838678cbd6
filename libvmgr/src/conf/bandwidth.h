/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <bandwidth>: how much an interface or a network may carry.
 */
#ifndef VMGR_SRC_CONF_BANDWIDTH_H
#define VMGR_SRC_CONF_BANDWIDTH_H

#include <vmgr/guestnet.h>

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
/* Writes the element, if there are limits. */
void vmgr__bandwidth_write(const struct vmgr__bandwidth *b, struct vmgr__xml_writer *w);
/* The same by enum vmgr_interface_limit. */
void vmgr__bandwidth_get(const struct vmgr__bandwidth *b, uint32_t ret[VMGR_LIMIT_COUNT]);
/* The directions that are named take the values; an average of 0 takes a limit away. Fails on a
 * floor. */
int vmgr__bandwidth_merge(struct vmgr__bandwidth *b, unsigned directions, const uint32_t *limits,
                          struct vmgr_error **err);
/* Puts it into an element in place of the <bandwidth> that is there. */
void vmgr__bandwidth_store(xmlNode *parent, const struct vmgr__bandwidth *b);

#endif
