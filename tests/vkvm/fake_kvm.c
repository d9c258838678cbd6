/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake KVM: descriptors, mappings, rules for errors, and finding the row of a request.
 */
#include "fake_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fake_table.h"

/* Zeroed, and never the one that fake_alloc_fail() lets fail. */
void *fake_alloc(size_t size)
{
    size = (size + 4096) / 4096 * 4096;
    void *memory = aligned_alloc(4096, size);
    if (!memory)
        abort();
    return memset(memory, 0, size);
}

/* --- handles --- */

struct fake_handle *fake_handle(struct fake_kvm *f, int fd)
{
    if (fd < FAKE_FD_BASE || fd >= FAKE_FD_BASE + FAKE_MAX_FDS)
        return NULL;
    struct fake_handle *h = &f->handles[fd - FAKE_FD_BASE];
    return h->kind ? h : NULL;
}

static void fake_forget(struct fake_handle *h)
{
    for (size_t i = 0; i < h->kept_count; i++)
        free(h->kept[i].bytes);
    free(h->kept);
    memset(h, 0, sizeof(*h));
}

int fake_new_fd(struct fake_kvm *f, char kind, struct fake_handle *parent, uint32_t id)
{
    for (int i = 0; i < FAKE_MAX_FDS; i++) {
        struct fake_handle *h = &f->handles[i];
        if (h->kind)
            continue;
        fake_forget(h);
        h->kind = kind;
        h->fd = FAKE_FD_BASE + i;
        h->parent = parent;
        h->id = id;
        f->open_fds++;
        return h->fd;
    }
    return -EMFILE;
}

struct fake_kept *fake_kept(struct fake_handle *h, unsigned long request)
{
    for (size_t i = 0; i < h->kept_count; i++)
        if (h->kept[i].request == request)
            return &h->kept[i];
    return NULL;
}

void fake_keep(struct fake_handle *h, unsigned long request, const void *bytes, size_t size)
{
    struct fake_kept *kept = fake_kept(h, request);
    if (!kept) {
        struct fake_kept *more = fake_alloc((h->kept_count + 1) * sizeof(*more));
        if (h->kept_count)
            memcpy(more, h->kept, h->kept_count * sizeof(*more));
        free(h->kept);
        h->kept = more;
        kept = &h->kept[h->kept_count++];
        kept->request = request;
    }
    unsigned char *copy = fake_alloc(size);
    if (bytes && size)
        memcpy(copy, bytes, size);
    free(kept->bytes);
    kept->bytes = copy;
    kept->size = size;
}

void *fake_seen(struct fake_kvm *f, int fd, unsigned long request, size_t *ret_size)
{
    struct fake_handle *h = fake_handle(f, fd);
    struct fake_kept *kept = h ? fake_kept(h, request) : NULL;
    if (ret_size)
        *ret_size = kept ? kept->size : 0;
    return kept ? kept->bytes : NULL;
}

void fake_put(struct fake_kvm *f, int fd, unsigned long request, const void *bytes, size_t size)
{
    fake_keep(fake_handle(f, fd), request, bytes, size);
}

void fake_set_cap(struct fake_kvm *f, uint32_t cap, int value)
{
    int i = 0;
    while (i < f->cap_count && f->caps[i].cap != cap)
        i++;
    if (i == (int)(sizeof(f->caps) / sizeof(f->caps[0])))
        abort(); /* make the table larger */
    f->caps[i].cap = cap;
    f->caps[i].value = value;
    if (i == f->cap_count)
        f->cap_count++;
}

/* --- rules --- */

void fake_add_rule(struct fake_kvm *f, const struct fake_rule *rule)
{
    for (int i = 0; i < FAKE_MAX_RULES; i++)
        if (!f->rules[i].nth) {
            f->rules[i] = *rule;
            return;
        }
    abort(); /* make the table larger */
}

void fake_inject(struct fake_kvm *f, unsigned long request, int nth, int error)
{
    const struct fake_rule rule = {
        .call = FAKE_IOCTL, .request = request, .nth = nth, .error = error
    };
    fake_add_rule(f, &rule);
}

void fake_inject_nth(struct fake_kvm *f, int nth, int error)
{
    const struct fake_rule rule = { .nth = nth, .error = error };
    fake_add_rule(f, &rule);
}

void fake_clear_rules(struct fake_kvm *f)
{
    memset(f->rules, 0, sizeof(f->rules));
}

/* The rule that acts on this call: copied to *ret. Counts. */
static bool fake_rule_hit(struct fake_kvm *f, enum fake_call call, unsigned long request,
                          struct fake_rule *ret)
{
    bool hit = false;
    f->fallible++;
    for (int i = 0; i < FAKE_MAX_RULES; i++) {
        struct fake_rule *rule = &f->rules[i];
        if (!rule->nth || (rule->call && rule->call != call) ||
            (rule->request && (call != FAKE_IOCTL || rule->request != request)))
            continue;
        if (rule->nth > 1) {
            rule->nth--;
        } else if (!hit) {
            hit = true;
            *ret = *rule;
            if (rule->times >= 0 && --rule->times <= 0)
                rule->nth = 0;
        }
    }
    return hit;
}

/* --- calls --- */

static int fake_open(void *data, const char *path, int flags)
{
    struct fake_kvm *f = data;
    struct fake_rule rule = { 0 };
    pthread_mutex_lock(&f->lock);
    int r;
    if (fake_rule_hit(f, FAKE_OPEN, 0, &rule))
        r = rule.error;
    else if (f->fail_open)
        r = -EACCES;
    else if (strcmp(path, "/dev/kvm"))
        r = -ENOENT;
    else
        r = fake_new_fd(f, 'k', NULL, 0);
    pthread_mutex_unlock(&f->lock);
    return r;
}

static int fake_close(void *data, int fd)
{
    struct fake_kvm *f = data;
    pthread_mutex_lock(&f->lock);
    struct fake_handle *h = fake_handle(f, fd);
    if (h) {
        h->kind = 0; /* what it kept stays until the number is used again */
        f->open_fds--;
    }
    pthread_mutex_unlock(&f->lock);
    return h ? 0 : -EBADF;
}

static int fake_mmap(void *data, size_t length, int prot, int flags, int fd, off_t offset,
                     void **ret)
{
    struct fake_kvm *f = data;
    struct fake_rule rule = { 0 };
    int r = -ENOMEM;
    pthread_mutex_lock(&f->lock);
    struct fake_handle *h = fake_handle(f, fd);
    if (fake_rule_hit(f, FAKE_MMAP, 0, &rule)) {
        r = rule.error;
    } else if (!h || h->kind != 'c') {
        r = h ? -ENODEV : -EBADF;
    } else if (!f->fail_mmap) {
        for (int i = 0; i < FAKE_MAX_MAPS; i++) {
            if (h->maps[i].address)
                continue;
            void *memory = fake_alloc(length);
            h->maps[i] = (struct fake_map){ memory, length, offset };
            if (offset == 0)
                f->run = memory;
            f->mapped++;
            *ret = memory;
            r = 0;
            break;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

static int fake_munmap(void *data, void *address, size_t length)
{
    struct fake_kvm *f = data;
    int r = -EINVAL;
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < FAKE_MAX_FDS * FAKE_MAX_MAPS; i++) {
        struct fake_map *map = &f->handles[i / FAKE_MAX_MAPS].maps[i % FAKE_MAX_MAPS];
        if (map->address != address || map->length != length)
            continue;
        memset(map, 0, sizeof(*map));
        free(address);
        f->mapped--;
        r = 0;
        break;
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

static ssize_t fake_pread(void *data, int fd, void *buffer, size_t size, off_t offset)
{
    struct fake_kvm *f = data;
    struct fake_rule rule = { 0 };
    pthread_mutex_lock(&f->lock);
    struct fake_handle *h = fake_handle(f, fd);
    bool hit = fake_rule_hit(f, FAKE_PREAD, 0, &rule);
    int r;
    if (hit && !rule.after) {
        r = rule.error;
    } else if (!h || h->kind != 's') {
        r = h ? -EINVAL : -EBADF;
    } else {
        size_t left = (size_t)offset < h->bytes_size ? h->bytes_size - (size_t)offset : 0;
        r = (int)(size < left ? size : left);
        if (r)
            memcpy(buffer, (const char *)h->bytes + offset, (size_t)r);
        if (hit && rule.spoil)
            rule.spoil(buffer, &r);
        else if (hit)
            r = rule.error;
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

static int fake_kill_thread(void *data, int thread_id, int signal_number)
{
    struct fake_kvm *f = data;
    f->last_signal = signal_number;
    f->last_signal_thread = thread_id;
    return 0;
}

/* --- ioctl --- */

static const struct fake_ioctl *fake_row(const struct fake_handle *h, unsigned long request)
{
    const struct fake_ioctl *row = h->kind == 'k'   ? fake_system_table
                                   : h->kind == 'v' ? fake_vm_table
                                   : h->kind == 'c' ? fake_vcpu_table
                                   : h->kind == 'd' ? fake_device_table
                                                    : NULL;
    while (row && row->request && row->request != request)
        row++;
    return row && row->request ? row : NULL;
}

static int fake_do(struct fake_kvm *f, struct fake_handle *h, const struct fake_ioctl *row,
                   void *argument)
{
    size_t size = _IOC_SIZE(row->request);
    struct fake_kept *kept;
    switch (row->behaviour) {
    case FAKE_ROW_CALL: return row->call(f, h, argument);
    case FAKE_ROW_GET: memcpy(argument, (char *)f + row->offset, row->size); return 0;
    case FAKE_ROW_SET:
        memcpy((char *)f + row->offset, argument, row->size);
        fake_keep(h, row->request, argument, row->size);
        return 0;
    case FAKE_ROW_KEEP: fake_keep(h, row->request, argument, size); return 0;
    case FAKE_ROW_GIVE:
        kept = fake_kept(h, row->other);
        memset(argument, 0, size);
        if (kept)
            memcpy(argument, kept->bytes, kept->size < size ? kept->size : size);
        return 0;
    case FAKE_ROW_NUMBER: f->last_int = (uintptr_t)argument; return row->value;
    }
    return -ENOTTY;
}

static int fake_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    struct fake_kvm *f = data;
    struct fake_rule rule = { 0 };
    int r;
    pthread_mutex_lock(&f->lock);
    f->last_request = request;
    f->calls++;
    bool hit = fake_rule_hit(f, FAKE_IOCTL, request, &rule);
    struct fake_handle *h = fake_handle(f, fd);
    const struct fake_ioctl *row = h ? fake_row(h, request) : NULL;
    if (hit && !rule.after)
        r = rule.error;
    else if (f->fail_nth && f->fail_request == request && --f->fail_nth == 0)
        r = f->fail_error;
    else if (!h)
        r = -EBADF;
    else if (!row)
        r = -ENOTTY;
    else
        r = fake_do(f, h, row, argument);
    if (hit && rule.after) {
        if (rule.spoil)
            rule.spoil(argument, &r);
        else
            r = rule.error;
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

/* --- life --- */

void fake_kvm_init(struct fake_kvm *f)
{
    memset(f, 0, sizeof(*f));
    pthread_mutexattr_t recursive; /* scripted exits may call back */
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&f->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    f->api_version = 12;
    f->supported_count = 3;
    f->msr_refused = 0xffffffff;
    f->mmap_size = FAKE_MMAP_SIZE;
    f->sys = (struct vkvm_syscalls){
        .size = sizeof(f->sys),
        .data = f,
        .open = fake_open,
        .close = fake_close,
        .ioctl = fake_ioctl,
        .mmap = fake_mmap,
        .munmap = fake_munmap,
        .kill_thread = fake_kill_thread,
        .pread = fake_pread,
    };
}

void fake_kvm_fini(struct fake_kvm *f)
{
    for (int i = 0; i < FAKE_MAX_FDS; i++)
        fake_forget(&f->handles[i]);
    pthread_mutex_destroy(&f->lock);
}
