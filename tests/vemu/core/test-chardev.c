/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chardevs in memory and in files: delivery, back-pressure, what is dropped, pseudo-terminals.
 */
#include "ends.h"
#include "test-main.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <vemu/chardev.h>

#include "chardev/backend.h"
#include "chardev/bytes.h"

static struct vemu_vm *vm;
static struct fake_device *device;
static struct vemu_chardev *chr;

/* The chardev "c" must be there; a device is its front end. */
static void attach(const char *room)
{
    device = fake_add_device(vm, "dev", "chardev", "c", "room", room, NULL);
    OK(vemu_vm_realize(vm, &err));
    chr = vemu__vm_find_chardev(vm, "c");
    fake_sync(vm);
}

#define FIELD(field) fake_field(device, field)
#define INPUT_IS(text)                                                                             \
    fake_until(FIELD(input->len) == strlen(text));                                                 \
    ck_assert_str_eq(device->input->str, text)

static void more_room(size_t room)
{
    pthread_mutex_lock(&device->dev.lock);
    device->room += room;
    vemu_chardev_input_ready(chr);
    pthread_mutex_unlock(&device->dev.lock);
}

START_TEST(bytes)
{
    struct vemu_bytes b;
    const uint8_t *data;
    char buf[16];

    vemu__bytes_init(&b, 8);
    ck_assert_uint_eq(vemu__bytes_put(&b, "abcdef", 6), 6);
    ck_assert_uint_eq(vemu__bytes_take(&b, buf, 4), 4);
    ck_assert_uint_eq(vemu__bytes_put(&b, "123456789", 9), 6);
    ck_assert_uint_eq(vemu__bytes_put(&b, "x", 1), 0);
    ck_assert_uint_eq(vemu__bytes_peek(&b, &data), 4); /* up to the edge */
    ck_assert_uint_eq(vemu__bytes_take(&b, buf, 16), 8);
    ck_assert_mem_eq(buf, "ef123456", 8);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(vemu__bytes_take(&b, buf, 16), 0);
    ck_assert_uint_eq(vemu__bytes_put(&b, "z", 1), 1);
    vemu__bytes_clear(&b);
}
END_TEST

START_TEST(names)
{
    char *filename = NULL;

    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "null", "c", NULL));
    FAILS(fake_add_chardev(vm, &err, "null", "c", NULL), EEXIST, "'c'");
    FAILS(fake_add_chardev(vm, &err, "null", "9", NULL), EINVAL, "'9'");
    FAILS(fake_add_chardev(vm, &err, "telepathy", "d", NULL), EINVAL, "'telepathy'");
    FAILS(fake_add_chardev(vm, &err, "callback", "d", NULL), EINVAL, "'callback'");
    FAILS(fake_add_chardev(vm, &err, "null", "d", "size", "1", NULL), EINVAL, "'size'");
    FAILS(vemu_vm_add_chardev(vm, NULL, "d", NULL, 0, &err), EINVAL, "missing");
    OK(fake_add_chardev(vm, &err, "null", NULL, NULL));
    ck_assert_int_eq(vemu_chardev_get_filename(vm, "c", &filename), 0);
    ck_assert_str_eq(filename, "null");
    free(filename);
    ck_assert_int_eq(vemu_chardev_get_filename(vm, "nope", &filename), -ENOENT);
    ck_assert_int_eq(vemu_chardev_input(vm, "nope", "x", 1), -ENOENT);
    ck_assert_int_eq(vemu_chardev_input(vm, "c", "x", 1), -EINVAL);
    ck_assert_int_eq(vemu_chardev_read(vm, "c", filename, 0), -EINVAL);
    OK(vemu_vm_stop(vm, &err));
    FAILS(fake_add_chardev(vm, &err, "null", "d", NULL), ESHUTDOWN, "stopped");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(null)
{
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "null", "c", NULL));
    attach("1");
    ck_assert_uint_eq(FIELD(opens), 1);
    ck_assert(vemu_chardev_is_open(chr));
    ck_assert_uint_eq(vemu_chardev_write(chr, "abc", 3), 3);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(ring)
{
    char buf[32] = { 0 };

    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "ring", "d", "size", "0", NULL), EINVAL, "'size'");
    FAILS(fake_add_chardev(vm, &err, "ring", "d", "size", "1T", NULL), EINVAL, "'size'");
    OK(fake_add_chardev(vm, &err, "ring", "c", "size", "8", NULL));
    attach("4");
    ck_assert_uint_eq(vemu_chardev_write(chr, "hello", 5), 5);
    ck_assert_uint_eq(vemu_chardev_write(chr, "world", 5), 5);
    ck_assert_int_eq(vemu_chardev_read(vm, "c", buf, 3), 3);
    ck_assert_str_eq(buf, "llo");
    ck_assert_int_eq(vemu_chardev_read(vm, "c", buf, 32), 5);
    ck_assert_mem_eq(buf, "world", 5);
    ck_assert_uint_eq(vemu_chardev_write(chr, "0123456789abcdef", 16), 16);
    ck_assert_int_eq(vemu_chardev_read(vm, "c", buf, 32), 8);
    ck_assert_mem_eq(buf, "89abcdef", 8);
    /* Input: as far as the front end has room, the rest later. */
    ck_assert_int_eq(vemu_chardev_input(vm, "c", "keyboard", 8), 8);
    INPUT_IS("keyb");
    more_room(2);
    INPUT_IS("keyboa");
    more_room(100);
    INPUT_IS("keyboard");
    /* What a stopped machine printed can still be read. */
    ck_assert_uint_eq(vemu_chardev_write(chr, "bye", 3), 3);
    OK(vemu_vm_stop(vm, &err));
    ck_assert_int_eq(vemu_chardev_read(vm, "c", buf, 32), 3);
    ck_assert_int_eq(vemu_chardev_input(vm, "c", "x", 1), 0);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(input_is_bounded)
{
    g_autofree char *big = g_malloc0(1 << 20);
    long taken;

    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "ring", "c", NULL));
    attach("0");
    taken = vemu_chardev_input(vm, "c", big, 1 << 20);
    ck_assert_int_gt(taken, 0);
    ck_assert_int_lt(taken, 1 << 16);
    ck_assert_int_eq(vemu_chardev_input(vm, "c", big, 1), 0);
    more_room(1 << 20);
    fake_until(FIELD(input->len) == (gsize)taken);
    ck_assert_int_eq(vemu_chardev_input(vm, "c", big, 1), 1);
    vemu_vm_unref(vm);
}
END_TEST

static struct {
    pthread_mutex_t lock;
    GString *text;
    atomic_bool hold;
    atomic_uint freed;
} out = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_output(void *data, const void *buf, size_t size)
{
    ck_assert(vemu__loop_is_current(vm->loop));
    while (atomic_load(&out.hold))
        g_usleep(100);
    pthread_mutex_lock(&out.lock);
    g_string_append_len(out.text, buf, (gssize)size);
    pthread_mutex_unlock(&out.lock);
}

static void on_free(void *data)
{
    atomic_fetch_add(&out.freed, 1);
}

START_TEST(callback)
{
    g_autofree char *big = g_malloc(200000);
    size_t taken;

    out.text = g_string_new(NULL);
    memset(big, 'x', 200000);
    vm = fake_vm(NULL);
    OK(vemu_vm_add_chardev_callback(vm, "c", on_output, NULL, on_free, &err));
    FAILS(vemu_vm_add_chardev_callback(vm, "c", on_output, NULL, on_free, &err), EEXIST, "'c'");
    ck_assert_uint_eq(atomic_load(&out.freed), 1); /* also when it fails */
    FAILS(vemu_vm_add_chardev_callback(vm, "d", NULL, NULL, on_free, &err), EINVAL, "function");
    ck_assert_uint_eq(atomic_load(&out.freed), 2);
    attach("10");
    ck_assert_uint_eq(vemu_chardev_write(chr, "abc", 3), 3);
    fake_sync(vm);
    ck_assert_str_eq(out.text->str, "abc");
    ck_assert_int_eq(vemu_chardev_input(vm, "c", "in", 2), 2);
    INPUT_IS("in");
    /* A slow reader: the front end is refused, then told. */
    atomic_store(&out.hold, true);
    ck_assert_uint_eq(vemu_chardev_write(chr, "d", 1), 1);
    g_usleep(5000);
    taken = vemu_chardev_write(chr, big, 200000);
    ck_assert_uint_gt(taken, 0);
    ck_assert_uint_lt(taken, 200000);
    ck_assert_uint_eq(vemu_chardev_write(chr, big, 1), 0);
    ck_assert_uint_eq(device->writables, 0);
    atomic_store(&out.hold, false);
    fake_until(FIELD(writables) == 1);
    /* What was taken is handed over before the machine is gone. */
    ck_assert_uint_eq(vemu_chardev_write(chr, "end", 3), 3);
    OK(vemu_vm_stop(vm, &err));
    ck_assert_uint_eq(out.text->len, 4 + taken + 3);
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&out.freed), 3);
    g_string_free(out.text, TRUE);
}
END_TEST

static char *temporary(const char *contents)
{
    char *path = g_strdup("/tmp/vemu-test-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, contents, strlen(contents)), (ssize_t)strlen(contents));
    close(fd);
    return path;
}

START_TEST(file)
{
    g_autofree char *path = temporary("old "), *input = temporary("from a file");

    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "file", "c", NULL), EINVAL, "'path'");
    FAILS(fake_add_chardev(vm, &err, "file", "c", "path", "/nope/x", NULL), ENOENT, "'/nope/x'");
    FAILS(fake_add_chardev(vm, &err, "file", "c", "path", path, "append", "on", "input-path",
                           "/nope/y", NULL),
          ENOENT, "'/nope/y'");
    OK(fake_add_chardev(vm, &err, "file", "c", "path", path, "append", "on", "input-path", input,
                        NULL));
    attach("4");
    INPUT_IS("from");
    more_room(100);
    INPUT_IS("from a file");
    ck_assert_uint_eq(vemu_chardev_write(chr, "new", 3), 3);
    vemu_vm_unref(vm);
    file_is(path, "old new");

    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "file", "c", "path", path, NULL));
    vemu_vm_unref(vm);
    file_is(path, "");
    unlink(path);
    unlink(input);
}
END_TEST

START_TEST(full_disk)
{
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "file", "c", "path", "/dev/full", NULL));
    attach("0");
    ck_assert_uint_eq(vemu_chardev_write(chr, "abc", 3), 3); /* lost, and the guest goes on */
    ck_assert_uint_eq(vemu_chardev_write(chr, "abc", 3), 3);
    vemu_vm_unref(vm);
}
END_TEST

/* --- pseudo-terminals ------------------------------------------------------------------------- */

static int open_slave(void)
{
    char *filename = NULL;
    int fd;

    ck_assert_int_eq(vemu_chardev_get_filename(vm, "c", &filename), 0);
    ck_assert(g_str_has_prefix(filename, "pty:/dev/pts/"));
    fd = open(filename + 4, O_RDWR | O_NOCTTY);
    ck_assert_int_ge(fd, 0);
    free(filename);
    return fd;
}

START_TEST(pty)
{
    struct termios mode;
    int i, fd;

    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "pty", "c", NULL));
    attach("1000");
    ck_assert(!vemu_chardev_is_open(chr));
    ck_assert_uint_eq(vemu_chardev_write(chr, "nobody looks", 12), 12);
    for (i = 1; i <= 3; i++) {
        fd = open_slave();
        fake_until(FIELD(opens) == (unsigned)i);
        ck_assert_int_eq(tcgetattr(fd, &mode), 0);
        ck_assert(!(mode.c_lflag & (ECHO | ICANON)));
        ck_assert_uint_eq(vemu_chardev_write(chr, "hello\n", 6), 6);
        reads(fd, "hello\n");
        ck_assert_int_eq(write(fd, "ab\r", 3), 3);
        fake_until(FIELD(input->len) == (gsize)(3 * i));
        close(fd);
        fake_until(FIELD(closes) == (unsigned)i);
        ck_assert(!vemu_chardev_is_open(chr));
    }
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(pty_back_pressure)
{
    g_autofree char *big = g_malloc(200000);
    size_t taken, got = 0;
    char buf[4096];
    int fd;

    memset(big, 'y', 200000);
    vm = fake_vm(NULL);
    OK(fake_add_chardev(vm, &err, "pty", "c", NULL));
    attach("1000");
    fd = open_slave();
    fake_until(FIELD(opens) == 1);
    taken = vemu_chardev_write(chr, big, 200000);
    ck_assert_uint_lt(taken, 200000);
    while (got < taken) {
        ssize_t n = read(fd, buf, sizeof(buf));

        ck_assert_int_gt(n, 0);
        got += (size_t)n;
    }
    fake_until(FIELD(writables) >= 1);
    /* Closed in the middle: the rest is dropped, the front end may go on. */
    taken = vemu_chardev_write(chr, big, 200000);
    ck_assert_uint_lt(taken, 200000);
    close(fd);
    fake_until(FIELD(closes) == 1);
    fake_until(FIELD(writables) >= 2);
    ck_assert_uint_eq(vemu_chardev_write(chr, big, 200000), 200000);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(pty_link)
{
    g_autofree char *path = temporary("");
    int fd;

    vm = fake_vm(NULL);
    FAILS(fake_add_chardev(vm, &err, "pty", "c", "path", path, NULL), EEXIST, path);
    unlink(path);
    OK(fake_add_chardev(vm, &err, "pty", "c", "path", path, NULL));
    attach("10");
    fd = open(path, O_RDWR | O_NOCTTY);
    ck_assert_int_ge(fd, 0);
    fake_until(FIELD(opens) == 1);
    vemu_vm_unref(vm);
    close(fd);
    ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { bytes,    names, null,      ring, input_is_bounded,
                                   callback, file,  full_disk, pty,  pty_back_pressure,
                                   pty_link, NULL };

    return run_tests("chardev", tests);
}
