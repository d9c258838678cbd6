/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptions that are kept; all with the cache's lock held.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_TEXT_H
#define VMGR_SRC_DRIVER_VEMU_STATE_TEXT_H

#include "../vemu.h"

/* As vmgr__domobj_get_xml(). */
char *vmgr__vemu_text(struct vemu *d, const struct vmgr__domobj *obj, uint32_t flags);
/* A definition of the domain is about to be replaced. */
void vmgr__vemu_text_forget(struct vemu *d, const char *name);
void vmgr__vemu_texts_fini(struct vemu *d);

#endif
