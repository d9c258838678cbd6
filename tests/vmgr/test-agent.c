/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent of a guest: what it says is used, and what it should not say harms nobody.
 *
 * The emulator is one without a machine; the test itself is the agent, at the other end of the
 * channel's socket.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "harness.h"
#include "sandbox.h"

enum mode { NORMAL, SILENT, HOLD, GARBAGE, HUGE_LINE, NOISE, CLOSES, ODD };

static struct vmgr_conn *conn;
static struct vmgr_domain *dom;
static int listener = -1;
static pthread_t thread;
static _Atomic int mode;
static _Atomic int accepted, released;
static char
    last[8192]; /* the last command, whole; the agent's thread writes it before it answers */

static const struct {
    const char *command, *answer;
} answers[] = {
    { "guest-ping", "{\"return\": {}}" },
    { "guest-fsfreeze-freeze-list", "{\"return\": 1}" },
    { "guest-fsfreeze-freeze", "{\"return\": 3}" },
    { "guest-fsfreeze-thaw", "{\"return\": 3}" },
    { "guest-fstrim", "{\"return\": {\"paths\": []}}" },
    { "guest-get-time", "{\"return\": 1700000000000000007}" },
    { "guest-set-time", "{\"return\": {}}" },
    { "guest-get-host-name", "{\"return\": {\"host-name\": \"h\xc3\xa4\"}}" },
    { "guest-get-fsinfo",
      "{\"return\": [{\"name\": \"vda1\", \"mountpoint\": \"/\", \"type\": \"ext4\", "
      "\"total-bytes\": 100, \"used-bytes\": 7, \"disk\": [{\"serial\": \"S1\", \"bus-type\": "
      "\"virtio\", \"dev\": \"/dev/vda1\", \"pci-controller\": {\"domain\": -1, \"bus\": -1, "
      "\"slot\": -1, \"function\": -1}}]}]}" },
    { "guest-get-users", "{\"return\": [{\"user\": \"u\", \"login-time\": 1.5}]}" },
    { "guest-get-osinfo", "{\"return\": {\"id\": \"debian\", \"name\": 5}}" },
    { "guest-get-timezone", "{\"return\": {\"zone\": \"CET\", \"offset\": 3600}}" },
    { "guest-get-disks",
      "{\"return\": [{\"name\": \"/dev/vda\", \"partition\": false, \"address\": {\"serial\": "
      "\"S1\", \"bus-type\": \"virtio\"}}]}" },
    { "guest-network-get-interfaces",
      "{\"return\": [{\"name\": \"lo\", \"ip-addresses\": [{\"ip-address-type\": \"ipv4\", "
      "\"ip-address\": \"127.0.0.1\", \"prefix\": 8}]}, {\"name\": \"eth0\", \"hardware-address\": "
      "\"52:54:00:00:00:01\"}]}" },
    { "guest-get-vcpus",
      "{\"return\": [{\"logical-id\": 0, \"online\": true, \"can-offline\": false}, "
      "{\"logical-id\": "
      "1, \"online\": true, \"can-offline\": true}, {\"logical-id\": 2, \"online\": false, "
      "\"can-offline\": true}]}" },
    { "guest-set-vcpus", "{\"return\": 1}" },
    { "guest-set-user-password", "{\"return\": {}}" },
    { "guest-ssh-get-authorized-keys", "{\"return\": {\"keys\": [\"ssh-rsa A\", \"ssh-rsa B\"]}}" },
    { "guest-ssh-add-authorized-keys", "{\"return\": {}}" },
    { "guest-suspend-ram",
      "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no way to sleep\"}}" },
    { "guest-ssh-remove-authorized-keys",
      "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such key\"}}" },
};

static bool say(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

static void flood(int fd, const char *what, size_t times)
{
    while (times-- && say(fd, what, strlen(what)))
        continue;
}

static void sync_answer(int fd, const char *line)
{
    const char *id = strstr(line, "\"id\":");
    char text[128];

    /* what an earlier session left on its way comes first, and not all of it */
    say(fd, "{\"return\": {}}\n\xff{\"return\": 12}\n", 29);
    snprintf(text, sizeof(text), "\xff{\"return\": %lld}\n", id ? atoll(id + 5) : 0);
    say(fd, text, strlen(text));
}

/* False: the session is over. */
static bool answer(int fd, const char *line)
{
    const int now = atomic_load(&mode);

    if (now == SILENT)
        return true;
    if (now == NOISE) {
        flood(fd, "{\"return\": {}}\n", (20u << 20) / 15);
        return true;
    }
    if (now == HOLD) {
        while (!atomic_load(&released))
            nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
        return false;
    }
    if (strstr(line, "guest-sync-delimited")) {
        sync_answer(fd, line);
        return true;
    }
    snprintf(last, sizeof(last), "%s", line);
    if (strstr(line, "\"guest-suspend-hybrid\"") && now == NORMAL) {
        char *text = NULL;

        /* it sleeps, and so says nothing more */
        vmgr_domain_monitor_command(dom, "{\"execute\":\"x-sleep\"}", 0, &text, NULL);
        free(text);
        return true;
    }
    switch (now) {
    case GARBAGE: say(fd, "}{\n", 3); return true;
    case HUGE_LINE: flood(fd, "aaaaaaaaaaaaaaaa", (5u << 20) / 16); return true;
    case CLOSES: return false;
    case ODD: say(fd, "{\"return\": [1, \"\\u0000\", {}]}\n", 31); return true;
    default: break;
    }
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        char quoted[64];

        snprintf(quoted, sizeof(quoted), "\"%s\"", answers[i].command);
        if (strstr(line, quoted)) {
            say(fd, answers[i].answer, strlen(answers[i].answer));
            return say(fd, "\n", 1);
        }
    }
    return true;
}

static void serve(int fd)
{
    char buf[8192];
    size_t used = 0;
    ssize_t n;

    while ((n = recv(fd, buf + used, sizeof(buf) - 1 - used, 0)) > 0) {
        char *end;

        used += (size_t)n;
        buf[used] = '\0';
        while ((end = strchr(buf, '\n'))) {
            *end = '\0';
            if (!answer(fd, buf))
                return;
            used -= (size_t)(end + 1 - buf);
            memmove(buf, end + 1, used + 1);
        }
    }
}

static void *agent(void *data)
{
    int fd;

    (void)data;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        atomic_fetch_add(&accepted, 1);
        serve(fd);
        close(fd);
    }
    return NULL;
}

static void setup(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char xml[2048];

    sandbox_open();
    conn = sandbox_connect(0);
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/agent", scratch_root);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    snprintf(xml, sizeof(xml),
             "<domain type='vemu'><name>d</name><memory unit='MiB'>64</memory>"
             "<os><type machine='q35'>hvm</type><kernel>/boot/vmlinuz</kernel></os><devices>"
             "<disk type='file'><driver type='raw'/><source file='/a'/><target dev='vda' "
             "bus='virtio'/><serial>S1</serial></disk><channel type='unix'><source mode='bind' "
             "path='%s'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
             "</devices></domain>",
             addr.sun_path);
    OK(vmgr_domain_define_xml(conn, xml, 0, &dom, &err));
    OK(vmgr_domain_start(dom, 0, &err));
    atomic_store(&mode, NORMAL);
    ck_assert_int_eq(pthread_create(&thread, NULL, agent, NULL), 0);
}

static void teardown(void)
{
    atomic_store(&released, 1);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    vmgr_domain_destroy(dom, 0, NULL);
    dom = vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    sandbox_close();
}

static void sent(const char *want)
{
    ck_assert_msg(strstr(last, want) != NULL, "the agent was asked: %s", last);
}

START_TEST(test_answers)
{
    const char *const where[] = { "/" }, *const keys[] = { "ssh-rsa C" };
    struct vmgr_fs_info **infos;
    char *text, **list;
    int64_t seconds;
    uint32_t ns;

    OK(vmgr_domain_agent_command(dom, " {\"execute\":\n\"guest-ping\"}", 5, 0, &text, &err));
    ck_assert_str_eq(text, "{\"return\":{}}");
    free(text);
    ck_assert_int_eq(vmgr_domain_fs_freeze(dom, NULL, 0, 0, NULL), 3);
    ck_assert_int_eq(vmgr_domain_fs_freeze(dom, where, 1, 0, NULL), 1);
    sent("\"mountpoints\":[\"\\/\"]");
    ck_assert_int_eq(vmgr_domain_fs_thaw(dom, NULL, 0, 0, NULL), 3);
    OK(vmgr_domain_fs_trim(dom, NULL, 4096, 0, &err));
    sent("\"minimum\":4096");
    OK(vmgr_domain_get_time(dom, 0, &seconds, &ns, &err));
    ck_assert_int_eq(seconds, 1700000000);
    ck_assert_uint_eq(ns, 7);
    OK(vmgr_domain_set_time(dom, 5, 6, 0, &err));
    sent("\"time\":5000000006");
    OK(vmgr_domain_get_hostname(dom, 0, &text, &err));
    ck_assert_str_eq(text, "h\xc3\xa4");
    free(text);
    ck_assert_int_eq(vmgr_domain_get_fs_info(dom, 0, &infos, NULL), 1);
    ck_assert_str_eq(infos[0]->mountpoint, "/");
    ck_assert_str_eq(infos[0]->devices[0], "vda");
    ck_assert_ptr_null(infos[0]->devices[1]);
    ck_assert_ptr_null(vmgr_fs_infos_free(infos));
    OK(vmgr_domain_set_user_password(dom, "root", "pw", 0, &err));
    sent("\"password\":\"cHc=\"");
    ck_assert_int_eq(vmgr_domain_get_ssh_keys(dom, "root", 0, &list, NULL), 2);
    ck_assert_str_eq(list[1], "ssh-rsa B");
    vmgr_strings_free(list);
    OK(vmgr_domain_set_ssh_keys(dom, "root", keys, 1, VMGR_DOMAIN_SSH_KEYS_APPEND, &err));
    sent("\"reset\":false");
    FAILS(vmgr_domain_set_ssh_keys(dom, "root", keys, 1, VMGR_DOMAIN_SSH_KEYS_REMOVE, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute QEMU agent command "
          "'guest-ssh-remove-authorized-keys': no such key");
}
END_TEST

static const char *value(const struct vmgr_stat *list, const char *name)
{
    static char text[64];
    const struct vmgr_stat *s = vmgr_stats_find(list, name);

    ck_assert_msg(s != NULL, "no %s", name);
    snprintf(text, sizeof(text), "%lld", (long long)s->number);
    return s->type == VMGR_STAT_STRING ? s->text : text;
}

START_TEST(test_info)
{
    static const char *const want[][2] = {
        { "user.count", "1" },
        { "user.0.login-time", "1500" },
        { "os.id", "debian" },
        { "timezone.offset", "3600" },
        { "hostname", "h\xc3\xa4" },
        { "fs.0.used-bytes", "7" },
        { "fs.0.disk.0.alias", "vda" },
        { "disk.0.guest_bus", "virtio" },
        { "if.count", "2" },
        { "if.0.addr.0.prefix", "8" },
        { "if.1.addr.count", "0" },
        { "if.1.hwaddr", "52:54:00:00:00:01" },
    };
    struct vmgr_stat *list;

    OK(vmgr_domain_get_guest_info(dom, 0, 0, &list, &err));
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        ck_assert_str_eq(value(list, want[i][0]), want[i][1]);
    ck_assert_ptr_null(vmgr_stats_find(list, "os.name")); /* which was a number */
    vmgr_stats_free(list);
    FAILS(vmgr_domain_get_guest_info(dom, 1u << 20, 0, &list, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: unsupported guest information types '0x100000'");
    OK(vmgr_domain_get_guest_vcpus(dom, 0, &list, &err));
    ck_assert_str_eq(value(list, "vcpus"), "0-2");
    ck_assert_str_eq(value(list, "online"), "0-1");
    ck_assert_str_eq(value(list, "offlinable"), "1-2");
    vmgr_stats_free(list);
    OK(vmgr_domain_set_guest_vcpus(dom, "2", 1, 0, &err));
    FAILS(vmgr_domain_set_guest_vcpus(dom, "0", 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: vCPU '0' is not offlinable");
    FAILS(vmgr_domain_set_guest_vcpus(dom, "7", 1, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: guest is missing vCPU '7'");
    FAILS(vmgr_domain_set_guest_vcpus(dom, "1-2", 1, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: failed to set state of cpu by guest agent"); /* it says one */
    OK(vmgr_domain_set_vcpus(dom, 3, VMGR_DOMAIN_VCPU_GUEST, &err));
}
END_TEST

START_TEST(test_liars)
{
    static const struct {
        int mode;
        int code;
        const char *text;
    } rows[] = {
        { GARBAGE, VMGR_ERR_INTERNAL_ERROR,
          "internal error: malformed return value of agent command 'guest-get-fsinfo'" },
        { HUGE_LINE, VMGR_ERR_INTERNAL_ERROR,
          "internal error: the agent's answer is longer than 4194304 bytes" },
        { CLOSES, VMGR_ERR_AGENT_UNRESPONSIVE,
          "Guest agent is not responding: Guest agent disappeared while executing command" },
        { ODD, VMGR_ERR_INTERNAL_ERROR,
          "internal error: the agent's answer to 'guest-get-fsinfo' is no list of objects, or too "
          "long" },
    };
    struct vmgr_fs_info **infos;
    struct vmgr_error *why = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        atomic_store(&mode, rows[i].mode);
        FAILS(vmgr_domain_get_fs_info(dom, 0, &infos, &err), rows[i].code, rows[i].text);
    }
    /* endless noise is given up by its amount, or the clock */
    atomic_store(&mode, NOISE);
    FAILS(vmgr_domain_get_fs_info(dom, 0, &infos, &err), VMGR_ERR_AGENT_UNRESPONSIVE,
          "Guest agent is not responding: Guest agent not available for now");
    atomic_store(&mode, SILENT);
    OK(vmgr_domain_agent_set_timeout(dom, 1, 0, &err));
    FAILS(vmgr_domain_get_fs_info(dom, 0, &infos, &err), VMGR_ERR_AGENT_UNRESPONSIVE,
          "Guest agent is not responding: Guest agent not available for now");
    atomic_store(&mode, NORMAL);
    ck_assert_int_eq(vmgr_domain_fs_thaw(dom, NULL, 0, 0, NULL), 3);
    atomic_store(&mode, SILENT);
    ck_assert_int_eq(vmgr_domain_shutdown(dom, VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT, &why), -1);
    ck_assert_int_eq(vmgr_error_get_code(why), VMGR_ERR_AGENT_UNRESPONSIVE);
    vmgr_error_free(why);
    /* beside the button, an agent that fails is not the end of it */
    OK(vmgr_domain_shutdown(
        dom, VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT | VMGR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN, &err));
}
END_TEST

static void *call_freeze(void *data)
{
    struct vmgr_error *why = NULL;

    *(int *)data = vmgr_domain_fs_freeze(dom, NULL, 0, 0, &why) < 0 ? vmgr_error_get_code(why) : 0;
    vmgr_error_free(why);
    return NULL;
}

START_TEST(test_stalled)
{
    pthread_t caller;
    int code = -1;

    atomic_store(&mode, HOLD);
    atomic_store(&accepted, 0);
    ck_assert_int_eq(pthread_create(&caller, NULL, call_freeze, &code), 0);
    while (!atomic_load(&accepted))
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    /* all else goes on while that one waits */
    OK(vmgr_domain_suspend(dom, &err));
    OK(vmgr_domain_resume(dom, &err));
    expect_state(dom, "running (unpaused)");
    atomic_store(&released, 1);
    pthread_join(caller, NULL);
    ck_assert_int_eq(code, VMGR_ERR_AGENT_UNRESPONSIVE);
}
END_TEST

START_TEST(test_sleep)
{
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_MEM, 5, 0, &err),
          VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: Duration not supported. Use 0 for now");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, 3, 0, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: Unknown suspend target: 3");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_MEM, 0, 0, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute QEMU agent command 'guest-suspend-ram': no way to "
          "sleep");
    expect_state(dom, "running (booted)");
    FAILS(vmgr_domain_pm_wakeup(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: unable to execute monitor command 'system_wakeup': Unable to wake "
          "up: guest is not in suspended state");
    OK(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_HYBRID, 0, 0, &err));
    sent("guest-suspend-hybrid");
    expect_state(dom, "pmsuspended (unknown)");
    FAILS(vmgr_domain_suspend(dom, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is pmsuspended");
    FAILS(vmgr_domain_resume(dom, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is pmsuspended");
    FAILS(vmgr_domain_set_time(dom, 1, 0, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_pm_wakeup(dom, 0, &err));
    expect_state(dom, "running (event wakeup)");
    OK(vmgr_domain_suspend(dom, &err));
    OK(vmgr_domain_resume(dom, &err));
    /* an agent that says nothing, of a guest that goes on */
    OK(vmgr_domain_agent_set_timeout(dom, 1, 0, &err));
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_DISK, 0, 0, &err),
          VMGR_ERR_AGENT_UNRESPONSIVE,
          "Guest agent is not responding: Guest agent not available for now");
    OK(vmgr_domain_destroy(dom, 0, &err));
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_MEM, 0, 0, &err),
          VMGR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running");
    FAILS(vmgr_domain_pm_wakeup(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
}
END_TEST

/* Makes another guest with that document's <pm>. */
static void define_with(const char *machine, const char *cmdline, const char *pm)
{
    char xml[1024];

    snprintf(xml, sizeof(xml),
             "<domain type='vemu'><name>p</name><memory unit='MiB'>64</memory>"
             "<os><type machine='%s'>hvm</type><kernel>/boot/vmlinuz</kernel>"
             "<cmdline>%s</cmdline></os>%s</domain>",
             machine, cmdline, pm);
    vmgr_domain_destroy(dom, 0, NULL);
    vmgr_domain_undefine(dom, 0, NULL);
    vmgr_domain_unref(dom);
    dom = NULL;
    OK(vmgr_domain_define_xml(conn, xml, 0, &dom, &err));
}

static void start_with(const char *machine, const char *cmdline, const char *pm)
{
    define_with(machine, cmdline, pm);
    OK(vmgr_domain_start(dom, 0, &err));
}

static void refused_start(const char *machine, const char *pm, const char *why)
{
    define_with(machine, "x", pm);
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, why);
}

START_TEST(test_sleep_refused)
{
    start_with("q35", "x", "<pm><suspend-to-mem enabled='no'/></pm>");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_MEM, 0, 0, &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: S3 state is disabled for this domain");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_DISK, 0, 0, &err),
          VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: QEMU guest agent is not configured");
    start_with("q35", "x", "<pm><suspend-to-disk enabled='no'/></pm>");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_DISK, 0, 0, &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: S4 state is disabled for this domain");
    start_with("microvm", "no-s3", "");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_HYBRID, 0, 0, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: Domain does not have suspend support");
    refused_start("microvm", "<pm><suspend-to-mem enabled='yes'/></pm>",
                  "unsupported configuration: <suspend-to-mem> is not supported by machine "
                  "'microvm', which has no S3");
    refused_start("q35", "<pm><suspend-to-disk enabled='yes'/></pm>",
                  "unsupported configuration: <suspend-to-disk> is not supported by the vemu "
                  "driver: there is no S4");
    start_with("q35", "x", "<pm><suspend-to-mem enabled='yes'/></pm>");
    FAILS(vmgr_domain_pm_suspend_for_duration(dom, VMGR_NODE_SUSPEND_MEM, 0, 0, &err),
          VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: QEMU guest agent is not configured");
}
END_TEST

START_TEST(test_refusals)
{
    struct vmgr_fs_info **infos;
    const char *const where[] = { "/" };
    char *text;

    FAILS(vmgr_domain_agent_command(dom, "[]", 1, 0, &text, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: the command is no JSON object");
    FAILS(vmgr_domain_agent_command(dom, "{}", -3, 0, &text, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: guest agent timeout '-3' is less than the minimum '-2' or too long");
    FAILS(vmgr_domain_fs_thaw(dom, where, 1, 0, &err), VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: specifying mountpoints is not supported");
    FAILS(vmgr_domain_fs_trim(dom, "/", 0, 0, &err), VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: Specifying mount point is not supported for now");
    OK(vmgr_domain_destroy(dom, 0, &err));
    FAILS(vmgr_domain_get_fs_info(dom, 0, &infos, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vmgr-agent");
    TCase *tcase = tcase_create("agent");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_answers);
    tcase_add_test(tcase, test_info);
    tcase_add_test(tcase, test_liars);
    tcase_add_test(tcase, test_stalled);
    tcase_add_test(tcase, test_sleep);
    tcase_add_test(tcase, test_sleep_refused);
    tcase_add_test(tcase, test_refusals);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
