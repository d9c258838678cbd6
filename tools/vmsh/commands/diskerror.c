/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domblkerror and domblkthreshold: what goes wrong with disks, and what might soon.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../text/device.h"

const struct opt domblkerror_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_END,
};
const struct opt domblkthreshold_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "dev", .type = OPT_DATA, .help = "device to set threshold for" },
    { .name = "threshold",
      .type = OPT_INT,
      .required = true,
      .help = "threshold as a scaled number (by default bytes)" },
    OPT_END,
};

bool cmd_domblkerror(struct shell *sh, const struct args *args)
{
    static const char *const words[] = { "no error", "unspecified error", "no space" };
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_disk_error *errors = NULL;
    int n = domain ? vmgr_domain_get_disk_errors(domain, 0, &errors, shell_err(sh)) : -1;
    for (int i = 0; i < n; i++) {
        const int error = errors[i].error;
        printf("%s: %s\n", errors[i].disk,
               error >= 0 && error < 3 ? words[error] : "unknown error");
    }
    if (n == 0)
        printf("No errors found\n");
    vmgr_disk_errors_free(errors, n > 0 ? (size_t)n : 0);
    vmgr_domain_unref(domain);
    return n >= 0;
}

bool cmd_domblkthreshold(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    unsigned long long bytes = 0;
    bool ok = domain && args_size(sh, args, "threshold", 1, &bytes) > 0 &&
              vmgr_domain_set_block_threshold(domain, args_string(args, "dev"), bytes, 0,
                                              shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}
