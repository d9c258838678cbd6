/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare: whether two images have the same contents.
 */
#include <errno.h>
#include <inttypes.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

enum { STATUS_SAME, STATUS_DIFFERENT, STATUS_OPEN, STATUS_EXTENTS, STATUS_READ };

struct compare {
    struct named names[2];
    bool strict, quiet, progress;
    uint32_t flags;
    struct vemu_image *images[2];
    uint64_t shorter; /* of the sizes */
};

#define WHOLE UINT64_MAX /* no place */

/* The first place that only one image has, or where it is of another kind. */
static int compare_extents(struct compare *c, uint64_t *ret_offset)
{
    struct vemu_image_extent extents[2] = { VEMU_IMAGE_EXTENT_INIT, VEMU_IMAGE_EXTENT_INIT };
    const uint32_t what = VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ZERO |
                          VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_OFFSET;

    *ret_offset = WHOLE;
    for (uint64_t at = 0; at < c->shorter;) {
        for (int i = 0; i < 2; i++) {
            int r = vemu_image_get_extent(c->images[i], NULL, at, c->shorter - at, &extents[i]);
            if (r < 0) {
                report_error(NULL, r,
                             "Sector allocation test failed for %s: ", c->names[i].filename);
                return STATUS_EXTENTS;
            }
        }
        if ((extents[0].flags & what) != (extents[1].flags & what)) {
            *ret_offset = at;
            return 0;
        }
        at += extents[0].bytes < extents[1].bytes ? extents[0].bytes : extents[1].bytes;
    }
    return 0;
}

static int compare(struct compare *c, struct progress *progress)
{
    uint64_t sizes[2] = { vemu_image_get_size(c->images[0]), vemu_image_get_size(c->images[1]) };
    uint64_t extent = WHOLE, content = WHOLE;
    struct vemu_error *err = NULL;

    c->shorter = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
    if (c->strict) {
        if (sizes[0] != sizes[1]) {
            say(c->quiet, "Strict mode: Image size mismatch!\n");
            return STATUS_DIFFERENT;
        }
        int status = compare_extents(c, &extent);
        if (status)
            return status;
    }
    int r = extent == 0
                ? 0
                : vemu_image_compare(c->images[0], c->images[1], &content, &progress->hooks, &err);
    if (r < 0) {
        report_error(&err, r, "%s", "");
        return STATUS_READ;
    }
    if (content != WHOLE)
        content -= content % 512; /* what is told is the sector */
    if (extent != WHOLE && extent <= content) {
        say(c->quiet, "Strict mode: Offset %" PRIu64 " block status mismatch!\n", extent);
        return STATUS_DIFFERENT;
    }
    if (sizes[0] != sizes[1] && content >= c->shorter)
        say(c->quiet, "Warning: Image size mismatch!\n");
    if (content != WHOLE) {
        say(c->quiet, "Content mismatch at offset %" PRIu64 "!\n", content);
        return STATUS_DIFFERENT;
    }
    progress_done(progress);
    say(c->quiet, "Images are identical.\n");
    return STATUS_SAME;
}

static int run(struct compare *c)
{
    struct progress progress;
    int status = STATUS_OPEN;

    progress_begin(&progress, c->progress && !c->quiet);
    for (int i = 0; i < 2; i++)
        c->images[i] = i && !c->images[0] ? NULL : open_named(&c->names[i], c->flags);
    if (c->images[0] && c->images[1])
        status = compare(c, &progress);
    vemu_image_close(c->images[0]);
    vemu_image_close(c->images[1]);
    progress_end(&progress);
    return status;
}

int cmd_compare(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON, OPTION_FORCE_SHARE, OPTION_QUIET,
                                             OPTION_END };
    struct compare c = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, ":hf:F:T:pqsU", options, NULL)) != -1) {
        switch (option) {
        case 'F': c.names[1].format = optarg; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 's': c.strict = true; break;
        case 'T':
            if (!parse_cache(optarg, &c.flags)) {
                report("Invalid source cache option: %s", optarg);
                return STATUS_OPEN;
            }
            break;
        default:
            if (named_option(&c.names[0], option))
                break;
            int status = other_option(option, argv);
            return option == OPTION_OBJECT ? STATUS_OPEN : status;
        }
    }
    if (argc - optind != 2)
        return complain("Expecting two image file names");
    c.names[1].share = c.names[0].share;
    c.names[1].image_opts = c.names[0].image_opts;
    for (int i = 0; i < 2; i++) {
        c.names[i].filename = argv[optind + i];
        if (!named_check(&c.names[i]))
            return STATUS_OPEN;
    }
    return run(&c);
}
