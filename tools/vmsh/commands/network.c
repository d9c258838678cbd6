/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about virtual networks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../text/domain.h"
#include "../text/network.h"
#include "object-event.h"

struct vmgr_network *args_network(struct shell *sh, const struct args *args, unsigned by)
{
    const char *text = args_string(args, "network");
    struct vmgr_network *network = NULL;
    if (!text)
        return NULL;
    if (by & BY_UUID && strlen(text) == VMGR_UUID_SIZE * 2 + 4)
        vmgr_network_lookup_by_uuid_string(sh->conn, text, &network, shell_err(sh));
    if (!network && by & BY_NAME)
        vmgr_network_lookup_by_name(sh->conn, text, &network, shell_err(sh));
    if (!network)
        shell_error(sh, "failed to get network '%s'", text);
    return network;
}

/* Remarks of the library on what it did not understand in a definition, on stderr. */
static void print_remarks(struct vmgr_network *network)
{
    char **messages = NULL;
    int count = vmgr_network_get_messages(network, &messages, NULL);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "warning: %s\n", messages[i]);
    vmgr_strings_free(messages);
}

/* --- define, create --------------------------------------------------------------------------- */

static const struct opt file_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing an XML network description",
      .completer = COMPLETE_FILE },
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};

static bool from_file(struct shell *sh, const struct args *args, bool create)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_NETWORK_DEFINE_VALIDATE : 0;
    struct vmgr_network *network = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    int r = create ? vmgr_network_create_xml(sh->conn, xml, flags, &network, shell_err(sh))
                   : vmgr_network_define_xml(sh->conn, xml, flags, &network, shell_err(sh));
    free(xml);
    if (r < 0) {
        shell_error(sh, "Failed to %s network from %s", create ? "create" : "define", path);
        return false;
    }
    shell_extra(sh, "Network %s %s from %s\n", vmgr_network_get_name(network),
                create ? "created" : "defined", path);
    print_remarks(network);
    vmgr_network_unref(network);
    return true;
}

static bool cmd_net_define(struct shell *sh, const struct args *args)
{
    return from_file(sh, args, false);
}

static bool cmd_net_create(struct shell *sh, const struct args *args)
{
    return from_file(sh, args, true);
}

/* --- one call, one sentence ------------------------------------------------------------------- */

static const struct opt active_opts[] = { NETWORK_OPT(COMPLETE_NETWORK_ACTIVE), OPT_END };
static const struct opt inactive_opts[] = { NETWORK_OPT(COMPLETE_NETWORK_INACTIVE), OPT_END };
static const struct opt persistent_opts[] = { NETWORK_OPT(COMPLETE_NETWORK_PERSISTENT), OPT_END };
static const struct opt any_opts[] = { NETWORK_OPT(COMPLETE_NETWORK), OPT_END };

static bool simple(struct shell *sh, const struct args *args,
                   int (*call)(struct vmgr_network *, struct vmgr_error **), const char *verb,
                   const char *done)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    if (!network)
        return false;
    bool ok = call(network, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Network %s %s\n", vmgr_network_get_name(network), done);
    else
        shell_error(sh, "Failed to %s network %s", verb, vmgr_network_get_name(network));
    vmgr_network_unref(network);
    return ok;
}

static bool cmd_net_start(struct shell *sh, const struct args *args)
{
    return simple(sh, args, vmgr_network_start, "start", "started");
}

static bool cmd_net_destroy(struct shell *sh, const struct args *args)
{
    return simple(sh, args, vmgr_network_destroy, "destroy", "destroyed");
}

static bool cmd_net_undefine(struct shell *sh, const struct args *args)
{
    return simple(sh, args, vmgr_network_undefine, "undefine", "has been undefined");
}

static const struct opt autostart_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK_PERSISTENT),
    FLAG("disable", "disable autostarting"),
    OPT_END,
};

static bool cmd_net_autostart(struct shell *sh, const struct args *args)
{
    const bool on = !args_bool(args, "disable");
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    if (!network)
        return false;
    bool ok = vmgr_network_set_autostart(network, on, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Network %s %s as autostarted\n", vmgr_network_get_name(network),
                    on ? "marked" : "unmarked");
    else
        shell_error(sh, "failed to %s network %s as autostarted", on ? "mark" : "unmark",
                    vmgr_network_get_name(network));
    vmgr_network_unref(network);
    return ok;
}

/* --- looking -------------------------------------------------------------------------------- */

static const struct opt dumpxml_options[] = {
    NETWORK_OPT(COMPLETE_NETWORK),
    FLAG("inactive", "show inactive defined XML"),
    OPT_XPATH,
    OPT_END,
};

static bool cmd_net_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    char *xml = NULL;
    if (!network)
        return false;
    uint32_t flags = args_bool(args, "inactive") ? VMGR_NETWORK_XML_INACTIVE : 0;
    bool ok = vmgr_network_get_xml(network, flags, &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    vmgr_network_unref(network);
    return ok;
}

static const char *yes_no(int answer)
{
    return answer > 0 ? "yes" : "no";
}

static bool cmd_net_info(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    char *bridge = NULL;
    if (!network)
        return false;
    printf("%-15s %s\n", "Name:", vmgr_network_get_name(network));
    printf("%-15s %s\n", "UUID:", vmgr_network_get_uuid_string(network));
    int active = vmgr_network_is_active(network, NULL);
    int persistent = vmgr_network_is_persistent(network, NULL);
    int autostart = vmgr_network_get_autostart(network, NULL);
    if (active >= 0)
        printf("%-15s %s\n", "Active:", yes_no(active));
    printf("%-15s %s\n", "Persistent:", persistent < 0 ? "unknown" : yes_no(persistent));
    printf("%-15s %s\n", "Autostart:", autostart < 0 ? "no autostart" : yes_no(autostart));
    if (vmgr_network_get_bridge(network, &bridge, NULL) >= 0)
        printf("%-15s %s\n", "Bridge:", bridge);
    free(bridge);
    vmgr_network_unref(network);
    return true;
}

static const struct opt by_uuid_opts[] = {
    { .name = "network", .type = OPT_DATA, .help = "network uuid", .completer = COMPLETE_NETWORK },
    OPT_END,
};
static const struct opt by_name_opts[] = {
    { .name = "network", .type = OPT_DATA, .help = "network name", .completer = COMPLETE_NETWORK },
    OPT_END,
};

static bool cmd_net_name(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID);
    if (network)
        printf("%s\n", vmgr_network_get_name(network));
    vmgr_network_unref(network);
    return network != NULL;
}

static bool cmd_net_uuid(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_NAME);
    if (network)
        printf("%s\n", vmgr_network_get_uuid_string(network));
    vmgr_network_unref(network);
    return network != NULL;
}

/* --- list ----------------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    FLAG("inactive", "list inactive networks"),
    FLAG("all", "list inactive & active networks"),
    FLAG("persistent", "list persistent networks"),
    FLAG("transient", "list transient networks"),
    FLAG("autostart", "list networks with autostart enabled"),
    FLAG("no-autostart", "list networks with autostart disabled"),
    FLAG("uuid", "list uuid's only"),
    FLAG("name", "list network names only"),
    FLAG("table", "list table (default)"),
    OPT_END,
};

static uint32_t list_flags(const struct args *args)
{
    static const struct flag table[] = {
        { "persistent", VMGR_NETWORK_LIST_PERSISTENT },
        { "transient", VMGR_NETWORK_LIST_TRANSIENT },
        { "autostart", VMGR_NETWORK_LIST_AUTOSTART },
        { "no-autostart", VMGR_NETWORK_LIST_NO_AUTOSTART },
        { NULL, 0 },
    };
    uint32_t flags = args_bool(args, "all") ? VMGR_NETWORK_LIST_ACTIVE | VMGR_NETWORK_LIST_INACTIVE
                     : args_bool(args, "inactive") ? VMGR_NETWORK_LIST_INACTIVE
                                                   : VMGR_NETWORK_LIST_ACTIVE;
    return flags | args_flags(args, table);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(vmgr_network_get_name(*(struct vmgr_network *const *)a),
                      vmgr_network_get_name(*(struct vmgr_network *const *)b));
}

static void list_table(struct shell *sh, struct vmgr_network **networks, int count)
{
    struct table *t = table_new("Name", "State", "Autostart", "Persistent", NULL);
    for (int i = 0; i < count; i++) {
        int autostart = vmgr_network_get_autostart(networks[i], NULL);
        table_row(t, vmgr_network_get_name(networks[i]),
                  vmgr_network_is_active(networks[i], NULL) > 0 ? "active" : "inactive",
                  autostart < 0 ? "no autostart" : yes_no(autostart),
                  yes_no(vmgr_network_is_persistent(networks[i], NULL)), NULL);
    }
    table_print(t, sh->quiet);
}

static bool cmd_net_list(struct shell *sh, const struct args *args)
{
    const bool name = args_bool(args, "name"), uuid = args_bool(args, "uuid");
    struct vmgr_network **networks = NULL;
    if (name + uuid + args_bool(args, "table") > 1) {
        shell_error(sh, "Only one argument from --table, --name and --uuid may be specified.");
        return false;
    }
    int count = vmgr_network_list(sh->conn, list_flags(args), &networks, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list networks");
        return false;
    }
    qsort(networks, (size_t)count, sizeof(networks[0]), by_name);
    if (!name && !uuid)
        list_table(sh, networks, count);
    for (int i = 0; (name || uuid) && i < count; i++)
        printf("%s\n", uuid ? vmgr_network_get_uuid_string(networks[i])
                            : vmgr_network_get_name(networks[i]));
    vmgr_network_list_free(networks);
    return true;
}

/* --- leases --------------------------------------------------------------------------------- */

static const struct opt leases_opts[] = {
    NETWORK_OPT(COMPLETE_NETWORK_ACTIVE),
    { .name = "mac", .type = OPT_STRING, .named = true, .help = "MAC address" },
    OPT_END,
};

static int by_expiry(const void *a, const void *b)
{
    const struct vmgr_network_dhcp_lease *x = *(struct vmgr_network_dhcp_lease *const *)a;
    const struct vmgr_network_dhcp_lease *y = *(struct vmgr_network_dhcp_lease *const *)b;
    return x->expiry_s < y->expiry_s ? -1 : x->expiry_s > y->expiry_s;
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void lease_row(struct table *t, const struct vmgr_network_dhcp_lease *lease)
{
    time_t when = (time_t)lease->expiry_s;
    struct tm tm;
    char expiry[32] = "-";
    if (localtime_r(&when, &tm))
        strftime(expiry, sizeof(expiry), "%Y-%m-%d %H:%M:%S", &tm);
    char *address = must_printf("%s/%u", lease->address, lease->prefix);
    table_row(t, expiry, or_dash(lease->mac),
              lease->type == VMGR_IP_ADDR_TYPE_IPV4 ? "ipv4" : "ipv6", address,
              or_dash(lease->hostname), or_dash(lease->client_id), NULL);
    free(address);
}

static bool cmd_net_dhcp_leases(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    struct vmgr_network_dhcp_lease **leases = NULL;
    if (!network)
        return false;
    int count =
        vmgr_network_get_dhcp_leases(network, args_string(args, "mac"), 0, &leases, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to get leases info for %s", vmgr_network_get_name(network));
    } else {
        struct table *t = table_new("Expiry Time", "MAC address", "Protocol", "IP address",
                                    "Hostname", "Client ID or DUID", NULL);
        qsort(leases, (size_t)count, sizeof(leases[0]), by_expiry);
        for (int i = 0; i < count; i++)
            lease_row(t, leases[i]);
        table_print(t, sh->quiet);
    }
    vmgr_network_dhcp_leases_free(leases);
    vmgr_network_unref(network);
    return count >= 0;
}

/* --- edit ----------------------------------------------------------------------------------- */

static int get_network(void *handle, char **xml, struct vmgr_error **err)
{
    return vmgr_network_get_xml(handle, VMGR_NETWORK_XML_INACTIVE, xml, err);
}

static int define_network(struct shell *sh, const char *xml, bool validate)
{
    struct vmgr_network *network = NULL;
    if (vmgr_network_define_xml(sh->conn, xml, validate ? VMGR_NETWORK_DEFINE_VALIDATE : 0,
                                &network, shell_err(sh)) < 0)
        return -1;
    shell_extra(sh, "Network %s XML configuration edited.\n", vmgr_network_get_name(network));
    print_remarks(network);
    vmgr_network_unref(network);
    return 0;
}

static bool cmd_net_edit(struct shell *sh, const struct args *args)
{
    struct vmgr_network *network = args_network(sh, args, BY_UUID | BY_NAME);
    if (!network)
        return false;
    char *label = must_printf("Network %s", vmgr_network_get_name(network));
    struct edit_object object = { label, network, get_network, define_network };
    bool ok = edit_object(sh, &object, false);
    free(label);
    vmgr_network_unref(network);
    return ok;
}

const struct cmd cmds_network[] = {
    { "net-autostart", cmd_net_autostart, autostart_opts, "autostart a network",
      "Configure a network to be automatically started at boot.", false },
    { "net-create", cmd_net_create, file_opts, "create a network from an XML file",
      "Create a network.", false },
    { "net-define", cmd_net_define, file_opts,
      "define an inactive persistent virtual network or modify an existing persistent one from an "
      "XML file",
      "Define or modify a persistent virtual network.", false },
    { "net-destroy", cmd_net_destroy, active_opts, "destroy (stop) a network",
      "Forcefully stop a given network.", false },
    { "net-dhcp-leases", cmd_net_dhcp_leases, leases_opts, "print lease info for a given network",
      "Print lease info for a given network", false },
    { "net-dumpxml", cmd_net_dumpxml, dumpxml_options, "network information in XML",
      "Output the network information as an XML dump to stdout.", false },
    { "net-edit", cmd_net_edit, persistent_opts, "edit XML configuration for a network",
      "Edit the XML configuration for a network.", false },
    { "net-event", cmd_net_event, net_event_opts, "Network Events",
      "List event types, or wait for network events to occur", false },
    { "net-info", cmd_net_info, any_opts, "network information",
      "Returns basic information about the network", false },
    { "net-list", cmd_net_list, list_opts, "list networks", "Returns list of networks.", false },
    { "net-name", cmd_net_name, by_uuid_opts, "convert a network UUID to network name", "", false },
    { "net-start", cmd_net_start, inactive_opts, "start a (previously defined) inactive network",
      "Start a network.", false },
    { "net-undefine", cmd_net_undefine, persistent_opts, "undefine a persistent network",
      "Undefine the configuration for a persistent network.", false },
    { "net-update", cmd_net_update, net_update_opts,
      "update parts of an existing network's configuration", "", false },
    { "net-uuid", cmd_net_uuid, by_name_opts, "convert a network name to network UUID", "", false },
    { "net-port-list", cmd_net_port_list, net_port_list_opts, "list network ports",
      "Returns list of network ports.", false },
    { "net-port-create", cmd_net_port_create, net_port_create_opts,
      "create a network port from an XML file", "Create a network port.", false },
    { "net-port-dumpxml", cmd_net_port_dumpxml, net_port_dumpxml_opts,
      "network port information in XML",
      "Output the network port information as an XML dump to stdout.", false },
    { "net-port-delete", cmd_net_port_delete, net_port_delete_opts,
      "delete the specified network port",
      "Delete the specified network port.", false },
    CMD_END,
};
