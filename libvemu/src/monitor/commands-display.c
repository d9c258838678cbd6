/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about displays and input: pictures, keys, pointers.
 */
#include <errno.h>
#include <string.h>

#include <linux/input-event-codes.h>

#include "display/display.h"
#include "input/input.h"
#include "monitor/qmp.h"

/* --- screendump ------------------------------------------------------------------------------- */

static int cmd_screendump(QMP_PARAMS)
{
    const char *device = qmp_get_string(args, "device"), *format = qmp_get_string(args, "format");
    struct vemu_display_frame frame = VEMU_DISPLAY_FRAME_INIT;
    struct vemu_display_view *view;
    int r;

    if (json_object_get_int64(qmp_get(args, "head")))
        return vemu__error_set(err, EINVAL, "a display has one head, 0");
    r = vemu_display_view_new(vm, device, &view, err);
    if (r == -ENOENT && device) { /* QEMU's words */
        vemu_error_free(*err);
        *err = NULL;
        return vemu__qmp_not_found(device, err);
    }
    if (r < 0)
        return r;
    r = vemu_display_view_update(view, &frame);
    if (r < 0)
        vemu__error_set(err, -r, "cannot read the display: %s", strerror(-r));
    else
        r = vemu__image_write(&frame,
                              format && !strcmp(format, "png") ? VEMU_IMAGE_PNG : VEMU_IMAGE_PPM,
                              qmp_get_string(args, "filename"), err);
    vemu_display_view_free(view);
    return r < 0 ? r : 0;
}

/* Ours: what displays there are. */
static int cmd_query_displays(QMP_PARAMS)
{
    struct vemu_display_info info = VEMU_DISPLAY_INFO_INIT;

    *result = json_object_new_array();
    for (uint32_t n = 0; vemu_vm_get_display(vm, n, &info) == 0; n++) {
        struct json_object *o = json_object_new_object();

        qmp_add_string(o, "device", info.id);
        qmp_add_bool(o, "active", info.active);
        qmp_add_int(o, "width", info.width);
        qmp_add_int(o, "height", info.height);
        json_object_array_add(*result, o);
    }
    return 0;
}

/* --- keys ------------------------------------------------------------------------------------- */

/* KeyValue: {"type": "qcode", "data": "a"} or {"type": "number", "data": 30}. */
static const struct vemu_key *key_of(struct json_object *value, struct vemu_error **err)
{
    const char *type = qmp_get_string(value, "type");
    struct json_object *data = qmp_get(value, "data");
    const struct vemu_key *key = NULL;
    bool is_number = !strcmp(type, "number");

    if (!json_object_is_type(data, is_number ? json_type_int : json_type_string)) {
        vemu__error_set(err, EINVAL, "Invalid parameter type for 'data', expected: %s",
                        is_number ? "integer" : "string");
        return NULL;
    }
    if (!is_number) {
        key = vemu__key_find(json_object_get_string(data));
    } else if (json_object_get_int64(data) > 0 && json_object_get_int64(data) < 0x100) {
        key = vemu__key_by_number((uint32_t)json_object_get_int64(data));
    }
    if (!key)
        vemu__error_set(err, EINVAL, "there is no key '%s'", json_object_get_string(data));
    return key;
}

#define HOLD_MS     100 /* as in QEMU */
#define HOLD_MAX_MS 60000

static int cmd_send_key(QMP_PARAMS)
{
    struct json_object *keys = qmp_get(args, "keys"), *hold = qmp_get(args, "hold-time");
    int64_t hold_ms = hold ? json_object_get_int64(hold) : HOLD_MS;
    size_t count = json_object_array_length(keys);
    uint32_t codes[VEMU_INPUT_KEYS_MAX];

    if (hold_ms < 0 || hold_ms > HOLD_MAX_MS)
        return vemu__error_set(err, EINVAL, "Parameter 'hold-time' expects 0 to %d milliseconds",
                               HOLD_MAX_MS);
    if (count > VEMU_INPUT_KEYS_MAX)
        return vemu__error_set(err, EINVAL, "Parameter 'keys' expects at most %u keys",
                               VEMU_INPUT_KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct vemu_key *key = key_of(json_object_array_get_idx(keys, i), err);

        if (!key)
            return -EINVAL;
        codes[i] = key->code;
    }
    return vemu__input_send_keys(vm, codes, (unsigned)count, (unsigned)hold_ms, err);
}

/* --- events ----------------------------------------------------------------------------------- */

#define EVENTS_MAX 64u

static const struct {
    const char *name;
    uint16_t code;
    int8_t wheel; /* a button in name only: one step of a wheel when it is pressed */
} buttons[] = {
    { "left", BTN_LEFT, 0 },          { "middle", BTN_MIDDLE, 0 },
    { "right", BTN_RIGHT, 0 },        { "wheel-up", REL_WHEEL, 1 },
    { "wheel-down", REL_WHEEL, -1 },  { "side", BTN_SIDE, 0 },
    { "extra", BTN_EXTRA, 0 },        { "wheel-left", REL_HWHEEL, -1 },
    { "wheel-right", REL_HWHEEL, 1 },
};

static int bad_event(struct vemu_error **err, const char *what)
{
    return vemu__error_set(err, EINVAL, "input event without a right '%s'", what);
}

static int parse_key(struct json_object *data, struct vemu_input_event *ret,
                     struct vemu_error **err)
{
    struct json_object *value = qmp_get(data, "key");
    const struct vemu_key *key;

    if (!json_object_is_type(qmp_get(data, "down"), json_type_boolean))
        return bad_event(err, "down");
    if (!json_object_is_type(qmp_get(value, "type"), json_type_string))
        return bad_event(err, "key");
    key = key_of(value, err);
    if (!key)
        return -EINVAL;
    *ret = (struct vemu_input_event){ VEMU_INPUT_KEY, key->code,
                                      json_object_get_boolean(qmp_get(data, "down")) };
    return 1;
}

/* 0: nothing to send: a wheel's release. */
static int parse_button(struct json_object *data, struct vemu_input_event *ret,
                        struct vemu_error **err)
{
    const char *name = qmp_get_string(data, "button");
    bool down = json_object_get_boolean(qmp_get(data, "down"));

    if (!json_object_is_type(qmp_get(data, "down"), json_type_boolean))
        return bad_event(err, "down");
    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (g_strcmp0(name, buttons[i].name))
            continue;
        ret->type = buttons[i].wheel ? VEMU_INPUT_REL : VEMU_INPUT_BUTTON;
        ret->code = buttons[i].code;
        ret->value = buttons[i].wheel ? buttons[i].wheel : down;
        return !buttons[i].wheel || down;
    }
    return bad_event(err, "button");
}

static int parse_move(struct json_object *data, bool is_abs, struct vemu_input_event *ret,
                      struct vemu_error **err)
{
    const char *axis = qmp_get_string(data, "axis");
    struct json_object *value = qmp_get(data, "value");
    bool is_y = g_strcmp0(axis, "y") == 0;

    if (!is_y && g_strcmp0(axis, "x"))
        return bad_event(err, "axis");
    if (!json_object_is_type(value, json_type_int))
        return bad_event(err, "value");
    *ret = (struct vemu_input_event){
        .type = is_abs ? VEMU_INPUT_ABS : VEMU_INPUT_REL,
        .code = is_abs ? (is_y ? ABS_Y : ABS_X) : (is_y ? REL_Y : REL_X),
        .value = (int32_t)CLAMP(json_object_get_int64(value), -VEMU_INPUT_ABS_MAX - 1,
                                VEMU_INPUT_ABS_MAX + 1), /* out of range stays that */
    };
    return 1;
}

static int parse_event(struct json_object *o, struct vemu_input_event *ret, struct vemu_error **err)
{
    const char *type = qmp_get_string(o, "type");
    struct json_object *data = qmp_get(o, "data");

    if (!strcmp(type, "key"))
        return parse_key(data, ret, err);
    if (!strcmp(type, "btn"))
        return parse_button(data, ret, err);
    return parse_move(data, !strcmp(type, "abs"), ret, err);
}

static int cmd_input_send_event(QMP_PARAMS)
{
    struct json_object *list = qmp_get(args, "events");
    size_t length = json_object_array_length(list);
    struct vemu_input_event events[EVENTS_MAX];
    const char *device = qmp_get_string(args, "device");
    uint32_t count = 0;
    int r;

    if (json_object_get_int64(qmp_get(args, "head")))
        return vemu__error_set(err, EINVAL, "a display has one head, 0");
    if (length > EVENTS_MAX)
        return vemu__error_set(err, EINVAL, "Parameter 'events' expects at most %u events",
                               EVENTS_MAX);
    for (size_t i = 0; i < length; i++) {
        r = parse_event(json_object_array_get_idx(list, i), &events[count], err);
        if (r < 0)
            return r;
        count += (uint32_t)r;
    }
    r = vemu_vm_send_input(vm, device, events, count, err);
    if (r != -ENOENT)
        return r;
    vemu_error_free(*err);
    *err = NULL;
    return vemu__qmp_not_found(device, err);
}

/* --- mice ------------------------------------------------------------------------------------- */

static int cmd_query_mice(QMP_PARAMS)
{
    *result = json_object_new_array();
    for (unsigned n = 0;; n++) {
        struct vemu_input_info info;
        struct json_object *o;

        if (!vemu__input_get(vm, n, &info))
            return 0;
        if (!(info.types & (VEMU_INPUT_BIT(VEMU_INPUT_REL) | VEMU_INPUT_BIT(VEMU_INPUT_ABS))))
            continue;
        o = json_object_new_object();
        qmp_add_string(o, "name", info.id);
        qmp_add_int(o, "index", n);
        qmp_add_bool(o, "current", info.current);
        qmp_add_bool(o, "absolute", info.types & VEMU_INPUT_BIT(VEMU_INPUT_ABS));
        json_object_array_add(*result, o);
    }
}

#define KEY "{type:<qcode|number>,data:any}"

static const struct qmp_command commands[] = {
    { "input-send-event", cmd_input_send_event,
      "{device?:str,head?:int,events:[{type:<key|btn|rel|abs>,data:{*}}]}", NULL },
    { "query-displays", cmd_query_displays, NULL,
      "[{device:str,active:bool,width:int,height:int}]" },
    { "query-mice", cmd_query_mice, NULL, "[{name:str,index:int,current:bool,absolute:bool}]" },
    { "screendump", cmd_screendump, "{filename:str,device?:str,head?:int,format?:<ppm|png>}",
      NULL },
    { "send-key", cmd_send_key, "{keys:[" KEY "],hold-time?:int}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_display = { .commands = commands };
