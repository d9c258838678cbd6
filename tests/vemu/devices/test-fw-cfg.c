/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware configuration: items and files byte by byte and by DMA, and what is not there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "devices/devices.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "mock.h"
#include "suite.h"

#define DMA_ERROR  1u
#define DMA_READ   2u
#define DMA_SKIP   4u
#define DMA_SELECT 8u
#define DMA_WRITE  16u

static struct vemu_vm *vm;
static struct vemu_device *dev;

/* Guest memory, from 0 on. */
static uint8_t memory[8 << 20];
static size_t copied; /* bytes that were written to it */

int vemu_dma_read(struct vemu_vm *v, uint64_t gpa, void *buf, size_t size)
{
    if (gpa > sizeof(memory) || size > sizeof(memory) - gpa)
        return -EFAULT;
    memcpy(buf, memory + gpa, size);
    return 0;
}

int vemu_dma_write(struct vemu_vm *v, uint64_t gpa, const void *buf, size_t size)
{
    if (gpa > sizeof(memory) || size > sizeof(memory) - gpa)
        return -EFAULT;
    memcpy(memory + gpa, buf, size);
    copied += size;
    return 0;
}

static void start(void)
{
    vm = mock_new();
    dev = mock_add(vm, &vemu__device_fw_cfg, NULL);
}

static void read_item(uint16_t item, void *buf, size_t size)
{
    mock_out(vm, 0x510, 2, item);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = (uint8_t)inb(vm, 0x511);
}

/* The item of a file; 0: there is none. */
static uint16_t find(const char *name, uint32_t *ret_size)
{
    uint8_t entry[64];
    uint32_t count;

    read_item(0x19, &count, 4);
    for (count = GUINT32_FROM_BE(count); count--;) {
        for (unsigned i = 0; i < sizeof(entry); i++)
            entry[i] = (uint8_t)inb(vm, 0x511);
        if (strcmp((char *)entry + 8, name) == 0) {
            *ret_size = (uint32_t)entry[2] << 8 | entry[3];
            return (uint16_t)(entry[4] << 8 | entry[5]);
        }
    }
    return 0;
}

START_TEST(test_items)
{
    char text[12];
    uint32_t id, size;

    start();
    read_item(0, text, 5);
    ck_assert_mem_eq(text, "QEMU\0", 5); /* zeros behind the end */
    read_item(1, &id, 4);
    ck_assert_uint_eq(id, 3);
    ck_assert_int_eq(vemu__fw_cfg_set_integer(dev, VEMU_FW_CFG_CPUS, 0x1234, 2), 0);
    read_item(5, text, 3);
    ck_assert_mem_eq(text, "\x34\x12\0", 3);
    ck_assert_int_eq(vemu__fw_cfg_set(dev, 0x4000, "x", 1), -EINVAL);
    read_item(0x1000, text, 1);
    ck_assert_uint_eq((uint8_t)text[0], 0);
    ck_assert_uint_eq(find("etc/a", &size), 0);
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, "etc/a", "hello", 5), 0);
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, "etc/b", "B", 1), 0);
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, "etc/a", "replaced!", 9), 0);
    ck_assert_uint_eq(find("etc/b", &size), 0x21);
    ck_assert_uint_eq(find("etc/a", &size), 0x20);
    ck_assert_uint_eq(size, 9);
    read_item(0x20, text, 9);
    ck_assert_mem_eq(text, "replaced!", 9);
    mock_free(vm);
}
END_TEST

START_TEST(test_limits)
{
    char name[64];

    start();
    memset(name, 'n', sizeof(name));
    name[56] = '\0';
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, name, "x", 1), -EINVAL);
    for (int i = 0; i < 64; i++) {
        g_snprintf(name, sizeof(name), "file%d", i);
        ck_assert_int_eq(vemu__fw_cfg_set_file(dev, name, "x", 1), 0);
    }
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, "one more", "x", 1), -ENOSPC);
    ck_assert_int_eq(vemu__fw_cfg_set_file(dev, "file63", "y", 1), 0);
    mock_free(vm);
}
END_TEST

/* What a selector does to the byte stream, and widths that are not for it. */
START_TEST(test_ports)
{
    uint8_t byte;

    start();
    outb(vm, 0x510, 1); /* half a selector: nothing */
    ck_assert_uint_eq(inb(vm, 0x511), 'Q');
    read_item(0x8000, &byte, 1);
    ck_assert_uint_eq(byte, 0);
    ck_assert_uint_eq(mock_in(vm, 0x514, 4), 0x554d4551);
    ck_assert_uint_eq(mock_in(vm, 0x518, 4), 0x47464320);
    mock_out(vm, 0x510, 2, 0);
    inb(vm, 0x511);
    mock_reset(dev);
    ck_assert_uint_eq(inb(vm, 0x511), 'Q');
    mock_restore_garbage(dev, 0xff);
    ck_assert_uint_eq(inb(vm, 0x511), 0);
    mock_free(vm);
}
END_TEST

#define COMMAND 0x100

/* The control word of a command whose block is there. */
static uint32_t control_at(uint64_t gpa)
{
    uint32_t word;

    memcpy(&word, memory + gpa, sizeof(word));
    return GUINT32_FROM_BE(word);
}

/* Runs a command; returns its control word afterwards. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t words[2] = { GUINT32_TO_BE(control), GUINT32_TO_BE(length) };

    address = GUINT64_TO_BE(address);
    memcpy(memory + COMMAND, words, 8);
    memcpy(memory + COMMAND + 8, &address, 8);
    mock_out(vm, 0x514, 4, 0);
    mock_out(vm, 0x518, 4, GUINT32_TO_BE(COMMAND));
    return control_at(COMMAND);
}

START_TEST(test_dma)
{
    start();
    vemu__fw_cfg_set_file(dev, "f", "0123456789", 10);
    memset(memory, 0xee, sizeof(memory));
    ck_assert_uint_eq(dma(0x20 << 16 | DMA_SELECT | DMA_READ, 4, 0x1000), 0);
    ck_assert_mem_eq(memory + 0x1000, "0123\xee", 5);
    ck_assert_uint_eq(dma(DMA_SKIP, 3, 0), 0);
    ck_assert_uint_eq(dma(DMA_READ, 5000, 0x2000), 0); /* zeros behind the end */
    ck_assert_mem_eq(memory + 0x2000, "789\0\0", 5);
    ck_assert_uint_eq(memory[0x2000 + 4999], 0);
    ck_assert_uint_eq(memory[0x2000 + 5000], 0xee);
    ck_assert_uint_eq(dma(DMA_SKIP, UINT32_MAX, 0), 0);
    ck_assert_uint_eq(dma(0x20 << 16 | DMA_SELECT, 0, 0), 0);
    ck_assert_uint_eq(inb(vm, 0x511), '0');
    /* Outside of memory, writing, no such item. */
    ck_assert_uint_eq(dma(DMA_READ, 4, sizeof(memory) - 1), DMA_ERROR);
    ck_assert_uint_eq(dma(DMA_WRITE, 4, 0x1000), DMA_ERROR);
    ck_assert_uint_eq(dma(0x1234u << 16 | DMA_SELECT | DMA_READ, 2, 0x8000), 0);
    ck_assert_mem_eq(memory + 0x8000, "\0\0\xee", 3);
    mock_out(vm, 0x514, 4, 0xffffffff); /* a block that is nowhere */
    mock_out(vm, 0x518, 4, 0xffffffff);
    mock_free(vm);
}
END_TEST

/* The same while another is under way, whose block is put back. */
static uint32_t dma_meanwhile(uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t first[16];
    uint32_t r;

    memcpy(first, memory + COMMAND, sizeof(first));
    r = dma(control, length, address);
    memcpy(memory + COMMAND, first, sizeof(first));
    return r;
}

/* Zeros without end are written a MiB at a time, outside of the write that asks for them. */
START_TEST(test_zeros)
{
    const uint32_t size = (5 << 20) + 1234, read = 0x20 << 16 | DMA_SELECT | DMA_READ;
    const uint64_t at = 0x1000;
    unsigned portions = 0;

    start();
    vemu__fw_cfg_set_file(dev, "f", "0123456789", 10);
    memset(memory, 0xee, sizeof(memory));
    ck_assert_uint_eq(dma(read, (1 << 20) + 10, at), 0); /* at once */
    ck_assert(!mock_timer_armed(vm));
    ck_assert_mem_eq(memory + at, "0123456789\0", 11);
    ck_assert_uint_eq(memory[at + (1 << 20) + 10], 0xee);

    memset(memory, 0xee, sizeof(memory));
    copied = 0;
    ck_assert_uint_eq(dma(read, size, at), read); /* under way */
    do {
        ck_assert_uint_le(copied, (1 << 20) + 16);
        ck_assert_uint_eq(control_at(COMMAND), read);
        ck_assert_uint_eq(memory[at + size - 1], 0xee);
        /* What comes meanwhile is refused, and disturbs nothing; nor do the ports. */
        ck_assert_uint_eq(dma_meanwhile(DMA_READ, 4, sizeof(memory) - 64), DMA_ERROR);
        ck_assert_uint_eq(memory[sizeof(memory) - 64], 0xee);
        mock_out(vm, 0x510, 2, 0);
        ck_assert_uint_eq(inb(vm, 0x511), 'Q');
        if (portions++ == 1)
            mock_save_restore(dev);
        copied = 0;
        ck_assert(mock_fire(vm));
    } while (mock_timer_armed(vm));
    ck_assert_uint_eq(portions, 5);
    ck_assert_uint_eq(control_at(COMMAND), 0);
    ck_assert_mem_eq(memory + at, "0123456789", 10);
    ck_assert_uint_eq(memory[at + 10], 0);
    ck_assert_int_eq(memcmp(memory + at + 10, memory + at + 11, size - 11), 0); /* all the same */
    ck_assert_uint_eq(memory[at + size], 0xee);

    /* Memory ends before they do. */
    ck_assert_uint_eq(dma(read, UINT32_MAX, at), read);
    mock_advance(vm, 0);
    ck_assert_uint_eq(control_at(COMMAND), DMA_ERROR);
    ck_assert_uint_eq(memory[sizeof(memory) - 1], 0xee); /* what did not fit was not begun */
    ck_assert_uint_eq(dma(read, 4, at), 0);
    /* A reset ends it, and nothing is written afterwards. */
    ck_assert_uint_eq(dma(read, size, at), read);
    mock_reset(dev);
    ck_assert(!mock_timer_armed(vm));
    ck_assert_uint_eq(dma(read, 4, at), 0);
    mock_restore_garbage(dev, 0xff);
    mock_advance(vm, 0);
    ck_assert_uint_eq(dma(read, 4, at), 0);
    mock_free(vm);
}
END_TEST

static uint8_t seen[4];
static unsigned seen_count;

static void written(void *data, const void *file)
{
    ck_assert_ptr_eq(data, seen);
    memcpy(seen, file, sizeof(seen));
    seen_count++;
}

START_TEST(test_writable)
{
    uint16_t item;
    uint32_t size, select;

    start();
    seen_count = 0;
    vemu__fw_cfg_set_file(dev, "etc/fixed", "1234", 4);
    ck_assert_int_eq(vemu__fw_cfg_add_writable(dev, "etc/open", 4, written, seen), 0);
    ck_assert_int_eq(vemu__fw_cfg_add_writable(dev, "etc/open", 4, written, seen), -EEXIST);
    item = find("etc/open", &size);
    ck_assert_uint_eq(size, 4);
    select = (uint32_t)item << 16 | DMA_SELECT;
    memcpy(memory + 0x1000, "abcd", 4);
    ck_assert_uint_eq(dma(select | DMA_WRITE, 4, 0x1000), 0);
    ck_assert_uint_eq(seen_count, 1);
    ck_assert_mem_eq(seen, "abcd", 4);
    ck_assert_uint_eq(dma(select | DMA_SKIP, 2, 0), 0);
    ck_assert_uint_eq(dma(DMA_WRITE, 2, 0x1000), 0); /* a part */
    ck_assert_mem_eq(seen, "abab", 4);
    ck_assert_uint_eq(dma(DMA_WRITE, 1, 0x1000), DMA_ERROR); /* behind the end */
    ck_assert_uint_eq(dma(select | DMA_WRITE, 5, 0x1000), DMA_ERROR);
    ck_assert_uint_eq(dma(select | DMA_WRITE, UINT32_MAX, 0x1000), DMA_ERROR);
    ck_assert_uint_eq(dma(select | DMA_WRITE, 4, sizeof(memory) - 2), DMA_ERROR); /* no memory */
    item = find("etc/fixed", &size);
    ck_assert_uint_eq(dma((uint32_t)item << 16 | DMA_SELECT | DMA_WRITE, 4, 0x1000), DMA_ERROR);
    ck_assert_uint_eq(seen_count, 2);
    ck_assert_mem_eq(seen, "abab", 4);
    mock_free(vm);
}
END_TEST

static unsigned calls;

static void replace(void *data)
{
    calls++;
    ck_assert_int_eq(vemu__fw_cfg_set_file_locked(dev, "b", data, 3), 0);
}

/* A file that is made when it is read: once, until the next reset. */
START_TEST(test_on_read)
{
    static char late[] = "now";
    char text[3];

    start();
    vemu__fw_cfg_set_file(dev, "a", "aaa", 3);
    vemu__fw_cfg_set_file(dev, "b", "old", 3);
    ck_assert(vemu__fw_cfg_has_file(dev, "b") && !vemu__fw_cfg_has_file(dev, "c"));
    vemu__fw_cfg_on_read(dev, "b", replace, late);
    read_item(0x20, text, 3);
    ck_assert_uint_eq(calls, 0);
    read_item(0x21, text, 3);
    ck_assert_mem_eq(text, "now", 3);
    read_item(0x21, text, 3);
    ck_assert_uint_eq(calls, 1);
    mock_reset(dev);
    memset(memory, 0, sizeof(memory));
    ck_assert_uint_eq(dma(0x21 << 16 | DMA_SELECT | DMA_READ, 3, 0x1000), 0);
    ck_assert_mem_eq(memory + 0x1000, "now", 3);
    ck_assert_uint_eq(calls, 2);
    mock_free(vm);
}
END_TEST

SUITE_MAIN("fw-cfg", test_on_read, test_items, test_limits, test_ports, test_dma, test_zeros,
           test_writable)
