/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver over an emulator without a machine: life cycle, sharing the directory, processes
 * that end, consoles, events, what is refused.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "sandbox.h"

#define UUID_V "6695eb01-f6a4-8304-79aa-97f2502e2001"
#define DOC(name, uuid, cmdline, more)                                                             \
    "<domain type='vemu'><name>" name "</name><uuid>" uuid "</uuid>"                               \
    "<memory unit='MiB'>64</memory><os><type>hvm</type><kernel>/boot/vmlinuz</kernel>"             \
    "<cmdline>" cmdline "</cmdline></os>" more "</domain>"
#define CHANNEL(type, source, number)                                                              \
    "<channel type='" type "'>" source "<target type='virtio' name='org.example." number           \
    "'/></channel>"
#define PTY "<devices><serial type='pty'/></devices>"

static struct vmgr_conn *conn, *other;

static void setup(void)
{
    sandbox_open();
    conn = sandbox_connect(0);
    other = sandbox_connect(0);
}

static void teardown(void)
{
    conn = vmgr_conn_unref(conn);
    other = vmgr_conn_unref(other);
    sandbox_close();
}

static struct vmgr_domain *define_v(const char *xml)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_define_xml(conn, xml, 0, &dom, &err));
    return dom;
}

static struct vmgr_domain *by_name(struct vmgr_conn *c, const char *name)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_lookup_by_name(c, name, &dom, &err));
    return dom;
}

/* Runs a monitor command that no API call stands for. */
static void monitor(const char *name, const char *command)
{
    char path[400], text[400];
    int pid = fork();

    /* In a child: the address must be short, so the working directory changes. */
    if (pid == 0) {
        snprintf(path, sizeof(path), "%s/run/vmgr/domains/%s.d", sandbox_root, name);
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

static void await_no_emulator(void)
{
    for (int i = 0; i < 500 && sandbox_emulators(NULL); i++)
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
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

    OK(vmgr_domain_start(dom, 0, &err));
    vmgr_domain_unref(dom);
    conn = vmgr_conn_unref(conn);
    ck_assert_int_eq(sandbox_emulators(NULL), 1);
    conn = sandbox_connect(0);
    dom = by_name(conn, "v");
    expect_state(dom, "running (booted)");
    OK(vmgr_domain_destroy(dom, VMGR_DOMAIN_DESTROY_GRACEFUL, &err));
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
        { "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'/>",
          "<q:commandline> is not supported by the vemu driver yet" },
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
        { "<iothreads>1</iothreads><cputune><iothreadsched iothreads='1' scheduler='batch'/>"
          "</cputune>",
          "<iothreadsched> is not supported by the vemu driver yet" },
        { "<memoryBacking><discard/></memoryBacking>",
          "<discard> of <memoryBacking> is not supported by the vemu driver" },
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
        { "<cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='42'/></cpu>",
          "<maxphysaddr> of <cpu> in mode 'emulate' is not supported by the vemu driver yet" },
        { "<clock offset='localtime'/>",
          "clock offset 'localtime' is not supported by the vemu driver yet" },
        { "<on_poweroff>restart</on_poweroff>",
          "on_poweroff action 'restart' is not supported by the vemu driver yet" },
        { "<features><smm state='on'/></features>",
          "feature 'smm' is not supported by the vemu driver yet" },
        { "<devices><serial type='tcp'><source mode='bind' host='h' "
          "service='1'/></serial></devices>",
          "character device type 'tcp' is not supported by the vemu driver yet" },
    };
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
    FAILS(vmgr_domain_define_xml(conn,
                                 "<domain type='kvm'><name>q</name><memory>1</memory><os><type "
                                 "machine='isapc'>hvm</type></os></domain>",
                                 0, &dom, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: Emulator 'vemu' does not support machine type 'isapc'");
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
    snprintf(path, sizeof(path), "%s/etc/vmgr/autostart/w, x.xml", sandbox_root);
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

static void expect_echo(struct vmgr_stream *st, const char *text)
{
    struct pollfd p = { .fd = vmgr_stream_get_fd(st), .events = POLLIN };
    size_t size = strlen(text), got = 0;
    char buf[64];

    ck_assert_int_eq(vmgr_stream_send(st, text, size, NULL), size);
    while (got < size && poll(&p, 1, 5000) == 1) {
        ssize_t n = vmgr_stream_recv(st, buf + got, sizeof(buf) - got, NULL);

        ck_assert(n > 0 || n == VMGR_STREAM_AGAIN);
        got += n > 0 ? (size_t)n : 0;
    }
    ck_assert_mem_eq(buf, text, size);
}

START_TEST(test_console)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY)), *twin = by_name(other, "v");
    struct vmgr_stream *first = NULL, *second = NULL;
    struct pollfd p = { .events = POLLIN };
    char c;

    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_open_console(dom, NULL, 0, &first, &err));
    expect_echo(first, "hello");
    FAILS(vmgr_domain_open_console(twin, "serial0", 0, &second, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Active console session exists for this domain");
    FAILS(vmgr_domain_open_console(twin, "serial7", 0, &second, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find character device serial7");
    OK(vmgr_domain_open_console(twin, NULL, VMGR_DOMAIN_CONSOLE_FORCE, &second, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, &c, 1, NULL), 0);
    vmgr_stream_unref(first);
    expect_echo(second, "again");
    OK(vmgr_stream_finish(second, &err));
    vmgr_stream_unref(second);
    OK(vmgr_domain_open_console(dom, "console0", 0, &first, &err));
    OK(vmgr_domain_destroy(twin, 0, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, &c, 1, NULL), 0);
    vmgr_stream_unref(first);
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

/* The other end of a channel: the emulator's place is taken by the test, on the socket that the
 * definition names. */
START_TEST(test_channel)
{
    struct vmgr_domain *dom, *twin;
    struct vmgr_stream *first = NULL, *second = NULL;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct pollfd p = { .events = POLLIN };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), end;
    char xml[2048], text[8];

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/port", sandbox_root);
    snprintf(xml, sizeof(xml),
             DOC("v", UUID_V, "x",
                 "<devices>" CHANNEL("unix", "<source mode='bind' path='%s'/>", "0")
                     CHANNEL("unix", "<source mode='connect' path='/nowhere'/>", "1")
                         CHANNEL("pty", "", "2") "</devices>"),
             addr.sun_path);
    dom = define_v(xml);
    twin = by_name(other, "v");
    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &first, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_open_channel(dom, "nope", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find channel nope");
    FAILS(vmgr_domain_open_channel(dom, "org.example.1", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: channel org.example.1 is not using a listening UNIX socket");
    FAILS(vmgr_domain_open_channel(dom, "channel2", 0, &first, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: channel channel2 is not using a listening UNIX socket");
    FAILS(vmgr_domain_open_channel(dom, NULL, 2, &first, &err), VMGR_ERR_INVALID_ARG,
          "unsupported flags (0x2) in function virDomainOpenChannel");
    FAILS(vmgr_domain_open_channel(dom, NULL, 0, &first, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: cannot connect to the channel's socket: No such file or directory");
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(listener, 4), 0);
    OK(vmgr_domain_open_channel(dom, "org.example.0", 0, &first, &err));
    end = accept(listener, NULL, NULL);
    ck_assert_int_eq(vmgr_stream_send(first, "hello", 5, NULL), 5);
    ck_assert_int_eq(read(end, text, sizeof(text)), 5);
    FAILS(vmgr_domain_open_channel(twin, "channel0", 0, &second, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Active channel stream exists for this domain");
    OK(vmgr_domain_open_channel(twin, "channel0", VMGR_DOMAIN_CHANNEL_FORCE, &second, &err));
    p.fd = vmgr_stream_get_fd(first);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(first, text, 1, NULL), 0);
    vmgr_stream_unref(first);
    close(end);
    end = accept(listener, NULL, NULL);
    ck_assert_int_eq(write(end, "again", 5), 5);
    p.fd = vmgr_stream_get_fd(second);
    ck_assert_int_eq(poll(&p, 1, 5000), 1);
    ck_assert_int_eq(vmgr_stream_recv(second, text, sizeof(text), NULL), 5);
    OK(vmgr_stream_finish(second, &err));
    vmgr_stream_unref(second);
    close(end);
    close(listener);
    vmgr_domain_unref(dom);
    vmgr_domain_unref(twin);
}
END_TEST

#define DISK(format, path, target)                                                                 \
    "<disk type='file'><driver type='" format "'/><source file='" path "'/><target dev='" target   \
    "' bus='virtio'/></disk>"

START_TEST(test_peek_disk)
{
    struct vmgr_conn *ro = sandbox_connect(VMGR_CONN_RO);
    struct vmgr_domain *dom, *seen = NULL;
    char path[300], xml[2048], text[400], buf[16] = "";
    FILE *f;

    snprintf(path, sizeof(path), "%s/image", sandbox_root);
    f = fopen(path, "w");
    fprintf(f, "hello world");
    fclose(f);
    snprintf(xml, sizeof(xml),
             DOC("v", UUID_V, "x",
                 "<devices>" DISK("raw", "%s", "vda") DISK("qcow2", "/q", "vdb")
                     DISK("raw", "/nowhere", "vdc") DISK("raw", "/dev/null", "vdd") "</devices>"),
             path);
    dom = define_v(xml);
    OK(vmgr_domain_peek_disk(dom, "vda", 6, buf, 5, 0, &err));
    ck_assert_str_eq(buf, "world");
    OK(vmgr_domain_peek_disk(dom, path, 0, buf, 5, 0, &err));
    ck_assert_str_eq(buf, "hello");
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 12", path);
    FAILS(vmgr_domain_peek_disk(dom, "vda", 7, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG, text);
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 18446744073709551615", path);
    FAILS(vmgr_domain_peek_disk(dom, "vda", UINT64_MAX, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG,
          text);
    FAILS(vmgr_domain_peek_disk(dom, "vdz", 0, buf, 5, 0, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: invalid path: vdz");
    FAILS(vmgr_domain_peek_disk(dom, "vdb", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: peeking is only supported for disk with 'raw' format not "
          "'qcow2'");
    FAILS(vmgr_domain_peek_disk(dom, "vdc", 0, buf, 5, 0, &err), VMGR_ERR_SYSTEM_ERROR,
          "cannot open '/nowhere': No such file or directory");
    FAILS(vmgr_domain_peek_disk(dom, "vdd", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_UNSUPPORTED,
          "Operation not supported: '/dev/null' is no file and no block device");
    FAILS(vmgr_domain_peek_disk(dom, "vda", 0, buf, VMGR_PEEK_MAX + 1, 0, &err),
          VMGR_ERR_INVALID_ARG,
          "invalid argument: size 4194305 in virDomainBlockPeek is above 4194304 bytes");
    OK(vmgr_domain_lookup_by_name(ro, "v", &seen, &err));
    FAILS(vmgr_domain_peek_disk(seen, "vda", 0, buf, 5, 0, &err), VMGR_ERR_OPERATION_DENIED,
          "operation forbidden: read only access prevents virDomainBlockPeek");
    vmgr_domain_unref(seen);
    vmgr_conn_unref(ro);
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_peek_memory)
{
    const uint32_t physical = VMGR_DOMAIN_MEMORY_PHYSICAL, virtual = VMGR_DOMAIN_MEMORY_VIRTUAL;
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY));
    char made[300], text[400], buf[8] = "";

    FAILS(vmgr_domain_peek_memory(dom, 0, buf, 4, physical, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: domain is not running");
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_peek_memory(dom, 0, buf, 4, physical, &err));
    ck_assert_str_eq(buf, "pppp");
    OK(vmgr_domain_peek_memory(dom, 0, buf, 4, virtual, &err));
    ck_assert_str_eq(buf, "vvvv");
    for (int both = 0; both < 2; both++)
        FAILS(vmgr_domain_peek_memory(dom, 0, buf, 4, both ? physical | virtual : 0, &err),
              VMGR_ERR_INVALID_ARG,
              "invalid argument: flags in virDomainMemoryPeek must be one of VIR_MEMORY_VIRTUAL "
              "and VIR_MEMORY_PHYSICAL");
    FAILS(vmgr_domain_peek_memory(dom, UINT64_MAX, buf, 4, physical, &err), VMGR_ERR_INVALID_ARG,
          "invalid argument: addresses from 2^63 on are not supported by the vemu driver");
    /* what a guest that broke out of its emulator could put there */
    snprintf(made, sizeof(made), "%s/run/vmgr/domains/v.d/memory.peek", sandbox_root);
    snprintf(text, sizeof(text),
             "unable to open what is made as '%s': Too many levels of symbolic links", made);
    FAILS(vmgr_domain_peek_memory(dom, 4096, buf, 4, physical, &err), VMGR_ERR_SYSTEM_ERROR, text);
    snprintf(text, sizeof(text), "invalid argument: '%s' ends before 4", made);
    FAILS(vmgr_domain_peek_memory(dom, 8192, buf, 4, physical, &err), VMGR_ERR_INVALID_ARG, text);
    ck_assert_int_eq(access(made, F_OK), -1);
    OK(vmgr_domain_destroy(dom, 0, &err));
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
    size_t used = strlen(sandbox_root);

    strcpy(deep, sandbox_root);
    while (used < 200)
        used += (size_t)snprintf(deep + used, sizeof(deep) - used, "/deeper-and-deeper");
    conn = vmgr_conn_unref(conn);
    strcpy(sandbox_root + strlen(sandbox_root), deep + strlen(sandbox_root));
    conn = sandbox_connect(0);
    {
        struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", PTY));

        OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_suspend(dom, &err));
        OK(vmgr_domain_destroy(dom, 0, &err));
        vmgr_domain_unref(dom);
    }
    sandbox_root[strlen("/tmp/vmgr-test-XXXXXX")] = '\0';
}
END_TEST

/* Files that somebody damaged or copied harm no other domain. */
START_TEST(test_damaged_files)
{
    struct vmgr_domain *dom = define_v(DOC("v", UUID_V, "x", ""));
    char from[400], to[400], command[900];
    FILE *f;

    snprintf(from, sizeof(from), "%s/etc/vmgr/domains/v.xml", sandbox_root);
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/copy.xml", sandbox_root);
    snprintf(command, sizeof(command), "cp %s %s", from, to);
    ck_assert_int_eq(system(command), 0);
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/broken.xml", sandbox_root);
    f = fopen(to, "w");
    fputs("<domain", f);
    fclose(f);
    ck_assert_int_eq(count_domains(conn, 0), 1);
    OK(vmgr_domain_start(dom, 0, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
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
    snprintf(dir, sizeof(dir), "%s/run/vmgr/domains/v.d", sandbox_root);
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

    snprintf(path, sizeof(path), "%s/run/vmgr/domains/v.d/status.xml", sandbox_root);
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
    snprintf(path, sizeof(path), "%s/run/vmgr/domains/v.d/status.xml", sandbox_root);
    snprintf(keep, sizeof(keep), "%s/kept", sandbox_root);
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
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", sandbox_root);
    f = fopen(path, "w");
    fputs(DOC("v", UUID_V, "x", "<title>U</title>"), f);
    fclose(f);
    title = title_of(twin);
    ck_assert_str_eq(title, "U");
    free(title);
    /* another, that replaces it; and a file that somebody brings along */
    snprintf(to, sizeof(to), "%s/etc/vmgr/domains/w.xml", sandbox_root);
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
    snprintf(from, sizeof(from), "%s/etc/vmgr/domains", sandbox_root);
    snprintf(to, sizeof(to), "%s/etc/vmgr/moved", sandbox_root);
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

    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", sandbox_root);
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
    snprintf(path, sizeof(path), "%s/etc/vmgr/domains/v.xml", sandbox_root);
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
    tcase_add_test(t, test_console);
    tcase_add_test(t, test_channel);
    tcase_add_test(t, test_peek_disk);
    tcase_add_test(t, test_peek_memory);
    tcase_add_test(t, test_concurrent_starts);
    tcase_add_test(t, test_deep_root);
    tcase_add_test(t, test_damaged_files);
    tcase_add_test(t, test_torn_status);
    tcase_add_loop_test(t, test_unreadable_status, 0, 8);
    tcase_add_test(t, test_read_only);
    tcase_add_test(t, test_noticed);
    tcase_add_test(t, test_noticed_until_moved);
    tcase_add_test(t, test_empty_definition);
    tcase_add_test(t, test_kept_definitions);
    tcase_add_test(t, test_kept_texts);
    suite_add_tcase(s, t);
    return run_suite(s);
}
