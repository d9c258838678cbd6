/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu-img: makes, shows, checks, converts and changes disk images.
 */
#include <signal.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

int main(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_HELP,
        { "version", no_argument, NULL, 'V' },
        { "trace", required_argument, NULL, 'T' },
        OPTION_END,
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:hVT:", options, NULL)) != -1) {
        switch (c) {
        case 'V': print_version(); return 0;
        case 'T': return complain("-T %s: tracing is not supported", optarg);
        default: return other_option(c, argv);
        }
    }
    if (optind >= argc)
        return complain("Not enough arguments");
    argv += optind;
    argc -= optind;
    const struct command *command = commands;
    while (command->name && strcmp(command->name, argv[0]))
        command++;
    if (!command->name)
        return complain("Command not found: %s", argv[0]);

    progress_signals();
    optind = 0;
    int status = command->run(argc, argv);
    if (fflush(stdout) != 0 && status == 0) {
        report("Cannot write to the standard output");
        status = 1;
    }
    if (progress_signal() && status) { /* the shell should see why it ended */
        signal(progress_signal(), SIG_DFL);
        raise(progress_signal());
    }
    return status;
}
