/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network card in a test: the driver's side of its queues, and the other end of its cable.
 */
#ifndef TESTS_VEMU_NET_CARD_H
#define TESTS_VEMU_NET_CARD_H

#include <linux/virtio_net.h>

#include "guest.h"

#define CARD_HDR   sizeof(struct virtio_net_hdr_v1)
#define CARD_ALL   (~0ull & ~VEMU_VIRTIO_F_RING_PACKED & ~VEMU_VIRTIO_F_IN_ORDER)
#define CARD_F(f)  VEMU_VIRTIO_F(VIRTIO_NET_F_##f)
#define CARD_CABLE 2048u /* largest frame of card_peer_*() */

enum { CARD_RX, CARD_TX, CARD_CTRL };

struct card {
    struct guest *g;
    int peer; /* datagram socket: a frame each */
};

/* A card on one end of a datagram socket, with `wanted` of its features; not started with 0. */
void card_new(struct card *card, uint64_t wanted, const char *property, const char *value);
void card_free(struct card *card);

/* A receive buffer of `size` bytes; its address. */
uint64_t card_add_rx(struct card *card, uint32_t size);
/* An Ethernet frame of `size` bytes for `mac` (NULL: broadcast), filled with `seed`. */
void card_frame(uint8_t *frame, size_t size, const uint8_t *mac, uint8_t seed);
/* Makes a frame available with an empty header; not notified. */
void card_add_tx(struct card *card, const uint8_t *frame, uint32_t size);
/* From the other end. False from get: none within `ms`. */
void card_peer_put(struct card *card, const uint8_t *frame, size_t size);
ssize_t card_peer_get(struct card *card, uint8_t *frame, int ms);
/* Waits until the loop has seen what came so far. */
void card_settle(struct card *card);
/* A control command; its answer. */
uint8_t card_control(struct card *card, uint8_t class_, uint8_t cmd, const void *data,
                     uint32_t size);

#endif
