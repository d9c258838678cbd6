/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether anything in the directory has changed.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_NOTICE_H
#define VMGR_SRC_DRIVER_VEMU_STATE_NOTICE_H

#include "../vemu.h"

/* ---- notice.c: whether anything has changed; all with the cache's lock held ---- */
/* Takes in what has been told: puts in doubt what is not certain any more. False: nothing is told
 * here, so nothing is certain. */
bool vmgr__vemu_notice_look(struct vemu *d);
/* So many files were looked at for one question. */
void vmgr__vemu_notice_count(struct vemu *d, unsigned looks);
/* Changes of this domain's run are told from now on; before its files are looked at. */
bool vmgr__vemu_notice_run(struct vemu *d, const char *name);
/* Names that are not in the list, and about which something was told since they were looked at. */
void vmgr__vemu_notice_strangers(struct vemu *d, GPtrArray *ret);
void vmgr__vemu_notice_seen(struct vemu *d, const char *name);
/* As if something were told about it. */
void vmgr__vemu_notice_doubt(struct vemu *d, const char *name);
/* All names that have files, but for the strangers, are in the list or cannot be. */
bool vmgr__vemu_notice_set_known(struct vemu *d);
void vmgr__vemu_notice_set(struct vemu *d, bool known);
void vmgr__vemu_notice_fini(struct vemu *d);

#endif
