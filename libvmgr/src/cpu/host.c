/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this host and its accelerators offer. It does not change while the host runs: asked once.
 */
#include "cpu.h"

#include <string.h>

const struct vemu_cpu_offer *vmgr__cpu_offer(const char *accel)
{
    static const char *const names[] = { "kvm", "soft", "auto", NULL };
    static struct {
        gsize ready;
        int result;
        struct vemu_cpu_offer offer;
    } slots[G_N_ELEMENTS(names)];
    const int n = accel ? vmgr__name_index(names, accel) : (int)G_N_ELEMENTS(names) - 1;

    if (n < 0)
        return NULL;
    if (g_once_init_enter(&slots[n].ready)) {
        slots[n].offer.size = sizeof(slots[n].offer);
        slots[n].result = vemu_cpu_get_offer(accel, &slots[n].offer);
        g_once_init_leave(&slots[n].ready, 1);
    }
    return slots[n].result < 0 ? NULL : &slots[n].offer;
}

bool vmgr__cpu_offered(const char *accel, struct vmgr__cpu_set *ret)
{
    const struct vemu_cpu_offer *offer = vmgr__cpu_offer(accel);

    if (!offer)
        return false;
    ret->vendor = vmgr__cpu_vendor(offer->vendor);
    memcpy(ret->on, offer->features, sizeof(ret->on));
    return true;
}
