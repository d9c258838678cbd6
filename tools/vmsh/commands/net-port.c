/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about ports of networks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"
#include "../text/network.h"

#define FLAG(name_, help_)                                                                         \
    {                                                                                              \
        .name = name_, .type = OPT_BOOL, .help = help_                                             \
    }
#define PORT_OPT                                                                                   \
    {                                                                                              \
        .name = "port", .type = OPT_DATA, .help = "port UUID", .completer = COMPLETE_NETWORK_PORT  \
    }

const struct opt net_port_list_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK),
    FLAG("uuid", "list uuid's only"),
    FLAG("table", "list table (default)"),
    OPT_END,
};
const struct opt net_port_create_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK),
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML network port description",
      .completer = COMPLETE_FILE },
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};
const struct opt net_port_dumpxml_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK),
    PORT_OPT,
    OPT_XPATH,
    OPT_END,
};
const struct opt net_port_delete_opts[] = { NETWORK_OPT(COMPLETE_NETWORK), PORT_OPT, OPT_END };

static int by_uuid(const void *a, const void *b)
{
    struct vmgr_network_port *const *one = a, *const *two = b;
    return strcmp(vmgr_network_port_get_uuid_string(*one), vmgr_network_port_get_uuid_string(*two));
}

bool cmd_net_port_list(struct shell *sh, const struct args *args)
{
    bool plain = args_bool(args, "uuid"), with_table = args_bool(args, "table");
    struct vmgr_network_port **ports = NULL;
    if (plain && with_table) {
        shell_error(sh, "Only one argument from --table and --uuid may be specified.");
        return false;
    }
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    if (!network)
        return false;
    int count = vmgr_network_port_list(network, 0, &ports, shell_err(sh));
    vmgr_network_unref(network);
    if (count < 0)
        return false;
    qsort(ports, (size_t)count, sizeof(*ports), by_uuid);
    struct table *table = plain ? NULL : table_new("UUID", NULL);
    for (int i = 0; i < count; i++) {
        const char *uuid = vmgr_network_port_get_uuid_string(ports[i]);
        if (plain)
            printf("%s\n", uuid);
        else
            table_row(table, uuid, NULL);
    }
    if (table)
        table_print(table, sh->quiet);
    vmgr_network_port_list_free(ports);
    return true;
}

bool cmd_net_port_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NETWORK_PORT_CREATE_VALIDATE : 0;
    struct vmgr_network_port *port = NULL;
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    char *xml = network ? file_read(sh, path) : NULL;
    if (xml && vmgr_network_port_create_xml(network, xml, flags, &port, shell_err(sh)) < 0)
        shell_error(sh, "Failed to create network from %s", path);
    else if (xml)
        shell_extra(sh, "Network port %s created from %s\n",
                    vmgr_network_port_get_uuid_string(port), path);
    bool ok = port;
    free(xml);
    vmgr_network_port_unref(port);
    vmgr_network_unref(network);
    return ok;
}

/* NULL: the error was printed. */
static struct vmgr_network_port *args_port(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "port");
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    struct vmgr_network_port *port = NULL;
    if (!network)
        return NULL;
    if (strlen(text) == VMGR_UUID_SIZE * 2 + 4)
        vmgr_network_port_lookup_by_uuid_string(network, text, &port, NULL);
    if (!port)
        shell_error(sh, "failed to get network port '%s'", text);
    vmgr_network_unref(network);
    return port;
}

bool cmd_net_port_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_network_port *port = args_port(sh, args);
    char *xml = NULL;
    if (!port)
        return false;
    bool ok = vmgr_network_port_get_xml(port, 0, &xml, shell_err(sh)) == 0 &&
              print_xml(sh, args, xml);
    vmgr_network_port_unref(port);
    return ok;
}

bool cmd_net_port_delete(struct shell *sh, const struct args *args)
{
    struct vmgr_network_port *port = args_port(sh, args);
    if (!port)
        return false;
    const char *uuid = vmgr_network_port_get_uuid_string(port);
    bool ok = vmgr_network_port_delete(port, shell_err(sh)) == 0;
    if (ok)
        shell_extra(sh, "Network port %s deleted\n", uuid);
    else
        shell_error(sh, "Failed to delete network port %s", uuid);
    vmgr_network_port_unref(port);
    return ok;
}
