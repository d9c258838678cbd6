/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check: looks for leaks and corruption, and repairs.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "json.h"
#include "progress.h"

enum { STATUS_OK, STATUS_FAILED, STATUS_CORRUPT, STATUS_LEAKS, STATUS_UNSUPPORTED = 63 };

static void on_message(void *data, const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static void add_count(struct value *v, const char *name, uint64_t count)
{
    if (count)
        value_add(v, name, value_number(count));
}

static void print_json(const struct vemu_image_check *check, const char *filename,
                       const char *format)
{
    struct value *v = value_object();

    value_add(v, "filename", value_string(filename));
    value_add(v, "format", value_string(format));
    value_add(v, "check-errors", value_number(check->check_errors));
    add_count(v, "image-end-offset", check->image_end_offset);
    add_count(v, "corruptions", check->corruptions);
    add_count(v, "leaks", check->leaks);
    add_count(v, "corruptions-fixed", check->corruptions_fixed);
    add_count(v, "leaks-fixed", check->leaks_fixed);
    add_count(v, "total-clusters", check->total_clusters);
    add_count(v, "allocated-clusters", check->allocated_clusters);
    add_count(v, "fragmented-clusters", check->fragmented_clusters);
    add_count(v, "compressed-clusters", check->compressed_clusters);
    value_print(v);
    value_free(v);
}

static void print_human(const struct vemu_image_check *check)
{
    if (!check->corruptions && !check->leaks && !check->check_errors)
        printf("No errors were found on the image.\n");
    if (check->corruptions)
        printf("\n%" PRIu64 " errors were found on the image.\nData may be corrupted, or further "
               "writes to the image may corrupt it.\n",
               check->corruptions);
    if (check->leaks)
        printf("\n%" PRIu64 " leaked clusters were found on the image.\nThis means waste of disk "
               "space, but no harm to data.\n",
               check->leaks);
    if (check->check_errors)
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n",
               check->check_errors);
    if (check->total_clusters && check->allocated_clusters) {
        double allocated = (double)check->allocated_clusters;
        printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% "
               "compressed clusters\n",
               check->allocated_clusters, check->total_clusters,
               allocated * 100.0 / (double)check->total_clusters,
               (double)check->fragmented_clusters * 100.0 / allocated,
               (double)check->compressed_clusters * 100.0 / allocated);
    }
    if (check->image_end_offset)
        printf("Image end offset: %" PRIu64 "\n", check->image_end_offset);
}

static int run_check(struct vemu_image *image, uint32_t repair, struct vemu_image_check *check,
                     struct progress *progress)
{
    struct vemu_error *err = NULL;

    *check = (struct vemu_image_check)VEMU_IMAGE_CHECK_INIT;
    check->message = on_message;
    int r = vemu_image_check(image, repair, check, &progress->hooks, &err);
    if (r == -ENOTSUP) {
        report("This image format does not support checks");
        vemu_error_free(err);
        return STATUS_UNSUPPORTED;
    }
    return r < 0 ? report_error(&err, r, "Check failed: ") : STATUS_OK;
}

static void print_repaired(const struct vemu_image_check *check)
{
    printf("The following inconsistencies were found and repaired:\n\n"
           "    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
           "Double checking the fixed image now...\n",
           check->leaks_fixed, check->corruptions_fixed);
    fflush(stdout);
}

static int check_image(struct vemu_image *image, const char *filename, uint32_t repair, bool json,
                       bool quiet)
{
    struct vemu_image_check check;
    struct progress progress;

    progress_begin(&progress, false);
    int status = run_check(image, repair, &check, &progress);
    if (status)
        return status;
    if (check.corruptions_fixed || check.leaks_fixed) {
        uint64_t corruptions = check.corruptions_fixed, leaks = check.leaks_fixed;
        if (!json && !quiet)
            print_repaired(&check);
        status = run_check(image, 0, &check, &progress);
        if (status)
            return status;
        check.corruptions_fixed = corruptions;
        check.leaks_fixed = leaks;
    }
    if (json)
        print_json(&check, filename, vemu_image_get_format(image));
    else if (!quiet)
        print_human(&check);
    if (check.check_errors) {
        report("Check failed");
        return STATUS_FAILED;
    }
    return check.corruptions ? STATUS_CORRUPT : check.leaks ? STATUS_LEAKS : STATUS_OK;
}

int cmd_check(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,     OPTION_FORMAT,      { "repair", required_argument, NULL, 'r' },
        OPTION_OUTPUT_FMT, OPTION_FORCE_SHARE, OPTION_QUIET,
        OPTION_END
    };
    struct named named = { 0 };
    bool json = false, quiet = false;
    uint32_t repair = 0, flags = 0;
    int c;

    while ((c = getopt_long(argc, argv, ":hf:r:T:qU", options, NULL)) != -1) {
        switch (c) {
        case 'r':
            if (!strcmp(optarg, "leaks"))
                repair = VEMU_IMAGE_REPAIR_LEAKS;
            else if (!strcmp(optarg, "all"))
                repair = VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS;
            else
                return complain("Unknown option value for -r (expecting 'leaks' or 'all'): %s",
                                optarg);
            break;
        case 'T':
            if (!parse_cache(optarg, &flags)) {
                report("Invalid source cache option: %s", optarg);
                return 1;
            }
            break;
        case 'q': quiet = true; break;
        case OPTION_OUTPUT:
            if (!parse_output(optarg, &json))
                return 1;
            break;
        default:
            if (!named_option(&named, c))
                return other_option(c, argv);
        }
    }
    if (!named_alone(&named, argc, argv))
        return 1;
    flags |= VEMU_IMAGE_CHECK | (repair ? VEMU_IMAGE_WRITE : 0);
    struct vemu_image *image = open_named(&named, flags);
    if (!image)
        return STATUS_FAILED;
    int status = check_image(image, named.filename, repair, json, quiet);
    return close_image(image) ? STATUS_FAILED : status;
}
