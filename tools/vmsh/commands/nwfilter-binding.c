/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about bindings of network filters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../text/domain.h"
#include "nwfilter.h"

#define BINDING_OPT(help_)                                                                         \
    {                                                                                              \
        .name = "binding", .type = OPT_DATA, .help = help_, .completer = COMPLETE_NWFILTER_BINDING \
    }

const struct opt binding_create_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML network filter binding description",
      .completer = COMPLETE_FILE },
    { .name = "validate", .type = OPT_BOOL, .help = "validate the XML against the schema" },
    OPT_END,
};
const struct opt binding_delete_opts[] = { BINDING_OPT("network filter binding port dev"),
                                           OPT_END };
const struct opt binding_dumpxml_opts[] = {
    BINDING_OPT("network filter binding portdev"),
    OPT_XPATH,
    OPT_END,
};

static struct vmgr_nwfilter_binding *args_binding(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "binding");
    struct vmgr_nwfilter_binding *binding = NULL;
    if (vmgr_nwfilter_binding_lookup_by_port_dev(sh->conn, text, &binding, shell_err(sh)) < 0)
        shell_error(sh, "failed to get nwfilter binding '%s'", text);
    return binding;
}

bool cmd_nwfilter_binding_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NWFILTER_BINDING_CREATE_VALIDATE : 0;
    struct vmgr_nwfilter_binding *binding = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    int r = vmgr_nwfilter_binding_create_xml(sh->conn, xml, flags, &binding, shell_err(sh));
    free(xml);
    if (r < 0) {
        shell_error(sh, "Failed to create network filter from %s", path);
        return false;
    }
    shell_extra(sh, "Network filter binding on %s created from %s\n",
                vmgr_nwfilter_binding_get_port_dev(binding), path);
    vmgr_nwfilter_binding_unref(binding);
    return true;
}

bool cmd_nwfilter_binding_delete(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter_binding *binding = args_binding(sh, args);
    if (!binding)
        return false;
    const char *name = args_string(args, "binding");
    bool ok = vmgr_nwfilter_binding_delete(binding, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Network filter binding on %s deleted\n", name);
    else
        shell_error(sh, "Failed to delete network filter binding on %s", name);
    vmgr_nwfilter_binding_unref(binding);
    return ok;
}

bool cmd_nwfilter_binding_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter_binding *binding = args_binding(sh, args);
    char *xml = NULL;
    if (!binding)
        return false;
    bool ok = vmgr_nwfilter_binding_get_xml(binding, 0, &xml, shell_err(sh)) == 0 &&
              print_xml(sh, args, xml);
    vmgr_nwfilter_binding_unref(binding);
    return ok;
}

static int by_port_dev(const void *a, const void *b)
{
    struct vmgr_nwfilter_binding *const *one = a, *const *two = b;
    return strcasecmp(vmgr_nwfilter_binding_get_port_dev(*one),
                      vmgr_nwfilter_binding_get_port_dev(*two));
}

bool cmd_nwfilter_binding_list(struct shell *sh, const struct args *args)
{
    struct vmgr_nwfilter_binding **bindings = NULL;
    (void)args;
    int count = vmgr_nwfilter_binding_list(sh->conn, 0, &bindings, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list network filter bindings");
        return false;
    }
    qsort(bindings, (size_t)count, sizeof(*bindings), by_port_dev);
    struct table *table = table_new("Port Dev", "Filter", NULL);
    for (int i = 0; i < count; i++)
        table_row(table, vmgr_nwfilter_binding_get_port_dev(bindings[i]),
                  vmgr_nwfilter_binding_get_filter_name(bindings[i]), NULL);
    table_print(table, sh->quiet);
    vmgr_nwfilter_binding_list_free(bindings);
    return true;
}
