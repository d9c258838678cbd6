/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * net-event: waiting for what happens to networks.
 */
#include <stdio.h>
#include <string.h>

#include "domain-text.h"
#include "network-text.h"

const struct opt net_event_opts[] = {
    { .name = "network",
      .type = OPT_STRING,
      .named = true,
      .help = "filter by network name or uuid",
      .completer = COMPLETE_NETWORK },
    { .name = "event",
      .type = OPT_STRING,
      .named = true,
      .help = "which event type to wait for",
      .completer = COMPLETE_NETWORK_EVENT },
    { .name = "loop",
      .type = OPT_BOOL,
      .help = "loop until timeout or interrupt, rather than one-shot" },
    { .name = "timeout", .type = OPT_INT, .named = true, .help = "timeout seconds" },
    { .name = "list", .type = OPT_BOOL, .help = "list valid event types" },
    { .name = "timestamp", .type = OPT_BOOL, .help = "show timestamp for each printed event" },
    OPT_END,
};

static void on_event(struct vmgr_conn *conn, struct vmgr_network *network, int event_type,
                     void *data)
{
    struct event_wait *w = data;
    (void)conn;
    w->count++;
    if (w->timestamp)
        print_timestamp();
    printf("event 'lifecycle' for network %s: %s\n", vmgr_network_get_name(network),
           vmgr_network_event_type_name(event_type));
    fflush(stdout);
}

bool cmd_net_event(struct shell *sh, const struct args *args)
{
    const char *event = args_string(args, "event");
    struct event_wait w = { 0, args_bool(args, "timestamp") };
    struct vmgr_network *network = NULL;
    if (args_bool(args, "list")) {
        printf("lifecycle\n");
        return true;
    }
    if (!event) {
        shell_error(sh, "either --list or --event <type> is required");
        return false;
    }
    if (strcmp(event, "lifecycle")) {
        shell_error(sh, "unknown event type %s", event);
        return false;
    }
    if (!event_timeout_valid(sh, args) ||
        (args_string(args, "network") && !(network = args_network(sh, args, BY_UUID | BY_NAME))))
        return false;
    int id = vmgr_conn_add_network_event(sh->conn, network, VMGR_NETWORK_EVENT_LIFECYCLE, on_event,
                                         &w, NULL, shell_err(sh));
    bool ok = id >= 0 && event_wait_for(sh, args, &w);
    if (id >= 0)
        vmgr_conn_remove_network_event(sh->conn, id, NULL);
    vmgr_network_unref(network);
    return ok;
}
