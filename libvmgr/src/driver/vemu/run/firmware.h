/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware of guests: which image, and where it keeps its variables.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_FIRMWARE_H
#define VMGR_SRC_DRIVER_VEMU_RUN_FIRMWARE_H

#include "../device/parts.h"
#include "../vemu.h"

/* ---- descriptor.c: what the host has ---- */
/* An image that a machine can start with. */
struct vemu_firmware {
    char *loader;
    char *template; /* of its variables; NULL: it keeps none */
    int kind;       /* enum vmgr__firmware_kind */
    bool rom;       /* no flash */
    bool stateless, s3, s4;
    bool features[VMGR__FIRMWARE_FEATURES];
};
/* Those for machine and architecture, best first: struct vemu_firmware *, for g_ptr_array_unref().
 * What needs system management mode is left out: there is none. */
GPtrArray *vmgr__vemu_firmware_list(const struct vemu *d, const char *arch, const char *machine);

/* ---- firmware.c ---- */
/* Fails if what the definition says of firmware makes no sense. */
int vmgr__vemu_firmware_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Fails if the guest would not get what the definition says of firmware. */
int vmgr__vemu_firmware_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Puts an image in the place of its kind, and the variables' template into a definition that is
 * about to run. */
int vmgr__vemu_firmware_choose(const struct vemu *d, struct vmgr__domain_def *def,
                               struct vmgr_error **err);
/* Options of the command line, appended to args (char *), and what follows "-machine NAME". */
void vmgr__vemu_firmware_argv(const struct vmgr__domain_def *def, GPtrArray *args);
const char *vmgr__vemu_firmware_options(const struct vmgr__domain_def *def);

/* ---- nvram.c: the file with a guest's variables ---- */
/* Writes down where it will be, in a definition that names an image to go with it. */
void vmgr__vemu_nvram_place(const struct vemu *d, struct vmgr__domain_def *def);
/* Makes it from its template unless it is there; reset: anew. */
int vmgr__vemu_nvram_make(const struct vemu *d, const struct vmgr__domain_def *def, bool reset,
                          struct vmgr_error **err);
/* What a start that was killed has left. */
void vmgr__vemu_nvram_sweep(const struct vemu *d, const struct vmgr__domain_def *def);
/* The domain is to go: fails if there is a file, and flags (VMGR_DOMAIN_UNDEFINE_*) do not say what
 * becomes of it. */
int vmgr__vemu_nvram_check_leave(const struct vemu *d, const struct vmgr__domain_def *def,
                                 uint32_t flags, struct vmgr_error **err);
/* Removes the file. */
int vmgr__vemu_nvram_remove(const struct vemu *d, const struct vmgr__domain_def *def,
                            struct vmgr_error **err);
/* Before the domain gets another name: has the definition say where its file is, if there is one
 * that follows from the name. True: it is to be saved. */
bool vmgr__vemu_nvram_keep_place(const struct vemu *d, struct vmgr__domain_def *def);

#endif
