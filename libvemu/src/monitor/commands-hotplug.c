/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about what guests say of plugged devices, and about watchdogs.
 */
#include <errno.h>

#include "core/watchdog.h"
#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "monitor/qmp.h"

static void add_slots(struct json_object *list, struct vemu_device *controller)
{
    struct vemu_hotplug_ost ost;

    for (uint32_t n = 0; controller && vemu__hotplug_get_ost(controller, n, &ost); n++) {
        struct json_object *o = json_object_new_object();
        char slot[16];

        g_snprintf(slot, sizeof(slot), "%u", n);
        if (ost.owner_id)
            qmp_add_string(o, "device", ost.owner_id);
        qmp_add_string(o, "slot", slot);
        qmp_add_string(o, "slot-type", ost.kind);
        qmp_add_int(o, "source", ost.event);
        qmp_add_int(o, "status", ost.status);
        json_object_array_add(list, o);
    }
}

static int cmd_query_acpi_ospm_status(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (unsigned kind = VEMU_HOTPLUG_KINDS; kind-- > 0;)
        add_slots(*result, vm->machine->hotplug[kind]);
    return 0;
}

static int cmd_watchdog_set_action(QMP_PARAMS)
{
    int action = vemu__watchdog_action(qmp_get_string(args, "action"));

    if (action < 0)
        return vemu__error_set(err, EINVAL, "there is no such action");
    vemu__watchdog_set_action(vm, (enum vemu_watchdog_action)action);
    return 0;
}

static const struct qmp_command commands[] = {
    { "query-acpi-ospm-status", cmd_query_acpi_ospm_status, NULL, "[" QMP_OST_INFO "]" },
    { "watchdog-set-action", cmd_watchdog_set_action,
      "{action:<reset|shutdown|poweroff|pause|debug|none|inject-nmi>}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_hotplug = { .commands = commands };
