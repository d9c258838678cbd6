/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools from documents, and from words that become one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../text/storage.h"

#define FILE_OPT                                                                                   \
    {                                                                                              \
        .name = "file", .type = OPT_DATA, .help = "file containing an XML pool description",       \
        .completer = COMPLETE_FILE                                                                 \
    }

const struct opt pool_define_opts[] = {
    FILE_OPT,
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};
const struct opt pool_create_opts[] = { FILE_OPT, BUILD_OPTS, OPT_END };

bool cmd_pool_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    uint32_t flags = args_bool(args, "validate") ? VMGR_POOL_DEFINE_VALIDATE : 0;
    struct vmgr_pool *pool = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    bool ok = vmgr_pool_define_xml(sh->conn, xml, flags, &pool, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Pool %s defined from %s\n", vmgr_pool_get_name(pool), path);
    else
        shell_error(sh, "Failed to define pool from %s", path);
    free(xml);
    vmgr_pool_unref(pool);
    return ok;
}

bool cmd_pool_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    struct vmgr_pool *pool = NULL;
    uint32_t flags;
    char *xml;
    if (!build_flags(sh, args, &flags) || !(xml = file_read(sh, path)))
        return false;
    bool ok = vmgr_pool_create_xml(sh->conn, xml, flags, &pool, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Pool %s created from %s\n", vmgr_pool_get_name(pool), path);
    else
        shell_error(sh, "Failed to create pool from %s", path);
    free(xml);
    vmgr_pool_unref(pool);
    return ok;
}

/* --- from words ------------------------------------------------------------------------------- */

#define AS_OPTS                                                                                    \
    { .name = "name", .type = OPT_DATA, .help = "name of the pool" },                              \
        { .name = "type",                                                                          \
          .type = OPT_DATA,                                                                        \
          .help = "type of the pool",                                                              \
          .completer = COMPLETE_POOL_TYPE },                                                       \
        FLAG("print-xml", "print XML document, but don't define/create"),                          \
        TEXT("source-host", "source-host for underlying storage"),                                 \
        TEXT("source-path", "source path for underlying storage"),                                 \
        TEXT("source-dev", "source device for underlying storage"),                                \
        TEXT("source-name", "source name for underlying storage"),                                 \
        TEXT("target", "target for underlying storage"),                                           \
        TEXT("source-format", "format for underlying storage"),                                    \
        TEXT("auth-type", "auth type to be used for underlying storage"),                          \
        TEXT("auth-username", "auth username to be used for underlying storage"),                  \
        TEXT("secret-usage", "auth secret usage to be used for underlying storage"),               \
        TEXT("secret-uuid", "auth secret UUID to be used for underlying storage"),                 \
        TEXT("adapter-name", "adapter name to be used for underlying storage"),                    \
        TEXT("adapter-wwnn", "adapter wwnn to be used for underlying storage"),                    \
        TEXT("adapter-wwpn", "adapter wwpn to be used for underlying storage"),                    \
        TEXT("adapter-parent",                                                                     \
             "adapter parent scsi_hostN to be used for underlying vHBA storage"),                  \
        TEXT("adapter-parent-wwnn",                                                                \
             "adapter parent scsi_hostN wwnn to be used for underlying vHBA storage"),             \
        TEXT("adapter-parent-wwpn",                                                                \
             "adapter parent scsi_hostN wwpn to be used for underlying vHBA storage"),             \
        TEXT("adapter-parent-fabric-wwn",                                                          \
             "adapter parent scsi_hostN fabric_wwn to be used for underlying vHBA storage"),       \
        TEXT("source-protocol-ver", "nfsvers value for NFS pool mount option"),                    \
        TEXT("source-initiator", "initiator iqn for underlying storage")

const struct opt pool_define_as_opts[] = { AS_OPTS, OPT_END };
const struct opt pool_create_as_opts[] = { AS_OPTS, BUILD_OPTS, OPT_END };

/* " attr='value'", "" when the option is not given; for free(). */
static char *attribute(const struct args *args, const char *option, const char *attr)
{
    const char *value = args_string(args, option);
    if (!value)
        return must_strdup("");
    char *escaped = xml_escape(value);
    char *text = must_printf(" %s='%s'", attr, escaped);
    free(escaped);
    return text;
}

static void add_adapter(struct text *t, const struct args *args)
{
    char *name = attribute(args, "adapter-name", "name");
    if (*name) {
        xml_line(t, "<adapter type='scsi_host'%s/>", name);
    } else if (args_string(args, "adapter-wwnn") && args_string(args, "adapter-wwpn")) {
        char *parts[] = { attribute(args, "adapter-parent", "parent"),
                          attribute(args, "adapter-parent-wwnn", "parent_wwnn"),
                          attribute(args, "adapter-parent-wwpn", "parent_wwpn"),
                          attribute(args, "adapter-parent-fabric-wwn", "parent_fabric_wwn"),
                          attribute(args, "adapter-wwnn", "wwnn"),
                          attribute(args, "adapter-wwpn", "wwpn") };
        xml_line(t, "<adapter type='fc_host'%s%s%s%s%s%s/>", parts[0], parts[1], parts[2], parts[3],
                 parts[4], parts[5]);
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            free(parts[i]);
    }
    free(name);
}

static void add_auth(struct text *t, const struct args *args)
{
    const char *usage = args_string(args, "secret-usage"), *uuid = args_string(args, "secret-uuid");
    if (!args_string(args, "auth-type") || !args_string(args, "auth-username") || (!usage && !uuid))
        return;
    char *type = attribute(args, "auth-type", "type");
    char *user = attribute(args, "auth-username", "username");
    xml_line(t, "<auth%s%s>", type, user);
    t->level++;
    xml_attr(t, "secret", usage ? "usage" : "uuid", usage ? usage : uuid);
    xml_close(t, "auth");
    free(type);
    free(user);
}

static bool has_source(const struct args *args)
{
    static const char *const options[] = {
        "source-host", "source-path",  "source-dev",   "source-name",      "source-format",
        "auth-type",   "adapter-name", "adapter-wwnn", "source-initiator", "source-protocol-ver"
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (args_string(args, options[i]))
            return true;
    return false;
}

/* For free(). */
static char *make_xml(const struct args *args)
{
    struct text t = { 0 };
    char *type = attribute(args, "type", "type");
    xml_line(&t, "<pool%s>", type);
    t.level++;
    xml_text(&t, "name", args_string(args, "name"));
    if (has_source(args)) {
        xml_open(&t, "source");
        xml_attr(&t, "host", "name", args_string(args, "source-host"));
        xml_attr(&t, "dir", "path", args_string(args, "source-path"));
        xml_attr(&t, "device", "path", args_string(args, "source-dev"));
        add_adapter(&t, args);
        if (args_string(args, "source-initiator")) {
            xml_open(&t, "initiator");
            xml_attr(&t, "iqn", "name", args_string(args, "source-initiator"));
            xml_close(&t, "initiator");
        }
        add_auth(&t, args);
        xml_text(&t, "name", args_string(args, "source-name"));
        xml_attr(&t, "format", "type", args_string(args, "source-format"));
        xml_attr(&t, "protocol", "ver", args_string(args, "source-protocol-ver"));
        xml_close(&t, "source");
    }
    if (args_string(args, "target")) {
        xml_open(&t, "target");
        xml_text(&t, "path", args_string(args, "target"));
        xml_close(&t, "target");
    }
    xml_close(&t, "pool");
    free(type);
    return t.s;
}

bool cmd_pool_define_as(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "name");
    struct vmgr_pool *pool = NULL;
    char *xml = make_xml(args);
    bool ok = true;
    if (args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else {
        ok = vmgr_pool_define_xml(sh->conn, xml, 0, &pool, shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Pool %s defined\n", vmgr_pool_get_name(pool));
        else
            shell_error(sh, "Failed to define pool %s", name);
    }
    free(xml);
    vmgr_pool_unref(pool);
    return ok;
}

bool cmd_pool_create_as(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "name");
    struct vmgr_pool *pool = NULL;
    uint32_t flags;
    bool ok = true;
    if (!build_flags(sh, args, &flags))
        return false;
    char *xml = make_xml(args);
    if (args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else {
        ok = vmgr_pool_create_xml(sh->conn, xml, flags, &pool, shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Pool %s created\n", vmgr_pool_get_name(pool));
        else
            shell_error(sh, "Failed to create pool %s", name);
    }
    free(xml);
    vmgr_pool_unref(pool);
    return ok;
}
