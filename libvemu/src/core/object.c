/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects: making them by class name, finding them, freeing them.
 */
#include "core/object.h"

#include <errno.h>
#include <string.h>

#include <vemu/object.h>

#include "core/property.h"
#include "core/vm.h"

void vemu__object_free(struct vemu_object *object)
{
    if (!object)
        return;
    if (object->class_->fini)
        object->class_->fini(object);
    vemu__props_clear(object, object->class_->base.props);
    g_free(object->id);
    g_free(object);
}

static void *make(struct vemu_vm *vm, const struct vemu_backend_class *class_, const char *id)
{
    struct vemu_object *object = g_malloc0(class_->instance_size);

    object->class_ = (const struct vemu_object_class *)class_;
    object->vm = vm;
    object->id = g_strdup(id);
    return object;
}

static int complete(void *instance, struct vemu_error **err)
{
    struct vemu_object *object = instance;

    return object->class_->complete ? object->class_->complete(object, err) : 0;
}

static void object_free(void *instance)
{
    vemu__object_free(instance);
}

const struct vemu_backend_kind vemu__object_kind = {
    .a_noun = "an object",
    .class_noun = "object class",
    .classes = vemu__object_classes,
    .list = offsetof(struct vemu_vm, objects),
    .id = offsetof(struct vemu_object, id),
    .make = make,
    .open = complete,
    .free = object_free,
};

struct vemu_object *vemu__vm_find_object(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__object_kind, id);
}

/* --- <vemu/object.h> -------------------------------------------------------------------------- */

int vemu_vm_add_object(struct vemu_vm *vm, const char *class_name, const char *id,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_error **err)
{
    return vemu__backend_add(vm, &vemu__object_kind, class_name, id, props, prop_count, err);
}

static int do_remove(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *id = data;
    struct vemu_object *object = vemu__vm_find_object(vm, id);
    const struct vemu_device *dev;
    const char *user;

    if (!object)
        return vemu__error_set(err, ENOENT, "object '%s' not found", id);
    dev = vemu__vm_find_user(vm, object);
    user = dev ? dev->id : object->class_->user ? object->class_->user(object) : NULL;
    if (user)
        return vemu__error_set(err, EBUSY, "object '%s' is in use by '%s'", id, user);
    vemu__backend_unlist(vm, &vemu__object_kind, object);
    vemu__object_free(object);
    return 0;
}

int vemu_vm_remove_object(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    if (!id)
        return vemu__error_set(err, EINVAL, "the object's id is missing");
    return vemu__vm_control(vm, do_remove, (void *)id, err);
}
