/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert: options that exclude each other.
 */
#include <string.h>

#include "convert.h"

bool convert_check(struct convert *c)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        { c->source.image_opts && c->source.format,
          "--image-opts and --format are mutually exclusive" },
        { c->target.image_opts && !c->keep_target, "--target-image-opts requires use of -n flag" },
        { c->target.image_opts && c->target.format,
          "--image-opts and --format are mutually exclusive" },
        { c->target_is_zero && !c->keep_target, "--target-is-zero requires use of -n flag" },
        { c->skip_broken && !c->bitmaps, "Use of --skip-broken-bitmaps requires --bitmaps" },
        { c->offload && c->compressed, "Cannot enable copy offloading when -c is used" },
        { c->offload && c->sparse_given, "Cannot enable copy offloading when -S is used" },
        { c->offload && c->salvage, "Cannot use copy offloading in salvaging mode" },
        { c->count < 1, "Must specify image file name" },
        { c->bitmaps && c->count > 1, "Copying bitmaps only possible with single source" },
        { c->props.count && c->keep_target, "-o has no effect when skipping image creation" },
        { props_get(&c->props, "backing_file") && c->count > 1,
          "Having a backing file for the target makes no sense when concatenating multiple input "
          "images" },
        { c->backing && c->count > 1,
          "Having a backing file for the target makes no sense when concatenating multiple input "
          "images" },
        { c->target_is_zero && (c->backing || props_get(&c->props, "backing_file")),
          "Cannot use --target-is-zero when the destination image has a backing file" },
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].wrong) {
            report("%s", rules[i].text);
            return false;
        }
    return true;
}
