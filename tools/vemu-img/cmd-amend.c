/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * amend: changes options of a format.
 */
#include "commands.h"
#include "img.h"
#include "progress.h"

struct amend {
    struct named named;
    struct props props;
    bool given, quiet, progress;
    uint32_t flags;
};

static int amend(struct amend *c)
{
    struct vemu_error *err = NULL;
    struct progress progress;
    struct vemu_image *image = open_named(&c->named, VEMU_IMAGE_WRITE | c->flags);

    if (!image)
        return 1;
    progress_begin(&progress, c->progress && !c->quiet);
    int r = vemu_image_amend(image, c->props.items, c->props.count, &progress.hooks, &err);
    if (r >= 0)
        progress_done(&progress);
    progress_end(&progress);
    int status = r < 0 ? report_error(&err, r, "%s", "") : 0;
    return close_image(image) || status;
}

/* The format is given, or that of the file. */
static int help_options(const struct amend *c)
{
    if (c->named.format)
        return !print_amend_help(c->named.format);
    if (!c->named.filename) {
        report("Expecting one image file name");
        return 1;
    }
    struct vemu_image *image = open_named(&c->named, VEMU_IMAGE_NO_BACKING);
    bool ok = image && print_amend_help(vemu_image_get_format(image));
    vemu_image_close(image);
    return !ok;
}

int cmd_amend(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON,
                                             OPTION_QUIET,
                                             OPTION_FORMAT,
                                             { "force", no_argument, NULL, OPTION_FORCE },
                                             OPTION_END };
    struct amend c = { 0 };
    bool help = false;
    int option, status = 1;

    while ((option = getopt_long(argc, argv, ":ho:f:t:pq", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            c.given = true;
            help = help || props_ask_help(optarg);
            if (!help && !props_parse(&c.props, optarg))
                goto out;
            break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 't':
            if (!parse_cache(optarg, &c.flags)) {
                report("Invalid cache option: %s", optarg);
                goto out;
            }
            break;
        case OPTION_FORCE: report("--force: encrypted images are not supported"); goto out;
        default:
            if (!named_option(&c.named, option)) {
                status = other_option(option, argv);
                goto out;
            }
        }
    }
    if (!c.given) {
        status = complain("Must specify options (-o)");
    } else if (help) {
        c.named.filename = optind < argc ? argv[optind] : NULL;
        status = help_options(&c);
    } else if (optind != argc - 1) {
        report("Expecting one image file name");
    } else if (c.named.filename = argv[optind], named_check(&c.named)) {
        status = amend(&c);
    }
out:
    props_clear(&c.props);
    return status;
}
