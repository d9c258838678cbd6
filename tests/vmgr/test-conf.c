/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain documents: golden files for what comes in and out, golden messages for mistakes, hostile
 * input.
 *
 * golden/domain/NAME.xml must read and be written as NAME.out (warnings at its end), which must
 * read and be written as itself. golden/domain-errors/NAME.xml must fail with the text of NAME.err.
 * Both were made with another implementation of the format where it agrees. VMGR_UPDATE_GOLDEN=1
 * rewrites the results.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf/canonical.h"
#include "conf/def.h"
#include "golden.h"

static const struct vmgr__conf_defaults defaults = { .arch = "i686",
                                                     .disk_files = true,
                                                     .commandline = true };

static GPtrArray *names_in(const char *dir)
{
    g_autofree char *path = g_build_filename(GOLDEN_DIR, dir, NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) d = g_dir_open(path, 0, NULL);
    const char *file;

    ck_assert(d != NULL);
    while ((file = g_dir_read_name(d))) {
        if (g_str_has_suffix(file, ".xml"))
            g_ptr_array_add(names, g_strndup(file, strlen(file) - 4));
    }
    ck_assert_int_gt(names->len, 10);
    return names;
}

static struct vmgr__domain_def *parse(const char *xml)
{
    struct vmgr_error *err = NULL;
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &defaults, VMGR__CONF_INACTIVE, &err);

    ck_assert_msg(def != NULL, "%.1000s: %.1000s", xml, vmgr_error_get_message(err));
    ck_assert(err == NULL);
    return def;
}

START_TEST(test_golden_documents)
{
    g_autoptr(GPtrArray) names = names_in("domain");

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *in = g_strconcat(names->pdata[i], ".xml", NULL);
        g_autofree char *out = g_strconcat(names->pdata[i], ".out", NULL);
        g_autofree char *xml = read_golden("domain", in);
        struct vmgr__domain_def *def = parse(xml), *again;
        g_autofree char *formatted = vmgr__domain_def_format(def, VMGR__CONF_INACTIVE);
        g_autofree char *twice = NULL;
        g_autoptr(GString) result = g_string_new(formatted);

        for (guint w = 0; w < def->warnings->len; w++)
            g_string_append_printf(result, "warning: %s\n", (char *)def->warnings->pdata[w]);
        expect_golden("domain", out, result->str);
        again = parse(formatted);
        twice = vmgr__domain_def_format(again, VMGR__CONF_INACTIVE);
        ck_assert_msg(strcmp(twice, formatted) == 0, "%s\n%.3000s--- again\n%.3000s", in, formatted,
                      twice);
        vmgr__domain_def_free(again);
        vmgr__domain_def_free(def);
    }
}
END_TEST

START_TEST(test_golden_errors)
{
    g_autoptr(GPtrArray) names = names_in("domain-errors");

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *in = g_strconcat(names->pdata[i], ".xml", NULL);
        g_autofree char *out = g_strconcat(names->pdata[i], ".err", NULL);
        g_autofree char *xml = read_golden("domain-errors", in);
        g_autofree char *text = NULL;
        struct vmgr_error *err = NULL;
        struct vmgr__domain_def *def =
            vmgr__domain_def_parse(xml, &defaults, VMGR__CONF_INACTIVE, &err);

        ck_assert_msg(def == NULL, "%s was accepted", in);
        text = g_strconcat(vmgr_error_get_message(err), "\n", NULL);
        expect_golden("domain-errors", out, text);
        vmgr_error_free(err);
    }
}
END_TEST

static void refuse(const char *xml, int code, const char *part)
{
    struct vmgr_error *err = NULL;
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &defaults, VMGR__CONF_INACTIVE, &err);

    ck_assert_msg(def == NULL, "accepted");
    ck_assert_int_eq(vmgr_error_get_code(err), code);
    ck_assert_msg(strstr(vmgr_error_get_message(err), part) != NULL, "%.300s",
                  vmgr_error_get_message(err));
    vmgr_error_free(err);
}

static char *repeat(const char *unit, size_t times)
{
    GString *s = g_string_new(NULL);

    for (size_t i = 0; i < times; i++)
        g_string_append(s, unit);
    return g_string_free(s, FALSE);
}

START_TEST(test_depth)
{
    g_autofree char *deep = repeat("<a>", 300);
    g_autofree char *fine = repeat("<a>", 200);
    g_autofree char *back = repeat("</a>", 200);
    g_autofree char *xml = g_strconcat("<domain type='test'>", deep, NULL);
    g_autofree char *ok = g_strconcat("<domain type='test'><name>n</name><memory>1</memory>"
                                      "<os><type>hvm</type></os>",
                                      fine, back, "</domain>", NULL);

    refuse(xml, VMGR_ERR_XML_DETAIL, "Excessive depth");
    vmgr__domain_def_free(parse(ok));
}
END_TEST

START_TEST(test_size)
{
    g_autofree char *blanks = repeat("                ", VMGR__XML_MAX_SIZE / 16 + 1);
    g_autofree char *value = repeat("a", 1 << 20);
    g_autofree char *big = g_strconcat("<domain type='test'>", blanks, "</domain>", NULL);
    g_autofree char *attr = g_strconcat("<domain type='", value, "'/>", NULL);
    g_autofree char *name =
        g_strconcat("<domain type='test'><name>", value, "</name></domain>", NULL);

    refuse(big, VMGR_ERR_XML_ERROR, "larger than");
    refuse(attr, VMGR_ERR_NO_NAME, "missing name");
    refuse(name, VMGR_ERR_XML_ERROR, "an os <type> must be specified");
}
END_TEST

START_TEST(test_entities)
{
    refuse("<!DOCTYPE d [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
           "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><domain type='test'><name>&c;</name></domain>",
           VMGR_ERR_XML_ERROR, "document type");
    refuse("<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain type='test'/>", VMGR_ERR_XML_ERROR,
           "document type");
    refuse("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain>&x;</domain>",
           VMGR_ERR_XML_ERROR, "document type");
    refuse("<domain type='test'>&x;</domain>", VMGR_ERR_XML_DETAIL, "Entity 'x' not defined");
}
END_TEST

/* A quoted source line must not drive the reader's terminal. */
START_TEST(test_quotes_are_printable)
{
    struct vmgr_error *err = NULL;

    ck_assert(!vmgr__domain_def_parse("<domain \x1b[2J>", &defaults, 0, &err));
    ck_assert(strchr(vmgr_error_get_message(err), '\x1b') == NULL);
    vmgr_error_free(err);
}
END_TEST

/* Every prefix of a good document, and every document with a byte of it replaced, ends in a
 * definition or in one error. */
START_TEST(test_broken_documents)
{
    g_autofree char *xml = read_golden("domain", "a.xml");
    size_t size = strlen(xml);

    for (size_t i = 0; i < size; i += 3) {
        for (int way = 0; way < 2; way++) {
            g_autofree char *text = g_strdup(xml);
            struct vmgr_error *err = NULL;
            struct vmgr__domain_def *def;

            text[i] = way ? (char)(i * 7 % 255 + 1) : '\0';
            def = vmgr__domain_def_parse(text, &defaults, VMGR__CONF_INACTIVE, &err);
            ck_assert(!def == !!err);
            vmgr__domain_def_free(def);
            vmgr_error_free(err);
        }
    }
}
END_TEST

START_TEST(test_metadata)
{
    struct vmgr__domain_def *def = parse("<domain type='test'><name>n</name><memory>1</memory>"
                                         "<os><type>hvm</type></os></domain>");
    struct vmgr_error *err = NULL;
    char *text;

    ck_assert_int_eq(vmgr__metadata_set(def, "<a><b c='1'/></a>", "k", "urn:x", &err), 0);
    text = vmgr__metadata_get(def, "urn:x");
    ck_assert_str_eq(text, "<a>\n  <b c=\"1\"/>\n</a>");
    g_free(text);
    ck_assert_ptr_null(vmgr__metadata_get(def, "urn:y"));
    ck_assert_int_eq(vmgr__metadata_set(def, "<a", "k", "urn:x", &err), -1);
    ck_assert_str_eq(vmgr_error_get_message(err),
                     "(metadata_xml):1: Couldn't find end of Start Tag a line 1\n<a\n--^");
    err = vmgr_error_free(err);
    ck_assert_int_eq(vmgr__metadata_set(def, "<a/>", "a b", "urn:x", &err), -1);
    ck_assert_str_eq(vmgr_error_get_message(err),
                     "internal error: failed to validate prefix for a new XML namespace");
    err = vmgr_error_free(err);
    text = vmgr__domain_def_format(def, 0);
    ck_assert_ptr_nonnull(
        strstr(text, "  <metadata>\n    <k:a xmlns:k=\"urn:x\">\n      <k:b c=\"1\"/>\n"));
    g_free(text);
    ck_assert_int_eq(vmgr__metadata_set(def, NULL, NULL, "urn:x", &err), 0);
    ck_assert_ptr_null(vmgr__metadata_get(def, "urn:x"));
    vmgr__domain_def_free(def);
}
END_TEST

START_TEST(test_live_form)
{
    struct vmgr__domain_def *def, *copy;
    struct vmgr_error *err = NULL;
    char *text;

    def = vmgr__domain_def_parse("<domain type='kvm' id='7'><name>n</name><memory>1</memory>"
                                 "<os><type>hvm</type></os><devices><serial type='pty'>"
                                 "<source path='/dev/pts/9'/><alias name='serial0'/></serial>"
                                 "</devices></domain>",
                                 &defaults, 0, &err);
    ck_assert_ptr_nonnull(def);
    copy = vmgr__domain_def_copy(def, &defaults, &err);
    text = vmgr__domain_def_format(copy, 0);
    ck_assert_ptr_nonnull(strstr(text, "<domain type='kvm' id='7'>"));
    ck_assert_ptr_nonnull(strstr(text, "<console type='pty' tty='/dev/pts/9'>"));
    ck_assert_ptr_nonnull(strstr(text, "<alias name='serial0'/>"));
    g_free(text);
    text = vmgr__domain_def_format(copy, VMGR__CONF_INACTIVE);
    ck_assert_ptr_null(strstr(text, "id='7'"));
    ck_assert_ptr_null(strstr(text, "/dev/pts/9"));
    ck_assert_ptr_null(strstr(text, "alias"));
    g_free(text);
    vmgr__domain_def_free(copy);
    vmgr__domain_def_free(def);
}
END_TEST

/* Looked up by halving, and all that stands below an element can be reached. */
START_TEST(test_shapes)
{
    for (size_t i = 0; i < vmgr__shape_count; i++) {
        const struct vmgr__shape *s = &vmgr__shapes[i];

        ck_assert_msg(i == 0 || strcmp(s[-1].path, s->path) < 0, "%s is in its place", s->path);
        ck_assert_ptr_eq(vmgr__shape_find(s->path), s);
    }
    ck_assert_str_eq(vmgr__shape_find("hostdev/address")->path, "*/address");
    ck_assert_ptr_null(vmgr__shape_find("disk/nothing"));
    ck_assert_ptr_null(vmgr__shape_find("nothing"));
}
END_TEST

#define AROUND(devices)                                                                            \
    "<domain "                                                                                     \
    "type='test'><name>a</name><memory>1024</memory><os><type>hvm</type></os><devices>" devices    \
    "</devices></domain>"

START_TEST(test_order)
{
    struct vmgr__domain_def *def = vmgr__domain_def_parse(
        AROUND("<disk device='disk' type='file' x='1'><target bus='virtio' dev='vda'/><y/>"
               "<!-- where --><source file='/a'/><driver type='raw' name='qemu'/></disk>"),
        &defaults, 0, NULL);
    g_autofree char *text = def ? vmgr__domain_def_format(def, 0) : NULL;

    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, "    <disk type='file' device='disk' x='1'>\n"
                               "      <driver name='qemu' type='raw'/>\n"
                               "      <!-- where -->\n"
                               "      <source file='/a'/>\n"
                               "      <target dev='vda' bus='virtio'/>\n"
                               "      <y/>\n"
                               "    </disk>\n"),
                  "%s", text);
    ck_assert_uint_eq(def->warnings->len, 2);
    vmgr__domain_def_free(def);
}
END_TEST

START_TEST(test_password)
{
    struct vmgr__domain_def *def = vmgr__domain_def_parse(
        AROUND("<graphics type='vnc' passwd='secret' port='-1'/>"), &defaults, 0, NULL);
    g_autofree char *all = def ? vmgr__domain_def_format(def, 0) : NULL;
    g_autofree char *some = def ? vmgr__domain_def_format(def, VMGR__CONF_PUBLIC) : NULL;

    ck_assert_ptr_nonnull(all);
    ck_assert_ptr_nonnull(strstr(all, "passwd='secret'"));
    ck_assert_ptr_null(strstr(some, "secret"));
    ck_assert_ptr_nonnull(strstr(some, "<graphics type='vnc' port='-1'/>"));
    vmgr__domain_def_free(def);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conf");
    TCase *t = tcase_create("documents");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_golden_documents);
    tcase_add_test(t, test_golden_errors);
    tcase_add_test(t, test_depth);
    tcase_add_test(t, test_size);
    tcase_add_test(t, test_entities);
    tcase_add_test(t, test_quotes_are_printable);
    tcase_add_test(t, test_broken_documents);
    tcase_add_test(t, test_metadata);
    tcase_add_test(t, test_live_form);
    tcase_add_test(t, test_shapes);
    tcase_add_test(t, test_order);
    tcase_add_test(t, test_password);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
