/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that callers have for a guest's monitor.
 */
#include <vmgr/monitor.h>

#include "../change.h"
#include "../device/parts.h"
#include "../state/paths.h"
#include "console.h"
#include "qmp.h"

#define ASK_TIMEOUT_MS 250 /* for what nobody waits for */

bool vmgr__vemu_ask_uuid(const struct vemu *d, const char *name, uint8_t *ret_uuid)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    struct vemu_qmp *q = vmgr__qmp_open(dir, -1, ASK_TIMEOUT_MS, NULL);
    struct json_object *result = NULL, *uuid;
    bool ok = q && vmgr__qmp_execute(q, "query-uuid", NULL, &result, NULL) == 0 &&
              json_object_is_type(result, json_type_object) &&
              json_object_object_get_ex(result, "UUID", &uuid) &&
              json_object_is_type(uuid, json_type_string) &&
              vmgr__uuid_parse(json_object_get_string(uuid), ret_uuid);

    json_object_put(result);
    vmgr__qmp_close(q);
    return ok;
}

/* A line as people type it: QMP carries it, and gives what it prints. */
static int run_line(struct vemu_qmp *q, const char *line, char **ret, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *result;
    int r = 0;

    vmgr__vemu_set(args, "command-line", line);
    if (vmgr__qmp_execute(q, "human-monitor-command", args, &result, err) < 0)
        return -1;
    if (json_object_is_type(result, json_type_string))
        *ret = g_strdup(json_object_get_string(result));
    else
        r = vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the monitor's answer is no text");
    json_object_put(result);
    return r;
}

int vmgr__vemu_monitor_command(struct vmgr_domain *dom, const char *command, uint32_t flags,
                               char **ret, struct vmgr_error **err)
{
    struct vemu_change c;
    struct vemu_qmp *q = vmgr__vemu_change_begin_monitor(&c, dom, err);
    int r;

    if (!q)
        return -1;
    r = flags & VMGR_DOMAIN_MONITOR_HMP ? run_line(q, command, ret, err)
                                        : vmgr__qmp_text(q, command, ret, err);
    vmgr__qmp_close(q);
    return vmgr__vemu_change_end(&c, r);
}
