/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory: views, dispatch with access sizes, copies, regions that come and go under readers.
 */
#include "test-main.h"

#include <sys/mman.h>

#include "mem/space.h"

/* A realized VM with one device at port 0x500 and 0xd0000000. */
static struct fake_device *make(struct vemu_vm **vm, const char *min, const char *max,
                                const char *unaligned)
{
    struct fake_device *device;

    *vm = fake_vm(NULL);
    device = fake_add_device(*vm, "dev", "iobase", "0x500", "mmio", "0xd0000000", "min", min, "max",
                             max, "unaligned", unaligned, NULL);
    OK(vemu_vm_realize(*vm, &err));
    return device;
}

static uint64_t get(struct vemu_vm *vm, uint64_t offset, unsigned size)
{
    return vemu__memory_read(vm->memory, VEMU_SPACE_MEMORY, 0xd0000000 + offset, size);
}

static void put(struct vemu_vm *vm, uint64_t offset, unsigned size, uint64_t value)
{
    vemu__memory_write(vm->memory, VEMU_SPACE_MEMORY, 0xd0000000 + offset, size, value);
}

/* The accesses since the last call as "r<offset>.<size> w<offset>.<size>=<value> ...". */
static char *log_of(struct fake_device *device)
{
    GString *text = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < device->accesses; i++) {
        g_string_append_printf(text, "%s%c%x.%u", i ? " " : "", device->log[i].write ? 'w' : 'r',
                               (unsigned)device->log[i].offset, device->log[i].size);
        if (device->log[i].write)
            g_string_append_printf(text, "=%" G_GINT64_MODIFIER "x", device->log[i].value);
    }
    device->accesses = 0;
    return g_string_free(text, FALSE);
}

#define LOG(expected)                                                                              \
    do {                                                                                           \
        g_autofree char *log_ = log_of(device);                                                    \
        ck_assert_str_eq(log_, expected);                                                          \
    } while (0)

START_TEST(any_size)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "0", "0", "off");

    ck_assert_uint_eq(get(vm, 0x10, 1), 0x10);
    ck_assert_uint_eq(get(vm, 0x10, 2), 0x1110);
    ck_assert_uint_eq(get(vm, 0x10, 4), 0x13121110);
    ck_assert_uint_eq(get(vm, 0x10, 8), 0x1716151413121110);
    LOG("r10.1 r10.2 r10.4 r10.8");
    put(vm, 0x20, 8, 0x1122334455667788);
    put(vm, 0x20, 4, 0x1122334455667788); /* more bits than the size */
    LOG("w20.8=1122334455667788 w20.4=55667788");
    /* Unaligned: pieces, in order. */
    ck_assert_uint_eq(get(vm, 0x11, 4), 0x14131211);
    LOG("r11.1 r12.2 r14.1");
    put(vm, 0x13, 4, 0xddccbbaa);
    LOG("w13.1=aa w14.2=ccbb w16.1=dd");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(unaligned_allowed)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "1", "4", "on");

    ck_assert_uint_eq(get(vm, 0x11, 4), 0x14131211);
    ck_assert_uint_eq(get(vm, 0x11, 8), 0x1817161514131211);
    LOG("r11.4 r11.4 r15.4");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(only_bytes)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "1", "1", "off");

    ck_assert_uint_eq(get(vm, 2, 4), 0x05040302);
    put(vm, 2, 2, 0x1234);
    LOG("r2.1 r3.1 r4.1 r5.1 w2.1=34 w3.1=12");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(only_dwords)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "4", "4", "off");

    ck_assert_uint_eq(get(vm, 5, 1), 0x05);
    ck_assert_uint_eq(get(vm, 6, 2), 0x0706);
    ck_assert_uint_eq(get(vm, 3, 2), 0x0403); /* across two registers */
    ck_assert_uint_eq(get(vm, 8, 8), 0x0f0e0d0c0b0a0908);
    LOG("r4.4 r4.4 r0.4 r4.4 r8.4 rc.4");
    put(vm, 4, 1, 0xff);
    put(vm, 4, 4, 0x12345678);
    put(vm, 6, 4, 0xffffffff); /* no whole register */
    LOG("w4.4=12345678");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(dwords_unaligned)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "4", "8", "on");

    ck_assert_uint_eq(get(vm, 3, 2), 0x0403);
    LOG("r0.4 r4.4");
    ck_assert_uint_eq(get(vm, 3, 4), 0x06050403);
    LOG("r3.4");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(edges)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "0", "0", "off");
    struct vemu_memory *mem = vm->memory;

    /* Over the end of a region: the rest is not mapped. */
    ck_assert_uint_eq(get(vm, 0xffe, 4), 0xfffffffe | 0xffu << 8 | 0xfe);
    LOG("rffe.2");
    put(vm, 0xffe, 4, 0x11223344);
    LOG("wffe.2=3344");
    /* Into a region from below. */
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_MEMORY, 0xcffffffe, 4), 0x0100ffff);
    LOG("r0.2");
    /* Nothing at all. */
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_MEMORY, 0xe0000000, 8), UINT64_MAX);
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_IO, 0x80, 1), 0xff);
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_IO, 0xffff, 4), 0xffffffff);
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_MEMORY, UINT64_MAX, 8), UINT64_MAX);
    vemu__memory_write(mem, VEMU_SPACE_IO, 0xffff, 4, 0);
    vemu__memory_write(mem, VEMU_SPACE_MEMORY, UINT64_MAX - 3, 8, 0);
    /* Ports. */
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_IO, 0x50e, 4), 0xffff0f0e);
    LOG("re.2");
    /* RAM and ROM by the slow way. */
    vemu__memory_write(mem, VEMU_SPACE_MEMORY, 0x1ffe, 4, 0xcafebabe);
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_MEMORY, 0x1ffe, 4), 0xcafebabe);
    vemu__memory_write(mem, VEMU_SPACE_MEMORY, 0xf0000, 4, 0);
    ck_assert_uint_eq(vemu__memory_read(mem, VEMU_SPACE_MEMORY, 0xf0000, 4), 0x004d4f52);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(copies)
{
    struct vemu_vm *vm;
    char in[64], out[64] = { 0 };

    make(&vm, "0", "0", "off");
    memset(in, 'x', sizeof(in));
    ck_assert_int_eq(vemu_vm_write_memory(vm, 0x5000, in, sizeof(in)), 0);
    ck_assert_uint_eq(fake.written_gpa, 0x5000);
    ck_assert_uint_eq(fake.written_size, sizeof(in));
    ck_assert_int_eq(vemu_vm_read_memory(vm, 0x5000, out, sizeof(out)), 0);
    ck_assert_mem_eq(in, out, sizeof(in));
    /* RAM into ROM: may be read, not written, and nothing of it is. */
    ck_assert_int_eq(vemu_dma_read(vm, 0xf0000 - 32, out, 64), 0);
    ck_assert_mem_eq(out + 32, "ROM", 4);
    ck_assert_int_eq(vemu_dma_write(vm, 0xf0000 - 32, in, 64), -EFAULT);
    ck_assert_int_eq(vemu_dma_read(vm, 0xf0000 - 32, out, 64), 0);
    ck_assert_int_eq(out[0], 0);
    /* From ROM into the RAM above. */
    ck_assert_int_eq(vemu__memory_write_rom(vm->memory, 0x100000 - 32, in, 64), 0);
    ck_assert_int_eq(vemu_dma_read(vm, 0x100000 - 32, out, 64), 0);
    ck_assert_mem_eq(in, out, sizeof(in));
    /* Not RAM. */
    ck_assert_int_eq(vemu_dma_read(vm, 0xd0000000, out, 4), -EFAULT);
    ck_assert_int_eq(vemu_dma_read(vm, (128u << 20) - 4, out, 8), -EFAULT);
    ck_assert_int_eq(vemu_dma_read(vm, UINT64_MAX - 3, out, 8), -EFAULT);
    ck_assert_int_eq(vemu_dma_write(vm, UINT64_MAX, in, 1), -EFAULT);
    ck_assert_int_eq(vemu_dma_read(vm, 0xd0000000, out, 0), 0);
    /* Pointers. */
    ck_assert_ptr_nonnull(vemu__memory_ptr(vm->memory, 0x5000, 4096, true));
    ck_assert_ptr_null(vemu__memory_ptr(vm->memory, 0xf0000, 4, true));
    ck_assert_ptr_nonnull(vemu__memory_ptr(vm->memory, 0xf0000, 4, false));
    ck_assert_ptr_null(vemu__memory_ptr(vm->memory, 0xf0000, 0x10001, false));
    ck_assert_ptr_null(vemu__memory_ptr(vm->memory, 0x5000, UINT64_MAX, true));
    ck_assert_ptr_null(vemu__memory_ptr(vm->memory, 0xd0000000, 4, false));
    vemu_vm_unref(vm);
}
END_TEST

static bool resident(struct vemu_vm *vm, uint64_t gpa)
{
    unsigned char vec = 0;

    ck_assert_int_eq(mincore(vemu__memory_ptr(vm->memory, gpa, 4096, false), 4096, &vec), 0);
    return vec & 1;
}

/* Loading zeros touches no page, and really makes zero where something was. */
START_TEST(sparse)
{
    struct vemu_vm *vm;
    g_autofree char *zeros = g_malloc0(0x5000);
    char out[4];

    make(&vm, "0", "0", "off");
    ck_assert_int_eq(vemu__memory_write_rom(vm->memory, 0x200000, zeros, 0x5000), 0);
    ck_assert(!resident(vm, 0x202000));
    ck_assert_int_eq(vemu__memory_zero(vm->memory, 0x200010, 0x4000), 0);
    ck_assert(!resident(vm, 0x202000));
    ck_assert_int_eq(vemu_dma_write(vm, 0x201ffe, "abcd", 4), 0);
    ck_assert_int_eq(vemu__memory_zero(vm->memory, 0x200010, 0x1ff0), 0);
    ck_assert_int_eq(vemu_dma_read(vm, 0x201ffe, out, 4), 0);
    ck_assert_mem_eq(out, "\0\0cd", 4);
    ck_assert_int_eq(vemu__memory_write_rom(vm->memory, 0x201fff, zeros, 0x1001), 0);
    ck_assert_int_eq(vemu_dma_read(vm, 0x201ffe, out, 4), 0);
    ck_assert_mem_eq(out, "\0\0\0\0", 4);
    ck_assert_int_eq(vemu__memory_zero(vm->memory, 0xd0000000, 16), -EFAULT);
    vemu_vm_unref(vm);
}
END_TEST

static void sum(void *data, uint64_t gpa, uint64_t size, bool readonly)
{
    uint64_t *total = data;

    total[readonly] += size;
}

START_TEST(ram_blocks)
{
    struct vemu_vm *vm;
    uint64_t total[2] = { 0 };

    make(&vm, "0", "0", "off");
    vemu__memory_for_each_ram(vm->memory, sum, total);
    ck_assert_uint_eq(total[0], (128u << 20) - 0x10000);
    ck_assert_uint_eq(total[1], 0x10000);
    ck_assert_uint_eq(atomic_load(&fake.slots), 3);
    FAILS(vemu__memory_add_ram(vm->memory, 0x1000, 0x1000, 0, "x", NULL, &err), EEXIST, "low");
    FAILS(vemu__memory_add_ram(vm->memory, 0x1001, 0x1000, 0, "x", NULL, &err), EINVAL, "bad");
    FAILS(vemu__memory_add_ram(vm->memory, 1ull << 40, 0, 0, "x", NULL, &err), EINVAL, "bad");
    FAILS(vemu__memory_add_ram(vm->memory, 1ull << 51, 1ull << 51 | 0x1000, 0, "x", NULL, &err),
          EINVAL, "bad");
    FAILS(vemu__memory_add_ram(vm->memory, 1ull << 40, 1ull << 50, 0, "x", NULL, &err), ENOMEM,
          "MiB");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(views)
{
    struct vemu_region regions[] = {
        { .address = 0x100, .size = 0x10 }, { .address = 0x200, .size = 0x10 },
        { .address = 0x110, .size = 0x10 }, { .address = (uint64_t)-0x10, .size = 0x10 },
        { .address = 0xf1, .size = 0x10 },  { .address = 0x20f, .size = 1 },
        { .address = 0, .size = 0x300 },    { .address = (uint64_t)-1, .size = 1 },
    };
    struct vemu_view *view = vemu__view_new(), *next;
    struct vemu_region *other;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(regions); i++) {
        other = NULL;
        next = vemu__view_insert(view, &regions[i], &other);
        ck_assert((next != NULL) == (i < 4));
        ck_assert((other != NULL) == (i >= 4));
        if (next) {
            vemu__view_free(view);
            view = next;
        }
    }
    ck_assert_uint_eq(view->count, 4);
    ck_assert_ptr_eq(vemu__view_find(view, 0x10f), &regions[0]);
    ck_assert_ptr_eq(vemu__view_find(view, 0x110), &regions[2]);
    ck_assert_ptr_eq(vemu__view_find(view, UINT64_MAX), &regions[3]);
    ck_assert_ptr_null(vemu__view_find(view, 0xff));
    ck_assert_ptr_null(vemu__view_find(view, 0x120));
    ck_assert_ptr_eq(vemu__view_next(view, 0x120), &regions[1]);
    vemu__view_free(view);
}
END_TEST

struct reader {
    struct vemu_vm *vm;
    atomic_bool quit;
    atomic_uint hits, misses;
};

static void *read_on(void *data)
{
    struct reader *reader = data;

    while (!atomic_load(&reader->quit)) {
        uint64_t value = vemu__memory_read(reader->vm->memory, VEMU_SPACE_MEMORY, 0xd8000004, 4);

        ck_assert(value == 0xffffffff || value == 0x07060504);
        atomic_fetch_add(value == 0xffffffff ? &reader->misses : &reader->hits, 1);
    }
    return NULL;
}

static int map_and_remove(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    struct fake_device *device = data;
    int r = vemu__memory_map(vm->memory, &device->dev, VEMU_SPACE_MEMORY, 0xd8000000, 4096,
                             &device->ops, "coming and going", err);

    if (r < 0)
        return r;
    g_usleep(50);
    vemu__memory_remove_device(vm->memory, &device->dev);
    /* From here on no reader may be in the device: what it would touch is gone. */
    device->ops.read = NULL;
    device->ops.write = NULL;
    return 0;
}

START_TEST(unplug_under_readers)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "0", "0", "off");
    struct vemu_region_ops ops = device->ops;
    struct reader reader = { .vm = vm };
    pthread_t threads[3];
    int i;

    for (i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &reader), 0);
    fake_until(atomic_load(&reader.misses) > 100);
    for (i = 0; i < 200; i++) {
        device->ops = ops;
        OK(vemu__vm_control(vm, map_and_remove, device, &err));
    }
    atomic_store(&reader.quit, true);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    vemu_vm_unref(vm);
}
END_TEST

static atomic_uint lines;

static void count_lines(void *data, int level, const char *line)
{
    const char *p;

    for (p = line; *p; p++)
        ck_assert_int_ge((unsigned char)*p, ' ');
    if (level == VEMU_LOG_DEBUG)
        atomic_fetch_add(&lines, 1);
}

/* Floating regions: hidden as a whole by RAM, fixed and older ones; back when there is room. */
START_TEST(floating)
{
    struct vemu_vm *vm;
    struct fake_device *device = make(&vm, "0", "0", "off");
    struct vemu_region *a, *b, *c, *d;

    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_MEMORY, 1ull << 52, 4096,
                                              &device->ops, "bar", &a),
                     -EINVAL);
    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_IO, 0xfff0, 0x20,
                                              &device->ops, "bar", &a),
                     -EINVAL);
    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_MEMORY, 0, 4096,
                                              &device->ops, "over RAM", &a),
                     0);
    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_MEMORY, 0xd0002000, 0x2000,
                                              &device->ops, "b", &b),
                     0);
    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_MEMORY, 0xd0001000, 0x2000,
                                              &device->ops, "c", &c),
                     0);
    ck_assert_int_eq(vemu_device_map_floating(&device->dev, VEMU_SPACE_MEMORY, 0xd0003ff0, 0x2000,
                                              &device->ops, "d", &d),
                     0);
    ck_assert_uint_eq(get(vm, 0x1000, 4), 0xffffffff); /* c hides behind b */
    ck_assert_uint_eq(get(vm, 0x2004, 4), 0x07060504);
    ck_assert_uint_eq(get(vm, 0x5000, 4), 0xffffffff);
    vemu_device_unmap(&device->dev, b);
    ck_assert_uint_eq(get(vm, 0x2004, 4), 0x07060504); /* c at its offset 0x1004 */
    ck_assert_uint_eq(get(vm, 0x3004, 4), 0xffffffff);
    ck_assert_uint_eq(get(vm, 0x5000, 4), 0x13121110); /* d at its offset 0x1010 */
    /* A fixed one comes, whatever floats there. */
    OK(vemu__memory_map(vm->memory, &device->dev, VEMU_SPACE_MEMORY, 0xd0002ffc, 4, &device->ops,
                        "fixed", &err));
    ck_assert_uint_eq(get(vm, 0x2004, 4), 0xffffffff);
    ck_assert_uint_eq(get(vm, 0x2ffc, 4), 0x03020100);
    vemu_device_unmap(&device->dev, c);
    vemu_device_unmap(&device->dev, a);
    vemu_device_unmap(&device->dev, NULL);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(complaints_are_limited)
{
    const struct vemu_vm_config config = { .size = sizeof(config), .log = count_lines };
    struct vemu_vm *vm = fake_vm(&config);
    int i;

    for (i = 0; i < 10000; i++)
        vemu__memory_write(vm->memory, VEMU_SPACE_IO, 0x80, 1, 0);
    ck_assert_uint_ge(atomic_load(&lines), 11);
    ck_assert_uint_le(atomic_load(&lines), 11 * 6);
    vemu_vm_log(vm, VEMU_LOG_INFO, "bell \a and %s", "\x1b[2J");
    vemu_vm_unref(vm);
}
END_TEST

/* An access by a vCPU thread arrives at the device and the value at the vCPU. */
START_TEST(from_vcpu)
{
    struct fake_step script[] = {
        { FAKE_IN, 0x501, 1 },
        { FAKE_IN, 0x502, 4 },
        { FAKE_READ, 0xd0000008, 8 },
        { FAKE_IN, 0x600, 2 },
        { FAKE_WRITE, 0xd0000000, 2, 0x1234 },
        { FAKE_END },
    };
    struct fake_device *device;
    struct vemu_vm *vm;

    fake.scripts[0] = script;
    device = make(&vm, "0", "0", "off");
    OK(vemu_vm_start(vm, &err));
    fake_until(({
        unsigned n;
        pthread_mutex_lock(&device->dev.lock);
        n = device->accesses;
        pthread_mutex_unlock(&device->dev.lock);
        n == 5;
    }));
    OK(vemu_vm_pause(vm, &err));
    ck_assert_uint_eq(script[0].result, 0x01);
    ck_assert_uint_eq(script[1].result, 0x05040302);
    ck_assert_uint_eq(script[2].result, 0x0f0e0d0c0b0a0908);
    ck_assert_uint_eq(script[3].result, 0xffff);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        any_size,
        unaligned_allowed,
        only_bytes,
        only_dwords,
        dwords_unaligned,
        edges,
        copies,
        sparse,
        ram_blocks,
        views,
        unplug_under_readers,
        floating,
        complaints_are_limited,
        from_vcpu,
        NULL,
    };

    return run_tests("memory", tests);
}
