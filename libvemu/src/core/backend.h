/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What back-ends of every kind (character back-ends, block nodes, networks, shared directories,
 * objects) have in common: classes found by name, a machine's instances found by id.
 */
#ifndef VEMU_CORE_BACKEND_H
#define VEMU_CORE_BACKEND_H

#include <stddef.h>
#include <stdint.h>

struct vemu_error;
struct vemu_prop;
struct vemu_property;
struct vemu_vm;

#define VEMU_BACKEND_INTERNAL (1u << 0) /* made by a call of its own, not by class name */

/* First member of every class, named `base`. */
struct vemu_backend_class {
    const char *name, *summary; /* "tap", as QEMU's options name it */
    uint32_t flags;
    size_t instance_size;
    const struct vemu_prop *props;
};

struct vemu_backend_kind {
    const char *a_noun;         /* as messages name an instance: "a drive" */
    const char *class_noun;     /* as messages name a class: "block driver" */
    const struct vemu_backend_class *const *classes; /* NULL-terminated: core/registry.c */
    size_t list;                /* offset of the GPtrArray * in struct vemu_vm */
    size_t id;                  /* offset of the char * in an instance */
    /* For vemu__backend_add(); NULL: those of this kind are made in another way. */
    /* A new one without properties. Context: loop. */
    void *(*make)(struct vemu_vm *vm, const struct vemu_backend_class *class_, const char *id);
    /* All properties are set. Context: loop. */
    int (*open)(void *instance, struct vemu_error **err);
    /* Also before open, and after one that failed. */
    void (*free)(void *instance);
};

/* Whether an instance may be added now: -EBUSY while the machine is being stopped, -EINVAL for a
 * class that is not known or is internal, and for a bad id, -EEXIST. The class is looked up unless
 * *class_ has it; an id of NULL is for the caller to make up. Context: loop. */
int vemu__backend_may_add(struct vemu_vm *vm, const struct vemu_backend_kind *kind,
                          const char *class_name, const char *id,
                          const struct vemu_backend_class **class_, struct vemu_error **err);
/* Makes, opens and lists an instance. The errors of vemu__backend_may_add(), of its properties and
 * of opening it; -EINVAL also where class_name or id is NULL. Context: any. */
int vemu__backend_add(struct vemu_vm *vm, const struct vemu_backend_kind *kind,
                      const char *class_name, const char *id, const struct vemu_property *props,
                      size_t prop_count, struct vemu_error **err);
/* Making one failed with r: completes the message. Returns r. */
int vemu__backend_failed(const struct vemu_backend_kind *kind, const char *id, int r,
                         struct vemu_error **err);
/* Context: loop. */
void vemu__backend_list(struct vemu_vm *vm, const struct vemu_backend_kind *kind, void *instance);
void vemu__backend_unlist(struct vemu_vm *vm, const struct vemu_backend_kind *kind, void *instance);
/* NULL: there is none. Context: any, but only the loop keeps it from going away. */
void *vemu__backend_find(struct vemu_vm *vm, const struct vemu_backend_kind *kind, const char *id);

#endif
