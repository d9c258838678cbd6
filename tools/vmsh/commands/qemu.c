/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu-monitor-command: the emulator's monitor, as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vmgr/monitor.h>

#include "../text/agent.h"

const struct opt qemu_monitor_command_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "hmp", .type = OPT_BOOL, .help = "command is in human monitor protocol" },
    { .name = "pretty", .type = OPT_BOOL, .help = "pretty-print any qemu monitor protocol output" },
    { .name = "return-value",
      .type = OPT_BOOL,
      .help = "extract the value of the 'return' key from the returned string" },
    { .name = "pass-fds",
      .type = OPT_STRING,
      .named = true,
      .help = "pass file descriptors N,M,... along with the command" },
    { .name = "cmd", .type = OPT_ARGV, .required = true, .help = "command" },
    OPT_END,
};

/* False: there is no such key. */
static bool print_answer(struct shell *sh, const struct args *args, const char *answer)
{
    char *value = NULL;
    if (args_bool(args, "return-value") && !(value = json_member(answer, "return"))) {
        shell_error(sh, "'return' key missing");
        return false;
    }
    /* What was made out of the answer has no end of line, as in virsh. */
    if (args_bool(args, "pretty"))
        json_print_indented(value ? value : answer);
    else
        printf("%s%s", value ? value : answer, value ? "" : "\n");
    free(value);
    return true;
}

bool cmd_qemu_monitor_command(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain;
    char *answer = NULL;
    if (!args_exclusive(sh, args, "hmp", "pretty") ||
        !args_exclusive(sh, args, "hmp", "return-value"))
        return false;
    if (args_string(args, "pass-fds")) {
        shell_error(sh, "option --pass-fds is not supported: the monitor takes no descriptors");
        return false;
    }
    if (!(domain = args_domain(sh, args)))
        return false;
    char *command = args_words(args, "cmd");
    bool ok = vmgr_domain_monitor_command(domain, command,
                                          args_bool(args, "hmp") ? VMGR_DOMAIN_MONITOR_HMP : 0,
                                          &answer, shell_err(sh)) == 0 &&
              print_answer(sh, args, answer);
    free(answer);
    free(command);
    vmgr_domain_unref(domain);
    return ok;
}
