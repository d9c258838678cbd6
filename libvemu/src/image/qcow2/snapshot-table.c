/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of snapshots: reading and writing it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

#define ENTRY_SIZE  40u
#define KNOWN_EXTRA 24u /* VM state size, disk size, instruction count */
#define MAX_EXTRA   1024u
#define EXTRA_SIZES 16u
#define MAX_NAME    65535u

void vemu__qcow2_snapshot_clear(struct qcow2_snapshot *snapshot)
{
    g_free(snapshot->id);
    g_free(snapshot->name);
    g_free(snapshot->extra);
    memset(snapshot, 0, sizeof(*snapshot));
}

void vemu__qcow2_snapshots_clear(struct qcow2 *s)
{
    for (unsigned i = 0; i < s->snapshot_count; i++)
        vemu__qcow2_snapshot_clear(&s->snapshots[i]);
    g_clear_pointer(&s->snapshots, g_free);
    s->snapshot_count = 0;
}

static size_t entry_bytes(const struct qcow2_snapshot *snapshot)
{
    return (size_t)qcow2_align_up(ENTRY_SIZE + snapshot->known_extra + snapshot->extra_size +
                                      strlen(snapshot->id) + strlen(snapshot->name),
                                  8);
}

uint64_t vemu__qcow2_snapshot_bytes(const struct qcow2 *s)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < s->snapshot_count; i++)
        bytes += entry_bytes(&s->snapshots[i]);
    return bytes;
}

static void encode_one(const struct qcow2_snapshot *snapshot, uint8_t *p)
{
    uint8_t *at = p + ENTRY_SIZE;

    memset(p, 0, entry_bytes(snapshot));
    be_put64(p, snapshot->l1_offset);
    be_put32(p + 8, snapshot->l1_size);
    be_put16(p + 12, (uint16_t)strlen(snapshot->id));
    be_put16(p + 14, (uint16_t)strlen(snapshot->name));
    be_put32(p + 16, snapshot->date_s);
    be_put32(p + 20, snapshot->date_ns);
    be_put64(p + 24, snapshot->vm_clock_ns);
    be_put32(p + 32, snapshot->vm_state_size > UINT32_MAX ? 0 : (uint32_t)snapshot->vm_state_size);
    be_put32(p + 36, snapshot->known_extra + snapshot->extra_size);
    if (snapshot->known_extra >= 8)
        be_put64(at, snapshot->vm_state_size);
    if (snapshot->known_extra >= 16)
        be_put64(at + 8, snapshot->disk_size);
    if (snapshot->known_extra >= 24)
        be_put64(at + 16, snapshot->icount);
    at += snapshot->known_extra;
    if (snapshot->extra_size)
        memcpy(at, snapshot->extra, snapshot->extra_size);
    at += snapshot->extra_size;
    memcpy(at, snapshot->id, strlen(snapshot->id));
    memcpy(at + strlen(snapshot->id), snapshot->name, strlen(snapshot->name));
}

uint8_t *vemu__qcow2_snapshots_encode(const struct qcow2 *s, size_t *ret_bytes)
{
    size_t bytes = (size_t)vemu__qcow2_snapshot_bytes(s), at = 0;
    uint8_t *table = vemu__qcow2_buffer(bytes);

    for (unsigned i = 0; table && i < s->snapshot_count; i++) {
        encode_one(&s->snapshots[i], table + at);
        at += entry_bytes(&s->snapshots[i]);
    }
    *ret_bytes = bytes;
    return table;
}

static int decode_one(struct qcow2 *s, uint64_t *at, struct qcow2_snapshot *ret,
                      struct vemu_error **err)
{
    uint8_t p[ENTRY_SIZE], extra[KNOWN_EXTRA] = { 0 };
    uint32_t extra_size, id, name;
    uint64_t end = s->header.snapshots_offset + QCOW2_MAX_SNAPSHOT_DATA;
    int r = vemu__qcow2_file_read(s->image.file, *at, p, sizeof(p));

    if (r < 0)
        return vemu__error_set(err, -r, "Could not read snapshots: %s", g_strerror(-r));
    ret->l1_offset = be_get64(p);
    ret->l1_size = be_get32(p + 8);
    id = be_get16(p + 12);
    name = be_get16(p + 14);
    ret->date_s = be_get32(p + 16);
    ret->date_ns = be_get32(p + 20);
    ret->vm_clock_ns = be_get64(p + 24);
    ret->vm_state_size = be_get32(p + 32);
    ret->icount = UINT64_MAX;
    ret->disk_size = s->header.size;
    extra_size = be_get32(p + 36);
    if (extra_size > MAX_EXTRA)
        return vemu__error_set(err, EINVAL,
                               "Too much extra metadata in a snapshot table entry "
                               "(%" PRIu32 " bytes)",
                               extra_size);
    *at += ENTRY_SIZE;
    ret->known_extra = MIN(extra_size, KNOWN_EXTRA) & ~7u;
    ret->extra_size = extra_size - ret->known_extra;
    r = vemu__qcow2_file_read(s->image.file, *at, extra, ret->known_extra);
    if (r == 0 && ret->extra_size) {
        ret->extra = g_malloc(ret->extra_size);
        r = vemu__qcow2_file_read(s->image.file, *at + ret->known_extra, ret->extra,
                                  ret->extra_size);
    }
    if (ret->known_extra >= 8)
        ret->vm_state_size = be_get64(extra);
    if (ret->known_extra >= 16)
        ret->disk_size = be_get64(extra + 8);
    if (ret->known_extra >= 24)
        ret->icount = be_get64(extra + 16);
    *at += extra_size;
    ret->id = g_malloc0(id + 1);
    ret->name = g_malloc0(name + 1);
    if (r == 0)
        r = vemu__qcow2_file_read(s->image.file, *at, ret->id, id);
    if (r == 0)
        r = vemu__qcow2_file_read(s->image.file, *at + id, ret->name, name);
    if (r < 0)
        return vemu__error_set(err, -r, "Could not read snapshots: %s", g_strerror(-r));
    *at = qcow2_align_up(*at + id + name, 8);
    if (*at > end)
        return vemu__error_set(err, EFBIG, "Snapshot table is too big");
    return 0;
}

static int check_one(const struct qcow2 *s, const struct qcow2_snapshot *snapshot,
                     struct vemu_error **err)
{
    uint64_t size = atomic_load(&s->image.file->size);

    if (snapshot->l1_size > QCOW2_MAX_L1_BYTES / 8)
        return vemu__error_set(err, EFBIG, "Snapshot L1 table too large");
    if (snapshot->l1_offset & (s->cluster_size - 1) || snapshot->l1_offset > INT64_MAX / 2)
        return vemu__error_set(err, EINVAL, "Snapshot L1 table offset invalid");
    if (snapshot->l1_size && snapshot->l1_offset >= size)
        return vemu__error_set(err, EINVAL, "Snapshot L1 table is behind the end of the file");
    return 0;
}

int vemu__qcow2_snapshots_load(struct qcow2 *s, struct vemu_error **err)
{
    uint64_t at = s->header.snapshots_offset, size = atomic_load(&s->image.file->size);
    unsigned count = s->header.snapshot_count;
    int r = 0;

    vemu__qcow2_snapshots_clear(s);
    if (!count)
        return 0;
    if (at > size || size - at < (uint64_t)count * ENTRY_SIZE)
        return vemu__error_set(err, EINVAL, "Snapshot table is behind the end of the file");
    s->snapshots = g_try_new0(struct qcow2_snapshot, count);
    if (!s->snapshots)
        return vemu__error_set(err, ENOMEM, "Could not read snapshots: %s", g_strerror(ENOMEM));
    for (unsigned i = 0; r == 0 && i < count; i++) {
        s->snapshot_count = i + 1;
        r = decode_one(s, &at, &s->snapshots[i], err);
        if (r == 0 && !(s->image.open_flags & VEMU_IMAGE_CHECK))
            r = check_one(s, &s->snapshots[i], err);
    }
    if (r < 0)
        vemu__qcow2_snapshots_clear(s);
    return r;
}
