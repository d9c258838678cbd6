/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs that storage needs, made up: what happens when they say what they do not every day.
 */
#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char dir[] = "/tmp/test-tools-XXXXXX";
static struct vmgr_conn *conn;

/* A program that is this shell script; `$here` is the directory. */
static void make_tool(const char *name, const char *script)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dir, name);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\nhere=%s\n%s\n", dir, script);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
    ck_assert_int_eq(chmod(path, 0755), 0);
}

static bool is_there(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dir, name);

    return access(path, F_OK) == 0;
}

static void set_up(void)
{
    g_autofree char *uri = NULL;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    uri = g_strdup_printf("vemu:///system?root=%s/root", dir);
    g_setenv("VMGR_TOOLS_PATH", dir, TRUE);
    OK(vmgr_conn_open(uri, 0, &conn, &err));
}

static void tear_down(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", dir);

    conn = vmgr_conn_unref(conn);
    ck_assert_int_eq(system(command), 0);
}

static int look_for_exports(char **ret, struct vmgr_error **err)
{
    return vmgr_conn_find_pool_sources(conn, "netfs", "<source><host name='h'/></source>", 0, ret,
                                       err);
}

/* What another host makes a program print is no more than there is room for. */
START_TEST(test_prints_too_much)
{
    char *xml = NULL;

    make_tool("showmount", "echo '/export (everyone)'");
    OK(look_for_exports(&xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<dir path='/export'/>"));
    free(xml);
    make_tool("showmount", "while :; do echo /export; done");
    FAILS(look_for_exports(&xml, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: 'showmount' printed too much");
    make_tool("showmount", "while :; do echo /export >&2; done");
    FAILS(look_for_exports(&xml, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: 'showmount' printed too much");
    make_tool("showmount", "echo no such host >&2; exit 3");
    FAILS(look_for_exports(&xml, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: Child process (showmount) unexpected exit status 3: no such host");
    make_tool("showmount", "kill -9 $$");
    FAILS(look_for_exports(&xml, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: Child process (showmount) unexpected exit status 137: ");
}
END_TEST

/* A disk without partitions may hold other things, which go only when that is asked for. */
START_TEST(test_disk_in_use)
{
    const char *formatted = "Storage pool already built: Device '/dev/none' already formatted";
    struct vmgr_pool *pool = NULL;

    make_tool("parted", "case \"$*\" in *mklabel*) touch $here/labelled;;\n"
                        "*) echo 'unrecognised disk label' >&2; exit 1;; esac");
    make_tool("blkid", "echo TYPE=crypto_LUKS");
    OK(vmgr_pool_define_xml(conn,
                            "<pool type='disk'><name>p</name><source><device path='/dev/none'/>"
                            "<format type='gpt'/></source><target><path>/dev</path></target>"
                            "</pool>",
                            0, &pool, &err));
    FAILS(vmgr_pool_build(pool, 0, &err), VMGR_ERR_STORAGE_POOL_BUILT, formatted);
    FAILS(vmgr_pool_build(pool, VMGR_POOL_BUILD_NO_OVERWRITE, &err), VMGR_ERR_STORAGE_POOL_BUILT,
          formatted);
    make_tool("blkid", "echo cannot read >&2; exit 8");
    FAILS(vmgr_pool_build(pool, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: Child process (blkid) unexpected exit status 8: cannot read");
    ck_assert(!is_there("labelled"));
    make_tool("blkid", "exit 2"); /* nothing */
    OK(vmgr_pool_build(pool, 0, &err));
    ck_assert(is_there("labelled"));
    make_tool("blkid", "echo TYPE=crypto_LUKS");
    OK(vmgr_pool_build(pool, VMGR_POOL_BUILD_OVERWRITE, &err));
    OK(vmgr_pool_undefine(pool, &err));
    vmgr_pool_unref(pool);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("storage");
    TCase *t = tcase_create("tools");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, test_prints_too_much);
    tcase_add_test(t, test_disk_in_use);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
