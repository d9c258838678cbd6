/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * net-event, nodedev-event, pool-event, secret-event: waiting for what happens to objects other
 * than domains.
 *
 * An object's part is its options, what prints one event, three small functions and a table of
 * them; wait_for() does the rest.
 */
#include "object-event.h"

#include <stdio.h>
#include <string.h>
#include <vmgr/nodedev.h>

#include "../text/domain.h"
#include "../text/network.h"
#include "../text/storage.h"

/* What can be waited for. */
struct watched {
    const char *option;       /* that names one object */
    const char *const *kinds; /* by number; NULL-terminated */
    void *(*find)(struct shell *sh, const struct args *args);
    void (*unref)(void *object);
    int (*add)(struct vmgr_conn *conn, void *object, int kind, struct event_wait *w,
               struct vmgr_error **err);
    int (*remove)(struct vmgr_conn *conn, int id, struct vmgr_error **err);
};

#define EVENT_OPTS(object, object_help, object_completer, event_completer)                         \
    {                                                                                              \
        { .name = object,                                                                          \
          .type = OPT_STRING,                                                                      \
          .named = true,                                                                           \
          .help = object_help,                                                                     \
          .completer = object_completer },                                                         \
            { .name = "event",                                                                     \
              .type = OPT_STRING,                                                                  \
              .named = true,                                                                       \
              .help = "which event type to wait for",                                              \
              .completer = event_completer },                                                      \
            { .name = "loop",                                                                      \
              .type = OPT_BOOL,                                                                    \
              .help = "loop until timeout or interrupt, rather than one-shot" },                   \
            { .name = "timeout", .type = OPT_INT, .named = true, .help = "timeout seconds" },      \
            { .name = "list", .type = OPT_BOOL, .help = "list valid event types" },                \
            { .name = "timestamp",                                                                 \
              .type = OPT_BOOL,                                                                    \
              .help = "show timestamp for each printed event" },                                   \
            OPT_END,                                                                               \
    }

static bool wait_for(struct shell *sh, const struct args *args, const struct watched *what)
{
    const char *event = args_string(args, "event");
    struct event_wait w = { 0, args_bool(args, "timestamp") };
    void *object = NULL;
    int kind = 0;
    if (args_bool(args, "list")) {
        while (what->kinds[kind])
            printf("%s\n", what->kinds[kind++]);
        return true;
    }
    if (!event) {
        shell_error(sh, "either --list or --event <type> is required");
        return false;
    }
    while (what->kinds[kind] && strcmp(what->kinds[kind], event))
        kind++;
    if (!what->kinds[kind]) {
        shell_error(sh, "unknown event type %s", event);
        return false;
    }
    if (!event_timeout_valid(sh, args) ||
        (args_string(args, what->option) && !(object = what->find(sh, args))))
        return false;
    int id = what->add(sh->conn, object, kind, &w, shell_err(sh));
    bool ok = id >= 0 && event_wait_for(sh, args, &w);
    if (id >= 0)
        what->remove(sh->conn, id, NULL);
    what->unref(object);
    return ok;
}

/* "event 'lifecycle' for network x"; ": Started" where there is a type. */
static void print_event(struct event_wait *w, const char *kind, const char *object,
                        const char *name, const char *type)
{
    w->count++;
    if (w->timestamp)
        print_timestamp();
    printf("event '%s' for %s %s%s%s\n", kind, object, name, type ? ": " : "", type ? type : "");
    fflush(stdout);
}

/* ---- networks ---- */

const struct opt net_event_opts[] = EVENT_OPTS("network", "filter by network name or uuid",
                                               COMPLETE_NETWORK, COMPLETE_NETWORK_EVENT);

static void on_network(struct vmgr_conn *conn, struct vmgr_network *network,
                       const struct vmgr_network_event *event, void *data)
{
    print_event(data, "lifecycle", "network", vmgr_network_get_name(network),
                vmgr_network_event_type_name(event->type));
}

static void *find_network(struct shell *sh, const struct args *args)
{
    return args_network(sh, args, BY_UUID | BY_NAME);
}

static void unref_network(void *network)
{
    vmgr_network_unref(network);
}

static int add_network(struct vmgr_conn *conn, void *network, int kind, struct event_wait *w,
                       struct vmgr_error **err)
{
    return vmgr_conn_add_network_event(conn, network, kind, on_network, w, NULL, err);
}

bool cmd_net_event(struct shell *sh, const struct args *args)
{
    static const char *const kinds[] = { "lifecycle", NULL };
    static const struct watched networks = { "network",    kinds,
                                             find_network, unref_network,
                                             add_network,  vmgr_conn_remove_network_event };
    return wait_for(sh, args, &networks);
}

/* ---- storage pools ---- */

const struct opt pool_event_opts[] =
    EVENT_OPTS("pool", "filter by storage pool name or uuid", COMPLETE_POOL, COMPLETE_POOL_EVENT);

static const char *const pool_kinds[] = { "lifecycle", "refresh", NULL };

static void on_pool(struct vmgr_conn *conn, struct vmgr_pool *pool,
                    const struct vmgr_pool_event *event, void *data)
{
    print_event(data, pool_kinds[event->id], "storage pool", vmgr_pool_get_name(pool),
                event->id == VMGR_POOL_EVENT_LIFECYCLE ? vmgr_pool_event_type_name(event->type)
                                                       : NULL);
}

static void *find_pool(struct shell *sh, const struct args *args)
{
    return args_pool(sh, args);
}

static void unref_pool(void *pool)
{
    vmgr_pool_unref(pool);
}

static int add_pool(struct vmgr_conn *conn, void *pool, int kind, struct event_wait *w,
                    struct vmgr_error **err)
{
    return vmgr_conn_add_pool_event(conn, pool, kind, on_pool, w, NULL, err);
}

bool cmd_pool_event(struct shell *sh, const struct args *args)
{
    static const struct watched pools = { "pool",     pool_kinds, find_pool,
                                          unref_pool, add_pool,   vmgr_conn_remove_pool_event };
    return wait_for(sh, args, &pools);
}

/* ---- node devices ---- */

const struct opt nodedev_event_opts[] =
    EVENT_OPTS("device", "filter by node device name", COMPLETE_NODEDEV, COMPLETE_NODEDEV_EVENT);

static const char *const nodedev_kinds[] = { "lifecycle", "update", NULL };

static void on_nodedev(struct vmgr_conn *conn, struct vmgr_nodedev *dev,
                       const struct vmgr_nodedev_event *event, void *data)
{
    print_event(data, nodedev_kinds[event->id], "node device", vmgr_nodedev_get_name(dev),
                event->id == VMGR_NODEDEV_EVENT_LIFECYCLE
                    ? vmgr_nodedev_event_type_name(event->type)
                    : NULL);
}

static void *find_nodedev(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "device");
    struct vmgr_nodedev *dev = NULL;
    if (vmgr_nodedev_lookup_by_name(sh->conn, name, &dev, shell_err(sh)) < 0)
        shell_error(sh, "Could not find matching device '%s'", name);
    return dev;
}

static void unref_nodedev(void *dev)
{
    vmgr_nodedev_unref(dev);
}

static int add_nodedev(struct vmgr_conn *conn, void *dev, int kind, struct event_wait *w,
                       struct vmgr_error **err)
{
    return vmgr_conn_add_nodedev_event(conn, dev, kind, on_nodedev, w, NULL, err);
}

bool cmd_nodedev_event(struct shell *sh, const struct args *args)
{
    static const struct watched nodedevs = { "device",     nodedev_kinds,
                                             find_nodedev, unref_nodedev,
                                             add_nodedev,  vmgr_conn_remove_nodedev_event };
    return wait_for(sh, args, &nodedevs);
}

/* ---- secrets ---- */

const struct opt secret_event_opts[] =
    EVENT_OPTS("secret", "filter by secret name or uuid", COMPLETE_NONE, COMPLETE_NONE);

static const char *const secret_kinds[] = { "lifecycle", "value-changed", NULL };

static void on_secret(struct vmgr_conn *conn, struct vmgr_secret *secret,
                      const struct vmgr_secret_event *event, void *data)
{
    print_event(data, secret_kinds[event->id], "secret", vmgr_secret_get_uuid_string(secret),
                event->id == VMGR_SECRET_EVENT_LIFECYCLE ? vmgr_secret_event_type_name(event->type)
                                                         : NULL);
}

static void *find_secret(struct shell *sh, const struct args *args)
{
    return args_secret(sh, args);
}

static void unref_secret(void *secret)
{
    vmgr_secret_unref(secret);
}

static int add_secret(struct vmgr_conn *conn, void *secret, int kind, struct event_wait *w,
                      struct vmgr_error **err)
{
    return vmgr_conn_add_secret_event(conn, secret, kind, on_secret, w, NULL, err);
}

bool cmd_secret_event(struct shell *sh, const struct args *args)
{
    static const struct watched secrets = { "secret",     secret_kinds, find_secret,
                                            unref_secret, add_secret,
                                            vmgr_conn_remove_secret_event };
    return wait_for(sh, args, &secrets);
}
