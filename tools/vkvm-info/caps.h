/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities: what they are about, and what KVM answers for each.
 */
#ifndef VKVM_INFO_CAPS_H
#define VKVM_INFO_CAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <vkvm/vkvm.h>

/* Numbers are asked up to here; Linux 6.18 ends below 250. */
#define CAP_COUNT 320

enum cap_group {
    GROUP_CORE,
    GROUP_INTERRUPTS,
    GROUP_MEMORY,
    GROUP_DIRTY,
    GROUP_STATE,
    GROUP_TIME,
    GROUP_EXITS,
    GROUP_DEBUG,
    GROUP_STATS,
    GROUP_FEATURES,
    GROUP_HYPERV,
    GROUP_CONFIDENTIAL,
    GROUP_XEN,
    GROUP_OTHER,
    GROUP_COUNT,
};

/* How a value reads. */
enum cap_format { CAP_FLAG, CAP_NUMBER, CAP_BYTES, CAP_BITS };

struct cap_info {
    const char *name; /* without KVM_CAP_ */
    uint8_t group;
    uint8_t format;
    const char *summary;
};

struct caps {
    bool known;
    bool vm_known; /* `vm` was asked on a VM; else it is a copy of `system` */
    int system[CAP_COUNT], vm[CAP_COUNT]; /* 0: not there */
};

/* Asks on /dev/kvm, and on the VM where there is one (NULL: not). -errno of the first refusal. */
int caps_read(struct vkvm *kvm, struct vkvm_vm *vm, struct caps *caps);
/* The value that counts, by name without KVM_CAP_; 0 for names libvkvm does not know. */
int caps_get(const struct caps *caps, const char *name);

const char *caps_group_id(uint32_t group);    /* "dirty-tracking" */
const char *caps_group_title(uint32_t group); /* "Dirty tracking" */
/* The table's rows, ordered by group; *ret_count receives how many. */
const struct cap_info *caps_table(uint32_t *ret_count);
/* The row of a number, or NULL. */
const struct cap_info *caps_info(uint32_t number);
/* "yes", "1024", "1 MiB", "0x7" */
void caps_format_value(uint32_t format, int value, char *ret, uint32_t size);

#endif
