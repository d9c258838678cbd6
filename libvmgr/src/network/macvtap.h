/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links of type macvtap, by rtnetlink.
 */
#ifndef VMGR_SRC_NETWORK_MACVTAP_H
#define VMGR_SRC_NETWORK_MACVTAP_H

#include <vmgr/error.h>

#include "../conf/network.h"

/* What a link is known by. */
struct vmgr__macvtap {
    char *name;
    char *dev;        /* of the host, over which it is */
    uint8_t mac[6];   /* of the guest */
    uint8_t lower[6]; /* of dev, when the link was made */
    int index;        /* 0: not known yet */
};
void vmgr__macvtap_clear(struct vmgr__macvtap *m);

/* Finds out about m->dev; sets `lower`. */
int vmgr__macvtap_look(struct vmgr__macvtap *m, struct vmgr_error **err);
/* Makes the link, and sets it and what is under it up; sets `index`. mode: of vmgr__direct_modes;
 * mtu 0: as under it. On failure it may be there, if its index is set. */
int vmgr__macvtap_make(struct vmgr__macvtap *m, int mode, uint32_t mtu, struct vmgr_error **err);
/* Opens it once more, as a queue of its own if there are `several`. A descriptor, close-on-exec and
 * 3 or above, or -1 and *err. */
int vmgr__macvtap_open(const struct vmgr__macvtap *m, bool several, struct vmgr_error **err);
/* A link of this name is there that was made for this guest. */
bool vmgr__macvtap_is_there(const struct vmgr__macvtap *m);
/* Removes it, if that is so. */
void vmgr__macvtap_remove(const struct vmgr__macvtap *m);

#endif
