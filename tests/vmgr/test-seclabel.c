/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <seclabel>: documents as libvirt's qemu driver reads and writes them, what cannot be, and runs of
 * users that a definition names. Those need root.
 */
#include <glib.h>
#include <sys/stat.h>

#include "conf/def.h"
#include "driver/vemu/vemu.h"
#include "parts-of.h"
#include "vemu-domain.h"

#define MISSING  "XML error: missing security model in domain seclabel"
#define SEVERAL  "XML error: missing security model when using multiple labels"
#define NO_LABEL "XML error: security label is missing"
#define NONE     "  <seclabel type='none' model='none'/>\n"

/* The labels of a definition as they are written, or the error; for g_free(). */
static char *labels_of(const char *labels, uint32_t read_flags, uint32_t write_flags)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='vemu'><name>n</name><memory>65536</memory><os><type>hvm</type></os>"
        "%s</domain>",
        labels);
    struct vmgr_error *err = NULL;
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, read_flags, &err);
    g_autofree char *text = def ? vmgr__domain_def_format(def, write_flags) : NULL;
    const char *first = text ? strstr(text, "  <seclabel") : NULL;
    char *result = err ? g_strdup(vmgr_error_get_message(err)) : g_strdup(first ? first : "");
    char *end = strstr(result, "</domain>");

    if (end)
        *end = '\0';
    vmgr_error_free(err);
    vmgr__domain_def_free(def);
    return result;
}

START_TEST(documents)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "<seclabel type='none'/>", NONE },
        { "<seclabel type='dynamic'/>", NONE },
        { "<seclabel type='static' model='none'/>", NONE },
        { "<seclabel/>", MISSING },
        { "<seclabel type='static'><label>+1:+1</label></seclabel>", MISSING },
        { "<seclabel type='dynamic'><baselabel>+0:+0</baselabel></seclabel>", MISSING },
        { "<seclabel type='none' model='dac'/>", "  <seclabel type='none' model='dac'/>\n" },
        { "<seclabel type='none' model='dac'><label>+1:+1</label></seclabel>",
          "  <seclabel type='none' model='dac'/>\n" },
        { "<seclabel type='none' relabel='yes'/>",
          "unsupported configuration: resource relabeling is not compatible with 'none' label "
          "type" },
        { "<seclabel type='dynamic' model='dac' relabel='no'/>",
          "unsupported configuration: dynamic label type must use resource relabeling" },
        { "<seclabel type='dynamic' model='apparmor'/>",
          "  <seclabel type='dynamic' model='apparmor' relabel='yes'/>\n" },
        { "<seclabel type='dynamic' model='dac' implicit='yes'><label>+1:+1</label>"
          "<imagelabel>+1:+1</imagelabel><baselabel>+0:+0</baselabel></seclabel>",
          "  <seclabel type='dynamic' model='dac' relabel='yes'>\n"
          "    <baselabel>+0:+0</baselabel>\n  </seclabel>\n" },
        { "<seclabel type='static' model='dac' relabel='yes'><label>nobody</label><label>x</label>"
          "<imagelabel>x</imagelabel><baselabel>x</baselabel></seclabel>",
          "  <seclabel type='static' model='dac' relabel='yes'>\n"
          "    <label>nobody</label>\n  </seclabel>\n" },
        { "<seclabel type='static' model='dac'><label>+1:+1</label></seclabel>",
          "  <seclabel type='static' model='dac' relabel='no'>\n"
          "    <label>+1:+1</label>\n  </seclabel>\n" },
        { "<seclabel type='static' model='dac'/>", NO_LABEL },
        { "<seclabel type='static' model='dac'><label/></seclabel>", NO_LABEL },
        { "<seclabel type='zork' model='dac'/>",
          "XML error: Invalid value for attribute 'type' in element 'seclabel': 'zork'." },
        { "<seclabel type='default' model='dac'/>",
          "XML error: Invalid value for attribute 'type' in element 'seclabel': 'default'." },
        { "<seclabel model='dac' relabel='maybe'/>",
          "XML error: Invalid value for attribute 'relabel' in element 'seclabel': 'maybe'." },
        { "<seclabel model='dac'/>", "" },
        { "<seclabel model='dac'/><seclabel model='dac'/>",
          "seclabel for model dac is already provided" },
        { "<seclabel type='none'/><seclabel type='none'/>",
          "seclabel for model (null) is already provided" },
        { "<seclabel model='dac'/><seclabel type='none'/>", SEVERAL },
        { "<seclabel model='dac'/><seclabel type='none' model='selinux'/>",
          "  <seclabel type='none' model='selinux'/>\n" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = labels_of(rows[i].in, VMGR__CONF_INACTIVE, VMGR__CONF_INACTIVE);

        ck_assert_msg(strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].in, got);
    }
}
END_TEST

START_TEST(long_texts)
{
    g_autofree char *name = g_strnfill(255, 'm'), *label = g_strnfill(4095, 'l');
    static const char format[] =
        "<seclabel type='static' model='%s%s'><label>%s%s</label></seclabel>";
    g_autofree char *fit = g_strdup_printf(format, name, "", label, "");
    g_autofree char *model = g_strdup_printf(format, name, "m", label, "");
    g_autofree char *text = g_strdup_printf(format, name, "", label, "l");
    g_autofree char *fits = labels_of(fit, VMGR__CONF_INACTIVE, VMGR__CONF_INACTIVE);
    g_autofree char *no_model = labels_of(model, VMGR__CONF_INACTIVE, VMGR__CONF_INACTIVE);
    g_autofree char *no_text = labels_of(text, VMGR__CONF_INACTIVE, VMGR__CONF_INACTIVE);

    ck_assert_ptr_nonnull(strstr(fits, label));
    ck_assert_str_eq(no_model, MISSING);
    ck_assert_str_eq(no_text, NO_LABEL);
}
END_TEST

/* What a run's status says is read again as it is, and only part of it is for others. */
START_TEST(of_a_run)
{
    static const char in[] =
        "  <seclabel type='dynamic' model='dac' relabel='yes' implicit='yes'>\n"
        "    <label>+7:+8</label>\n"
        "    <imagelabel>+7:+8</imagelabel>\n"
        "  </seclabel>\n";
    static const char shown[] = "  <seclabel type='dynamic' model='dac' relabel='yes'>\n"
                                "    <label>+7:+8</label>\n"
                                "    <imagelabel>+7:+8</imagelabel>\n"
                                "  </seclabel>\n";
    g_autofree char *status = labels_of(in, 0, VMGR__CONF_STATUS);
    g_autofree char *live = labels_of(in, 0, 0);
    g_autofree char *inactive = labels_of(in, 0, VMGR__CONF_INACTIVE);

    ck_assert_str_eq(status, in);
    ck_assert_str_eq(live, shown);
    ck_assert_str_eq(inactive, "");
}
END_TEST

/* ---- files ---- */

#define DISK(inside)                                                                               \
    "<disk type='file'><driver type='raw'/><source file='/d'>" inside "</source>"                  \
    "<target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>"
#define PORT(type, inside)                                                                         \
    "<channel type='" type "'><source path='/f'>" inside "</source><target type='virtio' "         \
    "name='x'/><alias name='c'/></channel>"
#define KEPT "<seclabel model='dac' relabel='no'/>"

START_TEST(files)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { DISK(KEPT), "-blockdev " },
        { DISK("<seclabel model='dac'/><seclabel model='none'/>"), "-blockdev " },
        { PORT("file", KEPT), "-chardev file,id=charc,path=/f" },
        { PORT("pipe", KEPT), "-chardev pipe,id=charc,path=/f" },
        { PORT("dev", KEPT), "-chardev serial,id=charc,path=/f" },
        { PORT("unix", KEPT), "-chardev socket,id=charc,path=/f" },
        { DISK("<seclabel model='dac'/><seclabel model='dac'/>"),
          "seclabel for model dac is already provided" },
        { DISK("<seclabel model='dac' relabel='maybe'/>"),
          "XML error: Invalid value for attribute 'relabel' in element 'seclabel': 'maybe'." },
        { DISK("<seclabel model='dac' relabel='no'><label>+1:+1</label></seclabel>"),
          "XML error: Cannot specify a label if relabelling is turned off. model=dac" },
        { DISK("<seclabel model='dac'><label>+1:+1</label></seclabel>"),
          "unsupported configuration: a <label> of a file of its own is not supported" },
        { DISK("<seclabel model='selinux' relabel='no'/>"),
          "unsupported configuration: Security driver model 'selinux' is not available" },
        { DISK("<seclabel relabel='no'/>"),
          "unsupported configuration: Security driver model '(null)' is not available" },
        { PORT("file", "<seclabel model='selinux'/>"),
          "unsupported configuration: Security driver model 'selinux' is not available" },
        { PORT("file", "<seclabel model='dac'><label>+1:+1</label></seclabel>"),
          "unsupported configuration: a <label> of a file of its own is not supported" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = parts_of(rows[i].in, "q35");

        ck_assert_msg(g_str_has_prefix(got, rows[i].want), "%s: %s", rows[i].in, got);
    }
}
END_TEST

/* ---- runs ---- */

#define LABEL(type, more, text)                                                                    \
    "<seclabel type='" type "' model='dac' " more "><label>" text "</label></seclabel>"

static char *kernel;

static void begin(void)
{
    g_autofree char *conf = NULL;

    setup();
    kernel = g_build_filename(scratch_root, "kernel", NULL);
    conf = g_build_filename(scratch_root, "etc/vmgr", NULL);
    ck_assert_int_eq(g_mkdir_with_parents(conf, 0755), 0);
    ck_assert(g_file_set_contents(kernel, "k", -1, NULL));
    ck_assert_int_eq(chmod(kernel, 0600), 0);
}

static void end(void)
{
    g_clear_pointer(&kernel, g_free);
    teardown();
}

static void say(const char *guests_as)
{
    g_autofree char *path = g_build_filename(scratch_root, "etc/vmgr/vemu.conf", NULL);
    g_autofree char *text = g_strdup_printf("[vemu]\nguests_as=%s\n", guests_as);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static struct vmgr_domain *define_labels(const char *labels)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='vemu'><name>v</name><uuid>" UUID_V "</uuid><memory unit='MiB'>64</memory>"
        "<os><type>hvm</type><kernel>%s</kernel></os>%s</domain>",
        kernel, labels);

    return define_v(xml);
}

START_TEST(refused)
{
    static const struct {
        const char *in, *want;
        int code;
    } rows[] = {
        { "<seclabel type='dynamic' model='apparmor'/>",
          "unsupported configuration: Security driver model 'apparmor' is not available",
          VMGR_ERR_CONFIG_UNSUPPORTED },
        { "<seclabel type='none' model='selinux'/>",
          "unsupported configuration: Security driver model 'selinux' is not available",
          VMGR_ERR_CONFIG_UNSUPPORTED },
        { LABEL("static", "", "nobody"),
          "invalid argument: Failed to parse uid and gid from 'nobody'", VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "no-such-user:+1"),
          "invalid argument: Failed to parse user 'no-such-user'", VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "+x:+1"), "invalid argument: Failed to parse user 'x'",
          VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", ":"), "invalid argument: Failed to parse user ''",
          VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "+1:+2:+3"), "invalid argument: Failed to parse group '2:+3'",
          VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "+1:+-1"), "invalid argument: Failed to parse group '-1'",
          VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "+4294967295:+1"),
          "invalid argument: Failed to parse user '4294967295'", VMGR_ERR_INVALID_ARG },
        { LABEL("static", "", "+1:+1"),
          "unsupported configuration: Security driver model 'dac' is not available: guests have "
          "the user of whoever starts them, unless guests_as in vemu.conf says otherwise",
          VMGR_ERR_CONFIG_UNSUPPORTED },
        { "<seclabel type='dynamic' model='dac'/>",
          "unsupported configuration: Security driver model 'dac' is not available: guests have "
          "the user of whoever starts them, unless guests_as in vemu.conf says otherwise",
          VMGR_ERR_CONFIG_UNSUPPORTED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct vmgr_domain *dom = define_labels(rows[i].in);

        FAILS(vmgr_domain_start(dom, 0, &err), rows[i].code, rows[i].want);
        expect_state(dom, i + 2 < G_N_ELEMENTS(rows) ? "shut off (unknown)" : "shut off (failed)");
        OK(vmgr_domain_undefine(dom, 0, &err));
        vmgr_domain_unref(dom);
    }
}
END_TEST

/* Guests of the caller's user: nothing is said of anybody. */
START_TEST(of_the_caller)
{
    struct vmgr_domain *dom = define_labels("<seclabel type='none'/>");
    struct vmgr_security_label **labels = NULL;
    g_autofree char *xml = NULL;
    g_autofree char *caps = NULL;

    OK(vmgr_domain_get_security_labels(dom, &labels, &err));
    ck_assert_ptr_null(labels[0]);
    labels = vmgr_security_labels_free(labels);
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert(strstr(xml, NONE) && !strstr(xml, "'dac'"));
    OK(vmgr_domain_get_security_labels(dom, &labels, &err));
    ck_assert(labels[0] && !labels[1]);
    ck_assert_str_eq(labels[0]->label, "");
    labels = vmgr_security_labels_free(labels);
    OK(vmgr_conn_get_capabilities(conn, &caps, &err));
    ck_assert(strstr(caps, "<model>none</model>") && !strstr(caps, "<model>dac</model>"));
    vmgr_domain_unref(dom);
}
END_TEST

/* Who the process of the only run is. */
static void expect_process(uid_t uid, gid_t gid)
{
    g_autofree char *status =
        g_build_filename(scratch_root, "run/vmgr/domains/v.d/status.xml", NULL);
    g_autofree char *text = NULL, *proc = NULL;
    struct stat st;
    const char *at;

    ck_assert(g_file_get_contents(status, &text, NULL, NULL));
    at = strstr(text, " pid='");
    ck_assert_ptr_nonnull(at);
    proc = g_strdup_printf("/proc/%d", atoi(at + strlen(" pid='")));
    ck_assert_int_eq(stat(proc, &st), 0);
    ck_assert_uint_eq(st.st_uid, uid);
    ck_assert_uint_eq(st.st_gid, gid);
}

/* What a client sees of another connection, with the label for each "@"; *ret_user: its number. */
static void expect_label(const char *shown, uid_t *ret_user)
{
    struct vmgr_domain *dom = by_name(other, "v");
    g_auto(GStrv) parts = g_strsplit(shown, "@", -1);
    struct vmgr_security_label **labels = NULL, *first = g_new0(struct vmgr_security_label, 1);
    g_autofree char *xml = NULL, *inactive = NULL, *want = NULL;
    const char *label;

    OK(vmgr_domain_get_security_labels(dom, &labels, &err));
    ck_assert(labels[0] && labels[1] && !labels[2]);
    label = labels[1]->label;
    ck_assert_str_eq(labels[0]->label, "");
    ck_assert_int_eq(labels[1]->enforcing, 0);
    first->size = sizeof(*first);
    OK(vmgr_domain_get_security_label(dom, first, &err));
    ck_assert_str_eq(first->label, "");
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    OK(vmgr_domain_get_xml(dom, VMGR_DOMAIN_XML_INACTIVE, &inactive, &err));
    want = g_strjoinv(label, parts);
    ck_assert_msg(strstr(xml, want) != NULL, "%s is not in %s", want, xml);
    ck_assert(!strstr(inactive, "imagelabel") && !strstr(inactive, "implicit"));
    if (ret_user)
        *ret_user = (uid_t)strtoul(*label == '+' ? label + 1 : label, NULL, 10);
    vmgr_security_labels_free(labels);
    g_free(first);
    vmgr_domain_unref(dom);
}

#define SHOWN(type, relabel, inside)                                                               \
    "  <seclabel type='" type "' model='dac' relabel='" relabel "'>\n"                             \
    "    <label>@</label>\n" inside "  </seclabel>\n"
#define IMAGE "    <imagelabel>@</imagelabel>\n"

static void run(const char *labels, const char *shown, uid_t *ret_user)
{
    struct vmgr_domain *dom = define_labels(labels);

    OK(vmgr_domain_start(dom, 0, &err));
    expect_label(shown, ret_user);
    vmgr_domain_unref(dom);
}

static void stop(void)
{
    struct vmgr_domain *dom = by_name(conn, "v");
    struct stat st;

    OK(vmgr_domain_destroy(dom, 0, &err));
    OK(vmgr_domain_undefine(dom, 0, &err));
    vmgr_domain_unref(dom);
    ck_assert_int_eq(stat(kernel, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}

START_TEST(users)
{
    uid_t user = 0;

    say("own");
    run("", SHOWN("dynamic", "yes", IMAGE), &user);
    ck_assert_uint_ge(user, 1900000000);
    expect_process(user, user);
    stop();
    run("<seclabel type='dynamic' model='dac'><baselabel>+5:+5</baselabel></seclabel>",
        SHOWN("dynamic", "yes", IMAGE "    <baselabel>+5:+5</baselabel>\n"), &user);
    expect_process(user, user);
    stop();
    run(LABEL("static", "relabel='yes'", "+1234567:7654321"), SHOWN("static", "yes", IMAGE), &user);
    ck_assert_uint_eq(user, 1234567);
    expect_process(1234567, 7654321);
    stop();
    run(LABEL("static", "relabel='yes'", "root:root"), SHOWN("static", "yes", IMAGE), NULL);
    expect_process(0, 0);
    stop();
    run(LABEL("static", "", "+0:+77"), SHOWN("static", "no", ""), NULL);
    expect_process(0, 77);
    stop();
}
END_TEST

/* Who is to have no entries starts if everybody may use its files, or not at all. */
START_TEST(left_alone)
{
    static const char *const rows[] = { LABEL("static", "", "+1234567:+7654321"),
                                        "<seclabel type='none' model='dac'/>" };

    say("own");
    ck_assert_int_eq(chmod(scratch_root, 0755), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct vmgr_domain *dom = define_labels(rows[i]);
        g_autofree char *record =
            g_build_filename(scratch_root, "run/vmgr/domains/v.d/rights", NULL);
        g_autofree char *text = NULL;

        OK(vmgr_domain_start(dom, 0, &err));
        ck_assert(g_file_get_contents(record, &text, NULL, NULL));
        ck_assert_msg(!strchr(text, '/'), "entries: %s", text);
        if (i == 0)
            expect_process(1234567, 7654321);
        stop();
        vmgr_domain_unref(dom);
    }
}
END_TEST

START_TEST(models)
{
    g_autofree char *own = NULL, *one = NULL;

    say("own");
    OK(vmgr_conn_get_capabilities(conn, &own, &err));
    ck_assert_ptr_nonnull(strstr(own, "    <secmodel>\n      <model>none</model>\n"
                                      "      <doi>0</doi>\n    </secmodel>\n"
                                      "    <secmodel>\n      <model>dac</model>\n"
                                      "      <doi>0</doi>\n    </secmodel>\n"));
    say("+1234567:+7654321");
    OK(vmgr_conn_get_capabilities(conn, &one, &err));
    ck_assert_ptr_nonnull(strstr(one,
                                 "      <model>dac</model>\n      <doi>0</doi>\n"
                                 "      <baselabel type='kvm'>+1234567:+7654321</baselabel>\n"
                                 "      <baselabel type='qemu'>+1234567:+7654321</baselabel>\n"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seclabel");
    TCase *tc = tcase_create("documents");

    tcase_add_test(tc, documents);
    tcase_add_test(tc, long_texts);
    tcase_add_test(tc, of_a_run);
    tcase_add_test(tc, files);
    suite_add_tcase(s, tc);
    tc = tcase_create("runs");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, of_the_caller);
    if (geteuid() == 0) {
        tcase_add_test(tc, users);
        tcase_add_test(tc, left_alone);
        tcase_add_test(tc, models);
    } else {
        printf("users of definitions: not tested, not root\n");
    }
    suite_add_tcase(s, tc);
    return run_suite(s);
}
