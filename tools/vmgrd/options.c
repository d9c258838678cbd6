/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmgrd's command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmgrd.h"

enum { O_SESSION = 256, O_VERSION };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'f' },
    { "daemon", no_argument, NULL, 'd' },
    { "emulator", required_argument, NULL, 'e' },
    { "help", no_argument, NULL, 'h' },
    { "listen", required_argument, NULL, 'l' },
    { "pid-file", required_argument, NULL, 'p' },
    { "root", required_argument, NULL, 'r' },
    { "session", no_argument, NULL, O_SESSION },
    { "timeout", required_argument, NULL, 't' },
    { "uri", required_argument, NULL, 'u' },
    { "verbose", no_argument, NULL, 'v' },
    { "version", no_argument, NULL, O_VERSION },
    { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: vmgrd [options]\n\n"
    "Manages virtual machines for clients that speak libvirt's protocol.\n\n"
    "options:\n"
    "  --config, -f FILE     read FILE instead of /etc/vmgr/vmgrd.conf\n"
    "  --daemon, -d          go to the background once clients can connect\n"
    "  --emulator, -e PATH   program that runs guests whose definition names none\n"
    "  --help, -h            this text\n"
    "  --listen, -l PATH     also listen on PATH, and for read-only clients on PATH-ro\n"
    "  --pid-file, -p PATH   keep the process number there\n"
    "  --root, -r DIR        keep configuration, state, logs and sockets under DIR\n"
    "  --session             serve the calling user's own domains, also when that is root\n"
    "  --timeout, -t SECONDS end after so long without a client or guest; 0: never\n"
    "  --uri, -u URI         serve this hypervisor: vemu:///system, vemu:///session or\n"
    "                        test:///default, which is in memory only\n"
    "  --verbose, -v         log more\n"
    "  --version             print the version\n";

static int parse_timeout(const char *text, int *ret)
{
    char *end;
    const long value = strtol(text, &end, 10);

    if (*end || end == text || value < 0 || value > 1000000)
        return -1;
    *ret = (int)value;
    return 0;
}

static void set(char **slot, const char *value)
{
    g_free(*slot);
    *slot = g_strdup(value);
}

static void set_path(char **slot, const char *value)
{
    g_free(*slot);
    *slot = g_canonicalize_filename(value, NULL); /* it may leave this directory */
}

static int bad(int *ret_status, const char *format, const char *what)
{
    fputs("vmgrd: ", stderr);
    fprintf(stderr, "%s: %s\n", format, what);
    *ret_status = 2;
    return -1;
}

static int apply(struct config *c, int option, GPtrArray *listen, int *ret_status)
{
    const uint64_t v = vmgr_version();

    switch (option) {
    case 'f': set_path(&c->file, optarg); return 0;
    case 'd': c->daemon = true; return 0;
    case 'e': set_path(&c->emulator, optarg); return 0;
    case 'l': g_ptr_array_add(listen, g_canonicalize_filename(optarg, NULL)); return 0;
    case 'p': set_path(&c->pid_file, optarg); return 0;
    case 'r': set_path(&c->root, optarg); return 0;
    case 'u': set(&c->uri, optarg); return 0;
    case 'v': c->verbose = true; return 0;
    case O_SESSION: c->session = true; return 0;
    case 't':
        if (parse_timeout(optarg, &c->timeout) == 0)
            return 0;
        return bad(ret_status, "--timeout takes seconds, not", optarg);
    case 'h':
        fputs(usage, stdout);
        *ret_status = 0;
        return -1;
    case O_VERSION:
        printf("vmgrd %u.%u.%u\n", (unsigned)(v / 1000000), (unsigned)(v / 1000 % 1000),
               (unsigned)(v % 1000));
        *ret_status = 0;
        return -1;
    default:
        fputs("vmgrd: see vmgrd --help\n", stderr);
        *ret_status = 2;
        return -1;
    }
}

int options_parse(struct config *c, int argc, char **argv, int *ret_status)
{
    GPtrArray *listen = g_ptr_array_new();
    int option, r = 0;

    c->timeout = -1;
    while (r == 0 &&
           (option = getopt_long(argc, argv, "f:de:hl:p:r:t:u:v", long_options, NULL)) != -1)
        r = apply(c, option, listen, ret_status);
    if (r == 0 && optind < argc)
        r = bad(ret_status, "takes options only, not", argv[optind]);
    g_ptr_array_add(listen, NULL);
    c->listen = (char **)g_ptr_array_free(listen, FALSE);
    return r;
}

void config_clear(struct config *c)
{
    char *const texts[] = { c->file, c->root, c->uri, c->emulator, c->pid_file };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_strfreev(c->listen);
    config_free_keys(c);
    memset(c, 0, sizeof(*c));
}
