/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-net's control queue and configuration: filters, malformed commands, link, announcements,
 * features that need each other, properties.
 */
#include <check.h>
#include <glib.h>
#include <string.h>

#include <vemu/net.h>

#include "../core/test-main.h"
#include "card.h"

#define STATUS offsetof(struct virtio_net_config, status)

static const uint8_t other[] = { 0x52, 0x54, 0, 0, 0, 9 }, own[] = { 0x52, 0x54, 0, 0, 0, 1 };
static const uint8_t multi[] = { 0x33, 0x33, 0, 0, 0, 7 };

/* Whether the guest hears a frame. */
static bool heard(struct card *card, const uint8_t *mac, int vlan)
{
    uint8_t frame[100];
    uint32_t len;

    card_frame(frame, sizeof(frame), mac, 1);
    if (vlan >= 0) {
        const uint8_t tag[] = { 0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan };

        memcpy(frame + 12, tag, sizeof(tag));
    }
    card_add_rx(card, 1526);
    card->g->t->notify(card->g, CARD_RX);
    card_peer_put(card, frame, sizeof(frame));
    card_settle(card);
    return guest_take(card->g, &card->g->queues[CARD_RX], &len) >= 0;
}

static uint8_t set_mode(struct card *card, uint8_t cmd, uint8_t on)
{
    return card_control(card, VIRTIO_NET_CTRL_RX, cmd, &on, 1);
}

START_TEST(test_filters)
{
    struct card card;
    uint16_t vlan = 5;
    uint8_t table[4 + 6 + 4 + 6] = { 1, 0, 0, 0 };

    memcpy(table + 4, other, 6);
    table[10] = 1;
    memcpy(table + 14, multi, 6);
    card_new(&card, CARD_ALL, NULL, NULL);
    ck_assert(heard(&card, other, -1)); /* promiscuous until told otherwise */
    ck_assert_uint_eq(set_mode(&card, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
    ck_assert(!heard(&card, other, -1));
    ck_assert(!heard(&card, multi, -1));
    ck_assert(heard(&card, own, -1));
    ck_assert(heard(&card, NULL, -1));
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table,
                                   sizeof(table)),
                      VIRTIO_NET_OK);
    ck_assert(heard(&card, other, -1));
    ck_assert(heard(&card, multi, -1));
    set_mode(&card, VIRTIO_NET_CTRL_RX_NOMULTI, 1);
    ck_assert(!heard(&card, multi, -1));
    set_mode(&card, VIRTIO_NET_CTRL_RX_NOBCAST, 1);
    ck_assert(!heard(&card, NULL, -1));
    ck_assert(!heard(&card, own, 5));
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &vlan, 2),
                      VIRTIO_NET_OK);
    ck_assert(heard(&card, own, 5));
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
                                   "\x52\x54\x00\x00\x00\x0c", 6),
                      VIRTIO_NET_OK);
    ck_assert(!heard(&card, own, -1));
    ck_assert_uint_eq(card.g->t->config_read(card.g, 5, 1), 0x0c);
    card.g->t->set_status(card.g, 0);
    ck_assert_uint_eq(card.g->t->config_read(card.g, 5, 1), 0x01);
    card_free(&card);
}
END_TEST

/* Tables that are longer than the command, or than there is room for. */
START_TEST(test_tables)
{
    uint8_t table[8 + 70 * 6] = { 70, 0, 0, 0 }, liar[14] = { 0xff, 0xff, 0xff, 0xff };
    struct card card;

    for (unsigned i = 0; i < 70; i++)
        table[4 + 6 * i + 5] = (uint8_t)(i + 20);
    card_new(&card, CARD_ALL, NULL, NULL);
    set_mode(&card, VIRTIO_NET_CTRL_RX_PROMISC, 0);
    for (uint32_t size = 0; size < sizeof(liar); size++)
        ck_assert_uint_eq(
            card_control(&card, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, liar, size),
            VIRTIO_NET_ERR);
    liar[0] = liar[1] = liar[2] = liar[3] = 0;
    memset(liar + 4, 0x2a, 4); /* 0x2a2a2a2a * 6 is small in 32 bits */
    ck_assert_uint_eq(
        card_control(&card, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, liar, sizeof(liar)),
        VIRTIO_NET_ERR);
    ck_assert(!heard(&card, other, -1));
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table,
                                   sizeof(table)),
                      VIRTIO_NET_OK);
    ck_assert(heard(&card, other, -1)); /* too many to remember: all */
    ck_assert(!heard(&card, multi, -1));
    card_free(&card);
}
END_TEST

START_TEST(test_malformed)
{
    static const uint8_t commands[][2] = {
        { VIRTIO_NET_CTRL_RX, 6 },
        { VIRTIO_NET_CTRL_MAC, 2 },
        { VIRTIO_NET_CTRL_VLAN, 2 },
        { VIRTIO_NET_CTRL_ANNOUNCE, 1 },
        { VIRTIO_NET_CTRL_MQ, 0 },
        { VIRTIO_NET_CTRL_MQ, 1 },
        { VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0 },
        { 77, 0 },
        { 255, 255 },
    };
    static const uint8_t data[16] = { 0 };
    uint16_t vlan = 4096;
    struct guest_buffer b[2];
    struct card card;

    card_new(&card, CARD_ALL, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        ck_assert_uint_eq(card_control(&card, commands[i][0], commands[i][1], data, sizeof(data)),
                          VIRTIO_NET_ERR);
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_RX, 0, NULL, 0), VIRTIO_NET_ERR);
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_VLAN, 0, &vlan, 2), VIRTIO_NET_ERR);
    ck_assert_uint_eq(card_control(&card, VIRTIO_NET_CTRL_VLAN, 0, &vlan, 1), VIRTIO_NET_ERR);
    ck_assert(!guest_broken(card.g));
    /* no room for an answer; half a header */
    for (unsigned i = 0; i < 2; i++) {
        guest_start(card.g, CARD_ALL, 3);
        b[0] = (struct guest_buffer){ guest_alloc(card.g, 8, 8), i ? 1 : 8, false };
        b[1] = (struct guest_buffer){ guest_alloc(card.g, 8, 8), 1, true };
        guest_add(card.g, &card.g->queues[CARD_CTRL], b, i ? 2 : 1);
        card.g->t->notify(card.g, CARD_CTRL);
        ck_assert(guest_broken(card.g));
    }
    card_free(&card);
}
END_TEST

START_TEST(test_link)
{
    struct vemu_net_info info = VEMU_NET_INFO_INIT;
    uint8_t frame[100], back[CARD_CABLE];
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    card_frame(frame, sizeof(frame), NULL, 1);
    ck_assert_uint_eq(card.g->t->config_read(card.g, STATUS, 2), VIRTIO_NET_S_LINK_UP);
    OK(vemu_vm_set_net_link(card.g->vm, "cable", 0, &err));
    ck_assert(card.g->t->config_interrupt(card.g));
    ck_assert_uint_eq(card.g->t->config_read(card.g, STATUS, 2), 0);
    ck_assert(!heard(&card, NULL, -1));
    card_add_tx(&card, frame, sizeof(frame));
    card.g->t->notify(card.g, CARD_TX);
    ck_assert_int_ge(guest_take(card.g, &card.g->queues[CARD_TX], &len), 0);
    ck_assert_int_eq(card_peer_get(&card, back, 20), -1);
    OK(vemu_vm_get_net_info(card.g->vm, "cable", &info, &err));
    ck_assert_uint_eq(info.flags, VEMU_NET_CONNECTED);
    ck_assert_uint_eq(info.tx_dropped, 1);
    OK(vemu_vm_set_net_link(card.g->vm, "cable", 1, &err));
    ck_assert(card.g->t->config_interrupt(card.g));
    ck_assert(heard(&card, NULL, -1));
    card_free(&card);
}
END_TEST

START_TEST(test_announce)
{
    struct card card;

    card_new(&card, CARD_ALL, NULL, NULL);
    OK(vemu_vm_announce_net(card.g->vm, "cable", &err));
    ck_assert(card.g->t->config_interrupt(card.g));
    ck_assert_uint_eq(card.g->t->config_read(card.g, STATUS, 2),
                      VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
    ck_assert_uint_eq(
        card_control(&card, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0),
        VIRTIO_NET_OK);
    ck_assert_uint_eq(card.g->t->config_read(card.g, STATUS, 2), VIRTIO_NET_S_LINK_UP);
    card_free(&card);
}
END_TEST

/* Features whose condition was not taken; offloads that a socket has not. */
START_TEST(test_features)
{
    struct card card;

    card_new(&card, 0, "host_mtu", "1400");
    ck_assert(!guest_negotiate(card.g, CARD_F(CTRL_RX)));
    ck_assert(!guest_negotiate(card.g, CARD_F(GUEST_ANNOUNCE) | CARD_F(STATUS)));
    ck_assert(guest_negotiate(card.g, CARD_F(CTRL_RX) | CARD_F(CTRL_VQ)));
    ck_assert(guest_negotiate(card.g, CARD_ALL));
    ck_assert(card.g->features & CARD_F(MTU));
    ck_assert_uint_eq(card.g->features & (CARD_F(CSUM) | CARD_F(GUEST_CSUM) | CARD_F(HOST_TSO4) |
                                          CARD_F(MQ) | CARD_F(CTRL_GUEST_OFFLOADS)),
                      0);
    ck_assert_uint_eq(card.g->t->config_read(card.g, offsetof(struct virtio_net_config, mtu), 2),
                      1400);
    card_free(&card);
}
END_TEST

static void refused(const char *name, const char *value, const char *words)
{
    struct vemu_property props[] = { { "netdev", "n" }, { name, value } };
    struct vemu_property socket_props[] = { { "path", NULL }, { "server", "on" } };
    g_autofree char *path = g_strdup_printf("/tmp/vemu-net-%d", (int)getpid());
    struct vemu_vm *vm = guest_vm();

    socket_props[0].value = path;
    OK(vemu_vm_add_net(vm, "socket", "n", socket_props, 2, &err));
    OK(vemu_vm_add_device(vm, "virtio-net", "card", props, 2, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, words);
    vemu_vm_unref(vm);
}

START_TEST(test_properties)
{
    struct vemu_property props[] = { { "netdev", "x" } };
    struct vemu_vm *vm = guest_vm();

    FAILS(vemu_vm_add_device(vm, "virtio-net", NULL, props, 1, &err), ENOENT, "'x'");
    OK(vemu_vm_add_device(vm, "virtio-net", NULL, NULL, 0, &err));
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "'netdev'");
    vemu_vm_unref(vm);
    refused("mac", "52:54:00:00:01", "mac");
    refused("mac", "01:54:00:00:00:01", "unicast");
    refused("mac", "52:54:00:00:00:1g", "mac");
    refused("rx_queue_size", "100", "rx_queue_size");
    refused("tx_queue_size", "4096", "tx_queue_size");
    refused("host_mtu", "60", "host_mtu");
    refused("duplex", "both", "duplex");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_filters,  test_tables,   test_malformed,  test_link,
                                   test_announce, test_features, test_properties, NULL };

    return run_tests("virtio-net-control", tests);
}
