/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill -9 of a caller at any moment of define, start, destroy, rename or undefine.
 *
 * A child works on two domains in a loop and is killed after a random time; then the next caller
 * must find: every definition whole and of one of the versions that were ever written; every
 * emulator that runs shown as active, and every active domain with an emulator; and it must be able
 * to go on.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "sandbox.h"

enum { ROUNDS = 120, MAX_DELAY_US = 60000 };

#define UUID_A "6695eb01-f6a4-8304-79aa-97f2502e3001"
#define UUID_B "6695eb01-f6a4-8304-79aa-97f2502e3002"
#define DOC(name, uuid, title)                                                                     \
    "<domain type='vemu'><name>" name "</name><uuid>" uuid "</uuid><title>" title "</title>"       \
    "<memory unit='MiB'>64</memory><os><type>hvm</type><kernel>/k</kernel></os>"                   \
    "<devices><serial type='pty'/></devices></domain>"

static void setup(void)
{
    sandbox_open();
}

static void teardown(void)
{
    sandbox_close();
}

/* Never ends by itself. Failures do not matter here: a killed predecessor leaves any state. */
static void work(void)
{
    struct vmgr_conn *conn = sandbox_connect(0);
    struct vmgr_domain *a = NULL, *b = NULL;

    for (unsigned i = 0;; i++) {
        vmgr_domain_define_xml(conn, i % 2 ? DOC("a", UUID_A, "one") : DOC("a", UUID_A, "two"), 0,
                               &a, NULL);
        if (a) {
            vmgr_domain_start(a, i % 3 ? 0 : VMGR_DOMAIN_START_PAUSED, NULL);
            vmgr_domain_resume(a, NULL);
            vmgr_domain_destroy(a, 0, NULL);
            vmgr_domain_rename(a, "a2", 0, NULL);
            vmgr_domain_rename(a, "a", 0, NULL);
            if (i % 4 == 0)
                vmgr_domain_undefine(a, 0, NULL);
        }
        if (vmgr_domain_create_xml(conn, DOC("b", UUID_B, "one"), 0, &b, NULL) == 0) {
            vmgr_domain_destroy(b, 0, NULL);
            b = vmgr_domain_unref(b);
        } else if (vmgr_domain_lookup_by_name(conn, "b", &b, NULL) == 0) {
            vmgr_domain_destroy(b, 0, NULL);
            b = vmgr_domain_unref(b);
        }
        a = vmgr_domain_unref(a);
    }
}

static void check_domain(struct vmgr_domain *dom, int *active)
{
    char *title = NULL, *xml = NULL;
    int state;

    OK(vmgr_domain_get_state(dom, 0, &state, NULL, &err));
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "</domain>\n"));
    free(xml);
    OK(vmgr_domain_get_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, NULL, 0, &title, &err));
    ck_assert_msg(strcmp(title, "one") == 0 || strcmp(title, "two") == 0, "title %s", title);
    free(title);
    *active += vmgr_domain_is_active(dom, NULL);
}

/* Every file of a definition is whole, even those the list would leave out. */
static void check_files(struct vmgr_conn *conn)
{
    char path[400];
    DIR *dir;
    const struct dirent *e;
    int files = 0;

    snprintf(path, sizeof(path), "%s/etc/vmgr/domains", scratch_root);
    dir = opendir(path);
    while ((e = readdir(dir))) {
        size_t n = strlen(e->d_name);

        files += n > 4 && strcmp(e->d_name + n - 4, ".xml") == 0;
    }
    closedir(dir);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_PERSISTENT), files);
}

/* How many domains are active and how many emulators run; they must come to agree at once: a
 * process that was just killed takes a moment to be gone. */
static void check_agreement(struct vmgr_conn *conn, int round)
{
    struct vmgr_domain **list;
    struct vmgr_error *error = NULL;
    int active = 0, running = -1, n;

    for (int i = 0; i < 100 && active != running; i++) {
        list = NULL;
        n = vmgr_domain_list(conn, 0, &list, &error);
        ck_assert_msg(n >= 0, "round %d: %s", round, vmgr_error_get_message(error));
        active = 0;
        for (int k = 0; k < n; k++)
            check_domain(list[k], &active);
        vmgr_domain_list_free(list);
        running = sandbox_emulators(NULL);
        if (active != running)
            nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    }
    ck_assert_msg(running == active, "round %d: %d emulators run, %d domains are active", round,
                  running, active);
}

static void check_after_crash(int round)
{
    struct vmgr_conn *conn = sandbox_connect(0);
    struct vmgr_domain *dom = NULL;

    check_agreement(conn, round);
    check_files(conn);
    /* Life goes on. */
    if (vmgr_domain_lookup_by_uuid_string(conn, UUID_A, &dom, NULL) == 0) {
        if (vmgr_domain_is_active(dom, NULL) == 1)
            OK(vmgr_domain_destroy(dom, 0, &err));
        if (vmgr_domain_is_persistent(dom, NULL) == 1) {
            OK(vmgr_domain_start(dom, 0, &err));
            expect_state(dom, "running (booted)");
        }
        vmgr_domain_unref(dom);
    }
    vmgr_conn_unref(conn);
}

START_TEST(test_killed_callers)
{
    unsigned seed = 1;

    vmgr_conn_unref(sandbox_connect(0));
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec delay = { 0, 0 };
        pid_t pid = fork();

        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
        }
        delay.tv_nsec = (long)(rand_r(&seed) % MAX_DELAY_US) * 1000;
        nanosleep(&delay, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        check_after_crash(round);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("crash");
    TCase *t = tcase_create("killed callers");

    tcase_set_timeout(t, 170);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_killed_callers);
    suite_add_tcase(s, t);
    return run_suite(s);
}
