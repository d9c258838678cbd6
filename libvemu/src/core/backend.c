/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine's back-ends of every kind: what may be added, and the lists of what was.
 */
#include "core/backend.h"

#include <errno.h>
#include <string.h>

#include "core/property.h"
#include "core/vm.h"

static GPtrArray *list_of(struct vemu_vm *vm, const struct vemu_backend_kind *kind)
{
    return *(GPtrArray **)((char *)vm + kind->list);
}

static const char *noun(const struct vemu_backend_kind *kind)
{
    return strchr(kind->a_noun, ' ') + 1;
}

static const struct vemu_backend_class *class_find(const struct vemu_backend_kind *kind,
                                                   const char *name)
{
    for (size_t i = 0; kind->classes[i]; i++)
        if (strcmp(kind->classes[i]->name, name) == 0)
            return kind->classes[i];
    return NULL;
}

void *vemu__backend_find(struct vemu_vm *vm, const struct vemu_backend_kind *kind, const char *id)
{
    const GPtrArray *list = list_of(vm, kind);
    void *found = NULL;

    pthread_mutex_lock(&vm->list_lock);
    for (guint i = 0; i < list->len && !found; i++) {
        char *instance = list->pdata[i];

        if (strcmp(*(char **)(instance + kind->id), id) == 0)
            found = instance;
    }
    pthread_mutex_unlock(&vm->list_lock);
    return found;
}

int vemu__backend_may_add(struct vemu_vm *vm, const struct vemu_backend_kind *kind,
                          const char *class_name, const char *id,
                          const struct vemu_backend_class **class_, struct vemu_error **err)
{
    int r;

    if (vm->stopping)
        return vemu__error_set(err, EBUSY, "cannot add %s: the machine is being stopped",
                               kind->a_noun);
    if (!*class_) {
        *class_ = class_find(kind, class_name);
        if (!*class_)
            return vemu__error_set(err, EINVAL, "%s '%s' is not known", kind->class_noun,
                                   class_name);
        if ((*class_)->flags & VEMU_BACKEND_INTERNAL)
            return vemu__error_set(err, EINVAL, "%s '%s' cannot be added by name", kind->class_noun,
                                   class_name);
    }
    if (!id)
        return 0;
    r = vemu__config_check_id(id, err);
    if (r >= 0 && vemu__backend_find(vm, kind, id))
        r = vemu__error_set(err, EEXIST, "there is already %s '%s'", kind->a_noun, id);
    return r;
}

int vemu__backend_failed(const struct vemu_backend_kind *kind, const char *id, int r,
                         struct vemu_error **err)
{
    vemu__error_set(err, -r, "%s", strerror(-r)); /* if nobody said more */
    vemu__error_prefix(err, "%s '%s'", noun(kind), id);
    return r;
}

struct add {
    const struct vemu_backend_kind *kind;
    const char *class_name, *id;
    const struct vemu_property *props;
    size_t prop_count;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;
    const struct vemu_backend_kind *kind = add->kind;
    const struct vemu_backend_class *class_ = NULL;
    void *instance;
    int r;

    r = vemu__backend_may_add(vm, kind, add->class_name, add->id, &class_, err);
    if (r < 0)
        return r;
    instance = kind->make(vm, class_, add->id);
    r = vemu__props_set(vm, instance, class_->props, add->props, add->prop_count, err);
    if (r >= 0)
        r = kind->open(instance, err);
    if (r < 0) {
        kind->free(instance);
        return vemu__backend_failed(kind, add->id, r, err);
    }
    vemu__backend_list(vm, kind, instance);
    return 0;
}

int vemu__backend_add(struct vemu_vm *vm, const struct vemu_backend_kind *kind,
                      const char *class_name, const char *id, const struct vemu_property *props,
                      size_t prop_count, struct vemu_error **err)
{
    struct add add = { kind, class_name, id, props, prop_count };

    if (!class_name)
        return vemu__error_set(err, EINVAL, "the %s is missing", kind->class_noun);
    if (!id)
        return vemu__error_set(err, EINVAL, "the %s's id is missing", noun(kind));
    return vemu__vm_control(vm, do_add, &add, err);
}

void vemu__backend_list(struct vemu_vm *vm, const struct vemu_backend_kind *kind, void *instance)
{
    pthread_mutex_lock(&vm->list_lock);
    g_ptr_array_add(list_of(vm, kind), instance);
    pthread_mutex_unlock(&vm->list_lock);
}

void vemu__backend_unlist(struct vemu_vm *vm, const struct vemu_backend_kind *kind, void *instance)
{
    GPtrArray *list = list_of(vm, kind);
    guint at;

    pthread_mutex_lock(&vm->list_lock);
    if (g_ptr_array_find(list, instance, &at))
        g_ptr_array_steal_index(list, at);
    pthread_mutex_unlock(&vm->list_lock);
}
