/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nested state: a header and as many bytes as its format has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"

#define NESTED_MAX   (1u << 20)
#define NESTED_GUESS (sizeof(struct kvm_nested_state) + sizeof(struct kvm_vmx_nested_state_data))

struct vkvm_nested_state {
    struct kvm_nested_state *bytes; /* `size` in it says how many */
};

struct vkvm_nested_state *vkvm_nested_state_free(struct vkvm_nested_state *state)
{
    if (state) {
        free(state->bytes);
        free(state);
    }
    return NULL;
}

static int nested_new(size_t size, struct vkvm_nested_state **ret_state)
{
    struct vkvm_nested_state *state = calloc(1, sizeof(*state));
    if (state)
        state->bytes = calloc(1, size);
    if (!state || !state->bytes) {
        free(state);
        return -ENOMEM;
    }
    state->bytes->size = (uint32_t)size;
    *ret_state = state;
    return 0;
}

int vkvm_nested_state_from_bytes(const void *bytes, size_t size,
                                 struct vkvm_nested_state **ret_state)
{
    struct kvm_nested_state head;
    if (size < sizeof(head))
        return -EINVAL;
    memcpy(&head, bytes, sizeof(head));
    if (head.size < sizeof(head) || head.size > size)
        return -EINVAL;
    if (head.size > NESTED_MAX)
        return -E2BIG;
    int r = nested_new(head.size, ret_state);
    if (r >= 0)
        memcpy((*ret_state)->bytes, bytes, head.size);
    return r;
}

const struct kvm_nested_state *vkvm_nested_state_bytes(const struct vkvm_nested_state *state,
                                                       size_t *ret_size)
{
    *ret_size = state->bytes->size;
    return state->bytes;
}

int vkvm_vcpu_get_nested_state(struct vkvm_vcpu *vcpu, struct vkvm_nested_state **ret_state)
{
    size_t size = NESTED_GUESS;
    for (;;) {
        struct vkvm_nested_state *state;
        int r = nested_new(size, &state);
        if (r < 0)
            return r;
        r = vkvm__vcpu_ioctl(vcpu, KVM_GET_NESTED_STATE, state->bytes);
        size_t told = state->bytes->size;
        bool fits = told >= sizeof(*state->bytes) && told <= size;
        if (r >= 0 && fits) {
            *ret_state = state;
            return 0;
        }
        vkvm_nested_state_free(state);
        if (r < 0 && r != -E2BIG)
            return r;
        if (fits || r >= 0 || told < size || told > NESTED_MAX)
            return vkvm__failed(&vcpu->h, KVM_GET_NESTED_STATE, NULL, -EPROTO);
        size = told;
    }
}

int vkvm_vcpu_set_nested_state(struct vkvm_vcpu *vcpu, const struct vkvm_nested_state *state)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_NESTED_STATE, state->bytes);
}
