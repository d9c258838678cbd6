/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting, after a boot of the host, its interfaces, the networks, the storage pools and then the
 * domains that are marked so.
 *
 * That it was done is written down beside the boot it was done for: a daemon that is started again
 * must not start what an administrator has stopped since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmgrd.h"

struct autostart {
    struct vmgr_interface **interfaces; /* networks may lead through these */
    struct vmgr_network **networks; /* these two first: domains use them */
    struct vmgr_pool **pools;
    struct vmgr_domain **domains;
    struct log *log;
    GThread *thread;
    gint stop;
};

/* kind: "domain". Frees cause. */
static void report(struct log *log, const char *kind, const char *name, int r,
                   struct vmgr_error *cause)
{
    g_autofree char *line =
        r == 0 ? g_strdup_printf("msg=\"%s started at boot\" %s=\"%s\"", kind, kind, name)
               : g_strdup_printf("msg=\"%s not started at boot\" %s=\"%s\" error=\"%s\"", kind,
                                 kind, name, vmgr_error_get_message(cause));

    vmgr_error_free(cause);
    log_line(r == 0 ? VMGR__LOG_INFO : VMGR__LOG_ERROR, line, log);
}

/* Marked so in its definition: a child of the outermost element, in the library's house style. */
static bool is_onboot(struct vmgr_interface *iface)
{
    char *xml = NULL;
    bool is = vmgr_interface_get_xml(iface, VMGR_INTERFACE_XML_INACTIVE, &xml, NULL) == 0 &&
              strstr(xml, "\n  <start mode='onboot'/>\n");

    free(xml);
    return is;
}

/* One may be made of others: as long as one more starts, the rest is tried again. */
static void start_interfaces(struct autostart *a)
{
    g_autoptr(GPtrArray) left = g_ptr_array_new();
    guint before;

    for (struct vmgr_interface **i = a->interfaces; i && *i; i++) {
        if (is_onboot(*i))
            g_ptr_array_add(left, *i);
    }
    do {
        before = left->len;
        for (guint i = left->len; i-- > 0 && !g_atomic_int_get(&a->stop);) {
            if (vmgr_interface_start(left->pdata[i], 0, NULL) < 0)
                continue;
            report(a->log, "interface", vmgr_interface_get_name(left->pdata[i]), 0, NULL);
            g_ptr_array_remove_index(left, i);
        }
    } while (left->len < before && !g_atomic_int_get(&a->stop));
    for (guint i = 0; i < left->len && !g_atomic_int_get(&a->stop); i++) {
        struct vmgr_error *cause = NULL;
        const int r = vmgr_interface_start(left->pdata[i], 0, &cause);

        report(a->log, "interface", vmgr_interface_get_name(left->pdata[i]), r, cause);
    }
}

static gpointer start_all(gpointer data)
{
    struct autostart *a = data;

    start_interfaces(a);

    for (struct vmgr_network **n = a->networks; n && *n && !g_atomic_int_get(&a->stop); n++) {
        struct vmgr_error *cause = NULL;
        const int r = vmgr_network_start(*n, &cause);

        report(a->log, "network", vmgr_network_get_name(*n), r, cause);
    }
    for (struct vmgr_pool **p = a->pools; p && *p && !g_atomic_int_get(&a->stop); p++) {
        struct vmgr_error *cause = NULL;
        const int r = vmgr_pool_start(*p, 0, &cause);

        report(a->log, "pool", vmgr_pool_get_name(*p), r, cause);
    }
    for (struct vmgr_domain **d = a->domains; *d && !g_atomic_int_get(&a->stop); d++) {
        struct vmgr_error *cause = NULL;
        const int r = vmgr_domain_start(*d, 0, &cause);

        report(a->log, "domain", vmgr_domain_get_name(*d), r, cause);
    }
    return NULL;
}

static void give_up(struct log *log, const char *why)
{
    g_autofree char *line = g_strdup_printf("msg=\"nothing started at boot\" error=\"%s\"", why);

    log_line(VMGR__LOG_ERROR, line, log);
}

/* Is this the first time since the host's boot? Says so for the next; where that cannot be said
 * nothing is started, for the next would start what somebody has ended meanwhile. */
static bool first_since_boot(const struct config *c, struct log *log)
{
    g_autofree char *run = places_run_dir(c);
    g_autofree char *file = g_build_filename(run, "autostarted", NULL);
    g_autofree char *boot = NULL, *done = NULL;
    g_autoptr(GError) cause = NULL;

    if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, &cause)) {
        if (g_file_get_contents(file, &done, NULL, NULL) && strcmp(done, boot) == 0)
            return false;
        if (g_file_set_contents(file, boot, -1, &cause))
            return true;
    }
    give_up(log, cause->message);
    return false;
}

struct autostart *autostart_begin(struct vmgr__server *s, const struct config *c, struct log *log)
{
    const uint32_t which = VMGR_DOMAIN_LIST_AUTOSTART | VMGR_DOMAIN_LIST_INACTIVE;
    struct vmgr_domain **domains = NULL;
    struct vmgr_error *err = NULL;
    struct autostart *a;

    if (!c->autostart || !first_since_boot(c, log))
        return NULL;
    if (vmgr_domain_list(vmgr__server_conn(s), which, &domains, &err) < 0) {
        give_up(log, vmgr_error_get_message(err));
        vmgr_error_free(err);
        return NULL;
    }
    a = g_new0(struct autostart, 1);
    a->domains = domains;
    /* A driver without interfaces, networks or pools has none to start. */
    vmgr_interface_list(vmgr__server_conn(s), VMGR_INTERFACE_LIST_INACTIVE, &a->interfaces, NULL);
    vmgr_network_list(vmgr__server_conn(s),
                      VMGR_NETWORK_LIST_AUTOSTART | VMGR_NETWORK_LIST_INACTIVE, &a->networks, NULL);
    vmgr_pool_list(vmgr__server_conn(s), VMGR_POOL_LIST_AUTOSTART | VMGR_POOL_LIST_INACTIVE,
                   &a->pools, NULL);
    a->log = log;
    a->thread = g_thread_try_new("vmgrd-autostart", start_all, a, NULL);
    if (!a->thread)
        start_all(a); /* later than it could be */
    return a;
}

void autostart_end(struct autostart *a)
{
    if (!a)
        return;
    g_atomic_int_set(&a->stop, 1);
    if (a->thread)
        g_thread_join(a->thread);
    vmgr_interface_list_free(a->interfaces);
    vmgr_network_list_free(a->networks);
    vmgr_pool_list_free(a->pools);
    vmgr_domain_list_free(a->domains);
    g_free(a);
}
