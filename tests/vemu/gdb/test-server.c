/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gdb server on a machine without a CPU: stops, steps, INT3 in memory, clients that come and
 * go, and the errors of vemu_vm_add_gdbserver(). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/test-main.h"
#include "fake-accel.h"
#include "gdb/packet.h"

static char path[64];

static int client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_packet(int fd, const char *packet)
{
    g_autoptr(GString) frame = g_string_new(NULL);

    vemu__gdb_frame(frame, packet, strlen(packet));
    ck_assert_int_eq(write(fd, frame->str, frame->len), (ssize_t)frame->len);
}

/* Sends a packet (NULL: none) and waits for a reply with this in it. */
static void talk(int fd, const char *packet, const char *wanted)
{
    g_autoptr(GString) got = g_string_new(NULL);
    char c;

    if (packet)
        send_packet(fd, packet);
    for (char *hash = NULL; !hash || strlen(hash) < 3; hash = strchr(got->str, '#')) {
        ck_assert_int_eq(read(fd, &c, 1), 1);
        g_string_append_c(got, c);
    }
    ck_assert_msg(strstr(got->str, wanted), "'%s' lacks '%s'", got->str, wanted);
}

static void begin(int fd)
{
    talk(fd, "QStartNoAckMode", "OK");
}

static struct vemu_vm *machine(uint32_t vcpus)
{
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    struct vemu_vm *vm;

    config.vcpus = vcpus;
    config.memory_bytes = 1 << 20;
    vm = fake_vm(&config);
    g_snprintf(path, sizeof(path), "/tmp/test-gdb-%d", (int)getpid());
    OK(fake_add_chardev(vm, &err, "socket", "g", "path", path, "server", "on", "wait", "off",
                        NULL));
    OK(vemu_vm_realize(vm, &err));
    OK(vemu_vm_add_gdbserver(vm, "g", &err));
    return vm;
}

START_TEST(adding)
{
    struct vemu_vm_config config = VEMU_VM_CONFIG_INIT;
    struct vemu_vm *vm;

    config.memory_bytes = 1 << 20;
    vm = fake_vm(&config);
    OK(fake_add_chardev(vm, &err, "null", "n", NULL));
    FAILS(vemu_vm_add_gdbserver(vm, "n", &err), EBUSY, "not realized");
    OK(vemu_vm_realize(vm, &err));
    FAILS(vemu_vm_add_gdbserver(vm, "x", &err), ENOENT, "'x'");
    OK(vemu_vm_add_gdbserver(vm, "n", &err));
    FAILS(vemu_vm_add_gdbserver(vm, "n", &err), EBUSY, "has a gdb server");
    vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
}
END_TEST

static const struct vemu_exit met = {
    .reason = VEMU_EXIT_DEBUG, .debug = { .kind = VEMU_DEBUG_SOFTWARE, .address = 0x1000 },
};
static const struct vemu_exit watched = {
    .reason = VEMU_EXIT_DEBUG, .debug = { .kind = VEMU_DEBUG_WRITE, .address = 0x2000 },
};

START_TEST(stopping)
{
    struct fake_step script[] = { { .op = FAKE_EXIT, .exit = met },
                                  { .op = FAKE_EXIT, .exit = watched }, { .op = FAKE_END } };
    struct vemu_vm *vm;
    uint8_t byte = 0x90;
    int fd;

    fake.scripts[1] = script;
    fake.int3 = true;
    vm = machine(2);
    ck_assert_int_eq(vemu_vm_write_memory(vm, 0x1000, &byte, 1), 0);
    fd = client();
    begin(fd);
    talk(fd, "qfThreadInfo", "$m1,2#");
    talk(fd, "Z0,1000,1", "OK");
    talk(fd, "Z2,2000,8", "OK");
    talk(fd, "Z0,100000000,1", "E0e");
    ck_assert_uint_eq(fake.points[0], 2);
    ck_assert_uint_eq(fake.points[1], 2);
    /* PRELAUNCH: "continue" starts it; vCPU 1 stops */
    talk(fd, "vCont;c", "T05thread:2;#");
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_PAUSED);
    ck_assert_uint_eq(fake.at_1000, 0xcc);
    talk(fd, "m1000,1", "$90#"); /* nobody sees it */
    ck_assert_int_eq(vemu_vm_read_memory(vm, 0x1000, &byte, 1), 0);
    ck_assert_uint_eq(byte, 0x90);
    talk(fd, "vCont;c", "T05thread:2;watch:2000;");
    /* a step of vCPU 0 alone, ended by Ctrl-C since this CPU does not step */
    send_packet(fd, "vCont;s:1");
    fake_until(vemu_vm_get_state(vm) == VEMU_VM_RUNNING && fake.step[0] && !fake.step[1]);
    ck_assert_int_eq(write(fd, "\3", 1), 1);
    talk(fd, NULL, "T02thread:1;");
    talk(fd, "z0,1000,1", "OK");
    fake.points_max = 1;
    talk(fd, "Z1,3000,1", "E1c");
    ck_assert_uint_eq(fake.points[1], 1);
    /* it goes: nothing stays behind */
    talk(fd, "D", "OK");
    fake_until(vemu_vm_get_state(vm) == VEMU_VM_RUNNING);
    ck_assert(!fake.step[0]);
    ck_assert_uint_eq(fake.points[0], 0);
    close(fd);
    vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(coming_and_going)
{
    struct vemu_vm *vm = machine(2);
    int fd;

    OK(vemu_vm_start(vm, &err));
    fd = client();
    begin(fd);
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_PAUSED);
    talk(fd, "Z1,1000,1", "OK");
    send_packet(fd, "c");
    fake_until(vemu_vm_get_state(vm) == VEMU_VM_RUNNING);
    /* gone without a word while it runs: it goes on without breakpoints */
    close(fd);
    fake_until(fake.points[0] == 0 && fake.points[1] == 0);
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    fake_until(atomic_load(&fake.runs) >= 4);
    /* the next one; somebody else pauses, resumes, ends the machine */
    fd = client();
    begin(fd);
    send_packet(fd, "c");
    fake_until(vemu_vm_get_state(vm) == VEMU_VM_RUNNING);
    OK(vemu_vm_pause(vm, &err));
    talk(fd, NULL, "T02thread:1;");
    send_packet(fd, "c");
    fake_until(vemu_vm_get_state(vm) == VEMU_VM_RUNNING);
    vemu_vm_request_shutdown(vm, VEMU_CAUSE_GUEST_SHUTDOWN, 0);
    talk(fd, NULL, "W00");
    close(fd);
    vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(nobody_there)
{
    struct fake_step script[] = { { .op = FAKE_EXIT, .exit = met }, { .op = FAKE_END } };
    struct vemu_vm *vm;

    fake.scripts[0] = script;
    vm = machine(1);
    OK(vemu_vm_start(vm, &err));
    fake_until(atomic_load(&fake.runs) >= 2); /* it stopped for nobody, and goes on */
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_RUNNING);
    vemu_vm_stop(vm, NULL);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { adding, stopping, coming_and_going, nobody_there, NULL };

    return run_tests("gdb-server", tests);
}
