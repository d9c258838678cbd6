/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that attach, detach and change devices by their documents.
 */
#include <stdlib.h>

#include "../text/device.h"

bool args_affect(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                 uint32_t *ret)
{
    bool live = args_bool(args, "live"), config = args_bool(args, "config");
    bool persistent = args_bool(args, "persistent");
    if (!args_exclusive(sh, args, "persistent", "current") ||
        !args_exclusive(sh, args, "current", "live") ||
        !args_exclusive(sh, args, "current", "config"))
        return false;
    *ret = (live ? VMGR_DOMAIN_AFFECT_LIVE : 0) |
           (config || persistent ? VMGR_DOMAIN_AFFECT_CONFIG : 0);
    if (persistent && domain && vmgr_domain_is_active(domain, NULL) == 1)
        *ret |= VMGR_DOMAIN_AFFECT_LIVE;
    return true;
}

static bool device_file(struct shell *sh, const struct args *args, device_fn run, const char *verb,
                        const char *done)
{
    const char *path = args_string(args, "file");
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    args_affect(sh, args, domain, &flags);
    char *xml = file_read(sh, path);
    if (args_bool(args, "force"))
        flags |= VMGR_DOMAIN_DEVICE_MODIFY_FORCE;
    bool ok = xml && run(domain, xml, flags, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Device %s successfully\n", done);
    else if (xml)
        shell_error(sh, "Failed to %s device from %s", verb, path);
    free(xml);
    vmgr_domain_unref(domain);
    return ok;
}

const struct opt attach_device_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "file", .type = OPT_DATA, .help = "XML file", .completer = COMPLETE_FILE },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt detach_device_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "file", .type = OPT_DATA, .help = "XML file", .completer = COMPLETE_FILE },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt update_device_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "file", .type = OPT_DATA, .help = "XML file", .completer = COMPLETE_FILE },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "force", .type = OPT_BOOL, .help = "force device update" },
    OPT_END,
};
const struct opt detach_device_alias_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "alias", .type = OPT_DATA, .help = "device alias" },
    OPT_AFFECT,
    OPT_END,
};

bool cmd_attach_device(struct shell *sh, const struct args *args)
{
    return device_file(sh, args, vmgr_domain_attach_device, "attach", "attached");
}

bool cmd_detach_device(struct shell *sh, const struct args *args)
{
    return device_file(sh, args, vmgr_domain_detach_device, "detach", "detached");
}

bool cmd_update_device(struct shell *sh, const struct args *args)
{
    return device_file(sh, args, vmgr_domain_update_device, "update", "updated");
}

bool cmd_detach_device_alias(struct shell *sh, const struct args *args)
{
    const char *alias = args_string(args, "alias");
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags) || !(domain = args_domain(sh, args)))
        return false;
    bool ok = vmgr_domain_detach_device_alias(domain, alias, flags, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Device detach request sent successfully\n");
    else
        shell_error(sh, "Failed to detach device with alias %s", alias);
    vmgr_domain_unref(domain);
    return ok;
}
