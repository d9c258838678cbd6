/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of the vemu driver, seen by several connections: changed, damaged, moved, kept in
 * memory.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include "vemu-domain.h"

/* Files that somebody damaged or copied harm no other domain. */
START_TEST(test_damaged_files)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    char from[400], to[400], command[900];
    FILE *f;

    snprintf(from, sizeof(from), "%s/etc/vmgr/domains/v.xml", scratch_root);
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/copy.xml", scratch_root);
    snprintf(command, sizeof(command), "cp %s %s", from, to);
    ck_assert_int_eq(system(command), 0);
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/broken.xml", scratch_root);
    f = fopen(to, "w");
    fputs("<domain", f);
    fclose(f);
    ck_assert_int_eq(count_domains(conn, 0), 1);
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

/* A file in the way of a new name, which is no domain's: the rename fails and leaves nothing. */
START_TEST(test_rename_in_the_way)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "")), *later;
    char path[400];
    FILE *f;

    OK(vmgr_domain_set_autostart(dom, 1, &err));
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/w.xml", scratch_root);
    f = fopen(path, "w");
    fputs("<domain", f);
    fclose(f);
    ck_assert_int_eq(vmgr_domain_rename(dom, "w", 0, NULL), -1);
    ck_assert_str_eq(vmgr_domain_get_name(dom), "v");
    ck_assert_int_eq(vmgr_domain_get_autostart(dom, NULL), 1);
    ck_assert_int_eq(unlink(path), 0);
    later = define_v(DOC("w", "6695eb01-f6a4-8304-79aa-97f2502e2002", "x", ""));
    ck_assert_int_eq(vmgr_domain_get_autostart(later, NULL), 0);
    vmgr_domain_unref(later);
    vmgr_domain_unref(dom);
}
END_TEST

/* Without room for a status a guest can be ended, and is seen to have ended. */
START_TEST(test_destroy_without_room)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "")), *passing = NULL;
    int suspended, ended, passed, left, state = -1, reason;

    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_create_xml(conn, DOC("p", "6695eb01-f6a4-8304-79aa-97f2502e2002", "x", ""), 0,
                              &passing, &err));
    sandbox_set_room(false);
    suspended = vmgr_domain_suspend(dom, NULL);
    ended = vmgr_domain_destroy(dom, 0, NULL);
    passed = vmgr_domain_destroy(passing, 0, NULL);
    left = vmgr_domain_list(conn, 0, NULL, NULL);
    sandbox_set_room(true);
    ck_assert_int_eq(suspended, -1); /* that would have to be written down */
    ck_assert_int_eq(ended, 0);
    ck_assert_int_eq(passed, 0);
    ck_assert_int_eq(left, 1);
    await_no_emulator();
    OK(vmgr_domain_get_state(dom, 0, &state, &reason, &err));
    ck_assert_int_eq(state, VMGR_DOMAIN_SHUTOFF);
    OK(vmgr_domain_start(dom, 0, &err));
    sandbox_set_room(false);
    sandbox_emulators(sandbox_kill);
    do /* one that is killed takes a moment to be gone */
        ended = vmgr_domain_get_state(dom, 0, &state, &reason, NULL);
    while (ended == 0 && state == VMGR_DOMAIN_RUNNING);
    sandbox_set_room(true);
    ck_assert_int_eq(ended, 0);
    ck_assert_int_eq(state, VMGR_DOMAIN_SHUTOFF);
    vmgr_domain_unref(passing);
    vmgr_domain_unref(dom);
}
END_TEST

/* A status that nobody can read is none, unless something works in the run's directory. */
START_TEST(test_torn_status)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    struct vmgr_error *why = NULL;
    struct vmgr_conn *fresh;
    char dir[400], path[450];
    pid_t pid;
    FILE *f;

    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    snprintf(dir, sizeof(dir), "%s/run/vmgr/domains/v.d", scratch_root);
    snprintf(path, sizeof(path), "%s/status.xml", dir);
    f = fopen(path, "w");
    fputs("<domstatus phase='act", f);
    fclose(f);
    pid = fork();
    if (pid == 0) {
        if (chdir(dir) == 0)
            kill(getpid(), SIGSTOP);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
    ck_assert_int_eq(vmgr_domain_start(dom, 0, &why), -1); /* it might run */
    ck_assert_ptr_nonnull(strstr(vmgr_error_get_message(why), "domain_status"));
    vmgr_error_free(why);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    fresh = sandbox_connect(0);
    ck_assert_int_eq(count_domains(fresh, 0), 1);
    vmgr_conn_unref(fresh);
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

/* Makes the status of domain v something that nobody can read. */
static void spoil_status(int how)
{
    static const char *const texts[] = { "", "garbage", "<domstatus phase='active' boot=", NULL };
    char path[400];

    snprintf(path, sizeof(path), "%s/run/vmgr/domains/v.d/status.xml", scratch_root);
    ck_assert_int_eq(unlink(path), 0);
    if (texts[how]) {
        FILE *f = fopen(path, "w");

        fputs(texts[how], f);
        fclose(f);
    } else {
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
}

/* A guest runs, and its status cannot be read: it is in every list, and says why nobody knows more.
 * When the status is back, or its process gone, it is as it was. */
START_TEST(test_unreadable_status)
{
    const bool transient = _i >= 4;
    struct vmgr_domain *dom, **list = NULL, *found;
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    char keep[400], path[400], uuid[VMGR_UUID_STRING_SIZE], *xml = NULL;
    struct vmgr_conn *fresh;
    int state;

    if (transient)
        OK(vmgr_domain_create_xml(conn, DOC("v", UUID_V, "x", ""), 0, &dom, &err));
    else
        dom = define_v(DOC("v", UUID_V, "x", ""));
    snprintf(uuid, sizeof(uuid), "%s", vmgr_domain_get_uuid_string(dom));
    if (!transient)
        OK(vmgr_domain_start(dom, 0, &err));
    snprintf(path, sizeof(path), "%s/run/vmgr/domains/v.d/status.xml", scratch_root);
    snprintf(keep, sizeof(keep), "%s/kept", scratch_root);
    ck_assert_int_eq(link(path, keep), 0);
    spoil_status(_i % 4);
    expect_state(dom, "running (booted)"); /* as it was known to be */
    fresh = sandbox_connect(0);
    ck_assert_int_eq(vmgr_domain_list(fresh, VMGR_DOMAIN_LIST_ACTIVE, &list, NULL), 1);
    found = list[0];
    ck_assert_str_eq(vmgr_domain_get_name(found), "v");
    ck_assert_str_eq(vmgr_domain_get_uuid_string(found), uuid);
    ck_assert_int_eq(vmgr_domain_is_persistent(found, NULL), !transient);
    FAILS(vmgr_domain_get_state(found, 0, &state, NULL, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: the status file of domain 'v' cannot be read; it may run");
    FAILS(vmgr_domain_get_info(found, &info, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: the status file of domain 'v' cannot be read; it may run");
    FAILS(vmgr_domain_get_xml(found, 0, &xml, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: the status file of domain 'v' cannot be read; it may run");
    if (!transient) {
        OK(vmgr_domain_get_xml(found, VMGR_DOMAIN_XML_INACTIVE, &xml, &err));
        ck_assert_ptr_nonnull(strstr(xml, uuid));
        free(xml);
    }
    ck_assert_int_eq(vmgr_domain_start(found, 0, NULL), -1);
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    /* back again */
    if (_i % 4 == 3)
        ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rename(keep, path), 0);
    expect_state(found, "running (booted)");
    ck_assert_int_gt(vmgr_domain_get_id(found, NULL), 0);
    OK(vmgr_domain_destroy(found, 0, &err));
    vmgr_domain_list_free(list);
    vmgr_conn_unref(fresh);
    ck_assert_int_eq(count_domains(conn, VMGR_DOMAIN_LIST_ACTIVE), 0);
    vmgr_domain_unref(dom);
}
END_TEST

/* How many times a connection looks until it relies on being told, and more. */
enum { MANY_LOOKS = 500 };

static int entry_of(const char *name, struct vmgr_domain_entry *ret)
{
    struct vmgr_domain_entry *list;
    int found = 0;

    ck_assert_int_ge(vmgr_domain_list_entries(other, 0, &list, NULL), 0);
    for (struct vmgr_domain_entry *e = list; e->domain; e++) {
        if (strcmp(vmgr_domain_get_name(e->domain), name) == 0) {
            *ret = *e;
            found++;
        }
    }
    vmgr_domain_entries_free(list);
    return found;
}

static char *title_of(struct vmgr_domain *dom)
{
    char *text = NULL;

    vmgr_domain_get_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, NULL, 0, &text, NULL);
    return text;
}

/* What others do is seen at once, also by a connection that does not look at every file. */
START_TEST(test_noticed)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY)), *twin = by_name(other, "v");
    struct vmgr_domain_entry e;
    char path[400], to[400], *title;
    FILE *f;

    for (int i = 0; i < MANY_LOOKS; i++)
        ck_assert_int_eq(vmgr_domain_is_active(twin, NULL), 0);
    ck_assert_int_eq(entry_of("v", &e), 1);
    ck_assert_int_eq(e.state, VMGR_DOMAIN_SHUTOFF);
    for (int i = 1; i <= 3; i++) {
        OK(vmgr_domain_start(dom, 0, &err));
        ck_assert_int_eq(vmgr_domain_is_active(twin, NULL), 1);
        ck_assert_int_eq(entry_of("v", &e), 1);
        ck_assert_int_eq(e.state, VMGR_DOMAIN_RUNNING);
        ck_assert_int_eq(e.id, vmgr_domain_get_id(dom, NULL));
        OK(vmgr_domain_suspend(dom, &err));
        ck_assert_int_eq(entry_of("v", &e), 1);
        ck_assert_int_eq(e.state, VMGR_DOMAIN_PAUSED);
        OK(vmgr_domain_destroy(dom, 0, &err));
        expect_state(twin, "shut off (destroyed)");
    }
    OK(vmgr_domain_start(dom, 0, &err));
    expect_state(twin, "running (booted)");
    OK(vmgr_domain_shutdown(dom, 0, &err)); /* the guest ends by itself */
    await_no_emulator();
    expect_state(twin, "shut off (shutdown)");
    OK(vmgr_domain_set_autostart(dom, 1, &err));
    ck_assert_int_eq(vmgr_domain_get_autostart(twin, NULL), 1);
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, "T", NULL, NULL, 0, &err));
    title = title_of(twin);
    ck_assert_str_eq(title, "T");
    free(title);
    /* an editor that writes into the file */
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", scratch_root);
    f = fopen(path, "w");
    fputs(DOC("v", UUID_V, "x", "<title>U</title>"), f);
    fclose(f);
    title = title_of(twin);
    ck_assert_str_eq(title, "U");
    free(title);
    /* another, that replaces it; and a file that somebody brings along */
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/w.xml", scratch_root);
    f = fopen(to, "w");
    fputs(DOC("w", "6695eb01-f6a4-8304-79aa-97f2502e2002", "x", ""), f);
    fclose(f);
    ck_assert_int_eq(entry_of("w", &e), 1);
    ck_assert_int_eq(unlink(to), 0);
    ck_assert_int_eq(entry_of("w", &e), 0);
    OK(vmgr_domain_rename(dom, "n", 0, &err));
    ck_assert_int_eq(entry_of("v", &e), 0);
    ck_assert_int_eq(entry_of("n", &e), 1);
    OK(vmgr_domain_undefine(dom, 0, &err));
    ck_assert_int_eq(entry_of("n", &e), 0);
    FAILS(vmgr_domain_get_id(twin, &err), VMGR_ERR_NO_DOMAIN,
          "Domain not found: no domain with matching uuid '" UUID_V "' (v)");
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

/* The directory of definitions goes away below a connection that relies on being told. */
START_TEST(test_noticed_until_moved)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY)), *twin = by_name(other, "v");
    struct vmgr_domain_entry e;
    char from[400], to[400];

    for (int i = 0; i < MANY_LOOKS; i++)
        ck_assert_int_eq(vmgr_domain_is_active(twin, NULL), 0);
    snprintf(from, sizeof(from), "%s/etc/vmgr/domains", scratch_root);
    snprintf(to, sizeof(to), "%s/etc/vmgr/moved", scratch_root);
    ck_assert_int_eq(rename(from, to), 0);
    ck_assert_int_eq(entry_of("v", &e), 0);
    ck_assert_int_eq(rename(to, from), 0);
    ck_assert_int_eq(entry_of("v", &e), 1);
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

/* A power failure between a new definition's name and its content: as if it had never been. */
START_TEST(test_empty_definition)
{
    struct vmgr_domain *dom;
    char path[400];
    FILE *f;

    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", scratch_root);
    f = fopen(path, "w");
    fclose(f);
    ck_assert_int_eq(count_domains(conn, 0), 0);
    dom = define_v(DOC("v", UUID_V, "x", PTY));
    expect_state(dom, "shut off (unknown)");
    vmgr_domain_unref(dom);
}
END_TEST

static char *describe(struct vmgr_conn *c, const char *name)
{
    struct vmgr_domain *dom = by_name(c, name);
    char *xml = NULL;

    OK(vmgr_domain_get_xml(dom, VMGR_DOMAIN_XML_SECURE, &xml, &err));
    vmgr_domain_unref(dom);
    return xml;
}

/* Who defines a domain keeps what was parsed; everybody else reads the file. */
START_TEST(test_kept_definitions)
{
    DIR *dir = opendir(GOLDEN_DIR "/domain");
    const struct dirent *e;
    int compared = 0;

    while ((e = readdir(dir))) {
        struct vmgr_domain *dom = NULL;
        char path[400], text[65536], *kept, *read, *type;
        FILE *f;

        if (!strstr(e->d_name, ".xml"))
            continue;
        snprintf(path, sizeof(path), GOLDEN_DIR "/domain/%s", e->d_name);
        f = fopen(path, "r");
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        fclose(f);
        type = strstr(text, "<domain type='test'");
        if (type)
            memcpy(type, "<domain type='vemu'", strlen("<domain type='vemu'"));
        if (vmgr_domain_define_xml(conn, text, 0, &dom, NULL) < 0)
            continue; /* for other drivers */
        kept = describe(conn, vmgr_domain_get_name(dom));
        read = describe(other, vmgr_domain_get_name(dom));
        ck_assert_str_eq(kept, read);
        free(kept);
        free(read);
        OK(vmgr_domain_undefine(dom, 0, &err));
        vmgr_domain_unref(dom);
        compared++;
    }
    closedir(dir);
    ck_assert_int_ge(compared, 20);
}
END_TEST

static char *xml_of(struct vmgr_conn *c, uint32_t flags)
{
    struct vmgr_domain *dom = by_name(c, "v");
    char *xml = NULL;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    vmgr_domain_unref(dom);
    return xml;
}

/* A connection that has been asked before says what one says that has just been opened. */
static void expect_fresh_texts(const char *words)
{
    static const uint32_t asked[] = { 0,
                                      0,
                                      VMGR_DOMAIN_XML_SECURE,
                                      0,
                                      VMGR_DOMAIN_XML_INACTIVE,
                                      VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE };

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct vmgr_conn *fresh = sandbox_connect(0);
        char *before = xml_of(other, asked[i]), *now = xml_of(fresh, asked[i]);

        ck_assert_str_eq(before, now);
        ck_assert_ptr_nonnull(strstr(now, words));
        ck_assert_int_eq(strstr(now, "hush") != NULL, asked[i] & VMGR_DOMAIN_XML_SECURE ? 1 : 0);
        free(before);
        free(now);
        vmgr_conn_unref(fresh);
    }
}

/* Texts are kept until the definition is another, by whoever; with secrets for nobody else. */
START_TEST(test_kept_texts)
{
#define SECRET                                                                                     \
    "<devices><serial type='pty'/><graphics type='vnc' port='-1' passwd='hush'/></devices>"
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", SECRET));
    struct vmgr_domain *twin;
    char path[400];
    FILE *f;

    expect_fresh_texts("<cmdline>x</cmdline>");
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, "T", NULL, NULL, 0, &err));
    expect_fresh_texts("<title>T</title>");
    /* replaced several times between two questions: the memory may be the first one's again */
    twin = by_name(other, "v");
    for (int i = 0; i < 60; i++) {
        char title[32], *xml;

        snprintf(title, sizeof(title), "T%d", i);
        OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_TITLE, title, NULL, NULL, 0, &err));
        ck_assert_int_eq(vmgr_domain_is_active(twin, NULL), 0);
        if (i % 4)
            continue;
        xml = xml_of(other, 0);
        ck_assert_ptr_nonnull(strstr(xml, title));
        free(xml);
    }
    vmgr_domain_unref(twin);
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", scratch_root);
    f = fopen(path, "w");
    fputs(DOC("v", UUID_V, "edited", SECRET), f);
    fclose(f);
    expect_fresh_texts("<cmdline>edited</cmdline>");
    OK(vmgr_domain_undefine(dom, 0, &err));
    vmgr_domain_unref(dom);
    dom = define_v(DOC("v", "6695eb01-f6a4-8304-79aa-97f2502e2009", "other", SECRET));
    expect_fresh_texts("2e2009</uuid>");
    OK(vmgr_domain_undefine(dom, 0, &err));
    vmgr_domain_unref(dom);
    /* what runs, what would, and what does again */
    dom = define_v(DOC("v", UUID_V, "run", PTY));
    for (int i = 0; i < 2; i++) {
        char *off = xml_of(other, 0), *on, *next, *after;

        ck_assert_ptr_null(strstr(off, " id='"));
        OK(vmgr_domain_start(dom, 0, &err));
        on = xml_of(other, 0);
        ck_assert_ptr_nonnull(strstr(on, " id='"));
        next = xml_of(other, VMGR_DOMAIN_XML_INACTIVE);
        ck_assert_str_eq(next, off);
        OK(vmgr_domain_destroy(dom, 0, &err));
        after = xml_of(other, 0);
        ck_assert_str_eq(after, off);
        free(off);
        free(on);
        free(next);
        free(after);
    }
    vmgr_domain_unref(dom);
}
END_TEST

static int count_messages(struct vmgr_domain *dom)
{
    char **messages = NULL;
    int n = vmgr_domain_get_messages(dom, 0, &messages, NULL);

    ck_assert_int_ge(n, 0);
    vmgr_strings_free(messages);
    return n;
}

/* That nothing is to be said about a definition is known until there is another. */
START_TEST(test_silent_definition)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    char path[400];
    FILE *f;

    ck_assert_int_eq(count_messages(dom), 0);
    ck_assert_int_eq(count_messages(dom), 0);
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", scratch_root);
    f = fopen(path, "w");
    fputs(DOC("v", UUID_V, "x", "<zork/>"), f);
    fclose(f);
    ck_assert_int_eq(count_messages(dom), 1);
    vmgr_domain_unref(dom);
    dom = define_v(DOC("v", UUID_V, "x", "<bogus/>"));
    ck_assert_int_eq(count_messages(dom), 1);
    OK(vmgr_domain_undefine(dom, 0, &err));
    vmgr_domain_unref(dom);
    dom = define_v(DOC("v", UUID_V, "x", ""));
    ck_assert_int_eq(count_messages(dom), 0);
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vemu-directory");
    TCase *t = tcase_create("driver");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_damaged_files);
    tcase_add_test(t, test_rename_in_the_way);
    tcase_add_test(t, test_destroy_without_room);
    tcase_add_test(t, test_torn_status);
    tcase_add_loop_test(t, test_unreadable_status, 0, 8);
    tcase_add_test(t, test_noticed);
    tcase_add_test(t, test_noticed_until_moved);
    tcase_add_test(t, test_empty_definition);
    tcase_add_test(t, test_kept_definitions);
    tcase_add_test(t, test_silent_definition);
    tcase_add_test(t, test_kept_texts);
    suite_add_tcase(s, t);
    return run_suite(s);
}
