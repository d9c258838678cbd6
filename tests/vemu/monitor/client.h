/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A QMP client in the test: the monitor's other end of a socket pair.
 *
 * Every result is checked against the shape that its command declares.
 */
#ifndef TESTS_VEMU_MONITOR_CLIENT_H
#define TESTS_VEMU_MONITOR_CLIENT_H

#include "board.h"
#include "monitor/qmp.h"

struct client {
    struct board board; /* bus/board.h */
    int fd;
    GString *in;
    GPtrArray *events; /* struct json_object, that arrived and were not asked for */
};

/* A board, realized, with a monitor that has been negotiated with. */
void client_init(struct client *c);
/* The same with what `add` adds to the board. */
void client_init_with(struct client *c, void (*add)(struct vemu_vm *vm, void *data), void *data);
void client_fini(struct client *c);
/* Runs a command, its arguments as a printf format of JSON with single quotes for double ones
 * (NULL: none). Returns "return", which lives until the next call; fails the test on an error. */
struct json_object *client_ok(struct client *c, const char *command, const char *arguments, ...)
    __attribute__((format(printf, 3, 4)));
/* The command fails with that class and a message that contains the words. */
void client_fails(struct client *c, const char *command, const char *class_, const char *words,
                  const char *arguments, ...) __attribute__((format(printf, 5, 6)));
/* Sends these bytes with descriptors, at most 8, beside them. */
void client_send(struct client *c, const char *bytes, const int *fds, unsigned count);
/* Waits for the event; its data as above. */
struct json_object *client_event(struct client *c, const char *name);
/* The member of a result at a path of names and numbers, "0.inserted.ro"; fails when it is not
 * there. */
struct json_object *at(struct json_object *o, const char *path);
const char *string_at(struct json_object *o, const char *path);
int64_t int_at(struct json_object *o, const char *path);

#endif
