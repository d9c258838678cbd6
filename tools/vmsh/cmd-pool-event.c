/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool-event: waiting for what happens to storage pools.
 */
#include <stdio.h>
#include <string.h>

#include "domain-text.h"
#include "storage-text.h"

const struct opt pool_event_opts[] = {
    { .name = "pool",
      .type = OPT_STRING,
      .named = true,
      .help = "filter by storage pool name or uuid",
      .completer = COMPLETE_POOL },
    { .name = "event",
      .type = OPT_STRING,
      .named = true,
      .help = "which event type to wait for",
      .completer = COMPLETE_POOL_EVENT },
    { .name = "loop",
      .type = OPT_BOOL,
      .help = "loop until timeout or interrupt, rather than one-shot" },
    { .name = "timeout", .type = OPT_INT, .named = true, .help = "timeout seconds" },
    { .name = "list", .type = OPT_BOOL, .help = "list valid event types" },
    { .name = "timestamp", .type = OPT_BOOL, .help = "show timestamp for each printed event" },
    OPT_END,
};

static void on_event(struct vmgr_conn *conn, struct vmgr_pool *pool,
                     const struct vmgr_pool_event *event, void *data)
{
    struct event_wait *w = data;
    (void)conn;
    w->count++;
    if (w->timestamp)
        print_timestamp();
    if (event->id == VMGR_POOL_EVENT_LIFECYCLE)
        printf("event 'lifecycle' for storage pool %s: %s\n", vmgr_pool_get_name(pool),
               vmgr_pool_event_type_name(event->type));
    else
        printf("event 'refresh' for storage pool %s\n", vmgr_pool_get_name(pool));
    fflush(stdout);
}

bool cmd_pool_event(struct shell *sh, const struct args *args)
{
    const char *event = args_string(args, "event");
    struct event_wait w = { 0, args_bool(args, "timestamp") };
    struct vmgr_pool *pool = NULL;
    if (args_bool(args, "list")) {
        printf("lifecycle\nrefresh\n");
        return true;
    }
    if (!event) {
        shell_error(sh, "either --list or --event <type> is required");
        return false;
    }
    if (strcmp(event, "lifecycle") && strcmp(event, "refresh")) {
        shell_error(sh, "unknown event type %s", event);
        return false;
    }
    if (!event_timeout_valid(sh, args) ||
        (args_string(args, "pool") && !(pool = args_pool(sh, args))))
        return false;
    int kind = strcmp(event, "refresh") ? VMGR_POOL_EVENT_LIFECYCLE : VMGR_POOL_EVENT_REFRESH;
    int id = vmgr_conn_add_pool_event(sh->conn, pool, kind, on_event, &w, NULL, shell_err(sh));
    bool ok = id >= 0 && event_wait_for(sh, args, &w);
    if (id >= 0)
        vmgr_conn_remove_pool_event(sh->conn, id, NULL);
    vmgr_pool_unref(pool);
    return ok;
}
