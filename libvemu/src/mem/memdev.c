/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory back-ends: memory-backend-ram, -memfd and -file.
 *
 * The memory is mapped when the object is made, so that it fails there if it does, and lies at
 * addresses that outlive the object (mem/range.h). Pages of the host come when they are touched,
 * or at once: property prealloc.
 */
#include "mem/memdev.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/vm.h"
#include "mem/memory.h"
#include "mem/populate.h"
#include "mem/range.h"

#define PAGE        4096u
#define HUGE        (2ull << 20)
#define HUGETLBFS   0x958458f6
#define THREADS_MAX 1024u

struct vemu_memdev {
    struct vemu_object object;
    /* properties */
    uint64_t size, hugetlb_size;
    uint32_t prealloc_threads;
    bool share, prealloc, merge, dump, hugetlb, read_only, discard_data;
    char *path;

    bool begun; /* `fd` is valid */
    int fd; /* -1: none */
    uint64_t page_size;
    uint8_t *hva;     /* NULL: not mapped */
    const char *user; /* who has it; NULL: nobody */
};

static struct vemu_memdev *memdev_of(struct vemu_object *object)
{
    return (struct vemu_memdev *)object;
}

/* --- touching and locking --------------------------------------------------------------------- */

int vemu__memory_settle(struct vemu_vm *vm, void *hva, uint64_t size, struct vemu_error **err)
{
    int r;

    if (vm->config.flags & VEMU_VM_MEMORY_LOCK && mlock(hva, size) < 0)
        return vemu__error_set(err, errno, "cannot lock %" PRIu64 " MiB of guest memory: %s",
                               size >> 20, strerror(errno));
    if (!(vm->config.flags & VEMU_VM_MEMORY_PREALLOC))
        return 0;
    r = vemu__memory_populate(vm, hva, size, PAGE, 1);
    return r < 0 ? vemu__error_set(err, -r, "cannot touch %" PRIu64 " MiB of guest memory: %s",
                                   size >> 20, strerror(-r))
                 : 0;
}

/* --- mapping ---------------------------------------------------------------------------------- */

static int check_size(const struct vemu_memdev *m, struct vemu_error **err)
{
    if (!m->size)
        return vemu__error_set(err, EINVAL, "property 'size' is missing");
    if (!m->prealloc_threads || m->prealloc_threads > THREADS_MAX)
        return vemu__error_set(err, EINVAL, "property 'prealloc-threads': %u is not 1 to %u",
                               m->prealloc_threads, THREADS_MAX);
    if (m->size % m->page_size || m->size > (uint64_t)1 << 52)
        return vemu__error_set(err, EINVAL,
                               "property 'size': %" PRIu64 " is not a multiple of %" PRIu64,
                               m->size, m->page_size);
    return 0;
}

static int map(struct vemu_memdev *m, struct vemu_error **err)
{
    int flags = MAP_FIXED | (m->share ? MAP_SHARED : MAP_PRIVATE);
    int prot = m->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    uint64_t align = MAX(m->page_size, m->size >= HUGE ? HUGE : PAGE);
    int r = 0;

    if (m->fd < 0)
        flags |= MAP_ANONYMOUS;
    if (m->page_size == PAGE)
        flags |= MAP_NORESERVE; /* huge pages are reserved: without, they might be missing later */
    m->hva = vemu__range_take(m->object.vm->memory, m->size, align);
    if (!m->hva || mmap(m->hva, m->size, prot, flags, m->fd, 0) == MAP_FAILED)
        return vemu__error_set(err, errno, "cannot map %" PRIu64 " MiB: %s", m->size >> 20,
                               strerror(errno));
    if (m->merge)
        madvise(m->hva, m->size, MADV_MERGEABLE);
    if (!m->dump)
        madvise(m->hva, m->size, MADV_DONTDUMP);
    if (m->read_only)
        return 0;
    if (m->prealloc)
        r = vemu__memory_populate(m->object.vm, m->hva, m->size, m->page_size,
                                  m->prealloc_threads);
    return r < 0 ? vemu__error_set(err, -r, "cannot allocate %" PRIu64 " MiB: %s", m->size >> 20,
                                   strerror(-r))
                 : 0;
}

static int ram_complete(struct vemu_object *object, struct vemu_error **err)
{
    struct vemu_memdev *m = memdev_of(object);
    int r;

    m->fd = -1;
    m->begun = true;
    m->page_size = PAGE;
    r = check_size(m, err);
    return r < 0 ? r : map(m, err);
}

static unsigned log2_of(uint64_t value)
{
    return value ? 63u - (unsigned)__builtin_clzll(value) : 0;
}

static int memfd_complete(struct vemu_object *object, struct vemu_error **err)
{
    struct vemu_memdev *m = memdev_of(object);
    unsigned flags = MFD_CLOEXEC;
    int r;

    m->fd = -1;
    m->begun = true;
    m->page_size = PAGE;
    if (m->hugetlb_size && !m->hugetlb)
        return vemu__error_set(err, EINVAL, "property 'hugetlbsize': only together with hugetlb");
    if (m->hugetlb) {
        m->page_size = m->hugetlb_size ? m->hugetlb_size : HUGE;
        if (m->page_size & (m->page_size - 1) || m->page_size < PAGE)
            return vemu__error_set(err, EINVAL, "property 'hugetlbsize': %" PRIu64
                                   " is not a power of two", m->hugetlb_size);
        flags |= MFD_HUGETLB | log2_of(m->page_size) << MFD_HUGE_SHIFT;
    }
    r = check_size(m, err);
    if (r < 0)
        return r;
    m->fd = memfd_create(object->id, flags);
    if (m->fd < 0 || ftruncate(m->fd, (off_t)m->size) < 0)
        return vemu__error_set(err, errno, "cannot make a memfd of %" PRIu64 " MiB%s: %s",
                               m->size >> 20, m->hugetlb ? " of huge pages" : "", strerror(errno));
    return map(m, err);
}

/* A directory gives a file that is gone when the machine is. */
static int open_path(struct vemu_memdev *m, struct vemu_error **err)
{
    int flags = (m->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    struct stat st;
    int fd;

    if (stat(m->path, &st) == 0 && S_ISDIR(st.st_mode)) {
        g_autofree char *name = g_build_filename(m->path, "vemu-memory-XXXXXX", NULL);

        fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            unlink(name);
    } else {
        fd = open(m->path, flags | (m->read_only ? 0 : O_CREAT), 0644);
    }
    return fd >= 0 ? fd
                   : vemu__error_set(err, errno, "cannot open '%s': %s", m->path, strerror(errno));
}

/* Room in the file system for all of it: without, whoever touches a page that there is none for is
 * killed by SIGBUS. What is written to a private mapping is not in the file. */
static int reserve_file(const struct vemu_memdev *m, struct vemu_error **err)
{
    int r;

    do
        r = fallocate(m->fd, 0, 0, (off_t)m->size);
    while (r < 0 && errno == EINTR);
    return r == 0 || errno == EOPNOTSUPP
               ? 0
               : vemu__error_set(err, errno, "'%s': there is no room for %" PRIu64 " MiB: %s",
                                 m->path, m->size >> 20, strerror(errno));
}

static int size_file(struct vemu_memdev *m, struct vemu_error **err)
{
    struct statfs fs;
    struct stat st;

    if (fstat(m->fd, &st) < 0 || fstatfs(m->fd, &fs) < 0)
        return vemu__error_set(err, errno, "'%s': %s", m->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return vemu__error_set(err, EINVAL, "'%s' is not a regular file", m->path);
    if (fs.f_type == HUGETLBFS)
        m->page_size = (uint64_t)fs.f_bsize;
    if (!m->size)
        m->size = (uint64_t)st.st_size;
    if (check_size(m, err) < 0)
        return -EINVAL;
    if ((uint64_t)st.st_size < m->size &&
        (m->read_only || (st.st_size > 0 && fs.f_type != HUGETLBFS)))
        return vemu__error_set(err, EINVAL, "'%s' has %" PRIu64 " bytes, less than 'size'", m->path,
                               (uint64_t)st.st_size);
    if ((uint64_t)st.st_size < m->size && ftruncate(m->fd, (off_t)m->size) < 0)
        return vemu__error_set(err, errno, "'%s': cannot be made %" PRIu64 " bytes long: %s",
                               m->path, m->size, strerror(errno));
    return m->prealloc && m->share && !m->read_only ? reserve_file(m, err) : 0;
}

static int file_complete(struct vemu_object *object, struct vemu_error **err)
{
    struct vemu_memdev *m = memdev_of(object);
    int r;

    m->page_size = PAGE;
    m->fd = -1;
    m->begun = true;
    if (!m->path)
        return vemu__error_set(err, EINVAL, "property 'mem-path' is missing");
    m->fd = open_path(m, err);
    if (m->fd < 0)
        return m->fd;
    r = size_file(m, err);
    return r < 0 ? r : map(m, err);
}

static void memdev_fini(struct vemu_object *object)
{
    struct vemu_memdev *m = memdev_of(object);

    vemu__range_leave(object->vm->memory, m->hva);
    if (m->hva && m->fd >= 0 && m->discard_data && !m->read_only && ftruncate(m->fd, 0) < 0)
        vemu_vm_log(object->vm, VEMU_LOG_WARNING, "cannot discard '%s': %s", m->path,
                    strerror(errno));
    if (m->begun && m->fd >= 0)
        close(m->fd);
}

static const char *memdev_user(const struct vemu_object *object)
{
    return ((const struct vemu_memdev *)object)->user;
}

/* --- what devices ask ------------------------------------------------------------------------- */

struct vemu_memdev *vemu__vm_find_memdev(struct vemu_vm *vm, const char *id)
{
    struct vemu_object *object = vemu__vm_find_object(vm, id);

    return object && object->class_->fini == memdev_fini ? memdev_of(object) : NULL;
}

const char *vemu__memdev_id(const struct vemu_memdev *m)
{
    return m->object.id;
}

uint8_t *vemu__memdev_ptr(const struct vemu_memdev *m)
{
    return m->hva;
}

uint64_t vemu__memdev_size(const struct vemu_memdev *m)
{
    return m->size;
}

uint64_t vemu__memdev_page_size(const struct vemu_memdev *m)
{
    return m->page_size;
}

int vemu__memdev_fd(const struct vemu_memdev *m)
{
    return m->fd;
}

/* Of anonymous memory, and only of that, a page that is dropped comes back as zeros. */
uint32_t vemu__memdev_ram_flags(const struct vemu_memdev *m)
{
    return (m->read_only ? VEMU_RAM_READONLY : 0) |
           (m->fd < 0 && !m->share ? 0
            : m->share             ? VEMU_RAM_SHARED
                                   : VEMU_RAM_KEPT);
}

bool vemu__memdev_can_discard(const struct vemu_memdev *m)
{
    return !m->read_only && (m->share || m->fd < 0);
}

int vemu__memdev_discard(struct vemu_memdev *m, uint64_t offset, uint64_t size)
{
    if (offset > m->size || size > m->size - offset || !vemu__memdev_can_discard(m))
        return -EINVAL;
    return madvise(m->hva + offset, size, m->share ? MADV_REMOVE : MADV_DONTNEED) < 0 ? -errno : 0;
}

int vemu__memdev_take(struct vemu_memdev *m, const char *user, struct vemu_error **err)
{
    if (m->user)
        return vemu__error_set(err, EBUSY, "memory '%s' is in use by '%s'", m->object.id, m->user);
    m->user = user;
    return 0;
}

void vemu__memdev_leave(struct vemu_memdev *m)
{
    m->user = NULL;
}

static const char the_machine[] = "the machine";

int vemu__memdev_take_node(struct vemu_memdev *m, struct vemu_error **err)
{
    if (m->read_only)
        return vemu__error_set(err, EINVAL, "memory back-end '%s' is read-only", m->object.id);
    return vemu__memdev_take(m, the_machine, err);
}

int vemu__memdev_take_main(struct vemu_vm *vm, struct vemu_memdev **ret, struct vemu_error **err)
{
    const char *id = vm->config.memory_backend;
    struct vemu_memdev *m = vemu__vm_find_memdev(vm, id);

    if (!m)
        return vemu__error_set(err, ENOENT, "there is no memory back-end '%s'", id);
    if (m->size != vm->config.memory_bytes)
        return vemu__error_set(err, EINVAL,
                               "memory back-end '%s' has %" PRIu64 " bytes, the machine %" PRIu64,
                               id, m->size, vm->config.memory_bytes);
    *ret = m;
    return m->user == the_machine ? 0 : vemu__memdev_take_node(m, err);
}

void vemu__memdev_get_info(const struct vemu_memdev *m, struct vemu_memdev_info *ret)
{
    *ret = (struct vemu_memdev_info){
        .share = m->share, .prealloc = m->prealloc, .merge = m->merge, .dump = m->dump,
    };
}

/* --- classes ---------------------------------------------------------------------------------- */

#define COMMON_PROPS(share_)                                                                       \
    VEMU_PROP(struct vemu_memdev, size, "size", SIZE, NULL, "bytes"),                              \
        VEMU_PROP(struct vemu_memdev, share, "share", BOOL, share_,                                \
                  "other processes can map the same memory"),                                      \
        VEMU_PROP(struct vemu_memdev, prealloc, "prealloc", BOOL, "off",                           \
                  "allocate all of it at once"),                                                   \
        VEMU_PROP(struct vemu_memdev, prealloc_threads, "prealloc-threads", U32, "1",              \
                  "how many threads do that, up to 1024"),                                         \
        VEMU_PROP(struct vemu_memdev, merge, "merge", BOOL, "off",                                 \
                  "let the host merge equal pages"),                                               \
        VEMU_PROP(struct vemu_memdev, dump, "dump", BOOL, "on", "include it in core dumps")

static const struct vemu_prop ram_props[] = { COMMON_PROPS("off"), VEMU_PROP_END };

static const struct vemu_prop memfd_props[] = {
    COMMON_PROPS("on"),
    VEMU_PROP(struct vemu_memdev, hugetlb, "hugetlb", BOOL, "off", "huge pages"),
    VEMU_PROP(struct vemu_memdev, hugetlb_size, "hugetlbsize", SIZE, NULL,
              "size of the huge pages (2M unless given)"),
    VEMU_PROP_END,
};

static const struct vemu_prop file_props[] = {
    COMMON_PROPS("off"),
    VEMU_PROP(struct vemu_memdev, path, "mem-path", STRING, NULL,
              "file, made if it is not there; or a directory for a file without a name"),
    VEMU_PROP(struct vemu_memdev, read_only, "readonly", BOOL, "off", "do not write it"),
    VEMU_PROP(struct vemu_memdev, discard_data, "discard-data", BOOL, "off",
              "empty the file in the end"),
    VEMU_PROP_END,
};

#define MEMDEV_CLASS(symbol, name_, summary_, props_, complete_)                                   \
    const struct vemu_object_class symbol = {                                                      \
        .base = {                                                                                  \
            .name = name_,                                                                         \
            .summary = summary_,                                                                   \
            .instance_size = sizeof(struct vemu_memdev),                                           \
            .props = props_,                                                                       \
        },                                                                                         \
        .complete = complete_,                                                                     \
        .user = memdev_user,                                                                       \
        .fini = memdev_fini,                                                                       \
    }

MEMDEV_CLASS(vemu__memdev_ram, "memory-backend-ram", "memory of this process", ram_props,
             ram_complete);
MEMDEV_CLASS(vemu__memdev_memfd, "memory-backend-memfd",
             "memory that can be handed to other processes; huge pages", memfd_props,
             memfd_complete);
MEMDEV_CLASS(vemu__memdev_file, "memory-backend-file", "a file as memory", file_props,
             file_complete);
