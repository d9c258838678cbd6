/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints and backups: points in time of a domain's disks, and copies of the disks as they are,
 * or of what has changed since such a point, made while the guest goes on.
 *
 * Flags are numbers of the libvirt protocol.
 */
#ifndef VMGR_CHECKPOINT_H
#define VMGR_CHECKPOINT_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A checkpoint of a domain: its name and the domain. */
struct vmgr_checkpoint;

/* vmgr_checkpoint_create_xml() */
#define VMGR_CHECKPOINT_CREATE_REDEFINE          (1u << 0) /* the description alone, once more */
#define VMGR_CHECKPOINT_CREATE_QUIESCE           (1u << 1) /* the guest's file systems frozen */
#define VMGR_CHECKPOINT_CREATE_REDEFINE_VALIDATE (1u << 2) /* the disks must have its bitmaps */
/* vmgr_checkpoint_get_xml() */
#define VMGR_CHECKPOINT_XML_SECURE    (1u << 0) /* with passwords */
#define VMGR_CHECKPOINT_XML_NO_DOMAIN (1u << 1)
#define VMGR_CHECKPOINT_XML_SIZE      (1u << 2) /* how much has changed since, in bytes */
/* vmgr_domain_list_checkpoints(), vmgr_checkpoint_list_children() */
#define VMGR_CHECKPOINT_LIST_ROOTS       (1u << 0) /* of a domain: those without a parent */
#define VMGR_CHECKPOINT_LIST_DESCENDANTS (1u << 0) /* of a checkpoint: not only its children */
#define VMGR_CHECKPOINT_LIST_TOPOLOGICAL (1u << 1) /* parents before children */
#define VMGR_CHECKPOINT_LIST_LEAVES      (1u << 2)
#define VMGR_CHECKPOINT_LIST_NO_LEAVES   (1u << 3)
/* vmgr_checkpoint_delete() */
#define VMGR_CHECKPOINT_DELETE_CHILDREN      (1u << 0) /* and all its descendants */
#define VMGR_CHECKPOINT_DELETE_METADATA_ONLY (1u << 1) /* the disks keep their bitmaps */
#define VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY (1u << 2) /* its descendants, not itself */
/* vmgr_domain_begin_backup() */
#define VMGR_BACKUP_REUSE_EXTERNAL (1u << 0) /* targets and scratch files are there already */

/*
 * All of these return -1 and *err on failure: VMGR_ERR_NO_SUPPORT (the driver has no checkpoints),
 * VMGR_ERR_NO_DOMAIN, VMGR_ERR_NO_DOMAIN_CHECKPOINT (it is gone), VMGR_ERR_INVALID_ARG (flags),
 * VMGR_ERR_OPERATION_DENIED (what changes, on a connection that may only look),
 * VMGR_ERR_SYSTEM_ERROR (files). Texts are for free(). Context: any. Since 0.1
 */

/** Takes a reference. Returns checkpoint. */
struct vmgr_checkpoint *vmgr_checkpoint_ref(struct vmgr_checkpoint *checkpoint);
/** Drops one. NULL is fine. Returns NULL. */
struct vmgr_checkpoint *vmgr_checkpoint_unref(struct vmgr_checkpoint *checkpoint);
/** Frees a NULL-terminated list. NULL is fine. Returns NULL. */
struct vmgr_checkpoint **vmgr_checkpoint_list_free(struct vmgr_checkpoint **checkpoints);
/** Borrowed. */
const char *vmgr_checkpoint_get_name(struct vmgr_checkpoint *checkpoint);
/** Borrowed. */
struct vmgr_domain *vmgr_checkpoint_get_domain(struct vmgr_checkpoint *checkpoint);
/** Borrowed. */
struct vmgr_conn *vmgr_checkpoint_get_conn(struct vmgr_checkpoint *checkpoint);

/**
 * vmgr_checkpoint_create_xml() - a checkpoint of the moment, or a description once more
 * @xml: <domaincheckpoint>
 * @flags: VMGR_CHECKPOINT_CREATE_*
 * @ret_checkpoint: a new reference; NULL: not wanted
 * Errors: also VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED (disks that can have none),
 * VMGR_ERR_OPERATION_INVALID (the domain does not run), VMGR_ERR_OPERATION_FAILED (there is one of
 * that name), VMGR_ERR_CHECKPOINT_INCONSISTENT (REDEFINE_VALIDATE).
 */
int vmgr_checkpoint_create_xml(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                               struct vmgr_checkpoint **ret_checkpoint, struct vmgr_error **err);
/** Errors: VMGR_ERR_NO_DOMAIN_CHECKPOINT. *ret_checkpoint: a new reference. */
int vmgr_checkpoint_lookup_by_name(struct vmgr_domain *domain, const char *name,
                                   struct vmgr_checkpoint **ret_checkpoint,
                                   struct vmgr_error **err);
/** flags: VMGR_CHECKPOINT_LIST_*. How many; *ret_list (may be NULL) for
 * vmgr_checkpoint_list_free(). */
int vmgr_domain_list_checkpoints(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_checkpoint ***ret_list, struct vmgr_error **err);
/** The same for the children of a checkpoint. */
int vmgr_checkpoint_list_children(struct vmgr_checkpoint *checkpoint, uint32_t flags,
                                  struct vmgr_checkpoint ***ret_list, struct vmgr_error **err);
/** *ret_parent: a new reference. Errors: VMGR_ERR_NO_DOMAIN_CHECKPOINT (it has none). */
int vmgr_checkpoint_get_parent(struct vmgr_checkpoint *checkpoint,
                               struct vmgr_checkpoint **ret_parent, struct vmgr_error **err);
/** flags: VMGR_CHECKPOINT_XML_*. Errors: also VMGR_ERR_OPERATION_INVALID (SIZE of a domain that
 * does not run). */
int vmgr_checkpoint_get_xml(struct vmgr_checkpoint *checkpoint, uint32_t flags, char **ret_xml,
                            struct vmgr_error **err);
/** flags: VMGR_CHECKPOINT_DELETE_*. Errors: also VMGR_ERR_OPERATION_INVALID (bitmaps of a domain
 * that does not run), VMGR_ERR_OPERATION_FAILED (a backup uses it). */
int vmgr_checkpoint_delete(struct vmgr_checkpoint *checkpoint, uint32_t flags,
                           struct vmgr_error **err);

/**
 * vmgr_domain_begin_backup() - begins to copy the domain's disks, or to offer them for copying
 * @xml: <domainbackup>
 * @checkpoint_xml: <domaincheckpoint> that is made at the same moment; NULL: none
 * @flags: VMGR_BACKUP_*
 * A backup that pushes ends by itself (vmgr_domain_get_block_job(), events); one that is pulled is
 * ended by cancelling it. Errors: as vmgr_checkpoint_create_xml(), VMGR_ERR_OPERATION_INVALID (the
 * domain has a backup), VMGR_ERR_OPERATION_FAILED.
 */
int vmgr_domain_begin_backup(struct vmgr_domain *domain, const char *xml,
                             const char *checkpoint_xml, uint32_t flags, struct vmgr_error **err);
/** The backup that goes on; flags: 0. Errors: VMGR_ERR_NO_DOMAIN_BACKUP. */
int vmgr_domain_get_backup_xml(struct vmgr_domain *domain, uint32_t flags, char **ret_xml,
                               struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
