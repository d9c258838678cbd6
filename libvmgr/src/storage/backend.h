/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a type of pool is: a table of operations on the storage itself.
 */
#ifndef VMGR_SRC_STORAGE_BACKEND_H
#define VMGR_SRC_STORAGE_BACKEND_H

#include "storage.h"

/* Contents for a new volume. */
struct vmgr__volume_origin {
    const char *path, *format; /* format: as the image library names it */
    uint64_t capacity;
};

/**
 * struct vmgr__backend - operations of a pool type; a NULL one has nothing to do, or is not
 * supported where that makes no sense
 * @measure: sets capacity, allocation, available
 * @list: adds struct vmgr__volume_def
 * @find: one volume by name: 1, 0, -1; NULL: looked for in the list
 * @create: makes def (whose path and key it sets); origin may be NULL
 */
struct vmgr__backend {
    int (*build)(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err);
    int (*start)(const struct vmgr__pool_def *pool, struct vmgr_error **err);
    int (*stop)(const struct vmgr__pool_def *pool, struct vmgr_error **err);
    int (*remove)(const struct vmgr__pool_def *pool, uint32_t flags, struct vmgr_error **err);
    int (*measure)(struct vmgr__pool_def *pool, struct vmgr_error **err);
    int (*list)(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err);
    int (*find)(const struct vmgr__pool_def *pool, const char *name, struct vmgr__volume_def **ret,
                struct vmgr_error **err);
    int (*create)(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                  const struct vmgr__volume_origin *origin, uint32_t flags,
                  struct vmgr_error **err);
    int (*delete)(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                  uint32_t flags, struct vmgr_error **err);
    int (*resize)(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                  uint64_t capacity, uint32_t flags, struct vmgr_error **err);
};

extern const struct vmgr__backend vmgr__backend_dir, vmgr__backend_fs, vmgr__backend_netfs,
    vmgr__backend_logical, vmgr__backend_disk, vmgr__backend_iscsi;
/* NULL and VMGR_ERR_NO_SUPPORT: a type that cannot be used here. */
const struct vmgr__backend *vmgr__backend_of(const struct vmgr__pool_def *pool,
                                             struct vmgr_error **err);
bool vmgr__backend_is_supported(enum vmgr__pool_type type);
/* 1, 0, -1 as find. */
int vmgr__backend_find(const struct vmgr__backend *b, const struct vmgr__pool_def *pool,
                       const char *name, struct vmgr__volume_def **ret, struct vmgr_error **err);

/* ---- files.c: volumes that are files of a directory ---- */

int vmgr__files_measure(struct vmgr__pool_def *pool, struct vmgr_error **err);
int vmgr__files_list(const struct vmgr__pool_def *pool, GPtrArray *ret, struct vmgr_error **err);
int vmgr__files_find(const struct vmgr__pool_def *pool, const char *name,
                     struct vmgr__volume_def **ret, struct vmgr_error **err);
int vmgr__files_delete(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                       uint32_t flags, struct vmgr_error **err);
int vmgr__files_resize(const struct vmgr__pool_def *pool, const struct vmgr__volume_def *def,
                       uint64_t capacity, uint32_t flags, struct vmgr_error **err);
/* Makes the directory with its owner and mode. */
int vmgr__files_make_dir(const struct vmgr__pool_def *pool, struct vmgr_error **err);

/* ---- file-create.c ---- */

int vmgr__files_create(const struct vmgr__pool_def *pool, struct vmgr__volume_def *def,
                       const struct vmgr__volume_origin *origin, uint32_t flags,
                       struct vmgr_error **err);
/* Copies contents into a target that is there, as bytes when format is "raw". */
int vmgr__volume_copy(const struct vmgr__volume_origin *origin, const char *path,
                      const char *format, bool zeroed, struct vmgr_error **err);

/* ---- probe.c ---- */

/* Sizes, format, owner and times of what is at def->target.path. 1, 0 (nothing there, or nothing
 * that is a volume), -1 and *err. */
int vmgr__volume_probe(struct vmgr__volume_def *def, struct vmgr_error **err);
/* Whether a block device has anything on it that blkid knows: 1, 0, -1 and *err. */
int vmgr__device_has_content(const char *device, struct vmgr_error **err);
/* As the image library names it. */
const char *vmgr__volume_image_format(const struct vmgr__volume_def *def);
struct vemu_error;
/* Moves an error of the image library into ours. Always -1. */
int vmgr__storage_image_error(struct vemu_error *image, int r, struct vmgr_error **err);

/* ---- run.c ---- */

/* Runs a program without a shell, argv ended by NULL. *ret_out (may be NULL) is what it printed,
 * for g_free(). Fails when it is not installed (the message names it) or its status is not 0 (the
 * message has its last words). */
int vmgr__run(const char *const *argv, char **ret_out, struct vmgr_error **err);
/* The same; the exit status instead, -1 and *err when it could not be run. */
int vmgr__run_status(const char *const *argv, char **ret_out, struct vmgr_error **err);
#define vmgr__run_args(ret_out, err, ...)                                                          \
    vmgr__run((const char *const[]){ __VA_ARGS__, NULL }, ret_out, err)
/* A word that a program would not take for an option, nor for two words. */
int vmgr__run_check_word(const char *word, const char *what, struct vmgr_error **err);

#endif
