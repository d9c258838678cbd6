/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commit: puts what an overlay has into an image below it.
 *
 * The image below is in use by the overlay's chain, so it cannot be written while that is open.
 * Each image is therefore opened once for itself (the two ends for writing), which keeps others
 * away from it, and the chain is opened beside them, sharing, to be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

#define MAX_CHAIN 201

struct commit {
    struct named named;
    const char *base_name;
    bool drop, quiet, progress;
    uint64_t rate;
    uint32_t flags;

    struct vemu_image *layers[MAX_CHAIN]; /* each for itself: [0] the overlay, [depth] the base */
    unsigned depth;
    struct vemu_image *chain;
};

/* Opens the layers, down to the base. */
static bool open_layers(struct commit *c)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    struct vemu_error *err = NULL;
    char *name = NULL, *format = NULL;
    bool found = false;

    c->layers[0] = open_named(&c->named, VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING | c->flags);
    while (c->layers[c->depth] && !found) {
        int r = vemu_image_get_info(c->layers[c->depth], &info, &err);
        if (r < 0) {
            report_error(&err, r,
                         "Could not look at '%s': ", vemu_image_get_filename(c->layers[c->depth]));
            break;
        }
        free(name);
        free(format);
        name = format = NULL;
        bool has = info.backing_filename;
        found = has &&
                (!c->base_name || !strcmp(c->base_name, info.backing_filename) ||
                 (info.full_backing_filename && !strcmp(c->base_name, info.full_backing_filename)));
        if (has) {
            name = need(strdup(info.full_backing_filename ? info.full_backing_filename
                                                          : info.backing_filename));
            format = info.backing_format ? need(strdup(info.backing_format)) : NULL;
        }
        vemu_image_info_clear(&info);
        info = (struct vemu_image_info)VEMU_IMAGE_INFO_INIT;
        if (!has || c->depth + 1 == MAX_CHAIN) {
            if (c->base_name)
                report("Did not find '%s' in the backing chain of '%s'", c->base_name,
                       c->named.filename);
            else
                report("Image does not have a backing file");
            break;
        }
        uint32_t flags = found ? VEMU_IMAGE_WRITE : VEMU_IMAGE_NO_BACKING;
        c->layers[++c->depth] = open_image(name, format ? format : "raw", flags | c->flags);
    }
    free(name);
    free(format);
    return found && c->layers[c->depth];
}

static bool grow_base(struct commit *c, struct progress *progress)
{
    struct vemu_image *base = c->layers[c->depth];
    struct vemu_error *err = NULL;
    uint64_t size = vemu_image_get_size(c->layers[0]);

    if (vemu_image_get_size(base) >= size)
        return true;
    int r = vemu_image_resize(base, size, "off", 0, &progress->hooks, &err);
    if (r < 0)
        report_error(&err, r, "Could not resize '%s': ", vemu_image_get_filename(base));
    return r >= 0;
}

static int copy_down(struct commit *c, struct progress *progress)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    struct vemu_image *base = c->chain;
    struct vemu_error *err = NULL;

    for (unsigned i = 0; base && i < c->depth; i++)
        base = vemu_image_get_backing(base);
    if (!base) {
        report("The backing chain of '%s' has changed", c->named.filename);
        return 1;
    }
    options.flags = VEMU_IMAGE_COPY_ALLOCATED;
    options.base = base;
    options.bytes = vemu_image_get_size(c->chain);
    options.max_bytes_per_s = c->rate;
    if (!options.bytes)
        return 0;
    int r = vemu_image_copy(c->chain, c->layers[c->depth], &options, &progress->hooks, &err);
    if (r >= 0)
        r = vemu_image_flush(c->layers[c->depth]);
    if (r == -ECANCELED) {
        report("Interrupted; '%s' is as it was", c->named.filename);
        vemu_error_free(err);
        return 1;
    }
    return r < 0 ? report_error(&err, r, "Could not commit: ") : 0;
}

static int commit(struct commit *c, struct progress *progress)
{
    struct vemu_error *err = NULL;
    struct named named = c->named;

    if (!open_layers(c) || !grow_base(c, progress))
        return 1;
    named.share = true;
    c->chain = open_named(&named, 0);
    if (!c->chain || copy_down(c, progress))
        return 1;
    vemu_image_close(c->chain);
    c->chain = NULL;
    if (c->drop)
        return 0;
    int r = vemu_image_make_empty(c->layers[0], &err);
    return r < 0 ? report_error(&err, r, "Could not empty %s: ", c->named.filename) : 0;
}

static int run(struct commit *c)
{
    struct progress progress;

    progress_begin(&progress, c->progress && !c->quiet);
    int status = commit(c, &progress);
    vemu_image_close(c->chain);
    for (unsigned i = c->depth + 1; i-- > 0;) /* what was written to first */
        if (c->layers[i] && close_image(c->layers[i]))
            status = 1;
    if (!status)
        progress_done(&progress);
    progress_end(&progress);
    if (!status)
        say(c->quiet, "Image committed.\n");
    return status;
}

int cmd_commit(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON, OPTION_QUIET, OPTION_FORMAT,
                                             OPTION_END };
    struct commit c = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, ":f:ht:b:dpqr:", options, NULL)) != -1) {
        switch (option) {
        case 'b':
            c.base_name = optarg;
            c.drop = true; /* what is between would lose what it relies on */
            break;
        case 'd': c.drop = true; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 'r':
            if (!parse_amount("rate limit", optarg, 0, INT64_MAX, &c.rate))
                return 1;
            break;
        case 't':
            if (!parse_cache(optarg, &c.flags)) {
                report("Invalid cache option: %s", optarg);
                return 1;
            }
            break;
        default:
            if (!named_option(&c.named, option))
                return other_option(option, argv);
        }
    }
    return named_alone(&c.named, argc, argv) ? run(&c) : 1;
}
