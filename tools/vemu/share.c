/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -fsdev and -virtfs: directories of the host for the guest.
 */
#include "share.h"

#include <stdio.h>
#include <vemu/fsdev.h>

#include "keyval.h"
#include "report.h"

static bool fail(const char *option, const char *value, struct vemu_error *err)
{
    report("-%s %s: %s", option, value, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

static bool build_fsdev(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    if (!keyval_parse(&kv, "fsdev", value, true))
        return false;
    const char *named = keyval_take(&kv, "fsdriver");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id");
    bool ok = class_name && id;
    if (!ok)
        report("-fsdev %s: parameter '%s' is missing", value, class_name ? "id" : "fsdriver");
    else if (vemu_vm_add_fsdev(vm, class_name, id, kv.items, kv.count, &err) < 0)
        ok = fail("fsdev", value, err);
    keyval_free(&kv);
    return ok;
}

/* A directory and the device that shares it. */
static bool build_virtfs(struct vemu_vm *vm, const char *value, unsigned n)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    char made[32];
    if (!keyval_parse(&kv, "virtfs", value, true))
        return false;
    const char *named = keyval_take(&kv, "fsdriver");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id"), *tag = keyval_take(&kv, "mount_tag");
    snprintf(made, sizeof(made), "virtfs%u", n);
    id = id ? id : made;
    const struct vemu_property props[] = { { "fsdev", id }, { "mount_tag", tag } };
    bool ok = class_name && tag;
    if (!ok)
        report("-virtfs %s: parameter '%s' is missing", value,
               class_name ? "mount_tag" : "fsdriver");
    else if (vemu_vm_add_fsdev(vm, class_name, id, kv.items, kv.count, &err) < 0 ||
             vemu_vm_add_device(vm, "virtio-9p", NULL, props, 2, &err) < 0)
        ok = fail("virtfs", value, err);
    keyval_free(&kv);
    return ok;
}

bool build_shares(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->fsdevs.count; i++)
        if (!build_fsdev(vm, o->fsdevs.items[i]))
            return false;
    for (size_t i = 0; i < o->virtfs.count; i++)
        if (!build_virtfs(vm, o->virtfs.items[i], (unsigned)i))
            return false;
    return true;
}
