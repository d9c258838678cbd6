/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that look at domains.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/agent.h"
#include "../text/device.h"
#include "../text/job.h"
#include "../shell.h"

static const struct opt domain_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_END,
};

/* --- dominfo -------------------------------------------------------------------------------- */

static void line(const char *label, const char *value)
{
    printf("%-15s %s\n", label, value);
}

static void dominfo_security(struct shell *sh, struct vmgr_domain *domain, bool active)
{
    struct vmgr_security_model *model = must_alloc(sizeof(*model));
    struct vmgr_security_label *label = must_alloc(sizeof(*label));
    *model = (struct vmgr_security_model)VMGR_SECURITY_MODEL_INIT;
    *label = (struct vmgr_security_label)VMGR_SECURITY_LABEL_INIT;
    if (vmgr_conn_get_security_model(sh->conn, model, NULL) >= 0 && model->model[0]) {
        line("Security model:", model->model);
        line("Security DOI:", model->doi);
        if (active && vmgr_domain_get_security_label(domain, label, NULL) >= 0 && label->label[0])
            printf("%-15s %s (%s)\n", "Security label:", label->label,
                   label->enforcing ? "enforcing" : "permissive");
    }
    free(label);
    free(model);
}

static void dominfo_messages(struct vmgr_domain *domain)
{
    char **messages = NULL;

    if (vmgr_domain_get_messages(domain, 0, &messages, NULL) < 0)
        return;
    for (size_t i = 0; messages[i]; i++)
        line(i ? "" : "Messages:", messages[i]);
    vmgr_strings_free(messages);
}

static bool dominfo(struct shell *sh, struct vmgr_domain *domain)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    char *os = NULL;
    int id = vmgr_domain_get_id(domain, shell_err(sh));
    if (id < 0)
        return false;
    if (id > 0)
        printf("%-15s %d\n", "Id:", id);
    else
        line("Id:", "-");
    line("Name:", vmgr_domain_get_name(domain));
    line("UUID:", vmgr_domain_get_uuid_string(domain));
    if (vmgr_domain_get_os_type(domain, &os, NULL) >= 0)
        line("OS Type:", os);
    free(os);
    if (vmgr_domain_get_info(domain, &info, shell_err(sh)) < 0)
        return false;
    line("State:", vmgr_domain_state_name(info.state));
    printf("%-15s %u\n", "CPU(s):", info.vcpus);
    if (info.cpu_time_ns)
        printf("%-15s %.1lfs\n", "CPU time:", (double)info.cpu_time_ns / 1e9);
    printf("%-15s %llu KiB\n", "Max memory:", (unsigned long long)info.max_memory_kib);
    printf("%-15s %llu KiB\n", "Used memory:", (unsigned long long)info.memory_kib);
    int persistent = vmgr_domain_is_persistent(domain, NULL);
    line("Persistent:", persistent < 0 ? "unknown" : persistent ? "yes" : "no");
    int autostart = vmgr_domain_get_autostart(domain, NULL);
    if (autostart >= 0)
        line("Autostart:", autostart ? "enable" : "disable");
    int saved = vmgr_domain_has_managed_save(domain, 0, NULL);
    line("Managed save:", saved < 0 ? "unknown" : saved ? "yes" : "no");
    dominfo_security(sh, domain, id > 0);
    dominfo_messages(domain);
    return true;
}

static bool cmd_dominfo(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && dominfo(sh, domain);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- domstate ------------------------------------------------------------------------------- */

static const struct opt domstate_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    FLAG("reason", "also print reason for the state"),
    OPT_END,
};

static bool cmd_domstate(struct shell *sh, const struct args *args)
{
    int state, reason;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = vmgr_domain_get_state(domain, 0, &state, &reason, shell_err(sh)) >= 0;
    if (ok && args_bool(args, "reason"))
        printf("%s (%s)\n", vmgr_domain_state_name(state), vmgr_domain_reason_name(state, reason));
    else if (ok)
        printf("%s\n", vmgr_domain_state_name(state));
    vmgr_domain_unref(domain);
    return ok;
}

/* --- list ----------------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    FLAG("inactive", "list inactive domains"),
    FLAG("all", "list inactive & active domains"),
    FLAG("transient", "list transient domains"),
    FLAG("persistent", "list persistent domains"),
    FLAG("with-snapshot", "list domains with existing snapshot"),
    FLAG("without-snapshot", "list domains without a snapshot"),
    FLAG("with-checkpoint", "list domains with existing checkpoint"),
    FLAG("without-checkpoint", "list domains without a checkpoint"),
    FLAG("state-running", "list domains in running state"),
    FLAG("state-paused", "list domains in paused state"),
    FLAG("state-shutoff", "list domains in shutoff state"),
    FLAG("state-other", "list domains in other states"),
    FLAG("autostart", "list domains with autostart enabled"),
    FLAG("no-autostart", "list domains with autostart disabled"),
    FLAG("with-managed-save", "list domains with managed save state"),
    FLAG("without-managed-save", "list domains without managed save"),
    FLAG("uuid", "list uuid's only"),
    FLAG("name", "list domain names only"),
    FLAG("id", "list domain IDs only"),
    FLAG("table", "list table (default)"),
    FLAG("managed-save", "mark inactive domains with managed save state"),
    FLAG("title", "show domain title"),
    OPT_END,
};

static uint32_t list_flags(const struct args *args)
{
    static const struct flag table[] = {
        { "transient", VMGR_DOMAIN_LIST_TRANSIENT },
        { "persistent", VMGR_DOMAIN_LIST_PERSISTENT },
        { "with-snapshot", VMGR_DOMAIN_LIST_HAS_SNAPSHOT },
        { "without-snapshot", VMGR_DOMAIN_LIST_NO_SNAPSHOT },
        { "with-checkpoint", VMGR_DOMAIN_LIST_HAS_CHECKPOINT },
        { "without-checkpoint", VMGR_DOMAIN_LIST_NO_CHECKPOINT },
        { "state-running", VMGR_DOMAIN_LIST_RUNNING },
        { "state-paused", VMGR_DOMAIN_LIST_PAUSED },
        { "state-shutoff", VMGR_DOMAIN_LIST_SHUTOFF },
        { "state-other", VMGR_DOMAIN_LIST_OTHER },
        { "autostart", VMGR_DOMAIN_LIST_AUTOSTART },
        { "no-autostart", VMGR_DOMAIN_LIST_NO_AUTOSTART },
        { "with-managed-save", VMGR_DOMAIN_LIST_MANAGED_SAVE },
        { "without-managed-save", VMGR_DOMAIN_LIST_NO_MANAGED_SAVE },
        { NULL, 0 },
    };
    uint32_t flags = VMGR_DOMAIN_LIST_ACTIVE;
    if (args_bool(args, "inactive") || args_bool(args, "state-shutoff"))
        flags = VMGR_DOMAIN_LIST_INACTIVE;
    if (args_bool(args, "all"))
        flags = VMGR_DOMAIN_LIST_ACTIVE | VMGR_DOMAIN_LIST_INACTIVE;
    return flags | args_flags(args, table);
}

/* Active ones by id, then inactive ones by name. */
static int entry_compare(const void *a, const void *b)
{
    const struct vmgr_domain_entry *x = a, *y = b;
    if (x->id && y->id)
        return x->id < y->id ? -1 : x->id > y->id;
    if (x->id || y->id)
        return x->id ? -1 : 1;
    return strcasecmp(vmgr_domain_get_name(x->domain), vmgr_domain_get_name(y->domain));
}

static const char *entry_state(const struct vmgr_domain_entry *e, bool managed_save)
{
    if (managed_save && !e->id && vmgr_domain_has_managed_save(e->domain, 0, NULL) == 1)
        return "saved";
    return vmgr_domain_state_name(e->state);
}

static void list_table(struct shell *sh, const struct args *args,
                       const struct vmgr_domain_entry *entries, size_t count)
{
    bool with_title = args_bool(args, "title");
    struct table *t = with_title ? table_new("Id", "Name", "State", "Title", NULL)
                                 : table_new("Id", "Name", "State", NULL);
    for (size_t i = 0; i < count; i++) {
        const struct vmgr_domain_entry *e = &entries[i];
        const char *state = entry_state(e, args_bool(args, "managed-save"));
        char id[16] = "-", *title = NULL;
        if (e->id)
            snprintf(id, sizeof(id), "%d", e->id);
        if (with_title)
            vmgr_domain_get_metadata(e->domain, VMGR_DOMAIN_METADATA_TITLE, NULL, 0, &title, NULL);
        if (with_title)
            table_row(t, id, vmgr_domain_get_name(e->domain), state, title ? title : "", NULL);
        else
            table_row(t, id, vmgr_domain_get_name(e->domain), state, NULL);
        free(title);
    }
    table_print(t, sh->quiet);
}

/* UUID, id and name, those that are asked for. Ids alone: only of those that have one. */
static void list_plain(const struct args *args, const struct vmgr_domain_entry *e)
{
    char id[16] = "-";
    const struct {
        const char *option, *text;
    } parts[] = {
        { "uuid", vmgr_domain_get_uuid_string(e->domain) },
        { "id", id },
        { "name", vmgr_domain_get_name(e->domain) },
    };
    const char *blank = "";
    if (e->id)
        snprintf(id, sizeof(id), "%d", e->id);
    else if (!args_bool(args, "uuid") && !args_bool(args, "name"))
        return;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (args_bool(args, parts[i].option)) {
            printf("%s%s", blank, parts[i].text);
            blank = " ";
        }
    printf("\n");
}

static bool cmd_list(struct shell *sh, const struct args *args)
{
    struct vmgr_domain_entry *entries = NULL;
    bool plain = args_bool(args, "uuid") || args_bool(args, "name") || args_bool(args, "id");
    if (!args_exclusive(sh, args, "table", "name") || !args_exclusive(sh, args, "table", "id") ||
        !args_exclusive(sh, args, "table", "uuid"))
        return false;
    int count = vmgr_domain_list_entries(sh->conn, list_flags(args), &entries, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list domains");
        return false;
    }
    qsort(entries, (size_t)count, sizeof(*entries), entry_compare);
    if (!plain)
        list_table(sh, args, entries, (size_t)count);
    for (int i = 0; plain && i < count; i++)
        list_plain(args, &entries[i]);
    vmgr_domain_entries_free(entries);
    return true;
}

const struct cmd cmds_monitor[] = {
    { "domblkerror", cmd_domblkerror, domblkerror_opts, "Show errors on block devices",
      "Show block device errors", false },
    { "domblkinfo", cmd_domblkinfo, domblkinfo_opts, "domain block device size information",
      "Get block device size info for a domain.", false },
    { "domblklist", cmd_domblklist, domblklist_opts, "list all domain blocks",
      "Get the summary of block devices for a domain.", false },
    { "domblkstat", cmd_domblkstat, domblkstat_opts, "get device block stats for a domain",
      "Get device block stats for a running domain. See man page or use --human for explanation of "
      "fields",
      false },
    { "domcontrol", cmd_domcontrol, domcontrol_opts, "domain control interface state",
      "Returns state of a control interface to the domain.", false },
    { "domif-getlink", cmd_domif_getlink, domif_getlink_opts,
      "get link state of a virtual interface", "Get link state of a domain's virtual interface.",
      false },
    { "domifaddr", cmd_domifaddr, domifaddr_opts,
      "Get network interfaces' addresses for a running domain",
      "Get network interfaces' addresses for a running domain", false },
    { "domiflist", cmd_domiflist, domiflist_opts, "list all domain virtual interfaces",
      "Get the summary of virtual interfaces for a domain.", false },
    { "domifstat", cmd_domifstat, domifstat_opts, "get network interface stats for a domain",
      "Get network interface stats for a running domain.", false },
    { "dominfo", cmd_dominfo, domain_opts, "domain information",
      "Returns basic information about the domain.", false },
    { "dommemstat", cmd_dommemstat, dommemstat_opts, "get memory statistics for a domain",
      "Get memory statistics for a running domain.", false },
    { "domstate", cmd_domstate, domstate_opts, "domain state", "Returns state about a domain.",
      false },
    { "domstats", cmd_domstats, domstats_opts, "get statistics about one or multiple domains",
      "Gets statistics about one or more (or all) domains", false },
    { "domtime", cmd_domtime, domtime_opts, "domain time", "Gets or sets the domain's system time",
      false },
    { "list", cmd_list, list_opts, "list domains", "Returns list of domains.", false },
    CMD_END,
};
