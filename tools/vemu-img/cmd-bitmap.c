/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bitmap: makes and changes the dirty bitmaps in an image.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"

struct action {
    int option; /* OPTION_ADD ... */
    const char *source;
};

struct bitmap {
    struct named named, source; /* source.filename NULL: the image itself */
    const char *name;
    struct action *actions;
    size_t count;
    bool add, merge;
    uint64_t granularity;
};

static const char *action_name(int option)
{
    switch (option) {
    case OPTION_ADD: return "add";
    case OPTION_REMOVE: return "remove";
    case OPTION_CLEAR: return "clear";
    case OPTION_ENABLE: return "enable";
    case OPTION_DISABLE: return "disable";
    case OPTION_MERGE: return "merge";
    default: return NULL;
    }
}

static int act(const struct bitmap *c, const struct action *action, struct vemu_image *image,
               struct vemu_image *source, struct vemu_error **err)
{
    switch (action->option) {
    case OPTION_ADD:
        return vemu_image_add_bitmap(image, c->name, c->granularity,
                                     VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, err);
    case OPTION_REMOVE: return vemu_image_remove_bitmap(image, c->name, err);
    case OPTION_CLEAR: return vemu_image_clear_bitmap(image, c->name, err);
    case OPTION_MERGE:
        return vemu_image_merge_bitmap(image, c->name, source ? source : image, action->source,
                                       err);
    default: return vemu_image_enable_bitmap(image, c->name, action->option == OPTION_ENABLE, err);
    }
}

static int run(const struct bitmap *c)
{
    struct vemu_image *image = open_named(&c->named, VEMU_IMAGE_WRITE), *source = NULL;
    struct vemu_error *err = NULL;
    int status = 0;

    if (!image)
        return 1;
    if (c->source.filename) {
        source = open_named(&c->source, VEMU_IMAGE_NO_BACKING);
        status = !source;
    }
    for (size_t i = 0; !status && i < c->count; i++) {
        int r = act(c, &c->actions[i], image, source, &err);
        if (r < 0)
            status = report_error(&err, r, "Operation %s on bitmap %s failed: ",
                                  action_name(c->actions[i].option), c->name);
    }
    vemu_image_close(source);
    return close_image(image) || status;
}

static bool check(const struct bitmap *c)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        { !c->count, "Need at least one of --add, --remove, --clear, --enable, --disable, or "
                     "--merge" },
        { c->granularity && !c->add, "granularity only supported with --add" },
        { c->source.format && !c->source.filename, "-F only supported with -b" },
        { c->source.filename && !c->merge, "Merge bitmap source file only supported with --merge" },
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].wrong) {
            report("%s", rules[i].text);
            return false;
        }
    return named_check(&c->named);
}

int cmd_bitmap(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,
        { "add", no_argument, NULL, OPTION_ADD },
        { "remove", no_argument, NULL, OPTION_REMOVE },
        { "clear", no_argument, NULL, OPTION_CLEAR },
        { "enable", no_argument, NULL, OPTION_ENABLE },
        { "disable", no_argument, NULL, OPTION_DISABLE },
        { "merge", required_argument, NULL, OPTION_MERGE },
        { "granularity", required_argument, NULL, 'g' },
        { "source-file", required_argument, NULL, 'b' },
        { "source-format", required_argument, NULL, 'F' },
        OPTION_FORMAT,
        OPTION_END,
    };
    struct bitmap c = { 0 };
    int option, status = 1;

    while ((option = getopt_long(argc, argv, ":b:f:F:g:h", options, NULL)) != -1) {
        if (action_name(option)) {
            c.actions = need(realloc(c.actions, (c.count + 1) * sizeof(*c.actions)));
            c.actions[c.count++] = (struct action){ option, optarg };
            c.add = c.add || option == OPTION_ADD;
            c.merge = c.merge || option == OPTION_MERGE;
        } else if (option == 'b') {
            c.source.filename = optarg;
        } else if (option == 'F') {
            c.source.format = optarg;
        } else if (option == 'g') {
            if (!parse_amount("granularity", optarg, 1, INT64_MAX, &c.granularity))
                goto out;
        } else if (option == 'U' || !named_option(&c.named, option)) {
            status = other_option(option, argv);
            goto out;
        }
    }
    if (argc - optind != 2) {
        report("Expecting filename and bitmap name");
        goto out;
    }
    c.named.filename = argv[optind];
    c.name = argv[optind + 1];
    if (check(&c))
        status = run(&c);
out:
    free(c.actions);
    return status;
}
