/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binary statistics.
 *
 * Theory of operation: the file has a header, an id string, descriptors of equal size and the
 * values, each block at an offset the header gives [4.133]. All but the values never change, so
 * they are read and checked once. A descriptor's own offset counts from the start of the values.
 * Everything a descriptor says is compared with limits far above what any kernel has and far below
 * what could hurt.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/stats.h>
#include <vkvm/uapi.h>

#include "vcpu.h"
#include "vm.h"

#define MAX_NAME   256
#define MAX_STATS  4096
#define MAX_VALUES (1u << 17) /* of all statistics, 1 MiB */
#define MAX_OFFSET (1u << 24)

struct vkvm_stats {
    struct vkvm_handle h;
    struct vkvm_stat *items;
    size_t count;
    char *id;
    char *names;      /* of each item, name_size apart */
    uint64_t *values; /* the block of values as it stands in the file */
    size_t values_size;
    off_t values_offset;
};

/* All of [offset, offset + size). */
static int stats_pread(struct vkvm_stats *stats, void *buffer, size_t size, off_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t r = stats->h.sys.pread(stats->h.sys.data, stats->h.fd, (char *)buffer + done,
                                       size - done, offset + (off_t)done);
        if (r == -EINTR)
            continue;
        if (r < 0)
            return (int)r;
        if (r == 0 || (size_t)r > size - done)
            return -EIO;
        done += (size_t)r;
    }
    return 0;
}

static int stats_check_header(const struct kvm_stats_header *header)
{
    if (header->name_size == 0 || header->name_size > MAX_NAME || header->num_desc > MAX_STATS ||
        header->id_offset > MAX_OFFSET || header->desc_offset > MAX_OFFSET ||
        header->data_offset > MAX_OFFSET || header->id_offset < sizeof(*header) ||
        header->desc_offset < sizeof(*header) || header->data_offset < sizeof(*header))
        return -EPROTO;
    return 0;
}

/* One descriptor: fills an item; *end grows to the last byte of the values it needs. */
static int stats_describe(struct vkvm_stat *item, const struct kvm_stats_desc *desc,
                          const char *name, size_t *end)
{
    const size_t values_end = (size_t)desc->offset + desc->size * sizeof(uint64_t);
    if (desc->size == 0 || desc->offset > MAX_OFFSET || desc->offset % sizeof(uint64_t) ||
        values_end > MAX_VALUES * sizeof(uint64_t) || desc->exponent < -64 || desc->exponent > 64)
        return -EPROTO;
    if (values_end > *end)
        *end = values_end;
    *item = (struct vkvm_stat){
        .name = name,
        .count = desc->size,
        .type = (desc->flags & KVM_STATS_TYPE_MASK) >> KVM_STATS_TYPE_SHIFT,
        .unit = (desc->flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT,
        .base = (desc->flags & KVM_STATS_BASE_MASK) == KVM_STATS_BASE_POW2 ? 2 : 10,
        .exponent = desc->exponent,
        .bucket_size = desc->bucket_size,
    };
    return 0;
}

static int stats_parse(struct vkvm_stats *stats)
{
    struct kvm_stats_header header;
    uint8_t *block = NULL;
    uint32_t *offsets = NULL;
    int r = stats_pread(stats, &header, sizeof(header), 0);
    if (r >= 0)
        r = stats_check_header(&header);
    if (r < 0)
        return r;

    const size_t name_size = header.name_size;
    const size_t stride = sizeof(struct kvm_stats_desc) + name_size;
    const size_t count = header.num_desc;
    stats->id = calloc(1, name_size + 1);
    stats->items = calloc(count + 1, sizeof(*stats->items));
    stats->names = calloc(count + 1, name_size + 1);
    offsets = calloc(count + 1, sizeof(*offsets));
    block = malloc(count * stride + 1);
    r = -ENOMEM;
    if (!stats->id || !stats->items || !stats->names || !offsets || !block)
        goto out;
    r = stats_pread(stats, stats->id, name_size, header.id_offset);
    if (r >= 0)
        r = stats_pread(stats, block, count * stride, header.desc_offset);
    for (size_t i = 0; r >= 0 && i < count; i++) {
        struct kvm_stats_desc desc;
        char *name = stats->names + i * (name_size + 1);
        memcpy(&desc, block + i * stride, sizeof(desc));
        memcpy(name, block + i * stride + sizeof(desc), name_size);
        r = stats_describe(&stats->items[i], &desc, name, &stats->values_size);
        offsets[i] = desc.offset;
    }
    if (r < 0)
        goto out;

    stats->values = calloc(1, stats->values_size + 1);
    r = -ENOMEM;
    if (!stats->values)
        goto out;
    for (size_t i = 0; i < count; i++)
        stats->items[i].values = stats->values + offsets[i] / sizeof(uint64_t);
    stats->count = count;
    stats->values_offset = header.data_offset;
    r = 0;
out:
    free(offsets);
    free(block);
    return r;
}

int vkvm_stats_from_fd(const struct vkvm_syscalls *syscalls, int fd, struct vkvm_stats **ret_stats)
{
    struct vkvm_stats *stats = calloc(1, sizeof(*stats));
    int r = stats ? vkvm__handle_init(&stats->h, syscalls, fd) : -ENOMEM;
    if (r < 0) {
        free(stats);
        vkvm__close_fd(syscalls, fd);
        return r;
    }
    r = stats_parse(stats);
    if (r < 0) {
        vkvm_stats_close(stats);
        return r;
    }
    *ret_stats = stats;
    return 0;
}

int vkvm_vm_open_stats(struct vkvm_vm *vm, struct vkvm_stats **ret_stats)
{
    int fd = vkvm__ioctl_int(&vm->h, KVM_GET_STATS_FD, 0);
    return fd < 0 ? fd : vkvm_stats_from_fd(&vm->h.sys, fd, ret_stats);
}

int vkvm_vcpu_open_stats(struct vkvm_vcpu *vcpu, struct vkvm_stats **ret_stats)
{
    int fd = vkvm__vcpu_ioctl_int(vcpu, KVM_GET_STATS_FD, 0);
    return fd < 0 ? fd : vkvm_stats_from_fd(&vcpu->h.sys, fd, ret_stats);
}

struct vkvm_stats *vkvm_stats_close(struct vkvm_stats *stats)
{
    if (stats) {
        vkvm__handle_fini(&stats->h);
        free(stats->id);
        free(stats->items);
        free(stats->names);
        free(stats->values);
        free(stats);
    }
    return NULL;
}

const char *vkvm_stats_get_id(const struct vkvm_stats *stats)
{
    return stats->id;
}

size_t vkvm_stats_count(const struct vkvm_stats *stats)
{
    return stats->count;
}

const struct vkvm_stat *vkvm_stats_get(const struct vkvm_stats *stats, size_t index)
{
    return index < stats->count ? &stats->items[index] : NULL;
}

const struct vkvm_stat *vkvm_stats_find(const struct vkvm_stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->count; i++)
        if (!strcmp(stats->items[i].name, name))
            return &stats->items[i];
    return NULL;
}

int vkvm_stats_read(struct vkvm_stats *stats)
{
    return stats_pread(stats, stats->values, stats->values_size, stats->values_offset);
}

const char *vkvm_stat_type_name(uint32_t type)
{
    static const char *const names[] = { "cumulative", "instant", "peak", "linear-histogram",
                                         "log-histogram" };
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

const char *vkvm_stat_unit_name(uint32_t unit)
{
    static const char *const names[] = { "", "bytes", "seconds", "cycles", "boolean" };
    return unit < sizeof(names) / sizeof(names[0]) ? names[unit] : "?";
}

double vkvm_stat_scale(const struct vkvm_stat *stat, uint64_t value)
{
    double scale = 1, base = stat->base;
    int steps = stat->exponent < 0 ? -stat->exponent : stat->exponent;
    while (steps-- > 0)
        scale *= base;
    return stat->exponent < 0 ? (double)value / scale : (double)value * scale;
}
