/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vkvm-trace: prints recorded sessions of KVM calls.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

enum mode { MODE_RECORDS, MODE_EXITS, MODE_INFO };

struct options {
    enum mode mode;
    bool bytes;
    uint32_t handle; /* 0: all */
    const char *file;
};

static void help(void)
{
    printf(
        "Usage: vkvm-trace [OPTION]... FILE\n"
        "Print a session of KVM calls that libvkvm has recorded.\n"
        "\n"
        "  --exits        only why each KVM_RUN came back, one line each, for comparing sessions\n"
        "  --info         only a summary of the file\n"
        "  --bytes        arguments in hexadecimal below each call\n"
        "  --handle N     only calls on descriptor N\n"
        "  --help         this text\n"
        "  --version      the version\n"
        "\n"
        "Exit status: 0 well, 1 the file is cut off or damaged (what can be read was printed),\n"
        "2 wrong usage, 3 the file cannot be read.\n");
}

static int usage(const char *text, const char *value)
{
    if (text)
        fprintf(stderr, "vkvm-trace: %s%s\n", text, value);
    fprintf(stderr, "Try 'vkvm-trace --help'.\n");
    return 2;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        { "exits", no_argument, NULL, 'e' },
        { "info", no_argument, NULL, 'i' },
        { "bytes", no_argument, NULL, 'b' },
        { "handle", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    int option;
    memset(ret, 0, sizeof(*ret));
    while ((option = getopt_long(argc, argv, "hV", longs, NULL)) >= 0) {
        char *end;
        unsigned long number;
        switch (option) {
        case 'e': ret->mode = MODE_EXITS; break;
        case 'i': ret->mode = MODE_INFO; break;
        case 'b': ret->bytes = true; break;
        case 'n':
            number = strtoul(optarg, &end, 10);
            if (*end || end == optarg || number == 0 || number > UINT32_MAX)
                return usage("--handle: not a number from 1: ", optarg);
            ret->handle = (uint32_t)number;
            break;
        case 'h': help(); return 0;
        case 'V': printf("vkvm-trace %s\n", VKVM_TRACE_VERSION); return 0;
        default: return usage(NULL, NULL);
        }
    }
    if (optind + 1 != argc)
        return usage(optind < argc ? "more than one file: " : "no file given",
                     optind < argc ? argv[optind + 1] : "");
    ret->file = argv[optind];
    return -1;
}

static const char *end_text(uint32_t end)
{
    switch (end) {
    case VKVM_TRACE_COMPLETE: return "complete";
    case VKVM_TRACE_CUT: return "cut off";
    case VKVM_TRACE_DAMAGED: return "damaged: a checksum does not fit";
    default: return "damaged: a record makes no sense";
    }
}

static void print_info(const struct vkvm_trace_info *info)
{
    const char *arch = info->arch == 62 ? "x86-64" : info->arch == 183 ? "arm64" : NULL;
    printf("version       %u\n", info->version);
    if (arch)
        printf("architecture  %s\n", arch);
    else
        printf("architecture  %u\n", info->arch);
    printf("calls         %" PRIu64 "\n", info->records);
    printf("vcpus         %" PRIu64 "\n", info->vcpus);
    printf("exits         %" PRIu64 "\n", info->runs);
    printf("bytes         %" PRIu64 "\n", info->bytes);
    printf("readable      %" PRIu64 "\n", info->readable);
    printf("end           %s\n", end_text(info->end));
}

static int print_records(struct vkvm_trace *trace, const struct options *options)
{
    struct vkvm_trace_record record;
    int r;
    while ((r = vkvm_trace_next(trace, &record)) > 0) {
        if (options->handle && record.handle != options->handle)
            continue;
        if (options->mode == MODE_RECORDS)
            print_record(trace, &record, options->bytes);
        else if (record.kind == VKVM_TRACE_RUN)
            print_exit(&record);
    }
    return r;
}

static const char *open_error(int r)
{
    switch (r) {
    case -EBADMSG: return "not a recorded session";
    case -EPROTONOSUPPORT: return "recorded by another version";
    default: return strerror(-r);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct vkvm_trace *trace;
    struct vkvm_trace_info info = { .size = sizeof(info) };
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    int r = vkvm_trace_open(options.file, &trace);
    if (r < 0) {
        fprintf(stderr, "vkvm-trace: %s: %s\n", options.file, open_error(r));
        return 3;
    }
    vkvm_trace_get_info(trace, &info);
    if (options.mode == MODE_INFO)
        print_info(&info);
    else
        r = print_records(trace, &options);
    vkvm_trace_close(trace);
    if (r < 0 || fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "vkvm-trace: %s\n", r < 0 ? strerror(-r) : "cannot write");
        return 3;
    }
    if (info.end != VKVM_TRACE_COMPLETE) {
        fprintf(stderr, "vkvm-trace: %s: %s\n", options.file, end_text(info.end));
        return 1;
    }
    return 0;
}
