/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about what of the host domains may use.
 */
#ifndef VMSH_RESOURCE_TEXT_H
#define VMSH_RESOURCE_TEXT_H

#include <vmgr/resources.h>

#include "device.h"

/* The option that most of these commands have. */

/* commands/resources.c */
bool cmd_schedinfo(struct shell *sh, const struct args *args);
extern const struct opt schedinfo_opts[];
bool cmd_memtune(struct shell *sh, const struct args *args);
extern const struct opt memtune_opts[];
bool cmd_blkiotune(struct shell *sh, const struct args *args);
extern const struct opt blkiotune_opts[];
bool cmd_numatune(struct shell *sh, const struct args *args);
extern const struct opt numatune_opts[];
bool cmd_blkdeviotune(struct shell *sh, const struct args *args);
extern const struct opt blkdeviotune_opts[];
bool cmd_iothreadset(struct shell *sh, const struct args *args);
extern const struct opt iothreadset_opts[];
/* commands/pins.c */
bool cmd_vcpuinfo(struct shell *sh, const struct args *args);
extern const struct opt vcpuinfo_opts[];
bool cmd_vcpupin(struct shell *sh, const struct args *args);
extern const struct opt vcpupin_opts[];
bool cmd_emulatorpin(struct shell *sh, const struct args *args);
extern const struct opt emulatorpin_opts[];
bool cmd_iothreadinfo(struct shell *sh, const struct args *args);
extern const struct opt iothreadinfo_opts[];
bool cmd_iothreadpin(struct shell *sh, const struct args *args);
extern const struct opt iothreadpin_opts[];
bool cmd_iothreadadd(struct shell *sh, const struct args *args);
extern const struct opt iothreadadd_opts[];
bool cmd_iothreaddel(struct shell *sh, const struct args *args);
extern const struct opt iothreaddel_opts[];
bool cmd_cpu_stats(struct shell *sh, const struct args *args);
extern const struct opt cpu_stats_opts[];

#endif
