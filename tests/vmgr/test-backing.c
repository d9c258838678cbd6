/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What guests' memory is made of: huge pages, and files: which there are, whose they are, and that
 * nothing is left of them, however a run ends.
 */
#include <errno.h>
#include <glib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "vemu-domain.h"

#define FILE_DOC(backing, more)                                                                    \
    "<domain type='vemu'><name>v</name><uuid>" UUID_V "</uuid>"                                    \
    "<maxMemory slots='4' unit='MiB'>4096</maxMemory><memory unit='MiB'>64</memory>"               \
    "<memoryBacking>" backing "</memoryBacking>"                                                   \
    "<os><type machine='q35'>hvm</type><kernel>/boot/vmlinuz</kernel></os>" more "</domain>"
#define SOURCE "<source type='file'/>"
#define DIMM                                                                                       \
    "<memory model='dimm' access='shared' discard='yes'><target><size unit='MiB'>64</size>"        \
    "</target></memory>"
#define LINK "run/vmgr/domains/v.d/ram"
#define BASE "var/lib/vmgr/ram"

/* For g_free(). */
static char *in_root(const char *path)
{
    return g_build_filename(scratch_root, path, NULL);
}

static bool is_there(const char *path)
{
    g_autofree char *full = in_root(path);
    struct stat st;

    return lstat(full, &st) == 0;
}

/* How many names a directory has; -1: it is not there. */
static int names_in(const char *path)
{
    g_autofree char *full = in_root(path);
    g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
    int n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    return dir ? n : -1;
}

static void expect_nothing(void)
{
    ck_assert(!is_there(LINK));
    ck_assert_int_le(names_in(BASE), 0);
}

static void settings(const char *text)
{
    g_autofree char *path = in_root("etc/vmgr/vemu.conf");
    g_autofree char *all = g_strdup_printf("[vemu]\n%s\n", text);

    ck_assert(g_file_set_contents(path, all, -1, NULL));
}

START_TEST(main_memory)
{
    struct vmgr_domain *dom = define_v(FILE_DOC(SOURCE "<access mode='shared'/><discard/>", ""));
    g_autofree char *link = in_root(LINK);
    g_autofree char *path = NULL;
    g_autofree char *base = in_root(BASE);
    struct stat st;

    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "-object memory-backend-file,id=pc.ram,mem-path=ram/pc.ram,"
                                    "discard-data=on,size=67108864,share=on -machine "
                                    "q35,memory-backend=pc.ram"));
    path = g_file_read_link(link, NULL);
    ck_assert_ptr_nonnull(path);
    ck_assert(g_str_has_prefix(path, base));
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert(is_there(LINK "/pc.ram"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    expect_nothing();
    vmgr_domain_unref(dom);

    /* huge pages are more than a file, and private memory is not the file's to discard */
    dom = define_v(FILE_DOC(SOURCE "<hugepages/>", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "-object memory-backend-memfd,id=pc.ram,size=67108864,"
                                    "share=off,hugetlb=on -machine"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    expect_nothing();
    vmgr_domain_unref(dom);
}
END_TEST

static void take_name(struct vmgr_domain *dom, const char *command, const char *name)
{
    g_autofree char *text = g_strdup_printf(
        "{\"execute\":\"%s\",\"arguments\":{\"qom-type\":\"x\",\"id\":\"%s\"}}", command, name);
    char *answer = NULL;

    OK(vmgr_domain_monitor_command(dom, text, 0, &answer, &err));
    free(answer);
}

START_TEST(cells_and_modules)
{
    struct vmgr_domain *dom =
        define_v(FILE_DOC(SOURCE, "<cpu><numa><cell id='0' memory='32768' memAccess='shared'/>"
                                  "<cell id='1' memory='32768' discard='yes'/></numa></cpu>"));
    static const char dimm[] =
        "<memory model='dimm'><target><size unit='MiB'>64</size><node>1</node></target></memory>";

    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "-object memory-backend-file,id=ram-node0,"
                                    "mem-path=ram/ram-node0,size=33554432,share=on -numa "));
    ck_assert(sandbox_ran_with("v", "-object memory-backend-file,id=ram-node1,"
                                    "mem-path=ram/ram-node1,discard-data=on,size=33554432,"
                                    "share=off -numa "));
    ck_assert_int_eq(names_in(LINK), 2);
    OK(vmgr_domain_attach_device(dom, dimm, 0, &err));
    ck_assert(is_there(LINK "/dimm0"));
    OK(vmgr_domain_detach_device(dom, dimm, 0, &err));
    ck_assert(!is_there(LINK "/dimm0"));
    /* one whose object cannot be made, and one whose device cannot */
    take_name(dom, "object-add", "memdimm0");
    FAILS(vmgr_domain_attach_device(dom, dimm, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'object-add': the name is taken");
    take_name(dom, "object-del", "memdimm0");
    take_name(dom, "object-add", "dimm0");
    FAILS(vmgr_domain_attach_device(dom, dimm, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'device_add': the name is taken");
    ck_assert(!is_there(LINK "/dimm0"));
    take_name(dom, "object-del", "dimm0");
    OK(vmgr_domain_attach_device(dom, dimm, 0, &err));
    ck_assert_int_eq(names_in(LINK), 3);
    OK(vmgr_domain_destroy(dom, 0, &err));
    expect_nothing();
    vmgr_domain_unref(dom);

    dom = define_v(FILE_DOC(SOURCE, ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "mem-path=ram/pc.ram,size=67108864,share=off -machine"));
    OK(vmgr_domain_attach_device(dom, DIMM, 0, &err));
    OK(vmgr_domain_attach_device(dom, DIMM, 0, &err));
    ck_assert_int_eq(names_in(LINK), 3);
    OK(vmgr_domain_destroy(dom, 0, &err));
    expect_nothing();
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(huge_pages)
{
    static const char *const refused[][2] = {
        { "<hugepages/><allocation mode='ondemand'/>",
          "hugepages are not allowed with memory allocation ondemand" },
        { "<hugepages><page size='1' unit='G'/></hugepages><source type='anonymous'/>",
          "hugepages are not allowed with anonymous memory source" },
    };
    struct vmgr_domain *dom = define_v(
        FILE_DOC("<hugepages><page size='1' unit='G' nodeset='1'/><page size='2' unit='M'/>"
                 "<page size='4' nodeset='0,2'/></hugepages>",
                 "<cpu><numa><cell id='0' memory='16' unit='MiB' memAccess='shared'/>"
                 "<cell id='1' memory='16' unit='MiB'/><cell id='2' memory='16' unit='MiB'/>"
                 "<cell id='3' memory='16' unit='MiB'/></numa></cpu>"));
    static const char dimm[] = "<memory model='dimm'>%s<target><size "
                               "unit='MiB'>64</size><node>%d</node></target></memory>";
    g_autofree char *large = g_strdup_printf(dimm, "", 1);
    g_autofree char *small =
        g_strdup_printf(dimm, "<source><pagesize unit='KiB'>4</pagesize></source>", 1);

    OK(vmgr_domain_attach_device(dom, large, VMGR_DOMAIN_AFFECT_CONFIG, &err));
    OK(vmgr_domain_attach_device(dom, small, VMGR_DOMAIN_AFFECT_CONFIG, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "memory-backend-memfd,id=ram-node0,size=16777216,share=on "));
    ck_assert(sandbox_ran_with("v", "memory-backend-memfd,id=ram-node1,size=16777216,share=off,"
                                    "hugetlb=on,hugetlbsize=1073741824 "));
    ck_assert(sandbox_ran_with("v", "memory-backend-ram,id=ram-node2,size=16777216,share=off "));
    ck_assert(sandbox_ran_with("v", "memory-backend-memfd,id=ram-node3,size=16777216,share=off,"
                                    "hugetlb=on,hugetlbsize=2097152 "));
    ck_assert(sandbox_ran_with("v", "memory-backend-memfd,id=memdimm0,size=67108864,share=off,"
                                    "hugetlb=on,hugetlbsize=1073741824 "));
    ck_assert(sandbox_ran_with("v", "memory-backend-ram,id=memdimm1,size=67108864,share=off "));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    /* without cells all is node 0 */
    dom = define_v(FILE_DOC("<hugepages><page size='2' unit='M' nodeset='0'/></hugepages>", ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", "memory-backend-memfd,id=pc.ram,size=67108864,share=off,"
                                    "hugetlb=on,hugetlbsize=2097152 "));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *xml = g_strdup_printf(FILE_DOC("%s", ""), refused[i][0]);
        g_autofree char *message = g_strconcat("unsupported configuration: ", refused[i][1], NULL);

        dom = define_v(xml);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
        vmgr_domain_unref(dom);
    }
}
END_TEST

/* A guest that could do what it wants in its directory, whose emulator is killed: the next who
 * looks removes it, and only it. */
START_TEST(emulator_killed)
{
    struct vmgr_domain *dom = define_v(FILE_DOC(SOURCE, ""));
    g_autofree char *link = in_root(LINK), *inner = in_root(LINK "/a/b/c");
    g_autofree char *odd = in_root(LINK "/a/odd"), *outside = in_root("outside");
    g_autofree char *file = in_root("outside/file"), *more = in_root(LINK "/a/b/file");

    ck_assert_int_eq(g_mkdir_with_parents(outside, 0700), 0);
    ck_assert(g_file_set_contents(file, "x", 1, NULL));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_int_eq(g_mkdir_with_parents(inner, 0700), 0);
    ck_assert_int_eq(symlink(outside, odd), 0);
    ck_assert_int_eq(link != NULL && g_file_set_contents(more, "x", 1, NULL), 1);
    sandbox_emulators(sandbox_kill);
    await_no_emulator();
    expect_state(dom, "shut off (crashed)");
    expect_nothing();
    ck_assert(is_there("outside/file"));
    vmgr_domain_unref(dom);
}
END_TEST

/* Never ends by itself. */
static void churn(void)
{
    struct vmgr_conn *c = sandbox_connect(0);
    struct vmgr_domain *v = NULL;

    if (vmgr_domain_lookup_by_name(c, "v", &v, NULL) < 0)
        _exit(1);
    for (;;) {
        vmgr_domain_start(v, 0, NULL);
        vmgr_domain_attach_device(v, DIMM, 0, NULL);
        vmgr_domain_detach_device(v, DIMM, 0, NULL);
        vmgr_domain_destroy(v, 0, NULL);
    }
}

/* Callers are killed while guests begin and end: files are there as long as a guest has them. */
START_TEST(caller_killed)
{
    struct vmgr_domain *dom = define_v(FILE_DOC(SOURCE, ""));

    for (int round = 0; round < 40; round++) {
        struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;

        sandbox_kill_caller(churn, 60000);
        OK(vmgr_domain_get_info(dom, &info, &err));
        if (info.state == VMGR_DOMAIN_SHUTOFF)
            OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_suspend(dom, &err)); /* settles what was torn */
        ck_assert(is_there(LINK "/pc.ram"));
        OK(vmgr_domain_destroy(dom, 0, &err));
        expect_nothing();
    }
    vmgr_domain_unref(dom);
}
END_TEST

/* A host that crashed has no status of what ran. */
START_TEST(host_crashed)
{
    struct vmgr_domain *dom = define_v(FILE_DOC(SOURCE, "")), *other_dom;
    g_autofree char *link = in_root(LINK);
    g_autofree char *path = NULL, *gone = NULL, *gone_file = NULL, *foreign = NULL, *own = NULL;
    const char *suffix;

    OK(vmgr_domain_start(dom, 0, &err));
    path = g_file_read_link(link, NULL);
    OK(vmgr_domain_destroy(dom, 0, &err));
    suffix = strrchr(path, '.');
    gone = g_strconcat(path, suffix, NULL); /* of one that was called v.SUM */
    gone_file = g_build_filename(gone, "pc.ram", NULL);
    foreign = g_strconcat(path, "0", NULL);
    own = g_build_filename(path, "pc.ram", NULL);
    ck_assert_int_eq(g_mkdir_with_parents(gone, 0700), 0);
    ck_assert_int_eq(g_mkdir_with_parents(foreign, 0700), 0);
    ck_assert_int_eq(g_mkdir_with_parents(path, 0700), 0);
    ck_assert(g_file_set_contents(gone_file, "x", 1, NULL));
    ck_assert(g_file_set_contents(own, "x", 1, NULL));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(!g_file_test(gone, G_FILE_TEST_EXISTS));
    ck_assert_int_eq(names_in(BASE), 2);
    /* any start looks, and leaves what is in use */
    ck_assert_int_eq(g_mkdir_with_parents(gone, 0700), 0);
    other_dom = define_v(DOC("w", "6695eb01-f6a4-8304-79aa-97f2502e2002", "x", ""));
    OK(vmgr_domain_start(other_dom, 0, &err));
    ck_assert(!g_file_test(gone, G_FILE_TEST_EXISTS));
    ck_assert(is_there(LINK "/pc.ram"));
    OK(vmgr_domain_destroy(other_dom, 0, &err));
    vmgr_domain_unref(other_dom);
    OK(vmgr_domain_destroy(dom, 0, &err));
    ck_assert_int_eq(names_in(BASE), 1);
    ck_assert(g_file_test(foreign, G_FILE_TEST_EXISTS));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(places)
{
    struct vmgr_domain *dom = define_v(FILE_DOC(SOURCE, ""));
    g_autofree char *dir = in_root("elsewhere"), *base = in_root("elsewhere/vmgr");
    g_autofree char *conf = in_root("etc/vmgr/vemu.conf");
    g_autofree char *key = g_strconcat("memory_backing_dir=", dir, NULL);
    g_autofree char *message = NULL;

    settings("memory_backing_dir=elsewhere");
    message = g_strdup_printf("configuration file syntax error: %s: memory_backing_dir must be "
                              "absolute",
                              conf);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONF_SYNTAX, message);
    g_free(message);
    settings(key);
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_int_eq(names_in("elsewhere/vmgr"), 1);
    ck_assert(is_there(LINK "/pc.ram"));
    /* what it says later is for later starts */
    settings("");
    OK(vmgr_domain_destroy(dom, 0, &err));
    ck_assert_int_eq(names_in("elsewhere/vmgr"), 0);
    settings(key);
    ck_assert_int_eq(chmod(base, 01777), 0);
    message = g_strdup_printf("operation failed: directory '%s' cannot have guests' memory: others "
                              "may write there",
                              base);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_OPERATION_FAILED, message);
    ck_assert_int_eq(names_in("elsewhere/vmgr"), 0);
    ck_assert_int_eq(rmdir(base), 0);
    ck_assert(g_file_set_contents(base, "x", 1, NULL));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_OPERATION_FAILED, message);
    expect_state(dom, "shut off (failed)");
    vmgr_domain_unref(dom);
}
END_TEST

static void check_user(int pid)
{
    g_autofree char *proc = g_strdup_printf("/proc/%d", pid);
    g_autofree char *link = in_root(LINK);
    g_autofree char *path = g_file_read_link(link, NULL);
    g_autofree char *file = g_build_filename(path, "pc.ram", NULL);
    struct stat process, st;

    ck_assert_int_eq(stat(proc, &process), 0);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_uint_ge(st.st_uid, 1900000000);
    ck_assert_uint_eq(st.st_uid, process.st_uid);
    ck_assert_uint_eq(st.st_gid, process.st_gid);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(lstat(file, &st), 0);
    ck_assert_uint_eq(st.st_uid, process.st_uid);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert_uint_eq(st.st_uid, 0);
}

/* A user of its own gets there, and nothing on the way stays open to it. */
START_TEST(guest_users)
{
    static const char *const ways[] = { BASE, "var/lib/vmgr", "var/lib", "var" };
    g_autofree char *kernel = in_root("vmlinuz");
    g_autofree char *xml = g_strdup_printf(
        "<domain type='vemu'><name>v</name><uuid>" UUID_V "</uuid><memory unit='MiB'>64</memory>"
        "<memoryBacking>" SOURCE "</memoryBacking><os><type>hvm</type><kernel>%s</kernel></os>"
        "</domain>",
        kernel);
    struct vmgr_domain *dom;

    ck_assert(g_file_set_contents(kernel, "x", 1, NULL));
    settings("guests_as=own");
    dom = define_v(xml);
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_int_eq(sandbox_emulators(check_user), 1);
    OK(vmgr_domain_destroy(dom, 0, &err));
    expect_nothing();
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autofree char *path = in_root(ways[i]);
        char list[8];

        ck_assert_int_lt(lgetxattr(path, "system.posix_acl_access", list, 0), 0);
    }
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backing");
    TCase *c = tcase_create("backing");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, main_memory);
    tcase_add_test(c, cells_and_modules);
    tcase_add_test(c, huge_pages);
    tcase_add_test(c, emulator_killed);
    tcase_add_test(c, caller_killed);
    tcase_add_test(c, host_crashed);
    tcase_add_test(c, places);
    if (geteuid() == 0)
        tcase_add_test(c, guest_users);
    suite_add_tcase(s, c);
    return run_suite(s);
}
