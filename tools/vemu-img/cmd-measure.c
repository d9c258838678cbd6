/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure: how much space an image will take.
 */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "json.h"

/* qcow2 of version 3 */
static bool can_have_bitmaps(struct vemu_image *image)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    bool can = false;

    if (strcmp(vemu_image_get_format(image), "qcow2") ||
        vemu_image_get_info(image, &info, NULL) < 0)
        return false;
    for (size_t i = 0; i < info.fact_count; i++)
        if (!strcmp(info.facts[i].name, "compat") && info.facts[i].text)
            can = !strcmp(info.facts[i].text, "1.1");
    vemu_image_info_clear(&info);
    return can;
}

static void print(const struct vemu_image_measure *measure, bool bitmaps, bool json)
{
    if (!json) {
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", measure->required,
               measure->fully_allocated);
        if (bitmaps)
            printf("bitmaps size: %" PRIu64 "\n", measure->bitmaps);
        return;
    }
    struct value *v = value_object();
    value_add(v, "required", value_number(measure->required));
    value_add(v, "fully-allocated", value_number(measure->fully_allocated));
    if (bitmaps)
        value_add(v, "bitmaps", value_number(measure->bitmaps));
    value_print(v);
    value_free(v);
}

static int measure(const char *format, struct vemu_image *source, uint64_t size,
                   const struct props *props, bool json)
{
    struct vemu_image_measure result = { .size = sizeof(result) };
    struct vemu_error *err = NULL;
    int r = vemu_image_measure(format, source, size, props->items, props->count, &result, &err);

    if (r < 0)
        return report_error(&err, r, "%s", "");
    /* where both could have some, that there are none is told too */
    const char *compat = props_get(props, "compat");
    bool old = compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2"));
    bool bitmaps = source && !strcmp(format, "qcow2") && !old && can_have_bitmaps(source);
    print(&result, bitmaps, json);
    return 0;
}

/* A file, or a size (UINT64_MAX: not given), and what goes with it. */
static bool check_words(const struct named *named, const char *snapshot, uint64_t size)
{
    if (!named->filename && (named->image_opts || named->format || snapshot)) {
        report("--image-opts, -f, and -l can only be used with a filename argument.");
        return false;
    }
    if ((size == UINT64_MAX) == !named->filename) {
        report(named->filename ? "--size N cannot be used together with a filename."
                               : "Either --size N or one filename must be specified.");
        return false;
    }
    return named_check(named);
}

static bool check_format(const char *format, const struct props *props)
{
    uint32_t flags;

    if (!format_flags(format, &flags)) {
        report("Unknown file format '%s'", format);
        return false;
    }
    for (size_t i = 0; i < props->count; i++)
        if (!format_has_option(format, props->items[i].name)) {
            report("Invalid parameter '%s'", props->items[i].name);
            report("Invalid options for file format '%s'", format);
            return false;
        }
    return true;
}

int cmd_measure(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,
        { "output", required_argument, NULL, OPTION_OUTPUT },
        { "size", required_argument, NULL, OPTION_SIZE },
        OPTION_FORCE_SHARE,
        OPTION_END,
    };
    struct named named = { 0 };
    struct props props = { 0 };
    const char *format = "raw", *snapshot = NULL;
    uint64_t size = UINT64_MAX;
    bool json = false;
    int c, status = 1;
    struct vemu_image *source = NULL;

    while ((c = getopt_long(argc, argv, ":hf:l:o:O:U", options, NULL)) != -1) {
        bool ok = true;
        switch (c) {
        case 'O': format = optarg; break;
        case 'o': ok = props_parse(&props, optarg); break;
        case 'l':
            snapshot = optarg;
            ok = check_snapshot_param(optarg);
            break;
        case OPTION_OUTPUT: ok = parse_output(optarg, &json); break;
        case OPTION_SIZE: ok = parse_amount("image size", optarg, 0, INT64_MAX, &size); break;
        default:
            if (!named_option(&named, c)) {
                status = other_option(c, argv);
                goto out;
            }
        }
        if (!ok)
            goto out;
    }
    if (argc - optind > 1) {
        report("At most one filename argument is allowed.");
        goto out;
    }
    named.filename = argv[optind];
    if (!check_words(&named, snapshot, size) || !check_format(format, &props))
        goto out;
    if (named.filename) {
        source = open_named(&named, 0);
        if (!source || (snapshot && !load_snapshot(source, snapshot)))
            goto out;
        size = vemu_image_get_size(source);
    }
    status = measure(format, source, size, &props, json);
out:
    vemu_image_close(source);
    props_clear(&props);
    return status;
}
