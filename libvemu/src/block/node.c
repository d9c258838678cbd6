/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making block nodes: a node is an image and what a machine wants to know about it.
 *
 * Options describe a tree, as for images (image/open.c). Here each layer that is described by
 * itself ("file.driver", "backing.driver") is a node with a name of its own: "node-name", or the
 * outer one's with ".file" or ".backing" behind it. What has only a filename below is not.
 */
#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "block/aio.h"
#include "block/fdset.h"
#include "block/policy.h"
#include "block/throttle-object.h"
#include "core/error.h"
#include "core/property.h"
#include "core/vm.h"
#include "image/throttle.h"
#include "jobs/job.h"

#define DEPTH_MAX 16 /* of nodes in nodes */

const struct vemu_prop vemu__block_props[] = {
    VEMU_PROP(struct vemu_block, file_node, "file", BLOCK, NULL,
              "the node below, or with file.OPTION its options"),
    VEMU_PROP(struct vemu_block, backing_node, "backing", BLOCK, NULL,
              "the node that has what this one does not; without it, what the image names"),
    VEMU_PROP(struct vemu_block, want_read_only, "read-only", BOOL, "off",
              "open it for reading only"),
    VEMU_PROP(struct vemu_block, auto_read_only, "auto-read-only", BOOL, "off",
              "open it for writing when somebody wants to write, and for reading if it cannot be"),
    VEMU_PROP(struct vemu_block, force_share, "force-share", BOOL, "off",
              "open it although others write to it; for reading only"),
    VEMU_PROP(struct vemu_block, direct, "cache.direct", BOOL, "off",
              "bypass the host's page cache (O_DIRECT)"),
    VEMU_PROP(struct vemu_block, no_flush, "cache.no-flush", BOOL, "off",
              "ignore flushes: data is lost when the host fails"),
    VEMU_PROP(struct vemu_block, write_back, "cache.writeback", BOOL, "on",
              "off: each write is on stable storage before it is done"),
    VEMU_PROP(struct vemu_block, discard, "discard", STRING, "ignore",
              "unmap: discards of the guest free space in the image; ignore"),
    VEMU_PROP(struct vemu_block, detect_zeroes_name, "detect-zeroes", STRING, "off",
              "on: writes of zeros are not stored as data; unmap: and free space; off"),
    VEMU_PROP(struct vemu_block, aio_name, "aio", STRING, "auto",
              "io_uring, threads, or auto: io_uring where the host has it"),
    VEMU_PROP(struct vemu_block, rerror, "rerror", STRING, "auto",
              "when a read fails: report, ignore, stop (auto: report)"),
    VEMU_PROP(struct vemu_block, werror, "werror", STRING, "auto",
              "when a write fails: report, ignore, stop, enospc (auto: enospc)"),
    VEMU_PROP(struct vemu_block, throttle_group, "throttle-group", STRING, NULL,
              "of a throttle node: the object whose limits it shares with others"),
    VEMU_PROP_END,
};

const struct vemu_backend_kind vemu__block_kind = {
    .a_noun = "a drive",
    .class_noun = "block driver",
    .classes = (const struct vemu_backend_class *const[]){ NULL },
    .list = offsetof(struct vemu_vm, blocks),
    .id = offsetof(struct vemu_block, id),
};

struct vemu_block *vemu__vm_find_block(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__block_kind, id);
}

struct vemu_block *vemu__block_parent(const struct vemu_block *block)
{
    const GPtrArray *blocks = block->vm->blocks;

    for (guint i = 0; i < blocks->len; i++) {
        struct vemu_block *other = blocks->pdata[i];

        if (other->file_node == block || other->backing_node == block)
            return other;
    }
    return NULL;
}

void vemu__block_free(struct vemu_block *block)
{
    int r;

    if (!block)
        return;
    if (block->image)
        vemu__block_set_threshold(block, 0); /* others may have the image */
    r = vemu_image_close(block->image);
    if (r < 0)
        vemu_vm_log(block->vm, VEMU_LOG_ERROR, "drive '%s': closing the image: %s", block->id,
                    strerror(-r));
    vemu__props_clear(block, vemu__block_props);
    vemu__image_options_clear(&block->options);
    vemu__throttle_group_unref(block->tune);
    g_free(block->tune_name);
    g_free(block->filename);
    g_free(block->driver);
    g_free(block->id);
    g_free(block);
}

/* --- options ---------------------------------------------------------------------------------- */

static int node_word(const char *text, const char *name, const char *const *words, int *ret,
                     struct vemu_error **err)
{
    g_autofree char *all = NULL;

    for (*ret = 0; words[*ret]; ++*ret)
        if (strcmp(text, words[*ret]) == 0)
            return 0;
    all = g_strjoinv(", ", (char **)words);
    return vemu__error_set(err, EINVAL, "%s '%s' is none of %s", name, text, all);
}

static int node_options(struct vemu_block *block, struct vemu_error **err)
{
    static const char *const aio_words[] = { "auto", "io_uring", "threads", NULL };
    static const char *const discard_words[] = { "ignore", "off", "unmap", "on", NULL };
    static const char *const zeroes_words[] = { "off", "on", "unmap", NULL };
    int discard = 0, zeroes = 0, r;

    r = node_word(block->aio_name, "aio", aio_words, &block->aio_kind, err);
    if (r >= 0)
        r = node_word(block->discard, "discard", discard_words, &discard, err);
    if (r >= 0)
        r = node_word(block->detect_zeroes_name, "detect-zeroes", zeroes_words, &zeroes, err);
    if (r >= 0)
        r = vemu__block_parse_policy(block->rerror, "rerror", true, VEMU_BLOCK_REPORT,
                                     &block->policy[0], err);
    if (r >= 0)
        r = vemu__block_parse_policy(block->werror, "werror", false, VEMU_BLOCK_ENOSPC,
                                     &block->policy[1], err);
    if (r < 0)
        return r;
    block->can_discard = discard >= 2;
    block->detect_zeroes = (enum vemu_block_zeroes)zeroes;
    if (block->detect_zeroes == VEMU_BLOCK_ZEROES_UNMAP && !block->can_discard)
        return vemu__error_set(err, EINVAL, "detect-zeroes=unmap needs discard=unmap");
    if (block->aio_kind == VEMU_AIO_URING && !vemu__aio_has_uring())
        return vemu__error_set(err, ENOTSUP, "this host has no io_uring");
    return 0;
}

static uint32_t open_flags(const struct vemu_block *block)
{
    return (block->want_read_only ? 0 : VEMU_IMAGE_WRITE) |
           (block->force_share ? VEMU_IMAGE_FORCE_SHARE : 0) |
           (block->direct ? VEMU_IMAGE_DIRECT : 0) | (block->no_flush ? VEMU_IMAGE_NO_FLUSH : 0) |
           (block->can_discard ? VEMU_IMAGE_UNMAP : 0);
}

/* --- the image -------------------------------------------------------------------------------- */

int vemu__block_check_free(const struct vemu_block *block, struct vemu_error **err)
{
    const char *job = block->claimed ? block->claimed : block->job ? block->job->id : NULL;

    return job ? vemu__error_set(err, EBUSY, "drive '%s' is in use by job '%s'", block->id, job)
               : 0;
}

/* What this node stands on is nobody else's, or read by all. */
static int check_below(const struct vemu_block *block, const struct vemu_block *below,
                       struct vemu_error **err)
{
    const struct vemu_block *parent = vemu__block_parent(below);

    if (below->claimed || below->job)
        return vemu__block_check_free(below, err);
    if (below->user || (parent && (below == block->file_node || !below->read_only)))
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", below->id,
                               below->user ? below->user->name : parent->id);
    return 0;
}

/* The driver by name; "auto" above a node: by what is in that. */
static int find_driver(const struct vemu_block *block, const struct vemu_image_driver **ret,
                       uint32_t *flags, struct vemu_error **err)
{
    struct vemu_image *file = block->file_node->image;
    uint8_t head[IMAGE_PROBE_SIZE];
    size_t bytes = MIN(vemu_image_get_size(file), sizeof(head));
    int r = 0;

    if (strcmp(block->driver, "auto") != 0) {
        *ret = vemu__image_find_driver(block->driver);
        return 0;
    }
    r = vemu_image_read(file, 0, head, bytes);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot read '%s': %s", file->filename, strerror(-r));
    *ret = vemu__image_probe_head(head, bytes, file->filename);
    if (strcmp((*ret)->name, "raw") == 0)
        *flags |= IMAGE_OPEN_PROBED;
    return 0;
}

/* Above a node: its image is what ours stands on. */
static int open_above(struct vemu_block *block, uint32_t flags, const struct vemu_property *props,
                      size_t count, struct vemu_error **err)
{
    const struct vemu_image_driver *driver = NULL;
    struct vemu_image *file;
    int r = flags & VEMU_IMAGE_WRITE ? vemu__block_want_write(block->file_node, err) : 0;

    if (r >= 0)
        r = find_driver(block, &driver, &flags, err);
    if (r < 0)
        return r;
    if (driver->flags & VEMU_IMAGE_FORMAT_PROTOCOL)
        return vemu__error_set(err, EINVAL, "'%s' stands on nothing: it takes no 'file'",
                               driver->name);
    file = block->file_node->image;
    if (!(file->open_flags & VEMU_IMAGE_WRITE))
        flags &= ~VEMU_IMAGE_WRITE;
    if (!(driver->flags & VEMU_IMAGE_FORMAT_FILTER))
        vemu__image_set_child(file);
    return vemu__image_new(driver, file->filename, vemu_image_ref(file), flags, props, count,
                           &block->image, err);
}

/* The backing image is another node's, or what the image names. */
static int open_backing(struct vemu_block *block, struct vemu_error **err)
{
    struct vemu_image *top = vemu__image_skip_filters(block->image);

    if (!block->backing_node)
        return block->no_backing ? 0 : vemu__image_open_backing(block->image, NULL, 0, err);
    if (!top->driver->set_backing)
        return vemu__error_set(err, EINVAL, "'%s' has no backing image", top->driver->name);
    top->backing = vemu_image_ref(block->backing_node->image);
    return 0;
}

static int open_described(struct vemu_block *block, uint32_t flags,
                          const struct image_options *options, struct vemu_error **err)
{
    g_autofree struct vemu_property *props = vemu__image_options_props(options);

    if (block->file_node)
        return open_above(block, flags, props, options->names->len, err);
    return vemu__image_open_tree(block->filename,
                                 strcmp(block->driver, "auto") ? block->driver : NULL, flags, props,
                                 options->names->len, &block->image, err);
}

/* On failure there is no image. `bare`: without backing images. */
static int open_image(struct vemu_block *block, bool write, bool bare, struct vemu_error **err)
{
    struct image_options options;
    uint32_t flags = open_flags(block) & (write ? ~0u : ~VEMU_IMAGE_WRITE);
    int r;

    if (block->backing_node || block->no_backing || block->file_node || bare)
        flags |= VEMU_IMAGE_NO_BACKING;
    vemu__image_options_init(&options);
    r = vemu__fdset_options(block->vm, block->driver, block->filename, &block->options, &options,
                            err);
    if (r >= 0)
        r = open_described(block, flags, &options, err);
    vemu__image_options_clear(&options);
    if (r >= 0 && !bare)
        r = open_backing(block, err);
    if (r >= 0 && block->throttle_group)
        r = vemu__block_join_group(block, err);
    if (r < 0) {
        vemu_image_close(block->image);
        block->image = NULL;
        return r;
    }
    block->read_only = !(block->image->open_flags & VEMU_IMAGE_WRITE);
    block->flush_fd = vemu__image_flush_fd(block->image);
    return 0;
}

/* The way back, which should not fail; if it does the node is there, but has nothing. */
static void open_again(struct vemu_block *block, bool write, bool bare)
{
    const struct vemu_property empty = { "size", "0" };
    struct vemu_error *err = NULL;

    if (open_image(block, write, bare, &err) >= 0)
        return;
    vemu_vm_log(block->vm, VEMU_LOG_ERROR, "drive '%s': %s", block->id, vemu_error_message(err));
    vemu_error_free(err);
    vemu__image_open_tree("null-co://", "null-co", 0, &empty, 1, &block->image, NULL);
    block->read_only = true;
    block->flush_fd = -1;
}

int vemu__block_want_write(struct vemu_block *block, struct vemu_error **err)
{
    uint64_t threshold;
    int r;

    if (!block->auto_read_only || block->want_read_only || !block->read_only)
        return 0;
    threshold = vemu__block_get_threshold(block);
    vemu_image_close(block->image);
    block->image = NULL;
    r = open_image(block, true, false, err);
    if (r < 0)
        open_again(block, false, false);
    vemu__block_set_threshold(block, threshold);
    if (r != -EACCES && r != -EPERM && r != -EROFS)
        return r;
    if (err)
        *err = vemu_error_free(*err); /* that is what the option is for */
    return 0;
}

/* The image is closed; nodes below go first. */
static int open_as(struct vemu_block *block, bool write, struct vemu_error **err)
{
    bool as_given = block->want_read_only;
    int r = block->file_node ? vemu__block_reopen(block->file_node, write, err) : 0;

    block->want_read_only = !write;
    if (r >= 0)
        r = open_image(block, write, true, err);
    block->want_read_only = as_given;
    return r;
}

int vemu__block_reopen(struct vemu_block *block, bool write, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(block->image), *backing = layer->backing;
    uint64_t threshold = vemu__block_get_threshold(block);
    bool was_writable = !block->read_only;
    int r;

    layer->backing = NULL;
    r = vemu_image_close(block->image);
    block->image = NULL;
    if (r < 0)
        vemu__error_set(err, -r, "drive '%s': %s", block->id, strerror(-r));
    else
        r = open_as(block, write, err);
    if (r < 0 && open_as(block, was_writable, NULL) < 0)
        open_again(block, false, true);
    vemu__block_set_threshold(block, threshold);
    layer = vemu__image_skip_filters(block->image);
    if (layer->driver->set_backing)
        layer->backing = backing;
    else
        vemu_image_close(backing);
    return r;
}

static int node_open(struct vemu_block *block, struct vemu_error **err)
{
    int r = node_options(block, err);

    if (r >= 0 && block->file_node)
        r = check_below(block, block->file_node, err);
    if (r >= 0 && block->backing_node)
        r = check_below(block, block->backing_node, err);
    if (r >= 0)
        r = open_image(block, !block->auto_read_only, false, err);
    if (r < 0)
        return r;
    if (!strcmp(block->driver, "auto") && (block->image->open_flags & IMAGE_OPEN_PROBED))
        vemu_vm_log(block->vm, VEMU_LOG_WARNING,
                    "drive '%s': no format is given for '%s', and it looks like none: it is taken "
                    "as raw, and its first sectors cannot be turned into another format",
                    block->id, block->image->filename);
    return 0;
}

/* --- trees ------------------------------------------------------------------------------------ */

static int add_tree(struct vemu_vm *vm, const char *driver, const char *id,
                    struct image_options *options, unsigned depth, struct vemu_error **err);
static void remove_tree(struct vemu_vm *vm, const char *id);

/* The driver of a node below, where it is not said: any for filters, else a protocol. */
static int guess_driver(const char *outer_driver, const char *member, struct image_options *inner,
                        const char **ret, struct vemu_error **err)
{
    const struct vemu_image_driver *outer = vemu__image_find_driver(outer_driver), *driver;
    g_autofree char *name = NULL;
    int r;

    *ret = "auto";
    if (outer && (outer->flags & VEMU_IMAGE_FORMAT_FILTER))
        return 0;
    name = vemu__image_options_take(inner, "filename");
    if (strcmp(member, "file") != 0 || !name)
        return vemu__error_set(err, EINVAL, "'%s.driver' is missing", member);
    vemu__image_options_add(inner, "filename", name);
    r = vemu__image_find_protocol(name, &driver, err);
    if (r >= 0)
        *ret = driver->name;
    return r;
}

/* A node described in the place of its name. */
static int add_inner(struct vemu_vm *vm, const char *outer, const char *outer_driver,
                     const char *member, struct image_options *inner, struct image_options *options,
                     unsigned depth, char **made, struct vemu_error **err)
{
    g_autofree char *given = vemu__image_options_take(inner, "node-name");
    g_autofree char *named = vemu__image_options_take(inner, "driver");
    const char *driver = named;
    g_autofree char *id = given ? g_steal_pointer(&given) : g_strdup_printf("%s.%s", outer, member);
    int r;

    if (depth >= DEPTH_MAX)
        return vemu__error_set(err, EINVAL, "more than %d nodes stand on each other", DEPTH_MAX);
    r = driver ? 0 : guess_driver(outer_driver, member, inner, &driver, err);
    if (r >= 0)
        r = add_tree(vm, driver, id, inner, depth + 1, err);
    if (r < 0)
        return r;
    vemu__vm_find_block(vm, id)->with_parent = true;
    vemu__image_options_add(options, member, id);
    *made = g_steal_pointer(&id);
    return 0;
}

/* Moves what every node has to `common`. */
static void split_common(struct image_options *options, struct image_options *common)
{
    for (const struct vemu_prop *prop = vemu__block_props; prop->name; prop++) {
        char *value;

        while ((value = vemu__image_options_take(options, prop->name)) != NULL) {
            vemu__image_options_add(common, prop->name, value);
            g_free(value);
        }
    }
}

static int check_driver(const char *driver, struct vemu_error **err)
{
    if (!strcmp(driver, "auto") || vemu__image_find_driver(driver))
        return 0;
    return vemu__error_set(err, EINVAL, "block driver '%s' is not known", driver);
}

static int add_one(struct vemu_vm *vm, const char *driver, const char *id, bool no_backing,
                   struct image_options *options, struct vemu_error **err)
{
    static const struct vemu_backend_class any = { .name = "block" };
    const struct vemu_backend_class *class_ = &any;
    g_autofree struct vemu_property *props = NULL;
    struct image_options common;
    struct vemu_block *block;
    int r = vemu__backend_may_add(vm, &vemu__block_kind, driver, id, &class_, err);

    if (r < 0)
        return r;
    vemu__image_options_init(&common);
    split_common(options, &common);
    props = vemu__image_options_props(&common);
    block = g_new0(struct vemu_block, 1);
    block->vm = vm;
    block->id = g_strdup(id);
    block->driver = g_strdup(driver);
    vemu__image_options_init(&block->options);
    vemu__image_options_split(options, "", &block->options);
    block->no_backing = no_backing;
    block->refused_last = &block->refused;
    block->held_last = &block->held;
    r = vemu__props_set(vm, block, vemu__block_props, props, common.names->len, err);
    if (r >= 0)
        r = node_open(block, err);
    vemu__image_options_clear(&common);
    if (r < 0) {
        vemu__block_free(block);
        return vemu__backend_failed(&vemu__block_kind, id, r, err);
    }
    vemu__backend_list(vm, &vemu__block_kind, block);
    return 0;
}

/* "backing": "" (null in JSON) is not a name: there is none. */
static bool takes_no_backing(struct image_options *options)
{
    g_autofree char *word = vemu__image_options_take(options, "backing");

    if (word && *word)
        vemu__image_options_add(options, "backing", word);
    return word && !*word;
}

static int add_tree(struct vemu_vm *vm, const char *driver, const char *id,
                    struct image_options *options, unsigned depth, struct vemu_error **err)
{
    g_autofree char *file_made = NULL, *backing_made = NULL;
    struct image_options file, backing;
    bool no_backing = takes_no_backing(options);
    int r = check_driver(driver, err);

    vemu__image_options_init(&file);
    vemu__image_options_init(&backing);
    vemu__image_options_split(options, "file.", &file);
    vemu__image_options_split(options, "backing.", &backing);
    if (r >= 0 && file.names->len) {
        g_autofree char *discard = vemu__image_options_take(&file, "discard");

        /* formats decide themselves what to free */
        vemu__image_options_add(&file, "discard", discard ? discard : "unmap");
        r = add_inner(vm, id, driver, "file", &file, options, depth, &file_made, err);
    }
    if (r >= 0 && backing.names->len) {
        g_autofree char *word = vemu__image_options_take(&backing, "read-only");

        vemu__image_options_add(&backing, "read-only", word ? word : "on");
        r = add_inner(vm, id, driver, "backing", &backing, options, depth, &backing_made, err);
    }
    if (r >= 0)
        r = add_one(vm, driver, id, no_backing, options, err);
    if (r < 0 && backing_made)
        remove_tree(vm, backing_made);
    if (r < 0 && file_made)
        remove_tree(vm, file_made);
    vemu__image_options_clear(&file);
    vemu__image_options_clear(&backing);
    return r;
}

static void remove_tree(struct vemu_vm *vm, const char *id)
{
    vemu_vm_remove_block(vm, id, NULL);
}

int vemu__block_add(struct vemu_vm *vm, const char *driver, const char *id,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    struct image_options options;
    int r;

    vemu__image_options_init(&options);
    vemu__image_options_add_all(&options, props, prop_count);
    r = add_tree(vm, driver, id, &options, 0, err);
    vemu__image_options_clear(&options);
    return r;
}
