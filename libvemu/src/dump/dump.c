/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the guest's memory and registers to a file.
 *
 * The loop stops the machine, asks the vCPUs for their registers and writes the head of the file.
 * The memory is copied by the loop as well, or (detached) by a thread, which then asks the loop to
 * finish: nothing changes meanwhile, because whoever wants the machine to go on or to start anew is
 * told to wait. Pages of zeros become holes.
 */
#include "dump/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/iov.h"
#include "core/lifecycle.h"
#include "core/thread.h"
#include "core/vm.h"
#include "dump/elf-core.h"

#define CHUNK ((size_t)1 << 20)
#define HOLE  4096u

struct vemu_dump {
    struct vemu_vm *vm;
    enum vemu_dump_status status; /* loop */
    _Atomic uint64_t completed;
    uint64_t total;
    atomic_bool cancelled;
    bool goes_on, has_thread, sparse;
    pthread_t thread;
    int fd, error;  /* errno */
    GArray *blocks; /* struct vemu_core_block */
    char *message;
};

/* --- what there is ---------------------------------------------------------------------------- */

struct range {
    GArray *blocks;
    uint64_t begin, end;
};

static void add_block(void *data, uint64_t gpa, uint64_t size, bool readonly)
{
    const struct range *range = data;
    const uint64_t start = MAX(gpa, range->begin), end = MIN(gpa + size, range->end);

    if (!readonly && start < end) {
        const struct vemu_core_block block = { .gpa = start, .size = end - start };
        g_array_append_val(range->blocks, block);
    }
}

static struct vemu_core_block *block_at(const struct vemu_dump *d, guint n)
{
    return &g_array_index(d->blocks, struct vemu_core_block, n);
}

static int list_blocks(struct vemu_dump *d, const struct vemu_dump_request *request,
                       struct vemu_error **err)
{
    struct range range = { .blocks = d->blocks, .end = UINT64_MAX };

    if (request->has_range) {
        range.begin = request->begin;
        if (__builtin_add_overflow(request->begin, request->length, &range.end))
            range.end = UINT64_MAX;
    }
    vemu__memory_for_each_ram(d->vm->memory, add_block, &range);
    for (guint n = 0; n < d->blocks->len; n++)
        d->total += block_at(d, n)->size;
    if (d->blocks->len > 0xff00)
        return vemu__error_set(err, E2BIG, "dump: memory is in too many pieces");
    return d->blocks->len ? 0
                          : vemu__error_set(err, EINVAL,
                                            "Invalid parameter 'begin': there is no "
                                            "memory in the range");
}

static int get_state(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    return vm->accel->get_state(vcpu, VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_MSRS, data);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno != EINTR)
            return -errno;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Forwards, leaving zeros. */
static int skip(const struct vemu_dump *d, uint64_t size)
{
    static const uint8_t zeros[HOLE];
    int r = 0;

    if (d->sparse)
        return lseek(d->fd, (off_t)size, SEEK_CUR) < 0 ? -errno : 0;
    while (r >= 0 && size) {
        const size_t part = MIN(size, HOLE);

        r = atomic_load(&d->cancelled) ? -ECANCELED : write_all(d->fd, zeros, part);
        size -= part;
    }
    return r;
}

/* Data and holes in turn. */
static int write_chunk(struct vemu_dump *d, const uint8_t *data, size_t size)
{
    size_t from = 0;
    int r = 0;

    while (r >= 0 && from < size) {
        const bool hole = vemu__is_zero(data + from, MIN(HOLE, size - from));
        size_t to = from;

        while (to < size && vemu__is_zero(data + to, MIN(HOLE, size - to)) == hole)
            to += MIN(HOLE, size - to);
        r = hole ? skip(d, to - from) : write_all(d->fd, data + from, to - from);
        from = to;
    }
    return r;
}

static int write_memory(struct vemu_dump *d)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t end = 0;
    int r = 0;

    for (guint n = 0; n < d->blocks->len; n++) {
        const struct vemu_core_block *block = block_at(d, n);

        for (uint64_t at = 0; r >= 0 && at < block->size;) {
            const size_t part = (size_t)MIN(CHUNK, block->size - at);

            if (atomic_load(&d->cancelled))
                return -ECANCELED;
            if (vemu_dma_read(d->vm, block->gpa + at, buf, part) < 0) /* it is gone */
                memset(buf, 0, part);
            r = write_chunk(d, buf, part);
            at += part;
            if (r >= 0)
                atomic_fetch_add(&d->completed, part);
        }
        end = block->offset + block->size;
    }
    if (r >= 0 && d->sparse && ftruncate(d->fd, (off_t)end) < 0)
        r = -errno;
    return r;
}

static int write_head(struct vemu_dump *d)
{
    const uint32_t present = vemu__vcpus_present(d->vm);
    struct vemu_cpu_state *cpus = g_aligned_alloc0(present, sizeof(*cpus), 64);
    g_autoptr(GByteArray) head = NULL;
    uint32_t count = 0;
    int r = 0;

    for (uint32_t id = 0; r >= 0 && id < d->vm->config.max_vcpus && count < present; id++)
        if (vemu__vcpu_is_present(d->vm, id))
            r = vemu__vcpu_call(d->vm, id, get_state, &cpus[count++]);
    if (r >= 0) {
        head = vemu__elf_core_head(block_at(d, 0), d->blocks->len, cpus, count);
        r = write_all(d->fd, head->data, head->len);
    }
    g_aligned_free(cpus);
    return r < 0 ? r : skip(d, block_at(d, 0)->offset - head->len);
}

/* --- the job ---------------------------------------------------------------------------------- */

static void close_file(struct vemu_dump *d)
{
    if (d->fd >= 0 && close(d->fd) < 0 && !d->error)
        d->error = errno;
    d->fd = -1;
}

/* Context: loop. */
static void finish(struct vemu_dump *d)
{
    struct vemu_vm *vm = d->vm;

    close_file(d);
    if (d->error)
        d->message = g_strdup_printf("dump: failed to save memory: %s", g_strerror(d->error));
    d->status = d->error ? VEMU_DUMP_FAILED : VEMU_DUMP_COMPLETED;
    if (d->goes_on && atomic_load(&vm->state) == VEMU_VM_PAUSED && !vm->stopping)
        vemu_vm_resume(vm, NULL);
    vemu__events_emit_about(vm->events, VEMU_EVENT_DUMP_COMPLETED, d->message ? d->message : "",
                            atomic_load(&d->completed));
    vemu__events_flush(vm->events);
}

static void thread_done(void *data)
{
    struct vemu_dump *d = ((struct vemu_vm *)data)->dump;

    if (!d || !d->has_thread)
        return; /* vemu__dump_cancel() was there first */
    pthread_join(d->thread, NULL);
    d->has_thread = false;
    finish(d);
}

static void *thread_main(void *data)
{
    struct vemu_dump *d = data;

    d->error = -write_memory(d);
    vemu__loop_post(d->vm->loop, thread_done, d->vm, NULL);
    return NULL;
}

int vemu__dump_check(struct vemu_vm *vm, struct vemu_error **err)
{
    return vm->dump && vm->dump->status == VEMU_DUMP_ACTIVE
               ? vemu__error_set(err, EBUSY, "There is a dump in process, please wait.")
               : 0;
}

void vemu__dump_cancel(struct vemu_vm *vm)
{
    struct vemu_dump *d = vm->dump;

    if (!d || !d->has_thread)
        return;
    atomic_store(&d->cancelled, true);
    pthread_join(d->thread, NULL);
    d->has_thread = false;
    d->error = ECANCELED;
    d->message = g_strdup("dump: the machine was stopped");
    d->status = VEMU_DUMP_FAILED;
    close_file(d);
}

void vemu__dump_free(struct vemu_dump *d)
{
    if (!d)
        return;
    close_file(d);
    g_array_free(d->blocks, TRUE);
    g_free(d->message);
    g_free(d);
}

void vemu__dump_get(const struct vemu_vm *vm, struct vemu_dump_info *ret)
{
    const struct vemu_dump *d = vm->dump;

    *ret = (struct vemu_dump_info){ .status = VEMU_DUMP_NONE };
    if (d)
        *ret =
            (struct vemu_dump_info){ d->status, atomic_load(&d->completed), d->total, d->message };
}

void vemu__dump_abort(struct vemu_vm *vm)
{
    if (vm->dump && vm->dump->has_thread)
        atomic_store(&vm->dump->cancelled, true);
}

static int open_file(struct vemu_dump *d, const struct vemu_dump_request *request,
                     struct vemu_error **err)
{
    struct stat st;

    d->fd = request->path
                ? open(request->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600)
                : fcntl(request->fd, F_DUPFD_CLOEXEC, 0);
    if (d->fd < 0 || fstat(d->fd, &st) < 0)
        return vemu__error_set(err, errno, "dump: failed to open '%s': %s",
                               request->path ? request->path : "fd:", g_strerror(errno));
    d->sparse = S_ISREG(st.st_mode);
    return 0;
}

int vemu__dump_start(struct vemu_vm *vm, const struct vemu_dump_request *request,
                     struct vemu_error **err)
{
    const uint32_t states = VEMU_STATE_BIT(VEMU_VM_PRELAUNCH) | VEMU_STATE_BIT(VEMU_VM_RUNNING) |
                            VEMU_STATE_BIT(VEMU_VM_PAUSED) | VEMU_STATE_BIT(VEMU_VM_SHUTDOWN) |
                            VEMU_STATE_BIT(VEMU_VM_PANICKED) | VEMU_STATE_BIT(VEMU_VM_ERROR) |
                            VEMU_STATE_BIT(VEMU_VM_SUSPENDED);
    struct vemu_dump *d;
    int r = vemu__dump_check(vm, err);

    if (r >= 0)
        r = vemu__state_check(vm, states, "dump the guest's memory", err);
    if (r < 0)
        return r;
    d = g_new0(struct vemu_dump, 1);
    d->vm = vm;
    d->fd = -1;
    d->blocks = g_array_new(FALSE, FALSE, sizeof(struct vemu_core_block));
    r = list_blocks(d, request, err);
    if (r >= 0)
        r = open_file(d, request, err);
    if (r < 0) {
        vemu__dump_free(d);
        return r;
    }
    vemu__dump_free(vm->dump);
    vm->dump = d;
    d->goes_on = atomic_load(&vm->state) == VEMU_VM_RUNNING;
    if (d->goes_on)
        vemu__life_pause(vm);
    d->status = VEMU_DUMP_ACTIVE;
    d->error = -write_head(d);
    if (!d->error && request->detach) {
        r = vemu__thread_start(vm, "dump", thread_main, d, &d->thread);
        d->has_thread = r >= 0;
        if (r >= 0)
            return 0;
        d->error = -r;
    } else if (!d->error) {
        d->error = -write_memory(d);
    }
    finish(d);
    return d->error ? vemu__error_set(err, d->error, "%s", d->message) : 0;
}
