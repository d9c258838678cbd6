/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <on_poweroff>, <on_reboot>, <on_crash>: what follows when the guest ends. <on_lockfailure>: what
 * follows when a lock of its disks is lost.
 */
#include "element.h"

#include <string.h>

const char *const vmgr__action_names[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart",
                                           NULL };

const char *const vmgr__lock_failure_names[] = { "default", "poweroff", "restart",
                                                 "pause",   "ignore",   NULL };

static int parse_action(struct vmgr__parse *p, xmlNode *node, const char *event, int def_action,
                        int *ret)
{
    g_autofree char *text = vmgr__xml_text(node);

    *ret = def_action;
    if (!text || !*text)
        return 0;
    vmgr__warn_attrs(p, node, NULL);
    *ret = vmgr__name_index(vmgr__action_names, text);
    if (*ret < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown on_%s action: %s", event, text);
    if (*ret >= VMGR__ACTION_COREDUMP_DESTROY && strcmp(event, "crash") != 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "Lifecycle event '%s' doesn't support '%s' action", event, text);
    return 0;
}

static int poweroff_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_action(p, node, "poweroff", VMGR__ACTION_DESTROY, &p->def->on_poweroff);
}

static int reboot_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_action(p, node, "reboot", VMGR__ACTION_RESTART, &p->def->on_reboot);
}

static int crash_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_action(p, node, "crash", VMGR__ACTION_DESTROY, &p->def->on_crash);
}

static int lockfailure_parse(struct vmgr__parse *p, xmlNode *node)
{
    g_autofree char *text = vmgr__xml_text(node);

    vmgr__warn_attrs(p, node, NULL);
    if (!text || !*text)
        return 0;
    p->def->on_lockfailure = vmgr__name_index(vmgr__lock_failure_names, text);
    if (p->def->on_lockfailure < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown on_lockfailure action: %s",
                          text);
    return 0;
}

static void lockfailure_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                               struct vmgr__xml_writer *w)
{
    if (def->on_lockfailure)
        vmgr__xw_text(w, "on_lockfailure", vmgr__lock_failure_names[def->on_lockfailure]);
}

static void poweroff_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                            struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "on_poweroff", vmgr__action_names[def->on_poweroff]);
}

static void reboot_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                          struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "on_reboot", vmgr__action_names[def->on_reboot]);
}

static void crash_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                         struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "on_crash", vmgr__action_names[def->on_crash]);
}

const struct vmgr__element vmgr__element_on_poweroff = { "on_poweroff", poweroff_parse,
                                                         poweroff_format, .always = true };
const struct vmgr__element vmgr__element_on_reboot = { "on_reboot", reboot_parse, reboot_format,
                                                       .always = true };
const struct vmgr__element vmgr__element_on_crash = { "on_crash", crash_parse, crash_format,
                                                      .always = true };
const struct vmgr__element vmgr__element_on_lockfailure = { "on_lockfailure", lockfailure_parse,
                                                            lockfailure_format };
