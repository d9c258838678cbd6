/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The groups of QMP commands, and what they share.
 */
#include <string.h>

#include "monitor/qmp.h"

/* The QMP level we follow: that of QEMU 7.2. `package` tells who really answers. */
#define QMP_MAJOR 7
#define QMP_MINOR 2
#define QMP_MICRO 0

const struct qmp_group *const vemu__qmp_groups[] = {
    &vemu__qmp_bitmap,
    &vemu__qmp_block,
    &vemu__qmp_blockjob,
    &vemu__qmp_chardev,
    &vemu__qmp_cpu,
    &vemu__qmp_device,
    &vemu__qmp_display,
    &vemu__qmp_dump_group,
    &vemu__qmp_fd,
    &vemu__qmp_hotplug,
    &vemu__qmp_human,
    &vemu__qmp_job,
    &vemu__qmp_machine,
    &vemu__qmp_medium,
    &vemu__qmp_memory,
    &vemu__qmp_nbd,
    &vemu__qmp_net,
    &vemu__qmp_object,
    &vemu__qmp_options,
    &vemu__qmp_pci,
    &vemu__qmp_schema,
    &vemu__qmp_snapshot,
    &vemu__qmp_stats,
    &vemu__qmp_transaction,
    NULL,
};

/* The session answers it itself. */
const struct qmp_command vemu__qmp_capabilities = {
    .name = "qmp_capabilities",
    .arguments = "{enable?:[str]}",
};

const struct qmp_command *vemu__qmp_command_find(const char *name)
{
    for (size_t i = 0; vemu__qmp_groups[i]; i++)
        for (const struct qmp_command *c = vemu__qmp_groups[i]->commands; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

int vemu__qmp_not_found(const char *id, struct vemu_error **err)
{
    return vemu__error_set(err, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", id);
}

struct json_object *vemu__qmp_version(void)
{
    struct json_object *version = json_object_new_object();
    struct json_object *qemu = json_object_new_object();
    g_autofree char *package = g_strdup_printf("vemu %s", vemu_version());

    qmp_add_int(qemu, "major", QMP_MAJOR);
    qmp_add_int(qemu, "minor", QMP_MINOR);
    qmp_add_int(qemu, "micro", QMP_MICRO);
    json_object_object_add(version, "qemu", qemu);
    qmp_add_string(version, "package", package);
    return version;
}
