/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -object and -mem-path: objects of the host for the machine.
 */
#include "object.h"

#include <stdio.h>
#include <string.h>
#include <vemu/object.h>

#include "keyval.h"
#include "report.h"

#define MAIN_MEMORY    "pc.ram" /* as QEMU calls it */
#define DEFAULT_MEMORY (128ull << 20)

bool prepare_objects(struct options *o)
{
    if (!o->memory_path)
        return true;
    if (o->config.memory_backend) {
        report("-mem-path and -machine memory-backend= exclude each other");
        return false;
    }
    o->config.memory_backend = MAIN_MEMORY;
    if (!o->config.memory_bytes)
        o->config.memory_bytes = DEFAULT_MEMORY;
    return true;
}

static bool fail(const char *option, const char *value, struct vemu_error *err)
{
    report("-%s %s: %s", option, value, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

static bool build_object(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    if (!keyval_parse(&kv, "object", value, true))
        return false;
    const char *named = keyval_take(&kv, "qom-type");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id");
    bool ok = class_name && id;
    if (!ok)
        report("-object %s: parameter '%s' is missing", value, class_name ? "id" : "qom-type");
    else if (vemu_vm_add_object(vm, class_name, id, kv.items, kv.count, &err) < 0)
        ok = fail("object", value, err);
    keyval_free(&kv);
    return ok;
}

bool build_objects(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->objects.count; i++)
        if (!build_object(vm, o->objects.items[i]))
            return false;
    if (!o->memory_path)
        return true;
    char size[32];
    struct vemu_error *err = NULL;
    snprintf(size, sizeof(size), "%llu", (unsigned long long)o->config.memory_bytes);
    const struct vemu_property props[] = { { "mem-path", o->memory_path }, { "size", size } };
    if (vemu_vm_add_object(vm, "memory-backend-file", MAIN_MEMORY, props, 2, &err) < 0)
        return fail("mem-path", o->memory_path, err);
    return true;
}
