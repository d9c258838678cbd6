/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <qemu:commandline>: kept, told to the emulator behind all else, remarked on, and what is refused.
 */
#include <fcntl.h>

#include "vemu-domain.h"

#define NAMESPACE       "http://libvirt.org/schemas/domain/qemu/1.0"
#define EXTRA(children) "<x:commandline xmlns:x='" NAMESPACE "'>" children "</x:commandline>"

static char environment[65536];

static void read_environment(int pid)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    fd = open(path, O_RDONLY);
    n = read(fd, environment, sizeof(environment) - 2);
    close(fd);
    ck_assert_int_gt(n, 0);
    environment[n] = environment[n + 1] = '\0';
}

static bool has_variable(const char *text)
{
    for (const char *at = environment; *at; at += strlen(at) + 1) {
        if (strcmp(at, text) == 0)
            return true;
    }
    return false;
}

START_TEST(test_told)
{
    struct vmgr_domain *dom = define_v(DOC(
        "v", UUID_V, "x",
        EXTRA("<x:arg value='-device'/><x:arg value='a,b&amp;\"'/><x:env name='ONE' value='1=2'/>"
              "<x:env name='NONE'/><x:env name='VMGR_DOMAIN_UUID' value='another'/>")));
    char **messages = NULL;

    ck_assert(sandbox_shows(dom, 0, "<domain type='vemu' xmlns:qemu='" NAMESPACE "'>"));
    ck_assert(sandbox_shows(dom, 0,
                            "  </devices>\n"
                            "  <qemu:commandline>\n"
                            "    <qemu:arg value='-device'/>\n"
                            "    <qemu:arg value='a,b&amp;&quot;'/>\n"
                            "    <qemu:env name='ONE' value='1=2'/>\n"
                            "    <qemu:env name='NONE'/>\n"
                            "    <qemu:env name='VMGR_DOMAIN_UUID' value='another'/>\n"
                            "  </qemu:commandline>\n</domain>"));
    ck_assert_int_eq(vmgr_domain_get_messages(dom, 0, &messages, NULL), 0);
    vmgr_strings_free(messages);
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(sandbox_ran_with("v", " -S -device 'a,b&\"'"));
    ck_assert_int_eq(sandbox_emulators(read_environment), 1);
    ck_assert(has_variable("ONE=1=2"));
    ck_assert(has_variable("NONE="));
    ck_assert(has_variable("VMGR_DOMAIN_UUID=" UUID_V));
    ck_assert_int_eq(vmgr_domain_get_messages(dom, VMGR_DOMAIN_MESSAGE_TAINTING, &messages, NULL),
                     1);
    ck_assert_str_eq(messages[0], "tainted: custom configuration parameters specified");
    vmgr_strings_free(messages);
    /* another caller knows it from the run's record */
    vmgr_domain_unref(dom);
    dom = by_name(other, "v");
    ck_assert(sandbox_shows(dom, 0, "<qemu:env name='ONE' value='1=2'/>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *xml, *message;
    } rows[] = {
        { DOC("v", UUID_V, "x", EXTRA("<x:arg/>")), "No qemu command-line argument specified" },
        { DOC("v", UUID_V, "x", EXTRA("<x:env value='1'/>")),
          "No qemu environment name specified" },
        { DOC("v", UUID_V, "x", EXTRA("<x:env name='1x'/>")),
          "Invalid environment name, it must begin with a letter or underscore" },
        { DOC("v", UUID_V, "x", EXTRA("<x:env name='a=b'/>")),
          "Invalid environment name, it must contain only alphanumerics and underscore" },
    };
    struct vmgr_domain *dom = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char message[200];

        snprintf(message, sizeof(message), "internal error: %s", rows[i].message);
        FAILS(vmgr_domain_define_xml(conn, rows[i].xml, 0, &dom, &err), VMGR_ERR_INTERNAL_ERROR,
              message);
    }
    dom = define_v(DOC("v", UUID_V, "x", EXTRA("<x:arg value='-nonsense'/>")));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: process exited while connecting to monitor: fake-vemu: -nonsense: "
          "invalid option");
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("commandline");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_told);
    tcase_add_test(t, test_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
