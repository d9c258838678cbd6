/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's devices in the kernel: one attribute group, number 1, with one value.
 */
#include <errno.h>

#include "fake_table.h"

int fake_has_attr(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    return ((struct kvm_device_attr *)arg)->group == 1 ? 0 : -ENXIO;
}

int fake_set_attr(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->attr_value = *(uint64_t *)(uintptr_t)((struct kvm_device_attr *)arg)->addr;
    return 0;
}

int fake_get_attr(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    *(uint64_t *)(uintptr_t)((struct kvm_device_attr *)arg)->addr = f->attr_value;
    return 0;
}

const struct fake_ioctl fake_device_table[] = {
    FAKE_CALL(KVM_HAS_DEVICE_ATTR, fake_has_attr),
    FAKE_CALL(KVM_SET_DEVICE_ATTR, fake_set_attr),
    FAKE_CALL(KVM_GET_DEVICE_ATTR, fake_get_attr),
    FAKE_END,
};
