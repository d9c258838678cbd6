/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The common part of handles.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vkvm/uapi.h>

#include "handle.h"

int vkvm__handle_init(struct vkvm_handle *h, const struct vkvm_syscalls *sys, int fd)
{
    if (!sys)
        sys = vkvm_syscalls_real();
    if (sys->size != sizeof(*sys) || fd < 0)
        return -EINVAL;
    h->sys = *sys;
    h->fd = fd;
    h->direct = sys->ioctl == vkvm_syscalls_real()->ioctl;
    memset(&h->failure, 0, sizeof(h->failure));
    /* nothing to destroy: a handle whose making fails later is simply freed */
    h->failure_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    return 0;
}

void vkvm__handle_fini(struct vkvm_handle *h)
{
    h->sys.close(h->sys.data, h->fd);
    h->fd = -1;
}

void vkvm__close_fd(const struct vkvm_syscalls *sys, int fd)
{
    if (!sys || sys->size != sizeof(*sys))
        sys = vkvm_syscalls_real();
    if (fd >= 0)
        sys->close(sys->data, fd);
}

__attribute__((cold)) int vkvm__failed(const struct vkvm_handle *h, unsigned long request,
                                       const void *argument, int error)
{
    /* The record is no part of what a const handle promises. */
    struct vkvm_handle *own = (struct vkvm_handle *)h;
    size_t size = _IOC_SIZE(request);
    struct vkvm_failure failure = { .request = request, .error = error };
    if (size == 0) {
        failure.value = (uintptr_t)argument;
    } else if (argument && error != -EFAULT && error != -ENOTTY) { /* it is there for sure */
        failure.size = (uint32_t)(size < sizeof(failure.bytes) ? size : sizeof(failure.bytes));
        memcpy(failure.bytes, argument, failure.size);
    }
    pthread_mutex_lock(&own->failure_lock);
    own->failure = failure;
    pthread_mutex_unlock(&own->failure_lock);
    return error;
}

int vkvm__ioctl_raw(const struct vkvm_handle *h, unsigned long request, void *argument)
{
    int r = vkvm__call_ioctl(h, request, argument);
    if (r < 0) /* the caller may have meant a number: do not look */
        vkvm__failed(h, request, _IOC_SIZE(request) ? NULL : argument, r);
    return r;
}

int vkvm__ioctl_int(const struct vkvm_handle *h, unsigned long request, unsigned long argument)
{
    return vkvm__ioctl(h, request, (const void *)argument);
}

int vkvm__enable_cap(const struct vkvm_handle *h, uint32_t cap, const uint64_t args[4])
{
    struct kvm_enable_cap enable = { .cap = cap };
    if (args)
        memcpy(enable.args, args, sizeof(enable.args));
    return vkvm__ioctl(h, KVM_ENABLE_CAP, &enable);
}

int vkvm__need_cap(const struct vkvm_handle *h, uint32_t cap, unsigned long request)
{
    int r = h->sys.ioctl(h->sys.data, h->fd, KVM_CHECK_EXTENSION, (void *)(uintptr_t)cap);
    return r > 0 ? 0 : vkvm__failed(h, request, NULL, -EOPNOTSUPP);
}

uint64_t vkvm__page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}
