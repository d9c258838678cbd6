/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rebase: gives an image another backing file.
 *
 * Unless the user answers for it (-u), contents stay: where the image has nothing of its own and
 * old and new backing image differ, what the old one has is written to it first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

#define CHUNK (1u << 20)
#define UNIT  65536u /* compared and written at once at least */

struct rebase {
    struct named named;
    const char *backing, *backing_format; /* backing NULL or "": none */
    bool unsafe, quiet, progress;
    uint32_t flags, source_flags;

    struct vemu_image *image, *fresh; /* the new backing image */
    uint8_t *old_data, *new_data;
};

static bool read_padded(struct vemu_image *image, uint64_t offset, uint8_t *buf, size_t bytes)
{
    uint64_t size = image ? vemu_image_get_size(image) : 0;
    size_t there = offset < size ? (size - offset < bytes ? (size_t)(size - offset) : bytes) : 0;
    int r = there ? vemu_image_read(image, offset, buf, there) : 0;

    memset(buf + there, 0, bytes - there);
    if (r < 0)
        report_error(NULL, r, "error while reading from %s backing file: ",
                     image && vemu_image_get_filename(image) ? vemu_image_get_filename(image)
                                                             : "the");
    return r >= 0;
}

/* What the old backing image has in [offset, offset + bytes), and the new one has not. */
static bool keep_contents(struct rebase *c, uint64_t offset, size_t bytes)
{
    struct vemu_image *old = vemu_image_get_backing(c->image);

    if (!read_padded(old, offset, c->old_data, bytes) ||
        !read_padded(c->fresh, offset, c->new_data, bytes))
        return false;
    for (size_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < UNIT ? bytes - at : UNIT;
        if (!memcmp(c->old_data + at, c->new_data + at, n))
            continue;
        while (at + n < bytes) { /* neighbours go along */
            size_t more = bytes - at - n < UNIT ? bytes - at - n : UNIT;
            if (!memcmp(c->old_data + at + n, c->new_data + at + n, more))
                break;
            n += more;
        }
        int r = vemu_image_write(c->image, offset + at, c->old_data + at, n, 0);
        if (r < 0) {
            report_error(NULL, r, "Error while writing to COW image: ");
            return false;
        }
    }
    return true;
}

/* Whether old and new backing image are known to be zeros, for how far. */
static bool both_zero(struct rebase *c, uint64_t offset, uint64_t *bytes)
{
    struct vemu_image *both[] = { vemu_image_get_backing(c->image), c->fresh };

    for (int i = 0; i < 2; i++) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
        if (!both[i] || offset >= vemu_image_get_size(both[i]))
            continue;
        if (vemu_image_get_extent(both[i], NULL, offset, *bytes, &extent) < 0 ||
            !(extent.flags & VEMU_IMAGE_EXTENT_ZERO))
            return false;
        if (extent.bytes < *bytes)
            *bytes = extent.bytes;
    }
    return true;
}

static bool keep_all(struct rebase *c, struct progress *progress)
{
    struct vemu_image *old = vemu_image_get_backing(c->image);
    uint64_t size = vemu_image_get_size(c->image);

    for (uint64_t at = 0, n; at < size; at += n) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
        int r = vemu_image_get_extent(c->image, old, at, size - at, &extent);
        if (r < 0) {
            report_error(NULL, r, "error while reading image metadata: ");
            return false;
        }
        n = extent.bytes;
        bool own = extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED || (!old && !c->fresh);
        if (!own && !both_zero(c, at, &n)) {
            n = n < CHUNK ? n : CHUNK;
            if (!keep_contents(c, at, (size_t)n))
                return false;
        }
        if (progress_set(progress, at + n, size) < 0) {
            report("Interrupted; the backing file is as it was");
            return false;
        }
    }
    return true;
}

static bool open_fresh(struct rebase *c)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_error *err = NULL;
    uint32_t known;

    if (!c->backing || !*c->backing)
        return true;
    if (c->backing_format && !format_flags(c->backing_format, &known)) {
        report("Invalid format name: '%s'", c->backing_format);
        return false;
    }
    char *path = resolve_name(c->named.filename, c->backing);
    options.format = c->backing_format;
    options.flags = c->source_flags | (c->named.share ? VEMU_IMAGE_FORCE_SHARE : 0);
    int r = vemu_image_open(path, &options, &c->fresh, &err);
    if (r < 0)
        report_error(&err, r, "Could not open new backing file '%s': ", c->backing);
    free(path);
    return r >= 0;
}

static int rebase(struct rebase *c, struct progress *progress)
{
    bool some = c->backing && *c->backing;
    struct vemu_error *err = NULL;

    /* -U is about the backing images: this one is written */
    struct named named = c->named;
    named.share = false;
    c->image =
        open_named(&named, VEMU_IMAGE_WRITE | c->flags | (c->unsafe ? VEMU_IMAGE_NO_BACKING : 0));
    if (!c->image)
        return 1;
    int r = vemu_image_check_backing(c->image, c->backing, c->backing_format, &err);
    if (r < 0)
        return report_error(&err, r, "Could not change the backing file to '%s': ", c->backing);
    if (!c->unsafe && !open_fresh(c))
        return 1;
    if (some && !c->backing_format) {
        report("Could not change the backing file to '%s': backing format must be specified",
               c->backing);
        return 1;
    }
    if (!c->unsafe) {
        c->old_data = need(malloc(CHUNK));
        c->new_data = need(malloc(CHUNK));
        if (!keep_all(c, progress))
            return 1;
    }
    r = vemu_image_set_backing(c->image, some ? c->backing : NULL, some ? c->backing_format : NULL,
                               &err);
    if (r == -ENOSPC && err)
        err = vemu_error_free(err);
    return r < 0
               ? report_error(&err, r,
                              "Could not change the backing file to '%s': ", some ? c->backing : "")
               : 0;
}

static int run(struct rebase *c)
{
    struct progress progress;

    progress_begin(&progress, c->progress && !c->quiet);
    int status = rebase(c, &progress);
    if (c->image && close_image(c->image))
        status = 1;
    vemu_image_close(c->fresh);
    free(c->old_data);
    free(c->new_data);
    if (!status)
        progress_done(&progress);
    progress_end(&progress);
    return status;
}

int cmd_rebase(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON, OPTION_FORCE_SHARE, OPTION_QUIET,
                                             OPTION_FORMAT, OPTION_END };
    struct rebase c = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, ":hf:F:b:upt:T:qU", options, NULL)) != -1) {
        switch (option) {
        case 'F': c.backing_format = optarg; break;
        case 'b': c.backing = optarg; break;
        case 'u': c.unsafe = true; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 't':
            if (!parse_cache(optarg, &c.flags)) {
                report("Invalid cache option: %s", optarg);
                return 1;
            }
            break;
        case 'T':
            if (!parse_cache(optarg, &c.source_flags)) {
                report("Invalid source cache option: %s", optarg);
                return 1;
            }
            break;
        default:
            if (!named_option(&c.named, option))
                return other_option(option, argv);
        }
    }
    if (optind != argc - 1)
        return complain("Expecting one image file name");
    if (!c.unsafe && !c.backing)
        return complain("Must specify backing file (-b) or use unsafe mode (-u)");
    c.named.filename = argv[optind];
    return named_check(&c.named) ? run(&c) : 1;
}
