/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage pools as documents: what a <pool> says, read and written.
 */
#ifndef VMGR_SRC_CONF_POOL_H
#define VMGR_SRC_CONF_POOL_H

#include <vmgr/domain.h>

#include "xml.h"

enum vmgr__pool_type {
    VMGR__POOL_DIR,
    VMGR__POOL_FS,
    VMGR__POOL_NETFS,
    VMGR__POOL_LOGICAL,
    VMGR__POOL_DISK,
    VMGR__POOL_ISCSI,
    VMGR__POOL_ISCSI_DIRECT,
    VMGR__POOL_SCSI,
    VMGR__POOL_MPATH,
    VMGR__POOL_RBD,
    VMGR__POOL_SHEEPDOG,
    VMGR__POOL_GLUSTER,
    VMGR__POOL_ZFS,
    VMGR__POOL_VSTORAGE,
    VMGR__POOL_TYPES,
};

/* What a <source> of a type has. */
#define VMGR__SOURCE_HOST          (1u << 0)
#define VMGR__SOURCE_DEVICE        (1u << 1)
#define VMGR__SOURCE_DIR           (1u << 2)
#define VMGR__SOURCE_NAME          (1u << 3)
#define VMGR__SOURCE_ADAPTER       (1u << 4)
#define VMGR__SOURCE_INITIATOR_IQN (1u << 5)
#define VMGR__SOURCE_NETWORK       (1u << 6) /* volumes have no place in this host's file system */

/**
 * struct vmgr__pool_kind - what is known of a pool type
 * @formats: of <source>, NULL: none. @default_format: index into it
 * @volume_formats: of its volumes, NULL: none
 * @list_flag: VMGR_POOL_LIST_*
 */
struct vmgr__pool_kind {
    const char *name;
    uint32_t source;
    const char *const *formats;
    int default_format;
    const char *const *volume_formats;
    int default_volume_format;
    uint32_t list_flag;
};
extern const struct vmgr__pool_kind vmgr__pool_kinds[VMGR__POOL_TYPES];
/* Index of a type's name, or -1. */
int vmgr__pool_type_index(const char *name);

/* <permissions>; -1 and NULL: not said. */
struct vmgr__perms {
    int mode;
    int64_t owner, group;
    char *label;
};
void vmgr__perms_init(struct vmgr__perms *perms);
/* Reads the child of `node`. */
int vmgr__perms_parse(const xmlNode *node, struct vmgr__perms *ret, struct vmgr_error **err);
void vmgr__perms_write(const struct vmgr__perms *perms, struct vmgr__xml_writer *w);

struct vmgr__pool_host {
    char *name;
    int port; /* 0: not said */
};
struct vmgr__pool_device {
    char *path;
    char *part_separator; /* "yes", "no", NULL */
};

struct vmgr__pool_source {
    GPtrArray *hosts;   /* struct vmgr__pool_host */
    GPtrArray *devices; /* struct vmgr__pool_device */
    char *dir, *name, *initiator, *vendor, *product, *protocol_ver;
    int format;
    char *adapter, *auth; /* as they stand, indented for their place in a <pool> */
};

struct vmgr__pool_def {
    enum vmgr__pool_type type;
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    uint64_t capacity, allocation, available; /* bytes */
    char *cow;                                /* <features><cow state>, NULL: not said */
    char *refresh_allocation;                 /* <refresh><volume allocation>, NULL: not said */
    struct vmgr__pool_source source;
    char *path; /* <target><path>; NULL: a network type */
    struct vmgr__perms perms;
};

struct vmgr__pool_def *vmgr__pool_def_parse(const char *xml, struct vmgr_error **err);
/* From a <pool> element inside another document. */
struct vmgr__pool_def *vmgr__pool_def_parse_node(const xmlNode *root, struct vmgr_error **err);
char *vmgr__pool_def_format(const struct vmgr__pool_def *def);
void vmgr__pool_def_write(const struct vmgr__pool_def *def, struct vmgr__xml_writer *w);
struct vmgr__pool_def *vmgr__pool_def_copy(const struct vmgr__pool_def *def);
void vmgr__pool_def_free(struct vmgr__pool_def *def);

/* ---- pool-source.c ---- */

/* `node`: <source>; NULL: there is none. */
int vmgr__pool_source_parse(const xmlNode *node, enum vmgr__pool_type type,
                            struct vmgr__pool_source *ret, struct vmgr_error **err);
void vmgr__pool_source_write(const struct vmgr__pool_source *source, enum vmgr__pool_type type,
                             struct vmgr__xml_writer *w);
void vmgr__pool_source_fini(struct vmgr__pool_source *source);
/* A <source> document, as a search for sources is given one. */
int vmgr__pool_source_parse_doc(const char *xml, enum vmgr__pool_type type,
                                struct vmgr__pool_source *ret, struct vmgr_error **err);
/* First host or device, or NULL. */
const struct vmgr__pool_host *vmgr__pool_source_host(const struct vmgr__pool_source *source);
const char *vmgr__pool_source_device(const struct vmgr__pool_source *source);

/* Text of the first such child, NULL when it is absent or empty. */
char *vmgr__xml_child_text(const xmlNode *node, const char *name);

#define storage_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_STORAGE, __VA_ARGS__)

#endif
