/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that the owner of a machine gives its guest by fw_cfg (QEMU: docs/specs/fw_cfg; Linux:
 * qemu_fw_cfg shows them below /sys/firmware/qemu_fw_cfg).
 */
#include "machines/fw-file.h"

#include <errno.h>
#include <string.h>

#include <glib.h>
#include <vemu/vm.h>

#include "core/lifecycle.h"
#include "core/vm.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "machines/machine.h"

#define PREFIX "opt/" /* what users may name; all else is between board and firmware */

struct file {
    char *name;
    void *data;
    size_t size;
};

static void file_free(void *data)
{
    struct file *f = data;

    g_free(f->name);
    g_free(f->data);
    g_free(f);
}

static int check_name(const char *name, struct vemu_error **err)
{
    if (!g_str_has_prefix(name, PREFIX) || !name[strlen(PREFIX)])
        return vemu__error_set(err, EINVAL, "'%s': names of fw_cfg files begin with " PREFIX, name);
    if (strlen(name) > VEMU_FW_CFG_NAME_MAX)
        return vemu__error_set(err, EINVAL, "'%s': a name of more than %u bytes", name,
                               VEMU_FW_CFG_NAME_MAX);
    for (const char *p = name; *p; p++) {
        if (!g_ascii_isgraph(*p))
            return vemu__error_set(err, EINVAL, "'%s': not all of the name can be printed", name);
    }
    return 0;
}

/* Among the others. */
static int check_place(const GPtrArray *files, const char *name, struct vemu_error **err)
{
    for (guint i = 0; i < files->len; i++) {
        const struct file *other = files->pdata[i];

        if (strcmp(other->name, name) == 0)
            return vemu__error_set(err, EEXIST, "'%s' is there already", name);
    }
    if (files->len >= VEMU_FW_CFG_USER_FILES)
        return vemu__error_set(err, ENOSPC, "'%s': more than %u files", name,
                               VEMU_FW_CFG_USER_FILES);
    return 0;
}

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct file *f = data;
    struct file *copy;
    int r = vemu__state_check(vm, VEMU_STATE_BIT(VEMU_VM_CREATED), "add fw_cfg files", err);

    if (r < 0)
        return r;
    if (!vm->machine->class_->has_fw_cfg)
        return vemu__error_set(err, ENOTSUP, "machine '%s' has no fw_cfg",
                               vm->machine->class_->name);
    r = check_name(f->name, err);
    if (r >= 0 && f->size > VEMU_FW_CFG_DATA_MAX)
        r = vemu__error_set(err, E2BIG, "'%s': more than %u MiB", f->name,
                            VEMU_FW_CFG_DATA_MAX >> 20);
    if (!vm->fw_files)
        vm->fw_files = g_ptr_array_new_with_free_func(file_free);
    if (r >= 0)
        r = check_place(vm->fw_files, f->name, err);
    if (r < 0)
        return r;
    copy = g_new0(struct file, 1);
    *copy = (struct file){ g_strdup(f->name), g_memdup2(f->data, f->size), f->size };
    g_ptr_array_add(vm->fw_files, copy);
    return 0;
}

int vemu_vm_add_fw_cfg(struct vemu_vm *vm, const char *name, const void *data, size_t size,
                       struct vemu_error **err)
{
    struct file f = { (char *)name, (void *)data, size };

    return vemu__vm_control(vm, do_add, &f, err);
}

void vemu__fw_files_publish(struct vemu_vm *vm, struct vemu_device *fw_cfg)
{
    for (guint i = 0; vm->fw_files && i < vm->fw_files->len; i++) {
        const struct file *f = vm->fw_files->pdata[i];

        vemu__fw_cfg_set_file(fw_cfg, f->name, f->data, f->size);
    }
}
