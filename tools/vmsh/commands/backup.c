/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about backups of domains' disks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vmgr/checkpoint.h>

#include "../text/domain.h"

static const struct opt begin_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "backupxml",
      .type = OPT_STRING,
      .help = "domain backup XML",
      .completer = COMPLETE_FILE },
    { .name = "checkpointxml",
      .type = OPT_STRING,
      .help = "domain checkpoint XML",
      .completer = COMPLETE_FILE },
    { .name = "reuse-external", .type = OPT_BOOL, .help = "reuse files provided by caller" },
    OPT_END,
};

static bool backup_begin(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "backupxml");
    const char *checkpoint = args_string(args, "checkpointxml");
    uint32_t flags = args_bool(args, "reuse-external") ? VMGR_BACKUP_REUSE_EXTERNAL : 0;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *xml = path ? file_read(sh, path) : must_strdup("<domainbackup/>");
    char *second = xml && checkpoint ? file_read(sh, checkpoint) : NULL;
    bool ok = xml && (second || !checkpoint) &&
              vmgr_domain_begin_backup(domain, xml, second, flags, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Backup started\n");
    free(second);
    free(xml);
    vmgr_domain_unref(domain);
    return ok;
}

static const struct opt dumpxml_options[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    OPT_XPATH,
    OPT_END,
};

static bool backup_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    char *xml = NULL;
    if (!domain)
        return false;
    bool ok = vmgr_domain_get_backup_xml(domain, 0, &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    vmgr_domain_unref(domain);
    return ok;
}

const struct cmd cmds_backup[] = {
    { "backup-begin", backup_begin, begin_opts, "Start a disk backup of a live domain",
      "Use XML to start a full or incremental disk backup of a live domain, optionally creating a "
      "checkpoint",
      false },
    { "backup-dumpxml", backup_dumpxml, dumpxml_options,
      "Dump XML for an ongoing domain block backup job", "Backup Dump XML", false },
    CMD_END,
};
