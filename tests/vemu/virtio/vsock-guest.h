/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of virtio-vsock in the test, and the sockets of the host: who sends is told by the
 * names, say and hear are the guest's.
 */
#ifndef VEMU_TEST_VSOCK_GUEST_H
#define VEMU_TEST_VSOCK_GUEST_H

#include <check.h>
#include <endian.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../core/test-main.h"
#include "guest.h"

#define ALL     (VEMU_VIRTIO_F_EVENT_IDX | VEMU_VIRTIO_F_INDIRECT_DESC | VEMU_VIRTIO_F(0))
#define CID     7u
#define HDR     44u
#define RX_SIZE 4096u
#define RX_BUFS 64u
#define BUF     (256u << 10) /* what the device takes of a connection */

extern uint64_t rx_gpa, tx_gpa; /* where buffers are, and the guest's packets */
extern uint32_t heard;          /* bytes of data the guest took; what it says as fwd_cnt */
extern uint16_t type;           /* what the guest speaks */

/* --- the guest -------------------------------------------------------------------------------- */
/* With that many buffers for packets that come. */
struct guest *start_with(unsigned buffers);
struct guest *start(void);
void finish(struct guest *g);
/* Buffer i is free (again). */
void give(struct guest *g, unsigned i);
struct virtio_vsock_hdr packet(uint16_t op, uint32_t host_port, uint32_t guest_port);
void send_packet(struct guest *g, struct virtio_vsock_hdr hdr, const void *data, uint32_t size);
void say(struct guest *g, uint16_t op, uint32_t host_port, uint32_t guest_port);
void say_data(struct guest *g, uint32_t host_port, uint32_t guest_port, const void *data,
              uint32_t size);
void say_shutdown(struct guest *g, uint32_t host_port, uint32_t guest_port, uint32_t flags);
/* The next packet for the guest; its data in `data`. The buffer goes back. */
bool hear(struct guest *g, struct virtio_vsock_hdr *hdr, uint8_t *data, bool wait);
struct virtio_vsock_hdr expect(struct guest *g, uint16_t op, uint32_t host_port,
                               uint32_t guest_port);
void expect_nothing(struct guest *g);

/* --- the host --------------------------------------------------------------------------------- */
struct sockaddr_un address(const char *suffix);
int host_listen(unsigned port);
int host_connect(const char *hello);
void host_expect(int fd, const char *text);
void host_expect_end(int fd);
/* A connection that the host opened to port 1000 of the guest: its end, and its port. */
int open_from_host(struct guest *g, uint32_t *ret_port);
/* One that the guest opened from its port 2000 to port 50. */
int open_from_guest(struct guest *g);

#endif
