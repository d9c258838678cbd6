/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP inside: groups of commands, their results and errors.
 *
 * A command is a function and a line in the table of its group (commands-*.c), which says what its
 * arguments and result look like (shape.h). A group has a line in commands.c.
 */
#ifndef VEMU_MONITOR_QMP_H
#define VEMU_MONITOR_QMP_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/vm.h"
#include "monitor/shape.h"

/*
 * One command. `run` is called on the loop thread with arguments that have the shape (never NULL).
 * It sets *result (a new object that has its shape; NULL means {}) or returns a negative number
 * with *err set: an errno, or enum qmp_error.
 */
struct qmp_command {
    const char *name;
    int (*run)(struct vemu_vm *vm, struct json_object *arguments, struct json_object **result,
               struct vemu_error **err);
    const char *arguments, *result; /* shapes; NULL: {} */
};

struct qmp_group {
    const struct qmp_command *commands; /* sorted by name, ended by a NULL name */
    const struct qmp_named *shapes;     /* ended by a NULL name; or NULL */
};

/* The parameters of `run`. */
#define QMP_PARAMS                                                                                 \
    struct vemu_vm *vm, struct json_object *args, struct json_object **result,                     \
        struct vemu_error **err

/* Errors with a class of their own; everything else is GenericError. Beyond all errno numbers. */
enum qmp_error { QMP_DEVICE_NOT_FOUND = 5001, QMP_DEVICE_NOT_ACTIVE = 5002 };

/* commands.c: NULL-terminated. qmp_capabilities is in no group. */
extern const struct qmp_group *const vemu__qmp_groups[];
extern const struct qmp_group vemu__qmp_bitmap, vemu__qmp_block, vemu__qmp_blockjob,
    vemu__qmp_chardev, vemu__qmp_cpu, vemu__qmp_device, vemu__qmp_display, vemu__qmp_dump_group,
    vemu__qmp_fd, vemu__qmp_hotplug, vemu__qmp_human, vemu__qmp_job, vemu__qmp_machine,
    vemu__qmp_medium,
    vemu__qmp_memory, vemu__qmp_nbd, vemu__qmp_net, vemu__qmp_object, vemu__qmp_options,
    vemu__qmp_pci, vemu__qmp_schema, vemu__qmp_snapshot, vemu__qmp_stats,
    vemu__qmp_transaction;
extern const struct qmp_command vemu__qmp_capabilities;
const struct qmp_command *vemu__qmp_command_find(const char *name);
/* Sets the message "Device 'id' not found"; returns -QMP_DEVICE_NOT_FOUND. */
int vemu__qmp_not_found(const char *id, struct vemu_error **err);
/* The greeting's version object, also the result of query-version. */
struct json_object *vemu__qmp_version(void);

/* --- events (qmp-events.c) -------------------------------------------------------------------- */
struct qmp_event {
    int type; /* enum vemu_event_type */
    const char *name;
    const char *data; /* shape; NULL: none */
    struct json_object *(*make)(struct vemu_vm *vm, const struct vemu_event *event);
};
/* Shape of ACPIOSTInfo. */
#define QMP_OST_INFO "{device?:str,slot:str,slot-type:<DIMM|CPU>,source:int,status:int}"
extern const struct qmp_event vemu__qmp_events[]; /* ended by a NULL name */
/* The event as QMP tells it, a new object; NULL when QMP has no such event. */
struct json_object *vemu__qmp_event(struct vemu_vm *vm, const struct vemu_event *event);

/* --- descriptors of a session (qmp.c, commands-fd.c) ------------------------------------------ */
/* What the client sent and named, until it leaves. Owned by the session. */
struct qmp_descriptors {
    int received;      /* the last one without a name; -1: none */
    GHashTable *named; /* name -> GINT_TO_POINTER(fd) */
};
/* Of the session whose command runs. Context: loop, inside a command. */
struct qmp_descriptors *vemu__qmp_descriptors(void);
void vemu__qmp_descriptors_init(struct qmp_descriptors *d);
/* Closes them all. */
void vemu__qmp_descriptors_clear(struct qmp_descriptors *d);
void vemu__qmp_descriptors_fini(struct qmp_descriptors *d);
/* The descriptors that "a:b" names, as "7:8", to be freed; numbers stay what they are. NULL and
 * *err. They stay the session's. */
char *vemu__qmp_descriptors_resolve(const struct qmp_descriptors *d, const char *names,
                                    struct vemu_error **err);
/* These have another owner now, or none: they are closed. */
void vemu__qmp_descriptors_forget(struct qmp_descriptors *d, const char *names, bool close_them);

/* --- dumps (commands-dump.c) ------------------------------------------------------------------ */
/* Shape of DumpQueryResult, and the last dump's, a new object. */
#define QMP_DUMP "{status:<none|active|completed|failed>,completed:int,total:int,error?:str}"
struct json_object *vemu__qmp_dump(struct vemu_vm *vm);

/* --- block nodes (commands-block.c) ----------------------------------------------------------- */
struct vemu_block;
/* The node by its own name, or the one that the device of that name uses; NULL. */
struct vemu_block *vemu__qmp_block_of(struct vemu_vm *vm, const char *name);

/* --- drives (commands-medium.c) --------------------------------------------------------------- */
/* The name of the node in the CD-ROM drive of that id, to be freed; NULL: it is empty, or no such
 * drive. */
char *vemu__qmp_medium_of(struct vemu_vm *vm, const char *id);
struct vemu_scsi_unit;
struct vemu_scsi_unit *vemu__qmp_cdrom_of(struct vemu_device *dev);

/* --- JSON to properties (properties.c) -------------------------------------------------------- */
struct qmp_props {
    GArray *items;    /* struct vemu_property */
    GPtrArray *texts; /* what they point to */
};
struct qmp_props *vemu__qmp_props_new(void);
void vemu__qmp_props_free(struct qmp_props *props);
/* Adds a value as text that properties are set from; members of an object become "name.member".
 * -EINVAL: a list or null, which no property takes. */
int vemu__qmp_props_add(struct qmp_props *props, const char *name, struct json_object *value,
                        struct vemu_error **err);
void vemu__qmp_props_add_text(struct qmp_props *props, const char *name, const char *text);
static inline const struct vemu_property *vemu__qmp_props_items(const struct qmp_props *props)
{
    return (const struct vemu_property *)(void *)props->items->data;
}

/* --- JSON, shorter ---------------------------------------------------------------------------- */
static inline void qmp_add_string(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static inline void qmp_add_bool(struct json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

/* JSON's integers are as large as int64_t here, which no size or counter exceeds. */
static inline void qmp_add_int(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)MIN(value, INT64_MAX)));
}

/* The member, NULL: not there. */
static inline struct json_object *qmp_get(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(o, key, &value);
    return value;
}

static inline const char *qmp_get_string(struct json_object *o, const char *key)
{
    struct json_object *value = qmp_get(o, key);

    return value ? json_object_get_string(value) : NULL;
}

#endif
