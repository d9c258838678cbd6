/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <on_poweroff>, <on_reboot>, <on_crash>: what the driver does of them, and changing them.
 */
#include "lifecycle-action.h"

#include "../change.h"
#include "../device/parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)
#define BIT(action)           (1u << (action))

static const struct {
    const char *name;
    uint32_t can;        /* BIT() of actions */
    const char *setting; /* of the monitor's set-action, and its words */
    const char *usual, *other;
    uint32_t usual_for;
} rows[] = {
    [VMGR_DOMAIN_LIFECYCLE_POWEROFF] = { "poweroff",
                                         BIT(VMGR__ACTION_DESTROY) | BIT(VMGR__ACTION_PRESERVE),
                                         "shutdown", "poweroff", "pause",
                                         BIT(VMGR__ACTION_DESTROY) },
    [VMGR_DOMAIN_LIFECYCLE_REBOOT] = { "reboot",
                                       BIT(VMGR__ACTION_RESTART) | BIT(VMGR__ACTION_DESTROY),
                                       "reboot", "reset", "shutdown", BIT(VMGR__ACTION_RESTART) },
    [VMGR_DOMAIN_LIFECYCLE_CRASH] = { "crash",
                                      BIT(VMGR__ACTION_DESTROY) | BIT(VMGR__ACTION_RESTART) |
                                          BIT(VMGR__ACTION_PRESERVE) |
                                          BIT(VMGR__ACTION_COREDUMP_DESTROY) |
                                          BIT(VMGR__ACTION_COREDUMP_RESTART),
                                      "panic", "shutdown", "pause", BIT(VMGR__ACTION_DESTROY) },
};

static int *action_of(struct vmgr__domain_def *def, uint32_t type)
{
    return type == VMGR_DOMAIN_LIFECYCLE_POWEROFF ? &def->on_poweroff
           : type == VMGR_DOMAIN_LIFECYCLE_REBOOT ? &def->on_reboot
                                                  : &def->on_crash;
}

static int check(uint32_t type, int action, struct vmgr_error **err)
{
    if (rows[type].can & BIT(action))
        return 0;
    return unsupported(err, "on_%s action '%s' is not supported by the vemu driver yet",
                       rows[type].name, vmgr__action_names[action]);
}

int vmgr__vemu_check_actions(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    for (uint32_t type = 0; type < G_N_ELEMENTS(rows); type++) {
        if (check(type, *action_of((struct vmgr__domain_def *)def, type), err) < 0)
            return -1;
    }
    return 0;
}

static int tell_emulator(const struct vemu_change *c, uint32_t type, uint32_t action,
                         struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, rows[type].setting,
                   rows[type].usual_for & BIT(action) ? rows[type].usual : rows[type].other);
    return vmgr__vemu_change_command(c, "set-action", args, err);
}

int vmgr__vemu_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type, uint32_t action,
                                    uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r;

    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    r = check(type, (int)action, err);
    if (r == 0 && live)
        r = tell_emulator(&c, type, action, err);
    if (r == 0 && live)
        *action_of(c.status.def, type) = (int)action;
    if (r == 0 && config)
        *action_of(c.config, type) = (int)action;
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}
