/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage volumes as documents: what a <volume> says, read and written.
 */
#ifndef VMGR_SRC_CONF_VOLUME_H
#define VMGR_SRC_CONF_VOLUME_H

#include <time.h>

#include "pool.h"

#define VMGR__VOLUME_LAZY_REFCOUNTS (1u << 0)
#define VMGR__VOLUME_EXTENDED_L2    (1u << 1)

/* <target> and <backingStore>. */
struct vmgr__volume_target {
    char *path;
    int format; /* index into the formats of the pool's type; of a backing store: of files */
    struct vmgr__perms perms;
    bool has_times;
    struct timespec atime, mtime, ctime, btime;
    char *compat;
    uint64_t cluster_size; /* 0: not said */
    bool has_features;
    uint32_t features; /* VMGR__VOLUME_* */
    bool nocow;
    char *encryption; /* as it stands, indented for its place in a <volume> */
};

struct vmgr__volume_extent {
    char *path;
    uint64_t start, end;
};

struct vmgr__volume_def {
    int type; /* enum vmgr_volume_type */
    char *name, *key;
    uint64_t capacity, allocation, physical; /* bytes; physical 0: not known */
    bool has_capacity, has_allocation;
    struct vmgr__volume_target target;
    bool has_backing;
    struct vmgr__volume_target backing;
    GPtrArray *extents; /* struct vmgr__volume_extent; NULL: none */
};

/* The capacity may be left out (the source's is taken); with a backing store only. */
#define VMGR__VOLUME_NO_CAPACITY  (1u << 0)
#define VMGR__VOLUME_OPT_CAPACITY (1u << 1)

struct vmgr__volume_def *vmgr__volume_def_new(void);
struct vmgr__volume_def *vmgr__volume_def_parse(const char *xml, enum vmgr__pool_type pool,
                                                uint32_t flags, struct vmgr_error **err);
char *vmgr__volume_def_format(const struct vmgr__volume_def *def, enum vmgr__pool_type pool);
void vmgr__volume_def_free(void *def);
void vmgr__volume_add_extent(struct vmgr__volume_def *def, const char *path, uint64_t start,
                             uint64_t end);
/* Name of a format of files: "raw"; "none" for what is not known. */
const char *vmgr__file_format_name(int format);
int vmgr__file_format_index(const char *name);

#endif
