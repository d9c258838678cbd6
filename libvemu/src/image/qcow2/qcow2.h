/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qcow2 images: what the files of the driver share.
 *
 * Theory of operation. QEMU's docs/interop/qcow2.txt is the format's specification.
 *
 * Locking: `lock` guards everything in struct qcow2 that is not marked otherwise: tables, caches,
 * the allocator. Data is read and written without it. `writeback_lock` comes before `lock`: one
 * thread at a time brings tables to the disk, and does so without `lock`.
 *
 * A request (vemu__qcow2_begin/end) sees tables and then touches clusters. What a request may have
 * seen is not given to another use before it ends (grace periods: `epoch`). Snapshots, resizing,
 * repair and the like are exclusive: they wait for all requests, and spans that are mapped, to end.
 *
 * Allocating writes announce the guest clusters they are about to fill (`in_flight`); others that
 * want to allocate, zero or discard the same ones wait. Clusters are taken under the lock, data and
 * what is copied around it are written without, then the L2 entries are set under the lock.
 *
 * Order of writes (writeback.c), so that a cut anywhere leaves leaks at most:
 *   1. data, contents of refcount blocks, L2 tables that no L1 entry on disk points to; flush
 *   2. if there are any: refcount table entries (or the moved table and then the header); flush
 *   3. L2 tables and L1 entries; flush
 *   4. only now are clusters that these tables used to point to given back: their refcounts go
 *      down in memory, and to the disk with the next round's step 1; until then nobody gets them.
 * With lazy refcounts the dirty bit is set before all else and step 1 leaves out refcounts until
 * the image is closed.
 * What changes many refcounts at once (snapshots, repair, amend) writes new refcount blocks, L2 and
 * L1 tables to free clusters, and then one sector of the header that points to them all (shadow.c).
 */
#ifndef VEMU_IMAGE_QCOW2_QCOW2_H
#define VEMU_IMAGE_QCOW2_QCOW2_H

#include <endian.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "core/big-endian.h"
#include "core/error.h"
#include "core/iov.h"
#include "image/drivers.h"

#define QCOW2_MAGIC             0x514649fbu
#define QCOW2_MIN_CLUSTER_BITS  9u
#define QCOW2_MAX_CLUSTER_BITS  21u
#define QCOW2_MAX_L1_BYTES      (32u << 20)
#define QCOW2_MAX_REFTABLE      (8u << 20) /* bytes */
#define QCOW2_MAX_SNAPSHOTS     65536u
#define QCOW2_MAX_SNAPSHOT_DATA (64u << 20)
#define QCOW2_MAX_BITMAPS       65535u
#define QCOW2_MAX_BITMAP_DATA   (64u << 20) /* of the directory */
#define QCOW2_MAX_BACKING       1023u
#define QCOW2_SUBCLUSTERS       32u
#define QCOW2_V2_HEADER         72u
#define QCOW2_V3_HEADER         104u
#define QCOW2_HEADER_SIZE       112u /* with the compression type */

#define QCOW2_INCOMPAT_DIRTY       (1ull << 0)
#define QCOW2_INCOMPAT_CORRUPT     (1ull << 1)
#define QCOW2_INCOMPAT_DATA_FILE   (1ull << 2)
#define QCOW2_INCOMPAT_COMPRESSION (1ull << 3)
#define QCOW2_INCOMPAT_EXTENDED_L2 (1ull << 4)
#define QCOW2_INCOMPAT_KNOWN       0x1full
#define QCOW2_COMPAT_LAZY          (1ull << 0)
#define QCOW2_AUTOCLEAR_BITMAPS    (1ull << 0)
#define QCOW2_AUTOCLEAR_RAW        (1ull << 1)
#define QCOW2_AUTOCLEAR_KNOWN      3ull

#define QCOW2_EXT_END      0u
#define QCOW2_EXT_BACKING  0xe2792acau
#define QCOW2_EXT_FEATURES 0x6803f857u
#define QCOW2_EXT_BITMAPS  0x23852875u
#define QCOW2_EXT_CRYPTO   0x0537be77u
#define QCOW2_EXT_DATA     0x44415441u

#define QCOW2_FEATURE_SIZE 48u /* of a name in QCOW2_EXT_FEATURES */

#define QCOW2_COPIED      (1ull << 63)
#define QCOW2_COMPRESSED  (1ull << 62)
#define QCOW2_ZERO        1ull
#define QCOW2_OFFSET_MASK 0x00fffffffffffe00ull
#define QCOW2_L1_RESERVED 0x7f000000000001ffull
#define QCOW2_L2_RESERVED 0x3f000000000001feull

enum qcow2_compression { QCOW2_ZLIB = 0, QCOW2_ZSTD = 1 };

/* --- header.c --------------------------------------------------------------------------------- */

struct qcow2_header {
    uint32_t version, cluster_bits, crypt, l1_size, reftable_clusters, snapshot_count;
    uint64_t size, l1_offset, reftable_offset, snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, length;
    uint8_t compression;
    char *backing, *backing_format, *data_file; /* NULL: none */
    uint32_t bitmap_count;                      /* 0: no extension */
    uint64_t bitmaps_size, bitmaps_offset;
    GByteArray *unknown_fields;     /* behind those known; NULL: none */
    GByteArray *unknown_extensions; /* as they stand in the file; NULL: none */
};

/* Bytes that the first read of a header should have: the largest cluster is more than that only for
 * headers with huge extensions. */
int vemu__qcow2_header_read(struct vemu_image *file, bool check, struct qcow2_header *ret,
                            struct vemu_error **err);
void vemu__qcow2_header_clear(struct qcow2_header *header);

/* --- header-write.c --------------------------------------------------------------------------- */

/* Writes all of it, names and extensions too, to a file that has no header yet. EFBIG: does not fit
 * into the first cluster. */
int vemu__qcow2_header_create(struct vemu_image *file, const struct qcow2_header *header,
                              struct vemu_error **err);
/* The same where there is one: after a crash either is there; when this returns the new one is on
 * stable storage. EFBIG also: there is no room beside the old one (clusters of 1 and 2 KiB). */
int vemu__qcow2_header_write(struct vemu_image *file, const struct qcow2_header *header,
                             struct vemu_error **err);
/* Writes the fields up to the header length alone: within one sector, hence all or nothing. Not
 * flushed. */
int vemu__qcow2_header_write_fields(struct vemu_image *file, const struct qcow2_header *header);

/* --- the image -------------------------------------------------------------------------------- */

/* A table of 64-bit entries that is all in memory: L1 table, refcount table. */
struct qcow2_array {
    uint64_t *entry; /* in the host's order */
    uint64_t count;
    uint64_t offset; /* in the file */
    uint8_t *dirty;  /* for each 64 entries */
    bool any_dirty;
    bool moved; /* all of it must be written to `offset`, and then the header */
};

/* Part of an L2 table or refcount block in memory, as it stands on disk. */
struct qcow2_slice {
    uint64_t offset;
    uint32_t dirty_from, dirty_to; /* bytes; 0, 0: clean */
    uint32_t writing;              /* a writeback wants it kept */
    bool unlinked;                 /* L2: the L1 entry that points here is not on disk */
    bool queued;                   /* on the cache's list of dirty ones */
    GList lru;
    uint8_t *data;
};

struct qcow2_cache {
    GHashTable *slices; /* by offset */
    GQueue lru;         /* the most recent first */
    GPtrArray *dirty;
    struct qcow2_slice *last;
    uint32_t slice_size;
    size_t limit; /* slices */
};

/* An allocating write that is under way. */
struct qcow2_flight {
    uint64_t first, count; /* guest clusters */
    struct qcow2_flight *next;
};

/* Clusters that lost one reference each. */
struct qcow2_freed {
    uint64_t first, count; /* host clusters */
    uint64_t epoch;
    bool discard;
};

struct qcow2_snapshot {
    uint64_t l1_offset;
    uint32_t l1_size;
    char *id, *name;
    uint32_t date_s, date_ns;
    uint64_t vm_clock_ns;
    uint64_t vm_state_size, disk_size, icount;
    uint8_t *extra; /* extra data that is not known, behind the known */
    uint32_t extra_size, known_extra;
};

struct qcow2_bitmap;

struct qcow2 {
    struct vemu_image image;
    /* options */
    uint64_t l2_cache_size, refcount_cache_size;
    char *data_file_option;
    char *lazy_option;

    /* fixed while requests are under way */
    struct qcow2_header header;
    struct vemu_image *data; /* has the guest's clusters: image.file or a file of its own */
    bool external, extended, lazy, writable;
    uint32_t cluster_size, subcluster_size;
    unsigned cluster_bits, subcluster_bits, l2_entry_bits, l2_bits, slice_entry_bits;
    unsigned refcount_order, block_bits; /* block_bits: log2 of refcounts in a block */
    struct qcow2_snapshot *snapshots;
    unsigned snapshot_count;
    bool loaded_snapshot; /* vemu_image_load_snapshot(): no writes, no check */

    pthread_mutex_t writeback_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* in_flight, exclusive, or number of requests */
    struct qcow2_array l1, reftable;
    struct qcow2_cache l2_cache, refcount_cache;
    GHashTable *metadata; /* clusters with tables: bits in chunks (overlap.c) */
    struct qcow2_flight *in_flight;
    bool exclusive;
    uint64_t epoch;
    atomic_uint requests[2]; /* under way, by the epoch's parity */
    atomic_bool waiting;     /* somebody waits for requests to end */
    GArray *unlinked;        /* struct qcow2_freed: tables in memory do not point there any more */
    GArray *limbo;           /* nor do those on disk; requests may still look */
    uint64_t free_hint;      /* no cluster below is free */
    uint64_t virgin;         /* nothing was ever written from this cluster on */
    uint64_t compressed_at, compressed_end; /* room for compressed data in the last cluster */
    atomic_bool broken;                     /* metadata is corrupt: no writes */
    bool dirty_bit;                         /* is set on disk */
    bool refcounts_stale;      /* lazy: refcounts in memory are ahead of those on disk */
    GPtrArray *bitmaps;        /* struct qcow2_bitmap */
    GPtrArray *bitmap_removed; /* the same; still in the file; NULL: none */
    atomic_bool bitmaps_recording;
    int preallocated; /* extent.c: 0 not known, 1 no, 2 yes */

    /* the last compressed cluster that was read */
    pthread_mutex_t inflate_lock;
    uint64_t inflated_entry;
    uint8_t *inflated;
};

static inline uint64_t qcow2_div_up(uint64_t n, uint64_t d)
{
    return n / d + (n % d != 0);
}
static inline uint64_t qcow2_align_up(uint64_t n, uint64_t to)
{
    return qcow2_div_up(n, to) * to;
}
static inline struct qcow2 *qcow2_of(struct vemu_image *image)
{
    return (struct qcow2 *)image;
}

extern const struct vemu_image_snapshot_ops vemu__qcow2_snapshot_ops;
extern const struct vemu_image_bitmap_ops vemu__qcow2_bitmap_ops;

/* qcow2.c: reads tables that requests do not need, and the L1 table anew. */
int vemu__qcow2_load_reftable(struct qcow2 *s, struct vemu_error **err);
int vemu__qcow2_load_l1(struct qcow2 *s, struct vemu_error **err);

/* --- storage.c: the layer below --------------------------------------------------------------- */

/* What is behind the end reads as zeros; writing there makes the file longer. */
int vemu__qcow2_file_readv(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count);
int vemu__qcow2_file_writev(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                            const struct iovec *iov, unsigned count);
/* The same for the bytes from `skip` on of a longer list. */
int vemu__qcow2_file_readv_at(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                              const struct iovec *iov, unsigned count, uint64_t skip);
int vemu__qcow2_file_writev_at(struct vemu_image *file, uint64_t offset, uint64_t bytes,
                               const struct iovec *iov, unsigned count, uint64_t skip);
int vemu__qcow2_file_read(struct vemu_image *file, uint64_t offset, void *buf, size_t bytes);
int vemu__qcow2_file_write(struct vemu_image *file, uint64_t offset, const void *buf, size_t bytes);
/* A table of 64-bit numbers, turned to the host's order. `ret` is freed with free(). */
int vemu__qcow2_file_read_table(struct vemu_image *file, uint64_t offset, uint64_t count,
                                uint64_t **ret);
int vemu__qcow2_file_write_table(struct vemu_image *file, uint64_t offset, uint64_t count,
                                 const uint64_t *table);
/* Memory for I/O, aligned for O_DIRECT; freed with free(). NULL when there is none. */
void *vemu__qcow2_buffer(size_t bytes);

/* --- request.c: requests, exclusive work, allocating writes under way ------------------------- */

/* Returns a token for vemu__qcow2_end(). The lock is held at begin, not at end. */
unsigned vemu__qcow2_begin(struct qcow2 *s);
void vemu__qcow2_end(struct qcow2 *s, unsigned token);
/* The same for a request that writes to a range (the lock is not held, *ret_token is always set),
 * and its end with result `r`: flushes, if asked to, and keeps what is dirty within bounds. */
int vemu__qcow2_begin_change(struct qcow2 *s, uint64_t offset, uint64_t bytes, unsigned *ret_token);
int vemu__qcow2_end_change(struct qcow2 *s, unsigned token, uint32_t flags, int r);
/* Waits until no request is under way; none begins until vemu__qcow2_exclusive_end(). The lock is
 * not held. Brings the tables to the disk first; on an error nothing was begun. */
int vemu__qcow2_exclusive_begin(struct qcow2 *s);
void vemu__qcow2_exclusive_end(struct qcow2 *s);
/* The driver's, with the two. */
int vemu__qcow2_quiet(struct vemu_image *image, void (*fn)(void *), void *data);
/* How many of `count` clusters from `first` on are not in flight (0: the first is). */
uint64_t vemu__qcow2_not_in_flight(const struct qcow2 *s, uint64_t first, uint64_t count);
void vemu__qcow2_flight_add(struct qcow2 *s, struct qcow2_flight *flight);
void vemu__qcow2_flight_remove(struct qcow2 *s, struct qcow2_flight *flight);

/* --- array.c, cache.c: tables in memory ------------------------------------------------------- */

int vemu__qcow2_array_init(struct qcow2_array *array, uint64_t offset, uint64_t count);
int vemu__qcow2_array_load(struct qcow2_array *array, struct vemu_image *file, uint64_t offset,
                           uint64_t count);
void vemu__qcow2_array_fini(struct qcow2_array *array);
void vemu__qcow2_array_set(struct qcow2_array *array, uint64_t index, uint64_t value);
int vemu__qcow2_array_grow(struct qcow2_array *array, uint64_t count);

void vemu__qcow2_cache_init(struct qcow2_cache *cache, uint32_t slice_size, uint64_t bytes);
void vemu__qcow2_cache_fini(struct qcow2_cache *cache);
/* The slice at `offset` of the file. `fresh`: not read, all zeros, all dirty. */
int vemu__qcow2_cache_get(struct qcow2_cache *cache, struct vemu_image *file, uint64_t offset,
                          bool fresh, struct qcow2_slice **ret);
void vemu__qcow2_cache_dirty(struct qcow2_cache *cache, struct qcow2_slice *slice, uint32_t from,
                             uint32_t to);
/* Clusters are used for something else now: drops what is cached of them. */
void vemu__qcow2_cache_forget(struct qcow2_cache *cache, uint64_t offset, uint64_t bytes);
void vemu__qcow2_cache_empty(struct qcow2_cache *cache);

/* --- overlap.c: where metadata is ------------------------------------------------------------- */

void vemu__qcow2_metadata_mark(struct qcow2 *s, uint64_t offset, uint64_t bytes);
void vemu__qcow2_metadata_unmark(struct qcow2 *s, uint64_t offset, uint64_t bytes);
bool vemu__qcow2_metadata_hit(const struct qcow2 *s, uint64_t offset, uint64_t bytes);
/* Marks all there is; EIO and a message if two tables are in one place. */
int vemu__qcow2_metadata_scan(struct qcow2 *s, struct vemu_error **err);
/* Metadata is found corrupt: marks the image so, as far as it can be written. Returns -EIO. */
int vemu__qcow2_corrupt(struct qcow2 *s);

/* --- snapshot-table.c ------------------------------------------------------------------------- */

/* Of the table in the file. */
uint64_t vemu__qcow2_snapshot_bytes(const struct qcow2 *s);
int vemu__qcow2_snapshots_load(struct qcow2 *s, struct vemu_error **err);
void vemu__qcow2_snapshots_clear(struct qcow2 *s);
void vemu__qcow2_snapshot_clear(struct qcow2_snapshot *snapshot);
/* The table as it stands in the file; freed with free(). NULL: no memory. */
uint8_t *vemu__qcow2_snapshots_encode(const struct qcow2 *s, size_t *ret_bytes);

/* --- refcount.c ------------------------------------------------------------------------------- */

uint64_t vemu__qcow2_refcount_decode(const void *block, unsigned order, uint64_t index);
void vemu__qcow2_refcount_encode(void *block, unsigned order, uint64_t index, uint64_t value);
static inline uint64_t qcow2_refcount_max(unsigned order)
{
    return order == 6 ? UINT64_MAX : (1ull << (1u << order)) - 1;
}
int vemu__qcow2_refcount_get(struct qcow2 *s, uint64_t cluster, uint64_t *ret);
/* Up, or down by one for each of a run. A refcount that reaches 0 makes the cluster free. */
int vemu__qcow2_refcount_add(struct qcow2 *s, uint64_t cluster, uint64_t count);
int vemu__qcow2_refcount_sub(struct qcow2 *s, uint64_t cluster, uint64_t count);
/* The block that has the refcount of `cluster`: made if it is not there. *ret_made: it is new, and
 * the first cluster of its range is it. */
int vemu__qcow2_refcount_ensure(struct qcow2 *s, uint64_t cluster, bool *ret_made);
bool vemu__qcow2_refcount_has_block(const struct qcow2 *s, uint64_t cluster);
/* Makes the block for `cluster`'s range in the cluster `where`, which is not counted yet. */
int vemu__qcow2_refcount_place(struct qcow2 *s, uint64_t cluster, uint64_t where);
/* How many of at most `max` clusters from `cluster` on are free (or not: `used`) within a block. */
int vemu__qcow2_refcount_span(struct qcow2 *s, uint64_t cluster, uint64_t max, bool *ret_free,
                              uint64_t *ret_count);

/* --- alloc.c ---------------------------------------------------------------------------------- */

/* 1 to `want` clusters in a row, with a refcount of 1. */
int vemu__qcow2_alloc(struct qcow2 *s, uint64_t want, uint64_t *ret_offset, uint64_t *ret_count,
                      bool *ret_virgin);
/* Exactly so many in a row, for tables. */
int vemu__qcow2_alloc_table(struct qcow2 *s, uint64_t bytes, uint64_t *ret_offset);
/* Room for compressed data. */
int vemu__qcow2_alloc_bytes(struct qcow2 *s, uint32_t bytes, uint64_t *ret_offset);
/* Gives back clusters that were allocated and never linked. */
void vemu__qcow2_unalloc(struct qcow2 *s, uint64_t offset, uint64_t bytes);
/* No table in memory points there any more: freed after the next writeback. */
void vemu__qcow2_free_later(struct qcow2 *s, uint64_t offset, uint64_t bytes, bool discard);
/* The same for what an L2 entry pointed to. */
void vemu__qcow2_free_entry(struct qcow2 *s, uint64_t entry, bool discard);
/* Frees what is due. With `lock` held; gives it up for a while to punch holes. */
int vemu__qcow2_reap(struct qcow2 *s);

/* --- writeback.c ------------------------------------------------------------------------------ */

/* Brings tables to the disk in their order. `all`: with refcounts that are held back (lazy). */
int vemu__qcow2_writeback(struct qcow2 *s, bool all);
/* With `writeback_lock` held. */
int vemu__qcow2_writeback_locked(struct qcow2 *s, bool all);
/* Until nothing is left to be written or freed. With `writeback_lock` held and no request under
 * way. */
int vemu__qcow2_settle(struct qcow2 *s);
/* Like vemu__qcow2_writeback() if much has piled up. Outside of requests. */
int vemu__qcow2_relieve(struct qcow2 *s);
/* Sets the dirty bit if refcounts are lazy. With `lock` held. */
int vemu__qcow2_before_change(struct qcow2 *s);
int vemu__qcow2_flush(struct vemu_image *image);

/* --- l2.c ------------------------------------------------------------------------------------- */

/* Of a subcluster; without extended L2 entries that is a cluster. */
enum qcow2_type {
    QCOW2_T_UNALLOCATED,       /* no host cluster */
    QCOW2_T_UNALLOCATED_ALLOC, /* a host cluster, but this part of it is not used */
    QCOW2_T_ZERO_PLAIN,
    QCOW2_T_ZERO_ALLOC,
    QCOW2_T_NORMAL,
    QCOW2_T_COMPRESSED,
    QCOW2_T_INVALID,
};
struct qcow2_entry {
    uint64_t l2;
    uint64_t bitmap; /* extended */
};
enum qcow2_type vemu__qcow2_entry_type(const struct qcow2 *s, const struct qcow2_entry *entry,
                                       unsigned subcluster);
/* A host cluster belongs to the entry (compressed ones do not count). */
static inline bool qcow2_has_host(const struct qcow2 *s, const struct qcow2_entry *entry)
{
    return !(entry->l2 & QCOW2_COMPRESSED) &&
           (entry->l2 & QCOW2_OFFSET_MASK || (s->external && entry->l2 & QCOW2_COPIED));
}
/* Whether the entry's offset is one that can be; `guest` is the cluster's. */
bool vemu__qcow2_entry_valid(const struct qcow2 *s, const struct qcow2_entry *entry,
                             uint64_t guest);
/* The slice with the entry of guest offset `offset`; NULL: there is no L2 table. */
int vemu__qcow2_l2_read(struct qcow2 *s, uint64_t offset, struct qcow2_slice **ret,
                        unsigned *ret_index);
/* The same to be changed: made, or copied if it is shared. */
int vemu__qcow2_l2_write(struct qcow2 *s, uint64_t offset, struct qcow2_slice **ret,
                         unsigned *ret_index);
void vemu__qcow2_l2_get(const struct qcow2 *s, const struct qcow2_slice *slice, unsigned index,
                        struct qcow2_entry *ret);
void vemu__qcow2_l2_set(struct qcow2 *s, struct qcow2_slice *slice, unsigned index,
                        const struct qcow2_entry *entry);

/* What is at `offset`, and for how many bytes the same goes on; NORMAL, ZERO_ALLOC: in the file
 * too, from `host` on. */
struct qcow2_run {
    enum qcow2_type type; /* never INVALID */
    bool copied;
    uint64_t host; /* of the first byte; COMPRESSED: the entry */
    uint64_t bytes;
};
int vemu__qcow2_find(struct qcow2 *s, uint64_t offset, uint64_t bytes, struct qcow2_run *ret);

/* --- requests --------------------------------------------------------------------------------- */

int vemu__qcow2_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count);
/* Inside a request that has begun. */
int vemu__qcow2_read_inner(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, uint64_t skip);
/* Whether a type reads as zeros at a place, seen from this layer and the size of its backing. */
bool vemu__qcow2_reads_zero(const struct qcow2 *s, enum qcow2_type type, uint64_t offset);
int vemu__qcow2_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, uint32_t flags);
/* iov NULL: zeros. */
int vemu__qcow2_write_inner(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                            const struct iovec *iov, unsigned count, uint64_t skip);
int vemu__qcow2_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags);
int vemu__qcow2_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes);
int vemu__qcow2_make_empty(struct vemu_image *image, struct vemu_error **err);
/* The same for a part, which may be behind the image's end; whole clusters. */
int vemu__qcow2_empty_range(struct qcow2 *s, uint64_t from, uint64_t end);
int vemu__qcow2_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret);
int vemu__qcow2_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                    struct vemu_image_span *ret);
void vemu__qcow2_unmap(struct vemu_image *image, struct vemu_image_span *span);
/* Errors that a write gets before it starts. */
int vemu__qcow2_may_write(struct qcow2 *s);

/* write.c: gives host clusters to a range that has none, without data; up to *ret_to at once. The
 * file grows by preallocation `word`. In exclusive work. */
int vemu__qcow2_allocate(struct qcow2 *s, uint64_t offset, uint64_t bytes, const char *word,
                         uint64_t *ret_to, struct vemu_error **err);
/* The driver's. */
int vemu__qcow2_reserve(struct vemu_image *image, uint64_t offset, uint64_t bytes);
/* zero.c: the range reads as zeros, whatever a backing file or old clusters have there. */
int vemu__qcow2_clear_new(struct qcow2 *s, uint64_t from, uint64_t to);

/* resize.c, measure.c, amend.c: the driver's. */
int vemu__qcow2_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                       uint32_t flags, const struct vemu_progress *progress,
                       struct vemu_error **err);
int vemu__qcow2_amend(struct vemu_image *image, const struct vemu_property *props,
                      size_t prop_count, const struct vemu_progress *progress,
                      struct vemu_error **err);
int vemu__qcow2_measure(struct vemu_image *source, uint64_t virtual_size,
                        const struct vemu_property *props, size_t prop_count,
                        struct vemu_image_measure *ret, struct vemu_error **err);

/* What the bitmaps of `source` (0 if it is no qcow2 image) would take with such clusters. */
uint64_t vemu__qcow2_measure_bitmaps(struct vemu_image *source, uint32_t cluster_size);
/* bitmap.c: a range is written to. With `lock` held. */
int vemu__qcow2_bitmaps_touch(struct qcow2 *s, uint64_t offset, uint64_t bytes);

/* compress.c, inflate.c */
int vemu__qcow2_write_compressed(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                                 const struct iovec *iov, unsigned count);
/* One cluster. */
int vemu__qcow2_inflate(struct qcow2 *s, uint64_t entry, uint8_t *ret);
/* Where a compressed cluster is: its first byte, and how many bytes its sectors leave it. */
void vemu__qcow2_compressed_place(const struct qcow2 *s, uint64_t entry, uint64_t *ret_offset,
                                  uint32_t *ret_bytes);

#endif
