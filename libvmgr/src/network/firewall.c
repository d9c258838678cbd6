/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules: what may pass between a network and the world, and under which address.
 *
 * Theory of operation. Each network has one table of its own, "inet vmgr_BRIDGE", made and removed
 * as a whole by one nft transaction. Nobody else's table is touched, and other managers of rules
 * (firewalld, Docker, ufw) flush only their own: a reload of theirs leaves ours, and ours leaves
 * theirs. Chains stand at the usual priorities (filter, srcnat). The file of a run that nft reads
 * is there before the table, and the run's files stay until the table is gone.
 *
 * Where several base chains see a packet, each may drop it and none can save it: a host whose own
 * rules drop all that is forwarded has to accept the bridge there too. docs/networks.md says how.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network.h"

struct rules {
    const struct vmgr__network_def *def;
    GString *forward, *nat;
    char *out; /* " oifname "dev"", or "" */
    char *in;
};

/* A bridge's name as part of the name of a table, which takes fewer characters. */
static char *table_name(const char *bridge)
{
    GString *s = g_string_new("vmgr_");

    for (const char *c = bridge; *c; c++)
        g_string_append_printf(s, g_ascii_isalnum(*c) || *c == '-' || *c == '.' ? "%c" : "_%02x",
                               (unsigned char)*c);
    return g_string_free(s, FALSE);
}

static const char *family_word(const struct vmgr__addr *a)
{
    return a->family == AF_INET6 ? "ip6" : "ip";
}

static void add_source_nat(struct rules *r, const char *match, bool v4)
{
    const struct vmgr__net_forward *f = &r->def->forward;
    g_autoptr(GString) target = g_string_new("masquerade");
    char start[VMGR__ADDR_TEXT], end[VMGR__ADDR_TEXT];
    const bool pool = v4 && f->nat_start.family;

    if (pool) {
        vmgr__addr_format(&f->nat_start, start);
        vmgr__addr_format(&f->nat_end, end);
        g_string_printf(target, "snat ip to %s", start);
        if (strcmp(start, end) != 0)
            g_string_append_printf(target, "-%s", end);
    }
    if (f->has_ports && f->port_end)
        g_string_append_printf(r->nat, "    %s meta l4proto { tcp, udp } %s%s:%u-%u\n", match,
                               target->str, pool ? "" : " to ", f->port_start, f->port_end);
    g_string_append_printf(r->nat, "    %s %s\n", match, target->str);
}

static void add_subnet(struct rules *r, const struct vmgr__net_ip *ip)
{
    const unsigned prefix = vmgr__net_ip_prefix(ip);
    const struct vmgr__addr first = vmgr__addr_masked(&ip->address, prefix, false);
    const bool v4 = first.family == AF_INET;
    const bool nat = r->def->forward.mode == VMGR__FORWARD_NAT && (v4 || r->def->forward.nat_ipv6);
    const char *bridge = r->def->bridge, *word = family_word(&first);
    char text[VMGR__ADDR_TEXT];
    g_autofree char *net = g_strdup_printf("%s/%u", vmgr__addr_format(&first, text), prefix);
    g_autofree char *match = NULL;

    g_string_append_printf(r->forward, "    oifname \"%s\"%s %s daddr %s %saccept\n", bridge, r->in,
                           word, net, nat ? "ct state established,related " : "");
    g_string_append_printf(r->forward, "    iifname \"%s\"%s %s saddr %s accept\n", bridge, r->out,
                           word, net);
    if (!nat)
        return;
    /* What stays on the link keeps its address. */
    g_string_append_printf(r->nat, "    %s saddr %s %s daddr { %s } return\n", word, net, word,
                           v4 ? "224.0.0.0/24, 255.255.255.255" : "ff02::/16");
    match = g_strdup_printf("%s saddr %s %s daddr != %s%s", word, net, word, net, r->out);
    add_source_nat(r, match, v4);
}

char *vmgr__firewall_script(const struct vmgr__network_def *def)
{
    const int mode = def->forward.mode;
    g_autofree char *table = table_name(def->bridge ? def->bridge : "");
    struct rules r = { .def = def };
    GString *s;

    if (mode > VMGR__FORWARD_ROUTE)
        return NULL; /* open: as the host's own rules have it */
    r.forward = g_string_new(NULL);
    r.nat = g_string_new(NULL);
    if (def->forward.interfaces->len) {
        r.out = g_strdup_printf(" oifname \"%s\"", (char *)def->forward.interfaces->pdata[0]);
        r.in = g_strdup_printf(" iifname \"%s\"", (char *)def->forward.interfaces->pdata[0]);
    }
    for (guint i = 0; mode != VMGR__FORWARD_NONE && i < def->ips->len; i++) {
        struct rules one = r;

        one.out = r.out ? r.out : "";
        one.in = r.in ? r.in : "";
        add_subnet(&one, def->ips->pdata[i]);
    }
    s = g_string_new(NULL);
    /* So that it does not matter whether it is there. */
    g_string_append_printf(s, "table inet %s\ndelete table inet %s\n", table, table);
    g_string_append_printf(s,
                           "table inet %s {\n"
                           "  chain forward {\n"
                           "    type filter hook forward priority filter; policy accept;\n"
                           "%s"
                           "    iifname \"%s\" oifname \"%s\" accept\n"
                           "    oifname \"%s\" reject\n"
                           "    iifname \"%s\" reject\n"
                           "  }\n",
                           table, r.forward->str, def->bridge, def->bridge, def->bridge,
                           def->bridge);
    if (r.nat->len)
        g_string_append_printf(s,
                               "  chain postrouting {\n"
                               "    type nat hook postrouting priority srcnat; policy accept;\n"
                               "%s"
                               "  }\n",
                               r.nat->str);
    g_string_append(s, "}\n");
    g_string_free(r.forward, TRUE);
    g_string_free(r.nat, TRUE);
    g_free(r.out);
    g_free(r.in);
    return g_string_free(s, FALSE);
}

/* Also when it is not there. */
static int delete_table(const struct vmgr__network_def *def, struct vmgr_error **err)
{
    g_autofree char *table = table_name(def->bridge);
    g_autofree char *script =
        g_strdup_printf("add table inet %s; delete table inet %s", table, table);
    const char *const argv[] = { "nft", script, NULL };

    return vmgr__program_run(argv, "nftables", err);
}

int vmgr__firewall_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err)
{
    g_autofree char *script = vmgr__firewall_script(def);
    g_autofree char *path = vmgr__hostnet_run_path(d, def->name, "rules.nft");
    const char *const argv[] = { "nft", "-f", path, NULL };
    const bool fresh = !g_file_test(path, G_FILE_TEST_EXISTS);

    if (!script)
        return 0;
    if (vmgr__file_replace(path, script, false, err) < 0)
        return -1;
    if (vmgr__program_run(argv, "nftables", err) == 0)
        return 0;
    if (fresh) { /* all or nothing: there was nothing before */
        delete_table(def, NULL);
        unlink(path);
    }
    return -1;
}

int vmgr__firewall_down(struct vemu *d, const struct vmgr__network_def *def,
                        struct vmgr_error **err)
{
    g_autofree char *path = vmgr__hostnet_run_path(d, def->name, "rules.nft");

    return g_file_test(path, G_FILE_TEST_EXISTS) ? delete_table(def, err) : 0;
}
