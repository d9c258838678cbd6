/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of checkpoints, and a domain's set of them.
 */
#ifndef VMGR_SRC_CONF_CHECKPOINT_H
#define VMGR_SRC_CONF_CHECKPOINT_H

#include "def.h"

enum vmgr__checkpoint_type {
    VMGR__CHECKPOINT_DEFAULT = 0, /* not said; not after aligning */
    VMGR__CHECKPOINT_NONE,
    VMGR__CHECKPOINT_BITMAP,
};

struct vmgr__checkpoint_disk {
    char *name; /* "vda" */
    int type;   /* enum vmgr__checkpoint_type */
    char *bitmap;
    bool has_size;
    uint64_t size; /* bytes; shown only */
};

struct vmgr__checkpoint {
    char *name, *description;
    char *parent;                 /* NULL: none */
    int64_t created;              /* seconds since 1970 */
    GPtrArray *disks;             /* struct vmgr__checkpoint_disk */
    struct vmgr__domain_def *dom; /* as it was; NULL: not yet */
};

/* A document. redefine: its parent, time and domain are taken, too, and it must have a time.
 * For vmgr__checkpoint_free(). */
struct vmgr__checkpoint *vmgr__checkpoint_parse(const char *xml,
                                                const struct vmgr__conf_defaults *defaults,
                                                bool redefine, struct vmgr_error **err);
void vmgr__checkpoint_free(void *checkpoint);
/* flags: VMGR__CONF_*, of the domain; for g_free(). */
char *vmgr__checkpoint_format(const struct vmgr__checkpoint *c, bool with_domain, uint32_t flags);
/* With a domain: a disk for each of the domain's, in their order, with what it gets. Errors: disks
 * that are not there, or are named twice. */
int vmgr__checkpoint_align(struct vmgr__checkpoint *c, struct vmgr_error **err);
struct vmgr__checkpoint_disk *vmgr__checkpoint_disk_of(const struct vmgr__checkpoint *c,
                                                       const char *name);

/* ---- a domain's: GPtrArray of struct vmgr__checkpoint, which it owns ---- */
GPtrArray *vmgr__checkpoints_new(void);
/* Borrowed; NULL: none, no error. */
struct vmgr__checkpoint *vmgr__checkpoints_find(const GPtrArray *list, const char *name);
/* The same, or NULL and VMGR_ERR_NO_DOMAIN_CHECKPOINT. */
struct vmgr__checkpoint *vmgr__checkpoints_get(const GPtrArray *list, const char *name,
                                               struct vmgr_error **err);
/* The one that a new one follows: the last, if there is no doubt which that is; or NULL. */
const struct vmgr__checkpoint *vmgr__checkpoints_last(const GPtrArray *list);
/* Whether c may come in: its name is free or, to redefine it, it fits to what there is. */
int vmgr__checkpoints_check(const GPtrArray *list, const struct vmgr__checkpoint *c, bool redefine,
                            struct vmgr_error **err);
/* Takes c; one of its name is freed. */
void vmgr__checkpoints_put(GPtrArray *list, struct vmgr__checkpoint *c);
/* Frees it; its children become its parent's. */
void vmgr__checkpoints_remove(GPtrArray *list, struct vmgr__checkpoint *c);
/* Adds those that pass the filter, borrowed; of: NULL: of the domain. flags:
 * VMGR_CHECKPOINT_LIST_*. Always parents before children. */
void vmgr__checkpoints_select(const GPtrArray *list, const struct vmgr__checkpoint *of,
                              uint32_t flags, GPtrArray *ret);

#endif
