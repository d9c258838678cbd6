/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of a session as text. Names and errors only: what an argument means is for a reader with
 * the kernel's documentation.
 */
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vkvm/error.h>

#define MAX_BYTES 4096 /* of one part; the rest is counted */

static void print_result(int64_t result)
{
    if (result < 0)
        printf(" = %s", strerrorname_np((int)-result) ?: "?");
    else
        printf(" = %" PRId64, result);
}

static void print_hex(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%s%02x", i && i % 4 == 0 ? " " : "", ((const uint8_t *)bytes)[i]);
}

/* --- exits --- */

static void print_exit_details(const struct vkvm_exit *e)
{
    switch (e->kind) {
    case VKVM_EXIT_IO_IN:
    case VKVM_EXIT_IO_OUT:
        printf(" port 0x%x size %u count %u", e->io.port, e->io.size, e->io.count);
        if (e->kind == VKVM_EXIT_IO_OUT) {
            printf(" ");
            print_hex(e->io.data, (size_t)e->io.size * e->io.count);
        }
        break;
    case VKVM_EXIT_MMIO_READ:
    case VKVM_EXIT_MMIO_WRITE:
        printf(" gpa 0x%" PRIx64 " length %u", e->mmio.gpa, e->mmio.length);
        if (e->kind == VKVM_EXIT_MMIO_WRITE) {
            printf(" ");
            print_hex(e->mmio.data, e->mmio.length);
        }
        break;
    case VKVM_EXIT_FAIL_ENTRY: printf(" reason 0x%" PRIx64, e->fail_entry.hardware_reason); break;
    case VKVM_EXIT_UNKNOWN: printf(" reason 0x%" PRIx64, e->unknown.hardware_reason); break;
    case VKVM_EXIT_INTERNAL_ERROR:
        printf(" suberror %u", e->internal.suberror);
        if (e->internal.insn_size) {
            printf(" instruction ");
            print_hex(e->internal.insn, e->internal.insn_size);
        }
        break;
    case VKVM_EXIT_SYSTEM_EVENT: printf(" type %u", e->system_event.type); break;
    case VKVM_EXIT_RDMSR: printf(" msr 0x%x", e->msr.index); break;
    case VKVM_EXIT_WRMSR: printf(" msr 0x%x value 0x%" PRIx64, e->msr.index, *e->msr.data); break;
    case VKVM_EXIT_HYPERCALL: printf(" number %" PRIu64, e->hypercall.number); break;
    case VKVM_EXIT_EXCEPTION: printf(" vector %u", e->exception.exception); break;
    case VKVM_EXIT_DEBUG:
        printf(" pc 0x%" PRIx64 " exception %u", e->debug.pc, e->debug.exception);
        break;
    case VKVM_EXIT_OTHER: printf(" reason %u", e->kvm_reason); break;
    default: break;
    }
}

static void print_exit_text(const struct vkvm_trace_record *record)
{
    if (record->result == -EINTR || record->result == -EAGAIN) {
        printf("intr");
    } else if (record->result < 0) {
        printf("failed");
        print_result(record->result);
    } else if (!record->run) {
        printf("?");
    } else {
        struct vkvm_exit e;
        vkvm_exit_decode(record->run, record->run_size, &e);
        printf("%s", vkvm_exit_name(e.kind));
        print_exit_details(&e);
    }
}

void print_exit(const struct vkvm_trace_record *record)
{
    if (record->vcpu != UINT32_MAX)
        printf("%u ", record->vcpu);
    else
        printf("h%u ", record->handle);
    print_exit_text(record);
    printf("\n");
}

/* --- records --- */

static void print_part(const struct vkvm_trace *trace, uint32_t part, int output)
{
    int64_t size = vkvm_trace_get_part(trace, part, output, NULL, 0);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    if (!bytes)
        return;
    vkvm_trace_get_part(trace, part, output, bytes, (size_t)size);
    size_t shown = size > MAX_BYTES ? MAX_BYTES : (size_t)size;
    for (size_t at = 0; at < shown; at += 32) {
        printf("           %s%u+%-4zx ", output ? "out" : "in ", part, at);
        print_hex(bytes + at, shown - at < 32 ? shown - at : 32);
        printf("\n");
    }
    if (shown < (size_t)size)
        printf("           ... %zu more bytes\n", (size_t)size - shown);
    free(bytes);
}

static void print_ioctl(const struct vkvm_trace *trace, const struct vkvm_trace_record *r)
{
    const char *name = vkvm_ioctl_name(r->request);
    if (name)
        printf("%s", name);
    else
        printf("ioctl 0x%" PRIx64, r->request);
    if (!r->parts)
        printf("(%" PRIu64 ")", r->number);
    for (uint32_t i = 0; i < r->parts; i++) {
        int64_t in = vkvm_trace_get_part(trace, i, 0, NULL, 0);
        int64_t out = vkvm_trace_get_part(trace, i, 1, NULL, 0);
        if (in || out)
            printf(" %" PRId64 "/%" PRId64, in, out);
    }
    print_result(r->result);
    if (r->child)
        printf(" -> h%u", r->child);
}

/* Paths and notes come from the file: nothing a terminal acts on. */
static void print_text(const char *text, size_t size)
{
    printf("'");
    for (size_t i = 0; i < size; i++)
        if (text[i] >= ' ' && text[i] < 127)
            printf("%c", text[i]);
        else
            printf("\\x%02x", (unsigned char)text[i]);
    printf("'");
}

void print_record(const struct vkvm_trace *trace, const struct vkvm_trace_record *r, bool bytes)
{
    printf("%8" PRIu64 " ", r->order);
    if (r->handle)
        printf("h%-3u ", r->handle);
    else
        printf("-    ");
    switch (r->kind) {
    case VKVM_TRACE_OPEN:
        printf("open ");
        print_text(r->path, r->path_length);
        print_result(r->result);
        break;
    case VKVM_TRACE_ADOPT: printf("made elsewhere"); break;
    case VKVM_TRACE_CLOSE:
        printf("close");
        print_result(r->result);
        break;
    case VKVM_TRACE_IOCTL: print_ioctl(trace, r); break;
    case VKVM_TRACE_RUN:
        printf("KVM_RUN ");
        print_exit_text(r);
        if (r->kicked)
            printf(" (kicked)");
        break;
    case VKVM_TRACE_MMAP:
        printf("mmap %" PRIu64 " bytes at 0x%" PRIx64, r->length, r->offset);
        print_result(r->result);
        if (r->mapping)
            printf(" -> m%u", r->mapping);
        break;
    case VKVM_TRACE_MUNMAP: printf("munmap m%u", r->mapping); break;
    case VKVM_TRACE_PREAD:
        printf("pread %" PRIu64 " bytes at %" PRIu64, r->length, r->offset);
        print_result(r->result);
        break;
    case VKVM_TRACE_KILL:
        printf("tgkill signal %" PRIu64, r->number);
        print_result(r->result);
        break;
    case VKVM_TRACE_PAGES: printf("m%u changed", r->mapping); break;
    case VKVM_TRACE_NOTE:
        printf("note ");
        print_text(r->path, r->path_length);
        printf(" ");
        print_text(r->path + r->path_length, r->value_length);
        break;
    default: printf("record of kind %u", r->kind);
    }
    printf("\n");
    for (uint32_t i = 0; bytes && i < r->parts; i++) {
        print_part(trace, i, 0);
        print_part(trace, i, 1);
    }
}
