/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking for what pools could be made of: exports of a host, volume groups, targets.
 */
#include <string.h>

#include "backend.h"

static void begin(struct vmgr__xml_writer *w)
{
    vmgr__xw_init(w);
    vmgr__xw_begin(w, "sources");
    vmgr__xw_content(w);
}

static void write_attr(struct vmgr__xml_writer *w, const char *name, const char *attr,
                       const char *value)
{
    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, attr, value);
    vmgr__xw_end(w, name);
}

static void write_host(struct vmgr__xml_writer *w, const struct vmgr__pool_host *host)
{
    vmgr__xw_begin(w, "host");
    vmgr__xw_attr(w, "name", host->name);
    if (host->port)
        vmgr__xw_attrf(w, "port", "%d", host->port);
    vmgr__xw_end(w, "host");
}

/* The host that a search is about. */
static const struct vmgr__pool_host *
need_host(const char *type, const struct vmgr__pool_source *source, struct vmgr_error **err)
{
    const struct vmgr__pool_host *host = vmgr__pool_source_host(source);

    if (!host)
        storage_error(err, VMGR_ERR_INVALID_ARG, "hostname must be specified for %s sources", type);
    return host && vmgr__run_check_word(host->name, "source host", err) == 0 ? host : NULL;
}

/* Each line of what showmount prints begins with a path. */
static int find_netfs(const struct vmgr__pool_source *source, struct vmgr__xml_writer *w,
                      struct vmgr_error **err)
{
    const struct vmgr__pool_host *host = need_host("netfs", source, err);
    g_autofree char *out = NULL;
    g_auto(GStrv) lines = NULL;

    if (!host ||
        vmgr__run_args(&out, err, "showmount", "--no-headers", "--exports", host->name) < 0)
        return -1;
    lines = g_strsplit(out, "\n", -1);
    for (char **l = lines; *l; l++) {
        (*l)[strcspn(*l, " \t")] = '\0';
        if (**l != '/')
            continue;
        vmgr__xw_begin(w, "source");
        write_host(w, host);
        write_attr(w, "dir", "path", *l);
        write_attr(w, "format", "type", "nfs");
        vmgr__xw_end(w, "source");
    }
    return 0;
}

/* pvs: a line for each device; those of one group follow each other. */
static int find_logical(const struct vmgr__pool_source *source G_GNUC_UNUSED,
                        struct vmgr__xml_writer *w, struct vmgr_error **err)
{
    g_autofree char *out = NULL, *group = NULL;
    g_auto(GStrv) lines = NULL;

    if (vmgr__run_args(&out, err, "pvs", "--noheadings", "--separator", "|", "-O", "vg_name", "-o",
                       "pv_name,vg_name") < 0)
        return -1;
    lines = g_strsplit(out, "\n", -1);
    for (char **l = lines; *l; l++) {
        g_auto(GStrv) cells = g_strsplit(g_strstrip(*l), "|", 3);

        if (g_strv_length(cells) != 2 || !*cells[1])
            continue;
        if (g_strcmp0(group, cells[1]) != 0) {
            if (group) {
                vmgr__xw_text(w, "name", group);
                write_attr(w, "format", "type", "lvm2");
                vmgr__xw_end(w, "source");
            }
            g_free(group);
            group = g_strdup(cells[1]);
            vmgr__xw_begin(w, "source");
        }
        write_attr(w, "device", "path", cells[0]);
    }
    if (group) {
        vmgr__xw_text(w, "name", group);
        write_attr(w, "format", "type", "lvm2");
        vmgr__xw_end(w, "source");
    }
    return 0;
}

/* iscsiadm: "host:port,group iqn" */
static int find_iscsi(const struct vmgr__pool_source *source, struct vmgr__xml_writer *w,
                      struct vmgr_error **err)
{
    const struct vmgr__pool_host *host = need_host("iscsi", source, err);
    g_autofree char *portal = NULL, *out = NULL;
    g_auto(GStrv) lines = NULL;

    if (!host)
        return -1;
    portal = g_strdup_printf("%s:%d,1", host->name, host->port ? host->port : 3260);
    if (vmgr__run_args(&out, err, "iscsiadm", "--mode", "discovery", "--type", "sendtargets",
                       "--portal", portal) < 0)
        return -1;
    lines = g_strsplit(out, "\n", -1);
    for (char **l = lines; *l; l++) {
        const char *iqn = strchr(*l, ' ');

        if (!iqn)
            continue;
        vmgr__xw_begin(w, "source");
        write_host(w, host);
        write_attr(w, "device", "path", iqn + 1);
        vmgr__xw_end(w, "source");
    }
    return 0;
}

int vmgr__storage_find_sources(struct vmgr_conn *conn G_GNUC_UNUSED, const char *type,
                               const char *source, char **ret, struct vmgr_error **err)
{
    struct vmgr__pool_source spec = { .name = NULL };
    const int index = vmgr__pool_type_index(type);
    struct vmgr__xml_writer w;
    int r;

    if (index < 0)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "unknown storage pool type %s", type);
    if (index != VMGR__POOL_NETFS && index != VMGR__POOL_LOGICAL && index != VMGR__POOL_ISCSI)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "pool type '%s' does not support source discovery", type);
    if (source &&
        vmgr__pool_source_parse_doc(source, (enum vmgr__pool_type)index, &spec, err) < 0) {
        vmgr__pool_source_fini(&spec);
        return -1;
    }
    begin(&w);
    if (index == VMGR__POOL_NETFS)
        r = find_netfs(&spec, &w, err);
    else if (index == VMGR__POOL_LOGICAL)
        r = find_logical(&spec, &w, err);
    else
        r = find_iscsi(&spec, &w, err);
    vmgr__xw_end(&w, "sources");
    *ret = vmgr__xw_finish(&w);
    if (r < 0)
        g_clear_pointer(ret, g_free);
    vmgr__pool_source_fini(&spec);
    return r;
}
