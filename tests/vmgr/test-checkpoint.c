/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents of checkpoints and backups, and sets of checkpoints.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <vmgr/checkpoint.h>

#include "conf/backup.h"
#include "conf/checkpoint.h"

static const struct vmgr__conf_defaults defaults = { .arch = "x86_64" };

#define DISK(name, format, more)                                                                   \
    "<disk type='file'><driver name='qemu' type='" format "'/><source file='/img/" name "'/>"      \
    "<target dev='" name "' bus='virtio'/>" more "</disk>"
#define DOMAIN                                                                                     \
    "<domain type='qemu'><name>d</name><uuid>00000000-0000-4000-8000-000000000001</uuid>"          \
    "<description>one\n  two\n</description><memory>65536</memory><os><type>hvm</type></os>"       \
    "<devices>" DISK("vda", "qcow2", "") DISK("vdb", "raw", "")                                    \
        DISK("vdc", "raw", "<readonly/>") "<disk type='file' device='cdrom'><target dev='sda' "    \
                                          "bus='sata'/></disk></devices></domain>"

static struct vmgr__domain_def *domain(void)
{
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(DOMAIN, &defaults, VMGR__CONF_INACTIVE, NULL);

    ck_assert_ptr_nonnull(def);
    return def;
}

static void check_message(struct vmgr_error *err, const char *words, const char *xml)
{
    ck_assert_msg(err && strstr(vmgr_error_get_message(err), words), "'%s' lacks '%s': %s",
                  err ? vmgr_error_get_message(err) : "no error", words, xml);
    vmgr_error_free(err);
}

/* ---- checkpoints ---- */

static struct vmgr__checkpoint *checkpoint(const char *xml, bool redefine)
{
    struct vmgr_error *err = NULL;
    struct vmgr__checkpoint *c = vmgr__checkpoint_parse(xml, &defaults, redefine, &err);

    ck_assert_msg(c != NULL, "%s", err ? vmgr_error_get_message(err) : "");
    return c;
}

START_TEST(test_checkpoint)
{
    struct vmgr__checkpoint *c = checkpoint("<domaincheckpoint><name>c</name></domaincheckpoint>",
                                            false),
                            *again;
    g_autofree char *xml = NULL, *same = NULL;

    c->dom = domain();
    c->created = 5;
    ck_assert_int_eq(vmgr__checkpoint_align(c, NULL), 0);
    xml = vmgr__checkpoint_format(c, false, 0);
    ck_assert_str_eq(xml, "<domaincheckpoint>\n  <name>c</name>\n"
                          "  <creationTime>5</creationTime>\n  <disks>\n"
                          "    <disk name='vda' checkpoint='bitmap' bitmap='c'/>\n"
                          "    <disk name='vdb' checkpoint='bitmap' bitmap='c'/>\n"
                          "    <disk name='vdc' checkpoint='no'/>\n"
                          "    <disk name='sda' checkpoint='no'/>\n"
                          "  </disks>\n</domaincheckpoint>\n");
    g_free(xml);
    xml = vmgr__checkpoint_format(c, true, VMGR__CONF_INACTIVE);
    again = checkpoint(xml, true); /* with texts of several lines as they were */
    ck_assert_str_eq(again->dom->description, "one\n  two\n");
    ck_assert_int_eq(vmgr__checkpoint_align(again, NULL), 0);
    same = vmgr__checkpoint_format(again, true, VMGR__CONF_INACTIVE);
    ck_assert_str_eq(xml, same);
    vmgr__checkpoint_free(again);
    vmgr__checkpoint_free(c);
}
END_TEST

START_TEST(test_checkpoint_errors)
{
    static const struct {
        const char *inside, *words;
        bool redefine;
    } wrong[] = {
        { "<name>a/b</name>", "invalid checkpoint name 'a/b'", false },
        { "<name>..</name>", "invalid checkpoint name", false },
        { "<name/>", "invalid checkpoint name", false },
        { "<name>a&#10;b</name>", "invalid checkpoint name", false },
        { "", "must have a name", true },
        { "<name>a</name>", "missing creationTime", true },
        { "<name>a</name><creationTime>-1</creationTime>", "missing creationTime", true },
        { "<name>a</name><creationTime>1</creationTime><domain/>", "", true },
        { "<disks><disk/></disks>", "missing name", false },
        { "<disks><disk name='vda' checkpoint='x'/></disks>", "'x'", false },
        { "<disks><disk name='vda' checkpoint='no' bitmap='b'/></disks>", "requires", false },
        { "<disks><disk name='vdz'/></disks>", "no disk named 'vdz'", false },
        { "<disks><disk name='vda'/><disk name='/img/vda'/></disks>", "specified twice", false },
        { "<disks><disk name='a'/><disk name='b'/><disk name='c'/><disk name='d'/><disk name='e'/>"
          "</disks>",
          "too many disk checkpoint requests", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *xml =
            g_strdup_printf("<domaincheckpoint>%s</domaincheckpoint>", wrong[i].inside);
        struct vmgr_error *err = NULL;
        struct vmgr__checkpoint *c =
            vmgr__checkpoint_parse(xml, &defaults, wrong[i].redefine, &err);

        if (c) {
            c->dom = domain();
            ck_assert_int_eq(vmgr__checkpoint_align(c, &err), -1);
        }
        check_message(err, wrong[i].words, xml);
        vmgr__checkpoint_free(c);
    }
}
END_TEST

static void put(GPtrArray *list, const char *name, const char *parent)
{
    struct vmgr__checkpoint *c = checkpoint("<domaincheckpoint/>", false);

    g_free(c->name);
    c->name = g_strdup(name);
    c->parent = g_strdup(parent);
    vmgr__checkpoints_put(list, c);
}

static void check_list(const GPtrArray *list, const char *of, uint32_t flags, const char *names)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    g_autoptr(GString) text = g_string_new(NULL);

    vmgr__checkpoints_select(list, vmgr__checkpoints_find(list, of), flags, found);
    for (guint i = 0; i < found->len; i++)
        g_string_append(text, ((struct vmgr__checkpoint *)found->pdata[i])->name);
    ck_assert_str_eq(text->str, names);
}

START_TEST(test_sets)
{
    g_autoptr(GPtrArray) list = vmgr__checkpoints_new();
    struct vmgr__checkpoint *c;
    struct vmgr_error *err = NULL;

    ck_assert_ptr_null(vmgr__checkpoints_last(list));
    put(list, "c", "b"); /* children may come first */
    put(list, "b", "a");
    put(list, "a", NULL);
    put(list, "d", "b");
    check_list(list, NULL, 0, "abcd");
    check_list(list, NULL, VMGR_CHECKPOINT_LIST_ROOTS, "a");
    check_list(list, NULL, VMGR_CHECKPOINT_LIST_LEAVES, "cd");
    check_list(list, NULL, VMGR_CHECKPOINT_LIST_NO_LEAVES, "ab");
    check_list(list, "a", 0, "b");
    check_list(list, "a", VMGR_CHECKPOINT_LIST_DESCENDANTS, "bcd");
    check_list(list, "b", VMGR_CHECKPOINT_LIST_DESCENDANTS | VMGR_CHECKPOINT_LIST_LEAVES, "cd");
    ck_assert_ptr_null(vmgr__checkpoints_last(list)); /* there are two */
    vmgr__checkpoints_remove(list, vmgr__checkpoints_find(list, "d"));
    ck_assert_str_eq(vmgr__checkpoints_last(list)->name, "c");

    c = checkpoint("<domaincheckpoint><name>a</name><parent><name>c</name></parent>"
                   "<creationTime>1</creationTime></domaincheckpoint>",
                   true);
    ck_assert_int_eq(vmgr__checkpoints_check(list, c, false, &err), -1);
    check_message(err, "domain moment a already exists", "a");
    err = NULL;
    ck_assert_int_eq(vmgr__checkpoints_check(list, c, true, &err), -1);
    check_message(err, "would create cycle to a", "a");
    vmgr__checkpoint_free(c);
    vmgr__checkpoints_remove(list, vmgr__checkpoints_find(list, "b"));
    check_list(list, "a", 0, "c"); /* a grandchild no more */
    put(list, "a", "c");           /* files can say anything: walks end */
    put(list, "c", "a");
    check_list(list, NULL, 0, "");
    check_list(list, "a", VMGR_CHECKPOINT_LIST_DESCENDANTS, "");
}
END_TEST

/* ---- backups ---- */

START_TEST(test_backup)
{
    struct vmgr__domain_def *def = domain();
    struct vmgr__backup *b = vmgr__backup_parse(
        "<domainbackup mode='pull'><incremental>c</incremental><server transport='tcp' name='h' "
        "port='5'/><disks><disk name='/img/vda' exportname='x'/>"
        "<disk name='vdb' backupmode='full'><scratch file='/s'/></disk></disks></domainbackup>",
        NULL);
    g_autofree char *xml = NULL;

    ck_assert_ptr_nonnull(b);
    ck_assert_int_eq(vmgr__backup_align(b, def, "now", NULL), 0);
    xml = vmgr__backup_format(b);
    ck_assert_str_eq(
        xml,
        "<domainbackup mode='pull'>\n  <incremental>c</incremental>\n"
        "  <server transport='tcp' name='h' port='5'/>\n  <disks>\n"
        "    <disk name='vda' backup='yes' type='file' backupmode='incremental' incremental='c' "
        "exportname='x' exportbitmap='backup-vda'>\n      <driver type='qcow2'/>\n"
        "      <scratch file='/img/vda.now'/>\n    </disk>\n"
        "    <disk name='vdb' backup='yes' type='file' backupmode='full' exportname='vdb'>\n"
        "      <driver type='qcow2'/>\n      <scratch file='/s'/>\n    </disk>\n"
        "    <disk name='vdc' backup='no'/>\n    <disk name='sda' backup='no'/>\n"
        "  </disks>\n</domainbackup>\n");
    vmgr__backup_free(b);
    vmgr__domain_def_free(def);
}
END_TEST

START_TEST(test_backup_errors)
{
    static const struct {
        const char *xml, *words;
    } wrong[] = {
        { "<domainbackup><disks><disk name='sda'/></disks></domainbackup>", "has no source" },
        { "<domainbackup><disks><disk name='vda' made='yes' backupmode='incremental'/></disks>"
          "</domainbackup>",
          "needs a checkpoint" },
        { "<domainbackup><disks><disk name='vda' backupmode='full' incremental='c'/></disks>"
          "</domainbackup>",
          "has no 'incremental'" },
        { "<domainbackup><disks><disk name='vda' type='block'/></disks></domainbackup>",
          "needs a <target>" },
        { "<domainbackup><disks><disk name='vda' type='network'/></disks></domainbackup>",
          "network" },
        { "<domainbackup><disks><disk name='vda' exportname='x'/></disks></domainbackup>",
          "exports are for pull" },
        { "<domainbackup mode='pull'><disks><disk name='vda' exportbitmap='x'/></disks>"
          "</domainbackup>",
          "exports no bitmap" },
        { "<domainbackup mode='pull'><disks><disk name='vda'/><disk name='vdb' exportname='vda'/>"
          "</disks></domainbackup>",
          "same export name" },
        { "<domainbackup mode='pull'><disks><disk name='vda'><driver type='raw'/></disk></disks>"
          "</domainbackup>",
          "format 'raw'" },
        { "<domainbackup><disks><disk name='vda'><target file='/x'><encryption/></target></disk>"
          "</disks></domainbackup>",
          "encryption" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct vmgr_error *err = NULL;
        struct vmgr__backup *b = vmgr__backup_parse(wrong[i].xml, &err);
        struct vmgr__domain_def *def = domain();

        if (b)
            ck_assert_int_eq(vmgr__backup_align(b, def, "now", &err), -1);
        check_message(err, wrong[i].words, wrong[i].xml);
        vmgr__backup_free(b);
        vmgr__domain_def_free(def);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vmgr-checkpoint");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, test_checkpoint);
    tcase_add_test(tc, test_checkpoint_errors);
    tcase_add_test(tc, test_sets);
    tcase_add_test(tc, test_backup);
    tcase_add_test(tc, test_backup_errors);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
