/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver over an emulator without a machine: life cycle, sharing the directory, processes
 * that end, events, what is refused.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "vemu-domain.h"

/* Runs a monitor command that no API call stands for. */
static void monitor(const char *name, const char *command)
{
    char path[400], text[400];
    int pid = fork();

    /* In a child: the address must be short, so the working directory changes. */
    if (pid == 0) {
        snprintf(path, sizeof(path), "%s/run/vmgr/domains/%s.d", scratch_root, name);
        snprintf(
            text, sizeof(text),
            "exec python3 -c 'import socket\n"
            "s=socket.socket(socket.AF_UNIX);s.connect(\"qmp.sock\");f=s.makefile(\"rw\")\n"
            "f.readline();f.write(\"{\\\"execute\\\":\\\"%s\\\"}\\n\");f.flush();f.readline()'",
            command);
        if (chdir(path) == 0)
            execl("/bin/sh", "sh", "-c", text, NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

START_TEST(test_lifecycle)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY));
    struct vmgr_domain *twin = by_name(other, "v");

    expect_state(twin, "shut off (unknown)");
    OK(vmgr_domain_start(dom, 0, &err));
    expect_state(twin, "running (booted)");
    ck_assert_int_eq(vmgr_domain_get_id(twin, NULL), 1);
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    FAILS(vmgr_domain_start(twin, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is already running");
    OK(vmgr_domain_suspend(twin, &err));
    expect_state(dom, "paused (user)");
    OK(vmgr_domain_suspend(dom, &err));
    OK(vmgr_domain_resume(dom, &err));
    expect_state(twin, "running (unpaused)");
    FAILS(vmgr_domain_resume(dom, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is already running");
    OK(vmgr_domain_reset(dom, 0, &err));
    OK(vmgr_domain_reboot(dom, 0, &err));
    FAILS(vmgr_domain_shutdown(dom, VMGR_DOMAIN_SHUTDOWN_SIGNAL, &err),
          VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: guests can be asked by their ACPI power button (mode acpi) or "
          "their agent (mode agent) only");
    FAILS(vmgr_domain_shutdown(dom, VMGR_DOMAIN_SHUTDOWN_GUEST_AGENT, &err),
          VMGR_ERR_ARGUMENT_UNSUPPORTED,
          "argument unsupported: QEMU guest agent is not configured");
    OK(vmgr_domain_get_info(dom, &info, &err));
    ck_assert_uint_eq(info.memory_kib, 65536);
    OK(vmgr_domain_destroy(twin, 0, &err));
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
    expect_state(dom, "shut off (destroyed)");
    OK(vmgr_domain_start(dom, VMGR_DOMAIN_START_PAUSED, &err));
    expect_state(twin, "paused (user)");
    ck_assert_int_eq(vmgr_domain_get_id(twin, NULL), 2);
    OK(vmgr_domain_shutdown(dom, 0, &err));
    await_no_emulator();
    expect_state(twin, "shut off (shutdown)");
    FAILS(vmgr_domain_destroy(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_undefine(dom, 0, &err));
    FAILS(vmgr_domain_get_id(twin, &err), VMGR_ERR_NO_DOMAIN,
          "Domain not found: no domain with matching uuid '" UUID_V "' (v)");
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

/* A guest outlives the connection that started it. */
START_TEST(test_survives)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    char log[400];

    OK(vmgr_domain_start(dom, 0, &err));
    snprintf(log, sizeof(log), "%s/log/vmgr/v.log", scratch_root);
    ck_assert_int_eq(access(log, F_OK), 0);
    vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    conn = sandbox_connect(0);
    dom = by_name(conn, "v");
    expect_state(dom, "running (booted)");
    OK(vmgr_domain_destroy(
        dom, VMGR_DOMAIN_DESTROY_GRACEFUL | VMGR_DOMAIN_DESTROY_REMOVE_LOGS, &err));
    ck_assert_int_eq(access(log, F_OK), -1);
    expect_state(dom, "shut off (destroyed)");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_autodestroy)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_create_xml(conn, DOC("v", UUID_V, "x", ""), VMGR_DOMAIN_START_AUTODESTROY, &dom,
                              &err));
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
    ck_assert_int_eq(count_domains(other, 0), 0);
}
END_TEST

START_TEST(test_ends_by_itself)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));

    OK(vmgr_domain_start(dom, 0, &err));
    sandbox_emulators(sandbox_kill);
    await_no_emulator();
    expect_state(dom, "shut off (crashed)");
    OK(vmgr_domain_start(dom, 0, &err));
    monitor("v", "x-panic");
    await_no_emulator();
    expect_state(dom, "shut off (crashed)");
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_preserved_crash)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "<on_crash>preserve</on_crash>"));

    OK(vmgr_domain_start(dom, 0, &err));
    monitor("v", "x-panic");
    expect_state(dom, "crashed (panicked)");
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_failed_start)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "die=no such kernel", "")), *none = NULL;

    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: process exited while connecting to monitor: fake-vemu: no such kernel");
    expect_state(dom, "shut off (failed)");
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
    FAILS(vmgr_domain_create_xml(
              conn, DOC("w", "6695eb01-f6a4-8304-79aa-97f2502e2002", "die=x", ""), 0, &none, &err),
          VMGR_ERR_INTERNAL_ERROR,
          "internal error: process exited while connecting to monitor: fake-vemu: x");
    ck_assert_int_eq(count_domains(conn, 0), 1);
    vmgr_domain_unref(dom);
    dom = define_v(DOC("e", "6695eb01-f6a4-8304-79aa-97f2502e2003", "x",
                       "<devices><emulator>/nonexistent/vemu</emulator></devices>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_SYSTEM_ERROR,
          "Cannot check emulator binary /nonexistent/vemu: No such file or directory");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_unsupported)
{
    static const struct {
        const char *more, *message;
    } starts[] = {
        { "<devices><disk type='file'><source file='/a'/><target dev='xvda'/></disk></devices>",
          "disk bus 'xen' is not supported by the vemu driver for disk 'xvda'" },
        { "<devices><interface type='null'/></devices>",
          "interface type 'null' is not supported by the vemu driver yet" },
        { "<devices><memballoon model='xen'/></devices>",
          "model 'xen' of <memballoon> is not supported by the vemu driver yet" },
        { "<devices><rng model='virtio'><backend model='egd'/></rng></devices>",
          "backend 'egd' of <rng> is not supported by the vemu driver yet" },
        { "<devices><disk type='file'><source file='/a'/><target dev='vda'/><throttle/></disk>"
          "</devices>",
          "<throttle> of <disk> is not supported by the vemu driver yet" },
        { "<devices><sound model='ich6'/></devices>",
          "<sound> is not supported by the vemu driver yet" },
        { "<q:capabilities xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'/>",
          "<q:capabilities> is not supported by the vemu driver yet" },
        { "<cputune><cachetune vcpus='0'/></cputune>",
          "<cachetune> is not supported by the vemu driver yet" },
        { "<iothreads>1</iothreads><devices><disk type='file'><driver iothread='2'/>"
          "<source file='/a'/><target dev='vda'/></disk></devices>",
          "Disk iothread '2' not defined in iothreadid" },
        { "<defaultiothread thread_pool_max='3'/>",
          "<defaultiothread> is not supported by the vemu driver yet" },
        { "<memtune><min_guarantee>4</min_guarantee></memtune>",
          "<min_guarantee> is not supported by the vemu driver yet" },
        { "<blkiotune><weight>10001</weight></blkiotune>",
          "Value of blkiotune 'weight' must be in range [1, 10000]" },
        { "<resource><partition>/a/../b</partition></resource>",
          "Resource partition '/a/../b' must start with '/' and go down" },
        { "<resource><partition>a</partition></resource>",
          "Resource partition 'a' must start with '/' and go down" },
        { "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='0'/></cputune>",
          "Scheduler priority 0 out of range [1, 99]" },
        { "<cputune><emulatorsched scheduler='rr' priority='100'/></cputune>",
          "Scheduler priority 100 out of range [1, 99]" },
        { "<memoryBacking><allocation mode='immediate' threads='1025'/></memoryBacking>",
          "more than 1024 threads of <allocation> are not supported" },
        { "<numatune><memory mode='strict' placement='auto'/></numatune>",
          "automatic placement on NUMA nodes is not supported by the vemu driver" },
        { "<vcpu current='1'>2</vcpu>",
          "fewer current than maximum vCPUs (1 of 2) are not supported on machine 'microvm'" },
        { "<cpu><model vendor_id='somebodyelse'>qemu64</model></cpu>",
          "vendor_id of CPU models is not supported by the vemu driver yet" },
        { "<vcpu>3</vcpu><cpu><topology sockets='1' cores='2' threads='1'/></cpu>",
          "CPU topology doesn't match maximum vcpu count" },
        { "<cpu mode='host-passthrough'><numa><cell id='0' cpus='0' memory='65536'/></numa></cpu>",
          "<numa> is not supported on machine 'microvm'" },
        { "<clock offset='utc'><timer name='hpet'/></clock>",
          "timer 'hpet' cannot be switched on by the vemu driver yet" },
        { "<on_poweroff>restart</on_poweroff>",
          "on_poweroff action 'restart' is not supported by the vemu driver yet" },
        { "<features><smm state='on'/></features>",
          "feature 'smm' is not supported by the vemu driver yet" },
        { "<devices><serial type='spicevmc'/></devices>",
          "character device type 'spicevmc' is not supported by the vemu driver yet" },
    };
    static const char *const machines[] = { "isapc", "pc-q35-", "pc-q35-9.0,usb=on", "q35 " };
    struct vmgr_domain *dom = NULL;
    char xml[1000], message[300];

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        snprintf(xml, sizeof(xml), DOC("v", UUID_V, "x", "%s"), starts[i].more);
        dom = define_v(xml);
        snprintf(message, sizeof(message), "unsupported configuration: %s", starts[i].message);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
        vmgr_domain_unref(dom);
    }
    /* what nobody knows is no reason not to start */
    dom = define_v(DOC("v", UUID_V, "x", "<bogus/><devices><zork/></devices>"));
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        snprintf(xml, sizeof(xml),
                 "<domain type='kvm'><name>q</name><memory>1</memory><os><type machine='%s'>hvm"
                 "</type></os></domain>",
                 machines[i]);
        snprintf(message, sizeof(message),
                 "unsupported configuration: Emulator 'vemu' does not support machine type '%s'",
                 machines[i]);
        FAILS(vmgr_domain_define_xml(conn, xml, 0, &dom, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
              message);
    }
    FAILS(vmgr_domain_define_xml(conn,
                                 "<domain type='xen'><name>q</name><memory>1</memory><os><type>hvm"
                                 "</type></os></domain>",
                                 0, &dom, &err),
          VMGR_ERR_INVALID_ARG, "invalid argument: could not find capabilities for domaintype=xen");
}
END_TEST

START_TEST(test_lifecycle_action)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    char *xml = NULL;

    FAILS(vmgr_domain_set_lifecycle_action(dom, VMGR_DOMAIN_LIFECYCLE_CRASH,
                                           VMGR_DOMAIN_LIFECYCLE_ACTION_PRESERVE,
                                           VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert_int_eq(vmgr_domain_is_updated(dom, NULL), 0);
    OK(vmgr_domain_set_lifecycle_action(dom, VMGR_DOMAIN_LIFECYCLE_CRASH,
                                        VMGR_DOMAIN_LIFECYCLE_ACTION_PRESERVE,
                                        VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert_int_eq(vmgr_domain_is_updated(dom, NULL), 1);
    OK(vmgr_domain_get_xml(dom, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "<on_crash>preserve</on_crash>"));
    free(xml);
    OK(vmgr_domain_get_xml(dom, VMGR_DOMAIN_XML_INACTIVE, &xml, &err));
    ck_assert_ptr_null(strstr(xml, "preserve"));
    free(xml);
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_definitions)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "<title>one</title>")), *twin,
                       *none = NULL;
    char *text = NULL;

    OK(vmgr_domain_start(dom, 0, &err));
    vmgr_domain_unref(define_v(DOC("v", UUID_V, "x", "<title>two</title>")));
    twin = by_name(other, "v");
    OK(vmgr_domain_get_metadata(twin, VMGR_DOMAIN_METADATA_TITLE, NULL, VMGR_DOMAIN_AFFECT_LIVE,
                                &text, &err));
    ck_assert_str_eq(text, "one");
    free(text);
    OK(vmgr_domain_get_metadata(twin, VMGR_DOMAIN_METADATA_TITLE, NULL, VMGR_DOMAIN_AFFECT_CONFIG,
                                &text, &err));
    ck_assert_str_eq(text, "two");
    free(text);
    ck_assert_int_eq(vmgr_domain_is_updated(twin, NULL), 0);
    OK(vmgr_domain_set_metadata(dom, VMGR_DOMAIN_METADATA_DESCRIPTION, "live", NULL, NULL, 0,
                                &err));
    ck_assert_int_eq(vmgr_domain_is_updated(twin, NULL), 1);
    OK(vmgr_domain_undefine(twin, 0, &err));
    ck_assert_int_eq(vmgr_domain_is_persistent(dom, NULL), 0);
    FAILS(vmgr_domain_rename(dom, "w", 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot rename active domain");
    FAILS(vmgr_domain_create_xml(other, DOC("v", UUID_V, "x", ""), 0, &none, &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain 'v' is already active");
    FAILS(vmgr_domain_define_xml(other, DOC("w", UUID_V, "x", ""), 0, &none, &err),
          VMGR_ERR_OPERATION_FAILED,
          "operation failed: domain 'v' is already defined with uuid " UUID_V);
    OK(vmgr_domain_destroy(dom, 0, &err));
    ck_assert_int_eq(count_domains(other, 0), 0);
    vmgr_domain_unref(twin);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_rename_and_autostart)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "")), *twin = by_name(other, "v");
    char path[400];
    struct stat st;

    OK(vmgr_domain_set_autostart(dom, 1, &err));
    ck_assert_int_eq(vmgr_domain_get_autostart(twin, NULL), 1);
    OK(vmgr_domain_rename(dom, "w, x", 0, &err));
    ck_assert_str_eq(vmgr_domain_get_name(dom), "w, x");
    ck_assert_int_eq(vmgr_domain_get_autostart(twin, NULL), 1);
    snprintf(path, sizeof(path), "%s/etc/vmgr/autostart/w, x.xml", scratch_root);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(count_domains(other, VMGR_DOMAIN_LIST_AUTOSTART), 1);
    OK(vmgr_domain_start(twin, 0, &err));
    expect_state(dom, "running (booted)");
    OK(vmgr_domain_destroy(dom, 0, &err));
    OK(vmgr_domain_set_autostart(dom, 0, &err));
    ck_assert_int_eq(vmgr_domain_get_autostart(twin, NULL), 0);
    OK(vmgr_domain_undefine(dom, 0, &err));
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

static void dispatch_until(struct vmgr_conn *c, const struct event_log *log, const char *part)
{
    struct pollfd p = { .fd = vmgr_conn_get_event_fd(c, NULL), .events = POLLIN };

    for (int i = 0; i < 100 && !strstr(log->text, part); i++) {
        poll(&p, 1, 100);
        ck_assert_int_ge(vmgr_conn_dispatch(c, NULL), 0);
    }
    ck_assert_msg(strstr(log->text, part) != NULL, "no '%s' in '%s'", part, log->text);
}

/* Events reach the connection that acts and one that only looks on. */
START_TEST(test_events)
{
    struct event_log own = { "" }, seen = { "" };
    struct vmgr_domain *dom;

    OK(vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, log_event, &own, NULL,
                                  &err));
    OK(vmgr_conn_add_domain_event(other, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, log_event, &seen, NULL,
                                  &err));
    dom = define_v(DOC("v", UUID_V, "x", ""));
    dispatch_until(other, &seen, "Defined Added");
    OK(vmgr_domain_start(dom, 0, &err));
    dispatch_until(other, &seen, "Started Booted");
    OK(vmgr_domain_suspend(dom, &err));
    dispatch_until(other, &seen, "Suspended Paused");
    OK(vmgr_domain_resume(dom, &err));
    dispatch_until(other, &seen, "Resumed Unpaused");
    OK(vmgr_domain_destroy(dom, 0, &err));
    dispatch_until(other, &seen, "Stopped Destroyed");
    seen.text[0] = '\0';
    OK(vmgr_domain_start(dom, 0, &err));
    dispatch_until(other, &seen, "Started Booted");
    sandbox_emulators(sandbox_kill); /* nobody calls anything: the process's end is the news */
    dispatch_until(other, &seen, "Stopped Crashed");
    OK(vmgr_domain_rename(dom, "w", 0, &err));
    dispatch_until(other, &seen, "Undefined Renamed; Defined Renamed");
    OK(vmgr_domain_undefine(dom, 0, &err));
    dispatch_until(other, &seen, "Undefined Removed");
    ck_assert_int_gt(vmgr_conn_dispatch(conn, NULL), 0);
    ck_assert_str_eq(own.text, "Defined Added; Started Booted; Suspended Paused; Resumed Unpaused; "
                               "Stopped Destroyed; Started Booted; Stopped Crashed; "
                               "Undefined Renamed; Defined Renamed; Undefined Removed; ");
    vmgr_domain_unref(dom);
}
END_TEST

static void *starter(void *data)
{
    struct vmgr_conn *c = sandbox_connect(0);
    struct vmgr_domain *dom = by_name(c, "v");
    int *won = data;

    *won = vmgr_domain_start(dom, 0, NULL) == 0;
    vmgr_domain_unref(dom);
    vmgr_conn_unref(c);
    return NULL;
}

/* Of many that start one domain at once, one succeeds; readers see it through. */
START_TEST(test_concurrent_starts)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "slow-start", ""));
    pthread_t threads[6];
    int won[6], total = 0;

    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, starter, &won[i]);
    ck_assert_int_eq(count_domains(conn, 0), 1);
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        total += won[i];
    }
    ck_assert_int_eq(total, 1);
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    expect_state(dom, "running (booted)");
    vmgr_domain_unref(dom);
}
END_TEST

/* A deep directory: sockets have short addresses. */
START_TEST(test_deep_root)
{
    char deep[250];
    size_t used = strlen(scratch_root);

    strcpy(deep, scratch_root);
    while (used < 200)
        used += (size_t)snprintf(deep + used, sizeof(deep) - used, "/deeper-and-deeper");
    conn = vmgr_conn_unref(conn);
    strcpy(scratch_root + strlen(scratch_root), deep + strlen(scratch_root));
    conn = sandbox_connect(0);
    {
        struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY));

        OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_suspend(dom, &err));
        OK(vmgr_domain_destroy(dom, 0, &err));
        vmgr_domain_unref(dom);
    }
    scratch_root[strlen("/tmp/vmgr-test-XXXXXX")] = '\0';
}
END_TEST

START_TEST(test_read_only)
{
    struct vmgr_conn *ro = sandbox_connect(VMGR_CONN_RO);
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", "")), *twin;

    OK(vmgr_domain_start(dom, 0, &err));
    twin = by_name(ro, "v");
    expect_state(twin, "running (booted)");
    FAILS(vmgr_domain_destroy(twin, 0, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virDomainDestroy");
    vmgr_domain_unref(twin);
    vmgr_domain_unref(dom);
    vmgr_conn_unref(ro);
}
END_TEST
int main(void)
{
    Suite *s = suite_create("vemu");
    TCase *t = tcase_create("driver");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_lifecycle);
    tcase_add_test(t, test_survives);
    tcase_add_test(t, test_autodestroy);
    tcase_add_test(t, test_ends_by_itself);
    tcase_add_test(t, test_preserved_crash);
    tcase_add_test(t, test_failed_start);
    tcase_add_test(t, test_unsupported);
    tcase_add_test(t, test_lifecycle_action);
    tcase_add_test(t, test_definitions);
    tcase_add_test(t, test_rename_and_autostart);
    tcase_add_test(t, test_events);
    tcase_add_test(t, test_concurrent_starts);
    tcase_add_test(t, test_deep_root);
    tcase_add_test(t, test_read_only);
    suite_add_tcase(s, t);
    return run_suite(s);
}
