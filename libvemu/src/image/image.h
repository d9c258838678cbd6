/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers of images: what a format, protocol or filter implements.
 *
 * Theory of operation: a layer's calls are synchronous and may come from any number of threads at
 * once; a driver locks what it must (qcow2: its tables, not the data). Whoever wants requests that
 * are under way in the background (block/, the NBD server, copying) uses threads for them, with
 * one exception: `map` says where the bytes of a request are in a file of the host, and the block
 * node lets the kernel do the request itself (io_uring) without a thread. That is the common case
 * of a guest's requests on raw and on allocated qcow2 clusters.
 *
 * A layer has references. Its user (a block node, the layer above, a tool) holds one. Filters that
 * jobs need are put on top while no request is under way (block/ drains for it).
 */
#ifndef VEMU_IMAGE_IMAGE_H
#define VEMU_IMAGE_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <vemu/image.h>

#include "core/device.h" /* struct vemu_prop */

#define IMAGE_SECTOR     512u
#define IMAGE_MAX_CHAIN  200u
#define IMAGE_PROBE_SIZE 2048u /* first bytes, for `probe` */

/* More flags of opening, besides VEMU_IMAGE_*. */
#define IMAGE_OPEN_CHILD   (1u << 30) /* below a format: behind the end there are zeros to read, and
                                       * room to write where the storage has it */
#define IMAGE_OPEN_PROBED  (1u << 29) /* the format was guessed: raw data stays raw data */
#define IMAGE_OPEN_BACKING (1u << 28) /* part of a backing chain: nobody else may write to it */
#define IMAGE_OPEN_CREATE  (1u << 27) /* protocols: made if it is not there */

/* --- a request that the kernel can do by itself ----------------------------------------------- */

struct vemu_image_span {
    int fd;
    int direct_fd;         /* with O_DIRECT; -1: none */
    uint32_t direct_align; /* what offset, length and memory must be multiples of for it */
    uint64_t offset;       /* in the file */
    uint64_t bytes;        /* from there; at most what was asked for, at least 1 */
    struct vemu_image *owner; /* layer whose `unmap` is called; NULL: none needs to be */
    uint64_t owner_data[2];   /* the owner's */
};

/* --- drivers ---------------------------------------------------------------------------------- */

struct vemu_image_create_args {
    const char *filename;
    uint64_t size; /* bytes; UINT64_MAX: the backing file's */
    const struct vemu_property *props;
    size_t prop_count;
    const struct vemu_progress *progress;
};

struct vemu_image_snapshot_ops {
    int (*list)(struct vemu_image *, int (*each)(void *, const struct vemu_image_snapshot *),
                void *data);
    int (*create)(struct vemu_image *, const char *name, struct vemu_error **);
    int (*apply)(struct vemu_image *, const char *id_or_name, struct vemu_error **);
    int (*delete_)(struct vemu_image *, const char *id_or_name, struct vemu_error **);
    int (*load)(struct vemu_image *, const char *id_or_name, struct vemu_error **);
};

struct vemu_image_bitmap_ops {
    int (*list)(struct vemu_image *, int (*each)(void *, const struct vemu_image_bitmap *),
                void *data);
    int (*add)(struct vemu_image *, const char *name, uint64_t granularity, uint32_t flags,
               struct vemu_error **);
    int (*remove)(struct vemu_image *, const char *name, struct vemu_error **);
    int (*clear)(struct vemu_image *, const char *name, struct vemu_error **);
    int (*enable)(struct vemu_image *, const char *name, int enabled, struct vemu_error **);
    int (*set_dirty)(struct vemu_image *, const char *name, uint64_t offset, uint64_t bytes);
    int (*next_dirty)(struct vemu_image *, const char *name, uint64_t offset,
                      uint64_t *ret_offset, uint64_t *ret_bytes);
};

/* NULL members: the format cannot (ENOTSUP), unless said otherwise. All get ranges inside the
 * image, bytes > 0; errors are -errno. */
struct vemu_image_driver {
    const char *name, *summary;
    uint32_t flags;       /* VEMU_IMAGE_FORMAT_* */
    size_t instance_size; /* of a struct whose first member is struct vemu_image */
    const struct vemu_prop *props, *create_props; /* create_props: of create_size bytes */
    size_t create_size;
    const char *prefix; /* protocols: of filenames, "nbd:"; NULL: none */

    /* 0: not this format; 100: its magic number is there. `head` has `bytes` bytes. */
    int (*probe)(const uint8_t *head, size_t bytes, const char *filename);
    /* image->file is open (formats, filters), image->filename and ->open_flags are set; sets
     * size and what else the struct says. Formats with a backing file set backing_filename and
     * backing_format; image.c opens it. */
    int (*open)(struct vemu_image *, struct vemu_error **);
    /* Writes back and frees; also after an open that failed half-way. */
    int (*close)(struct vemu_image *);

    int (*readv)(struct vemu_image *, uint64_t offset, uint64_t bytes, const struct iovec *,
                 unsigned count);
    int (*writev)(struct vemu_image *, uint64_t offset, uint64_t bytes, const struct iovec *,
                  unsigned count, uint32_t flags);
    int (*zero)(struct vemu_image *, uint64_t offset, uint64_t bytes, uint32_t flags);
    int (*discard)(struct vemu_image *, uint64_t offset, uint64_t bytes); /* NULL: nothing to do */
    int (*flush)(struct vemu_image *); /* NULL: that of ->file */
    /* What this layer alone has: ret->flags without ALLOCATED: the backing image decides. */
    int (*extent)(struct vemu_image *, uint64_t offset, uint64_t bytes,
                  struct vemu_image_extent *ret);
    /* -EAGAIN: not that simple, use readv or writev. The span stays as it is until unmap: the
     * layer does not move or free those bytes. */
    int (*map)(struct vemu_image *, uint64_t offset, uint64_t bytes, bool write,
               struct vemu_image_span *ret);
    void (*unmap)(struct vemu_image *, struct vemu_image_span *span);
    /* Data is about to be written to all of the range, in no order: what has no place in the file,
     * and no contents, gets one now, so that places are in the order of these calls. It reads as
     * zeros until then; not called with a backing file. NULL: places have no order. */
    int (*reserve)(struct vemu_image *, uint64_t offset, uint64_t bytes);
    /* Calls `fn` while no request is under way, and all that was written is known to the layers
     * below. NULL: requests cannot be kept off. */
    int (*quiet)(struct vemu_image *, void (*fn)(void *), void *data);

    int (*create)(const struct vemu_image_create_args *, struct vemu_error **);
    int (*resize)(struct vemu_image *, uint64_t size, const char *preallocation, uint32_t flags,
                  const struct vemu_progress *, struct vemu_error **);
    int (*set_backing)(struct vemu_image *, const char *filename, const char *format,
                       struct vemu_error **);
    /* All clusters of this layer are given up; the backing image, open or not, shows through. */
    int (*make_empty)(struct vemu_image *, struct vemu_error **);
    int (*amend)(struct vemu_image *, const struct vemu_property *, size_t,
                 const struct vemu_progress *, struct vemu_error **);
    int (*measure)(struct vemu_image *source, uint64_t virtual_size, const struct vemu_property *,
                   size_t, struct vemu_image_measure *, struct vemu_error **);
    int (*check)(struct vemu_image *, uint32_t repair, struct vemu_image_check *,
                 const struct vemu_progress *, struct vemu_error **);
    /* Adds facts with vemu__image_add_fact(), and sets what differs from the struct's. */
    int (*info)(struct vemu_image *, struct vemu_image_info *, struct vemu_error **);
    const struct vemu_image_snapshot_ops *snapshots;
    const struct vemu_image_bitmap_ops *bitmaps;
    /* Flushing is nothing else than fdatasync() of this descriptor; -1: it is more, or nothing.
     * NULL: -1. */
    int (*flush_fd)(struct vemu_image *);
    /* Somebody waits for all requests: delays on purpose end (or are allowed again). NULL: there
     * are none. The layers below are asked as well. */
    void (*hurry)(struct vemu_image *, bool on);
};

/* First member of every layer's struct. */
struct vemu_image {
    const struct vemu_image_driver *driver;
    atomic_int refs;
    char *filename; /* as given */
    uint32_t open_flags;
    struct vemu_image *file;    /* layer below; NULL: a protocol */
    struct vemu_image *backing; /* NULL: none, or not wanted */
    /* set by the driver's open */
    _Atomic uint64_t size;
    uint32_t cluster_size; /* bytes; 0: none */
    char *backing_filename, *backing_format; /* as recorded */
    bool zero_beyond;      /* reads as zeros behind the end of ->file: always so for formats */
    bool grows;            /* below a format, the driver takes writes behind the end */
    struct vemu_image_threshold *_Atomic threshold; /* threshold.c; NULL: it never had one */
};

/* NULL-terminated, sorted by name: image/drivers.c. */
extern const struct vemu_image_driver *const vemu__image_drivers[];
const struct vemu_image_driver *vemu__image_find_driver(const char *name);
/* The protocol that a filename names or, without a name, that a path is of ("file",
 * "host_device"). -EINVAL: a protocol that is not known. */
int vemu__image_find_protocol(const char *filename, const struct vemu_image_driver **ret,
                              struct vemu_error **err);
/* Whether a name begins with a protocol's ("nbd:...", "json:..."). */
bool vemu__image_has_protocol(const char *filename);
/* The format that the first bytes of a layer look like; never NULL. */
const struct vemu_image_driver *vemu__image_probe_head(const uint8_t *head, size_t bytes,
                                                       const char *filename);

/* --- for drivers and for block/ --------------------------------------------------------------- */

/* A layer of `driver` above `file` (takes over the caller's reference, also on failure; NULL for
 * protocols). */
int vemu__image_new(const struct vemu_image_driver *driver, const char *filename,
                    struct vemu_image *file, uint32_t open_flags,
                    const struct vemu_property *props, size_t prop_count, struct vemu_image **ret,
                    struct vemu_error **err);
/* Opens a protocol layer for `filename`, which must be there. */
int vemu__image_open_protocol(const char *filename, uint32_t open_flags,
                              const struct vemu_property *props, size_t prop_count,
                              struct vemu_image **ret, struct vemu_error **err);
/* Creates or empties what is under `filename` and opens it for writing: for formats' `create`. */
int vemu__image_create_protocol(const char *filename, uint64_t size, struct vemu_image **ret,
                                struct vemu_error **err);
/* Opens a layer that is described by options alone ("driver", "file.filename" ...) or by a filename
 * as well; what vemu_image_open() does. `flags` may have IMAGE_OPEN_*. */
int vemu__image_open_tree(const char *filename, const char *format, uint32_t flags,
                          const struct vemu_property *props, size_t prop_count,
                          struct vemu_image **ret, struct vemu_error **err);
/* Opens what image->backing_filename names, with the options `props` ("backing." is cut off), and
 * what is below it. */
int vemu__image_open_backing(struct vemu_image *image, const struct vemu_property *props,
                             size_t prop_count, struct vemu_error **err);
/* `name` relative to the directory of `image`'s file, as backing files are. Caller frees. */
char *vemu__image_resolve(const struct vemu_image *image, const char *name);
/* The same, of an image that is not open; `base`: its file's name. */
char *vemu__image_resolve_beside(const char *base, const char *name);
/* Fills the fields that `table` declares; vemu__props_set() without a machine. */
int vemu__image_set_options(void *object, const struct vemu_prop *table,
                            const struct vemu_property *props, size_t prop_count,
                            struct vemu_error **err);
void vemu__image_add_fact(struct vemu_image_info *info, const char *name,
                          enum vemu_image_fact_kind kind, uint64_t number, const char *text);
/* Where the kernel can do a request by itself; see struct vemu_image_driver. */
int vemu__image_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                    struct vemu_image_span *ret);
void vemu__image_unmap(struct vemu_image_span *span);
/* threshold.c: the next write (or zeroing, or discard) to this layer that ends behind `bytes` is
 * told, once: `fn` gets by how much, and is called on the thread that writes, before it does; it
 * must not block. 0: none is told. `free` (may be NULL) is called when another one is set, or the
 * layer closes. Context: any. */
typedef void (*vemu_image_threshold_fn)(void *data, uint64_t exceeded, uint64_t threshold);
void vemu__image_set_threshold(struct vemu_image *image, uint64_t bytes, vemu_image_threshold_fn fn,
                               void *data, void (*free)(void *data));
/* 0: none, or it was exceeded. */
uint64_t vemu__image_get_threshold(const struct vemu_image *image);
void vemu__image_free_threshold(struct vemu_image *image);
void vemu__image_exceed_threshold(struct vemu_image *image, uint64_t end);
/* A layer that was opened by itself comes below a format. */
void vemu__image_set_child(struct vemu_image *image);
void vemu__image_hurry(struct vemu_image *image, bool on);
/* See flush_fd of struct vemu_image_driver. */
int vemu__image_flush_fd(struct vemu_image *image);
/* Somebody wrote up to `end`: the size becomes that, in whole sectors, if it is less. */
void vemu__image_grow(struct vemu_image *image, uint64_t end);
/* Tells who follows long work; -ECANCELED: the work is to end. `progress` may be NULL. */
int vemu__image_progress(const struct vemu_progress *progress, uint64_t done, uint64_t total);
/* The first layer from the top that is no filter. */
struct vemu_image *vemu__image_skip_filters(struct vemu_image *image);
/* Makes sure that nobody else writes to the file below, whose contents have a structure. */
int vemu__image_lock_contents(struct vemu_image *image, struct vemu_error **err);

#endif
