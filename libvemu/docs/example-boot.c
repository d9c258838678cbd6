/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boots a Linux kernel inside this program with libvemu; the console goes to standard output.
 *
 *     gcc example-boot.c $(pkg-config --cflags --libs libvemu)
 *     ./a.out /boot/vmlinuz-... initramfs "console=ttyS0"
 */
#include <stdio.h>
#include <vemu/chardev.h>
#include <vemu/vm.h>

static void on_output(void *data, const void *buf, size_t size)
{
    fwrite(buf, 1, size, data);
    fflush(data);
}

int main(int argc, char **argv)
{
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    struct vemu_vm *vm = NULL;
    struct vemu_error *err = NULL;
    const struct vemu_property serial[] = { { "chardev", "console" } };
    if (argc != 4) {
        fprintf(stderr, "usage: %s KERNEL INITRD CMDLINE\n", argv[0]);
        return 2;
    }
    config.kernel = argv[1];
    config.initrd = argv[2];
    config.cmdline = argv[3];
    config.memory_bytes = 256ull << 20;
    config.flags = VEMU_VM_NO_REBOOT;

    int r = vemu_vm_new(&config, &vm, &err);
    if (r >= 0)
        r = vemu_vm_add_chardev_callback(vm, "console", on_output, stdout, NULL, &err);
    if (r >= 0)
        r = vemu_vm_add_device(vm, "isa-serial", NULL, serial, 1, &err);
    if (r >= 0)
        r = vemu_vm_realize(vm, &err);
    if (r >= 0)
        r = vemu_vm_start(vm, &err);
    if (r >= 0)
        vemu_vm_wait(vm, 1u << VEMU_VM_SHUTDOWN | 1u << VEMU_VM_PANICKED | 1u << VEMU_VM_ERROR, -1);
    if (err)
        fprintf(stderr, "error: %s\n", vemu_error_message(err));

    int ok = r >= 0 && vemu_vm_get_state(vm) == VEMU_VM_SHUTDOWN;
    vemu_error_free(err);
    vemu_vm_unref(vm);
    return ok ? 0 : 1;
}
