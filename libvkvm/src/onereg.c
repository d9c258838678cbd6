/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers by id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/onereg.h>

#include "vcpu.h"

#define REG_LIST_MAX   65536 /* arm64 with all of SVE has some thousand */
#define REG_LIST_TRIES 4

#define SIZE_SHIFT    52
#define SIZE_MASK     0xfull
#define SIZE_MAX_LOG2 8 /* KVM_REG_SIZE_U2048 */

size_t vkvm_reg_size(uint64_t id)
{
    unsigned int log2 = (unsigned int)(id >> SIZE_SHIFT & SIZE_MASK);
    return log2 <= SIZE_MAX_LOG2 ? (size_t)1 << log2 : 0;
}

static int reg_ioctl(struct vkvm_vcpu *vcpu, unsigned long request, uint64_t id, const void *value,
                     size_t size)
{
    const struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
    if (!size || size != vkvm_reg_size(id))
        return vkvm__failed(&vcpu->h, request, &reg, -EINVAL);
    return vkvm__vcpu_ioctl(vcpu, request, &reg);
}

int vkvm_vcpu_get_reg(struct vkvm_vcpu *vcpu, uint64_t id, void *value, size_t size)
{
    return reg_ioctl(vcpu, KVM_GET_ONE_REG, id, value, size);
}

int vkvm_vcpu_set_reg(struct vkvm_vcpu *vcpu, uint64_t id, const void *value, size_t size)
{
    return reg_ioctl(vcpu, KVM_SET_ONE_REG, id, value, size);
}

/* The first bytes are the low ones: every architecture built for here is little-endian. */
int vkvm_vcpu_get_reg64(struct vkvm_vcpu *vcpu, uint64_t id, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t size = vkvm_reg_size(id);
    int r = reg_ioctl(vcpu, KVM_GET_ONE_REG, id, &value, size <= sizeof(value) ? size : 0);
    if (r >= 0)
        *ret_value = value;
    return r;
}

int vkvm_vcpu_set_reg64(struct vkvm_vcpu *vcpu, uint64_t id, uint64_t value)
{
    size_t size = vkvm_reg_size(id);
    if (size < sizeof(value) && size && value >> (size * 8))
        return -ERANGE;
    return reg_ioctl(vcpu, KVM_SET_ONE_REG, id, &value, size <= sizeof(value) ? size : 0);
}

int vkvm_vcpu_get_reg_list(struct vkvm_vcpu *vcpu, uint64_t **ret_ids, size_t *ret_count)
{
    struct kvm_reg_list *list = calloc(1, sizeof(*list));
    uint64_t room = 0;
    int r = list ? 0 : -ENOMEM;
    for (int tries = 0; r >= 0; tries++) {
        r = vkvm__vcpu_ioctl(vcpu, KVM_GET_REG_LIST, list);
        if (r != -E2BIG)
            break;
        /* The kernel has put the number there is into n. It may change with a feature. */
        room = list->n;
        r = -EPROTO;
        if (room > REG_LIST_MAX || tries == REG_LIST_TRIES)
            break;
        free(list);
        list = calloc(1, sizeof(*list) + room * sizeof(list->reg[0]));
        r = -ENOMEM;
        if (!list)
            break;
        list->n = room;
        r = 0;
    }
    if (r >= 0 && list->n > room)
        r = -EPROTO;
    if (r >= 0) {
        /* Moved to the front: what is left is the caller's array. */
        size_t count = list->n;
        memmove(list, list->reg, count * sizeof(list->reg[0]));
        *ret_ids = (uint64_t *)list;
        *ret_count = count;
        return 0;
    }
    free(list);
    return r;
}
