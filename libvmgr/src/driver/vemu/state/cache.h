/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a connection knows of the directory.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_STATE_CACHE_H
#define VMGR_SRC_DRIVER_VEMU_STATE_CACHE_H

#include "../run/process.h"
#include "../vemu.h"

/* ---- cache.c ---- */
/* Brings the cache up to date about one name, or all, and emits what changed. d->lock is held. */
void vmgr__vemu_refresh_locked(struct vemu *d, const char *name);
void vmgr__vemu_refresh_all_locked(struct vemu *d);
/* Takes d->lock, refreshes one name. reason: how a transient run ended, whose files are gone. */
void vmgr__vemu_changed(struct vemu *d, const char *name, int reason);
/* What was written as the definition of a name, and its text: unless the file says something else
 * by now it need not be parsed again. Remarks on the document as it came in are kept in any case:
 * its stored form does not give rise to all of them. Takes def over. */
void vmgr__vemu_keep_definition(struct vemu *d, const char *name, struct vmgr__domain_def *def,
                                const char *text);

/* ---- find.c ---- */
/* Refreshes and finds the object of a handle, following renames. d->lock is held. */
struct vmgr__domobj *vmgr__vemu_find_locked(struct vemu *d, struct vmgr_domain *dom,
                                            struct vmgr_error **err);
/* The same where name, UUID and what is known of the run are enough. */
struct vmgr__domobj *vmgr__vemu_find_outline_locked(struct vemu *d, struct vmgr_domain *dom,
                                                    struct vmgr_error **err);
/* The name that goes with a handle now; for g_free(), or NULL and *err. Takes d->lock. */
char *vmgr__vemu_name_of(struct vemu *d, struct vmgr_domain *dom, struct vmgr_error **err);

/* ---- record.c: d->lock is held ---- */
/* The whole definition of an object of which only the outline was read. 0, or -1 and *err. */
int vmgr__vemu_obj_load(const struct vemu *d, struct vmgr__domobj *obj, struct vmgr_error **err);
/* Fails if what may run cannot be read: no question about that has an answer. */
int vmgr__vemu_obj_check(const struct vmgr__domobj *obj, struct vmgr_error **err);
/* Its files have to be looked at again. */
void vmgr__vemu_obj_doubt(const struct vemu *d, struct vmgr__domobj *obj);
struct vemu_process vmgr__vemu_obj_process(const struct vmgr__domobj *obj);

/* ---- names.c ---- */
/* Whether a definition may take its name and UUID, as vmgr__domlist_check(). lock: the global lock,
 * or -1: what is answered may change at any time. */
int vmgr__vemu_check_unique(struct vemu *d, int lock, const struct vmgr__domain_def *def,
                            bool inactive, struct vmgr_error **err);
/* The set of names and UUIDs has grown. lock: the global lock. */
void vmgr__vemu_set_grew(struct vemu *d, int lock);

/* ---- difference.c: d->lock is held ---- */
/* Of what runs, before and after. */
void vmgr__vemu_emit_difference(struct vemu *d, const struct vmgr__domain_def *old,
                                const struct vmgr__domain_def *now);
void vmgr__vemu_emit_metadata(struct vemu *d, const struct vmgr__domain_def *old,
                              const struct vmgr__domain_def *now);

/* ---- outline.c ---- */
/* A definition that has its name and UUID alone; NULL: the document has to be parsed. */
struct vmgr__domain_def *vmgr__vemu_outline(const char *text, const char *name);

#endif
