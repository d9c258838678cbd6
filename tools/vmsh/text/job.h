/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about jobs on whole domains, and about their screens and keyboards.
 */
#ifndef VMSH_JOB_TEXT_H
#define VMSH_JOB_TEXT_H

#include "resource.h"

/* "name: value" with `lead` before it, a line each. */
void job_print_stats(const struct vmgr_stat *stats, const char *lead);

/* commands/job.c */
bool cmd_domjobinfo(struct shell *sh, const struct args *args);
extern const struct opt domjobinfo_opts[];
bool cmd_domjobabort(struct shell *sh, const struct args *args);
extern const struct opt domjobabort_opts[];
bool cmd_domcontrol(struct shell *sh, const struct args *args);
extern const struct opt domcontrol_opts[];
/* commands/dump.c */
bool cmd_dump(struct shell *sh, const struct args *args);
extern const struct opt dump_opts[];
/* commands/display.c */
bool cmd_screenshot(struct shell *sh, const struct args *args);
extern const struct opt screenshot_opts[];
bool cmd_send_key(struct shell *sh, const struct args *args);
extern const struct opt send_key_opts[];
bool cmd_send_process_signal(struct shell *sh, const struct args *args);
extern const struct opt send_process_signal_opts[];
/* commands/lifecycle.c */
bool cmd_set_lifecycle_action(struct shell *sh, const struct args *args);
extern const struct opt set_lifecycle_action_opts[];

#endif
