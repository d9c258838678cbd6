/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP inside: commands, their arguments, and results.
 */
#ifndef VEMU_MONITOR_QMP_H
#define VEMU_MONITOR_QMP_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/vm.h"

enum qmp_type { QMP_STRING, QMP_INT, QMP_BOOL, QMP_OBJECT, QMP_LIST };

struct qmp_argument {
    const char *name;
    enum qmp_type type;
    bool optional;
};

#define QMP_MAX_ARGUMENTS 8

/*
 * One command. `run` is called on the loop thread with arguments that match the table (missing
 * optional ones are absent). It sets *result (a new object; NULL means {}) or returns a negative
 * errno with *err set.
 */
struct qmp_command {
    const char *name;
    int (*run)(struct vemu_vm *vm, struct json_object *arguments, struct json_object **result,
               struct vemu_error **err);
    struct qmp_argument arguments[QMP_MAX_ARGUMENTS]; /* ends with name NULL */
    bool open; /* takes others too, which `run` checks */
};

/* commands.c: the table, sorted by name, ended by a NULL name; qmp_capabilities is not in it. */
extern const struct qmp_command vemu__qmp_commands[];
/* commands-device.c */
int vemu__qmp_device_add(struct vemu_vm *vm, struct json_object *args, struct json_object **result,
                         struct vemu_error **err);
int vemu__qmp_device_del(struct vemu_vm *vm, struct json_object *args, struct json_object **result,
                         struct vemu_error **err);
/* The greeting's version object, also the result of query-version. */
struct json_object *vemu__qmp_version(void);

/* arguments.c: checks `arguments` (may be NULL) against the table. */
int vemu__qmp_check_arguments(const struct qmp_command *command, struct json_object *arguments,
                              struct vemu_error **err);

/* qmp-events.c: the event as QMP tells it, a new object; NULL when QMP has no such event. */
struct json_object *vemu__qmp_event(struct vemu_vm *vm, const struct vemu_event *event);

#endif
