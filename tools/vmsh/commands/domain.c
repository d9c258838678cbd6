/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that change domains: definition and life cycle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blockjob.h"
#include "../text/agent.h"
#include "../text/device.h"
#include "../text/domain.h"
#include "../text/job.h"
#include "../text/resource.h"
#include "../shell.h"
#include "../undefine-storage.h"

#define PASS_FDS_OPT                                                                               \
    {                                                                                              \
        .name = "pass-fds", .type = OPT_STRING, .named = true,                                     \
        .help = "pass file descriptors N,M,... to the guest"                                       \
    }

/* --- define, create, undefine ----------------------------------------------------------------- */

static const struct opt define_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML domain description",
      .completer = COMPLETE_FILE },
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};

static bool cmd_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_DOMAIN_DEFINE_VALIDATE : 0;
    struct vmgr_domain *domain = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_domain_define_xml(sh->conn, xml, flags, &domain, shell_err(sh)) >= 0;
    free(xml);
    if (!ok) {
        shell_error(sh, "Failed to define domain from %s", path);
        return false;
    }
    shell_extra(sh, "Domain '%s' defined from %s\n", vmgr_domain_get_name(domain), path);
    print_messages(domain);
    vmgr_domain_unref(domain);
    return true;
}

static const struct opt create_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML domain description",
      .completer = COMPLETE_FILE },
    FLAG("console", "attach to console after creation"),
    FLAG("paused", "leave the guest paused after creation"),
    FLAG("autodestroy", "automatically destroy the guest when vmsh disconnects"),
    PASS_FDS_OPT,
    FLAG("validate", "validate the XML against the schema"),
    FLAG("reset-nvram", "re-initialize NVRAM from its pristine template"),
    OPT_END,
};

static bool cmd_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = 0;
    struct vmgr_domain *domain = NULL;
    struct fds pass;
    char *xml = file_read(sh, path);
    if (!xml || !args_fds(sh, args, &pass)) {
        free(xml);
        return false;
    }
    if (args_bool(args, "paused"))
        flags |= VMGR_DOMAIN_START_PAUSED;
    if (args_bool(args, "autodestroy"))
        flags |= VMGR_DOMAIN_START_AUTODESTROY;
    if (args_bool(args, "validate"))
        flags |= VMGR_DOMAIN_START_VALIDATE;
    if (args_bool(args, "reset-nvram"))
        flags |= VMGR_DOMAIN_START_RESET_NVRAM;
    bool ok = (pass.n ? vmgr_domain_create_xml_with_files(sh->conn, xml, pass.fds, pass.n, flags,
                                                          &domain, shell_err(sh))
                      : vmgr_domain_create_xml(sh->conn, xml, flags, &domain, shell_err(sh))) >= 0;
    free(xml);
    if (!ok) {
        shell_error(sh, "Failed to create domain from %s", path);
        return false;
    }
    shell_extra(sh, "Domain '%s' created from %s\n", vmgr_domain_get_name(domain), path);
    print_messages(domain);
    if (args_bool(args, "console")) /* it runs, whatever becomes of the console */
        console_run(sh, domain, NULL, 0);
    vmgr_domain_unref(domain);
    return ok;
}

static const struct opt undefine_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_PERSISTENT),
    FLAG("managed-save", "remove domain managed state file"),
    { .name = "storage",
      .type = OPT_STRING,
      .help = "remove associated storage volumes (comma separated list of targets or source "
              "paths) (see domblklist)" },
    FLAG("remove-all-storage", "remove all associated storage volumes (use with caution)"),
    FLAG("delete-storage-volume-snapshots",
         "delete snapshots associated with volume(s), requires --remove-all-storage (must be "
         "supported by storage driver)"),
    FLAG("wipe-storage", "wipe data on the removed volumes"),
    FLAG("snapshots-metadata", "remove all domain snapshot metadata (vm must be inactive)"),
    FLAG("checkpoints-metadata", "remove all domain checkpoint metadata (vm must be inactive)"),
    FLAG("nvram", "remove nvram file"),
    FLAG("keep-nvram", "keep nvram file"),
    FLAG("tpm", "remove TPM state"),
    FLAG("keep-tpm", "keep TPM state"),
    OPT_END,
};

static bool cmd_undefine(struct shell *sh, const struct args *args)
{
    static const struct flag table[] = {
        { "managed-save", VMGR_DOMAIN_UNDEFINE_MANAGED_SAVE },
        { "snapshots-metadata", VMGR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA },
        { "checkpoints-metadata", VMGR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA },
        { "nvram", VMGR_DOMAIN_UNDEFINE_NVRAM },
        { "keep-nvram", VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM },
        { "tpm", VMGR_DOMAIN_UNDEFINE_TPM },
        { "keep-tpm", VMGR_DOMAIN_UNDEFINE_KEEP_TPM },
        { NULL, 0 },
    };
    if (!args_exclusive(sh, args, "nvram", "keep-nvram") ||
        !args_exclusive(sh, args, "tpm", "keep-tpm"))
        return false;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    struct doomed *doomed = NULL;
    bool ok = undefine_storage_find(sh, domain, args, &doomed);
    if (ok && vmgr_domain_undefine(domain, args_flags(args, table), shell_err(sh)) < 0) {
        shell_error(sh, "Failed to undefine domain '%s'", vmgr_domain_get_name(domain));
        ok = false;
    }
    if (ok) {
        shell_extra(sh, "Domain '%s' has been undefined\n", vmgr_domain_get_name(domain));
        ok = undefine_storage_remove(sh, args, doomed);
    }
    undefine_storage_free(doomed);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- start ---------------------------------------------------------------------------------- */

static const struct opt start_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "name of the inactive domain",
      .completer = COMPLETE_DOMAIN_INACTIVE },
    FLAG("console", "attach to console after creation"),
    FLAG("paused", "leave the guest paused after creation"),
    FLAG("autodestroy", "automatically destroy the guest when vmsh disconnects"),
    FLAG("bypass-cache", "avoid file system cache when loading"),
    FLAG("force-boot", "force fresh boot by discarding any managed save"),
    PASS_FDS_OPT,
    FLAG("reset-nvram", "re-initialize NVRAM from its pristine template"),
    OPT_END,
};

static bool start(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    uint32_t flags = 0;
    struct fds pass;
    if (vmgr_domain_is_active(domain, NULL) == 1) {
        shell_error(sh, "Domain is already active");
        return false;
    }
    if (!args_fds(sh, args, &pass))
        return false;
    if (args_bool(args, "paused"))
        flags |= VMGR_DOMAIN_START_PAUSED;
    if (args_bool(args, "autodestroy"))
        flags |= VMGR_DOMAIN_START_AUTODESTROY;
    if (args_bool(args, "bypass-cache"))
        flags |= VMGR_DOMAIN_START_BYPASS_CACHE;
    if (args_bool(args, "force-boot"))
        flags |= VMGR_DOMAIN_START_FORCE_BOOT;
    if (args_bool(args, "reset-nvram"))
        flags |= VMGR_DOMAIN_START_RESET_NVRAM;
    if ((pass.n ? vmgr_domain_start_with_files(domain, pass.fds, pass.n, flags, shell_err(sh))
                : vmgr_domain_start(domain, flags, shell_err(sh))) < 0) {
        shell_error(sh, "Failed to start domain '%s'", vmgr_domain_get_name(domain));
        return false;
    }
    shell_extra(sh, "Domain '%s' started\n", vmgr_domain_get_name(domain));
    return args_bool(args, "console") ? console_run(sh, domain, NULL, 0) : true;
}

static bool cmd_start(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && start(sh, args, domain);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- one call, one sentence ------------------------------------------------------------------- */

/* Runs `call`; prints "Domain 'x' <done>" or "Failed to <verb> domain 'x'". */
static bool simple(struct shell *sh, const struct args *args, uint32_t flags,
                   int (*call)(struct vmgr_domain *, uint32_t, struct vmgr_error **),
                   const char *verb, const char *done)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = call(domain, flags, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Domain '%s' %s\n", vmgr_domain_get_name(domain), done);
    else
        shell_error(sh, "Failed to %s domain '%s'", verb, vmgr_domain_get_name(domain));
    vmgr_domain_unref(domain);
    return ok;
}

static int call_suspend(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    return vmgr_domain_suspend(domain, err);
}

static int call_resume(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err)
{
    return vmgr_domain_resume(domain, err);
}

static const struct opt suspend_opts[] = { DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE), OPT_END };

static bool cmd_suspend(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, call_suspend, "suspend", "suspended");
}

static bool cmd_resume(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, call_resume, "resume", "resumed");
}

static bool cmd_reset(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, vmgr_domain_reset, "reset", "was reset");
}

static const struct opt destroy_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    FLAG("graceful", "terminate gracefully"),
    FLAG("remove-logs", "remove domain logs"),
    OPT_END,
};

static bool cmd_destroy(struct shell *sh, const struct args *args)
{
    const uint32_t flags =
        (args_bool(args, "graceful") ? VMGR_DOMAIN_DESTROY_GRACEFUL : 0) |
        (args_bool(args, "remove-logs") ? VMGR_DOMAIN_DESTROY_REMOVE_LOGS : 0);

    return simple(sh, args, flags, vmgr_domain_destroy, "destroy", "destroyed");
}

static const struct opt shutdown_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "mode",
      .type = OPT_STRING,
      .help = "shutdown mode: acpi|agent|initctl|signal|paravirt",
      .completer = COMPLETE_SHUTDOWN_MODE },
    OPT_END,
};

/* False: an unknown mode was named. `or`: virsh's sentences differ by a comma. */
static bool shutdown_flags(struct shell *sh, const struct args *args, const char * or,
                           uint32_t *flags)
{
    char *modes = args_string(args, "mode") ? must_strdup(args_string(args, "mode")) : NULL;
    char *rest = modes;
    bool ok = true;
    *flags = 0;
    while (ok && rest) {
        const char *mode = strsep(&rest, ",");
        uint32_t flag = shutdown_mode_flag(mode);
        if (!flag) {
            shell_error(sh,
                        "Unknown mode %s value, expecting 'acpi', 'agent', 'initctl', "
                        "'signal'%s 'paravirt'",
                        mode, or);
            ok = false;
        }
        *flags |= flag;
    }
    free(modes);
    return ok;
}

static bool cmd_shutdown(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    return shutdown_flags(sh, args, ", or", &flags) &&
           simple(sh, args, flags, vmgr_domain_shutdown, "shutdown", "is being shutdown");
}

static bool cmd_reboot(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    return shutdown_flags(sh, args, " or", &flags) &&
           simple(sh, args, flags, vmgr_domain_reboot, "reboot", "is being rebooted");
}

/* --- settings ------------------------------------------------------------------------------- */

static const struct opt autostart_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_PERSISTENT),
    FLAG("disable", "disable autostarting"),
    OPT_END,
};

static bool cmd_autostart(struct shell *sh, const struct args *args)
{
    bool on = !args_bool(args, "disable");
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = vmgr_domain_set_autostart(domain, on, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Domain '%s' %smarked as autostarted\n", vmgr_domain_get_name(domain),
                    on ? "" : "un");
    else
        shell_error(sh, "Failed to %smark domain '%s' as autostarted", on ? "" : "un",
                    vmgr_domain_get_name(domain));
    vmgr_domain_unref(domain);
    return ok;
}

static const struct opt rename_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "domain name or uuid",
      .completer = COMPLETE_DOMAIN_INACTIVE },
    { .name = "new-name", .type = OPT_DATA, .help = "new domain name" },
    OPT_END,
};

static bool cmd_domrename(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = vmgr_domain_rename(domain, args_string(args, "new-name"), 0, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Domain successfully renamed\n");
    vmgr_domain_unref(domain);
    return ok;
}

/* --- identity ------------------------------------------------------------------------------- */

static const struct opt domid_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "domain name or uuid",
      .completer = COMPLETE_DOMAIN },
    OPT_END,
};

static bool cmd_domid(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain_by(sh, args, BY_UUID | BY_NAME);
    if (!domain)
        return false;
    int id = vmgr_domain_get_id(domain, shell_err(sh));
    if (id > 0)
        printf("%d\n", id);
    else if (id == 0)
        printf("-\n");
    vmgr_domain_unref(domain);
    return id >= 0;
}

static const struct opt domname_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "domain id or uuid",
      .completer = COMPLETE_DOMAIN },
    OPT_END,
};

static bool cmd_domname(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain_by(sh, args, BY_ID | BY_UUID);
    if (domain)
        printf("%s\n", vmgr_domain_get_name(domain));
    vmgr_domain_unref(domain);
    return domain != NULL;
}

static const struct opt domuuid_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "domain id or name",
      .completer = COMPLETE_DOMAIN },
    OPT_END,
};

static bool cmd_domuuid(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain_by(sh, args, BY_ID | BY_NAME);
    if (domain)
        printf("%s\n", vmgr_domain_get_uuid_string(domain));
    vmgr_domain_unref(domain);
    return domain != NULL;
}

/* --- console -------------------------------------------------------------------------------- */

static const struct opt console_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "devname", .type = OPT_STRING, .help = "character device name" },
    FLAG("force", "force console connection (disconnect already connected sessions)"),
    FLAG("safe", "only connect if safe console handling is supported"),
    OPT_END,
};

static bool cmd_console(struct shell *sh, const struct args *args)
{
    uint32_t flags = (args_bool(args, "force") ? VMGR_DOMAIN_CONSOLE_FORCE : 0) |
                     (args_bool(args, "safe") ? VMGR_DOMAIN_CONSOLE_SAFE : 0);
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && console_run(sh, domain, args_string(args, "devname"), flags);
    vmgr_domain_unref(domain);
    return ok;
}

const struct cmd cmds_domain[] = {
    { "attach-device", cmd_attach_device, attach_device_opts, "attach device from an XML file",
      "Attach device from an XML <file>.", false },
    { "attach-disk", cmd_attach_disk, attach_disk_opts, "attach disk device",
      "Attach new disk device.", false },
    { "attach-interface", cmd_attach_interface, attach_interface_opts, "attach network interface",
      "Attach new network interface.", false },
    { "autostart", cmd_autostart, autostart_opts, "autostart a domain",
      "Configure a domain to be automatically started at boot.", false },
    { "blockcommit", cmd_blockcommit, blockcommit_opts, "Start a block commit operation.",
      "Commit changes from a snapshot down to its backing image.", false },
    { "blockcopy", cmd_blockcopy, blockcopy_opts, "Start a block copy operation.",
      "Copy a disk backing image chain to dest.", false },
    { "blockjob", cmd_blockjob, blockjob_opts, "Manage active block operations",
      "Query, adjust speed, or cancel active block operations.", false },
    { "blockpull", cmd_blockpull, blockpull_opts, "Populate a disk from its backing image.",
      "Populate a disk from its backing image.", false },
    { "blockresize", cmd_blockresize, blockresize_opts, "Resize block device of domain.",
      "Resize block device of domain.", false },
    { "blkdeviotune", cmd_blkdeviotune, blkdeviotune_opts,
      "Set or query a block device I/O tuning parameters.",
      "Set or query disk I/O parameters such as block throttling.", false },
    { "blkiotune", cmd_blkiotune, blkiotune_opts, "Get or set blkio parameters",
      "Get or set the current blkio parameters for a guest domain.\n    To get the blkio "
      "parameters use following command: \n\n    vmsh # blkiotune <domain>",
      false },
    { "change-media", cmd_change_media, change_media_opts, "Change media of CD or floppy drive",
      "Change media of CD or floppy drive.", false },
    { "console", cmd_console, console_opts, "connect to the guest console",
      "Connect the virtual serial console for the guest", false },
    { "cpu-stats", cmd_cpu_stats, cpu_stats_opts, "show domain cpu statistics",
      "Display per-CPU and total statistics about the domain's CPUs", false },
    { "create", cmd_create, create_opts, "create a domain from an XML file", "Create a domain.",
      false },
    { "define", cmd_define, define_opts, "define (but don't start) a domain from an XML file",
      "Define a domain.", false },
    { "desc", cmd_desc, desc_opts, "show or set domain's description or title",
      "Allows setting or modifying the description or title of a domain.", false },
    { "destroy", cmd_destroy, destroy_opts, "destroy (stop) a domain",
      "Forcefully stop a given domain, but leave its resources intact.", false },
    { "detach-device", cmd_detach_device, detach_device_opts, "detach device from an XML file",
      "Detach device from an XML <file>", false },
    { "detach-device-alias", cmd_detach_device_alias, detach_device_alias_opts,
      "detach device from an alias", "Detach device identified by the given alias from a domain",
      false },
    { "detach-disk", cmd_detach_disk, detach_disk_opts, "detach disk device", "Detach disk device.",
      false },
    { "detach-interface", cmd_detach_interface, detach_interface_opts, "detach network interface",
      "Detach network interface.", false },
    { "domblkthreshold", cmd_domblkthreshold, domblkthreshold_opts,
      "set the threshold for block-threshold event for a given block device or it's backing chain "
      "element",
      "set threshold for block-threshold event for a block device", false },
    { "domdisplay", cmd_domdisplay, domdisplay_opts, "domain display connection URI",
      "Output the IP address and port number for the graphical display.", false },
    { "domfsfreeze", cmd_domfsfreeze, domfsfreeze_opts, "Freeze domain's mounted filesystems.",
      "Freeze domain's mounted filesystems.", false },
    { "domfsinfo", cmd_domfsinfo, domfsinfo_opts,
      "Get information of domain's mounted filesystems.",
      "Get information of domain's mounted filesystems.", false },
    { "domfsthaw", cmd_domfsthaw, domfsthaw_opts, "Thaw domain's mounted filesystems.",
      "Thaw domain's mounted filesystems.", false },
    { "domfstrim", cmd_domfstrim, domfstrim_opts, "Invoke fstrim on domain's mounted filesystems.",
      "Invoke fstrim on domain's mounted filesystems.", false },
    { "domhostname", cmd_domhostname, domhostname_opts, "print the domain's hostname", "", false },
    { "domid", cmd_domid, domid_opts, "convert a domain name or UUID to domain id", "", false },
    { "domif-setlink", cmd_domif_setlink, domif_setlink_opts,
      "set link state of a virtual interface",
      "Set link state of a domain's virtual interface. This command wraps usage of update-device "
      "command.",
      false },
    { "domiftune", cmd_domiftune, domiftune_opts, "get/set parameters of a virtual interface",
      "Get/set parameters of a domain's virtual interface.", false },
    { "domjobabort", cmd_domjobabort, domjobabort_opts, "abort active domain job",
      "Aborts the currently running domain job", false },
    { "domjobinfo", cmd_domjobinfo, domjobinfo_opts, "domain job information",
      "Returns information about jobs running on a domain.", false },
    { "domname", cmd_domname, domname_opts, "convert a domain id or UUID to domain name", "",
      false },
    { "dompmsuspend", cmd_dompmsuspend, dompmsuspend_opts,
      "suspend a domain gracefully using power management functions",
      "Suspends a running domain using guest OS's power management. (Note: This requires a guest "
      "agent configured and running in the guest OS).",
      false },
    { "dompmwakeup", cmd_dompmwakeup, dompmwakeup_opts, "wakeup a domain from pmsuspended state",
      "Wakeup a domain that was previously suspended by power management.", false },
    { "domrename", cmd_domrename, rename_opts, "rename a domain", "Rename an inactive domain.",
      false },
    { "domuuid", cmd_domuuid, domuuid_opts, "convert a domain name or id to domain UUID", "",
      false },
    { "dump", cmd_dump, dump_opts, "dump the core of a domain to a file for analysis",
      "Core dump a domain.", false },
    { "dumpxml", cmd_dumpxml, dumpxml_opts, "domain information in XML",
      "Output the domain information as an XML dump to stdout.", false },
    { "edit", cmd_edit, edit_opts, "edit XML configuration for a domain",
      "Edit the XML configuration for a domain.", false },
    { "emulatorpin", cmd_emulatorpin, emulatorpin_opts, "control or query domain emulator affinity",
      "Pin domain emulator threads to host physical CPUs.", false },
    { "get-user-sshkeys", cmd_get_user_sshkeys, get_user_sshkeys_opts,
      "list authorized SSH keys for given user (via agent)",
      "Use the guest agent to query authorized SSH keys for given user", false },
    { "guest-agent-timeout", cmd_guest_agent_timeout, guest_agent_timeout_opts,
      "Set the guest agent timeout",
      "Set the number of seconds to wait for a response from the guest agent.", false },
    { "guestinfo", cmd_guestinfo, guestinfo_opts, "query information about the guest (via agent)",
      "Use the guest agent to query various information from guest's point of view", false },
    { "guestvcpus", cmd_guestvcpus, guestvcpus_opts,
      "query or modify state of vcpu in the guest (via agent)",
      "Use the guest agent to query or set cpu state from guest's point of view", false },
    { "inject-nmi", cmd_inject_nmi, inject_nmi_opts, "Inject NMI to the guest",
      "Inject NMI to the guest domain.", false },
    { "iothreadadd", cmd_iothreadadd, iothreadadd_opts, "add an IOThread to the guest domain",
      "Add an IOThread to the guest domain.", false },
    { "iothreaddel", cmd_iothreaddel, iothreaddel_opts, "delete an IOThread from the guest domain",
      "Delete an IOThread from the guest domain.", false },
    { "iothreadinfo", cmd_iothreadinfo, iothreadinfo_opts, "view domain IOThreads",
      "Returns basic information about the domain IOThreads.", false },
    { "iothreadpin", cmd_iothreadpin, iothreadpin_opts, "control domain IOThread affinity",
      "Pin domain IOThreads to host physical CPUs.", false },
    { "iothreadset", cmd_iothreadset, iothreadset_opts,
      "modifies an existing IOThread of the guest domain",
      "Modifies an existing IOThread of the guest domain.", false },
    { "memtune", cmd_memtune, memtune_opts, "Get or set memory parameters",
      "Get or set the current memory parameters for a guest domain.\n    To get the memory "
      "parameters use following command: \n\n    vmsh # memtune <domain>",
      false },
    { "metadata", cmd_metadata, metadata_opts, "show or set domain's custom XML metadata",
      "Shows or modifies the XML metadata of a domain.", false },
    { "numatune", cmd_numatune, numatune_opts, "Get or set numa parameters",
      "Get or set the current numa parameters for a guest domain.\n    To get the numa parameters "
      "use following command: \n\n    vmsh # numatune <domain>",
      false },
    { "qemu-agent-command", cmd_qemu_agent_command, qemu_agent_command_opts,
      "QEMU Guest Agent Command", "Run an arbitrary qemu guest agent command; use at your own risk",
      false },
    { "qemu-monitor-command", cmd_qemu_monitor_command, qemu_monitor_command_opts,
      "QEMU Monitor Command", "QEMU Monitor Command", false },
    { "reboot", cmd_reboot, shutdown_opts, "reboot a domain",
      "Run a reboot command in the target domain.", false },
    { "reset", cmd_reset, suspend_opts, "reset a domain",
      "Reset the target domain as if by power button", false },
    { "resume", cmd_resume, suspend_opts, "resume a domain",
      "Resume a previously suspended domain.", false },
    { "schedinfo", cmd_schedinfo, schedinfo_opts, "show/set scheduler parameters",
      "Show/Set scheduler parameters.", false },
    { "screenshot", cmd_screenshot, screenshot_opts,
      "take a screenshot of a current domain console and store it into a file",
      "screenshot of a current domain console", false },
    { "send-key", cmd_send_key, send_key_opts, "Send keycodes to the guest",
      "Send keycodes (integers or symbolic names) to the guest", false },
    { "send-process-signal", cmd_send_process_signal, send_process_signal_opts,
      "Send signals to processes", "Send signals to processes in the guest", false },
    { "set-lifecycle-action", cmd_set_lifecycle_action, set_lifecycle_action_opts,
      "change lifecycle actions", "Change lifecycle actions for the guest domain.", false },
    { "set-user-password", cmd_set_user_password, set_user_password_opts,
      "set the user password inside the domain",
      "changes the password of the specified user inside the domain", false },
    { "set-user-sshkeys", cmd_set_user_sshkeys, set_user_sshkeys_opts,
      "manipulate authorized SSH keys file for given user (via agent)",
      "Append, reset or remove specified key from the authorized keys file for given user", false },
    { "setmaxmem", cmd_setmaxmem, setmaxmem_opts, "change maximum memory limit",
      "Change the maximum memory allocation limit in the guest domain.", false },
    { "setmem", cmd_setmem, setmem_opts, "change memory allocation",
      "Change the current memory allocation in the guest domain.", false },
    { "setvcpu", cmd_setvcpu, setvcpu_opts, "attach/detach vcpu or groups of threads",
      "Add or remove vcpus", false },
    { "setvcpus", cmd_setvcpus, setvcpus_opts, "change number of virtual CPUs",
      "Change the number of virtual CPUs in the guest domain.", false },
    { "shutdown", cmd_shutdown, shutdown_opts, "gracefully shutdown a domain",
      "Run shutdown in the target domain.", false },
    { "start", cmd_start, start_opts, "start a (previously defined) inactive domain",
      "Start a domain, either from the last managedsave\n"
      "    state, or via a fresh boot if no managedsave state\n"
      "    is present.",
      false },
    { "suspend", cmd_suspend, suspend_opts, "suspend a domain", "Suspend a running domain.",
      false },
    { "ttyconsole", cmd_ttyconsole, display_opts, "tty console",
      "Output the device for the TTY console.", false },
    { "undefine", cmd_undefine, undefine_opts, "undefine a domain",
      "Undefine an inactive domain, or convert persistent to transient.", false },
    { "update-device", cmd_update_device, update_device_opts, "update device from an XML file",
      "Update device from an XML <file>.", false },
    { "update-memory-device", cmd_update_memory_device, update_memory_device_opts,
      "update memory device of a domain", "Update values of a memory device of a domain", false },
    { "vcpucount", cmd_vcpucount, vcpucount_opts, "domain vcpu counts",
      "Returns the number of virtual CPUs used by the domain.", false },
    { "vcpuinfo", cmd_vcpuinfo, vcpuinfo_opts, "detailed domain vcpu information",
      "Returns basic information about the domain virtual CPUs.", false },
    { "vcpupin", cmd_vcpupin, vcpupin_opts, "control or query domain vcpu affinity",
      "Pin domain VCPUs to host physical CPUs.", false },
    { "vncdisplay", cmd_vncdisplay, display_opts, "vnc display",
      "Output the IP address and port number for the VNC display.", false },
    { "dom-fd-associate", cmd_dom_fd_associate, dom_fd_associate_opts,
      "associate a FD with a domain", "associate a FD with a domain", false },
    CMD_END,
};
