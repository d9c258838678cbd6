/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage: golden documents of pools and volumes, and what callers in the library see: holes in
 * streams, events of another connection, callers at the same time, what a full disk leaves behind.
 *
 * golden/pool/NAME.xml must read and be written as NAME.out, which must read and be written as
 * itself; golden/pool-errors/NAME.xml must fail with the text of NAME.err; the same for volumes.
 * What virsh's test hypervisor writes of them is the same. VMGR_UPDATE_GOLDEN=1 rewrites them.
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmgr/vmgr.h>

#include "conf/volume.h"

/* ---- documents ---- */

static char *pool_again(const char *xml, struct vmgr_error **err)
{
    struct vmgr__pool_def *def = vmgr__pool_def_parse(xml, err);
    char *text = def ? vmgr__pool_def_format(def) : NULL;

    vmgr__pool_def_free(def);
    return text;
}

static char *volume_again(const char *xml, struct vmgr_error **err)
{
    struct vmgr__volume_def *def = vmgr__volume_def_parse(xml, VMGR__POOL_DIR, 0, err);
    char *text = def ? vmgr__volume_def_format(def, VMGR__POOL_DIR) : NULL;

    vmgr__volume_def_free(def);
    return text;
}

static const struct {
    const char *dir, *errors;
    char *(*again)(const char *xml, struct vmgr_error **err);
} kinds[] = { { "pool", "pool-errors", pool_again }, { "volume", "volume-errors", volume_again } };

static void expect(const char *path, const char *actual)
{
    g_autofree char *expected = NULL;

    if (g_getenv("VMGR_UPDATE_GOLDEN")) {
        ck_assert(g_file_set_contents(path, actual, -1, NULL));
        return;
    }
    ck_assert_msg(g_file_get_contents(path, &expected, NULL, NULL), "%s", path);
    ck_assert_msg(strcmp(expected, actual) == 0, "%s: '%s' is '%s'", path, expected, actual);
}

/* Calls `each` with the documents of a directory and the path of what they must become. */
static int each_document(const char *dir, const char *suffix,
                         char *(*again)(const char *xml, struct vmgr_error **err),
                         void (*each)(const char *xml, const char *result,
                                      char *(*again)(const char *xml, struct vmgr_error **err)))
{
    g_autofree char *folder = g_build_filename(GOLDEN_DIR, dir, NULL);
    GDir *stream = g_dir_open(folder, 0, NULL);
    const char *name;
    int n = 0;

    ck_assert_ptr_nonnull(stream);
    while ((name = g_dir_read_name(stream))) {
        g_autofree char *path = g_build_filename(folder, name, NULL), *xml = NULL, *result = NULL;

        if (!g_str_has_suffix(name, ".xml"))
            continue;
        ck_assert(g_file_get_contents(path, &xml, NULL, NULL));
        result = g_strdup_printf("%.*s%s", (int)strlen(path) - 4, path, suffix);
        each(xml, result, again);
        n++;
    }
    g_dir_close(stream);
    return n;
}

static void check_good(const char *xml, const char *result,
                       char *(*again)(const char *xml, struct vmgr_error **err))
{
    struct vmgr_error *err = NULL;
    g_autofree char *once = again(xml, &err), *twice = NULL;

    ck_assert_msg(once != NULL, "%s: %s", result, vmgr_error_get_message(err));
    expect(result, once);
    twice = again(once, &err);
    ck_assert_str_eq(once, twice);
}

static void check_bad(const char *xml, const char *result,
                      char *(*again)(const char *xml, struct vmgr_error **err))
{
    struct vmgr_error *err = NULL;
    g_autofree char *once = again(xml, &err), *text = NULL;

    ck_assert_msg(once == NULL, "%s", result);
    text = g_strconcat(vmgr_error_get_message(err), "\n", NULL);
    expect(result, text);
    vmgr_error_free(err);
}

START_TEST(test_documents)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        ck_assert_int_gt(each_document(kinds[i].dir, ".out", kinds[i].again, check_good), 5);
        ck_assert_int_gt(each_document(kinds[i].errors, ".err", kinds[i].again, check_bad), 5);
    }
}
END_TEST

/* ---- the host's storage ---- */

static char root[64];
static struct vmgr_conn *conn;

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct vmgr_error *err = NULL;                                                             \
        ck_assert_msg((call) >= 0, "%s", vmgr_error_get_message(err));                             \
    } while (0)

static struct vmgr_conn *open_conn(void)
{
    g_autofree char *uri = g_strdup_printf("vemu:///system?root=%s", root);
    struct vmgr_conn *made = NULL;

    OK(vmgr_conn_open(uri, 0, &made, &err));
    return made;
}

static struct vmgr_pool *make_pool(void)
{
    g_autofree char *xml = g_strdup_printf("<pool type='dir'><name>p</name><target><path>%s/pool"
                                           "</path></target></pool>",
                                           root);
    struct vmgr_pool *pool = NULL;

    OK(vmgr_pool_define_xml(conn, xml, 0, &pool, &err));
    OK(vmgr_pool_build(pool, 0, &err));
    OK(vmgr_pool_start(pool, 0, &err));
    return pool;
}

static struct vmgr_volume *make_volume(struct vmgr_pool *pool, const char *name, int kib)
{
    g_autofree char *xml =
        g_strdup_printf("<volume><name>%s</name><capacity unit='KiB'>%d</capacity>"
                        "<allocation>0</allocation></volume>",
                        name, kib);
    struct vmgr_volume *volume = NULL;

    OK(vmgr_volume_create_xml(pool, xml, 0, &volume, &err));
    return volume;
}

static void setup(void)
{
    strcpy(root, "/tmp/vmgr-storage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    conn = open_conn();
}

static void teardown(void)
{
    const char *argv[] = { "rm", "-rf", root, NULL };

    vmgr_conn_unref(conn);
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                 NULL);
}

START_TEST(test_holes)
{
    struct vmgr_pool *pool = make_pool();
    struct vmgr_volume *volume = make_volume(pool, "v", 1024);
    struct vmgr_stream *stream = NULL;
    struct vmgr_error *failed = NULL;
    uint64_t hole = 0;
    char buf[65536];

    OK(vmgr_volume_upload(volume, 0, 0, VMGR_VOLUME_STREAM_SPARSE, &stream, &err));
    ck_assert_int_eq(vmgr_stream_is_blocking(stream), 1);
    memset(buf, 'x', sizeof(buf));
    ck_assert_int_eq(vmgr_stream_send(stream, buf, sizeof(buf), NULL), sizeof(buf));
    OK(vmgr_stream_send_hole(stream, 1u << 19, &err));
    ck_assert_int_lt(vmgr_stream_recv(stream, buf, 1, NULL), 0);
    OK(vmgr_stream_finish(stream, &err));
    ck_assert_int_lt(vmgr_stream_finish(stream, NULL), 0);
    vmgr_stream_unref(stream);

    OK(vmgr_volume_download(volume, 0, 0, VMGR_VOLUME_STREAM_SPARSE, &stream, &err));
    ck_assert_int_eq(
        vmgr_stream_recv_flags(stream, buf, sizeof(buf), VMGR_STREAM_STOP_AT_HOLE, NULL),
        sizeof(buf));
    ck_assert_int_eq(
        vmgr_stream_recv_flags(stream, buf, sizeof(buf), VMGR_STREAM_STOP_AT_HOLE, NULL),
        VMGR_STREAM_AT_HOLE);
    OK(vmgr_stream_recv_hole(stream, &hole, &err));
    ck_assert_uint_eq(hole, (1u << 20) - sizeof(buf));
    ck_assert_int_eq(vmgr_stream_recv(stream, buf, sizeof(buf), NULL), 0);
    vmgr_stream_unref(stream);

    /* More than was announced is refused. */
    OK(vmgr_volume_upload(volume, 0, 10, 0, &stream, &err));
    ck_assert_int_eq(vmgr_stream_send(stream, buf, 20, NULL), 10);
    ck_assert_int_lt(vmgr_stream_send(stream, buf, 1, &failed), 0);
    ck_assert_int_eq(vmgr_error_get_code(failed), VMGR_ERR_SYSTEM_ERROR);
    vmgr_error_free(failed);
    vmgr_stream_unref(stream);
    vmgr_volume_unref(volume);
    vmgr_pool_unref(pool);
}
END_TEST

static void on_event(struct vmgr_conn *c, struct vmgr_pool *pool,
                     const struct vmgr_pool_event *event, void *data)
{
    (void)c;
    ck_assert_str_eq(vmgr_pool_get_name(pool), "p");
    g_string_append(data, event->id == VMGR_POOL_EVENT_REFRESH
                              ? "Refreshed "
                              : vmgr_pool_event_type_name(event->type));
    g_string_append_c(data, ' ');
}

START_TEST(test_events_of_others)
{
    struct vmgr_conn *watcher = open_conn();
    GString *seen = g_string_new(NULL);
    struct vmgr_pool *pool;
    struct pollfd fd = { .events = POLLIN };
    int id;

    OK(id = vmgr_conn_add_pool_event(watcher, NULL, VMGR_POOL_EVENT_LIFECYCLE, on_event, seen, NULL,
                                     &err));
    fd.fd = vmgr_conn_get_event_fd(watcher, NULL);
    pool = make_pool();
    while (!strstr(seen->str, "Started")) {
        ck_assert_int_eq(poll(&fd, 1, 20000), 1);
        OK(vmgr_conn_dispatch(watcher, &err));
    }
    ck_assert_str_eq(seen->str, "Defined Created Started ");
    OK(vmgr_pool_destroy(pool, &err));
    OK(vmgr_pool_undefine(pool, &err));
    while (!strstr(seen->str, "Undefined")) {
        ck_assert_int_eq(poll(&fd, 1, 20000), 1);
        OK(vmgr_conn_dispatch(watcher, &err));
    }
    ck_assert_str_eq(seen->str, "Defined Created Started Stopped Undefined ");
    OK(vmgr_conn_remove_pool_event(watcher, id, &err));
    ck_assert_int_lt(vmgr_conn_remove_pool_event(watcher, id, NULL), 0);
    g_string_free(seen, TRUE);
    vmgr_pool_unref(pool);
    vmgr_conn_unref(watcher);
}
END_TEST

static gpointer create_same(gpointer data)
{
    struct vmgr_conn *own = open_conn();
    struct vmgr_pool *pool = NULL;
    struct vmgr_volume *volume = NULL;
    int r;

    (void)data;
    OK(vmgr_pool_lookup_by_name(own, "p", &pool, &err));
    r = vmgr_volume_create_xml(pool,
                               "<volume><name>same</name><capacity unit='M'>8</capacity></volume>",
                               0, &volume, NULL);
    vmgr_volume_unref(volume);
    vmgr_pool_unref(pool);
    vmgr_conn_unref(own);
    return GINT_TO_POINTER(r == 0);
}

START_TEST(test_callers_at_once)
{
    struct vmgr_pool *pool = make_pool();
    GThread *threads[4];
    int won = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("caller", create_same, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        won += GPOINTER_TO_INT(g_thread_join(threads[i]));
    ck_assert_int_eq(won, 1);
    ck_assert_int_eq(vmgr_pool_list_volumes(pool, 0, NULL, NULL), 1);
    vmgr_pool_unref(pool);
}
END_TEST

/* A file that may not grow is as good as a full disk. */
START_TEST(test_full)
{
    struct vmgr_pool *pool = make_pool();
    g_autofree char *dir = g_strdup_printf("%s/pool", root);
    struct rlimit small = { 1 << 20, RLIM_INFINITY };
    struct vmgr_error *failed = NULL;
    GDir *stream;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_lt(vmgr_volume_create_xml(
                         pool, "<volume><name>big</name><capacity unit='M'>8</capacity></volume>",
                         0, NULL, &failed),
                     0);
    ck_assert_int_eq(vmgr_error_get_code(failed), VMGR_ERR_SYSTEM_ERROR);
    vmgr_error_free(failed);
    stream = g_dir_open(dir, 0, NULL);
    ck_assert_ptr_null(g_dir_read_name(stream));
    g_dir_close(stream);
    vmgr_pool_unref(pool);
}
END_TEST

START_TEST(test_handles)
{
    struct vmgr_pool *pool = make_pool(), *found = NULL, **pools = NULL;
    struct vmgr_volume *volume = make_volume(pool, "v", 4), *same = NULL, *copy = NULL, **list;
    struct vmgr_pool_info info = VMGR_POOL_INFO_INIT;
    struct vmgr_volume_info about = VMGR_VOLUME_INFO_INIT;
    g_autofree char *dir = g_strdup_printf("%s/pool", root);
    uint8_t uuid[VMGR_UUID_SIZE];
    char *text = NULL;

    vmgr_pool_get_uuid(pool, uuid);
    OK(vmgr_pool_lookup_by_uuid(conn, uuid, &found, &err));
    vmgr_pool_unref(found);
    OK(vmgr_pool_lookup_by_uuid_string(conn, vmgr_pool_get_uuid_string(pool), &found, &err));
    vmgr_pool_unref(vmgr_pool_unref(found));
    OK(vmgr_pool_lookup_by_target_path(conn, dir, &found, &err));
    ck_assert_ptr_eq(vmgr_pool_get_conn(found), conn);
    vmgr_pool_unref(found);
    OK(vmgr_pool_lookup_by_volume(volume, &found, &err));
    vmgr_pool_unref(found);
    ck_assert_int_eq(vmgr_pool_list(conn, VMGR_POOL_LIST_DIR, &pools, NULL), 1);
    vmgr_pool_list_free(pools);
    ck_assert_int_eq(vmgr_pool_list(conn, VMGR_POOL_LIST_TRANSIENT, NULL, NULL), 0);
    OK(vmgr_pool_get_info(pool, &info, &err));
    ck_assert_int_eq(info.state, VMGR_POOL_RUNNING);
    ck_assert_int_eq(vmgr_pool_is_active(pool, NULL), 1);
    ck_assert_int_eq(vmgr_pool_is_persistent(pool, NULL), 1);
    OK(vmgr_pool_set_autostart(pool, 1, &err));
    ck_assert_int_eq(vmgr_pool_get_autostart(pool, NULL), 1);
    OK(vmgr_pool_refresh(pool, 0, &err));
    OK(vmgr_conn_get_pool_capabilities(conn, 0, &text, &err));
    free(text);
    ck_assert_int_lt(vmgr_conn_find_pool_sources(conn, "dir", NULL, 0, &text, NULL), 0);

    OK(vmgr_volume_lookup_by_key(conn, vmgr_volume_get_key(volume), &same, &err));
    ck_assert_str_eq(vmgr_volume_get_pool_name(same), "p");
    vmgr_volume_unref(same);
    OK(vmgr_volume_get_path(volume, &text, &err));
    OK(vmgr_volume_lookup_by_path(conn, text, &same, &err));
    free(text);
    vmgr_volume_unref(same);
    OK(vmgr_volume_create_xml_from(
        pool, "<volume><name>w</name><target><format type='qcow2'/></target></volume>", volume, 0,
        &copy, &err));
    OK(vmgr_volume_get_info(copy, 0, &about, &err));
    ck_assert_uint_eq(about.capacity, 4096);
    OK(vmgr_volume_resize(copy, 1 << 20, 0, &err));
    OK(vmgr_volume_wipe(copy, VMGR_VOLUME_WIPE_ZERO, 0, &err));
    ck_assert_int_lt(vmgr_volume_wipe(copy, VMGR_VOLUME_WIPE_TRIM, 0, NULL), 0);
    ck_assert_int_eq(vmgr_pool_list_volumes(pool, 0, &list, NULL), 2);
    vmgr_volume_list_free(list);
    OK(vmgr_volume_delete(copy, 0, &err));
    ck_assert_int_lt(vmgr_volume_get_xml(copy, 0, &text, NULL), 0);
    ck_assert_ptr_eq(vmgr_volume_get_conn(copy), conn);
    vmgr_volume_unref(vmgr_volume_ref(copy));
    vmgr_volume_unref(copy);
    vmgr_volume_unref(volume);
    vmgr_pool_unref(vmgr_pool_ref(pool));
    vmgr_pool_unref(pool);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vmgr-storage");
    TCase *t = tcase_create("documents");
    SRunner *runner;
    int failed;

    tcase_add_test(t, test_documents);
    suite_add_tcase(s, t);
    t = tcase_create("host");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_holes);
    tcase_add_test(t, test_events_of_others);
    tcase_add_test(t, test_callers_at_once);
    tcase_add_test(t, test_full);
    tcase_add_test(t, test_handles);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
