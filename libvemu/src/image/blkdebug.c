/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image filter blkdebug: requests that fail when they are told to, for tests.
 *
 * Rules are words: "write errno=28 offset=1M bytes=64K skip=3 count=1; flush errno=EIO". A rule
 * begins with read, write, zero, discard, flush or any. The first rule that matches a request makes
 * it fail before it reaches the layer below, after `skip` matches that it lets pass, and `count`
 * times (0: always).
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "core/error.h"
#include "core/property.h"
#include "image/drivers.h"
#include "image/filter.h"

#define RULES_MAX 64u

enum op { OP_READ, OP_WRITE, OP_ZERO, OP_DISCARD, OP_FLUSH, OP_ANY };

struct rule {
    enum op op;
    int code;
    uint64_t offset, bytes, skip, count;
    bool is_spent;
};

struct debug {
    struct vemu_image image;
    char *text;
    pthread_mutex_t lock;
    bool has_lock;
    struct rule rules[RULES_MAX]; /* skip, count, is_spent: under the lock */
    unsigned rule_count;
};

static struct debug *debug_of(const struct vemu_image *image)
{
    return (struct debug *)image;
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool parse_errno(const char *text, int *ret)
{
    static const struct {
        const char *name;
        int code;
    } names[] = {
        { "EIO", EIO },       { "ENOSPC", ENOSPC },       { "EPERM", EPERM },
        { "EAGAIN", EAGAIN }, { "ETIMEDOUT", ETIMEDOUT }, { "EDQUOT", EDQUOT },
    };
    uint64_t number;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(text, names[i].name) == 0) {
            *ret = names[i].code;
            return true;
        }
    if (!vemu__parse_number(text, 4095, &number) || !number)
        return false;
    *ret = (int)number;
    return true;
}

static bool parse_word(struct rule *rule, char *word)
{
    char *value = strchr(word, '=');

    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(word, "errno") == 0)
        return parse_errno(value, &rule->code);
    if (strcmp(word, "offset") == 0)
        return vemu__parse_size(value, &rule->offset);
    if (strcmp(word, "bytes") == 0)
        return vemu__parse_size(value, &rule->bytes);
    if (strcmp(word, "skip") == 0)
        return vemu__parse_number(value, UINT64_MAX, &rule->skip);
    return strcmp(word, "count") == 0 && vemu__parse_number(value, UINT64_MAX, &rule->count);
}

static int parse_rule(struct debug *debug, const char *text, struct vemu_error **err)
{
    static const char *const ops[] = { "read", "write", "zero", "discard", "flush", "any", NULL };
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
    struct rule rule = { .code = EIO, .bytes = UINT64_MAX };
    bool has_op = false;

    for (char **word = words; *word; word++) {
        unsigned op = 0;

        if (!**word)
            continue;
        while (!has_op && ops[op] && strcmp(ops[op], *word) != 0)
            op++;
        if (!has_op && ops[op]) {
            rule.op = (enum op)op;
            has_op = true;
        } else if (!has_op || !parse_word(&rule, *word)) {
            return vemu__error_set(err, EINVAL, "inject-error: cannot understand '%s' in '%s'",
                                   *word, text);
        }
    }
    if (has_op && debug->rule_count == RULES_MAX)
        return vemu__error_set(err, EINVAL, "inject-error: more than %u rules", RULES_MAX);
    if (has_op)
        debug->rules[debug->rule_count++] = rule;
    return 0;
}

static bool matches(const struct rule *rule, enum op op, uint64_t offset, uint64_t bytes)
{
    uint64_t end =
        rule->bytes > UINT64_MAX - rule->offset ? UINT64_MAX : rule->offset + rule->bytes;

    if (rule->is_spent || (rule->op != OP_ANY && rule->op != op))
        return false;
    return op == OP_FLUSH || (offset < end && rule->offset < offset + bytes);
}

static int inject(struct vemu_image *image, enum op op, uint64_t offset, uint64_t bytes)
{
    struct debug *debug = debug_of(image);
    int r = 0;

    pthread_mutex_lock(&debug->lock);
    for (unsigned i = 0; i < debug->rule_count && r == 0; i++) {
        struct rule *rule = &debug->rules[i];

        if (!matches(rule, op, offset, bytes))
            continue;
        if (rule->skip) {
            rule->skip--;
            continue;
        }
        r = -rule->code;
        if (rule->count && --rule->count == 0)
            rule->is_spent = true;
    }
    pthread_mutex_unlock(&debug->lock);
    return r;
}

/* --- requests --------------------------------------------------------------------------------- */

static int debug_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count)
{
    int r = inject(image, OP_READ, offset, bytes);

    return r < 0 ? r : vemu__filter_readv(image, offset, bytes, iov, count);
}

static int debug_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                        const struct iovec *iov, unsigned count, uint32_t flags)
{
    int r = inject(image, OP_WRITE, offset, bytes);

    return r < 0 ? r : vemu__filter_writev(image, offset, bytes, iov, count, flags);
}

static int debug_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    int r = inject(image, OP_ZERO, offset, bytes);

    return r < 0 ? r : vemu__filter_zero(image, offset, bytes, flags);
}

static int debug_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    int r = inject(image, OP_DISCARD, offset, bytes);

    return r < 0 ? r : vemu__filter_discard(image, offset, bytes);
}

static int debug_flush(struct vemu_image *image)
{
    int r = inject(image, OP_FLUSH, 0, 0);

    return r < 0 ? r : vemu_image_flush(image->file);
}

/* --- life ------------------------------------------------------------------------------------- */

static int debug_open(struct vemu_image *image, struct vemu_error **err)
{
    struct debug *debug = debug_of(image);
    g_auto(GStrv) rules = g_strsplit_set(debug->text ? debug->text : "", ";\n", -1);
    int r = 0;

    pthread_mutex_init(&debug->lock, NULL);
    debug->has_lock = true;
    for (char **rule = rules; *rule && r >= 0; rule++)
        r = parse_rule(debug, *rule, err);
    vemu__filter_open(image);
    return r;
}

static int debug_close(struct vemu_image *image)
{
    if (debug_of(image)->has_lock)
        pthread_mutex_destroy(&debug_of(image)->lock);
    return 0;
}

static const struct vemu_prop debug_props[] = {
    VEMU_PROP(struct debug, text, "inject-error", STRING, NULL,
              "what fails: \"OP errno=N offset=N bytes=N skip=N count=N; ...\""),
    VEMU_PROP_END,
};

const struct vemu_image_driver vemu__image_blkdebug = {
    .name = "blkdebug",
    .summary = "requests that fail when they are told to, for tests",
    .flags = VEMU_IMAGE_FORMAT_FILTER | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct debug),
    .props = debug_props,
    .open = debug_open,
    .close = debug_close,
    .readv = debug_readv,
    .writev = debug_writev,
    .zero = debug_zero,
    .discard = debug_discard,
    .flush = debug_flush,
};
