/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leases, from the file that the DHCP server keeps.
 *
 * A line is: expiry, MAC address (DHCPv6: IAID), address, host name or *, client id or DUID or *.
 * The line "duid ..." begins those of DHCPv6.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "network.h"

static char *word_or_null(const char *word)
{
    return strcmp(word, "*") == 0 ? NULL : strdup(word);
}

static uint32_t prefix_for(const struct vmgr__network_def *def, const struct vmgr__addr *a)
{
    for (guint i = 0; i < def->ips->len; i++) {
        const struct vmgr__net_ip *ip = def->ips->pdata[i];
        const unsigned prefix = vmgr__net_ip_prefix(ip);

        if (ip->address.family == a->family && vmgr__addr_in(a, &ip->address, prefix))
            return prefix;
    }
    return vmgr__addr_bits(a);
}

struct vmgr_network_dhcp_lease *vmgr__lease_parse(const char *line,
                                                  const struct vmgr__network_def *def)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 6);
    struct vmgr_network_dhcp_lease *lease;
    struct vmgr__addr addr;
    uint64_t expiry;
    uint8_t mac[6];

    if (g_strv_length(words) < 5 || !vmgr__parse_u64(words[0], &expiry) || expiry > INT64_MAX ||
        !vmgr__addr_parse(words[2], &addr))
        return NULL;
    lease = vmgr__lease_new();
    lease->expiry_s = (int64_t)expiry;
    lease->type = addr.family == AF_INET6 ? VMGR_IP_ADDR_TYPE_IPV6 : VMGR_IP_ADDR_TYPE_IPV4;
    lease->prefix = prefix_for(def, &addr);
    lease->interface = strdup(def->bridge ? def->bridge : "");
    lease->address = strdup(words[2]);
    lease->hostname = word_or_null(words[3]);
    lease->client_id = word_or_null(words[4]);
    if (addr.family == AF_INET && vmgr__mac_parse(words[1], mac))
        lease->mac = strdup(words[1]);
    else if (addr.family == AF_INET6)
        lease->iaid = strdup(words[1]);
    /* A DUID of type 1 or 3 ends with a MAC address (RFC 8415 11.2, 11.4). */
    if (addr.family == AF_INET6 && lease->client_id && strlen(lease->client_id) >= 29 &&
        (strncmp(lease->client_id, "00:01:00:01:", 12) == 0 ||
         strncmp(lease->client_id, "00:03:00:01:", 12) == 0))
        lease->mac = strdup(lease->client_id + strlen(lease->client_id) - 17);
    return lease;
}

static bool same_mac(const char *a, const char *b)
{
    uint8_t x[6], y[6];

    return a && vmgr__mac_parse(a, x) && vmgr__mac_parse(b, y) && memcmp(x, y, 6) == 0;
}

int vmgr__hostnet_leases(struct vemu *d, const struct vmgr__network_def *def, const char *mac,
                         GPtrArray *ret, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__hostnet_run_path(d, def->name, "leases");
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    const int64_t now = (int64_t)time(NULL);
    int r = vmgr__file_read(path, &text, err);

    if (r <= 0)
        return r;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        struct vmgr_network_dhcp_lease *lease = vmgr__lease_parse(*line, def);

        if (!lease)
            continue;
        if ((lease->expiry_s && lease->expiry_s < now) || (mac && !same_mac(lease->mac, mac)))
            vmgr__lease_free(lease);
        else
            g_ptr_array_add(ret, lease);
    }
    return 0;
}
