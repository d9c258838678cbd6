/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk images: opening, reading and writing, creating and looking after them, with or without a
 * machine.
 *
 * An image is a stack of layers: a format (raw, qcow2, vmdk ...) on a protocol (file, nbd, null),
 * with filters between or above, and below a format perhaps a backing image, which has what the
 * format does not. One struct vemu_image is one layer; the one that vemu_image_open() returns is
 * the top.
 *
 * Every call is synchronous and every image may be used by any number of threads at once; calls on
 * different clusters of a qcow2 image run in parallel. Overlapping writes that are under way at the
 * same time end in any order, as on a disk.
 */
#ifndef VEMU_IMAGE_H
#define VEMU_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vemu/error.h>
#include <vemu/property.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vemu_image;

/* --- opening ---------------------------------------------------------------------------------- */

/** Writes are allowed. Without it the image is only read. */
#define VEMU_IMAGE_WRITE (1u << 0)
/** Backing images are not opened: what this layer does not have reads as zeros. */
#define VEMU_IMAGE_NO_BACKING (1u << 1)
/** Opened even though another program writes to it (qemu-img's -U). Only for reading. */
#define VEMU_IMAGE_FORCE_SHARE (1u << 2)
/** The host's page cache is bypassed (O_DIRECT). Buffers of any alignment work. */
#define VEMU_IMAGE_DIRECT (1u << 3)
/** Each write is on stable storage when it is done. */
#define VEMU_IMAGE_WRITE_THROUGH (1u << 4)
/** Flushes do nothing: for a target that is thrown away when the work fails. */
#define VEMU_IMAGE_NO_FLUSH (1u << 5)
/** Discards free space in the file; without it they are passed over. */
#define VEMU_IMAGE_UNMAP (1u << 6)
/** Opened although its metadata is marked or found corrupt, as far as possible: for check and
 * repair. */
#define VEMU_IMAGE_CHECK (1u << 7)
/** A data file that the image names is not opened: for looking at an image that nobody trusts yet.
 * Metadata can be read, contents in such a file cannot (ENOTSUP). Only for reading. Since 0.1 */
#define VEMU_IMAGE_NO_DATA_FILE (1u << 8)

/**
 * struct vemu_image_open_options - how to open an image
 * @size: sizeof(struct vemu_image_open_options)
 * @flags: VEMU_IMAGE_*
 * @format: "raw", "qcow2" ...; NULL: found from the content of `filename` (never that of a backing
 *          file whose format is not recorded: such a file is taken as raw, unless it looks
 *          otherwise, which is an error that says what to do)
 * @props, @prop_count: options of the format by name and, with the prefix "file.", of the protocol:
 *          "lazy-refcounts", "file.locking" ...
 */
struct vemu_image_open_options {
    uint32_t size;
    uint32_t flags;
    const char *format;
    const struct vemu_property *props;
    size_t prop_count;
};
#define VEMU_IMAGE_OPEN_OPTIONS_INIT { .size = sizeof(struct vemu_image_open_options) }

/**
 * vemu_image_open() - opens an image and what it stands on
 * @filename: a path, "nbd://..." or "nbd+unix://...", "null-co://", "json:{...}", or a protocol's
 *            name and its own words after a colon ("file:x")
 * @options: NULL: for reading, format found by content
 * @ret: receives the top layer, a reference of the caller's
 * Errors: ENOENT, EACCES ... of the file, EINVAL (unknown format or option, not an image of this
 * format, bad metadata), ENOTSUP (a feature that is not supported, by name; encrypted), EAGAIN (in
 * use by another program), ELOOP (a backing chain that contains itself or is longer than 200).
 * Context: any. Since 0.1
 */
int vemu_image_open(const char *filename, const struct vemu_image_open_options *options,
                    struct vemu_image **ret, struct vemu_error **err);

/** One more reference. Returns `image`. Context: any. Since 0.1 */
struct vemu_image *vemu_image_ref(struct vemu_image *image);

/**
 * vemu_image_close() - writes back what is cached, flushes, and gives up the caller's reference
 *
 * The image is gone afterwards even on failure (if this was the last reference). NULL is fine.
 * Errors: those of writing: data written before may not be on disk. Context: any. Since 0.1
 */
int vemu_image_close(struct vemu_image *image);

/* --- reading and writing ---------------------------------------------------------------------- */

/** WRITE, ZERO: on stable storage when done. */
#define VEMU_IMAGE_FUA (1u << 0)
/** ZERO: may free the space. */
#define VEMU_IMAGE_MAY_UNMAP (1u << 1)
/** ZERO: fails with ENOTSUP rather than write zeros out. */
#define VEMU_IMAGE_NO_FALLBACK (1u << 2)
/** WRITE: stored compressed. Offset and length are clusters (the end of the image may cut the last
 * one), and nothing may be there yet. ENOTSUP where the format cannot. */
#define VEMU_IMAGE_COMPRESSED (1u << 3)

/**
 * vemu_image_read(), vemu_image_readv() - read bytes
 * Errors: EINVAL (outside the image), EIO and others of the storage or metadata. Context: any, also
 * several threads at once. Since 0.1
 */
int vemu_image_read(struct vemu_image *image, uint64_t offset, void *buf, size_t bytes);
int vemu_image_readv(struct vemu_image *image, uint64_t offset, const struct iovec *iov,
                     unsigned count);
/**
 * vemu_image_write(), vemu_image_writev() - write bytes
 * @flags: VEMU_IMAGE_FUA, VEMU_IMAGE_COMPRESSED
 * Errors: EINVAL (outside the image, flags), EROFS, ENOSPC, ENOTSUP, EIO and others. Since 0.1
 */
int vemu_image_write(struct vemu_image *image, uint64_t offset, const void *buf, size_t bytes,
                     uint32_t flags);
int vemu_image_writev(struct vemu_image *image, uint64_t offset, const struct iovec *iov,
                      unsigned count, uint32_t flags);
/** Makes a range read as zeros. @flags: FUA, MAY_UNMAP, NO_FALLBACK. Errors as for writing.
 * Since 0.1 */
int vemu_image_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags);
/** The contents of a range do not matter any more; done as far as format and storage can. Errors as
 * for writing. Since 0.1 */
int vemu_image_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes);
/** All that was completed before survives a power failure. Since 0.1 */
int vemu_image_flush(struct vemu_image *image);

/** There is data to be read. */
#define VEMU_IMAGE_EXTENT_DATA (1u << 0)
/** Reads as zeros. */
#define VEMU_IMAGE_EXTENT_ZERO (1u << 1)
/** This layer or one of those looked at has it (as data or zeros); without it, none does. */
#define VEMU_IMAGE_EXTENT_ALLOCATED (1u << 2)
/** `offset` is where the bytes are in the file `filename`. */
#define VEMU_IMAGE_EXTENT_OFFSET (1u << 3)
#define VEMU_IMAGE_EXTENT_COMPRESSED (1u << 4)

/**
 * struct vemu_image_extent - what is at a place of an image
 * @size: sizeof(struct vemu_image_extent)
 * @flags: VEMU_IMAGE_EXTENT_*
 * @bytes: for so many bytes from the offset asked for; at least 1
 * @depth: layer that has it: 0 the image itself, 1 its backing image ...
 * @offset: see VEMU_IMAGE_EXTENT_OFFSET
 * @filename: borrowed from the image; NULL without an offset
 */
struct vemu_image_extent {
    uint32_t size;
    uint32_t flags;
    uint64_t bytes;
    uint32_t depth;
    uint64_t offset;
    const char *filename;
};
#define VEMU_IMAGE_EXTENT_INIT { .size = sizeof(struct vemu_image_extent) }

/**
 * vemu_image_get_extent() - what is at `offset`, at most `bytes` of it
 * @base: layer of the backing chain where looking ends (not looked at itself): NULL for the whole
 *        chain; vemu_image_get_backing(image) for the image alone
 * Errors: EINVAL (offset at or behind the end), EIO and others of metadata. Since 0.1
 */
int vemu_image_get_extent(struct vemu_image *image, struct vemu_image *base, uint64_t offset,
                          uint64_t bytes, struct vemu_image_extent *ret);

/* --- facts ------------------------------------------------------------------------------------ */

/** Bytes that the user of the image sees. Since 0.1 */
uint64_t vemu_image_get_size(const struct vemu_image *image);
/** "qcow2", "raw" ...; static. Since 0.1 */
const char *vemu_image_get_format(const struct vemu_image *image);
/** As given; borrowed. Since 0.1 */
const char *vemu_image_get_filename(const struct vemu_image *image);
/** Backing image; NULL: none or not opened. Borrowed: lives as long as `image` and its chain are
 * not changed. Since 0.1 */
struct vemu_image *vemu_image_get_backing(const struct vemu_image *image);
/** Layer below that is not a backing image: the protocol's (or a filter's or format's, where those
 * are stacked). NULL: this is the lowest. Borrowed. Since 0.1 */
struct vemu_image *vemu_image_get_file(const struct vemu_image *image);
/** 0 if it was opened for reading only. Since 0.1 */
int vemu_image_is_writable(const struct vemu_image *image);

#define VEMU_IMAGE_INFO_DIRTY (1u << 0)     /* was not closed, and its refcounts need repair */
#define VEMU_IMAGE_INFO_CORRUPT (1u << 1)
#define VEMU_IMAGE_INFO_ENCRYPTED (1u << 2)
#define VEMU_IMAGE_INFO_COMPRESSED (1u << 3) /* can store compressed clusters */

/** One fact of a format ("compat": "1.1"), for people and as JSON. */
enum vemu_image_fact_kind {
    VEMU_IMAGE_FACT_TEXT = 0,
    VEMU_IMAGE_FACT_NUMBER = 1,
    VEMU_IMAGE_FACT_BOOL = 2,
    VEMU_IMAGE_FACT_JSON = 3, /* text that is a JSON value, such as vmdk's list of extents */
};
struct vemu_image_fact {
    const char *name; /* as qemu-img's JSON names it: "lazy-refcounts" */
    enum vemu_image_fact_kind kind;
    uint64_t number;
    const char *text;
};

/**
 * struct vemu_image_info - an image at a glance; strings and facts are freed with it
 * @actual_size: bytes that the files of this layer take on the host's disk
 * @cluster_size: bytes; 0: the format has none
 * @backing_filename, @backing_format: as recorded; NULL: none
 * @full_backing_filename: relative names resolved
 * @facts: of the format, in the order they are to be shown
 */
struct vemu_image_info {
    uint32_t size;
    uint32_t flags; /* VEMU_IMAGE_INFO_* */
    uint64_t virtual_size, actual_size;
    uint32_t cluster_size;
    const char *filename, *format;
    const char *backing_filename, *full_backing_filename, *backing_format;
    const struct vemu_image_fact *facts;
    size_t fact_count;
    void *reserved; /* the library's */
};
#define VEMU_IMAGE_INFO_INIT { .size = sizeof(struct vemu_image_info) }

/** Errors: EINVAL (ret->size), ENOMEM, and of looking at the files. Free with
 * vemu_image_info_clear(). Since 0.1 */
int vemu_image_get_info(struct vemu_image *image, struct vemu_image_info *ret,
                        struct vemu_error **err);
void vemu_image_info_clear(struct vemu_image_info *info);

/**
 * vemu_image_probe() - the format of a file, from its first bytes and its name
 * @ret_format: static; "raw" when it is nothing that is known
 * Errors: of opening and reading. Context: any. Since 0.1
 */
int vemu_image_probe(const char *filename, const char **ret_format, struct vemu_error **err);

/* --- formats ---------------------------------------------------------------------------------- */

#define VEMU_IMAGE_FORMAT_PROTOCOL (1u << 0)
#define VEMU_IMAGE_FORMAT_FILTER (1u << 1)
#define VEMU_IMAGE_FORMAT_CREATE (1u << 2) /* vemu_image_create() knows it */
#define VEMU_IMAGE_FORMAT_WRITE (1u << 3)

/** An option of a format: of opening or creating. */
struct vemu_image_option {
    const char *name, *type, *default_value, *summary; /* default NULL: none. All static. */
};
/**
 * vemu_image_list_formats() - calls `each` for every format, sorted by name, until it returns
 * something else than 0; returns that. Since 0.1
 */
int vemu_image_list_formats(int (*each)(void *data, const char *name, const char *summary,
                                        uint32_t flags),
                            void *data);
/** The same for the options of a format. @create: of vemu_image_create(), not of opening. Errors:
 * EINVAL: unknown format. Since 0.1 */
int vemu_image_list_options(const char *format, int create,
                            int (*each)(void *data, const struct vemu_image_option *option),
                            void *data);

/* --- creating and changing -------------------------------------------------------------------- */

/**
 * struct vemu_progress - how the caller follows long work, and stops it
 * @report: called now and then, on any thread, one at a time; NULL: not interested. Returns 0 to go
 *          on, else the work ends with ECANCELED
 */
struct vemu_progress {
    int (*report)(void *data, uint64_t done, uint64_t total);
    void *data;
};

/**
 * vemu_image_create() - makes a new image, or writes one over what is there
 * @filename: as for vemu_image_open(); a regular file is made if it is not there
 * @size: bytes the user will see; UINT64_MAX: that of the backing file ("backing_file")
 * @props: options as qemu-img's -o has them: "cluster_size", "compat", "backing_file",
 *         "backing_fmt", "preallocation" ...
 *
 * On failure a file that was not there before is removed again.
 * Errors: EINVAL (unknown format or option, bad value, the file is to be its own backing file),
 * EFBIG, ENOSPC, ENOENT ... Since 0.1
 */
int vemu_image_create(const char *filename, const char *format, uint64_t size,
                      const struct vemu_property *props, size_t prop_count,
                      const struct vemu_progress *progress, struct vemu_error **err);

/** Size becomes smaller: what is behind is lost. Without it that is EINVAL. */
#define VEMU_IMAGE_RESIZE_SHRINK (1u << 0)
/**
 * vemu_image_resize() - changes the size that the user sees; what is new reads as zeros
 * @preallocation: "off" (also NULL), "metadata", "falloc", "full"
 */
int vemu_image_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                      uint32_t flags, const struct vemu_progress *progress,
                      struct vemu_error **err);

/**
 * vemu_image_check_backing() - whether an image can stand on a file
 * @backing_filename: as it would be recorded; NULL or "": none, which is always right
 * @backing_format: of that file; NULL: probed
 *
 * Follows the backing files as far as they are files of this host that can be opened; what cannot
 * is not held against it. Returns 0, or -errno and *err: ELOOP (one of them is the image's own).
 * Context: any. Since 0.1
 */
int vemu_image_check_backing(struct vemu_image *image, const char *backing_filename,
                             const char *backing_format, struct vemu_error **err);
/** Records another backing file (NULL: none) in the image without looking at contents; the open
 * image keeps its chain. Errors: ENOTSUP, EINVAL (too long), ELOOP (vemu_image_check_backing()),
 * EROFS, EIO. Since 0.1 */
int vemu_image_set_backing(struct vemu_image *image, const char *backing_filename,
                           const char *backing_format, struct vemu_error **err);

/** Gives up everything that this layer has, so that the backing image shows through everywhere:
 * what commit does in the end. Internal snapshots keep their contents. Errors: ENOTSUP, EROFS, EIO.
 * Since 0.1 */
int vemu_image_make_empty(struct vemu_image *image, struct vemu_error **err);

/** Changes options of an existing image (qemu-img amend). Errors: EINVAL, ENOTSUP (names the
 * option), ELOOP (vemu_image_check_backing()). Since 0.1 */
int vemu_image_amend(struct vemu_image *image, const struct vemu_property *props,
                     size_t prop_count, const struct vemu_progress *progress,
                     struct vemu_error **err);

/**
 * struct vemu_image_measure - what an image of a format would take
 * @required: bytes for the contents there are; @fully_allocated: with every cluster written;
 * @bitmaps: for the bitmaps of the source, 0: none
 */
struct vemu_image_measure {
    uint32_t size;
    uint64_t required, fully_allocated, bitmaps;
};
/** @source: may be NULL: then `virtual_size` empty bytes are measured. Since 0.1 */
int vemu_image_measure(const char *format, struct vemu_image *source, uint64_t virtual_size,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_image_measure *ret, struct vemu_error **err);

/* --- check ------------------------------------------------------------------------------------ */

#define VEMU_IMAGE_REPAIR_LEAKS (1u << 0)
#define VEMU_IMAGE_REPAIR_ERRORS (1u << 1)

/** What vemu_image_check() found; counts of clusters. @check_errors: places that could not be
 * checked. */
struct vemu_image_check {
    uint32_t size;
    uint64_t corruptions, leaks, check_errors;
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
    uint64_t image_end_offset;
    /* told of each finding, a line without its end, as qemu-img words it; may be NULL */
    void (*message)(void *data, const char *text);
    void *message_data;
};
#define VEMU_IMAGE_CHECK_INIT { .size = sizeof(struct vemu_image_check) }

/** @repair: VEMU_IMAGE_REPAIR_*. Errors: ENOTSUP (the format has no check), EIO, EROFS,
 * ECANCELED. Findings are not errors. Since 0.1 */
int vemu_image_check(struct vemu_image *image, uint32_t repair, struct vemu_image_check *result,
                     const struct vemu_progress *progress, struct vemu_error **err);

/* --- internal snapshots ----------------------------------------------------------------------- */

struct vemu_image_snapshot {
    const char *id, *name;
    uint64_t vm_state_size, disk_size; /* bytes */
    uint64_t date_s, date_ns;          /* since 1970 */
    uint64_t vm_clock_ns;
    uint64_t icount; /* UINT64_MAX: not recorded */
};
/** Calls `each` (snapshot borrowed for the call) until it returns something else than 0; returns
 * that. ENOTSUP: the format has none. Since 0.1 */
int vemu_image_list_snapshots(struct vemu_image *image,
                              int (*each)(void *data, const struct vemu_image_snapshot *snapshot),
                              void *data);
/** Errors: ENOTSUP, EROFS, ENOSPC, EIO ... Names need not be unique, ids are made up. Since 0.1 */
int vemu_image_create_snapshot(struct vemu_image *image, const char *name, struct vemu_error **err);
/** @id_or_name: an id first, then a name. Errors: ENOENT and as above. Since 0.1 */
int vemu_image_apply_snapshot(struct vemu_image *image, const char *id_or_name,
                              struct vemu_error **err);
int vemu_image_delete_snapshot(struct vemu_image *image, const char *id_or_name,
                               struct vemu_error **err);
/** The image reads as in the snapshot from now on, and cannot be written. Since 0.1 */
int vemu_image_load_snapshot(struct vemu_image *image, const char *id_or_name,
                             struct vemu_error **err);

/* --- dirty bitmaps ---------------------------------------------------------------------------- */

#define VEMU_IMAGE_BITMAP_ENABLED (1u << 0)    /* records writes ("auto") */
#define VEMU_IMAGE_BITMAP_INCONSISTENT (1u << 1) /* was in use in a crash: only good for removing */
#define VEMU_IMAGE_BITMAP_PERSISTENT (1u << 2)

struct vemu_image_bitmap {
    const char *name;
    uint32_t flags;
    uint64_t granularity; /* bytes, a power of two */
    uint64_t dirty_bytes;
};
int vemu_image_list_bitmaps(struct vemu_image *image,
                            int (*each)(void *data, const struct vemu_image_bitmap *bitmap),
                            void *data);
/** @granularity: bytes, a power of two from 512 to 2 GiB; 0: 64 KiB or the cluster size. @flags:
 * ENABLED, PERSISTENT. Errors: EEXIST, EINVAL, ENOTSUP, EROFS ... Since 0.1 */
int vemu_image_add_bitmap(struct vemu_image *image, const char *name, uint64_t granularity,
                          uint32_t flags, struct vemu_error **err);
int vemu_image_remove_bitmap(struct vemu_image *image, const char *name, struct vemu_error **err);
int vemu_image_clear_bitmap(struct vemu_image *image, const char *name, struct vemu_error **err);
/** Turns recording on or off. */
int vemu_image_enable_bitmap(struct vemu_image *image, const char *name, int enabled,
                             struct vemu_error **err);
/** Adds what `source`'s bitmap has to the target's; the images have the same size. */
int vemu_image_merge_bitmap(struct vemu_image *target, const char *name, struct vemu_image *source,
                            const char *source_name, struct vemu_error **err);
/** The next dirty range at or behind `offset`: 1 and the range, 0: there is none. Since 0.1 */
int vemu_image_next_dirty(struct vemu_image *image, const char *name, uint64_t offset,
                          uint64_t *ret_offset, uint64_t *ret_bytes, struct vemu_error **err);

/* --- copying ---------------------------------------------------------------------------------- */

/** The target reads as zeros before: zeros are not written. */
#define VEMU_IMAGE_COPY_TARGET_IS_ZERO (1u << 0)
/** Written compressed. */
#define VEMU_IMAGE_COPY_COMPRESSED (1u << 1)
/** Only what the layers above `base` have; the rest is left to the target's backing image. */
#define VEMU_IMAGE_COPY_ALLOCATED (1u << 2)
/** Writes in any order (qemu-img convert -W). */
#define VEMU_IMAGE_COPY_OUT_OF_ORDER (1u << 3)
/** Zeros in the data are written as data, space is not saved. */
#define VEMU_IMAGE_COPY_NO_SPARSE (1u << 4)
/** Sectors that cannot be read become zeros (qemu-img convert --salvage). */
#define VEMU_IMAGE_COPY_SALVAGE (1u << 5)
/** copy_file_range() where both ends are plain files (qemu-img convert -C). */
#define VEMU_IMAGE_COPY_OFFLOAD (1u << 6)

/**
 * struct vemu_image_copy_options - how to copy contents
 * @base: see VEMU_IMAGE_COPY_ALLOCATED
 * @offset, @bytes: part of the source; bytes 0: to its end (of the shorter of the two)
 * @target_offset: where it goes
 * @sparse_bytes: so many zero bytes in a row become a hole; 0: 4096
 * @threads: readers and writers; 0: one for each CPU, at least 8 where a device or a server is
 *           waited for, at most 16
 * @max_bytes_per_s: 0: as fast as it goes
 * @read_error: VEMU_IMAGE_COPY_SALVAGE: told what could not be read (a positive errno), on any
 *              thread, several at once; NULL: nobody wants to know
 */
struct vemu_image_copy_options {
    uint32_t size;
    uint32_t flags;
    struct vemu_image *base;
    uint64_t offset, bytes, target_offset;
    uint32_t sparse_bytes;
    uint32_t threads;
    uint64_t max_bytes_per_s;
    void (*read_error)(void *data, uint64_t offset, uint64_t bytes, int error);
    void *read_error_data;
};
#define VEMU_IMAGE_COPY_OPTIONS_INIT { .size = sizeof(struct vemu_image_copy_options) }

/** Copies contents. Errors: of reading or writing, the message says which and where; ECANCELED.
 * Since 0.1 */
int vemu_image_copy(struct vemu_image *source, struct vemu_image *target,
                    const struct vemu_image_copy_options *options,
                    const struct vemu_progress *progress, struct vemu_error **err);

/** Compares contents over the longer of the two (what is behind the end counts as zeros). Returns 0
 * and *ret_offset = UINT64_MAX: equal; else the offset of the first difference. Since 0.1 */
int vemu_image_compare(struct vemu_image *a, struct vemu_image *b, uint64_t *ret_offset,
                       const struct vemu_progress *progress, struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
