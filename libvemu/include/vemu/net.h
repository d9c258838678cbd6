/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks that network devices use.
 */
#ifndef VEMU_NET_H
#define VEMU_NET_H

#include <stddef.h>
#include <stdint.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** There is a peer and the cable is plugged in. */
#define VEMU_NET_LINK_UP (1u << 0)
/** There is a peer. */
#define VEMU_NET_CONNECTED (1u << 1)

/**
 * struct vemu_net_info - what went over a network since it was added
 * @size: sizeof(struct vemu_net_info), set by the caller (VEMU_NET_INFO_INIT)
 * @flags: VEMU_NET_*
 * @tx_frames, @tx_bytes: Ethernet frames of the guest that were sent
 * @tx_dropped: frames of the guest that were lost: no link, refused by the host
 * @tx_blocked: times the guest had to wait for the host
 * @rx_frames, @rx_bytes, @rx_dropped, @rx_blocked: the same towards the guest
 */
struct vemu_net_info {
    uint32_t size;
    uint32_t flags;
    uint64_t tx_frames, tx_bytes, tx_dropped, tx_blocked;
    uint64_t rx_frames, rx_bytes, rx_dropped, rx_blocked;
};
#define VEMU_NET_INFO_INIT { .size = sizeof(struct vemu_net_info) }

/**
 * vemu_vm_add_net() - makes a network back-end, for the property "netdev" of a device
 * @class_name: "user", "tap" or "socket"; <vemu/registry.h> lists them and their properties
 * @id: the back-end's name
 * Errors: EINVAL (unknown class, property or value), EEXIST (name taken), ENOENT ("user": the
 * program vemu-slirp is not installed), and what opening it gives. Context: any. Since 0.1
 */
int vemu_vm_add_net(struct vemu_vm *vm, const char *class_name, const char *id,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err);

/**
 * vemu_vm_remove_net() - closes a network back-end that no device uses any more
 * Errors: ENOENT (no such back-end), EBUSY (a device uses it). Context: any. Since 0.1
 */
int vemu_vm_remove_net(struct vemu_vm *vm, const char *id, struct vemu_error **err);

/**
 * vemu_vm_set_net_link() - plugs the cable in or out; a guest that uses it is told
 * @up: 0: out. Frames are dropped in both directions
 * Errors: ENOENT (no such back-end). Context: any. Since 0.1
 */
int vemu_vm_set_net_link(struct vemu_vm *vm, const char *id, int up, struct vemu_error **err);

/**
 * vemu_vm_announce_net() - asks the guest to tell its neighbours where it is (gratuitous ARP)
 *
 * Nothing happens without a guest that can.
 * Errors: ENOENT (no such back-end). Context: any. Since 0.1
 */
int vemu_vm_announce_net(struct vemu_vm *vm, const char *id, struct vemu_error **err);

/**
 * vemu_vm_get_net_info() - link state and counters
 * Errors: ENOENT (no such back-end), EINVAL (ret->size). Context: any. Since 0.1
 */
int vemu_vm_get_net_info(struct vemu_vm *vm, const char *id, struct vemu_net_info *ret,
                         struct vemu_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
