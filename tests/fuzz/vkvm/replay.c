/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: recorded sessions. Input: a byte of flags, then the file. It is read record by
 * record, and the program of tests/vkvm/session.c runs against it.
 *
 * Checksums are mended first (flag 1), else nearly every change would end at the first one.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver.h"
#include "session.h"

#define FLAG_MEND    1
#define FLAG_LENIENT 2
#define HEADER       24

static uint32_t crc32c(const uint8_t *p, size_t size)
{
    uint32_t crc = UINT32_MAX;
    while (size--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static void mend(uint8_t *file, size_t size)
{
    uint32_t crc, length;
    if (size < HEADER)
        return;
    crc = crc32c(file, 20);
    memcpy(file + 20, &crc, 4);
    for (size_t at = HEADER; size - at >= 8; at += 8 + length) {
        memcpy(&length, file + at, 4);
        if (length == 0 || length > size - at - 8)
            return;
        crc = crc32c(file + at + 8, length);
        memcpy(file + at + 4, &crc, 4);
    }
}

static void read_trace(const uint8_t *file, size_t size)
{
    struct vkvm_trace *trace;
    struct vkvm_trace_record r;
    uint8_t part[512];
    if (vkvm_trace_load(file, size, &trace) < 0)
        return;
    while (vkvm_trace_next(trace, &r) == 1) {
        if (r.run) {
            struct vkvm_exit e;
            vkvm_exit_decode(r.run, r.run_size, &e);
            if (e.kind == VKVM_EXIT_IO_OUT)
                fuzz_read(e.io.data, (size_t)e.io.size * e.io.count);
        }
        fuzz_read(r.path, r.path_length + r.value_length);
        for (uint32_t i = 0; i < r.parts; i++)
            for (int output = 0; output < 2; output++) {
                int64_t n = vkvm_trace_get_part(trace, i, output, part, sizeof(part));
                if (n > 0 && n <= (int64_t)sizeof(part))
                    fuzz_read(part, (size_t)n);
            }
    }
    vkvm_trace_close(trace);
}

static void run_program(const uint8_t *file, size_t size, uint32_t flags)
{
    const struct vkvm_replay_options options = { .size = sizeof(options), .flags = flags };
    struct vkvm_replay *replay;
    struct session_result result;
    if (vkvm_replay_load(file, size, &options, &replay) < 0)
        return;
    session_run(vkvm_replay_get_syscalls(replay), NULL, &result);
    fuzz_read(&result, sizeof(result));
    vkvm_replay_close(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t flags = data[0];
    uint8_t *file = malloc(size);
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    size--;
    if (flags & FLAG_MEND)
        mend(file, size);
    read_trace(file, size);
    run_program(file, size, flags & FLAG_LENIENT ? VKVM_REPLAY_LENIENT : 0);
    free(file);
    return 0;
}

/* A recording of the program itself, on the fake kernel. */
uint8_t *fuzz_seed(unsigned index, size_t *ret_size)
{
    static uint8_t *file; /* made once */
    static size_t size;
    if (index > 3)
        return NULL;
    if (!file) {
        static struct fake_kvm fake;
        struct session_result result;
        struct vkvm_record *record;
        int fd = memfd_create("seed", MFD_CLOEXEC);
        int keep = dup(fd);
        fake_kvm_init(&fake);
        session_prepare(&fake);
        if (fd < 0 || keep < 0 || vkvm_record_new_fd(&fake.sys, fd, &record) < 0)
            abort();
        session_run(vkvm_record_get_syscalls(record), NULL, &result);
        if (vkvm_record_add_note(record, "key", "value") < 0 || vkvm_record_finish(record) < 0)
            abort();
        vkvm_record_close(record);
        fake_kvm_fini(&fake);
        size = (size_t)lseek(keep, 0, SEEK_END);
        file = malloc(size);
        if (!file || pread(keep, file, size, 0) != (ssize_t)size)
            abort();
        close(keep);
    }
    uint8_t *seed = malloc(size + 1);
    if (!seed)
        return NULL;
    seed[0] = (uint8_t)index; /* all flags */
    memcpy(seed + 1, file, size);
    *ret_size = size + 1;
    return seed;
}
