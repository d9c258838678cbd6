/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resize: changes how large the disk is.
 */
#include <string.h>

#include "commands.h"
#include "img.h"
#include "progress.h"

struct resize {
    const char *preallocation;
    bool shrink, quiet;
    char sign; /* '+', '-', or 0: the size is not relative */
    uint64_t amount;
};

static bool parse_size(struct resize *c, const char *text)
{
    if (text[0] == '+' || text[0] == '-')
        c->sign = *text++;
    if (parse_bytes(text, &c->amount) == 0)
        return true;
    report("Parameter 'size' expects a non-negative number below 2^64");
    fprintf(stderr, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                    "and exabytes, respectively.\n");
    return false;
}

static int resize(struct vemu_image *image, const struct resize *c)
{
    uint64_t current = vemu_image_get_size(image), size = c->amount;
    struct vemu_error *err = NULL;
    struct progress progress;

    if (c->sign == '+' && __builtin_add_overflow(current, c->amount, &size))
        size = UINT64_MAX;
    if (c->sign == '-')
        size = current > c->amount ? current - c->amount : 0;
    if (!size) {
        report("New image size must be positive");
        return 1;
    }
    if (size > INT64_MAX) {
        report("New image size is too large");
        return 1;
    }
    if (size <= current && strcmp(c->preallocation, "off")) {
        report("Preallocation can only be used for growing images");
        return 1;
    }
    if (size < current && !c->shrink) {
        report("Use the --shrink option to perform a shrink operation.");
        warn("Shrinking an image will delete all data beyond the shrunken image's end. Before "
             "performing such an operation, make sure there is no important data there.");
        return 1;
    }
    progress_begin(&progress, false);
    int r = vemu_image_resize(image, size, c->preallocation,
                              c->shrink ? VEMU_IMAGE_RESIZE_SHRINK : 0, &progress.hooks, &err);
    if (r < 0)
        return report_error(&err, r, "%s", "");
    say(c->quiet, "Image resized.\n");
    return 0;
}

static bool known_preallocation(const char *word)
{
    return !strcmp(word, "off") || !strcmp(word, "metadata") || !strcmp(word, "falloc") ||
           !strcmp(word, "full");
}

int cmd_resize(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,
        OPTION_QUIET,
        { "preallocation", required_argument, NULL, OPTION_PREALLOCATION },
        { "shrink", no_argument, NULL, OPTION_SHRINK },
        OPTION_FORMAT,
        OPTION_END,
    };
    struct named named = { 0 };
    struct resize c = { .preallocation = "off" };
    const char *size = NULL;
    int option;

    /* the size may begin with '-', and is none of the options */
    if (argc >= 3) {
        size = argv[--argc];
        argv[argc] = NULL;
    }
    while ((option = getopt_long(argc, argv, ":f:hq", options, NULL)) != -1) {
        switch (option) {
        case 'q': c.quiet = true; break;
        case OPTION_SHRINK: c.shrink = true; break;
        case OPTION_PREALLOCATION:
            if (!known_preallocation(optarg)) {
                report("Invalid preallocation mode '%s'", optarg);
                return 1;
            }
            c.preallocation = optarg;
            break;
        default:
            if (!named_option(&named, option))
                return other_option(option, argv);
        }
    }
    if (!size)
        return complain("Not enough arguments");
    if (optind != argc - 1)
        return complain("Expecting image file name and size");
    named.filename = argv[optind];
    if (!named_check(&named) || !parse_size(&c, size))
        return 1;
    struct vemu_image *image = open_named(&named, VEMU_IMAGE_WRITE);
    if (!image)
        return 1;
    int status = resize(image, &c);
    return close_image(image) || status;
}
