/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses from DHCP: ISC's dhclient, one for each interface and family.
 *
 * It says where its process id is kept, and is believed to be ours only with that file on its
 * command line. peerdns='no' is a configuration that does not ask for name servers.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../driver/vemu/run/process.h"
#include "../network/network.h"
#include "iface-link.h"

#define END_MS 5000 /* for a client that is told to end */

static const char no_dns[] = "request subnet-mask, broadcast-address, routers, interface-mtu;\n";

static char *file_of(const struct vemu *d, const char *name, char family, const char *suffix)
{
    return g_strdup_printf("%s/%s.dhcp%c%s", d->iface_run_dir, name, family, suffix);
}

static int start_one(const struct vemu *d, const struct vmgr__iface_def *def,
                     const struct vmgr__iface_protocol *p, struct vmgr_error **err)
{
    const char family = p->family[3]; /* "ipv4" */
    const char option[] = { '-', family, '\0' };
    g_autofree char *pid = file_of(d, def->name, family, ".pid");
    g_autofree char *leases = file_of(d, def->name, family, ".leases");
    g_autofree char *conf = file_of(d, def->name, family, ".conf");
    const char *const argv[] = { "dhclient", "-1",  option, "-pf",     pid, "-lf",
                                 leases,     "-cf", conf,   def->name, NULL };
    const char *const plain[] = { "dhclient", "-1",   option,    "-pf", pid,
                                  "-lf",      leases, def->name, NULL };

    if (p->peerdns == 2 && vmgr__file_replace(conf, no_dns, false, err) < 0)
        return -1;
    return vmgr__program_run(p->peerdns == 2 ? argv : plain, "isc-dhcp-client", err);
}

int vmgr__iface_dhcp_start(const struct vemu *d, const struct vmgr__iface_def *def,
                           struct vmgr_error **err)
{
    for (guint i = 0; i < def->protocols->len; i++) {
        const struct vmgr__iface_protocol *p = def->protocols->pdata[i];

        if (!p->dhcp)
            continue;
        if (g_mkdir_with_parents(d->iface_run_dir, 0700) < 0)
            return iface_error(err, VMGR_ERR_SYSTEM_ERROR, "cannot create directory '%s'",
                               d->iface_run_dir);
        if (start_one(d, def, p, err) < 0)
            return -1;
    }
    return 0;
}

static bool has_argument(int pid, const char *argument)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, NULL))
        return false;
    for (const char *at = text; at < text + size; at += strlen(at) + 1) {
        if (strcmp(at, argument) == 0)
            return true;
    }
    return false;
}

static void stop_one(const char *file)
{
    g_autofree char *text = NULL;
    struct vemu_process process;
    uint32_t pid;
    int fd;

    if (!g_file_get_contents(file, &text, NULL, NULL))
        return;
    if (vmgr__parse_u32(g_strchomp(text), &pid) && pid <= INT32_MAX &&
        vmgr__process_identify((int)pid, &process)) {
        fd = vmgr__process_open(&process);
        if (fd >= 0 && has_argument((int)pid, file)) {
            syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
            if (!vmgr__process_wait(fd, END_MS))
                syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        }
        if (fd >= 0)
            close(fd);
    }
    unlink(file);
}

void vmgr__iface_dhcp_stop(const struct vemu *d, const char *name)
{
    static const char *const others[] = { ".leases", ".conf" };

    for (const char *family = "46"; *family; family++) {
        g_autofree char *pid = file_of(d, name, *family, ".pid");

        stop_one(pid);
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
            g_autofree char *path = file_of(d, name, *family, others[i]);

            unlink(path);
        }
    }
}
