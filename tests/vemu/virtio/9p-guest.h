/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of virtio-9p in the test, and the directory that it sees: messages are written by hand
 * with p8() and its like between begin() and call(), or by a function for a kind of message. All
 * of these return 0, or the error number of the answer, if not said otherwise.
 */
#ifndef VEMU_TEST_9P_GUEST_H
#define VEMU_TEST_9P_GUEST_H

#include <check.h>
#include <string.h>

#include "../core/test-main.h"
#include "devices/virtio-9p/session.h"
#include "guest.h"

#define ALL   (VEMU_VIRTIO_F_EVENT_IDX | VEMU_VIRTIO_F_INDIRECT_DESC | VEMU_VIRTIO_F(0))
#define MSIZE 16384u
#define ROOT  1u /* the fid of the share's root */

extern uint64_t out_gpa, in_gpa; /* where messages and answers are, for the guest */
extern uint8_t message[MSIZE];
extern struct p9_writer w; /* on `message` */
extern struct p9_reader r; /* on the answer, behind its header */

/* --- the host --------------------------------------------------------------------------------- */
/* Below the directory that holds the share ("share/file") and a file "secret"; good for two
 * calls. */
const char *host_path(const char *name);
void host_write(const char *name, const char *text);
void host_expect(const char *name, const char *text);
bool host_has_xattrs(void);

/* --- the guest -------------------------------------------------------------------------------- */
/* A share, negotiated with and attached to as ROOT; `model` and `read_only` are properties. */
struct guest *start_with(const char *model, const char *read_only);
/* With one more property, whose name is NULL for none. */
struct guest *start_more(const char *model, const char *read_only, struct vemu_property more);
struct guest *start(void);
/* The directory goes too. */
void finish(struct guest *g);

void begin(uint8_t type);
#define p8(value)  vemu__p9_put8(&w, value)
#define p16(value) vemu__p9_put16(&w, value)
#define p32(value) vemu__p9_put32(&w, value)
#define p64(value) vemu__p9_put64(&w, value)
#define ps(text)   vemu__p9_put_string(&w, text, strlen(text))
int call(struct guest *g);
/* The bytes of `message` as they are. */
int exchange(struct guest *g, size_t size, uint32_t room);

void version(struct guest *g);
int attach(struct guest *g, uint32_t fid, uint32_t uid);
/* Up to three names; how many qids came, or minus the error. */
int walk(struct guest *g, uint32_t fid, uint32_t new_fid, const char *a, const char *b,
         const char *c);
int lopen(struct guest *g, uint32_t fid, uint32_t flags);
int lcreate(struct guest *g, uint32_t fid, const char *name, uint32_t flags, uint32_t mode);
/* How many bytes, or minus the error; what was read is at r.at. */
int write_at(struct guest *g, uint32_t fid, uint64_t offset, const void *data, uint32_t size);
int read_at(struct guest *g, uint8_t type, uint32_t fid, uint64_t offset, uint32_t size);
/* A message of nothing but a fid. */
int one_fid(struct guest *g, uint8_t type, uint32_t fid);
int clunk(struct guest *g, uint32_t fid);

struct attributes {
    uint64_t qid, links, rdev, size, mtime;
    uint32_t mode, uid, gid;
};
int getattr(struct guest *g, uint32_t fid, struct attributes *a);
int setattr(struct guest *g, uint32_t fid, uint32_t valid, uint32_t mode, uint32_t uid,
            uint64_t size, uint64_t mtime);

#endif
