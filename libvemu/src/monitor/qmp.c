/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A QMP session: greeting, negotiation, commands, replies, events.
 *
 * Theory of operation: everything happens on the loop thread. Input is parsed as it comes, however
 * it is cut; each complete JSON value is one command and gets one reply line. Output that the
 * chardev does not take waits in `out`; while much waits, no further input is read, so that a
 * client that never reads cannot make the buffer grow: replies are bounded by input, and events are
 * dropped (and counted) beyond OUT_MAX. A byte 0xFF resets the parser, as QMP's specification says.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"

#define DEPTH_MAX 64
#define COMMAND_MAX (1u << 20) /* bytes of one command */
#define OUT_PAUSE (64u << 10)  /* no input is read while more than this waits */
#define OUT_MAX (1u << 20)     /* events are dropped beyond this */

struct vemu_monitor {
    struct vemu_vm *vm;
    struct vemu_chardev *chr;
    struct json_tokener *parser;
    size_t command_size; /* bytes of the command being parsed */
    bool skip_line;      /* after a parse error: the rest of the line is garbage */
    bool negotiated;
    GString *out;
    unsigned events_dropped;
    struct qmp_descriptors descriptors;
    void (*closed)(void *data); /* NULL: nobody asks */
    void *closed_data;
};

/* Whose command runs on this loop. */
static _Thread_local struct vemu_monitor *current;

/* --- output ---------------------------------------------------------------------------------- */

static void monitor_flush(struct vemu_monitor *m)
{
    if (m->out->len) {
        size_t taken = vemu_chardev_write(m->chr, m->out->str, m->out->len);
        g_string_erase(m->out, 0, (gssize)taken);
    }
}

/* Takes the object. */
static void monitor_send(struct vemu_monitor *m, struct json_object *object)
{
    g_string_append(m->out, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    g_string_append(m->out, "\r\n");
    json_object_put(object);
    monitor_flush(m);
}

static void monitor_greet(struct vemu_monitor *m)
{
    struct json_object *greeting = json_object_new_object();
    struct json_object *qmp = json_object_new_object();

    json_object_object_add(qmp, "version", vemu__qmp_version());
    json_object_object_add(qmp, "capabilities", json_object_new_array());
    json_object_object_add(greeting, "QMP", qmp);
    monitor_send(m, greeting);
}

/* `id` is borrowed, may be NULL. */
static void monitor_reply_error(struct vemu_monitor *m, struct json_object *id, const char *class_,
                                const char *text)
{
    struct json_object *reply = json_object_new_object();
    struct json_object *error = json_object_new_object();

    if (id)
        json_object_object_add(reply, "id", json_object_get(id));
    json_object_object_add(error, "class", json_object_new_string(class_));
    json_object_object_add(error, "desc", json_object_new_string(text));
    json_object_object_add(reply, "error", error);
    monitor_send(m, reply);
}

/* Takes `result` (NULL: {}). */
static void monitor_reply(struct vemu_monitor *m, struct json_object *id,
                          struct json_object *result)
{
    struct json_object *reply = json_object_new_object();

    json_object_object_add(reply, "return", result ? result : json_object_new_object());
    if (id)
        json_object_object_add(reply, "id", json_object_get(id));
    monitor_send(m, reply);
}

/* --- commands --------------------------------------------------------------------------------- */

/* The class of what `run` returned, in QMP's words. */
static const char *error_class(int r)
{
    switch (-r) {
    case QMP_DEVICE_NOT_FOUND: return "DeviceNotFound";
    case QMP_DEVICE_NOT_ACTIVE: return "DeviceNotActive";
    default: return "GenericError";
    }
}

static int check_arguments(const struct qmp_command *command, struct json_object *arguments,
                           struct vemu_error **err)
{
    struct qmp_shape *shape = vemu__qmp_shape_parse(command->arguments);
    int r = vemu__qmp_shape_check(shape, arguments, "", err);

    vemu__qmp_shape_free(shape);
    return r;
}

/* The client may ask for capabilities; we offer none. */
static void monitor_negotiate(struct vemu_monitor *m, struct json_object *id,
                              struct json_object *arguments)
{
    struct vemu_error *err = NULL;
    struct json_object *enable = NULL;

    if (m->negotiated) {
        monitor_reply_error(m, id, "CommandNotFound",
                            "Capabilities negotiation is already complete, command ignored");
        return;
    }
    int r = check_arguments(&vemu__qmp_capabilities, arguments, &err);
    if (r == 0 && json_object_object_get_ex(arguments, "enable", &enable) &&
        json_object_array_length(enable) > 0)
        vemu__error_set(&err, ENOTSUP, "Capability '%s' not available",
                        json_object_get_string(json_object_array_get_idx(enable, 0)));
    if (err) {
        monitor_reply_error(m, id, "GenericError", vemu_error_message(err));
        vemu_error_free(err);
        return;
    }
    m->negotiated = true;
    monitor_reply(m, id, NULL);
}

static void monitor_execute(struct vemu_monitor *m, const char *name, struct json_object *arguments,
                            struct json_object *id)
{
    if (!strcmp(name, vemu__qmp_capabilities.name)) {
        monitor_negotiate(m, id, arguments);
        return;
    }
    const struct qmp_command *command = vemu__qmp_command_find(name);
    if (!m->negotiated) {
        monitor_reply_error(m, id, "CommandNotFound",
                            "Expecting capabilities negotiation with 'qmp_capabilities'");
        return;
    }
    if (!command) {
        g_autofree char *text = g_strdup_printf("The command %.200s has not been found", name);
        monitor_reply_error(m, id, "CommandNotFound", text);
        return;
    }

    struct vemu_error *err = NULL;
    struct json_object *result = NULL;
    int r = check_arguments(command, arguments, &err);
    if (r >= 0) {
        current = m;
        r = command->run(m->vm, arguments, &result, &err);
        current = NULL;
    }
    if (r < 0) {
        monitor_reply_error(m, id, error_class(r),
                            err ? vemu_error_message(err) : g_strerror(-r));
        vemu_error_free(err);
        json_object_put(result);
        return;
    }
    monitor_reply(m, id, result);
}

/* One complete JSON value came in. */
static void monitor_dispatch(struct vemu_monitor *m, struct json_object *input)
{
    struct json_object *id = NULL, *execute = NULL, *arguments = NULL, *none = NULL;

    if (!json_object_is_type(input, json_type_object)) {
        monitor_reply_error(m, NULL, "GenericError", "QMP input must be a JSON object");
        return;
    }
    json_object_object_get_ex(input, "id", &id);
    json_object_object_foreach(input, key, value)
    {
        if (!strcmp(key, "execute")) {
            execute = value;
        } else if (!strcmp(key, "arguments")) {
            arguments = value;
        } else if (strcmp(key, "id")) {
            g_autofree char *text =
                g_strdup_printf("QMP input member '%.200s' is unexpected", key);
            monitor_reply_error(m, id, "GenericError", text);
            return;
        }
    }
    if (!execute)
        monitor_reply_error(m, id, "GenericError", "QMP input lacks member 'execute'");
    else if (!json_object_is_type(execute, json_type_string))
        monitor_reply_error(m, id, "GenericError", "QMP input member 'execute' must be a string");
    else if (arguments && !json_object_is_type(arguments, json_type_object))
        monitor_reply_error(m, id, "GenericError",
                            "QMP input member 'arguments' must be an object");
    else if (arguments)
        monitor_execute(m, json_object_get_string(execute), arguments, id);
    else
        monitor_execute(m, json_object_get_string(execute), none = json_object_new_object(), id);
    json_object_put(none);
}

/* --- input ------------------------------------------------------------------------------------ */

static void parser_reset(struct vemu_monitor *m)
{
    json_tokener_reset(m->parser);
    m->command_size = 0;
}

static void parse_error(struct vemu_monitor *m, const char *what)
{
    g_autofree char *text = g_strdup_printf("JSON parse error, %s", what);

    monitor_reply_error(m, NULL, "GenericError", text);
    parser_reset(m);
    m->skip_line = true;
}

/* Feeds bytes without 0xFF; returns how many were used. */
static size_t parse_some(struct vemu_monitor *m, const uint8_t *buf, size_t size)
{
    if (m->skip_line) {
        const uint8_t *end = memchr(buf, '\n', size);
        m->skip_line = !end;
        return end ? (size_t)(end - buf) + 1 : size;
    }
    if (m->command_size == 0 && g_ascii_isspace(buf[0])) /* between commands */
        return 1;
    struct json_object *input = json_tokener_parse_ex(m->parser, (const char *)buf, (int)size);
    enum json_tokener_error state = json_tokener_get_error(m->parser);
    size_t used = json_tokener_get_parse_end(m->parser);
    m->command_size += used;
    if (state == json_tokener_continue) {
        if (m->command_size > COMMAND_MAX)
            parse_error(m, "command too long");
        return size;
    }
    if (state != json_tokener_success) {
        parse_error(m, json_tokener_error_desc(state));
        return used ? used : 1;
    }
    parser_reset(m);
    monitor_dispatch(m, input);
    json_object_put(input);
    return used;
}

static void monitor_input(void *data, const uint8_t *buf, size_t size)
{
    struct vemu_monitor *m = data;

    while (size) {
        const uint8_t *reset = memchr(buf, 0xff, size);
        size_t part = reset ? (size_t)(reset - buf) : size;
        if (part == 0) {
            parser_reset(m);
            m->skip_line = false;
            part = 1;
        } else {
            part = parse_some(m, buf, part);
        }
        buf += part;
        size -= part;
    }
}

static size_t monitor_input_room(void *data)
{
    struct vemu_monitor *m = data;

    return m->out->len > OUT_PAUSE ? 0 : 4096;
}

static void monitor_writable(void *data)
{
    struct vemu_monitor *m = data;

    monitor_flush(m);
    if (m->out->len <= OUT_PAUSE)
        vemu_chardev_input_ready(m->chr);
}

static void monitor_session_reset(struct vemu_monitor *m)
{
    parser_reset(m);
    g_string_truncate(m->out, 0);
    m->skip_line = false;
    m->negotiated = false;
    m->events_dropped = 0;
    vemu__qmp_descriptors_clear(&m->descriptors);
}

static void monitor_descriptor(void *data, int fd)
{
    struct vemu_monitor *m = data;

    if (m->descriptors.received >= 0)
        close(m->descriptors.received);
    m->descriptors.received = fd;
}

struct qmp_descriptors *vemu__qmp_descriptors(void)
{
    return &current->descriptors;
}

static void monitor_chardev_event(void *data, enum vemu_chardev_event event)
{
    struct vemu_monitor *m = data;

    if (event == VEMU_CHARDEV_BREAK)
        return;
    monitor_session_reset(m);
    if (event == VEMU_CHARDEV_OPENED)
        monitor_greet(m);
    else if (m->closed)
        m->closed(m->closed_data);
}

static const struct vemu_chardev_handlers monitor_handlers = {
    .input_room = monitor_input_room,
    .input = monitor_input,
    .event = monitor_chardev_event,
    .writable = monitor_writable,
    .descriptor = monitor_descriptor,
};

/* --- events ----------------------------------------------------------------------------------- */

static void monitor_event(void *data, const struct vemu_event *event)
{
    struct vemu_monitor *m = data;

    if (!m->negotiated)
        return;
    struct json_object *object = vemu__qmp_event(m->vm, event);
    if (!object)
        return;
    if (m->out->len > OUT_MAX) {
        json_object_put(object);
        if (m->events_dropped++ == 0)
            vemu_vm_log(m->vm, VEMU_LOG_WARNING, "QMP client does not read: events are dropped");
        return;
    }
    monitor_send(m, object);
}

/* --- life ------------------------------------------------------------------------------------- */

int vemu__monitor_new(struct vemu_vm *vm, struct vemu_chardev *chr, struct vemu_monitor **ret,
                      struct vemu_error **err)
{
    struct vemu_monitor *m = g_new0(struct vemu_monitor, 1);

    m->vm = vm;
    m->chr = chr;
    m->parser = json_tokener_new_ex(DEPTH_MAX);
    m->out = g_string_new(NULL);
    vemu__qmp_descriptors_init(&m->descriptors);
    int r = m->parser ? vemu_chardev_attach(chr, &monitor_handlers, m, NULL) : -ENOMEM;
    if (r < 0) {
        if (m->parser)
            json_tokener_free(m->parser);
        vemu__qmp_descriptors_fini(&m->descriptors);
        g_string_free(m->out, TRUE);
        g_free(m);
        return vemu__error_set(err, -r, "monitor: %s",
                               r == -EBUSY ? "the chardev is in use" : g_strerror(-r));
    }
    vemu__events_listen(vm->events, monitor_event, m);
    *ret = m; /* the greeting follows VEMU_CHARDEV_OPENED, which an open chardev sends as well */
    return 0;
}

void vemu__monitor_on_close(struct vemu_monitor *m, void (*fn)(void *data), void *data)
{
    m->closed = fn;
    m->closed_data = data;
}

void vemu__monitor_free(struct vemu_monitor *m)
{
    if (!m)
        return;
    vemu__events_unlisten(m->vm->events, monitor_event, m);
    monitor_flush(m);
    vemu_chardev_detach(m->chr);
    vemu__qmp_descriptors_fini(&m->descriptors);
    json_tokener_free(m->parser);
    g_string_free(m->out, TRUE);
    g_free(m);
}
