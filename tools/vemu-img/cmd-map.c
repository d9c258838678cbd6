/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * map: where the contents of an image are.
 */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "img.h"

struct entry {
    uint64_t start;
    struct vemu_image_extent extent; /* its `bytes` are the entry's */
};

static bool has(const struct entry *entry, uint32_t flag)
{
    return entry->extent.flags & flag;
}

static const char *word(bool on)
{
    return on ? "true" : "false";
}

static bool print_human(const struct entry *entry)
{
    const struct vemu_image_extent *extent = &entry->extent;

    if (!has(entry, VEMU_IMAGE_EXTENT_DATA))
        return true;
    if (!has(entry, VEMU_IMAGE_EXTENT_OFFSET)) {
        report("File contains external, encrypted or compressed clusters.");
        return false;
    }
    if (!has(entry, VEMU_IMAGE_EXTENT_ZERO))
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", entry->start, extent->bytes,
               extent->offset, extent->filename ? extent->filename : "");
    return true;
}

static void print_json(const struct entry *entry, bool last)
{
    const struct vemu_image_extent *extent = &entry->extent;

    printf("{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %u, \"present\": %s, "
           "\"zero\": %s, \"data\": %s",
           entry->start, extent->bytes, extent->depth,
           word(has(entry, VEMU_IMAGE_EXTENT_ALLOCATED)), word(has(entry, VEMU_IMAGE_EXTENT_ZERO)),
           word(has(entry, VEMU_IMAGE_EXTENT_DATA)));
    if (has(entry, VEMU_IMAGE_EXTENT_OFFSET))
        printf(", \"offset\": %" PRIu64, extent->offset);
    printf(last ? "}" : "},\n");
}

static bool print(const struct entry *entry, bool json, bool last)
{
    if (!json)
        return print_human(entry);
    print_json(entry, last);
    return true;
}

/* Whether b goes on where a ends, with all else the same. */
static bool continues(const struct vemu_image_extent *a, const struct vemu_image_extent *b)
{
    if (a->flags != b->flags || a->depth != b->depth)
        return false;
    if (!(a->flags & VEMU_IMAGE_EXTENT_OFFSET))
        return true;
    const char *x = a->filename ? a->filename : "", *y = b->filename ? b->filename : "";
    return a->offset + a->bytes == b->offset && !strcmp(x, y);
}

/* What is at `at`, looking through one layer after the other. What is behind the end of a shorter
 * backing image are zeros of the layer above it. */
static int look(struct vemu_image *image, uint64_t at, uint64_t bytes,
                struct vemu_image_extent *ret)
{
    struct vemu_image *layer = image, *backing;
    uint32_t depth = 0;

    for (;; layer = backing, depth++) {
        backing = vemu_image_get_backing(layer);
        int r = vemu_image_get_extent(layer, backing, at, bytes, ret);
        if (r < 0)
            return r;
        ret->depth = depth;
        if (ret->flags & (VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_ZERO))
            return 0;
        bytes = ret->bytes;
        uint64_t size = backing ? vemu_image_get_size(backing) : 0;
        if (at >= size) {
            ret->flags |= VEMU_IMAGE_EXTENT_ZERO;
            return 0;
        }
        bytes = bytes < size - at ? bytes : size - at;
    }
}

static int map(struct vemu_image *image, uint64_t start, uint64_t end, bool json)
{
    struct entry entry = { 0 };

    if (json)
        putchar('[');
    else
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t at = start; at < end;) {
        struct vemu_image_extent next = VEMU_IMAGE_EXTENT_INIT;
        int r = look(image, at, end - at, &next);
        if (r < 0)
            return report_error(NULL, r, "Failed to read image metadata: ");
        next.flags &= ~VEMU_IMAGE_EXTENT_COMPRESSED;
        if (entry.extent.bytes && continues(&entry.extent, &next)) {
            entry.extent.bytes += next.bytes;
        } else {
            if (entry.extent.bytes && !print(&entry, json, false))
                return 1;
            entry = (struct entry){ at, next };
        }
        at += next.bytes;
    }
    if (!print(&entry, json, true))
        return 1;
    if (json)
        printf("]\n");
    return 0;
}

int cmd_map(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,
        OPTION_FORMAT,
        OPTION_OUTPUT_FMT,
        OPTION_FORCE_SHARE,
        { "start-offset", required_argument, NULL, 's' },
        { "max-length", required_argument, NULL, 'l' },
        OPTION_END,
    };
    struct named named = { 0 };
    bool json = false;
    uint64_t start = 0, length = INT64_MAX;
    int c;

    while ((c = getopt_long(argc, argv, ":f:s:l:hU", options, NULL)) != -1) {
        bool ok = true;
        if (c == OPTION_OUTPUT)
            ok = parse_output(optarg, &json);
        else if (c == 's')
            ok = parse_amount("start offset", optarg, 0, INT64_MAX, &start);
        else if (c == 'l')
            ok = parse_amount("max length", optarg, 0, INT64_MAX, &length);
        else if (!named_option(&named, c))
            return other_option(c, argv);
        if (!ok)
            return 1;
    }
    if (!named_alone(&named, argc, argv))
        return 1;
    struct vemu_image *image = open_named(&named, 0);
    if (!image)
        return 1;
    uint64_t size = vemu_image_get_size(image);
    uint64_t end = length < size && start < size - length ? start + length : size;
    int status = map(image, start, end, json);
    vemu_image_close(image);
    return status;
}
