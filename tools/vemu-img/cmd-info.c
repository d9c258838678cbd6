/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * info: what an image, or each of a backing chain, is.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"
#include "json.h"
#include "snapshots.h"

struct info {
    struct vemu_image *image;
    struct vemu_image_info facts;
    struct value *specific; /* of the format; NULL: nothing */
};

/* --- what the format tells -------------------------------------------------------------------- */

static int add_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = { { VEMU_IMAGE_BITMAP_INCONSISTENT, "in-use" },
                  { VEMU_IMAGE_BITMAP_ENABLED, "auto" } };
    struct value **list = data;

    if (!(bitmap->flags & VEMU_IMAGE_BITMAP_PERSISTENT))
        return 0;
    if (!*list)
        *list = value_array();
    struct value *object = value_add(*list, NULL, value_object());
    struct value *flags = value_add(object, "flags", value_array());
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (bitmap->flags & names[i].flag)
            value_add(flags, NULL, value_string(names[i].name));
    value_add(object, "name", value_string(bitmap->name));
    value_add(object, "granularity", value_number(bitmap->granularity));
    return 0;
}

static struct value *fact_value(const struct vemu_image_fact *fact)
{
    struct value *value = NULL;

    switch (fact->kind) {
    case VEMU_IMAGE_FACT_NUMBER: return value_number(fact->number);
    case VEMU_IMAGE_FACT_BOOL: return value_bool(fact->number);
    case VEMU_IMAGE_FACT_JSON: value = value_parse(fact->text); break;
    case VEMU_IMAGE_FACT_TEXT: break;
    }
    return value ? value : value_string(fact->text ? fact->text : "");
}

static void collect_specific(struct info *info)
{
    struct value *bitmaps = NULL;

    vemu_image_list_bitmaps(info->image, add_bitmap, &bitmaps);
    if (!info->facts.fact_count && !bitmaps)
        return;
    info->specific = value_object();
    for (size_t i = 0; i < info->facts.fact_count; i++) {
        const struct vemu_image_fact *fact = &info->facts.facts[i];
        value_add(info->specific, fact->name, fact_value(fact));
    }
    if (bitmaps && !value_get(info->specific, "bitmaps"))
        value_add(info->specific, "bitmaps", bitmaps);
    else
        value_free(bitmaps);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static struct value *info_value(const struct info *info)
{
    const struct vemu_image_info *facts = &info->facts;
    struct value *v = value_object();

    value_add(v, "virtual-size", value_number(facts->virtual_size));
    value_add(v, "filename", value_string(facts->filename));
    value_add(v, "format", value_string(facts->format));
    value_add(v, "actual-size", value_number(facts->actual_size));
    value_add(v, "dirty-flag", value_bool(facts->flags & VEMU_IMAGE_INFO_DIRTY));
    if (facts->cluster_size)
        value_add(v, "cluster-size", value_number(facts->cluster_size));
    if (facts->flags & VEMU_IMAGE_INFO_ENCRYPTED)
        value_add(v, "encrypted", value_bool(true));
    if (facts->backing_filename)
        value_add(v, "backing-filename", value_string(facts->backing_filename));
    if (facts->full_backing_filename)
        value_add(v, "full-backing-filename", value_string(facts->full_backing_filename));
    if (facts->backing_format)
        value_add(v, "backing-filename-format", value_string(facts->backing_format));
    struct value *snapshots = snapshots_value(info->image);
    if (snapshots)
        value_add(v, "snapshots", snapshots);
    if (info->specific) {
        struct value *specific = value_add(v, "format-specific", value_object());
        value_add(specific, "type", value_string(facts->format));
        value_add(specific, "data", info->specific);
    }
    return v;
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_backing(const struct vemu_image_info *facts)
{
    if (!facts->backing_filename)
        return;
    printf("backing file: %s", facts->backing_filename);
    if (!facts->full_backing_filename)
        printf(" (cannot determine actual path)");
    else if (strcmp(facts->backing_filename, facts->full_backing_filename))
        printf(" (actual path: %s)", facts->full_backing_filename);
    putchar('\n');
    if (facts->backing_format)
        printf("backing file format: %s\n", facts->backing_format);
}

static void info_print(const struct info *info)
{
    const struct vemu_image_info *facts = &info->facts;
    char size[32], actual[32];

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\ndisk size: %s\n",
           facts->filename, facts->format, size_text(facts->virtual_size, size),
           facts->virtual_size, size_text(facts->actual_size, actual));
    if (facts->flags & VEMU_IMAGE_INFO_ENCRYPTED)
        printf("encrypted: yes\n");
    if (facts->cluster_size)
        printf("cluster_size: %u\n", facts->cluster_size);
    if (facts->flags & VEMU_IMAGE_INFO_DIRTY)
        printf("cleanly shut down: no\n");
    print_backing(facts);
    snapshots_print(info->image);
    if (info->specific) {
        printf("Format specific information:\n");
        value_print_human(info->specific, 1);
    }
}

/* --- the chain -------------------------------------------------------------------------------- */

struct chain {
    struct info *infos;
    size_t count;
};

static bool chain_add(struct chain *chain, const struct named *named)
{
    struct info info = { .facts = VEMU_IMAGE_INFO_INIT };
    struct vemu_error *err = NULL;

    for (size_t i = 0; i < chain->count; i++)
        if (!strcmp(chain->infos[i].facts.filename, named->filename)) {
            report("Backing file '%s' creates an infinite loop.", named->filename);
            return false;
        }
    info.image = open_named(named, VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_NO_DATA_FILE);
    if (!info.image)
        return false;
    int r = vemu_image_get_info(info.image, &info.facts, &err);
    if (r < 0) {
        report_error(&err, r, "Could not look at '%s': ", named->filename);
        vemu_image_close(info.image);
        return false;
    }
    collect_specific(&info);
    chain->infos = need(realloc(chain->infos, (chain->count + 1) * sizeof(info)));
    chain->infos[chain->count++] = info;
    return true;
}

static bool chain_collect(struct chain *chain, struct named named, bool all)
{
    for (;;) {
        if (!chain_add(chain, &named))
            return false;
        const struct vemu_image_info *facts = &chain->infos[chain->count - 1].facts;
        if (!all || !facts->backing_filename)
            return true;
        if (!facts->full_backing_filename) {
            report("Could not find the backing file '%s'", facts->backing_filename);
            return false;
        }
        named.filename = facts->full_backing_filename;
        named.format = facts->backing_format;
        named.image_opts = false;
    }
}

static void chain_print(struct chain *chain, bool json, bool all)
{
    struct value *list = json && all ? value_array() : NULL;

    for (size_t i = 0; i < chain->count; i++) {
        struct info *info = &chain->infos[i];
        if (!json) {
            if (i)
                putchar('\n');
            info_print(info);
            continue;
        }
        struct value *value = info_value(info);
        info->specific = NULL; /* is in there now */
        if (list) {
            value_add(list, NULL, value);
            continue;
        }
        value_print(value);
        value_free(value);
    }
    if (list)
        value_print(list);
    value_free(list);
}

static void chain_clear(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        value_free(chain->infos[i].specific);
        vemu_image_info_clear(&chain->infos[i].facts);
        vemu_image_close(chain->infos[i].image);
    }
    free(chain->infos);
}

int cmd_info(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,      OPTION_FORMAT,
        OPTION_OUTPUT_FMT,  { "backing-chain", no_argument, NULL, OPTION_BACKING_CHAIN },
        OPTION_FORCE_SHARE, OPTION_END,
    };
    struct named named = { 0 };
    struct chain chain = { 0 };
    bool json = false, all = false;
    int c;

    while ((c = getopt_long(argc, argv, ":hf:U", options, NULL)) != -1) {
        if (c == OPTION_BACKING_CHAIN) {
            all = true;
        } else if (c == OPTION_OUTPUT) {
            if (!parse_output(optarg, &json))
                return 1;
        } else if (!named_option(&named, c)) {
            return other_option(c, argv);
        }
    }
    if (!named_alone(&named, argc, argv))
        return 1;
    bool ok = chain_collect(&chain, named, all);
    if (ok)
        chain_print(&chain, json, all);
    chain_clear(&chain);
    return !ok;
}
