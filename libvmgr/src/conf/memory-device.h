/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <memory> of <devices>: memory that is plugged into a guest, and how it counts.
 *
 * What a domain has in devices is part of its <memory>: what it boots with is the rest. Sizes are
 * in KiB.
 */
#ifndef VMGR_SRC_CONF_MEMORY_DEVICE_H
#define VMGR_SRC_CONF_MEMORY_DEVICE_H

#include "def.h"

enum vmgr__memory_model {
    VMGR__MEMORY_DIMM,
    VMGR__MEMORY_NVDIMM,
    VMGR__MEMORY_VIRTIO_PMEM,
    VMGR__MEMORY_VIRTIO_MEM,
    VMGR__MEMORY_SGX_EPC,
};
extern const char *const vmgr__memory_model_names[];

struct vmgr__memory_device {
    int model;                /* enum vmgr__memory_model */
    int access;               /* 0 not said, 1 shared, 2 private */
    int discard;              /* tristate */
    int node;                 /* of the guest; -1: not said */
    int slot;                 /* of an address of type dimm; -1: none */
    uint64_t base;            /* guest-physical, of such an address; 0: not chosen */
    uint64_t size, page_size; /* page_size 0: not said */
    /* virtio-mem only */
    uint64_t block, requested, current;
    bool has_current;
    char *path;     /* NULL: none */
    char *nodemask; /* canonical; NULL: none */
};

/* What an element says, of any device by this name; for vmgr__memory_device_clear(). -1 and *err:
 * it says what cannot be. */
int vmgr__memory_device_parse(const xmlNode *node, struct vmgr__memory_device *ret,
                              struct vmgr_error **err);
/* The same of a device that was parsed before. False: it is none of these. */
bool vmgr__memory_device_get(const struct vmgr__device *dev, struct vmgr__memory_device *ret);
void vmgr__memory_device_clear(struct vmgr__memory_device *m);
/* Writes "size", or one of "requested", "current" of a virtio-mem; true: it was another. */
bool vmgr__memory_device_set(struct vmgr__device *dev, const char *name, uint64_t kib);
/* A size as it is plugged in: whole MiB. */
uint64_t vmgr__memory_device_round(uint64_t kib);
/* The place of a module. */
void vmgr__memory_device_set_address(struct vmgr__device *dev, int slot, uint64_t base);

/* The device of a definition that `like` means: by its alias, by its address, by all it says. NULL
 * and VMGR_ERR_DEVICE_MISSING. */
struct vmgr__device *vmgr__memory_device_find(const struct vmgr__domain_def *def,
                                              const struct vmgr__device *like,
                                              struct vmgr_error **err);

/* ---- how they count; other devices do not ---- */

/* A device has come into the definition, of a run (live) or of the next start; it has left it. */
void vmgr__memory_count(struct vmgr__domain_def *def, const struct vmgr__device *dev, bool live);
void vmgr__memory_discount(struct vmgr__domain_def *def, const struct vmgr__device *dev, bool live);
/* Of <memory>, what is in devices. */
uint64_t vmgr__memory_in_devices(const struct vmgr__domain_def *def);
/* What the guest boots with. */
uint64_t vmgr__memory_initial(const struct vmgr__domain_def *def);
/* Of <currentMemory> of a run, what the guest has in devices: of virtio-mem what it took. */
uint64_t vmgr__memory_plugged(const struct vmgr__domain_def *def);

#endif
