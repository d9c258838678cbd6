/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vcpus>: which virtual CPUs are there, one by one.
 *
 * A definition without it has the first vcpus of max_vcpus.
 */
#ifndef VMGR_SRC_CONF_VCPUS_H
#define VMGR_SRC_CONF_VCPUS_H

#include "def.h"

struct vmgr__vcpu {
    bool online;
    bool hotpluggable; /* can go */
    uint32_t order;    /* of appearance, from 1; 0: by number */
};

/* One of those that are there; NULL without <vcpus>. */
struct vmgr__vcpu *vmgr__vcpu(const struct vmgr__domain_def *def, uint32_t id);
bool vmgr__vcpu_online(const struct vmgr__domain_def *def, uint32_t id);
/* Keeps def->vcpus in step. The definition has <vcpus>. */
void vmgr__vcpu_set_online(struct vmgr__domain_def *def, uint32_t id, bool online);
/* Makes <vcpus> if there is none: those that are there stay. */
void vmgr__vcpus_single(struct vmgr__domain_def *def);
/* Follows max_vcpus, with <vcpus> or without: new ones are not there. */
void vmgr__vcpus_resize(struct vmgr__domain_def *def, uint32_t max_vcpus);
/* Numbers of those that are there, in their order (uint32_t); none without <vcpus>. */
GArray *vmgr__vcpus_ordered(const struct vmgr__domain_def *def);
/* Those that are there get 1, 2, ... as they were ordered, the others none. */
void vmgr__vcpus_number(struct vmgr__domain_def *def);
void vmgr__vcpus_forget_order(struct vmgr__domain_def *def);

#endif
