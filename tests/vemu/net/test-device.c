/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-net's data queues: frames both ways, merged buffers, headers, back-pressure, resets.
 */
#include <check.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vemu/net.h>

#include "../core/test-main.h"
#include "card.h"

static struct vemu_net_info net_info(struct card *card)
{
    struct vemu_net_info info = VEMU_NET_INFO_INIT;

    OK(vemu_vm_get_net_info(card->g->vm, "cable", &info, &err));
    return info;
}

START_TEST(test_transmit)
{
    uint8_t frame[CARD_CABLE], back[CARD_CABLE];
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    for (unsigned i = 0; i < 50; i++) {
        uint32_t size = 60 + i * 29;

        card_frame(frame, size, NULL, (uint8_t)i);
        card_add_tx(&card, frame, size);
        card.g->t->notify(card.g, CARD_TX);
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
        ck_assert_int_eq(card_peer_get(&card, back, 5000), (ssize_t)size);
        ck_assert_mem_eq(frame, back, size);
    }
    ck_assert_uint_eq(net_info(&card).tx_frames, 50);
    card_free(&card);
}
END_TEST

/* The header may share a descriptor with the frame, or be cut; frames may be in many pieces. */
START_TEST(test_transmit_framing)
{
    uint8_t back[CARD_CABLE];
    struct guest_buffer b[120];
    struct card card;
    uint64_t at;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    at = guest_alloc(card.g, 2000, 8);
    memset(guest_ptr(card.g, at), 0, CARD_HDR);
    card_frame((uint8_t *)guest_ptr(card.g, at) + CARD_HDR, 600, NULL, 9);
    b[0] = (struct guest_buffer){ at, 5, false };
    b[1] = (struct guest_buffer){ at + 5, CARD_HDR + 600 - 5, false };
    guest_add(card.g, &card.g->queues[CARD_TX], b, 2);
    for (unsigned i = 0; i < 120; i++)
        b[i] = (struct guest_buffer){ at + 5 * i, i < 119 ? 5u : (uint32_t)CARD_HDR + 600 - 5 * 119,
                                      false };
    guest_add(card.g, &card.g->queues[CARD_TX], b, 120);
    card.g->t->notify(card.g, CARD_TX);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
        ck_assert_int_eq(card_peer_get(&card, back, 5000), 600);
        ck_assert_mem_eq(guest_ptr(card.g, at + CARD_HDR), back, 600);
    }
    card_free(&card);
}
END_TEST

/* Frames that are none, or ask for what was not negotiated, are dropped; without a header the
 * device breaks. */
START_TEST(test_transmit_bad)
{
    uint8_t frame[100], back[CARD_CABLE];
    struct virtio_net_hdr_v1 *hdr;
    struct guest_buffer b;
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    card_frame(frame, sizeof(frame), NULL, 1);
    card_add_tx(&card, frame, 10);
    card.g->t->notify(card.g, CARD_TX);
    ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
    for (unsigned i = 0; i < 3; i++) {
        hdr = guest_ptr(card.g, (card.g->heap + 7) & ~7ull);
        card_add_tx(&card, frame, sizeof(frame));
        hdr->flags = i == 0 ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
        hdr->gso_type = i == 1 ? VIRTIO_NET_HDR_GSO_TCPV4 : i == 2 ? 0x77 : 0;
        card.g->t->notify(card.g, CARD_TX);
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
    }
    ck_assert_int_eq(card_peer_get(&card, back, 50), -1);
    ck_assert(!guest_broken(card.g));
    b = (struct guest_buffer){ guest_alloc(card.g, 16, 8), CARD_HDR - 1, false };
    guest_add(card.g, &card.g->queues[CARD_TX], &b, 1);
    card.g->t->notify(card.g, CARD_TX);
    ck_assert(guest_broken(card.g));
    card_free(&card);
}
END_TEST

/* The peer does not read: the driver's frames wait in the ring, and all of them arrive. */
START_TEST(test_transmit_blocked)
{
    enum { COUNT = 100 };
    uint8_t frame[1000], back[CARD_CABLE];
    struct vemu_net_info info;
    struct card card;
    unsigned done = 0;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
        card_add_tx(&card, frame, sizeof(frame));
    }
    card.g->t->notify(card.g, CARD_TX);
    while (guest_take(card.g, &card.g->queues[CARD_TX], &len) >= 0)
        done++;
    info = net_info(&card);
    ck_assert_uint_lt(done, COUNT);
    ck_assert_uint_gt(info.tx_blocked, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
        ck_assert_int_eq(card_peer_get(&card, back, 5000), (ssize_t)sizeof(frame));
        ck_assert_mem_eq(frame, back, sizeof(frame));
    }
    for (; done < COUNT; done++)
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
    info = net_info(&card);
    ck_assert_uint_eq(info.tx_frames, COUNT);
    ck_assert_uint_eq(info.tx_dropped, 0);
    card_free(&card);
}
END_TEST

START_TEST(test_receive)
{
    uint8_t frame[CARD_CABLE];
    struct virtio_net_hdr_v1 *hdr;
    struct card card;
    uint64_t at;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t size = 60 + i * 50;

        at = card_add_rx(&card, 1526);
        card.g->t->notify(card.g, CARD_RX);
        card_frame(frame, size, NULL, (uint8_t)i);
        card_peer_put(&card, frame, size);
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        ck_assert_uint_eq(len, CARD_HDR + size);
        hdr = guest_ptr(card.g, at);
        ck_assert_uint_eq(hdr->flags, 0);
        ck_assert_uint_eq(hdr->gso_type, 0);
        ck_assert_uint_eq(hdr->num_buffers, 1);
        ck_assert_mem_eq(hdr + 1, frame, size);
    }
    ck_assert_uint_eq(net_info(&card).rx_frames, 20);
    card_free(&card);
}
END_TEST

/* A frame over several buffers; it is not begun before there are enough of them. */
START_TEST(test_receive_merged)
{
    uint8_t frame[1400], got[1400 + CARD_HDR];
    uint64_t at[8];
    struct card card;
    uint32_t len, sum = 0;

    card_new(&card, CARD_ALL, NULL, NULL);
    card_frame(frame, sizeof(frame), NULL, 3);
    for (unsigned i = 0; i < 4; i++)
        at[i] = card_add_rx(&card, 200);
    card.g->t->notify(card.g, CARD_RX);
    card_peer_put(&card, frame, sizeof(frame));
    card_settle(&card);
    ck_assert_int_eq(guest_take(card.g, &card.g->queues[CARD_RX], &len), -1);
    ck_assert_uint_gt(net_info(&card).rx_blocked, 0);
    for (unsigned i = 4; i < 8; i++) {
        at[i] = card_add_rx(&card, 200);
        ck_assert(i > 4 || !guest_may_skip_notify(card.g, &card.g->queues[CARD_RX]));
    }
    card.g->t->notify(card.g, CARD_RX);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        ck_assert_uint_eq(len, i < 7 ? 200 : sizeof(got) - 1400);
        memcpy(got + sum, guest_ptr(card.g, at[i]), len);
        sum += len;
    }
    ck_assert_uint_eq(sum, sizeof(got));
    ck_assert_uint_eq(((struct virtio_net_hdr_v1 *)(void *)got)->num_buffers, 8);
    ck_assert_mem_eq(got + CARD_HDR, frame, sizeof(frame));
    card_free(&card);
}
END_TEST

/* Without buffers frames wait with the host, in order, and none is lost. */
START_TEST(test_receive_blocked)
{
    enum { COUNT = 30 };
    uint8_t frame[500];
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL & ~CARD_F(MRG_RXBUF), NULL, NULL);
    for (unsigned i = 0; i < 8; i++) {
        card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
        card_peer_put(&card, frame, sizeof(frame));
    }
    card_settle(&card);
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t at = card_add_rx(&card, 1526);

        card.g->t->notify(card.g, CARD_RX);
        if (i + 8 < COUNT) {
            card_frame(frame, sizeof(frame), NULL, (uint8_t)(i + 8));
            card_peer_put(&card, frame, sizeof(frame));
        }
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        card_frame(frame, sizeof(frame), NULL, (uint8_t)i);
        ck_assert_mem_eq((uint8_t *)guest_ptr(card.g, at) + CARD_HDR, frame, sizeof(frame));
    }
    ck_assert_uint_eq(net_info(&card).rx_dropped, 0);
    card_free(&card);
}
END_TEST

/* Buffers that are too small: for the frame (dropped), for a header (the device breaks). */
START_TEST(test_receive_small)
{
    uint8_t frame[500];
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL & ~CARD_F(MRG_RXBUF), NULL, NULL);
    card_frame(frame, sizeof(frame), NULL, 1);
    card_add_rx(&card, 300);
    card.g->t->notify(card.g, CARD_RX);
    card_peer_put(&card, frame, sizeof(frame));
    card_peer_put(&card, frame, 100);
    ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
    ck_assert_uint_eq(len, CARD_HDR + 100);
    ck_assert(!guest_broken(card.g));
    card_add_rx(&card, CARD_HDR - 2);
    card.g->t->notify(card.g, CARD_RX);
    card_peer_put(&card, frame, 100);
    card_settle(&card);
    ck_assert(guest_broken(card.g));
    card_free(&card);
}
END_TEST

/* Frames are held while queues are reset and set up anew, and dropped when there is no driver. */
START_TEST(test_resets)
{
    uint8_t frame[200];
    struct card card;
    uint32_t len;

    card_new(&card, CARD_ALL, NULL, NULL);
    card_frame(frame, sizeof(frame), NULL, 5);
    for (unsigned i = 0; i < 5; i++) {
        card_peer_put(&card, frame, sizeof(frame));
        card_settle(&card);
        card.g->t->set_status(card.g, 0);
        card_settle(&card);
        card.g->heap = 0x10000;
        guest_start(card.g, CARD_ALL, 3);
        card_add_rx(&card, 1526);
        card.g->t->notify(card.g, CARD_RX);
        card_peer_put(&card, frame, sizeof(frame));
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        card.g->t->queue_reset(card.g, CARD_RX);
        card_peer_put(&card, frame, sizeof(frame));
        guest_setup_queue(card.g, CARD_RX, 0);
        card_settle(&card);
    }
    ck_assert(!guest_broken(card.g));
    card_free(&card);
}
END_TEST

START_TEST(test_packed)
{
    uint8_t frame[1000], back[CARD_CABLE];
    struct card card;
    uint32_t len;

    card_new(&card, 0, "packed", "on");
    guest_start(card.g, ~0ull & ~VEMU_VIRTIO_F_IN_ORDER, 3);
    card_frame(frame, sizeof(frame), NULL, 5);
    for (unsigned i = 0; i < 300; i++) {
        card.g->heap = 0x40000;
        card_add_rx(&card, 400);
        card_peer_put(&card, frame, sizeof(frame));
        card_add_rx(&card, 400);
        card_add_rx(&card, 400);
        card.g->t->notify(card.g, CARD_RX);
        for (unsigned j = 0; j < 3; j++)
            ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_RX], &len), 0);
        card_add_tx(&card, frame, sizeof(frame));
        card.g->t->notify(card.g, CARD_TX);
        ck_assert_int_ge(guest_wait(card.g, &card.g->queues[CARD_TX], &len), 0);
        ck_assert_int_eq(card_peer_get(&card, back, 5000), (ssize_t)sizeof(frame));
    }
    ck_assert(!guest_broken(card.g));
    card_free(&card);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_transmit,
        test_transmit_framing,
        test_transmit_bad,
        test_transmit_blocked,
        test_receive,
        test_receive_merged,
        test_receive_blocked,
        test_receive_small,
        test_resets,
        test_packed,
        NULL,
    };

    return run_tests("virtio-net", tests);
}
