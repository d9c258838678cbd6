/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert: copies one or more images into a new one of any format.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "convert.h"
#include "progress.h"

#define MAX_SPARSE  (16u << 20)
#define MAX_THREADS 16

/* --- command line ----------------------------------------------------------------------------- */

static bool take_sparse(struct convert *c, const char *text)
{
    int r = parse_bytes(text, &c->sparse);

    if (r < 0)
        return parse_amount("buffer size for sparse output", text, 0, INT64_MAX, &c->sparse);
    c->sparse_given = true;
    if (c->sparse % 512 == 0 && c->sparse <= MAX_SPARSE)
        return true;
    report("Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up "
           "to %u. Select 0 to disable sparse detection (fully allocates output).",
           MAX_SPARSE);
    return false;
}

static bool take_threads(struct convert *c, const char *text)
{
    if (parse_number(text, MAX_THREADS, &c->threads) && c->threads)
        return true;
    report("Invalid number of coroutines. Allowed number of coroutines is between 1 and %d",
           MAX_THREADS);
    return false;
}

static bool take_cache(const char *what, const char *text, uint32_t *ret_flags)
{
    bool ok = parse_cache(text, ret_flags);

    if (!ok)
        report("Invalid %s option: %s", what, text);
    return ok;
}

/* -1: go on; else the exit status. */
static int take_option(struct convert *c, int option, char **argv, bool *help)
{
    bool ok = true;

    switch (option) {
    case 'O': c->target.format = optarg; break;
    case 'B': c->backing = optarg; break;
    case 'F': c->backing_format = optarg; break;
    case 'C': c->offload = true; break;
    case 'c': c->compressed = true; break;
    case 'W': c->unordered = true; break;
    case 'n': c->keep_target = true; break;
    case 'p': c->progress = true; break;
    case 'q': c->quiet = true; break;
    case 'S': ok = take_sparse(c, optarg); break;
    case 'm': ok = take_threads(c, optarg); break;
    case 'r': ok = parse_amount("rate limit", optarg, 0, INT64_MAX, &c->rate); break;
    case 't': ok = take_cache("cache", optarg, &c->target_flags); break;
    case 'T': ok = take_cache("source cache", optarg, &c->source_flags); break;
    case 'o':
        *help = *help || props_ask_help(optarg);
        ok = *help || props_parse(&c->props, optarg);
        break;
    case 'l':
        c->snapshot = optarg;
        ok = check_snapshot_param(optarg);
        break;
    case OPTION_TARGET_IMAGE_OPTS: c->target.image_opts = true; break;
    case OPTION_SALVAGE: c->salvage = true; break;
    case OPTION_TARGET_IS_ZERO: c->target_is_zero = true; break;
    case OPTION_BITMAPS: c->bitmaps = true; break;
    case OPTION_SKIP_BROKEN: c->skip_broken = true; break;
    default:
        if (!named_option(&c->source, option))
            return other_option(option, argv);
    }
    return ok ? -1 : 1;
}

/* --- sources ---------------------------------------------------------------------------------- */

static int ignore_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    return 0;
}

static bool open_sources(struct convert *c)
{
    c->sources = need(calloc(c->count, sizeof(*c->sources)));
    c->sizes = need(calloc(c->count, sizeof(*c->sizes)));
    for (unsigned i = 0; i < c->count; i++) {
        struct named named = c->source;
        named.filename = c->filenames[i];
        c->sources[i] = open_named(&named, c->source_flags);
        if (!c->sources[i] || (c->snapshot && !load_snapshot(c->sources[i], c->snapshot)))
            return false;
        c->sizes[i] = vemu_image_get_size(c->sources[i]);
        if (__builtin_add_overflow(c->total, c->sizes[i], &c->total) || c->total > INT64_MAX) {
            report("The sources together are too large");
            return false;
        }
    }
    if (c->bitmaps && vemu_image_list_bitmaps(c->sources[0], ignore_bitmap, NULL) < 0) {
        report("Source lacks bitmap support");
        return false;
    }
    return true;
}

/* --- the target ------------------------------------------------------------------------------- */

static bool check_target(struct convert *c)
{
    const char *format = c->target.format, *preallocation;

    if (!format_check_create(format, &c->props, ""))
        return false;
    if (c->backing)
        props_set(&c->props, "backing_file", c->backing);
    if (c->backing_format)
        props_set(&c->props, "backing_fmt", c->backing_format);
    if (props_get(&c->props, "backing_file") && !format_has_option(format, "backing_file")) {
        report("Backing file not supported for file format '%s'", format);
        return false;
    }
    if (props_get(&c->props, "backing_file") && !props_get(&c->props, "backing_fmt")) {
        report("Use of backing file requires explicit backing format");
        return false;
    }
    if (props_get(&c->props, "backing_fmt") && !props_get(&c->props, "backing_file")) {
        report("%s: error while converting %s: Backing format cannot be used without backing file",
               c->target.filename, format);
        return false;
    }
    if (c->bitmaps && strcmp(format, "qcow2")) {
        report("Format driver '%s' does not support bitmaps", format);
        return false;
    }
    if (!c->compressed)
        return true;
    if (!format_has_option(format, "compression_type")) {
        report("Compression not supported for this file format");
        return false;
    }
    preallocation = props_get(&c->props, "preallocation");
    if (preallocation && strcmp(preallocation, "off")) {
        report("Compression and preallocation not supported at the same time");
        return false;
    }
    return true;
}

/* Locks would tell as well, where the file system has them. */
static bool check_sources(const struct convert *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (target_is(c->target.filename, vemu_image_get_filename(c->sources[i]))) {
            report("%s: error while converting %s: Failed to get \"write\" lock",
                   c->target.filename, c->target.format);
            fprintf(stderr, "Is another process using the image [%s]?\n", c->target.filename);
            return false;
        }
    return true;
}

static bool create_target(struct convert *c, struct progress *progress)
{
    struct vemu_error *err = NULL;
    const char *size_text = props_get(&c->props, "size");
    uint64_t size = c->total;

    if (size_text && !parse_amount("image size", size_text, 0, INT64_MAX, &size))
        return false;
    props_remove(&c->props, "size");
    int r = vemu_image_create(c->target.filename, c->target.format, size, c->props.items,
                              c->props.count, &progress->hooks, &err);
    if (r < 0)
        report_error(&err, r, "%s: error while converting %s: ", c->target.filename,
                     c->target.format);
    return r >= 0;
}

static bool check_opened(const struct convert *c, struct vemu_image *target)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;

    if (vemu_image_get_size(target) < c->total) {
        report("output file is smaller than input file");
        return false;
    }
    if (vemu_image_get_info(target, &info, NULL) < 0)
        return true; /* writing will tell */
    bool can = info.flags & VEMU_IMAGE_INFO_COMPRESSED;
    bool backing = info.backing_filename;
    vemu_image_info_clear(&info);
    if (c->compressed && !can) {
        report("Compression not supported for this file format");
        return false;
    }
    if (c->target_is_zero && backing) {
        report("Cannot use --target-is-zero when the destination image has a backing file");
        return false;
    }
    return true;
}

/* --- copying ---------------------------------------------------------------------------------- */

static void on_read_error(void *data, uint64_t offset, uint64_t bytes, int error)
{
    const struct convert *c = data;

    if (!c->quiet)
        warn("error while reading offset %" PRIu64 ": %s", offset, strerror(error));
}

static void set_options(struct convert *c, struct vemu_image_copy_options *options, bool zeros)
{
    bool backing = c->backing || props_get(&c->props, "backing_file");

    options->threads = (uint32_t)c->threads;
    options->max_bytes_per_s = c->rate;
    options->sparse_bytes = (uint32_t)c->sparse;
    options->read_error = on_read_error;
    options->read_error_data = c;
    options->flags = (zeros ? VEMU_IMAGE_COPY_TARGET_IS_ZERO : 0) |
                     (c->compressed ? VEMU_IMAGE_COPY_COMPRESSED : 0) |
                     (backing ? VEMU_IMAGE_COPY_ALLOCATED : 0) |
                     (c->unordered ? VEMU_IMAGE_COPY_OUT_OF_ORDER : 0) |
                     (c->sparse_given && !c->sparse ? VEMU_IMAGE_COPY_NO_SPARSE : 0) |
                     (c->salvage ? VEMU_IMAGE_COPY_SALVAGE : 0) |
                     (c->offload ? VEMU_IMAGE_COPY_OFFLOAD : 0);
}

static int copy_all(struct convert *c, struct vemu_image *target, bool zeros,
                    struct progress *progress)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    struct vemu_error *err = NULL;
    uint64_t at = 0;

    set_options(c, &options, zeros);
    for (unsigned i = 0; i < c->count; i++) {
        if (!c->sizes[i])
            continue;
        progress_part(progress, at, c->total);
        options.base = vemu_image_get_backing(c->sources[i]);
        options.bytes = c->sizes[i];
        options.target_offset = at;
        int r = vemu_image_copy(c->sources[i], target, &options, &progress->hooks, &err);
        if (r == -ECANCELED) {
            vemu_error_free(err);
            report("Interrupted");
            return 1;
        }
        if (r < 0)
            return report_error(&err, r, "%s", "");
        at += c->sizes[i];
    }
    return 0;
}

/* From the target's creation on. */
static int convert(struct convert *c, struct progress *progress)
{
    struct target made;
    struct vemu_image *target;
    int status = 1;

    target_note(&made, c->target.filename);
    if (!c->keep_target && (!check_sources(c) || !create_target(c, progress)))
        return 1;
    bool backing = c->backing || props_get(&c->props, "backing_file");
    uint32_t zeros = c->sparse_given && !c->sparse ? 0 : VEMU_IMAGE_UNMAP;
    target = open_named(&c->target, VEMU_IMAGE_WRITE | zeros | c->target_flags);
    if (target && check_opened(c, target)) {
        bool zero = c->target_is_zero ||
                    (!c->keep_target && !backing &&
                     target_reads_zero(c->target.filename, c->target.format, &c->props));
        status = copy_all(c, target, zero, progress);
    }
    if (!status && c->bitmaps)
        status = convert_bitmaps(c, c->sources[0], target);
    if (target && close_image(target))
        status = 1;
    if (status && !c->keep_target)
        target_abandon(&made);
    return status;
}

static int run(struct convert *c)
{
    struct progress progress;
    uint32_t flags;
    int status = 1;

    if (!convert_check(c))
        return 1;
    if (!c->target.format && !c->target.image_opts)
        c->target.format = "raw";
    if (c->target.format && !format_flags(c->target.format, &flags)) {
        report("Unknown file format '%s'", c->target.format);
        return 1;
    }
    progress_begin(&progress, c->progress && !c->quiet);
    if (open_sources(c) && (c->keep_target || check_target(c)))
        status = convert(c, &progress);
    if (!status)
        progress_done(&progress);
    progress_end(&progress);
    for (unsigned i = 0; c->sources && i < c->count; i++)
        vemu_image_close(c->sources[i]);
    free(c->sources);
    free(c->sizes);
    return status;
}

int cmd_convert(int argc, char **argv)
{
    static const struct option options[] = {
        OPTION_COMMON,
        { "source-image-opts", no_argument, NULL, OPTION_IMAGE_OPTS },
        OPTION_FORCE_SHARE,
        { "target-image-opts", no_argument, NULL, OPTION_TARGET_IMAGE_OPTS },
        { "salvage", no_argument, NULL, OPTION_SALVAGE },
        { "target-is-zero", no_argument, NULL, OPTION_TARGET_IS_ZERO },
        { "bitmaps", no_argument, NULL, OPTION_BITMAPS },
        { "skip-broken-bitmaps", no_argument, NULL, OPTION_SKIP_BROKEN },
        OPTION_QUIET,
        OPTION_END,
    };
    struct convert c = { .target_flags = VEMU_IMAGE_NO_FLUSH };
    bool help = false;
    int option, status = -1;

    while (status < 0 && (option = getopt_long(
                              argc, argv, ":hf:O:B:CcF:o:l:S:pt:T:qnm:WUr:", options, NULL)) != -1)
        status = take_option(&c, option, argv, &help);
    if (status < 0) {
        c.filenames = (const char **)argv + optind;
        c.count = argc > optind ? (unsigned)(argc - optind - 1) : 0;
        c.target.filename = argc > optind ? argv[argc - 1] : "";
        if (help) {
            print_option_help(c.target.format ? c.target.format : "raw", "Supported options:");
            status = 0;
        } else {
            status = run(&c);
        }
    }
    props_clear(&c.props);
    return status;
}
