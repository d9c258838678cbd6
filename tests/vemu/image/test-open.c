/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening images: names, descriptions, formats found by content, what is refused; listing.
 */
#include "image-test.h"

#include "image/image.h"

START_TEST(test_names)
{
    char *path = make_file(4096);
    g_autofree char *prefixed = g_strdup_printf("file:%s", path);
    g_autofree char *missing = g_strdup_printf("%s.missing", path);
    struct vemu_image *image = open_image(prefixed, "raw", 0);

    ck_assert_str_eq(vemu_image_get_filename(image), prefixed);
    ck_assert_str_eq(vemu_image_get_format(image), "raw");
    ck_assert_ptr_null(vemu_image_get_backing(image));
    ck_assert_str_eq(vemu_image_get_format(vemu_image_get_file(image)), "file");
    ck_assert_ptr_null(vemu_image_get_file(vemu_image_get_file(image)));
    ck_assert_ptr_eq(vemu_image_ref(image), image);
    vemu_image_close(image);
    ck_assert_uint_eq(vemu_image_get_size(image), 4096); /* one reference is left */
    vemu_image_close(image);
    vemu_image_close(NULL);
    image = open_image(path, "file", 0);
    ck_assert_ptr_null(vemu_image_get_file(image));
    vemu_image_close(image);
    OPEN_FAILS(missing, "raw", 0, ENOENT, missing);
    OPEN_FAILS("/tmp", "raw", 0, EINVAL, "neither a file nor a block device");
    OPEN_FAILS("gopher://x/y", "raw", 0, EINVAL, "Unknown protocol 'gopher'");
    OPEN_FAILS(path, "vhd17", 0, EINVAL, "vhd17");
    OPEN_FAILS("null-co://x", "raw", 0, EINVAL, "null-co://x");
    FAILS(vemu_image_open(NULL, NULL, &image, &err), EINVAL, "filename");
    remove_file(path);
}
END_TEST

START_TEST(test_json)
{
    char *path = make_file(8192);
    g_autofree char *whole = g_strdup_printf(
        "json:{\"driver\":\"raw\",\"offset\":512,\"size\":\"1K\",\"file\":{\"driver\":\"file\","
        "\"filename\":\"%s\",\"locking\":\"off\"}}",
        path);
    g_autofree char *found =
        g_strdup_printf("json:{\"file.filename\":\"%s\",\"read-only\":true}", path);
    g_autofree char *nested = g_strdup_printf(
        "json:{\"driver\":\"raw\",\"offset\":1024,\"file\":{\"driver\":\"raw\",\"offset\":512,"
        "\"file\":{\"filename\":\"%s\"}}}",
        path);
    g_autofree char *twice = g_strdup_printf(
        "json:{\"driver\":\"file\",\"filename\":\"%s\",\"a\":{\"b\":1},\"a.b\":2}", path);
    struct vemu_image *image = open_image(whole, NULL, 0);

    ck_assert_uint_eq(vemu_image_get_size(image), 1024);
    vemu_image_close(image);
    image = open_image(found, NULL, VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_is_writable(image), 0);
    vemu_image_close(image);
    image = open_image(nested, NULL, 0);
    ck_assert_uint_eq(vemu_image_get_size(image), 8192 - 1536);
    vemu_image_close(image);
    OPEN_FAILS("json:{\"driver\":", NULL, 0, EINVAL, "JSON");
    OPEN_FAILS("json:[]", NULL, 0, EINVAL, "JSON");
    OPEN_FAILS("json:{}", NULL, 0, EINVAL, "filename");
    OPEN_FAILS("json:{\"driver\":\"raw\"}", NULL, 0, EINVAL, "filename");
    OPEN_FAILS(twice, NULL, 0, EINVAL, "twice");
    OPEN_FAILS(whole, "file", 0, EINVAL, "twice");
    remove_file(path);
}
END_TEST

/* Options that contain themselves end. */
START_TEST(test_nesting)
{
    GString *text = g_string_new("json:{\"driver\":\"raw\"");
    GString *name = g_string_new("file.");

    for (unsigned i = 0; i < 30; i++) {
        g_string_append_printf(text, ",\"%sdriver\":\"raw\"", name->str);
        g_string_append(name, "file.");
    }
    g_string_append(text, "}");
    OPEN_FAILS(text->str, NULL, 0, ELOOP, "16 layers");
    g_string_free(text, TRUE);
    g_string_free(name, TRUE);
}
END_TEST

START_TEST(test_options)
{
    const struct vemu_property unknown = { "colour", "red" }, below = { "file.colour", "red" };
    const struct vemu_property direct = { "cache.direct", "perhaps" };
    const struct vemu_property backing = { "backing.driver", "raw" };
    struct vemu_image_open_options options = open_options("raw", 0, &unknown, 1);
    char *path = make_file(4096);
    struct vemu_image *image = NULL;

    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "colour");
    options.props = &below;
    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "colour");
    options.props = &direct;
    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "cache.direct");
    options.props = &backing;
    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "no backing file");
    options = open_options("raw", 1u << 31, NULL, 0);
    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "unknown flags");
    remove_file(path);
}
END_TEST

/* A disk whose format was guessed does not turn into one of another format. */
START_TEST(test_probed)
{
    char *path = make_file(65536);
    const char *format = NULL;
    struct vemu_image *image = open_image(path, NULL, VEMU_IMAGE_WRITE);
    struct vemu_image_span span;
    uint8_t buf[512] = { 0 };

    OK(vemu_image_probe(path, &format, &err));
    ck_assert_str_eq(format, "raw");
    ck_assert_str_eq(vemu_image_get_format(image), "raw");
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 512, 0), 0);
    ck_assert_int_eq(vemu__image_map(image, 0, 512, true, &span), -EAGAIN);
    ck_assert_int_eq(vemu__image_map(image, 4096, 512, true, &span), 0);
    vemu_image_close(image);
    FAILS(vemu_image_probe("/nowhere", &format, &err), ENOENT, "/nowhere");
    remove_file(path);
}
END_TEST

static int count_format(void *data, const char *name, const char *summary, uint32_t flags)
{
    const char **last = data;

    ck_assert_ptr_nonnull(summary);
    if (*last)
        ck_assert_int_lt(strcmp(*last, name), 0); /* sorted */
    *last = name;
    return 0;
}

static int stop(void *data, const char *name, const char *summary, uint32_t flags)
{
    return 17;
}

static int find_option(void *data, const struct vemu_image_option *option)
{
    return strcmp(option->name, data) == 0;
}

START_TEST(test_listing)
{
    const char *last = NULL;

    ck_assert_int_eq(vemu_image_list_formats(count_format, &last), 0);
    ck_assert_ptr_nonnull(last);
    ck_assert_int_eq(vemu_image_list_formats(stop, NULL), 17);
    ck_assert_int_eq(vemu_image_list_options("raw", 1, find_option, "preallocation"), 1);
    ck_assert_int_eq(vemu_image_list_options("raw", 1, find_option, "offset"), 0);
    ck_assert_int_eq(vemu_image_list_options("raw", 0, find_option, "offset"), 1);
    ck_assert_int_eq(vemu_image_list_options("nothing", 0, find_option, "offset"), -EINVAL);
}
END_TEST

START_TEST(test_resolve)
{
    char *path = make_file(4096);
    struct vemu_image *image = open_image(path, "raw", 0);
    g_autofree char *beside = vemu__image_resolve(image, "x/y.img");
    g_autofree char *absolute = vemu__image_resolve(image, "/a/b");
    g_autofree char *url = vemu__image_resolve(image, "nbd://host/x");

    ck_assert_str_eq(beside, "/tmp/x/y.img");
    ck_assert_str_eq(absolute, "/a/b");
    ck_assert_str_eq(url, "nbd://host/x");
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_names,  test_json,    test_nesting, test_options,
                                   test_probed, test_listing, test_resolve, NULL };

    return run_tests("image-open", tests);
}
