/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device handle: a device inside the kernel, and the attributes it has.
 *
 *     gcc example-device.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^(VFIO groups can be (added|removed): (yes|no)|this KVM has no VFIO device)$
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vkvm/vkvm.h>

static int tell(struct vkvm_device *device)
{
    static const struct {
        uint64_t attr;
        const char *what;
    } attrs[] = { { KVM_DEV_VFIO_GROUP_ADD, "added" }, { KVM_DEV_VFIO_GROUP_DEL, "removed" } };
    for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
        int r = vkvm_device_has_attr(device, KVM_DEV_VFIO_GROUP, attrs[i].attr);
        if (r < 0 && r != -ENXIO)
            return r;
        printf("VFIO groups can be %s: %s\n", attrs[i].what, r == 0 ? "yes" : "no");
    }
    return 0;
}

int main(void)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_device *device = NULL;
    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_create_device(vm, KVM_DEV_TYPE_VFIO, 0, &device);
    if (r == -ENODEV) {
        printf("this KVM has no VFIO device\n");
        r = 0;
    } else if (r >= 0) {
        r = tell(device);
    }
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));
    /* in any order: the kernel keeps the VM for the device */
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    vkvm_device_close(device);
    return r == 0 ? 0 : 1;
}
