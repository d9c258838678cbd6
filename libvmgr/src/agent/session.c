/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session with a guest's agent: lines there and back, each wait with a deadline.
 */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_US   200000 /* between looks at what an agent does not answer */
#define DELIMITER 0xff /* the agent's protocol: what was parsed so far is dropped */

struct vmgr__agent {
    int fd;
    int timeout_s;
    gint64 deadline; /* 0: none */
    GByteArray *in;
    size_t noise; /* bytes that were no answer of this session's */
};

struct vmgr__agent *vmgr__agent_free(struct vmgr__agent *a)
{
    if (a) {
        close(a->fd);
        g_byte_array_unref(a->in);
        g_free(a);
    }
    return NULL;
}

static void set_deadline(struct vmgr__agent *a, int seconds)
{
    a->deadline = seconds > 0 ? g_get_monotonic_time() + seconds * G_USEC_PER_SEC : 0;
}

static int unavailable(struct vmgr_error **err)
{
    return agent_error(err, VMGR_ERR_AGENT_UNRESPONSIVE, "Guest agent not available for now");
}

static int disappeared(struct vmgr_error **err)
{
    return agent_error(err, VMGR_ERR_AGENT_UNRESPONSIVE,
                       "Guest agent disappeared while executing command");
}

static int wait_for(struct vmgr__agent *a, short events, struct vmgr_error **err)
{
    struct pollfd p = { .fd = a->fd, .events = events };

    for (;;) {
        gint64 left = a->deadline ? (a->deadline - g_get_monotonic_time() + 999) / 1000 : -1;
        int n = a->deadline && left <= 0 ? 0 : poll(&p, 1, (int)left);

        if (n > 0)
            return 0;
        if (n == 0)
            return unavailable(err);
        if (errno != EINTR)
            return vmgr__error_set_errno(err, errno, VMGR_FROM_AGENT, "cannot wait for the agent");
    }
}

static int send_bytes(struct vmgr__agent *a, const void *bytes, size_t size,
                      struct vmgr_error **err)
{
    const char *at = bytes;

    while (size) {
        ssize_t n = send(a->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN) {
            if (wait_for(a, POLLOUT, err) < 0)
                return -1;
        } else if (errno != EINTR) {
            return disappeared(err);
        }
    }
    return 0;
}

/* More of what the guest sends. Also when there is always some: time is looked at each time. */
static int receive(struct vmgr__agent *a, struct vmgr_error **err)
{
    guint8 buf[16384];

    for (;;) {
        ssize_t n;

        if (wait_for(a, POLLIN, err) < 0)
            return -1;
        n = recv(a->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n > 0) {
            g_byte_array_append(a->in, buf, (guint)n);
            return 0;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return disappeared(err);
    }
}

/* Drops bytes from the front. */
static void drop(struct vmgr__agent *a, size_t size)
{
    g_byte_array_remove_range(a->in, 0, (guint)size);
}

/* Drops all up to the last delimiter that has come; waits for the first. */
static int seek_delimiter(struct vmgr__agent *a, struct vmgr_error **err)
{
    for (;;) {
        const guint8 *found = a->in->len ? memchr(a->in->data, DELIMITER, a->in->len) : NULL;

        if (found) {
            drop(a, (size_t)(found - a->in->data) + 1);
            return 0;
        }
        a->noise += a->in->len;
        drop(a, a->in->len);
        if (a->noise > AGENT_NOISE_MAX)
            return unavailable(err);
        if (receive(a, err) < 0)
            return -1;
    }
}

/* The next line, for g_free(). Nothing in it but text: JSON has no byte 0. */
static char *next_line(struct vmgr__agent *a, struct vmgr_error **err)
{
    size_t seen = 0;

    for (;;) {
        const guint8 *end =
            a->in->len > seen ? memchr(a->in->data + seen, '\n', a->in->len - seen) : NULL;
        char *line;

        if (end) {
            const size_t size = (size_t)(end - a->in->data);

            line = g_strndup((const char *)a->in->data, size);
            drop(a, size + 1);
            if (strlen(line) == size)
                return line;
            g_free(line);
            agent_error(err, VMGR_ERR_INTERNAL_ERROR, "the agent's answer is no text");
            return NULL;
        }
        seen = a->in->len;
        if (seen > AGENT_ANSWER_MAX) {
            agent_error(err, VMGR_ERR_INTERNAL_ERROR, "the agent's answer is longer than %u bytes",
                        AGENT_ANSWER_MAX);
            return NULL;
        }
        if (receive(a, err) < 0)
            return NULL;
    }
}

/* The object a line is, or NULL. */
static struct json_object *parse(const char *line)
{
    struct json_object *o = json_tokener_parse(line);

    if (json_object_is_type(o, json_type_object))
        return o;
    json_object_put(o);
    return NULL;
}

static bool is_sync(const char *line, int64_t id)
{
    struct json_object *o = parse(line), *ret;
    bool same = o && json_object_object_get_ex(o, "return", &ret) &&
                json_object_is_type(ret, json_type_int) && json_object_get_int64(ret) == id;

    json_object_put(o);
    return same;
}

/* Answers to earlier sessions' synchronization may come first. */
static int synchronize(struct vmgr__agent *a, struct vmgr_error **err)
{
    static const guint8 delimiter = DELIMITER;
    const int64_t id = (int64_t)(g_get_real_time() & 0x7fffffffffff);
    g_autofree char *text = g_strdup_printf("{\"execute\":\"guest-sync-delimited\","
                                            "\"arguments\":{\"id\":%" G_GINT64_FORMAT "}}\n",
                                            id);

    if (send_bytes(a, &delimiter, 1, err) < 0 || send_bytes(a, text, strlen(text), err) < 0)
        return -1;
    for (;;) {
        g_autofree char *line = NULL;
        const char *cut;

        if (seek_delimiter(a, err) < 0)
            return -1;
        line = next_line(a, err);
        if (!line)
            return -1;
        /* An answer that was cut off has a delimiter behind it, not an end. */
        cut = strrchr(line, DELIMITER);
        if (is_sync(cut ? cut + 1 : line, id))
            return 0;
        a->noise += strlen(line);
    }
}

struct vmgr__agent *vmgr__agent_new(int fd, int timeout_s, struct vmgr_error **err)
{
    struct vmgr__agent *a = g_new0(struct vmgr__agent, 1);

    a->fd = fd;
    a->in = g_byte_array_new();
    a->timeout_s = timeout_s > 0                             ? timeout_s
                   : timeout_s == VMGR_AGENT_TIMEOUT_DEFAULT ? AGENT_SYNC_SECONDS
                                                             : AGENT_REPLY_SECONDS;
    set_deadline(a, timeout_s > 0 ? MIN(timeout_s, AGENT_SYNC_SECONDS) : AGENT_SYNC_SECONDS);
    if (synchronize(a, err) < 0)
        return vmgr__agent_free(a);
    return a;
}

static int send_command(struct vmgr__agent *a, const char *command, struct json_object *args,
                        struct vmgr_error **err)
{
    struct json_object *request = json_object_new_object();
    g_autofree char *text = NULL;

    json_object_object_add(request, "execute", json_object_new_string(command));
    if (args)
        json_object_object_add(request, "arguments", args);
    text = g_strconcat(json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN), "\n", NULL);
    json_object_put(request);
    set_deadline(a, a->timeout_s);
    return send_bytes(a, text, strlen(text), err);
}

/* The answer as an object with "return" or "error"; NULL and *err. */
static struct json_object *next_answer(struct vmgr__agent *a, const char *command,
                                       struct vmgr_error **err)
{
    g_autofree char *line = next_line(a, err);
    struct json_object *o = line ? parse(line) : NULL;

    if (o && (json_object_object_get_ex(o, "return", NULL) ||
              vmgr__agent_member(o, "error", json_type_object)))
        return o;
    json_object_put(o);
    if (line)
        agent_error(err, VMGR_ERR_INTERNAL_ERROR, "malformed return value of agent command '%s'",
                    command);
    return NULL;
}

/* What an answer's error says. Always -1. */
static int refuse(struct json_object *answer, const char *command, struct vmgr_error **err)
{
    struct json_object *error = vmgr__agent_member(answer, "error", json_type_object);
    const char *why = vmgr__agent_string(error, "desc");
    g_autofree char *text = g_utf8_make_valid(why ? why : "unknown QEMU agent command error", -1);

    return agent_error(err, VMGR_ERR_INTERNAL_ERROR,
                       "unable to execute QEMU agent command '%s': %s", command, text);
}

static int call(struct vmgr__agent *a, const char *command, struct json_object *args, bool optional,
                struct json_object **ret, struct vmgr_error **err)
{
    struct json_object *answer, *value, *error;
    int r = 0;

    if (ret)
        *ret = NULL;
    if (send_command(a, command, args, err) < 0)
        return -1;
    answer = next_answer(a, command, err);
    if (!answer)
        return -1;
    error = vmgr__agent_member(answer, "error", json_type_object);
    if (!error && ret) {
        json_object_object_get_ex(answer, "return", &value);
        *ret = json_object_get(value);
    } else if (error && !(optional &&
                          g_strcmp0(vmgr__agent_string(error, "class"), "CommandNotFound") == 0)) {
        r = refuse(answer, command, err);
    }
    json_object_put(answer);
    return r;
}

int vmgr__agent_call(struct vmgr__agent *a, const char *command, struct json_object *args,
                     struct json_object **ret, struct vmgr_error **err)
{
    return call(a, command, args, false, ret, err);
}

int vmgr__agent_try(struct vmgr__agent *a, const char *command, struct json_object *args,
                    struct json_object **ret, struct vmgr_error **err)
{
    return call(a, command, args, true, ret, err);
}

int vmgr__agent_call_last(struct vmgr__agent *a, const char *command, struct json_object *args,
                          struct vmgr_error **err)
{
    struct json_object *answer;
    int r = 0;

    if (send_command(a, command, args, err) < 0)
        return -1;
    /* An agent answers this command with errors alone; and at once. */
    set_deadline(a, 1);
    answer = next_answer(a, command, NULL);
    if (vmgr__agent_member(answer, "error", json_type_object))
        r = refuse(answer, command, err);
    json_object_put(answer);
    return r;
}

int vmgr__agent_call_until(struct vmgr__agent *a, const char *command, bool (*done)(void *data),
                           void *data, struct vmgr_error **err)
{
    struct json_object *answer;
    gint64 end, now;
    bool over = false;
    int r = send_command(a, command, NULL, err);

    if (r < 0)
        return -1;
    for (end = a->deadline; !over && r == 0;) {
        struct vmgr_error *why = NULL;
        bool silent;

        a->deadline = MIN(end, g_get_monotonic_time() + LOOK_US);
        answer = next_answer(a, command, &why);
        silent = !answer && vmgr_error_get_code(why) == VMGR_ERR_AGENT_UNRESPONSIVE;
        if (vmgr__agent_member(answer, "error", json_type_object))
            r = refuse(answer, command, err);
        else
            over = answer || done(data);
        now = g_get_monotonic_time();
        /* Nothing but silence is a reason to wait for longer; for a little while, if it is because
         * the other end has gone. */
        if (!over && r == 0 && (!silent || now >= end)) {
            vmgr__error_move(err, g_steal_pointer(&why));
            r = -1;
        } else if (!over && r == 0 && now < a->deadline) {
            end = MIN(end, now + AGENT_SYNC_SECONDS * G_USEC_PER_SEC);
            g_usleep(LOOK_US);
        }
        vmgr_error_free(why);
        json_object_put(answer);
    }
    return r;
}

int vmgr__agent_text(struct vmgr__agent *a, const char *text, int timeout_s, char **ret,
                     struct vmgr_error **err)
{
    struct json_object *o = parse(text), *answer;
    g_autofree char *line = NULL;

    if (!o)
        return agent_error(err, VMGR_ERR_INVALID_ARG, "the command is no JSON object");
    /* One line, however it came. */
    line = g_strconcat(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), "\n", NULL);
    json_object_put(o);
    set_deadline(a, timeout_s == VMGR_AGENT_TIMEOUT_DEFAULT ? AGENT_SYNC_SECONDS : timeout_s);
    if (send_bytes(a, line, strlen(line), err) < 0)
        return -1;
    if (timeout_s == VMGR_AGENT_TIMEOUT_NOWAIT)
        return 0;
    answer = next_answer(a, "(text)", err);
    if (!answer)
        return -1;
    *ret = g_strdup(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
    json_object_put(answer);
    return 0;
}
