/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of block nodes: what a disk does, without a disk.
 */
#ifndef TESTS_VEMU_BLOCK_USER_H
#define TESTS_VEMU_BLOCK_USER_H

#include <glib.h>

#include "../core/test-main.h"
#include "block/backend.h"

struct user {
    struct vemu_block_user user;
    pthread_mutex_t lock;
    struct vemu_block *block;
};

struct request {
    struct vemu_block_request req;
    struct iovec iov;
    atomic_bool is_done;
    int result;
};

/* Takes the node `id`; rerror and werror may be NULL. */
void user_attach(struct user *user, struct vemu_vm *vm, const char *id, const char *rerror,
                 const char *werror);
void user_detach(struct user *user);
/* Starts a request; the caller waits for is_done. */
void user_start(struct user *user, struct request *request, enum vemu_block_op op, uint64_t offset,
                void *buf, size_t bytes, uint32_t flags);
/* A request from beginning to end; returns its result. */
int user_do(struct user *user, enum vemu_block_op op, uint64_t offset, void *buf, size_t bytes);

/* A file of `size` bytes in a path that lasts for the test. */
const char *user_file(uint64_t size);
void user_remove_file(void);

#endif
