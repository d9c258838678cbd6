/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: descriptions of statistics. The input is what a descriptor reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vkvm/vkvm.h>

#include "driver.h"

struct input {
    const uint8_t *bytes;
    size_t size;
};

static ssize_t input_pread(void *data, int fd, void *buffer, size_t size, off_t offset)
{
    const struct input *input = data;
    if (offset < 0 || (uint64_t)offset >= input->size)
        return offset < 0 ? -EINVAL : 0;
    size_t left = input->size - (size_t)offset;
    memcpy(buffer, input->bytes + offset, size < left ? size : left);
    return (ssize_t)(size < left ? size : left);
}

static int input_close(void *data, int fd)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const struct vkvm_syscalls sys = {
        .size = sizeof(sys), .data = &input, .close = input_close, .pread = input_pread
    };
    struct vkvm_stats *stats;
    if (vkvm_stats_from_fd(&sys, 3, &stats) < 0)
        return 0;
    vkvm_stats_read(stats);
    fuzz_read(vkvm_stats_get_id(stats), strlen(vkvm_stats_get_id(stats)));
    for (size_t i = 0; i < vkvm_stats_count(stats); i++) {
        const struct vkvm_stat *stat = vkvm_stats_get(stats, i);
        fuzz_read(stat->name, strlen(stat->name));
        fuzz_read(stat->values, stat->count * sizeof(*stat->values));
        vkvm_stat_type_name(stat->type);
        vkvm_stat_unit_name(stat->unit);
        fuzz_sink ^= vkvm_stat_scale(stat, 3) > 1;
        if (!vkvm_stats_find(stats, stat->name))
            abort();
    }
    vkvm_stats_close(stats);
    return 0;
}

/* A header, an id, two descriptors, their values. */
uint8_t *fuzz_seed(unsigned index, size_t *ret_size)
{
    const uint32_t name_size = 16, desc = sizeof(struct kvm_stats_desc) + 16;
    struct kvm_stats_header header = { .name_size = name_size, .num_desc = 2 };
    if (index > 1)
        return NULL;
    header.id_offset = sizeof(header);
    header.desc_offset = header.id_offset + name_size;
    header.data_offset = header.desc_offset + 2 * desc;
    *ret_size = header.data_offset + 8 * 8;
    uint8_t *seed = calloc(1, *ret_size);
    if (!seed)
        return NULL;
    memcpy(seed, &header, sizeof(header));
    memcpy(seed + header.id_offset, "kvm-1", 5);
    for (uint32_t i = 0; i < 2; i++) {
        struct kvm_stats_desc one = { .size = i ? 7 : 1, .offset = i ? 8 : 0 };
        one.flags = i ? KVM_STATS_TYPE_LINEAR_HIST : KVM_STATS_TYPE_CUMULATIVE;
        one.bucket_size = i + index;
        memcpy(seed + header.desc_offset + i * desc, &one, sizeof(one));
        memcpy(seed + header.desc_offset + i * desc + sizeof(one), i ? "b" : "a", 1);
    }
    return seed;
}
