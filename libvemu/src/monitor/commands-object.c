/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about objects: the paths of QEMU's object tree that clients use.
 *
 *   /machine/peripheral/ID        devices with a name
 *   /machine/peripheral-anon/ID   other devices that were added
 *   /machine/unattached/device[N] vCPUs that are there for good
 *   /objects/ID                   memory back-ends, iothreads ...
 *
 * Their properties are those of the class; numbers of iothreads can be set. A balloon has one
 * more, "guest-stats", and virtio-mem "size", the memory that the guest has of it.
 */
#include <errno.h>
#include <string.h>

#include <vemu/object.h>

#include "block/backend.h"
#include "chardev/chardev.h"
#include "core/iothread.h"
#include "core/object.h"
#include "core/property.h"
#include "devices/devices.h"
#include "devices/virtio-balloon/balloon.h"
#include "devices/virtio-mem/mem.h"
#include "devices/vmgenid/vmgenid.h"
#include "mem/memdev.h"
#include "monitor/qmp.h"
#include "net/net.h"

#define OBJECTS "/objects/"

/* Where a device is found: 0: it is part of the board. */
static const char *container_of(const struct vemu_device *dev)
{
    if (dev->class_->flags & VEMU_DEVICE_INTERNAL)
        return NULL;
    return strchr(dev->id, '#') ? "peripheral-anon" : "peripheral";
}

static void add_entry(struct json_object *list, const char *name, const char *type)
{
    struct json_object *o = json_object_new_object();

    qmp_add_string(o, "name", name);
    qmp_add_string(o, "type", type);
    json_object_array_add(list, o);
}

static void add_child(struct json_object *list, const char *name, const char *class_name)
{
    g_autofree char *type = g_strdup_printf("child<%s>", class_name);

    add_entry(list, name, type);
}

/* The device of that path, NULL: there is none. */
static struct vemu_device *find_device(struct vemu_vm *vm, const char *path)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];
        const char *container = container_of(dev);
        g_autofree char *own =
            container ? g_strdup_printf("/machine/%s/%s", container, dev->id) : NULL;

        if (g_strcmp0(own, path) == 0)
            return dev;
    }
    return NULL;
}

static bool is_vcpu(struct vemu_vm *vm, const char *path)
{
    for (uint32_t id = 0; id < vm->config.vcpus; id++) {
        g_autofree char *own = g_strdup_printf("/machine/unattached/device[%u]", id);

        if (strcmp(own, path) == 0)
            return true;
    }
    return false;
}

/* --- qom-list --------------------------------------------------------------------------------- */

static void list_container(struct vemu_vm *vm, struct json_object *list, const char *container)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        const struct vemu_device *dev = vm->devices->pdata[i];

        if (g_strcmp0(container_of(dev), container) == 0)
            add_child(list, dev->id, dev->class_->name);
    }
}

static void list_vcpus(struct vemu_vm *vm, struct json_object *list)
{
    g_autofree char *type = vemu__vcpu_type(vm);

    for (uint32_t id = 0; id < vm->config.vcpus; id++) {
        g_autofree char *name = g_strdup_printf("device[%u]", id);

        add_child(list, name, type);
    }
}

static void list_objects(struct vemu_vm *vm, struct json_object *list)
{
    for (guint i = 0; i < vm->objects->len; i++) {
        const struct vemu_object *object = vm->objects->pdata[i];

        add_child(list, object->id, object->class_->base.name);
    }
}

static struct vemu_object *find_object(struct vemu_vm *vm, const char *path)
{
    return g_str_has_prefix(path, OBJECTS) ? vemu__vm_find_object(vm, path + strlen(OBJECTS))
                                           : NULL;
}

static void list_props(struct json_object *list, const struct vemu_prop *props)
{
    struct vemu_prop_iter it = { .at = props };
    const struct vemu_prop *prop;
    size_t offset;

    add_entry(list, "type", "string");
    while ((prop = vemu__prop_next(&it, &offset)) != NULL)
        add_entry(list, prop->name, vemu__prop_type_name(prop->type));
}

static void list_device(struct json_object *list, const struct vemu_device *dev)
{
    list_props(list, dev->class_->props);
    if (vemu__balloon_is(dev))
        add_entry(list, "guest-stats", "guest statistics");
    if (vemu__virtio_mem_is(dev))
        add_entry(list, "size", "size");
}

static int cmd_qom_list(QMP_PARAMS)
{
    const char *path = qmp_get_string(args, "path");
    const struct vemu_device *dev = find_device(vm, path);
    const struct vemu_object *object = find_object(vm, path);
    g_autofree char *machine = g_strdup_printf("%s-machine", vm->machine->class_->name);

    *result = json_object_new_array();
    if (!strcmp(path, "/")) {
        add_child(*result, "machine", machine);
        add_child(*result, "objects", "container");
    } else if (!strcmp(path, "/objects")) {
        list_objects(vm, *result);
    } else if (object) {
        list_props(*result, object->class_->base.props);
    } else if (!strcmp(path, "/machine")) {
        add_entry(*result, "type", "string");
        add_child(*result, "peripheral", "container");
        add_child(*result, "peripheral-anon", "container");
        add_child(*result, "unattached", "container");
    } else if (!strcmp(path, "/machine/peripheral") || !strcmp(path, "/machine/peripheral-anon")) {
        list_container(vm, *result, path + strlen("/machine/"));
    } else if (!strcmp(path, "/machine/unattached")) {
        list_vcpus(vm, *result);
    } else if (is_vcpu(vm, path)) {
        add_entry(*result, "type", "string");
    } else if (dev) {
        list_device(*result, dev);
    } else {
        return vemu__qmp_not_found(path, err);
    }
    return 0;
}

/* --- qom-get ---------------------------------------------------------------------------------- */

static struct json_object *guest_stats(struct vemu_device *dev)
{
    static const char *const names[VEMU_BALLOON_STATS] = {
        "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
        "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
        "stat-htlb-pgalloc", "stat-htlb-pgfail",
    };
    struct json_object *o = json_object_new_object(), *stats = json_object_new_object();
    struct vemu_balloon_info info;
    int64_t ago;

    vemu__balloon_get(dev, &info);
    ago = vemu_clock_ns(dev->vm) - info.updated_ns;
    for (unsigned i = 0; i < VEMU_BALLOON_STATS; i++) /* 2^64 - 1: not known, as in QEMU */
        json_object_object_add(stats, names[i], json_object_new_uint64(info.stats[i]));
    json_object_object_add(o, "stats", stats);
    qmp_add_int(o, "last-update",
                info.updated_ns ? (uint64_t)(g_get_real_time() / 1000000 - ago / 1000000000) : 0);
    return o;
}

static struct json_object *text(const char *value)
{
    return json_object_new_string(value ? value : "");
}

static struct json_object *value_of(const struct vemu_prop *prop, const void *field)
{
    const void *object;

    switch (prop->type) {
    case VEMU_PROP_BOOL: return json_object_new_boolean(*(const bool *)field);
    case VEMU_PROP_U8: return json_object_new_int(*(const uint8_t *)field);
    case VEMU_PROP_U16: return json_object_new_int(*(const uint16_t *)field);
    case VEMU_PROP_S32: return json_object_new_int(*(const int32_t *)field);
    case VEMU_PROP_U32: return json_object_new_int64(*(const uint32_t *)field);
    case VEMU_PROP_U64:
    case VEMU_PROP_SIZE: return json_object_new_uint64(*(const uint64_t *)field);
    case VEMU_PROP_STRING: return text(*(const char *const *)field);
    default: break;
    }
    object = *(const void *const *)field;
    if (!object)
        return text(NULL);
    return text(prop->type == VEMU_PROP_CHARDEV    ? vemu__chardev_id(object)
                : prop->type == VEMU_PROP_BLOCK    ? vemu__block_id(object)
                : prop->type == VEMU_PROP_MEMDEV   ? vemu__memdev_id(object)
                : prop->type == VEMU_PROP_IOTHREAD ? vemu__iothread_id(object)
                                                   : vemu__net_id(object));
}

static const struct vemu_prop *find_prop(const struct vemu_prop *props, const char *name,
                                         size_t *ret_offset)
{
    struct vemu_prop_iter it = { .at = props };
    const struct vemu_prop *prop;

    while ((prop = vemu__prop_next(&it, ret_offset)) != NULL)
        if (!strcmp(prop->name, name))
            return prop;
    return NULL;
}

static struct json_object *prop_get(const void *object, const struct vemu_prop *props,
                                    const char *name)
{
    size_t offset = 0;
    const struct vemu_prop *prop = find_prop(props, name, &offset);

    return prop ? value_of(prop, (const char *)object + offset) : NULL;
}

static struct json_object *device_get(struct vemu_device *dev, const char *name)
{
    if (!strcmp(name, "type"))
        return text(dev->class_->name);
    if (!strcmp(name, "guest-stats") && vemu__balloon_is(dev))
        return guest_stats(dev);
    if (!strcmp(name, "size") && vemu__virtio_mem_is(dev))
        return json_object_new_uint64(vemu__virtio_mem_get_size(dev));
    return prop_get(dev, dev->class_->props, name);
}

static int cmd_qom_get(QMP_PARAMS)
{
    const char *path = qmp_get_string(args, "path"), *name = qmp_get_string(args, "property");
    struct vemu_device *dev = find_device(vm, path);
    g_autofree char *machine = g_strdup_printf("%s-machine", vm->machine->class_->name);
    const struct vemu_object *object = find_object(vm, path);
    g_autofree char *cpu = vemu__vcpu_type(vm);
    const char *type = dev                         ? dev->class_->name
                       : object                    ? object->class_->base.name
                       : is_vcpu(vm, path)         ? cpu
                       : !strcmp(path, "/machine") ? machine
                                                   : NULL;

    if (!type)
        return vemu__qmp_not_found(path, err);
    *result = dev                     ? device_get(dev, name)
              : !strcmp(name, "type") ? text(type)
              : object                ? prop_get(object, object->class_->base.props, name)
                                      : NULL;
    return *result ? 0 : vemu__error_set(err, EINVAL, "Property '%s.%s' not found", type, name);
}

/* A size as a number, or as text with a suffix. */
static bool size_value(struct json_object *value, uint64_t *ret)
{
    if (json_object_is_type(value, json_type_string))
        return vemu__parse_size(json_object_get_string(value), ret);
    *ret = json_object_get_uint64(value);
    return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0;
}

static int object_set(struct vemu_object *object, const char *name, struct json_object *value,
                      struct vemu_error **err)
{
    const char *class_name = object->class_->base.name;
    size_t offset;
    const struct vemu_prop *prop = find_prop(object->class_->base.props, name, &offset);
    int64_t number = json_object_get_int64(value);

    if (!prop)
        return vemu__error_set(err, EINVAL, "Property '%s.%s' not found", class_name, name);
    if (!object->class_->set)
        return vemu__error_set(err, EINVAL, "Property '%s.%s' cannot be changed", class_name, name);
    if (!json_object_is_type(value, json_type_int))
        return vemu__error_set(err, EINVAL, "Invalid parameter type for '%s', expected: integer",
                               name);
    if (number < 0)
        return vemu__error_set(err, EINVAL, "%s value must be in range [0, %lld]", name,
                               (long long)INT64_MAX);
    return object->class_->set(object, prop, (uint64_t)number, err);
}

/* What can be changed while the machine is there: numbers of objects that allow it, how often a
 * balloon asks for statistics, and how much memory a guest is to have of virtio-mem. */
static int cmd_qom_set(QMP_PARAMS)
{
    const char *path = qmp_get_string(args, "path"), *name = qmp_get_string(args, "property");
    struct json_object *value = qmp_get(args, "value");
    struct vemu_device *dev = find_device(vm, path);
    struct vemu_object *object = find_object(vm, path);
    int64_t seconds;
    uint64_t size;

    if (object)
        return object_set(object, name, value, err);
    if (!dev)
        return vemu__qmp_not_found(path, err);
    if (vemu__virtio_mem_is(dev) && !strcmp(name, "requested-size"))
        return size_value(value, &size)
                   ? vemu__virtio_mem_set_requested(dev, size, err)
                   : vemu__error_set(err, EINVAL,
                                     "Invalid parameter type for 'value', expected: size");
    if (dev->class_ == &vemu__device_vmgenid && !strcmp(name, "guid"))
        return json_object_is_type(value, json_type_string)
                   ? vemu__vmgenid_set(dev, json_object_get_string(value), err)
                   : vemu__error_set(err, EINVAL,
                                     "Invalid parameter type for 'value', expected: string");
    if (!vemu__balloon_is(dev) || strcmp(name, "guest-stats-polling-interval"))
        return vemu__error_set(err, EINVAL, "Property '%s.%s' cannot be changed", dev->class_->name,
                               name);
    if (!json_object_is_type(value, json_type_int))
        return vemu__error_set(err, EINVAL,
                               "Invalid parameter type for 'value', expected: integer");
    seconds = json_object_get_int64(value);
    if (seconds < 0 || seconds > VEMU_BALLOON_INTERVAL_MAX)
        return vemu__error_set(err, EINVAL, "timer value must be from 0 to %u",
                               VEMU_BALLOON_INTERVAL_MAX);
    return vemu__balloon_set_interval(dev, (uint32_t)seconds);
}

/* --- object-add, object-del ------------------------------------------------------------------- */

static int cmd_object_add(QMP_PARAMS)
{
    struct qmp_props *props = vemu__qmp_props_new();
    int r = 0;

    json_object_object_foreach(args, key, value)
    {
        if (r >= 0 && strcmp(key, "qom-type") && strcmp(key, "id"))
            r = vemu__qmp_props_add(props, key, value, err);
    }
    if (r >= 0)
        r = vemu_vm_add_object(vm, qmp_get_string(args, "qom-type"), qmp_get_string(args, "id"),
                               vemu__qmp_props_items(props), props->items->len, err);
    vemu__qmp_props_free(props);
    return r;
}

static int cmd_object_del(QMP_PARAMS)
{
    return vemu_vm_remove_object(vm, qmp_get_string(args, "id"), err);
}

/* --- query-iothreads -------------------------------------------------------------------------- */

static int cmd_query_iothreads(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (guint i = 0; i < vm->objects->len; i++) {
        const struct vemu_object *object = vm->objects->pdata[i];
        struct vemu_iothread_info info;
        struct json_object *o;

        if (object->class_ != &vemu__iothread_object)
            continue;
        vemu__iothread_get_info((const struct vemu_iothread *)object, &info);
        o = json_object_new_object();
        qmp_add_string(o, "id", object->id);
        qmp_add_int(o, "thread-id", (uint64_t)info.thread_id);
        qmp_add_int(o, "poll-max-ns", info.poll_max_ns);
        qmp_add_int(o, "poll-grow", info.poll_grow);
        qmp_add_int(o, "poll-shrink", info.poll_shrink);
        qmp_add_int(o, "aio-max-batch", info.aio_max_batch);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* --- qom-list-types --------------------------------------------------------------------------- */

static int cmd_qom_list_types(QMP_PARAMS)
{
    const char *implements = qmp_get_string(args, "implements");

    *result = json_object_new_array();
    if (implements && strcmp(implements, "device") && strcmp(implements, "object"))
        return 0;
    for (size_t i = 0; vemu__device_classes[i]; i++) {
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "name", vemu__device_classes[i]->name);
        qmp_add_string(o, "parent", "device");
        json_object_array_add(*result, o);
    }
    return 0;
}

static const struct qmp_command commands[] = {
    { "object-add", cmd_object_add, "{qom-type:str,id:str,*}", NULL },
    { "object-del", cmd_object_del, "{id:str}", NULL },
    { "qom-get", cmd_qom_get, "{path:str,property:str}", "any" },
    { "qom-list", cmd_qom_list, "{path:str}", "[{name:str,type:str}]" },
    { "qom-list-types", cmd_qom_list_types, "{implements?:str,abstract?:bool}",
      "[{name:str,parent?:str}]" },
    { "qom-set", cmd_qom_set, "{path:str,property:str,value:any}", NULL },
    { "query-iothreads", cmd_query_iothreads, NULL,
      "[{id:str,thread-id:int,poll-max-ns:int,poll-grow:int,poll-shrink:int,aio-max-batch:int}]" },
    { NULL },
};

const struct qmp_group vemu__qmp_object = { .commands = commands };
