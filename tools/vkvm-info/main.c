/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vkvm-info: what this host's KVM can do.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/record.h>
#include <vkvm/replay.h>

#include "json.h"
#include "text.h"
#include "uses.h"

struct options {
    uint32_t sections;
    bool json;
    const char *device;
    const char *require;
    const char *record, *replay;
};

static void help(void)
{
    printf("Usage: vkvm-info [OPTION]...\n"
           "Tell what this host's KVM can do.\n"
           "\n"
           "What to tell (default: a summary):\n"
           "  --caps             every capability with its value\n"
           "  --cpuid            CPUID: supported, seen by a guest, not maskable\n"
           "  --msrs             feature MSRs and the MSRs of a vCPU's state\n"
           "  --stats            statistics of a machine and a vCPU after a short run\n"
           "  --all              all of it\n"
           "\n"
           "How:\n"
           "  --json             as JSON; all of it unless a part is named\n"
           "  --require LIST     tell nothing; fail if one of a comma-separated list is missing:\n"
           "                     capabilities, uses, cpuid:BIT (--require help lists the uses)\n"
           "  --device PATH      instead of /dev/kvm\n"
           "  --record FILE      also write what KVM answered into FILE\n"
           "  --replay FILE      tell about the host where FILE was recorded\n"
           "  --help             this text\n"
           "  --version          the version\n"
           "\n"
           "Exit status: 0 well, 1 something required is missing, 2 wrong usage, 3 no KVM device,\n"
           "4 no permission, 5 not a KVM device, 6 KVM refused a call.\n");
}

static int usage(void)
{
    fprintf(stderr, "Try 'vkvm-info --help'.\n");
    return STATUS_USAGE;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        { "caps", no_argument, NULL, 'c' },
        { "cpuid", no_argument, NULL, 'p' },
        { "msrs", no_argument, NULL, 'm' },
        { "stats", no_argument, NULL, 's' },
        { "all", no_argument, NULL, 'a' },
        { "json", no_argument, NULL, 'j' },
        { "require", required_argument, NULL, 'r' },
        { "device", required_argument, NULL, 'd' },
        { "record", required_argument, NULL, 'w' },
        { "replay", required_argument, NULL, 'x' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    int option;
    memset(ret, 0, sizeof(*ret));
    while ((option = getopt_long(argc, argv, "hV", longs, NULL)) >= 0) {
        switch (option) {
        case 'c': ret->sections |= SECTION_CAPS; break;
        case 'p': ret->sections |= SECTION_CPUID; break;
        case 'm': ret->sections |= SECTION_MSRS; break;
        case 's': ret->sections |= SECTION_STATS; break;
        case 'a': ret->sections = SECTION_ALL; break;
        case 'j': ret->json = true; break;
        case 'r': ret->require = optarg; break;
        case 'w': ret->record = optarg; break;
        case 'x': ret->replay = optarg; break;
        case 'd': ret->device = optarg; break;
        case 'h': help(); return STATUS_OK;
        case 'V': printf("vkvm-info %s\n", VKVM_INFO_VERSION); return STATUS_OK;
        default: return usage();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "vkvm-info: unexpected argument '%s'\n", argv[optind]);
        return usage();
    }
    if (ret->require && (ret->json || ret->sections)) {
        fprintf(stderr, "vkvm-info: --require tells nothing, so it goes with --device only\n");
        return usage();
    }
    if (ret->replay && (ret->record || ret->device)) {
        fprintf(stderr, "vkvm-info: --replay opens no device: not with --record or --device\n");
        return usage();
    }
    if (!ret->sections)
        ret->sections = ret->json ? SECTION_ALL : SECTION_SUMMARY;
    return -1;
}

static int list_uses(void)
{
    size_t count;
    const struct use_info *uses = uses_table(&count);
    for (size_t i = 0; i < count; i++) {
        printf("  %-18s %s\n", uses[i].id, uses[i].title);
        printf("  %-18s   needs %s\n", "", uses[i].needs);
        if (uses[i].wants[0])
            printf("  %-18s   gains from %s\n", "", uses[i].wants);
    }
    return STATUS_OK;
}

/* Names the missing ones on one line. A name that does not exist is an error of the caller, also
 * where KVM cannot be used. */
static int require(const struct report *report, int status, const char *list)
{
    char term[200];
    int missing = 0;
    while (*list) {
        size_t length = strcspn(list, ", ");
        snprintf(term, sizeof(term), "%.*s", (int)length, list);
        list += length;
        list += strspn(list, ", ");
        if (!term[0])
            continue;
        int r = length < sizeof(term) ? uses_term(report, term) : -ENOENT;
        if (r < 0) {
            fprintf(stderr, "%svkvm-info: --require: there is no '%s'\n", missing ? "\n" : "",
                    term);
            return STATUS_USAGE;
        }
        if (r == 0 && status == STATUS_OK)
            fprintf(stderr, "%s%s", missing ? ", " : "vkvm-info: missing: ", term);
        missing += r == 0;
    }
    if (status != STATUS_OK)
        return status;
    if (missing)
        fputc('\n', stderr);
    return missing ? STATUS_MISSING : STATUS_OK;
}

/* Output that is lost is an error, too. */
static int end(int status)
{
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    fprintf(stderr, "vkvm-info: cannot write: %s\n", strerror(errno));
    return STATUS_KVM_FAILED;
}

/* What a report's descriptors go through; outlives it. */
struct session {
    struct vkvm_record *record;
    struct vkvm_replay *replay;
};

/* A recording holds everything, so that it can be asked for any part later. */
static int collect_recorded(const struct options *o, struct session *session, struct report *report)
{
    int status = STATUS_KVM_FAILED;
    int r = vkvm_record_new(NULL, o->record, &session->record);
    if (r >= 0) {
        status = report_collect(vkvm_record_get_syscalls(session->record), o->device, "",
                                SECTION_ALL | SECTION_NO_PROBE, report);
        r = vkvm_record_finish(session->record);
    }
    if (r >= 0)
        return status;
    fprintf(stderr, "vkvm-info: cannot record to '%s': %s\n", o->record, strerror(-r));
    return STATUS_KVM_FAILED;
}

static int collect_replayed(const struct options *o, struct session *session, struct report *report)
{
    int r = vkvm_replay_open(o->replay, NULL, &session->replay);
    if (r < 0) {
        fprintf(stderr, "vkvm-info: cannot replay '%s': %s\n", o->replay,
                r == -EBADMSG ? "it is not a recording" : strerror(-r));
        return STATUS_USAGE;
    }
    int status = report_collect(vkvm_replay_get_syscalls(session->replay), NULL, NULL,
                                SECTION_ALL | SECTION_NO_PROBE, report);
    struct vkvm_divergence first = { .size = sizeof(first) };
    if (vkvm_replay_get_first_divergence(session->replay, &first) == 0) {
        fprintf(stderr, "vkvm-info: the recording is of another version: %s\n", first.text);
        status = STATUS_KVM_FAILED;
    }
    return status;
}

static int collect(const struct options *o, struct session *session, struct report *report)
{
    int status;
    if (o->replay)
        status = collect_replayed(o, session, report);
    else if (o->record)
        status = collect_recorded(o, session, report);
    else
        return report_collect(NULL, o->device, "", o->require ? SECTION_SUMMARY : o->sections,
                              report);
    report->sections = o->require ? SECTION_SUMMARY : o->sections;
    return status;
}

int main(int argc, char **argv)
{
    struct options o;
    struct session session = { 0 };
    static struct report report; /* large, mostly module parameters */
    int status = parse(argc, argv, &o);
    if (status >= 0)
        return end(status);
    if (o.require && !strcmp(o.require, "help"))
        return end(list_uses());

    status = collect(&o, &session, &report);
    if (report.device.error)
        text_write_failure(&report.device, stderr);
    for (uint32_t i = 0; i < report.problem_count; i++)
        fprintf(stderr, "vkvm-info: %s\n", report.problems[i]);
    if (o.require)
        status = require(&report, status, o.require);
    else if (o.json && report.device.path[0] && json_write(&report, status, stdout) < 0)
        status = STATUS_KVM_FAILED;
    else if (!o.json && report.device.usable)
        text_write(&report, stdout);
    report_free(&report);
    vkvm_record_close(session.record);
    vkvm_replay_close(session.replay);
    return end(status);
}
