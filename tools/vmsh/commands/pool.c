/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about storage pools, and the table of all of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../text/domain.h"
#include "object-event.h"
#include "../text/storage.h"

/* Runs `call`; prints "Pool x <done>" or "Failed to <verb> pool x". */
static bool simple(struct shell *sh, const struct args *args, uint32_t flags,
                   int (*call)(struct vmgr_pool *, uint32_t, struct vmgr_error **),
                   const char *verb, const char *done)
{
    struct vmgr_pool *pool = args_pool(sh, args);
    if (!pool)
        return false;
    bool ok = call(pool, flags, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Pool %s %s\n", vmgr_pool_get_name(pool), done);
    else
        shell_error(sh, "Failed to %s pool %s", verb, vmgr_pool_get_name(pool));
    vmgr_pool_unref(pool);
    return ok;
}

static int call_destroy(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    return vmgr_pool_destroy(pool, err);
}

static int call_undefine(struct vmgr_pool *pool, uint32_t flags, struct vmgr_error **err)
{
    return vmgr_pool_undefine(pool, err);
}

static const struct opt pool_opts[] = { POOL_OPT(COMPLETE_POOL), OPT_END };
static const struct opt active_opts[] = { POOL_OPT(COMPLETE_POOL_ACTIVE), OPT_END };
static const struct opt inactive_opts[] = { POOL_OPT(COMPLETE_POOL_INACTIVE), OPT_END };
static const struct opt build_opts[] = {
    POOL_OPT(COMPLETE_POOL),
    FLAG("no-overwrite", "do not overwrite any existing data"),
    FLAG("overwrite", "overwrite any existing data"),
    OPT_END,
};
static const struct opt start_opts[] = { POOL_OPT(COMPLETE_POOL_INACTIVE), BUILD_OPTS, OPT_END };

static bool cmd_pool_build(struct shell *sh, const struct args *args)
{
    uint32_t flags = 0;
    if (args_bool(args, "no-overwrite"))
        flags |= VMGR_POOL_BUILD_NO_OVERWRITE;
    if (args_bool(args, "overwrite"))
        flags |= VMGR_POOL_BUILD_OVERWRITE;
    return simple(sh, args, flags, vmgr_pool_build, "build", "built");
}

static bool cmd_pool_start(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    return build_flags(sh, args, &flags) &&
           simple(sh, args, flags, vmgr_pool_start, "start", "started");
}

static bool cmd_pool_destroy(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, call_destroy, "destroy", "destroyed");
}

static bool cmd_pool_delete(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, vmgr_pool_delete, "delete", "deleted");
}

static bool cmd_pool_refresh(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, vmgr_pool_refresh, "refresh", "refreshed");
}

static bool cmd_pool_undefine(struct shell *sh, const struct args *args)
{
    return simple(sh, args, 0, call_undefine, "undefine", "has been undefined");
}

static const struct opt autostart_opts[] = {
    POOL_OPT(COMPLETE_POOL_PERSISTENT),
    FLAG("disable", "disable autostarting"),
    OPT_END,
};

static bool cmd_pool_autostart(struct shell *sh, const struct args *args)
{
    bool on = !args_bool(args, "disable");
    struct vmgr_pool *pool = args_pool(sh, args);
    if (!pool)
        return false;
    bool ok = vmgr_pool_set_autostart(pool, on, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Pool %s %smarked as autostarted\n", vmgr_pool_get_name(pool),
                    on ? "" : "un");
    else
        shell_error(sh, "failed to %smark pool %s as autostarted", on ? "" : "un",
                    vmgr_pool_get_name(pool));
    vmgr_pool_unref(pool);
    return ok;
}

static bool cmd_pool_name(struct shell *sh, const struct args *args)
{
    struct vmgr_pool *pool = args_pool_by(sh, args, "pool", BY_UUID);
    if (pool)
        printf("%s\n", vmgr_pool_get_name(pool));
    vmgr_pool_unref(pool);
    return pool != NULL;
}

static bool cmd_pool_uuid(struct shell *sh, const struct args *args)
{
    struct vmgr_pool *pool = args_pool_by(sh, args, "pool", BY_NAME);
    if (pool)
        printf("%s\n", vmgr_pool_get_uuid_string(pool));
    vmgr_pool_unref(pool);
    return pool != NULL;
}

static const struct opt dumpxml_pool_opts[] = {
    POOL_OPT(COMPLETE_POOL),
    FLAG("inactive", "show inactive defined XML"),
    OPT_XPATH,
    OPT_END,
};

static bool cmd_pool_dumpxml(struct shell *sh, const struct args *args)
{
    uint32_t flags = args_bool(args, "inactive") ? VMGR_POOL_XML_INACTIVE : 0;
    struct vmgr_pool *pool = args_pool(sh, args);
    char *xml = NULL;
    bool ok = pool && vmgr_pool_get_xml(pool, flags, &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    vmgr_pool_unref(pool);
    return ok;
}

/* --- pool-edit ------------------------------------------------------------------------------ */

static int edit_get(void *handle, char **xml, struct vmgr_error **err)
{
    struct vmgr_pool *pool = handle;
    if (vmgr_pool_get_xml(pool, VMGR_POOL_XML_INACTIVE, xml, NULL) >= 0)
        return 0;
    return vmgr_pool_get_xml(pool, 0, xml, err); /* a driver without the flag */
}

static int edit_define(struct shell *sh, const char *xml, bool validate)
{
    struct vmgr_pool *pool = NULL;
    (void)validate;
    if (vmgr_pool_define_xml(sh->conn, xml, 0, &pool, shell_err(sh)) < 0)
        return -1;
    shell_extra(sh, "Pool %s XML configuration edited.\n", vmgr_pool_get_name(pool));
    vmgr_pool_unref(pool);
    return 0;
}

static bool cmd_pool_edit(struct shell *sh, const struct args *args)
{
    struct vmgr_pool *pool = args_pool(sh, args);
    if (!pool)
        return false;
    char *label = must_printf("Pool %s", vmgr_pool_get_name(pool));
    struct edit_object object = { label, pool, edit_get, edit_define };
    bool ok = edit_object(sh, &object, false);
    free(label);
    vmgr_pool_unref(pool);
    return ok;
}

/* --- what there is ---------------------------------------------------------------------------- */

static bool cmd_pool_capabilities(struct shell *sh, const struct args *args)
{
    char *xml = NULL;
    if (vmgr_conn_get_pool_capabilities(sh->conn, 0, &xml, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get storage pool capabilities");
        return false;
    }
    printf("%s\n", xml);
    free(xml);
    return true;
}

static bool print_sources(struct shell *sh, const char *type, const char *source)
{
    char *xml = NULL;
    if (vmgr_conn_find_pool_sources(sh->conn, type, source, 0, &xml, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to find any %s pool sources", type);
        return false;
    }
    printf("%s", xml);
    free(xml);
    return true;
}

static const struct opt sources_as_opts[] = {
    { .name = "type",
      .type = OPT_DATA,
      .help = "type of storage pool sources to find",
      .completer = COMPLETE_POOL_TYPE },
    TEXT("host", "optional host to query"),
    TEXT("port", "optional port to query"),
    TEXT("initiator", "optional initiator IQN to use for query"),
    OPT_END,
};

static bool cmd_find_sources_as(struct shell *sh, const struct args *args)
{
    const char *host = args_string(args, "host"), *port = args_string(args, "port");
    const char *initiator = args_string(args, "initiator");
    struct text t = { 0 };
    if (host) {
        char *name = xml_escape(host), *number = port ? xml_escape(port) : NULL;
        xml_open(&t, "source");
        if (number)
            xml_line(&t, "<host name='%s' port='%s'/>", name, number);
        else
            xml_line(&t, "<host name='%s'/>", name);
        if (initiator) {
            xml_open(&t, "initiator");
            xml_attr(&t, "iqn", "name", initiator);
            xml_close(&t, "initiator");
        }
        xml_close(&t, "source");
        free(name);
        free(number);
    }
    bool ok = print_sources(sh, args_string(args, "type"), t.s);
    free(t.s);
    return ok;
}

static const struct opt sources_opts[] = {
    { .name = "type",
      .type = OPT_DATA,
      .help = "type of storage pool sources to discover",
      .completer = COMPLETE_POOL_TYPE },
    { .name = "srcSpec",
      .type = OPT_STRING,
      .help = "optional file of source xml to query for pools",
      .completer = COMPLETE_FILE },
    OPT_END,
};

static bool cmd_find_sources(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "srcSpec");
    char *source = path ? file_read(sh, path) : NULL;
    if (path && !source)
        return false;
    bool ok = print_sources(sh, args_string(args, "type"), source);
    free(source);
    return ok;
}

const struct cmd cmds_pool[] = {
    { "find-storage-pool-sources-as", cmd_find_sources_as, sources_as_opts,
      "find potential storage pool sources", "Returns XML <sources> document.", false },
    { "find-storage-pool-sources", cmd_find_sources, sources_opts,
      "discover potential storage pool sources", "Returns XML <sources> document.", false },
    { "pool-autostart", cmd_pool_autostart, autostart_opts, "autostart a pool",
      "Configure a pool to be automatically started at boot.", false },
    { "pool-build", cmd_pool_build, build_opts, "build a pool", "Build a given pool.", false },
    { "pool-create-as", cmd_pool_create_as, pool_create_as_opts, "create a pool from a set of args",
      "Create a pool.", false },
    { "pool-create", cmd_pool_create, pool_create_opts, "create a pool from an XML file",
      "Create a pool.", false },
    { "pool-define-as", cmd_pool_define_as, pool_define_as_opts, "define a pool from a set of args",
      "Define a pool.", false },
    { "pool-define", cmd_pool_define, pool_define_opts,
      "define an inactive persistent storage pool or modify an existing persistent one from an XML "
      "file",
      "Define or modify a persistent storage pool.", false },
    { "pool-delete", cmd_pool_delete, inactive_opts, "delete a pool", "Delete a given pool.",
      false },
    { "pool-destroy", cmd_pool_destroy, active_opts, "destroy (stop) a pool",
      "Forcefully stop a given pool. Raw data in the pool is untouched", false },
    { "pool-dumpxml", cmd_pool_dumpxml, dumpxml_pool_opts, "pool information in XML",
      "Output the pool information as an XML dump to stdout.", false },
    { "pool-edit", cmd_pool_edit, pool_opts, "edit XML configuration for a storage pool",
      "Edit the XML configuration for a storage pool.", false },
    { "pool-info", cmd_pool_info, pool_info_opts, "storage pool information",
      "Returns basic information about the storage pool.", false },
    { "pool-list", cmd_pool_list, pool_list_opts, "list pools", "Returns list of pools.", false },
    { "pool-name", cmd_pool_name, pool_opts, "convert a pool UUID to pool name", "", false },
    { "pool-refresh", cmd_pool_refresh, active_opts, "refresh a pool", "Refresh a given pool.",
      false },
    { "pool-start", cmd_pool_start, start_opts, "start a (previously defined) inactive pool",
      "Start a pool.", false },
    { "pool-undefine", cmd_pool_undefine, inactive_opts, "undefine an inactive pool",
      "Undefine the configuration for an inactive pool.", false },
    { "pool-uuid", cmd_pool_uuid, pool_opts, "convert a pool name to pool UUID", "", false },
    { "pool-event", cmd_pool_event, pool_event_opts, "Storage Pool Events",
      "List event types, or wait for storage pool events to occur", false },
    { "pool-capabilities", cmd_pool_capabilities, NULL, "storage pool capabilities",
      "Returns capabilities of storage pool support.", false },
    CMD_END,
};
