/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What domains on this host can have: the parts of <domainCapabilities>.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_HOST_DOMCAPS_H
#define VMGR_SRC_DRIVER_VEMU_HOST_DOMCAPS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../../conf/xml.h"
#include "../vemu.h"

/* The emulator that is meant, with one of its machines. */
struct vmgr__domcaps_target {
    const struct vemu *d;
    char *emulator; /* owned by who filled this in */
    const char *arch, *machine, *virt_type;
    const char *tried_type; /* of definitions that are tried: "vemu", of which no host is asked */
    uint32_t max_vcpus;
};

/* ---- domcaps.c ---- */
/* A start would take a domain with these children of <domain> and <devices>. */
bool vmgr__domcaps_takes(const struct vmgr__domcaps_target *t, const char *parts,
                         const char *devices);
/* <enum name='...'>; values: strings. */
void vmgr__domcaps_values(struct vmgr__xml_writer *w, const char *name, const GPtrArray *values);
/* The whole document. */
void vmgr__domcaps_write(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t);

/* ---- domcaps-device.c ---- */
void vmgr__domcaps_devices(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t);

/* ---- domcaps-cpu.c ---- */
/* The accelerator that its domains have. */
const char *vmgr__domcaps_accel(const struct vmgr__domcaps_target *t);
void vmgr__domcaps_cpu(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t);

#endif
