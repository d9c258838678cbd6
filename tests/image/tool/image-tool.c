/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests to a disk image from a test's script, through the public interface.
 *
 *     image-tool create FORMAT SIZE FILE [NAME=VALUE...]
 *     image-tool do [-f FORMAT] [-r] [-n] FILE COMMAND...
 *
 * Options: -r for reading only, -n without backing images. Each COMMAND is one argument:
 *
 *     write OFFSET BYTES PATTERN      compress OFFSET BYTES PATTERN     fua OFFSET BYTES PATTERN
 *     zero OFFSET BYTES               unmap OFFSET BYTES                discard OFFSET BYTES
 *     flush     check     repair      snapshot|delete|apply|load NAME   resize BYTES
 *     compare FILE (raw)              save FILE (contents)              map     info
 *
 * Exit status: 0 done, 1 failed (in words), 2 usage, 3 check found something or contents differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vemu/image.h>

#define BUFFER_SIZE (1u << 20)
#define PROPS_MAX   32

static int fail(const char *what, int r, struct vemu_error *err)
{
    fprintf(stderr, "image-tool: %s: %s\n", what, err ? vemu_error_message(err) : strerror(-r));
    vemu_error_free(err);
    return 1;
}

static int create(int argc, char **argv)
{
    struct vemu_property props[PROPS_MAX];
    struct vemu_error *err = NULL;
    size_t count = 0;
    int r;

    if (argc < 3 || argc - 3 > PROPS_MAX) {
        fputs("usage: image-tool create FORMAT SIZE FILE [NAME=VALUE...]\n", stderr);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals) {
            fprintf(stderr, "image-tool: '%s' is not NAME=VALUE\n", argv[i]);
            return 2;
        }
        *equals = 0;
        props[count++] = (struct vemu_property){ argv[i], equals + 1 };
    }
    r = vemu_image_create(argv[2], argv[0],
                          strcmp(argv[1], "-") == 0 ? UINT64_MAX : strtoull(argv[1], NULL, 0),
                          props, count, NULL, &err);
    return r < 0 ? fail(argv[2], r, err) : 0;
}

/* --- commands --------------------------------------------------------------------------------- */

static int fill(struct vemu_image *image, uint64_t offset, uint64_t bytes, int pattern,
                uint32_t flags)
{
    void *buf = malloc(bytes ? bytes : 1);
    int r = -ENOMEM;

    if (buf) {
        memset(buf, pattern, bytes);
        r = vemu_image_write(image, offset, buf, bytes, flags);
    }
    free(buf);
    return r;
}

static void found(void *data, const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static int check(struct vemu_image *image, uint32_t repair, struct vemu_error **err)
{
    struct vemu_image_check result = VEMU_IMAGE_CHECK_INIT;
    int r;

    result.message = found;
    r = vemu_image_check(image, repair, &result, NULL, err);
    if (r < 0)
        return r;
    if (!result.corruptions && !result.leaks && !result.check_errors)
        return 0;
    fprintf(stderr, "%" PRIu64 " corruptions, %" PRIu64 " leaks, %" PRIu64 " errors\n",
            result.corruptions, result.leaks, result.check_errors);
    return 3;
}

/* Compares with a file, or writes to it. */
static int transfer(struct vemu_image *image, const char *path, int save)
{
    uint64_t size = vemu_image_get_size(image);
    int fd = open(path, (save ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY) | O_CLOEXEC, 0666);
    uint8_t *bytes = malloc(BUFFER_SIZE), *other = malloc(BUFFER_SIZE);
    int r = fd < 0 || !bytes || !other ? -errno : 0;

    for (uint64_t at = 0; at < size && r == 0; at += BUFFER_SIZE) {
        size_t n = size - at < BUFFER_SIZE ? (size_t)(size - at) : BUFFER_SIZE;

        r = vemu_image_read(image, at, bytes, n);
        if (r < 0)
            break;
        if (save && pwrite(fd, bytes, n, (off_t)at) != (ssize_t)n) {
            r = -errno;
        } else if (!save &&
                   (pread(fd, other, n, (off_t)at) != (ssize_t)n || memcmp(bytes, other, n) != 0)) {
            fprintf(stderr, "contents differ from %s after %" PRIu64 "\n", path, at);
            r = 3;
        }
    }
    if (!save && r == 0 && (uint64_t)lseek(fd, 0, SEEK_END) != size) {
        fprintf(stderr, "the size is not that of %s\n", path);
        r = 3;
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
    free(other);
    return r;
}

static int map(struct vemu_image *image)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    uint64_t size = vemu_image_get_size(image);

    for (uint64_t at = 0; at < size; at += extent.bytes) {
        int r = vemu_image_get_extent(image, NULL, at, size - at, &extent);

        if (r < 0)
            return r;
        printf("%#" PRIx64 " %#" PRIx64 " flags %#x depth %u", at, extent.bytes, extent.flags,
               extent.depth);
        if (extent.flags & VEMU_IMAGE_EXTENT_OFFSET)
            printf(" at %#" PRIx64 " of %s", extent.offset, extent.filename);
        putchar('\n');
    }
    return 0;
}

static int info(struct vemu_image *image, struct vemu_error **err)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    int r = vemu_image_get_info(image, &info, err);

    if (r < 0)
        return r;
    printf("format %s\nvirtual-size %" PRIu64 "\ncluster-size %u\n", info.format, info.virtual_size,
           info.cluster_size);
    if (info.backing_filename)
        printf("backing-filename %s\nbacking-format %s\n", info.backing_filename,
               info.backing_format ? info.backing_format : "");
    for (size_t i = 0; i < info.fact_count; i++) {
        const struct vemu_image_fact *fact = &info.facts[i];

        if (fact->text)
            printf("%s %s\n", fact->name, fact->text);
        else
            printf("%s %" PRIu64 "\n", fact->name, fact->number);
    }
    vemu_image_info_clear(&info);
    return 0;
}

static int command(struct vemu_image *image, const char *text, struct vemu_error **err)
{
    char verb[16], word[4096] = "";
    uint64_t a = 0, b = 0;
    unsigned pattern = 0;

    if (sscanf(text, "%15s %4095s", verb, word) < 1)
        return -EINVAL;
    sscanf(text, "%*s %" SCNi64 " %" SCNi64 " %i", (int64_t *)&a, (int64_t *)&b, (int *)&pattern);
    if (strcmp(verb, "write") == 0)
        return fill(image, a, b, (int)pattern, 0);
    if (strcmp(verb, "fua") == 0)
        return fill(image, a, b, (int)pattern, VEMU_IMAGE_FUA);
    if (strcmp(verb, "compress") == 0)
        return fill(image, a, b, (int)pattern, VEMU_IMAGE_COMPRESSED);
    if (strcmp(verb, "zero") == 0)
        return vemu_image_zero(image, a, b, 0);
    if (strcmp(verb, "unmap") == 0)
        return vemu_image_zero(image, a, b, VEMU_IMAGE_MAY_UNMAP);
    if (strcmp(verb, "discard") == 0)
        return vemu_image_discard(image, a, b);
    if (strcmp(verb, "flush") == 0)
        return vemu_image_flush(image);
    if (strcmp(verb, "check") == 0)
        return check(image, 0, err);
    if (strcmp(verb, "repair") == 0)
        return check(image, VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS, err);
    if (strcmp(verb, "snapshot") == 0)
        return vemu_image_create_snapshot(image, word, err);
    if (strcmp(verb, "delete") == 0)
        return vemu_image_delete_snapshot(image, word, err);
    if (strcmp(verb, "apply") == 0)
        return vemu_image_apply_snapshot(image, word, err);
    if (strcmp(verb, "load") == 0)
        return vemu_image_load_snapshot(image, word, err);
    if (strcmp(verb, "resize") == 0)
        return vemu_image_resize(image, a, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, err);
    if (strcmp(verb, "compare") == 0 || strcmp(verb, "save") == 0)
        return transfer(image, word, verb[0] == 's');
    if (strcmp(verb, "map") == 0)
        return map(image);
    if (strcmp(verb, "info") == 0)
        return info(image, err);
    fprintf(stderr, "image-tool: unknown command '%s'\n", verb);
    return -EINVAL;
}

static int run(int argc, char **argv)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    int i = 0, r, closed;

    options.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-f") == 0 && i + 1 < argc)
            options.format = argv[++i];
        else if (strcmp(argv[i], "-r") == 0)
            options.flags &= ~VEMU_IMAGE_WRITE;
        else if (strcmp(argv[i], "-n") == 0)
            options.flags |= VEMU_IMAGE_NO_BACKING;
        else
            break;
    }
    if (i >= argc || argv[i][0] == '-') {
        fputs("usage: image-tool do [-f FORMAT] [-r] [-n] FILE COMMAND...\n", stderr);
        return 2;
    }
    r = vemu_image_open(argv[i], &options, &image, &err);
    if (r < 0)
        return fail(argv[i], r, err);
    while (++i < argc && r == 0)
        r = command(image, argv[i], &err);
    if (r < 0)
        fail(argv[i - 1], r, err);
    closed = vemu_image_close(image);
    if (closed < 0 && r == 0)
        r = -fail("close", closed, NULL);
    return r < 0 ? 1 : r;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "create") == 0)
        return create(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "do") == 0)
        return run(argc - 2, argv + 2);
    fputs("usage: image-tool create|do ...\n", stderr);
    return 2;
}
