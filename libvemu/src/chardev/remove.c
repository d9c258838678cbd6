/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking a character back-end away from a machine that goes on.
 */
#include <errno.h>

#include "chardev/backend.h"
#include "core/vm.h"

/* Behind what was posted for the chardev before; also when the loop ends before. */
static void no_work(void *data) {}

static void free_chardev(void *data)
{
    vemu__chardev_free(data);
}

static int do_remove(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *id = data;
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);
    const struct vemu_device *user;

    if (!chr)
        return vemu__error_set(err, ENOENT, "there is no chardev '%s'", id);
    user = vemu__vm_find_user(vm, chr);
    if (user)
        return vemu__error_set(err, EBUSY, "chardev '%s' is in use by '%s'", id, user->id);
    if (vemu__chardev_has_front(chr))
        return vemu__error_set(err, EBUSY, "chardev '%s' is in use", id);
    vemu__backend_unlist(vm, &vemu__chardev_kind, chr);
    vemu__chardev_close(chr);
    vemu__loop_post(vm->loop, no_work, chr, free_chardev);
    return 0;
}

int vemu_vm_remove_chardev(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    if (!id)
        return vemu__error_set(err, EINVAL, "the chardev's id is missing");
    return vemu__vm_control(vm, do_remove, (void *)id, err);
}
