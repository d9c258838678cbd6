/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dd: copies blocks of an image into a new one.
 */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

struct dd {
    struct named source, target;
    uint64_t block, count, skip;
    bool count_given;
};

static bool parse_operand(struct dd *c, const char *operand)
{
    const char *equals = strchr(operand, '=');
    size_t n = equals ? (size_t)(equals - operand) : 0;

    if (n == 2 && !memcmp(operand, "if", n)) {
        c->source.filename = equals + 1;
        return true;
    }
    if (n == 2 && !memcmp(operand, "of", n)) {
        c->target.filename = equals + 1;
        return true;
    }
    if (n == 2 && !memcmp(operand, "bs", n))
        return parse_amount("bs", equals + 1, 1, INT32_MAX, &c->block);
    if (n == 4 && !memcmp(operand, "skip", n))
        return parse_amount("skip", equals + 1, 0, INT64_MAX, &c->skip);
    if (n == 5 && !memcmp(operand, "count", n)) {
        c->count_given = true;
        return parse_amount("count", equals + 1, 0, INT64_MAX, &c->count);
    }
    report("unrecognized operand %.*s", equals ? (int)n : (int)strlen(operand), operand);
    return false;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static int copy(struct dd *c, struct vemu_image *source, uint64_t offset, uint64_t bytes)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    struct progress progress;
    struct target made;
    struct vemu_error *err = NULL;
    int status = 1;

    if (target_is(c->target.filename, vemu_image_get_filename(source))) {
        report("%s: error while creating output image of type '%s': it is the input",
               c->target.filename, c->target.format);
        return 1;
    }
    target_note(&made, c->target.filename);
    progress_begin(&progress, false);
    int r = vemu_image_create(c->target.filename, c->target.format, bytes, NULL, 0, &progress.hooks,
                              &err);
    if (r < 0)
        return report_error(&err, r, "%s: error while creating output image of type '%s': ",
                            c->target.filename, c->target.format);
    struct vemu_image *target = open_named(&c->target, VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
    if (target_reads_zero(c->target.filename, c->target.format, NULL))
        options.flags = VEMU_IMAGE_COPY_TARGET_IS_ZERO;
    options.offset = offset;
    options.bytes = bytes;
    if (target) {
        r = bytes ? vemu_image_copy(source, target, &options, &progress.hooks, &err) : 0;
        status = r < 0 ? report_error(&err, r, "%s", "") : 0;
        if (close_image(target))
            status = 1;
    }
    if (status)
        target_abandon(&made);
    return status;
}

static int run(struct dd *c)
{
    uint32_t flags;

    if (!format_flags(c->target.format, &flags)) {
        report("Unknown file format");
        return 1;
    }
    if (!(flags & VEMU_IMAGE_FORMAT_CREATE)) {
        report("Format driver '%s' does not support image creation", c->target.format);
        return 1;
    }
    struct vemu_image *source = open_named(&c->source, 0);
    if (!source)
        return 1;
    uint64_t size = vemu_image_get_size(source), offset = multiply(c->skip, c->block);
    if (offset > size) {
        report("%s: cannot skip to specified offset", c->source.filename);
        offset = size;
    }
    uint64_t bytes = size - offset, wanted = multiply(c->count, c->block);
    if (c->count_given && wanted < bytes)
        bytes = wanted;
    int status = copy(c, source, offset, bytes);
    vemu_image_close(source);
    return status;
}

int cmd_dd(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON, OPTION_FORCE_SHARE, OPTION_END };
    struct dd c = { .target.format = "raw", .block = 512 };
    int option;

    while ((option = getopt_long(argc, argv, ":hf:O:U", options, NULL)) != -1) {
        if (option == 'O')
            c.target.format = optarg;
        else if (!named_option(&c.source, option))
            return other_option(option, argv);
    }
    for (int i = optind; i < argc; i++)
        if (!parse_operand(&c, argv[i]))
            return 1;
    if (!c.source.filename || !c.target.filename) {
        report("Must specify both input and output files");
        return 1;
    }
    return named_check(&c.source) ? run(&c) : 1;
}
