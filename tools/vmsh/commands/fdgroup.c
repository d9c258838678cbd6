/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dom-fd-associate: descriptors that the shell was started with, as a group for disks.
 */
#include <vmgr/files.h>

#include "../text/domain.h"

const struct opt dom_fd_associate_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "name", .type = OPT_DATA, .help = "name of the FD group" },
    { .name = "pass-fds",
      .type = OPT_DATA,
      .help = "file descriptors N,M,... to associate",
      .may_empty = true },
    { .name = "seclabel-writable", .type = OPT_BOOL, .help = "use seclabels allowing writes" },
    { .name = "seclabel-restore",
      .type = OPT_BOOL,
      .help = "try to restore security label after use if possible" },
    OPT_END,
};

bool cmd_dom_fd_associate(struct shell *sh, const struct args *args)
{
    uint32_t flags =
        (args_bool(args, "seclabel-writable") ? VMGR_DOMAIN_FILES_SECLABEL_WRITABLE : 0) |
        (args_bool(args, "seclabel-restore") ? VMGR_DOMAIN_FILES_SECLABEL_RESTORE : 0);
    struct vmgr_domain *domain = args_domain(sh, args);
    struct fds fds;
    if (!domain)
        return false;
    bool ok = args_fds(sh, args, &fds) &&
              vmgr_domain_associate_files(domain, args_string(args, "name"), fds.fds, fds.n, flags,
                                          shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}
