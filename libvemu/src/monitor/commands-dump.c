/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that write the guest's memory to a file.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "dump/dump.h"
#include "monitor/qmp.h"

struct json_object *vemu__qmp_dump(struct vemu_vm *vm)
{
    static const char *const names[] = {
        [VEMU_DUMP_NONE] = "none",
        [VEMU_DUMP_ACTIVE] = "active",
        [VEMU_DUMP_COMPLETED] = "completed",
        [VEMU_DUMP_FAILED] = "failed",
    };
    struct json_object *o = json_object_new_object();
    struct vemu_dump_info info;

    vemu__dump_get(vm, &info);
    qmp_add_string(o, "status", names[info.status]);
    qmp_add_int(o, "completed", info.completed);
    qmp_add_int(o, "total", info.total);
    if (info.status == VEMU_DUMP_FAILED && info.message)
        qmp_add_string(o, "error", info.message);
    return o;
}

/* A number that is not less than `min`. */
static int number(struct json_object *args, const char *name, int64_t min, uint64_t *ret,
                  struct vemu_error **err)
{
    const int64_t value = json_object_get_int64(qmp_get(args, name));

    *ret = (uint64_t)value;
    return value < min ? vemu__error_set(err, EINVAL, "Invalid parameter '%s'", name) : 0;
}

static int start(struct vemu_vm *vm, struct vemu_dump_request *request, struct json_object *args,
                 struct vemu_error **err)
{
    int r = 0;

    if (request->has_range)
        r = number(args, "begin", 0, &request->begin, err);
    if (r >= 0 && request->has_range)
        r = number(args, "length", 1, &request->length, err);
    return r < 0 ? r : vemu__dump_start(vm, request, err);
}

/* The descriptor is used up, whatever becomes of the dump. */
static int start_on(struct vemu_vm *vm, struct vemu_dump_request *request,
                    struct json_object *args, const char *name, struct vemu_error **err)
{
    g_autofree char *number_text = NULL;
    int r;

    /* By a name that getfd gave, and one only: numbers are those of the process. */
    if (!*name || g_ascii_isdigit(*name) || strchr(name, ':'))
        return vemu__error_set(err, EINVAL, "parameter 'protocol': '%s' is no name of getfd", name);
    number_text = vemu__qmp_descriptors_resolve(vemu__qmp_descriptors(), name, err);
    if (!number_text)
        return -EINVAL;
    request->fd = (int)g_ascii_strtoll(number_text, NULL, 10);
    r = start(vm, request, args, err);
    vemu__qmp_descriptors_forget(vemu__qmp_descriptors(), name, true);
    return r;
}

static int cmd_dump_guest_memory(QMP_PARAMS)
{
    const char *protocol = qmp_get_string(args, "protocol");
    const char *format = qmp_get_string(args, "format");
    struct vemu_dump_request request = {
        .has_range = qmp_get(args, "begin") != NULL,
        .detach = json_object_get_boolean(qmp_get(args, "detach")),
    };

    if (request.has_range != (qmp_get(args, "length") != NULL))
        return vemu__error_set(err, EINVAL, "Parameter '%s' is missing",
                               request.has_range ? "length" : "begin");
    if (format && strcmp(format, "elf"))
        return vemu__error_set(err, ENOTSUP, "dump format '%s' is not supported, only 'elf'",
                               format);
    if (json_object_get_boolean(qmp_get(args, "paging")))
        return vemu__error_set(err, ENOTSUP,
                               "'paging' is not supported: the dump is by physical address");
    if (g_str_has_prefix(protocol, "fd:"))
        return start_on(vm, &request, args, protocol + 3, err);
    if (!g_str_has_prefix(protocol, "file:") || !protocol[5])
        return vemu__error_set(err, EINVAL,
                               "parameter 'protocol' must start with 'file:' or 'fd:'");
    request.path = protocol + 5;
    return start(vm, &request, args, err);
}

static int cmd_cancel(QMP_PARAMS)
{
    struct vemu_dump_info info;

    vemu__dump_get(vm, &info);
    if (info.status != VEMU_DUMP_ACTIVE)
        return vemu__error_set(err, EINVAL, "There is no dump in process");
    vemu__dump_abort(vm);
    return 0;
}

static int cmd_query_dump(QMP_PARAMS)
{
    *result = vemu__qmp_dump(vm);
    return 0;
}

static int cmd_query_capability(QMP_PARAMS)
{
    struct json_object *formats = json_object_new_array();

    json_object_array_add(formats, json_object_new_string("elf"));
    *result = json_object_new_object();
    json_object_object_add(*result, "formats", formats);
    return 0;
}

#define FORMAT "<elf|kdump-zlib|kdump-lzo|kdump-snappy|win-dmp>"

static const struct qmp_command commands[] = {
    { "dump-guest-memory", cmd_dump_guest_memory,
      "{paging:bool,protocol:str,detach?:bool,begin?:int,length?:int,format?:" FORMAT "}", NULL },
    { "dump-guest-memory-cancel", cmd_cancel, NULL, NULL }, /* ours */
    { "query-dump", cmd_query_dump, NULL, QMP_DUMP },
    { "query-dump-guest-memory-capability", cmd_query_capability, NULL, "{formats:[" FORMAT "]}" },
    { NULL },
};

const struct qmp_group vemu__qmp_dump_group = { .commands = commands };
