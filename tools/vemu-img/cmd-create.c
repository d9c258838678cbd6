/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create: makes an empty image.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

struct create {
    const char *filename, *format;
    struct props props;
    bool unsafe, quiet;
    uint64_t size;
    bool size_known;
};

/* The backing image has to be there and have a format; it gives the size if nobody else does. */
static bool check_backing(struct create *c)
{
    const char *backing = props_get(&c->props, "backing_file");
    const char *format = props_get(&c->props, "backing_fmt");
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;

    if (!backing) {
        if (format)
            report("%s: Backing format cannot be used without backing file", c->filename);
        return !format;
    }
    if (c->unsafe) {
        if (!format)
            report("%s: Backing file specified without backing format", c->filename);
        return format;
    }
    char *path = resolve_name(c->filename, backing);
    options.format = format;
    int r = vemu_image_open(path, &options, &image, &err);
    if (r < 0) {
        report_error(&err, r, "%s: ", c->filename);
        fprintf(stderr, "Could not open backing image.\n");
    } else if (!format) {
        report("%s: Backing file specified without backing format", c->filename);
        fprintf(stderr, "Detected format of %s.\n", vemu_image_get_format(image));
    } else if (!c->size_known) {
        c->size = vemu_image_get_size(image);
        c->size_known = true;
    }
    vemu_image_close(image);
    free(path);
    return r >= 0 && format;
}

static bool set_size(struct create *c, const char *operand)
{
    const char *option = props_get(&c->props, "size");

    if (operand && option) {
        report("%s: The image size must be specified only once", c->filename);
        return false;
    }
    const char *text = operand ? operand : option;
    if (text && !parse_amount("image size", text, 0, INT64_MAX, &c->size))
        return false;
    c->size_known = text;
    props_remove(&c->props, "size");
    return true;
}

static int create(struct create *c, const char *operand)
{
    struct progress progress;
    struct vemu_error *err = NULL;
    char prefix[4200];

    if (!set_size(c, operand))
        return 1;
    snprintf(prefix, sizeof(prefix), "%s: ", c->filename);
    if (!format_check_create(c->format, &c->props, prefix) || !check_backing(c))
        return 1;
    if (!c->size_known) {
        report("%s: Image creation needs a size parameter", c->filename);
        return 1;
    }
    if (!c->quiet) {
        print_formatting(c->filename, c->format, c->size, &c->props);
        fflush(stdout);
    }
    progress_begin(&progress, false);
    int r = vemu_image_create(c->filename, c->format, c->size, c->props.items, c->props.count,
                              &progress.hooks, &err);
    return r < 0 ? report_error(&err, r, "%s: ", c->filename) : 0;
}

int cmd_create(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_HELP,
        { "object", required_argument, NULL, OPTION_OBJECT },
        OPTION_QUIET,
        OPTION_END,
    };
    struct create c = { .format = "raw" };
    const char *backing = NULL, *backing_format = NULL;
    bool help = false;
    int option, status = 0;

    while ((option = getopt_long(argc, argv, ":F:b:f:ho:qu", options, NULL)) != -1) {
        switch (option) {
        case 'F': backing_format = optarg; break;
        case 'b': backing = optarg; break;
        case 'f': c.format = optarg; break;
        case 'q': c.quiet = true; break;
        case 'u': c.unsafe = true; break;
        case 'o':
            help = help || props_ask_help(optarg);
            if (!help && !props_parse(&c.props, optarg))
                status = 1;
            break;
        default: status = other_option(option, argv); goto out;
        }
    }
    if (help) {
        char title[100];
        uint32_t flags;
        snprintf(title, sizeof(title), "Supported %s options:", c.format);
        if (!format_flags(c.format, &flags)) {
            report("Unknown file format '%s'", c.format);
            status = 1;
        } else {
            print_option_help(c.format, title);
        }
        goto out;
    }
    if (status)
        goto out;
    if (backing)
        props_set(&c.props, "backing_file", backing);
    if (backing_format)
        props_set(&c.props, "backing_fmt", backing_format);
    uint64_t size;
    if (optind >= argc) {
        status = complain("Expecting image file name");
    } else if (argc - optind > 1 &&
               !parse_amount("image size", argv[optind + 1], 0, INT64_MAX, &size)) {
        status = 1;
    } else if (argc - optind > 2) {
        status = complain("Unexpected argument: %s", argv[optind + 2]);
    } else {
        c.filename = argv[optind];
        status = create(&c, argc - optind == 2 ? argv[optind + 1] : NULL);
    }
out:
    props_clear(&c.props);
    return status;
}
