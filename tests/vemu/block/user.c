/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of block nodes: what a disk does, without a disk.
 */
#include "user.h"

#include <fcntl.h>
#include <unistd.h>

static char path[64];

const char *user_file(uint64_t size)
{
    int fd;

    strcpy(path, "/tmp/vemu-block-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
    return path;
}

void user_remove_file(void)
{
    unlink(path);
}

void user_attach(struct user *user, struct vemu_vm *vm, const char *id, const char *rerror,
                 const char *werror)
{
    user->user = (struct vemu_block_user){ .name = "user", .rerror = rerror, .werror = werror };
    pthread_mutex_init(&user->lock, NULL);
    user->block = vemu__vm_find_block(vm, id);
    ck_assert_ptr_nonnull(user->block);
    pthread_mutex_lock(&user->lock);
    OK(vemu__block_attach(user->block, &user->user, user, &user->lock, false, &err));
    pthread_mutex_unlock(&user->lock);
}

void user_detach(struct user *user)
{
    pthread_mutex_lock(&user->lock);
    vemu__block_detach(user->block);
    pthread_mutex_unlock(&user->lock);
    pthread_mutex_destroy(&user->lock);
}

static void done(struct vemu_block_request *req, int result)
{
    struct request *request = (struct request *)req;

    request->result = result;
    atomic_store(&request->is_done, true);
}

void user_start(struct user *user, struct request *request, enum vemu_block_op op, uint64_t offset,
                void *buf, size_t bytes, uint32_t flags)
{
    *request = (struct request){
        .req = { .op = op, .flags = flags, .offset = offset, .bytes = bytes, .done = done },
        .iov = { buf, bytes },
    };
    request->req.iov = &request->iov;
    request->req.iov_count = 1;
    pthread_mutex_lock(&user->lock);
    vemu__block_submit(user->block, &request->req);
    vemu__block_kick(user->block);
    pthread_mutex_unlock(&user->lock);
}

int user_do(struct user *user, enum vemu_block_op op, uint64_t offset, void *buf, size_t bytes)
{
    struct request request;

    user_start(user, &request, op, offset, buf, bytes, 0);
    fake_until(atomic_load(&request.is_done));
    return request.result;
}
