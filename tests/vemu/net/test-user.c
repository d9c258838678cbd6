/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev user: options the helper refuses, and a guest that asks DHCP and ARP by hand.
 */
#include <check.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <vemu/net.h>

#include "../core/test-main.h"
#include "card.h"

static const char *program(void)
{
    return g_getenv("VEMU_SLIRP");
}

START_TEST(test_refused)
{
    static const struct vemu_property cases[] = {
        { "net", "10.0.2.0/33" },     { "net", "x" },
        { "host", "192.168.1.1" },    { "dns", "10.0.2.2" },
        { "ipv6-net", "fec0::/200" }, { "mtu", "100" },
        { "hostfwd", "tcp::0-:22" },  { "hostfwd", "sctp::5-:22" },
        { "hostfwd", "tcp:5" },       { "hostfwd", "tcp:1.2.3.4:5-:22" },
    };
    struct vemu_vm *vm = guest_vm();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct vemu_property props[] = { { "helper", program() }, cases[i] };
        const char *word = strcmp(cases[i].value, "10.0.2.2") == 0 ? "three" : cases[i].name;

        FAILS(vemu_vm_add_net(vm, "user", "n", props, 2, &err), EIO, word);
    }
    vemu_vm_unref(vm);
}
END_TEST

/* The host answers for its address, from inside the sandbox; when it dies the link goes down. */
START_TEST(test_arp)
{
    static const uint8_t request[42] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,    0,    0, 1, 8, 6, /* broadcast, ARP */
        0,    1,    8,    0,    6,    4,    0,    1,    0x52, 0x54, 0, 0, 0, 1,
        10,   0,    2,    15, /* who has */
        0,    0,    0,    0,    0,    0,    10,   0,    2,    2,
    };
    const struct vemu_property props[] = { { "helper", program() }, { "ipv6", "off" } };
    struct vemu_net_info info = VEMU_NET_INFO_INIT;
    struct vemu_vm *vm = guest_vm();
    struct card card = { 0 };
    const uint8_t *reply;
    uint32_t len;
    uint64_t at;

    OK(vemu_vm_add_net(vm, "user", "n", props, 2, &err));
    card.g = guest_attach(vm, "virtio-net", "netdev", "n", "mac", "52:54:00:00:00:01", NULL);
    guest_start(card.g, CARD_ALL, 2);
    at = card_add_rx(&card, 1526);
    card.g->t->notify(card.g, CARD_RX);
    card_add_tx(&card, request, sizeof(request));
    card.g->t->notify(card.g, CARD_TX);
    ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
    ck_assert_uint_ge(len, CARD_HDR + 42);
    reply = (uint8_t *)guest_ptr(card.g, at) + CARD_HDR;
    ck_assert_uint_eq(reply[21], 2); /* a reply */
    ck_assert_mem_eq(reply + 28, "\x0a\x00\x02\x02", 4);
    OK(vemu_vm_get_net_info(vm, "n", &info, &err));
    ck_assert_uint_eq(info.flags, VEMU_NET_CONNECTED | VEMU_NET_LINK_UP);
    guest_free(card.g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_refused, test_arp, NULL };

    if (!program() || access(program(), X_OK) < 0) {
        puts("vemu-slirp was not built (libslirp-dev, libseccomp-dev)");
        return 77;
    }
    return run_tests("net-user", tests);
}
