/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting, after a boot of the host, the domains that are marked so.
 *
 * That it was done is written down beside the boot it was done for: a daemon that is started again
 * must not start what an administrator has stopped since.
 */
#include <stdio.h>
#include <string.h>

#include "vmgrd.h"

struct autostart {
    struct vmgr_domain **domains;
    struct log *log;
    GThread *thread;
    gint stop;
};

static void start_one(struct vmgr_domain *dom, struct log *log)
{
    struct vmgr_error *cause = NULL;
    g_autofree char *line = NULL;
    const int r = vmgr_domain_start(dom, 0, &cause);

    line = r == 0 ? g_strdup_printf("msg=\"domain started at boot\" domain=\"%s\"",
                                    vmgr_domain_get_name(dom))
                  : g_strdup_printf("msg=\"domain not started at boot\" domain=\"%s\" error=\"%s\"",
                                    vmgr_domain_get_name(dom), vmgr_error_get_message(cause));
    vmgr_error_free(cause);
    log_line(r == 0 ? VMGR__LOG_INFO : VMGR__LOG_ERROR, line, log);
}

static gpointer start_all(gpointer data)
{
    struct autostart *a = data;

    for (struct vmgr_domain **d = a->domains; *d && !g_atomic_int_get(&a->stop); d++)
        start_one(*d, a->log);
    return NULL;
}

/* Is this the first time since the host's boot? Says so for the next. */
static bool first_since_boot(const struct config *c)
{
    g_autofree char *run = places_run_dir(c);
    g_autofree char *file = g_build_filename(run, "autostarted", NULL);
    g_autofree char *boot = NULL, *done = NULL;

    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
        return false;
    if (g_file_get_contents(file, &done, NULL, NULL) && strcmp(done, boot) == 0)
        return false;
    return g_file_set_contents(file, boot, -1, NULL);
}

struct autostart *autostart_begin(struct vmgr__server *s, const struct config *c, struct log *log)
{
    const uint32_t which = VMGR_DOMAIN_LIST_AUTOSTART | VMGR_DOMAIN_LIST_INACTIVE;
    struct vmgr_domain **domains = NULL;
    struct autostart *a;

    if (!c->autostart || !first_since_boot(c) ||
        vmgr_domain_list(vmgr__server_conn(s), which, &domains, NULL) < 0)
        return NULL;
    a = g_new0(struct autostart, 1);
    a->domains = domains;
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
    vmgr_domain_list_free(a->domains);
    g_free(a);
}
