/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network card in a test.
 */
#include "card.h"

#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vemu/net.h>

#include "../core/test-main.h"

void card_new(struct card *card, uint64_t wanted, const char *property, const char *value)
{
    g_autofree char *fd = NULL;
    struct vemu_property props[] = { { "type", "dgram" }, { "fd", NULL } };
    struct vemu_vm *vm = guest_vm();
    int sockets[2], small = 16384;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets), 0);
    setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    card->peer = sockets[1];
    fd = g_strdup_printf("%d", sockets[0]);
    props[1].value = fd;
    OK(vemu_vm_add_net(vm, "socket", "cable", props, 2, &err));
    card->g = guest_attach(vm, "virtio-net", "netdev", "cable", "mac", "52:54:00:00:00:01",
                           property, value, NULL);
    if (wanted)
        guest_start(card->g, wanted, 3);
}

void card_free(struct card *card)
{
    guest_free(card->g);
    close(card->peer);
}

uint64_t card_add_rx(struct card *card, uint32_t size)
{
    struct guest_buffer b = { guest_alloc(card->g, size, 8), size, true };

    memset(guest_ptr(card->g, b.gpa), 0xee, size);
    guest_add(card->g, &card->g->queues[CARD_RX], &b, 1);
    return b.gpa;
}

void card_frame(uint8_t *frame, size_t size, const uint8_t *mac, uint8_t seed)
{
    memset(frame, 0xff, 6);
    if (mac)
        memcpy(frame, mac, 6);
    memcpy(frame + 6, "\x52\x54\x00\x00\x00\x02\x88\xb5", 8);
    for (size_t i = 14; i < size; i++)
        frame[i] = (uint8_t)(seed + i * 7);
}

void card_add_tx(struct card *card, const uint8_t *frame, uint32_t size)
{
    uint64_t at = guest_alloc(card->g, CARD_HDR + size, 8);
    struct guest_buffer b[] = { { at, CARD_HDR, false }, { at + CARD_HDR, size, false } };

    memset(guest_ptr(card->g, at), 0, CARD_HDR);
    vemu_dma_write(card->g->vm, at + CARD_HDR, frame, size);
    guest_add(card->g, &card->g->queues[CARD_TX], b, 2);
}

void card_peer_put(struct card *card, const uint8_t *frame, size_t size)
{
    ck_assert_int_eq(send(card->peer, frame, size, 0), (ssize_t)size);
}

ssize_t card_peer_get(struct card *card, uint8_t *frame, int ms)
{
    struct pollfd poll_fd = { .fd = card->peer, .events = POLLIN };

    if (poll(&poll_fd, 1, ms) <= 0)
        return -1;
    return recv(card->peer, frame, CARD_CABLE, 0);
}

/* Calls of the loop and its descriptors take turns. */
void card_settle(struct card *card)
{
    struct vemu_net_info info = VEMU_NET_INFO_INIT;

    for (int i = 0; i < 20; i++) {
        OK(vemu_vm_get_net_info(card->g->vm, "cable", &info, &err));
        g_usleep(1000);
    }
}

uint8_t card_control(struct card *card, uint8_t class_, uint8_t cmd, const void *data,
                     uint32_t size)
{
    uint64_t heap = card->g->heap, at = guest_alloc(card->g, 2 + size + 1, 8);
    struct guest_buffer b[] = { { at, 2 + size, false }, { at + 2 + size, 1, true } };
    uint8_t head[] = { class_, cmd }, ack;

    vemu_dma_write(card->g->vm, at, head, 2);
    if (size)
        vemu_dma_write(card->g->vm, at + 2, data, size);
    ck_assert_uint_eq(guest_request(card->g, &card->g->queues[CARD_CTRL], b, 2), 1);
    vemu_dma_read(card->g->vm, b[1].gpa, &ack, 1);
    card->g->heap = heap;
    return ack;
}
