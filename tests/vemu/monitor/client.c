/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A QMP client in the test.
 */
#include "client.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct json_object *last; /* of what the test borrows */

static struct json_object *read_line(struct client *c)
{
    struct json_object *o;
    char *end;

    while (!(end = strchr(c->in->str, '\n'))) {
        struct pollfd poll_fd = { .fd = c->fd, .events = POLLIN };
        char buf[4096];
        ssize_t n;

        ck_assert_msg(poll(&poll_fd, 1, 10000) == 1, "no answer");
        n = read(c->fd, buf, sizeof(buf));
        ck_assert_int_gt(n, 0);
        g_string_append_len(c->in, buf, n);
    }
    *end = '\0';
    o = json_tokener_parse(c->in->str);
    ck_assert_msg(o, "not JSON: %s", c->in->str);
    g_string_erase(c->in, 0, end - c->in->str + 1);
    return o;
}

/* The next message that is no event. */
static struct json_object *read_reply(struct client *c)
{
    struct json_object *o;

    while (qmp_get(o = read_line(c), "event"))
        g_ptr_array_add(c->events, o);
    return o;
}

__attribute__((format(printf, 3, 0)))
static struct json_object *call(struct client *c, const char *command, const char *arguments,
                                va_list ap)
{
    g_autofree char *text = arguments ? g_strdup_vprintf(arguments, ap) : g_strdup("{}");
    g_autofree char *line = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":%s}\n", command,
                                            g_strdelimit(text, "'", '"'));

    ck_assert_int_eq(write(c->fd, line, strlen(line)), (ssize_t)strlen(line));
    json_object_put(last);
    last = read_reply(c);
    return last;
}

static void check_shape(const char *command, struct json_object *result)
{
    const struct qmp_command *found = vemu__qmp_command_find(command);
    struct vemu_error *err = NULL;
    struct qmp_shape *shape;

    ck_assert_msg(found || strcmp(command, "qmp_capabilities") == 0, "%s", command);
    shape = vemu__qmp_shape_parse(found ? found->result : NULL);
    ck_assert_msg(vemu__qmp_shape_check(shape, result, command, &err) == 0, "%s: %s",
                  vemu_error_message(err), json_object_to_json_string(result));
    vemu__qmp_shape_free(shape);
}

struct json_object *client_ok(struct client *c, const char *command, const char *arguments, ...)
{
    struct json_object *reply, *result = NULL;
    va_list ap;

    va_start(ap, arguments);
    reply = call(c, command, arguments, ap);
    va_end(ap);
    ck_assert_msg(json_object_object_get_ex(reply, "return", &result), "%s: %s", command,
                  json_object_to_json_string(reply));
    check_shape(command, result);
    return result;
}

void client_fails(struct client *c, const char *command, const char *class_, const char *words,
                  const char *arguments, ...)
{
    struct json_object *reply;
    va_list ap;

    va_start(ap, arguments);
    reply = call(c, command, arguments, ap);
    va_end(ap);
    ck_assert_msg(qmp_get(reply, "error"), "%s: %s", command, json_object_to_json_string(reply));
    ck_assert_str_eq(string_at(reply, "error.class"), class_);
    ck_assert_msg(strstr(string_at(reply, "error.desc"), words), "'%s' lacks '%s'",
                  string_at(reply, "error.desc"), words);
}

struct json_object *client_event(struct client *c, const char *name)
{
    const struct qmp_event *event = vemu__qmp_events;
    struct vemu_error *err = NULL;
    struct qmp_shape *shape;
    struct json_object *o = NULL;

    for (guint i = 0; i < c->events->len && !o; i++)
        if (strcmp(qmp_get_string(c->events->pdata[i], "event"), name) == 0)
            o = g_ptr_array_steal_index(c->events, i);
    while (!o) {
        o = read_line(c);
        ck_assert_ptr_nonnull(qmp_get(o, "event"));
        if (strcmp(qmp_get_string(o, "event"), name) == 0)
            break;
        g_ptr_array_add(c->events, o);
        o = NULL;
    }
    while (event->name && strcmp(event->name, name) != 0)
        event++;
    ck_assert_ptr_nonnull(event->name);
    if (event->data) {
        shape = vemu__qmp_shape_parse(event->data);
        ck_assert_msg(vemu__qmp_shape_check(shape, qmp_get(o, "data"), name, &err) == 0, "%s",
                      vemu_error_message(err));
        vemu__qmp_shape_free(shape);
    }
    json_object_put(last);
    last = o;
    return qmp_get(o, "data");
}

struct json_object *at(struct json_object *o, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", -1);

    for (char **part = parts; *part; part++) {
        struct json_object *next =
            json_object_is_type(o, json_type_array)
                ? json_object_array_get_idx(o, (size_t)strtoul(*part, NULL, 10))
                : qmp_get(o, *part);

        ck_assert_msg(next, "no '%s' in %s", path, json_object_to_json_string(o));
        o = next;
    }
    return o;
}

const char *string_at(struct json_object *o, const char *path)
{
    return json_object_get_string(at(o, path));
}

int64_t int_at(struct json_object *o, const char *path)
{
    return json_object_get_int64(at(o, path));
}

void client_send(struct client *c, const char *bytes, const int *fds, unsigned count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = { 0 };
    struct iovec iov = { (void *)(uintptr_t)bytes, strlen(bytes) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

    ck_assert_uint_le(count, 8);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    ck_assert_int_eq(sendmsg(c->fd, &msg, 0), (ssize_t)iov.iov_len);
}

static void event_free(gpointer data)
{
    json_object_put(data);
}

void client_init(struct client *c)
{
    client_init_with(c, NULL, NULL);
}

void client_init_with(struct client *c, void (*add)(struct vemu_vm *vm, void *data), void *data)
{
    struct vemu_error *err = NULL;
    struct vemu_property prop = { .name = "fd" };
    g_autofree char *fd = NULL;
    int sockets[2];

    memset(c, 0, sizeof(*c));
    c->in = g_string_new(NULL);
    c->events = g_ptr_array_new_with_free_func(event_free);
    board_init_with(&c->board, add, data);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    c->fd = sockets[1];
    prop.value = fd = g_strdup_printf("%d", sockets[0]);
    ck_assert_int_eq(vemu_vm_add_chardev(c->board.vm, "socket", "qmp", &prop, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_monitor(c->board.vm, "qmp", &err), 0);
    json_object_put(read_line(c)); /* greeting */
    client_ok(c, "qmp_capabilities", NULL);
}

void client_fini(struct client *c)
{
    board_fini(&c->board);
    close(c->fd);
    g_string_free(c->in, TRUE);
    g_ptr_array_free(c->events, TRUE);
    json_object_put(last);
    last = NULL;
}
