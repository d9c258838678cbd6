/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a caller's handle to the object of the list, also after a rename.
 */
#include <string.h>

#include "cache.h"

struct vmgr__domobj *vmgr__vemu_find_outline_locked(struct vemu *d, struct vmgr_domain *dom,
                                                    struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    uint8_t uuid[VMGR_UUID_SIZE];

    vmgr_domain_get_uuid(dom, uuid);
    vmgr__vemu_refresh_locked(d, vmgr_domain_get_name(dom));
    obj = vmgr__domlist_by_name(&d->list, vmgr_domain_get_name(dom));
    if (!obj || memcmp(vmgr__domobj_uuid(obj), uuid, VMGR_UUID_SIZE) != 0) {
        vmgr__vemu_refresh_all_locked(d); /* renamed or gone */
        obj = vmgr__domlist_of(&d->list, dom, err);
    }
    return obj;
}

struct vmgr__domobj *vmgr__vemu_find_locked(struct vemu *d, struct vmgr_domain *dom,
                                            struct vmgr_error **err)
{
    struct vmgr__domobj *obj = vmgr__vemu_find_outline_locked(d, dom, err);

    return obj && vmgr__vemu_obj_check(obj, err) == 0 && vmgr__vemu_obj_load(d, obj, err) == 0
               ? obj
               : NULL;
}

char *vmgr__vemu_name_of(struct vemu *d, struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    char *name;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_outline_locked(d, dom, err);
    name = obj ? g_strdup(vmgr__domobj_name(obj)) : NULL;
    g_mutex_unlock(&d->lock);
    return name;
}
