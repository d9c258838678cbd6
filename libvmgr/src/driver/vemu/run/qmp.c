/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A QMP client: one connection, one command at a time, every wait with a deadline.
 *
 * The socket is reached through /proc/self/fd, so that a state directory may be deeper than a
 * socket address is long. The other end is a process that a guest may have taken over: what it
 * sends is bounded and checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../vemu.h"
#include "qmp.h"

#define LINE_MAX_BYTES (1u << 20)
#define DELETED_MAX    4096u /* more devices than a machine has */

struct vemu_qmp {
    int fd;
    int pidfd; /* borrowed, or -1 */
    gint64 deadline;
    int timeout_ms;
    GString *in;
    uint64_t next_id;
    int send_fd; /* goes with the next bytes; -1: none */
    GHashTable *deleted; /* devices that have told their end */
};

struct vemu_qmp *vmgr__qmp_close(struct vemu_qmp *q)
{
    if (q) {
        if (q->fd >= 0)
            close(q->fd);
        g_string_free(q->in, TRUE);
        g_hash_table_unref(q->deleted);
        g_free(q);
    }
    return NULL;
}

static int timed_out(struct vmgr_error **err)
{
    return vemu_error(err, VMGR_ERR_OPERATION_TIMEOUT, "the emulator's monitor does not answer");
}

static int gone(struct vmgr_error **err)
{
    return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "End of file from the emulator's monitor");
}

/* Waits for the socket. 0, or -1 and *err. */
static int wait_for(struct vemu_qmp *q, short events, struct vmgr_error **err)
{
    struct pollfd p = { .fd = q->fd, .events = events };

    for (;;) {
        gint64 left = (q->deadline - g_get_monotonic_time() + 999) / 1000;
        int n = left > 0 ? poll(&p, 1, (int)left) : 0;

        if (n > 0)
            return 0;
        if (n == 0)
            return timed_out(err);
        if (errno != EINTR)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot wait for the monitor");
    }
}

/* Whether a message that was not the one waited for has come too late: one that always sends some
 * never makes us wait for the socket. */
static bool is_late(const struct vemu_qmp *q)
{
    return g_get_monotonic_time() > q->deadline;
}

/* The next line as an object, or NULL and *err. */
static struct json_object *receive(struct vemu_qmp *q, struct vmgr_error **err)
{
    char buf[4096];
    const char *end;

    while (!(end = memchr(q->in->str, '\n', q->in->len))) {
        ssize_t n;

        if (q->in->len > LINE_MAX_BYTES) {
            vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator's monitor sends no line ends");
            return NULL;
        }
        n = recv(q->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n > 0) {
            g_string_append_len(q->in, buf, n);
        } else if (n < 0 && errno == EAGAIN) {
            if (wait_for(q, POLLIN, err) < 0)
                return NULL;
        } else if (n == 0 || errno != EINTR) {
            gone(err);
            return NULL;
        }
    }
    {
        g_autofree char *line = g_strndup(q->in->str, (gsize)(end - q->in->str));
        struct json_object *o = json_tokener_parse(line);

        g_string_erase(q->in, 0, end - q->in->str + 1);
        if (!json_object_is_type(o, json_type_object)) {
            json_object_put(o);
            vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                       "the emulator's monitor sends no JSON objects");
            return NULL;
        }
        return o;
    }
}

static ssize_t send_some(const struct vemu_qmp *q, const char *text, size_t left)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)text, left };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *head;

    if (q->send_fd >= 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &q->send_fd, sizeof(int));
    }
    return sendmsg(q->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int send_text(struct vemu_qmp *q, const char *text, struct vmgr_error **err)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t n = send_some(q, text, left);

        if (n >= 0) {
            q->send_fd = -1;
            text += n;
            left -= (size_t)n;
        } else if (errno == EAGAIN) {
            if (wait_for(q, POLLOUT, err) < 0)
                return -1;
        } else if (errno != EINTR) {
            return gone(err);
        }
    }
    return 0;
}

static void note_deleted(struct vemu_qmp *q, struct json_object *message)
{
    struct json_object *name, *data, *device;

    if (g_hash_table_size(q->deleted) < DELETED_MAX &&
        json_object_object_get_ex(message, "event", &name) &&
        g_strcmp0(json_object_get_string(name), "DEVICE_DELETED") == 0 &&
        json_object_object_get_ex(message, "data", &data) &&
        json_object_is_type(data, json_type_object) &&
        json_object_object_get_ex(data, "device", &device) &&
        json_object_is_type(device, json_type_string))
        g_hash_table_add(q->deleted, g_strdup(json_object_get_string(device)));
}

bool vmgr__qmp_await_deleted(struct vemu_qmp *q, const char *id, int timeout_ms)
{
    q->deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    while (!g_hash_table_contains(q->deleted, id)) {
        struct json_object *message = receive(q, NULL);

        if (!message)
            return false;
        note_deleted(q, message);
        json_object_put(message);
        if (is_late(q))
            return g_hash_table_contains(q->deleted, id);
    }
    return true;
}

/* Sends a request, which is taken over, with an id of ours; the answer with that id, or NULL and
 * *err. */
static struct json_object *ask(struct vemu_qmp *q, struct json_object *request,
                               struct vmgr_error **err)
{
    g_autofree char *number = g_strdup_printf("libvirt-%" G_GUINT64_FORMAT, q->next_id++);
    g_autofree char *text = NULL;

    json_object_object_add(request, "id", json_object_new_string(number));
    text = g_strconcat(json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN), "\n", NULL);
    json_object_put(request);
    q->deadline = g_get_monotonic_time() + (gint64)q->timeout_ms * 1000;
    if (send_text(q, text, err) < 0)
        return NULL;
    for (;;) {
        struct json_object *reply = receive(q, err), *id;

        if (!reply)
            return NULL;
        /* Other events in between are of no use here: the caller sees their effects. */
        note_deleted(q, reply);
        if (json_object_object_get_ex(reply, "id", &id) &&
            g_strcmp0(json_object_get_string(id), number) == 0)
            return reply;
        json_object_put(reply);
        if (is_late(q)) {
            timed_out(err);
            return NULL;
        }
    }
}

int vmgr__qmp_text(struct vemu_qmp *q, const char *text, char **ret, struct vmgr_error **err)
{
    struct json_object *request = json_tokener_parse(text), *reply;

    if (!json_object_is_type(request, json_type_object)) {
        json_object_put(request);
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "the command is no JSON object");
    }
    reply = ask(q, request, err);
    if (!reply)
        return -1;
    *ret = g_strdup(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(reply);
    return 0;
}

int vmgr__qmp_execute(struct vemu_qmp *q, const char *command, struct json_object *args,
                      struct json_object **ret, struct vmgr_error **err)
{
    struct json_object *request = json_object_new_object();
    struct json_object *reply, *part;

    json_object_object_add(request, "execute", json_object_new_string(command));
    if (args)
        json_object_object_add(request, "arguments", args);
    reply = ask(q, request, err);
    if (!reply)
        return -1;
    if (json_object_object_get_ex(reply, "error", &part)) {
        struct json_object *desc = NULL;

        json_object_object_get_ex(part, "desc", &desc);
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "unable to execute monitor command '%s': %s",
                   command, desc ? json_object_get_string(desc) : "no reason given");
        json_object_put(reply);
        return -1;
    }
    if (!json_object_object_get_ex(reply, "return", &part)) {
        json_object_put(reply);
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                          "monitor command '%s' got neither a result nor an error", command);
    }
    if (ret)
        *ret = json_object_get(part);
    json_object_put(reply);
    return 0;
}

int vmgr__qmp_execute_with_fd(struct vemu_qmp *q, const char *command, struct json_object *args,
                              int fd, struct vmgr_error **err)
{
    int r;

    q->send_fd = fd;
    r = vmgr__qmp_execute(q, command, args, NULL, err);
    q->send_fd = -1;
    return r;
}

int vmgr__qmp_send_fd(struct vemu_qmp *q, const char *name, int fd, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    json_object_object_add(args, "fdname", json_object_new_string(name));
    return vmgr__qmp_execute_with_fd(q, "getfd", args, fd, err);
}

bool vmgr__socket_is_of(int fd, int dir, const char *name)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == st.st_uid;
}

static int connect_socket(struct vemu_qmp *q, const char *run_path, struct vmgr_error **err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int dir = open(run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct pollfd dead = { .fd = q->pidfd, .events = POLLIN };
    int saved;

    if (dir < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot open directory '%s'",
                                     run_path);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/qmp.sock", dir);
    q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (q->fd >= 0 && connect(q->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        if (errno == EINTR)
            continue;
        /* Its queue is full, also of those who have given up on an emulator that accepts nobody. */
        if (errno == EAGAIN && !is_late(q)) {
            g_usleep(5000);
            continue;
        }
        /* Bound but not yet listening, for some microseconds: ask again, unless its owner ended. */
        if (errno != ECONNREFUSED || g_get_monotonic_time() > q->deadline || q->pidfd < 0 ||
            poll(&dead, 1, 1) > 0) {
            saved = errno;
            close(q->fd);
            q->fd = -1;
            errno = saved;
        }
    }
    saved = errno;
    if (q->fd >= 0 && !vmgr__socket_is_of(q->fd, dir, "qmp.sock")) {
        saved = ECONNREFUSED;
        close(q->fd);
        q->fd = -1;
    }
    close(dir);
    if (q->fd < 0 && saved == EAGAIN)
        return timed_out(err);
    if (q->fd < 0)
        return vmgr__error_set_errno(err, saved, VMGR_FROM_VEMU,
                                     "Failed to connect to the emulator's monitor");
    return 0;
}

struct vemu_qmp *vmgr__qmp_open(const char *run_path, int pidfd, int timeout_ms,
                                struct vmgr_error **err)
{
    struct vemu_qmp *q = g_new0(struct vemu_qmp, 1);
    struct json_object *greeting;

    q->fd = q->send_fd = -1;
    q->pidfd = pidfd;
    q->timeout_ms = timeout_ms;
    q->deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    q->in = g_string_new(NULL);
    q->deleted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    q->next_id = 1;
    if (connect_socket(q, run_path, err) < 0)
        return vmgr__qmp_close(q);
    greeting = receive(q, err);
    if (!greeting)
        return vmgr__qmp_close(q);
    if (!json_object_object_get_ex(greeting, "QMP", NULL)) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator's monitor does not speak QMP");
        json_object_put(greeting);
        return vmgr__qmp_close(q);
    }
    json_object_put(greeting);
    if (vmgr__qmp_execute(q, "qmp_capabilities", NULL, NULL, err) < 0)
        return vmgr__qmp_close(q);
    return q;
}

int vmgr__qmp_state(struct vemu_qmp *q, int *ret_state, int *ret_reason, struct vmgr_error **err)
{
    static const struct {
        const char *status;
        int state, reason;
    } rows[] = {
        { "running", VMGR_DOMAIN_RUNNING, VMGR_DOMAIN_RUNNING_UNKNOWN },
        { "paused", VMGR_DOMAIN_PAUSED, VMGR_DOMAIN_PAUSED_USER },
        { "prelaunch", VMGR_DOMAIN_PAUSED, VMGR_DOMAIN_PAUSED_STARTING_UP },
        { "suspended", VMGR_DOMAIN_PMSUSPENDED, 0 },
        { "shutdown", VMGR_DOMAIN_PAUSED, VMGR_DOMAIN_PAUSED_SHUTTING_DOWN },
        { "guest-panicked", VMGR_DOMAIN_CRASHED, VMGR_DOMAIN_CRASHED_PANICKED },
        { "internal-error", VMGR_DOMAIN_PAUSED, VMGR_DOMAIN_PAUSED_UNKNOWN },
    };
    struct json_object *result, *status;
    int r = -1;

    if (vmgr__qmp_execute(q, "query-status", NULL, &result, err) < 0)
        return -1;
    if (json_object_is_type(result, json_type_object) &&
        json_object_object_get_ex(result, "status", &status)) {
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            if (g_strcmp0(json_object_get_string(status), rows[i].status) == 0) {
                *ret_state = rows[i].state;
                *ret_reason = rows[i].reason;
                r = 0;
            }
        }
    }
    json_object_put(result);
    if (r < 0)
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator is in a state of no known name");
    return r;
}
