/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects: things of the host with a name and properties that devices refer to ("-object").
 */
#ifndef VEMU_CORE_OBJECT_H
#define VEMU_CORE_OBJECT_H

#include "core/backend.h"
#include "core/device.h"

struct vemu_object;

struct vemu_object_class {
    struct vemu_backend_class base; /* of structs whose first member is struct vemu_object */
    /* All properties are set. Context: loop. */
    int (*complete)(struct vemu_object *object, struct vemu_error **err);
    /* A number that may be changed later (qom-set). NULL: there is none. Context: loop. */
    int (*set)(struct vemu_object *object, const struct vemu_prop *prop, uint64_t value,
               struct vemu_error **err);
    /* Who uses it, for people; NULL: nobody. */
    const char *(*user)(const struct vemu_object *object);
    /* Also after a complete() that failed. */
    void (*fini)(struct vemu_object *object);
};

/* First member of every object's struct. */
struct vemu_object {
    const struct vemu_object_class *class_;
    struct vemu_vm *vm;
    char *id;
};

/* NULL-terminated table in core/registry.c. */
extern const struct vemu_backend_class *const vemu__object_classes[];
extern const struct vemu_backend_kind vemu__object_kind;

struct vemu_object *vemu__vm_find_object(struct vemu_vm *vm, const char *id);
void vemu__object_free(struct vemu_object *object);

#endif
