/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands of the group "host" that stand in files of their own: commands/node.c, commands/cpu.c.
 */
#ifndef VMSH_NODE_COMMANDS_H
#define VMSH_NODE_COMMANDS_H

#include "../shell.h"

/* --- commands/node.c ------------------------------------------------------------------------ */

extern const struct opt allocpages_opts[], freecell_opts[], freepages_opts[];
extern const struct opt node_memory_tune_opts[], nodecpumap_opts[], nodecpustats_opts[];
extern const struct opt nodememstats_opts[];
bool cmd_allocpages(struct shell *sh, const struct args *args);
bool cmd_freecell(struct shell *sh, const struct args *args);
bool cmd_freepages(struct shell *sh, const struct args *args);
bool cmd_node_memory_tune(struct shell *sh, const struct args *args);
bool cmd_nodecpumap(struct shell *sh, const struct args *args);
bool cmd_nodecpustats(struct shell *sh, const struct args *args);
bool cmd_nodememstats(struct shell *sh, const struct args *args);
bool cmd_sysinfo(struct shell *sh, const struct args *args);

/* --- commands/pm.c -------------------------------------------------------------------------- */

extern const struct opt nodesuspend_opts[];
bool cmd_nodesuspend(struct shell *sh, const struct args *args);

/* --- commands/cpu.c ------------------------------------------------------------------------- */

extern const struct opt cpu_baseline_opts[], cpu_compare_opts[], cpu_models_opts[];
extern const struct opt domcapabilities_opts[];
extern const struct opt hypervisor_cpu_baseline_opts[], hypervisor_cpu_compare_opts[];
bool cmd_cpu_baseline(struct shell *sh, const struct args *args);
bool cmd_cpu_compare(struct shell *sh, const struct args *args);
bool cmd_cpu_models(struct shell *sh, const struct args *args);
bool cmd_domcapabilities(struct shell *sh, const struct args *args);
bool cmd_hypervisor_cpu_baseline(struct shell *sh, const struct args *args);
bool cmd_hypervisor_cpu_compare(struct shell *sh, const struct args *args);

#endif
