/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev user: a network in user space, behind an address translation. Needs no privileges.
 *
 * The TCP/IP stack (libslirp) is fed by the guest and has a history of its own, so it lives in
 * another process, vemu-slirp, that can do little more than open sockets. Frames go over a stream.
 * When it dies the guest's link goes down, and that is all.
 */
#include <errno.h>
#include <string.h>

#include "core/property.h"
#include "core/vm.h"
#include "net/helper.h"
#include "net/stream.h"

#define HELPER "vemu-slirp"

struct user {
    struct vemu_net net;
    char *address, *host, *dhcpstart, *dns, *hostname, *domainname, *hostfwd;
    char *ipv6_prefix, *program;
    uint32_t mtu;
    bool restricted, ipv4, ipv6;

    struct vemu_net_stream stream;
    struct vemu_net_helper helper;
};

static struct user *user_of(struct vemu_net *net)
{
    return (struct user *)net;
}

static void user_lost(struct vemu_net *net, const char *why)
{
    vemu_vm_log(net->vm, VEMU_LOG_WARNING, "netdev '%s': " HELPER " is gone: %s", net->id, why);
    vemu__net_helper_stop(&user_of(net)->helper);
}

static void add(GPtrArray *argv, const char *name, const char *value)
{
    if (value && *value)
        g_ptr_array_add(argv, g_strdup_printf("%s=%s", name, value));
}

/* What the options mean is checked by the helper, which says what is wrong. */
static GPtrArray *arguments(const struct user *user, char *program)
{
    g_autofree char *mtu = g_strdup_printf("%u", user->mtu);
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(argv, program);
    add(argv, "net", user->address);
    add(argv, "host", user->host);
    add(argv, "dhcpstart", user->dhcpstart);
    add(argv, "dns", user->dns);
    add(argv, "hostname", user->hostname);
    add(argv, "domainname", user->domainname);
    add(argv, "ipv6-net", user->ipv6_prefix);
    add(argv, "mtu", mtu);
    add(argv, "restrict", user->restricted ? "on" : "off");
    add(argv, "ipv4", user->ipv4 ? "on" : "off");
    add(argv, "ipv6", user->ipv6 ? "on" : "off");
    if (user->hostfwd) {
        g_auto(GStrv) rules = g_strsplit_set(user->hostfwd, "; ", -1);

        for (unsigned i = 0; rules[i]; i++)
            add(argv, "hostfwd", rules[i]);
    }
    g_ptr_array_add(argv, NULL);
    return argv;
}

static int user_open(struct vemu_net *net, struct vemu_error **err)
{
    struct user *user = user_of(net);
    g_autoptr(GPtrArray) argv = NULL;
    char *program;
    int r, fd;

    user->stream.net = net;
    user->stream.fd = -1;
    user->stream.lost = user_lost;
    program = user->program ? g_strdup(user->program) : vemu__net_helper_find(HELPER, err);
    if (!program)
        return -ENOENT;
    argv = arguments(user, program);
    r = vemu__net_helper_start(&user->helper, (char *const *)argv->pdata, &fd, err);
    if (r < 0)
        return r;
    net->mtu = user->mtu;
    vemu__net_stream_start(&user->stream, fd);
    return 0;
}

static void user_close(struct vemu_net *net)
{
    vemu__net_stream_stop(&user_of(net)->stream);
    vemu__net_helper_stop(&user_of(net)->helper);
}

static int user_send(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame)
{
    return vemu__net_stream_send(&user_of(net)->stream, frame);
}

static void user_ready(struct vemu_net *net, unsigned queue)
{
    vemu__net_stream_ready(&user_of(net)->stream);
}

static const struct vemu_prop user_props[] = {
    VEMU_PROP(struct user, address, "net", STRING, "10.0.2.0/24", "the guest's network"),
    VEMU_PROP(struct user, host, "host", STRING, NULL, "the host's address in it (x.x.x.2)"),
    VEMU_PROP(struct user, dhcpstart, "dhcpstart", STRING, NULL,
              "first address that DHCP gives (x.x.x.15)"),
    VEMU_PROP(struct user, dns, "dns", STRING, NULL, "the name server's address (x.x.x.3)"),
    VEMU_PROP(struct user, hostname, "hostname", STRING, NULL, "the guest's name, for DHCP"),
    VEMU_PROP(struct user, domainname, "domainname", STRING, NULL, "the domain, for DHCP"),
    VEMU_PROP(struct user, hostfwd, "hostfwd", STRING, NULL,
              "ports of the host that lead to the guest: tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT, "
              "several with ';' between them"),
    VEMU_PROP(struct user, restricted, "restrict", BOOL, "off",
              "the guest reaches nothing but forwarded ports"),
    VEMU_PROP(struct user, ipv4, "ipv4", BOOL, "on", "IPv4"),
    VEMU_PROP(struct user, ipv6, "ipv6", BOOL, "on", "IPv6"),
    VEMU_PROP(struct user, ipv6_prefix, "ipv6-net", STRING, "fec0::/64", "IPv6 network"),
    VEMU_PROP(struct user, mtu, "mtu", U32, "1500", "bytes of a packet, 1280 to 65521"),
    VEMU_PROP(struct user, program, "helper", STRING, NULL, "path of " HELPER),
    VEMU_PROP_END,
};

const struct vemu_net_class vemu__net_user = {
    .base = {
        .name = "user",
        .summary = "A network in user space behind address translation; needs no privileges",
        .instance_size = sizeof(struct user),
        .props = user_props,
    },
    .open = user_open,
    .close = user_close,
    .send = user_send,
    .ready = user_ready,
};
