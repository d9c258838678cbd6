/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every libvkvm handle begins with: a descriptor, the way to the kernel, and what failed last.
 */
#ifndef VKVM_SRC_HANDLE_H
#define VKVM_SRC_HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <vkvm/syscalls.h>

#define VKVM_FAILURE_BYTES 64

/* The last ioctl that failed: enough of its argument to describe it when somebody asks. */
struct vkvm_failure {
    unsigned long request;
    int error;
    uint32_t size;       /* of bytes; 0: the argument was a number */
    unsigned long value; /* that number */
    uint64_t bytes[VKVM_FAILURE_BYTES / 8];
};

struct vkvm_handle {
    struct vkvm_syscalls sys;
    int fd;
    bool direct; /* sys.ioctl is the real one: see vkvm__call_ioctl() */
    pthread_mutex_t failure_lock;
    struct vkvm_failure failure;
};

struct vkvm {
    struct vkvm_handle h;
};

/* Takes the descriptor. NULL syscalls: the real ones. -EINVAL: the table is not of this version. */
int vkvm__handle_init(struct vkvm_handle *h, const struct vkvm_syscalls *sys, int fd);
void vkvm__handle_fini(struct vkvm_handle *h);
/* Closes a descriptor that never became a handle. */
void vkvm__close_fd(const struct vkvm_syscalls *sys, int fd);
/*
 * The table's ioctl. When that is the real one, the system call is made here: two calls through
 * pointers less, and right after a system call no CPU predicts those. It counts in a loop of exits.
 * Sanitizers want to see ioctl(2).
 */
#if defined(__x86_64__) && !defined(__ILP32__) && !defined(__SANITIZE_ADDRESS__) &&                \
    !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(memory_sanitizer) &&                       \
    !__has_feature(thread_sanitizer)
#define VKVM_DIRECT_IOCTL 1
#endif
#else
#define VKVM_DIRECT_IOCTL 1
#endif
#endif

static inline int vkvm__call_ioctl(const struct vkvm_handle *h, unsigned long request,
                                   const void *argument)
{
#ifdef VKVM_DIRECT_IOCTL
    if (__builtin_expect(h->direct, 1)) {
        long r;
        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "0"((long)SYS_ioctl), "D"((long)h->fd), "S"(request), "d"(argument)
                         : "rcx", "r11", "memory");
        return (int)r;
    }
#endif
    return h->sys.ioctl(h->sys.data, h->fd, request, (void *)argument);
}

/* Records a failure, and returns `error`. `argument` as for the ioctl: NULL or a pointer to
 * _IOC_SIZE(request) bytes, a number when that is 0. */
int vkvm__failed(const struct vkvm_handle *h, unsigned long request, const void *argument,
                 int error);

static inline int vkvm__ioctl(const struct vkvm_handle *h, unsigned long request,
                              const void *argument)
{
    int r = vkvm__call_ioctl(h, request, argument);
    return __builtin_expect(r < 0, 0) ? vkvm__failed(h, request, argument, r) : r;
}
/* What a caller put together: the argument is not looked at. */
int vkvm__ioctl_raw(const struct vkvm_handle *h, unsigned long request, void *argument);
/* For requests whose argument is a number. */
int vkvm__ioctl_int(const struct vkvm_handle *h, unsigned long request, unsigned long argument);
int vkvm__enable_cap(const struct vkvm_handle *h, uint32_t cap, const uint64_t args[4]);
/* -EOPNOTSUPP when the kernel lacks `cap`, recorded as a failure of `request`; else 0. For system
 * and VM handles. */
int vkvm__need_cap(const struct vkvm_handle *h, uint32_t cap, unsigned long request);
/* Bytes; the host's, since the kernel counts in its own pages. */
uint64_t vkvm__page_size(void);

#endif
