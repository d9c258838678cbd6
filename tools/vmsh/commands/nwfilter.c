/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about network filters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"
#include "nwfilter.h"

#define FILTER_OPT                                                                                 \
    {                                                                                              \
        .name = "nwfilter", .type = OPT_DATA, .help = "network filter name or uuid",               \
        .completer = COMPLETE_NWFILTER                                                             \
    }

static const struct opt filter_opts[] = { FILTER_OPT, OPT_END };
static const struct opt dump_opts[] = {
    FILTER_OPT,
    OPT_XPATH,
    OPT_END,
};
static const struct opt define_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML network filter description",
      .completer = COMPLETE_FILE },
    { .name = "validate", .type = OPT_BOOL, .help = "validate the XML against the schema" },
    OPT_END,
};

static struct vmgr_nwfilter *args_nwfilter(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "nwfilter");
    struct vmgr_nwfilter *filter = NULL;
    if (strlen(text) == VMGR_UUID_SIZE * 2 + 4)
        vmgr_nwfilter_lookup_by_uuid_string(sh->conn, text, &filter, shell_err(sh));
    if (!filter)
        vmgr_nwfilter_lookup_by_name(sh->conn, text, &filter, shell_err(sh));
    if (!filter)
        shell_error(sh, "failed to get nwfilter '%s'", text);
    return filter;
}

static bool cmd_nwfilter_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NWFILTER_DEFINE_VALIDATE : 0;
    struct vmgr_nwfilter *filter = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_nwfilter_define_xml(sh->conn, xml, flags, &filter, shell_err(sh)) == 0;
    free(xml);
    if (ok)
        shell_extra(sh, "Network filter %s defined from %s\n", vmgr_nwfilter_get_name(filter),
                    path);
    else
        shell_error(sh, "Failed to define network filter from %s", path);
    vmgr_nwfilter_unref(filter);
    return ok;
}

static bool cmd_nwfilter_undefine(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter *filter = args_nwfilter(sh, args);
    if (!filter)
        return false;
    const char *name = args_string(args, "nwfilter");
    bool ok = vmgr_nwfilter_undefine(filter, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Network filter %s undefined\n", name);
    else
        shell_error(sh, "Failed to undefine network filter %s", name);
    vmgr_nwfilter_unref(filter);
    return ok;
}

static bool cmd_nwfilter_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter *filter = args_nwfilter(sh, args);
    char *xml = NULL;
    if (!filter)
        return false;
    bool ok = vmgr_nwfilter_get_xml(filter, 0, &xml, shell_err(sh)) == 0 &&
              print_xml(sh, args, xml);
    vmgr_nwfilter_unref(filter);
    return ok;
}

static int compare(const void *a, const void *b)
{
    return strcmp(vmgr_nwfilter_get_name(*(struct vmgr_nwfilter *const *)a),
                  vmgr_nwfilter_get_name(*(struct vmgr_nwfilter *const *)b));
}

static bool cmd_nwfilter_list(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter **filters = NULL;
    (void)args;
    int count = vmgr_nwfilter_list(sh->conn, 0, &filters, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list network filters");
        return false;
    }
    qsort(filters, (size_t)count, sizeof(*filters), compare);
    struct table *table = table_new("UUID", "Name", NULL);
    for (int i = 0; i < count; i++)
        table_row(table, vmgr_nwfilter_get_uuid_string(filters[i]),
                  vmgr_nwfilter_get_name(filters[i]), NULL);
    table_print(table, sh->quiet);
    vmgr_nwfilter_list_free(filters);
    return true;
}

static int get_filter(void *handle, char **xml, struct vmgr_error **err)
{
    return vmgr_nwfilter_get_xml(handle, 0, xml, err);
}

static int define_filter(struct shell *sh, const char *xml, bool validate)
{
    uint32_t flags = validate ? VMGR_NWFILTER_DEFINE_VALIDATE : 0;
    struct vmgr_nwfilter *filter = NULL;
    if (vmgr_nwfilter_define_xml(sh->conn, xml, flags, &filter, shell_err(sh)) < 0)
        return -1;
    shell_extra(sh, "Network filter %s XML configuration edited.\n",
                vmgr_nwfilter_get_name(filter));
    vmgr_nwfilter_unref(filter);
    return 0;
}

static bool cmd_nwfilter_edit(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter *filter = args_nwfilter(sh, args);
    if (!filter)
        return false;
    char *label = must_printf("Network filter %s", vmgr_nwfilter_get_name(filter));
    struct edit_object object = { label, filter, get_filter, define_filter };
    bool ok = edit_object(sh, &object, false);
    free(label);
    vmgr_nwfilter_unref(filter);
    return ok;
}

const struct cmd cmds_nwfilter[] = {
    { "nwfilter-define", cmd_nwfilter_define, define_opts,
      "define or update a network filter from an XML file",
      "Define a new network filter or update an existing one.", false },
    { "nwfilter-dumpxml", cmd_nwfilter_dumpxml, dump_opts, "network filter information in XML",
      "Output the network filter information as an XML dump to stdout.", false },
    { "nwfilter-edit", cmd_nwfilter_edit, filter_opts,
      "edit XML configuration for a network filter",
      "Edit the XML configuration for a network filter.", false },
    { "nwfilter-list", cmd_nwfilter_list, NULL, "list network filters",
      "Returns list of network filters.", false },
    { "nwfilter-undefine", cmd_nwfilter_undefine, filter_opts, "undefine a network filter",
      "Undefine a given network filter.", false },
    { "nwfilter-binding-create", cmd_nwfilter_binding_create, binding_create_opts,
      "create a network filter binding from an XML file", "Create a new network filter binding.",
      false },
    { "nwfilter-binding-delete", cmd_nwfilter_binding_delete, binding_delete_opts,
      "delete a network filter binding", "Delete a given network filter binding.", false },
    { "nwfilter-binding-dumpxml", cmd_nwfilter_binding_dumpxml, binding_dumpxml_opts,
      "network filter information in XML",
      "Output the network filter information as an XML dump to stdout.", false },
    { "nwfilter-binding-list", cmd_nwfilter_binding_list, NULL, "list network filter bindings",
      "Returns list of network filter bindings.", false },
    CMD_END,
};
