/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands share: messages, the common options, opening, targets, formats.
 */
#ifndef VEMU_IMG_IMG_H
#define VEMU_IMG_IMG_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <vemu/image.h>

#include "props.h"

/* --- messages (report.c) ---------------------------------------------------------------------- */

/* "vemu-img: <text>" on stderr. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "vemu-img: warning: <text>" */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* report(), and where help is. Returns 1, for the exit status. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "vemu-img: <text><message of *err>"; without *err that of `code`, an errno value of any sign.
 * Frees *err. Returns 1. */
int report_error(struct vemu_error **err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* On stdout, unless quiet. */
void say(bool quiet, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- common options (common.c) ---------------------------------------------------------------- */

/* Long options without a letter. */
enum {
    OPTION_OUTPUT = 256,
    OPTION_OBJECT,
    OPTION_IMAGE_OPTS,
    OPTION_TARGET_IMAGE_OPTS,
    OPTION_BACKING_CHAIN,
    OPTION_PREALLOCATION,
    OPTION_SHRINK,
    OPTION_SIZE,
    OPTION_FLUSH_INTERVAL,
    OPTION_NO_DRAIN,
    OPTION_PATTERN,
    OPTION_SALVAGE,
    OPTION_TARGET_IS_ZERO,
    OPTION_BITMAPS,
    OPTION_SKIP_BROKEN,
    OPTION_FORCE,
    OPTION_ADD,
    OPTION_REMOVE,
    OPTION_CLEAR,
    OPTION_ENABLE,
    OPTION_DISABLE,
    OPTION_MERGE,
    OPTION_START_OFFSET,
    OPTION_MAX_LENGTH,
};

#define OPTION_HELP                                                                                \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define OPTION_COMMON                                                                              \
    OPTION_HELP, { "object", required_argument, NULL, OPTION_OBJECT },                             \
    {                                                                                              \
        "image-opts", no_argument, NULL, OPTION_IMAGE_OPTS                                         \
    }
#define OPTION_FORCE_SHARE                                                                         \
    {                                                                                              \
        "force-share", no_argument, NULL, 'U'                                                      \
    }
#define OPTION_QUIET                                                                               \
    {                                                                                              \
        "quiet", no_argument, NULL, 'q'                                                            \
    }
#define OPTION_FORMAT                                                                              \
    {                                                                                              \
        "format", required_argument, NULL, 'f'                                                     \
    }
#define OPTION_OUTPUT_FMT                                                                          \
    {                                                                                              \
        "output", required_argument, NULL, OPTION_OUTPUT                                           \
    }
#define OPTION_END                                                                                 \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }

/* What was not understood, "--help" and "--object": says so, and returns the exit status. */
int other_option(int c, char **argv);

/* An image that was named on the command line. */
struct named {
    const char *filename, *format; /* format NULL: found by content */
    bool image_opts;
    bool share; /* -U */
};

/* Which fields of struct named an option sets; false: none of them. */
bool named_option(struct named *named, int c);
/* --image-opts and a format exclude each other: says so. */
bool named_check(const struct named *named);
/* The one word behind the options is the file; false: it is not one, or as named_check(). */
bool named_alone(struct named *named, int argc, char **argv);

/* "human" or "json". */
bool parse_output(const char *text, bool *ret_json);
/* A cache mode's VEMU_IMAGE_*. */
bool parse_cache(const char *text, uint32_t *ret_flags);
/* "1.5G" -> bytes. -EINVAL, -ERANGE. */
int parse_bytes(const char *text, uint64_t *ret);
/* The same, between min and max, and says what is wrong with `what`. */
bool parse_amount(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* A plain number without suffix. */
bool parse_number(const char *text, uint64_t max, uint64_t *ret);

/* "10 MiB" */
const char *size_text(uint64_t bytes, char buf[32]);

/* --- opening (open.c) ------------------------------------------------------------------------- */

/* Reports what went wrong and returns NULL. */
struct vemu_image *open_named(const struct named *named, uint32_t flags);
struct vemu_image *open_image(const char *filename, const char *format, uint32_t flags);
/* As a backing file of `of`: relative to where that is. Caller frees. */
char *resolve_name(const char *of, const char *name);
/* Closes and reports; returns the exit status. */
int close_image(struct vemu_image *image);
/* "snapshot.id=1,snapshot.name=x" or an id or name: from now on the image reads as that. */
bool load_snapshot(struct vemu_image *image, const char *param);
/* false: it is not such a param; a message was printed. */
bool check_snapshot_param(const char *param);

/* --- targets (target.c) ----------------------------------------------------------------------- */

/* A file that a command makes, and that should not stay behind half done. */
struct target {
    const char *path;
    bool made; /* it was not there before */
};
void target_note(struct target *target, const char *filename);
/* Whether both names are one file, so that making the target would destroy the source. */
bool target_is(const char *target, const char *source);
/* Whether an image that was just made reads as zeros: a block device has what it had. */
bool target_reads_zero(const char *filename, const char *format, const struct props *props);
/* After a failure: removed if the command made it; else it is said that it is not complete. */
void target_abandon(const struct target *target);

/* --- formats (formats.c) ---------------------------------------------------------------------- */

/* VEMU_IMAGE_FORMAT_* of a format; false: there is no such. */
bool format_flags(const char *format, uint32_t *ret_flags);
bool format_has_option(const char *format, const char *option);
/* Says what keeps `format` from being created with `props`, with `prefix` in front. */
bool format_check_create(const char *format, const struct props *props, const char *prefix);
/* "Formatting 'x', fmt=raw size=1" */
void print_formatting(const char *filename, const char *format, uint64_t size,
                      const struct props *props);
/* "-o help" of creating. */
void print_option_help(const char *format, const char *title);
/* "-o help" of amend; false: the format has nothing to be changed, which was said. */
bool print_amend_help(const char *format);
void print_formats(void);

#endif
