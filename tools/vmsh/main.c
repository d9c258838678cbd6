/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmsh: the management shell. One command, a command string, or interactive.
 */
#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

enum { OPTION_ROOT = 256, OPTION_COMPLETE };

static const struct option long_options[] = {
    { "connect", required_argument, NULL, 'c' },
    { "keepalive-count", required_argument, NULL, 'K' },
    { "keepalive-interval", required_argument, NULL, 'k' },
    { "escape", required_argument, NULL, 'e' },
    { "help", no_argument, NULL, 'h' },
    { "quiet", no_argument, NULL, 'q' },
    { "readonly", no_argument, NULL, 'r' },
    { "root", required_argument, NULL, OPTION_ROOT },
    { "timing", no_argument, NULL, 't' },
    { "version", optional_argument, NULL, 'v' },
    { "complete", required_argument, NULL, OPTION_COMPLETE },
    { NULL, 0, NULL, 0 },
};

static void usage(const char *program)
{
    printf("\n%s [options]... [<command_string>]\n%s [options]... <command> [args...]\n\n"
           "  options:\n"
           "    -c | --connect=URI      hypervisor connection URI\n"
           "    -e | --escape <char>    set escape sequence for console\n"
           "    -h | --help             this help\n"
           "    -k | --keepalive-interval=NUM\n"
           "                            keepalive interval in seconds, 0 for disable\n"
           "    -K | --keepalive-count=NUM\n"
           "                            number of possible missed keepalive messages\n"
           "    -q | --quiet            quiet mode\n"
           "    -r | --readonly         connect readonly\n"
           "         --root=DIR         directory that holds all configuration and state\n"
           "    -t | --timing           print timing information\n"
           "    -v                      short version\n"
           "    -V                      long version\n"
           "         --version[=TYPE]   version, TYPE is short or long (default short)\n"
           "  commands (non interactive mode):\n\n",
           program, program);
    for (const struct cmd_group *g = cmd_groups; g->title; g++) {
        help_group_lines(g, "");
        printf("\n");
    }
    printf("\n  (specify help <group> for details about the commands in the group)\n"
           "\n  (specify help <command> for details about the command)\n\n");
}

static void print_version(bool full)
{
    uint64_t v = vmgr_version();
    if (!full) {
        printf("%llu.%llu.%llu\n", (unsigned long long)(v / 1000000),
               (unsigned long long)(v / 1000 % 1000), (unsigned long long)(v % 1000));
        return;
    }
    printf("vmsh command line tool of libvmgr %llu.%llu.%llu\n\n"
           "Compiled with support for:\n Hypervisors: vemu test remote\n",
           (unsigned long long)(v / 1000000), (unsigned long long)(v / 1000 % 1000),
           (unsigned long long)(v % 1000));
}

/* "^]" or a single character; 0: invalid. */
static char parse_escape(const char *text)
{
    size_t length = strlen(text);
    if (length == 1 && text[0] != '^')
        return text[0];
    if (length == 2 && text[0] == '^' &&
        (isalpha((unsigned char)text[1]) || strchr("@[\\]^_", text[1])))
        return text[1] & 0x1f;
    return 0;
}

static bool parse_count(const char *text, int *ret)
{
    char *end;
    const long value = strtol(text, &end, 10);

    *ret = (int)value;
    return end != text && !*end && value >= 0 && value <= 1000000;
}

/* The first of the variables that is set and not empty. */
static const char *default_uri(void)
{
    static const char *const names[] = { "VMSH_DEFAULT_CONNECT_URI", "VMGR_DEFAULT_URI",
                                         "VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *uri = getenv(names[i]);
        if (uri && *uri)
            return uri;
    }
    return NULL;
}

static int print_completions(struct shell *sh, const char *line)
{
    const char *blank = line + strlen(line);
    while (blank > line && !strchr(" \t;\n", blank[-1]))
        blank--;
    char **items = complete_line(sh, line, (size_t)(blank - line));
    for (size_t i = 0; items[i]; i++) {
        printf("%s\n", items[i]);
        free(items[i]);
    }
    free(items);
    return 0;
}

static int run(struct shell *sh, int argc, char **argv, const char *completion)
{
    if (completion)
        return print_completions(sh, completion);
    if (argc == 0)
        return shell_interactive(sh);
    if (argc == 1)
        return shell_run_string(sh, argv[0]) ? 0 : 1;
    return shell_run_words(sh, argv, (size_t)argc) ? 0 : 1;
}

static void missing_argument(struct shell *sh, int option)
{
    const struct option *o = long_options;
    while (o->name && o->val != option)
        o++;
    if (option < OPTION_ROOT)
        shell_error(sh, "option '-%c'/'--%s' requires an argument", option, o->name);
    else
        shell_error(sh, "option '--%s' requires an argument", o->name);
}

static int vmsh(struct shell *sh, int argc, char **argv)
{
    const char *completion = NULL, *uri = default_uri();
    int c, status;
    setlocale(LC_ALL, "");
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:c:e:hk:K:qrtvV", long_options, NULL)) != -1) {
        switch (c) {
        case 'c': uri = optarg; break;
        case 'e':
            sh->escape = parse_escape(optarg);
            if (!sh->escape) {
                shell_error(sh, "Invalid string '%s' for escape sequence", optarg);
                return 1;
            }
            break;
        case 'h': usage("vmsh"); return 0;
        case 'k':
            if (!parse_count(optarg, &sh->keepalive_interval)) {
                shell_error(sh, "Invalid value for option -%c", c);
                return 1;
            }
            break;
        case 'K':
            if (!parse_count(optarg, &sh->keepalive_count)) {
                shell_error(sh, "Invalid value for option -%c", c);
                return 1;
            }
            break;
        case 'q': sh->quiet = true; break;
        case 'r': sh->readonly = true; break;
        case 't': sh->timing = true; break;
        case 'v':
            if (optarg && strcmp(optarg, "short") && strcmp(optarg, "long")) {
                shell_error(sh, "unknown version type '%s'", optarg);
                return 1;
            }
            print_version(optarg && !strcmp(optarg, "long"));
            return 0;
        case 'V': print_version(true); return 0;
        case OPTION_ROOT: sh->root = optarg; break;
        case OPTION_COMPLETE: completion = optarg; break;
        case ':': missing_argument(sh, optopt); return 1;
        default:
            if (optopt)
                shell_error(sh, "unsupported option '-%c'. See --help.", optopt);
            else
                shell_error(sh, "unsupported option '%s'. See --help.", argv[optind - 1]);
            return 1;
        }
    }
    sh->uri = uri ? must_strdup(uri) : NULL;
    status = run(sh, argc - optind, argv + optind, completion);
    shell_err_clear(sh);
    shell_disconnect(sh);
    free(sh->uri);
    return status;
}

int main(int argc, char **argv)
{
    struct shell sh = {
        .program = argv[0], .escape = 0x1d, .keepalive_interval = -1, .keepalive_count = -1
    };
    const int status = vmsh(&sh, argc, argv);
    return shell_flush(&sh) ? status : 1;
}
