/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors for disks of the vemu driver: who has a group, for how long, and what is said when it
 * is not there. What the emulator makes of them is integration/disk-descriptors.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <vmgr/files.h>

#include "vemu-domain.h"

#define DISK(attrs)                                                                                \
    "<devices><disk type='file'><source " attrs "/><target dev='vda'/></disk></devices>"
#define MISSING "invalid argument: file descriptor group 'g' was not associated with the domain"

static int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

START_TEST(test_groups)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", DISK("file='/no/disk' fdgroup='g'")));
    struct vmgr_domain *twin = by_name(other, "v");
    const int fds[] = { open("/dev/null", O_RDWR | O_CLOEXEC), 0 };
    char *xml = NULL;
    int before;

    ck_assert_int_ge(fds[0], 0);
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<source file='/no/disk' fdgroup='g'/>"));
    free(xml);
    before = count_fds();
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INVALID_ARG, MISSING);
    expect_state(dom, "shut off (unknown)");
    OK(vmgr_domain_associate_files(dom, "other", fds, 1, 0, &err));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INVALID_ARG, MISSING);
    OK(vmgr_domain_associate_files(dom, "g", fds, 2, VMGR_DOMAIN_FILES_SECLABEL_RESTORE, &err));
    OK(vmgr_domain_associate_files(dom, "g", fds, 1, VMGR_DOMAIN_FILES_SECLABEL_WRITABLE, &err));
    ck_assert_int_eq(count_fds(), before + 2);
    /* It is the connection's. */
    FAILS(vmgr_domain_start(twin, 0, &err), VMGR_ERR_INVALID_ARG, MISSING);
    for (int i = 0; i < 2; i++) { /* as often as it is started */
        OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_destroy(dom, 0, &err));
    }
    OK(vmgr_domain_dissociate_files(dom, "other", &err));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_dissociate_files(dom, "g", &err));
    expect_state(dom, "running (booted)");
    OK(vmgr_domain_destroy(dom, 0, &err));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INVALID_ARG, MISSING);
    FAILS(vmgr_domain_dissociate_files(dom, "g", &err), VMGR_ERR_INVALID_ARG, MISSING);
    await_no_emulator();
    ck_assert_int_eq(count_fds(), before);
    close(fds[0]);
    vmgr_domain_unref(twin);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_limits)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", DISK("file='/no/disk' fdgroup='g'")));
    struct vmgr_conn *reader = sandbox_connect(VMGR_CONN_RO);
    struct vmgr_domain *looks = by_name(reader, "v");
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    char name[16];

    FAILS(vmgr_domain_associate_files(looks, "g", &fd, 1, 0, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virDomainFDAssociate");
    FAILS(vmgr_domain_start_with_files(dom, &fd, 1, 0, &err), VMGR_ERR_NO_SUPPORT,
          "this function is not supported by the connection driver: virDomainCreateWithFiles");
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        OK(vmgr_domain_associate_files(dom, name, &fd, 1, 0, &err));
    }
    FAILS(vmgr_domain_associate_files(dom, "g", &fd, 1, 0, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: there are 256 groups of file descriptors already");
    OK(vmgr_domain_associate_files(dom, "g7", &fd, 1, 0, &err));
    OK(vmgr_domain_dissociate_files(dom, "g9", &err));
    OK(vmgr_domain_associate_files(dom, "g", &fd, 1, 0, &err));
    OK(vmgr_domain_undefine(dom, 0, &err));
    FAILS(vmgr_domain_associate_files(dom, "g", &fd, 1, 0, &err), VMGR_ERR_NO_DOMAIN,
          "Domain not found: no domain with matching uuid '" UUID_V "' (v)");
    OK(vmgr_domain_dissociate_files(dom, "g", &err));
    close(fd);
    vmgr_domain_unref(looks);
    vmgr_conn_unref(reader);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_documents)
{
    static const char *const bad[] = {
        DOC("b", UUID_V, "x", DISK("file='/d' fdgroup=''")),
        DOC("b", UUID_V, "x", DISK("fdgroup='g'")),
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        FAILS(vmgr_domain_create_xml(conn, bad[i], 0, NULL, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              "unsupported configuration: <source fdgroup='...'> is of disks of type 'file', with "
              "a name and 'file'");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("files");
    TCase *t = tcase_create("vemu driver");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_groups);
    tcase_add_test(t, test_limits);
    tcase_add_test(t, test_documents);
    suite_add_tcase(s, t);
    return run_suite(s);
}
