/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool-list and pool-info: pools at a glance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/storage.h"

const struct opt pool_list_opts[] = {
    FLAG("inactive", "list inactive pools"),
    FLAG("all", "list inactive & active pools"),
    FLAG("transient", "list transient pools"),
    FLAG("persistent", "list persistent pools"),
    FLAG("autostart", "list pools with autostart enabled"),
    FLAG("no-autostart", "list pools with autostart disabled"),
    { .name = "type",
      .type = OPT_STRING,
      .help = "only list pool of specified type(s) (if supported)",
      .completer = COMPLETE_POOL_TYPE },
    FLAG("details", "display extended details for pools"),
    FLAG("uuid", "list UUID of active pools only"),
    FLAG("name", "list name of active pools only"),
    OPT_END,
};

/* In the order of pool_type_name(). */
static const uint32_t type_flags[] = { VMGR_POOL_LIST_DIR,      VMGR_POOL_LIST_FS,
                                       VMGR_POOL_LIST_NETFS,    VMGR_POOL_LIST_LOGICAL,
                                       VMGR_POOL_LIST_DISK,     VMGR_POOL_LIST_ISCSI,
                                       VMGR_POOL_LIST_SCSI,     VMGR_POOL_LIST_MPATH,
                                       VMGR_POOL_LIST_RBD,      VMGR_POOL_LIST_SHEEPDOG,
                                       VMGR_POOL_LIST_GLUSTER,  VMGR_POOL_LIST_ZFS,
                                       VMGR_POOL_LIST_VSTORAGE, VMGR_POOL_LIST_ISCSI_DIRECT };

static bool add_types(struct shell *sh, const char *types, uint32_t *flags)
{
    char *copy = must_strdup(types), *rest = copy;
    bool ok = true;
    while (ok && rest) {
        const char *word = strsep(&rest, ",");
        size_t n = 0;
        while (pool_type_name(n) && strcmp(pool_type_name(n), word))
            n++;
        ok = pool_type_name(n) != NULL;
        if (ok)
            *flags |= type_flags[n];
        else
            shell_error(sh, "Invalid pool type '%s'", word);
    }
    free(copy);
    return ok;
}

static bool list_flags(struct shell *sh, const struct args *args, uint32_t *flags)
{
    static const struct flag table[] = {
        { "transient", VMGR_POOL_LIST_TRANSIENT },
        { "persistent", VMGR_POOL_LIST_PERSISTENT },
        { "autostart", VMGR_POOL_LIST_AUTOSTART },
        { "no-autostart", VMGR_POOL_LIST_NO_AUTOSTART },
        { NULL, 0 },
    };
    *flags = args_bool(args, "inactive") ? VMGR_POOL_LIST_INACTIVE : VMGR_POOL_LIST_ACTIVE;
    if (args_bool(args, "all"))
        *flags = VMGR_POOL_LIST_INACTIVE | VMGR_POOL_LIST_ACTIVE;
    *flags |= args_flags(args, table);
    return !args_string(args, "type") || add_types(sh, args_string(args, "type"), flags);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(vmgr_pool_get_name(*(struct vmgr_pool *const *)a),
                      vmgr_pool_get_name(*(struct vmgr_pool *const *)b));
}

static const char *state_name(int state)
{
    static const char *const names[] = { "inactive", "building", "running", "degraded",
                                         "inaccessible" };
    return state >= 0 && state < 5 ? names[state] : "unknown";
}

static const char *yes_no(int answer)
{
    return answer < 0 ? "unknown" : answer ? "yes" : "no";
}

static const char *autostart_name(struct vmgr_pool *pool)
{
    int on = vmgr_pool_get_autostart(pool, NULL);
    return on < 0 ? "no autostart" : on ? "yes" : "no";
}

static void print_names(struct vmgr_pool **pools, int count, bool uuid, bool name)
{
    for (int i = 0; i < count; i++) {
        if (uuid)
            printf("%s%s", vmgr_pool_get_uuid_string(pools[i]), name ? " " : "\n");
        if (name)
            printf("%-20s\n", vmgr_pool_get_name(pools[i]));
    }
}

static void add_details(struct table *table, struct vmgr_pool *pool)
{
    struct vmgr_pool_info info = VMGR_POOL_INFO_INIT;
    bool known = vmgr_pool_get_info(pool, &info, NULL) >= 0;
    bool running = known && info.state != VMGR_POOL_INACTIVE;
    char *capacity = running ? size_text(info.capacity) : must_strdup("-");
    char *allocation = running ? size_text(info.allocation) : must_strdup("-");
    char *available = running ? size_text(info.available) : must_strdup("-");
    table_row(table, vmgr_pool_get_name(pool), known ? state_name(info.state) : "unknown",
              autostart_name(pool), yes_no(vmgr_pool_is_persistent(pool, NULL)), capacity,
              allocation, available, NULL);
    free(capacity);
    free(allocation);
    free(available);
}

bool cmd_pool_list(struct shell *sh, const struct args *args)
{
    bool details = args_bool(args, "details"), uuid = args_bool(args, "uuid");
    bool name = args_bool(args, "name");
    struct vmgr_pool **pools = NULL;
    uint32_t flags;
    if (!list_flags(sh, args, &flags))
        return false;
    if (details && (uuid || name)) {
        shell_error(sh, "Options --details and --%s are mutually exclusive",
                    uuid ? "uuid" : "name");
        return false;
    }
    int count = vmgr_pool_list(sh->conn, flags, &pools, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list pools");
        return false;
    }
    qsort(pools, (size_t)count, sizeof(*pools), by_name);
    if (uuid || name) {
        print_names(pools, count, uuid, name);
    } else if (details) {
        struct table *table = table_new("Name", "State", "Autostart", "Persistent", "Capacity",
                                        "Allocation", "Available", NULL);
        for (int i = 0; i < count; i++)
            add_details(table, pools[i]);
        table_print(table, sh->quiet);
    } else {
        struct table *table = table_new("Name", "State", "Autostart", NULL);
        for (int i = 0; i < count; i++)
            table_row(table, vmgr_pool_get_name(pools[i]),
                      vmgr_pool_is_active(pools[i], NULL) == 1 ? "active" : "inactive",
                      autostart_name(pools[i]), NULL);
        table_print(table, sh->quiet);
    }
    vmgr_pool_list_free(pools);
    return true;
}

/* --- pool-info ------------------------------------------------------------------------------ */

const struct opt pool_info_opts[] = {
    POOL_OPT(COMPLETE_POOL),
    FLAG("bytes", "Return pool info in bytes"),
    OPT_END,
};

static void print_size(const char *label, uint64_t bytes, bool as_bytes)
{
    char *text = as_bytes ? must_printf("%llu", (unsigned long long)bytes) : size_text(bytes);
    printf("%-15s %s\n", label, text);
    free(text);
}

bool cmd_pool_info(struct shell *sh, const struct args *args)
{
    struct vmgr_pool_info info = VMGR_POOL_INFO_INIT;
    bool bytes = args_bool(args, "bytes");
    struct vmgr_pool *pool = args_pool(sh, args);
    if (!pool)
        return false;
    printf("%-15s %s\n", "Name:", vmgr_pool_get_name(pool));
    printf("%-15s %s\n", "UUID:", vmgr_pool_get_uuid_string(pool));
    bool ok = vmgr_pool_get_info(pool, &info, shell_err(sh)) >= 0;
    if (ok) {
        printf("%-15s %s\n", "State:", state_name(info.state));
        printf("%-15s %s\n", "Persistent:", yes_no(vmgr_pool_is_persistent(pool, NULL)));
        printf("%-15s %s\n", "Autostart:", autostart_name(pool));
        if (info.state == VMGR_POOL_RUNNING || info.state == VMGR_POOL_DEGRADED) {
            print_size("Capacity:", info.capacity, bytes);
            print_size("Allocation:", info.allocation, bytes);
            print_size("Available:", info.available, bytes);
        }
    }
    vmgr_pool_unref(pool);
    return ok;
}
