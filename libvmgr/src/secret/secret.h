/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets of drivers in this process.
 *
 * Theory of operation. A stored secret is two files, UUID.xml and UUID.base64 (its value), which
 * only their owner may read, in a directory that several processes share: they are read anew
 * each time, and changed under a lock of the kernel; events of them come from what the files say
 * now and said before, so that it does not matter who changed them. Ephemeral secrets, and all
 * of a store without a directory, live in the memory of one connection. Values are overwritten
 * when they are freed, and no message contains one.
 */
#ifndef VMGR_SRC_SECRET_SECRET_H
#define VMGR_SRC_SECRET_SECRET_H

#include "../driver/secret.h"

struct vmgr__secret_def {
    bool ephemeral, is_private;
    uint8_t uuid[VMGR_UUID_SIZE];
    char *description; /* NULL: none */
    int usage;         /* enum vmgr_secret_usage */
    char *usage_id;    /* NULL: none */
    uint8_t *value;    /* NULL: none */
    size_t size;
};

/* ---- document.c ---- */
struct vmgr__secret_def *vmgr__secret_def_parse(const char *xml, struct vmgr_error **err);
char *vmgr__secret_def_format(const struct vmgr__secret_def *def);
void vmgr__secret_def_free(void *def);
void vmgr__secret_value_set(struct vmgr__secret_def *def, const uint8_t *value, size_t size);

/* ---- store.c ---- */
struct vmgr__secret_store;
/* dir NULL: in memory only. */
struct vmgr__secret_store *vmgr__secret_store_new(const char *dir);
void vmgr__secret_store_free(struct vmgr__secret_store *store);
/* Adds what the directory holds, without values; a file that cannot be read is not a secret. */
void vmgr__secret_documents_load(const char *dir, GPtrArray *list);

/* ---- watch.c ---- */
struct vmgr__secret_watch;
/* NULL and *err. */
struct vmgr__secret_watch *vmgr__secret_watch_new(const char *dir, int epoll_fd,
                                                  struct vmgr_error **err);
/* NULL is fine. Returns NULL. */
struct vmgr__secret_watch *vmgr__secret_watch_free(struct vmgr__secret_watch *watch);
/* Tells what has changed since the last look; poll: if anything was told to have. Any thread. */
void vmgr__secret_watch_look(struct vmgr__secret_watch *watch, struct vmgr_conn *conn);
void vmgr__secret_watch_poll(struct vmgr__secret_watch *watch, struct vmgr_conn *conn);
/* It is not stored any more, which nobody is to be told. */
void vmgr__secret_watch_forget(struct vmgr__secret_watch *watch, const uint8_t *uuid);

#endif
