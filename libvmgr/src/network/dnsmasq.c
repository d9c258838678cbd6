/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server for DHCP and DNS on a network's bridge: dnsmasq, with files that are made here.
 *
 * Theory of operation. dnsmasq.conf is read once, at its start; hosts (DHCP) and addnhosts (DNS)
 * are read again when the server gets SIGHUP. The server makes itself a daemon after it has bound
 * its sockets, so its first process ends when it serves or says why it does not. It is nobody's
 * child and outlives its starter; who it is stands in the file `pid`, believed only if that process
 * has our dnsmasq.conf on its command line. Its leases are in the file `leases`.
 *
 * Values come from documents: one that could be read as a line or a field of its own is refused.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../driver/vemu/run/process.h"
#include "network.h"

#define STOP_TIMEOUT_MS 5000

void vmgr__dnsmasq_files_clear(struct vmgr__dnsmasq_files *f)
{
    g_clear_pointer(&f->conf, g_free);
    g_clear_pointer(&f->hosts, g_free);
    g_clear_pointer(&f->names, g_free);
}

/* ---- files ---- */

struct format {
    const struct vmgr__network_def *def;
    GString *conf, *hosts, *names;
    const char *dir;
    struct vmgr_error **err;
};

/* NULL is fine. */
static int plain(struct format *f, const char *what, const char *value, const char *forbidden)
{
    for (const char *c = value ? value : ""; *c; c++) {
        if (g_ascii_iscntrl(*c) || strchr(forbidden, *c))
            return hostnet_error(f->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                                 "%s '%s' of network '%s' has a character that the DNS server "
                                 "cannot be told",
                                 what, value, f->def->name);
    }
    return 0;
}

static bool dns_on(const struct vmgr__network_def *def)
{
    return def->dns.enable != 2;
}

static bool dhcp_on(const struct vmgr__network_def *def)
{
    for (guint i = 0; i < def->ips->len; i++) {
        const struct vmgr__net_ip *ip = def->ips->pdata[i];

        if (ip->ranges->len || ip->hosts->len || ip->boot_file || ip->tftp_root)
            return true;
    }
    return false;
}

static bool isolated(const struct vmgr__network_def *def)
{
    return def->forward.mode == VMGR__FORWARD_NONE;
}

static int format_forwarders(struct format *f)
{
    const struct vmgr__net_dns *dns = &f->def->dns;
    bool own_upstream = false;

    for (guint i = 0; i < dns->forwarders->len; i++) {
        const struct vmgr__net_forwarder *fw = dns->forwarders->pdata[i];
        char addr[VMGR__ADDR_TEXT] = "#"; /* without an address: as the host asks */

        if (plain(f, "forwarder domain", fw->domain, "/ ") < 0)
            return -1;
        if (fw->address.family)
            vmgr__addr_format(&fw->address, addr);
        if (fw->domain)
            g_string_append_printf(f->conf, "server=/%s/%s\n", fw->domain, addr);
        else
            g_string_append_printf(f->conf, "server=%s\n", addr);
        own_upstream = own_upstream || !fw->domain;
    }
    if (own_upstream || isolated(f->def))
        g_string_append(f->conf, "no-resolv\n");
    return 0;
}

static int format_srv(struct format *f, const struct vmgr__net_srv *srv)
{
    if (plain(f, "SRV service", srv->service, ",. ") < 0 ||
        plain(f, "SRV protocol", srv->protocol, ",. ") < 0 ||
        plain(f, "SRV domain", srv->domain, ", ") < 0 ||
        plain(f, "SRV target", srv->target, ", ") < 0)
        return -1;
    g_string_append_printf(f->conf, "srv-host=_%s._%s", srv->service, srv->protocol);
    if (srv->domain)
        g_string_append_printf(f->conf, ".%s", srv->domain);
    if (srv->target) {
        g_string_append_printf(f->conf, ",%s", srv->target);
        if (srv->port || srv->priority || srv->weight)
            g_string_append_printf(f->conf, ",%u", srv->port ? srv->port : 1);
        if (srv->priority || srv->weight)
            g_string_append_printf(f->conf, ",%u", srv->priority);
        if (srv->weight)
            g_string_append_printf(f->conf, ",%u", srv->weight);
    }
    g_string_append_c(f->conf, '\n');
    return 0;
}

static int format_names(struct format *f)
{
    const GPtrArray *hosts = f->def->dns.hosts;
    char text[VMGR__ADDR_TEXT];

    for (guint i = 0; i < hosts->len; i++) {
        const struct vmgr__net_dns_host *host = hosts->pdata[i];

        g_string_append(f->names, vmgr__addr_format(&host->ip, text));
        for (guint n = 0; n < host->names->len; n++) {
            if (plain(f, "host name", host->names->pdata[n], " #") < 0)
                return -1;
            g_string_append_printf(f->names, "\t%s", (char *)host->names->pdata[n]);
        }
        g_string_append_c(f->names, '\n');
    }
    return 0;
}

static int format_dns(struct format *f)
{
    const struct vmgr__net_dns *dns = &f->def->dns;

    if (!dns_on(f->def)) {
        g_string_append(f->conf, "port=0\n");
        return 0;
    }
    if (dns->forward_plain_names == 2)
        g_string_append(f->conf, "domain-needed\nlocal=//\n");
    if (format_forwarders(f) < 0)
        return -1;
    for (guint i = 0; i < dns->txts->len; i++) {
        const struct vmgr__net_txt *txt = dns->txts->pdata[i];

        if (plain(f, "TXT name", txt->name, ",\"") < 0 ||
            plain(f, "TXT value", txt->value, "\"\\") < 0)
            return -1;
        g_string_append_printf(f->conf, "txt-record=%s,\"%s\"\n", txt->name, txt->value);
    }
    for (guint i = 0; i < dns->srvs->len; i++) {
        if (format_srv(f, dns->srvs->pdata[i]) < 0)
            return -1;
    }
    g_string_append_printf(f->conf, "addn-hosts=%s/addnhosts\n", f->dir);
    return format_names(f);
}

static void append_lease(GString *s, const struct vmgr__net_lease *lease)
{
    const uint32_t seconds = vmgr__net_lease_seconds(lease);

    if (lease->present && seconds)
        g_string_append_printf(s, ",%us", seconds);
    else if (lease->present)
        g_string_append(s, ",infinite");
}

static int format_host(struct format *f, const struct vmgr__net_host *host)
{
    char text[VMGR__ADDR_TEXT];

    if (host->mac)
        g_string_append(f->hosts, host->mac);
    else if (host->id)
        g_string_append_printf(f->hosts, "id:%s", host->id);
    else
        g_string_append(f->hosts, host->name);
    if (host->name && (host->mac || host->id))
        g_string_append_printf(f->hosts, ",%s", host->name);
    g_string_append_printf(f->hosts, host->ip.family == AF_INET6 ? ",[%s]" : ",%s",
                           vmgr__addr_format(&host->ip, text));
    append_lease(f->hosts, &host->lease);
    g_string_append_c(f->hosts, '\n');
    return plain(f, "host name", host->name, " ,#");
}

static void format_range(struct format *f, const struct vmgr__net_ip *ip,
                         const struct vmgr__net_range *range)
{
    char start[VMGR__ADDR_TEXT], end[VMGR__ADDR_TEXT], mask[VMGR__ADDR_TEXT];
    const unsigned prefix = vmgr__net_ip_prefix(ip);
    struct vmgr__addr ones = { .family = ip->address.family };

    vmgr__addr_format(&range->start, start);
    vmgr__addr_format(&range->end, end);
    if (ones.family == AF_INET6) {
        g_string_append_printf(f->conf, "dhcp-range=%s,%s,%u", start, end, prefix);
    } else {
        memset(ones.bytes, 0xff, 4);
        ones = vmgr__addr_masked(&ones, prefix, false);
        g_string_append_printf(f->conf, "dhcp-range=%s,%s,%s", start, end,
                               vmgr__addr_format(&ones, mask));
    }
    append_lease(f->conf, &range->lease);
    g_string_append_c(f->conf, '\n');
}

static int format_boot(struct format *f, const struct vmgr__net_ip *ip)
{
    char server[VMGR__ADDR_TEXT];

    if (plain(f, "TFTP root", ip->tftp_root, ",\"") < 0 ||
        plain(f, "boot file", ip->boot_file, ",\"") < 0)
        return -1;
    if (ip->tftp_root)
        g_string_append_printf(f->conf, "enable-tftp\ntftp-root=%s\n", ip->tftp_root);
    if (!ip->boot_file)
        return 0;
    g_string_append_printf(f->conf, "dhcp-boot=%s", ip->boot_file);
    if (ip->boot_server.family)
        g_string_append_printf(f->conf, ",,%s", vmgr__addr_format(&ip->boot_server, server));
    g_string_append_c(f->conf, '\n');
    return 0;
}

static int format_dhcp(struct format *f, const struct vmgr__net_ip *ip, bool *ret_ra)
{
    char text[VMGR__ADDR_TEXT];
    const bool v6 = ip->address.family == AF_INET6;

    for (guint i = 0; i < ip->ranges->len; i++)
        format_range(f, ip, ip->ranges->pdata[i]);
    if (ip->hosts->len && !ip->ranges->len) {
        g_string_append_printf(f->conf, "dhcp-range=%s,static",
                               vmgr__addr_format(&ip->address, text));
        if (v6)
            g_string_append_printf(f->conf, ",%u", vmgr__net_ip_prefix(ip));
        g_string_append_c(f->conf, '\n');
    }
    /* Guests learn the router of IPv6 from advertisements alone. */
    if (v6 && !ip->ranges->len && !ip->hosts->len)
        g_string_append_printf(f->conf, "dhcp-range=%s,ra-only\n",
                               vmgr__addr_format(&ip->address, text));
    *ret_ra = *ret_ra || v6;
    for (guint i = 0; i < ip->hosts->len; i++) {
        if (format_host(f, ip->hosts->pdata[i]) < 0)
            return -1;
    }
    return format_boot(f, ip);
}

/* Whether a server that has given up root's rights can still read below dir. */
static bool readable_by_all(const char *dir)
{
    g_autofree char *path = g_strdup(dir);
    struct stat st;

    while (strcmp(path, "/") != 0) {
        char *parent;

        if (stat(path, &st) < 0 || !(st.st_mode & S_IXOTH))
            return false;
        parent = g_path_get_dirname(path);
        g_free(path);
        path = parent;
    }
    return true;
}

static int format_all(struct format *f)
{
    const struct vmgr__network_def *def = f->def;
    bool ra = false;

    g_string_append_printf(f->conf,
                           "# Made from the definition of network '%s'; changes are lost.\n"
                           "strict-order\n"
                           "pid-file=%s/pid\n"
                           "except-interface=lo\n"
                           "bind-dynamic\n"
                           "interface=%s\n",
                           def->name, f->dir, def->bridge);
    if (!readable_by_all(f->dir))
        g_string_append(f->conf, "user=root\n");
    if (plain(f, "domain", def->domain, ", /") < 0)
        return -1;
    if (def->domain)
        g_string_append_printf(f->conf, "domain=%s\nexpand-hosts\n", def->domain);
    if (def->domain && def->domain_local == 1)
        g_string_append_printf(f->conf, "local=/%s/\n", def->domain);
    if (format_dns(f) < 0)
        return -1;
    /* Without forwarding there is no way out: option 3 is the router. */
    if (isolated(def))
        g_string_append(f->conf, "dhcp-option=3\n");
    for (guint i = 0; i < def->ips->len; i++) {
        const struct vmgr__net_ip *ip = def->ips->pdata[i];
        char text[VMGR__ADDR_TEXT];

        if (ip->local_ptr == 1)
            g_string_append_printf(f->conf, "rev-server=%s/%u\n",
                                   vmgr__addr_format(&ip->address, text), vmgr__net_ip_prefix(ip));
        if (format_dhcp(f, ip, &ra) < 0)
            return -1;
    }
    if (dhcp_on(def))
        g_string_append_printf(f->conf,
                               "dhcp-no-override\n"
                               "dhcp-authoritative\n"
                               "dhcp-lease-max=65536\n"
                               "dhcp-hostsfile=%s/hosts\n"
                               "dhcp-leasefile=%s/leases\n",
                               f->dir, f->dir);
    if (ra)
        g_string_append(f->conf, "enable-ra\n");
    return 0;
}

int vmgr__dnsmasq_format(const struct vmgr__network_def *def, const char *dir,
                         struct vmgr__dnsmasq_files *ret, struct vmgr_error **err)
{
    struct format f = { .def = def, .dir = dir, .err = err };
    int r;

    memset(ret, 0, sizeof(*ret));
    if (!vmgr__network_def_owns_bridge(def) || !def->ips->len || (!dns_on(def) && !dhcp_on(def)))
        return 0;
    f.conf = g_string_new(NULL);
    f.hosts = g_string_new(NULL);
    f.names = g_string_new(NULL);
    r = strpbrk(def->name, "\n\r") ? plain(&f, "name", def->name, "\n") : format_all(&f);
    ret->conf = g_string_free(f.conf, FALSE);
    ret->hosts = g_string_free(f.hosts, FALSE);
    ret->names = g_string_free(f.names, FALSE);
    if (r < 0)
        vmgr__dnsmasq_files_clear(ret);
    return r;
}

/* ---- the process ---- */

/* Its configuration is ours. */
static bool is_server(int pid, const char *option)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *line = NULL;
    gsize size;

    if (!g_file_get_contents(path, &line, &size, NULL))
        return false;
    for (gsize at = 0; at < size; at += strlen(line + at) + 1) {
        if (strcmp(line + at, option) == 0)
            return true;
    }
    return false;
}

static char *conf_option(const struct vemu *d, const char *name)
{
    g_autofree char *conf = vmgr__hostnet_run_path(d, name, "dnsmasq.conf");

    return g_strconcat("--conf-file=", conf, NULL);
}

/* A pidfd of a process if it is a server of ours, or -1. */
static int open_if_server(int pid, const char *option)
{
    struct vemu_process p;
    int fd;

    if (!vmgr__process_identify(pid, &p))
        return -1;
    fd = vmgr__process_open(&p);
    if (fd >= 0 && is_server(pid, option))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A pidfd of the server, or -1: none runs. */
static int open_server(struct vemu *d, const char *name)
{
    g_autofree char *pid_path = vmgr__hostnet_run_path(d, name, "pid");
    g_autofree char *option = conf_option(d, name);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(pid_path, &text, NULL, NULL))
        return -1;
    return open_if_server((int)g_ascii_strtoll(text, NULL, 10), option);
}

static int write_files(struct vemu *d, const char *name, const struct vmgr__dnsmasq_files *f,
                       struct vmgr_error **err)
{
    const struct {
        const char *file, *text;
    } rows[] = { { "hosts", f->hosts }, { "addnhosts", f->names }, { "dnsmasq.conf", f->conf } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = vmgr__hostnet_run_path(d, name, rows[i].file);

        if (vmgr__file_replace(path, rows[i].text, false, err) < 0)
            return -1;
        /* Read again after the server has given up root's rights. */
        if (chmod(path, 0644) < 0)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot open '%s' to all",
                                         path);
    }
    return 0;
}

static int run_server(struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autofree char *option = conf_option(d, name);
    const char *const argv[] = { "dnsmasq", option, NULL };

    return vmgr__program_run(argv, "dnsmasq-base", err);
}

int vmgr__dnsmasq_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__hostnet_run_path(d, def->name, NULL);
    struct vmgr__dnsmasq_files f;
    int r = vmgr__dnsmasq_format(def, dir, &f, err);

    if (r == 0 && f.conf) {
        r = write_files(d, def->name, &f, err);
        if (r == 0)
            r = run_server(d, def->name, err);
    }
    vmgr__dnsmasq_files_clear(&f);
    return r;
}

static void stop(int fd)
{
    syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
    if (!vmgr__process_wait(fd, STOP_TIMEOUT_MS)) {
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        vmgr__process_wait(fd, STOP_TIMEOUT_MS);
    }
    close(fd);
}

/* A server whose starter died may not have written its pid yet. True: there was one. */
static bool stop_unwritten(const char *option)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    bool found = false;
    const char *file;

    while (proc && (file = g_dir_read_name(proc))) {
        uint32_t pid;
        int fd = -1;

        if (vmgr__parse_u32(file, &pid) && pid <= INT32_MAX && is_server((int)pid, option))
            fd = open_if_server((int)pid, option);
        if (fd >= 0) {
            stop(fd);
            found = true;
        }
    }
    return found;
}

void vmgr__dnsmasq_down(struct vemu *d, const char *name)
{
    g_autofree char *option = conf_option(d, name);
    int fd = open_server(d, name);

    if (fd >= 0)
        stop(fd);
    /* One of them may have been making the other while we looked. */
    for (int i = 0; i < 10 && stop_unwritten(option); i++)
        ;
}

bool vmgr__dnsmasq_is_missing(struct vemu *d, const struct vmgr__network_def *def)
{
    g_autofree char *conf = vmgr__hostnet_run_path(d, def->name, "dnsmasq.conf");
    int fd;

    if (access(conf, F_OK) < 0)
        return false;
    fd = open_server(d, def->name);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

/* The server's own configuration is the one on disk. */
static bool same_conf(struct vemu *d, const char *name, const char *conf)
{
    g_autofree char *path = vmgr__hostnet_run_path(d, name, "dnsmasq.conf");
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && g_strcmp0(text, conf) == 0;
}

int vmgr__dnsmasq_refresh(struct vemu *d, const struct vmgr__network_def *def,
                          struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__hostnet_run_path(d, def->name, NULL);
    struct vmgr__dnsmasq_files f;
    bool same;
    int fd, r;

    if (vmgr__dnsmasq_format(def, dir, &f, err) < 0)
        return -1;
    same = same_conf(d, def->name, f.conf);
    r = f.conf ? write_files(d, def->name, &f, err) : 0;
    if (r == 0) {
        fd = open_server(d, def->name);
        if (fd >= 0 && same) {
            syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0);
        } else {
            vmgr__dnsmasq_down(d, def->name);
            r = f.conf ? run_server(d, def->name, err) : 0;
        }
        if (fd >= 0)
            close(fd);
    }
    vmgr__dnsmasq_files_clear(&f);
    return r;
}
