/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapshot: lists, makes, applies and deletes internal snapshots.
 */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "snapshots.h"

static int delete_snapshot(struct vemu_image *image, const char *name)
{
    struct vemu_error *err = NULL;
    int r = vemu_image_delete_snapshot(image, name, &err);

    if (r == -ENOENT) {
        report("Could not delete snapshot '%s': snapshot not found", name);
        vemu_error_free(err);
        return 1;
    }
    return r < 0 ? report_error(&err, r, "Could not delete snapshot '%s': ", name) : 0;
}

static int act(struct vemu_image *image, int action, const char *name)
{
    struct vemu_error *err = NULL;
    int r;

    switch (action) {
    case 'l': snapshots_print(image); return 0;
    case 'c':
        r = vemu_image_create_snapshot(image, name, &err);
        return r < 0 ? report_error(&err, r, "Could not create snapshot '%s': ", name) : 0;
    case 'a':
        r = vemu_image_apply_snapshot(image, name, &err);
        return r < 0 ? report_error(&err, r, "Could not apply snapshot '%s': ", name) : 0;
    case 'd': return delete_snapshot(image, name);
    default: return 0; /* opening it was all */
    }
}

int cmd_snapshot(int argc, char **argv)
{
    static const struct option options[] = { OPTION_COMMON, OPTION_FORCE_SHARE, OPTION_QUIET,
                                             OPTION_FORMAT, OPTION_END };
    struct named named = { 0 };
    const char *name = NULL;
    int c, action = 0;

    while ((c = getopt_long(argc, argv, ":la:c:d:hqUf:", options, NULL)) != -1) {
        if (strchr("lacd", c) && c < 256) {
            if (action)
                return complain("Cannot mix '-l', '-a', '-c', '-d'");
            action = c;
            name = optarg;
        } else if (c != 'q' && !named_option(&named, c)) { /* there is nothing to be quiet about */
            return other_option(c, argv);
        }
    }
    if (!named_alone(&named, argc, argv))
        return 1;
    bool reads = action == 'l' || !action;
    struct vemu_image *image = open_named(&named, reads ? 0 : VEMU_IMAGE_WRITE);
    if (!image)
        return 1;
    int status = act(image, action, name);
    return close_image(image) || status;
}
