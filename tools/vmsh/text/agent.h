/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands that a guest's agent answers, for the tables of other files.
 */
#ifndef VMSH_AGENT_TEXT_H
#define VMSH_AGENT_TEXT_H

#include "../shell.h"

/* JSON on lines of their own, two blanks a level, as clients of QEMU are used to. */
void json_print_indented(const char *json);
/* The value of a member of a JSON object, as it is written there, for free(); NULL: none. */
char *json_member(const char *json, const char *name);

#define AGENT_COMMAND(name)                                                                        \
    bool cmd_##name(struct shell *sh, const struct args *args);                                    \
    extern const struct opt name##_opts[]
AGENT_COMMAND(domfsfreeze);
AGENT_COMMAND(domfsinfo);
AGENT_COMMAND(domfsthaw);
AGENT_COMMAND(domfstrim);
AGENT_COMMAND(domhostname);
AGENT_COMMAND(dompmsuspend);
AGENT_COMMAND(dompmwakeup);
AGENT_COMMAND(domtime);
AGENT_COMMAND(get_user_sshkeys);
AGENT_COMMAND(guest_agent_timeout);
AGENT_COMMAND(guestinfo);
AGENT_COMMAND(guestvcpus);
AGENT_COMMAND(qemu_agent_command);
AGENT_COMMAND(qemu_monitor_command); /* the emulator rather than the guest */
AGENT_COMMAND(set_user_password);
AGENT_COMMAND(set_user_sshkeys);
#undef AGENT_COMMAND

/* What dompmsuspend and nodesuspend call the ways to sleep; NULL behind the last. */
const char *suspend_target_name(size_t n);

#endif
