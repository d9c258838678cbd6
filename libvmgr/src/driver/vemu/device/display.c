/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures of a guest's displays, and keys for it.
 *
 * The emulator writes a picture into its own directory, where it may make files, and it is read
 * from there once (made.h).
 */
#include "../../display.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../change.h"
#include "../run/made.h"
#include "../state/paths.h"
#include "parts.h"

#define PICTURE     "screenshot.png"
#define PICTURE_MAX (256u << 20)

/* ---- pictures ---- */

struct roll {
    int fd;
    uint64_t left;
};

static ssize_t give(void *data, void *buf, size_t size, bool stop_at_hole, struct vmgr_error **err)
{
    struct roll *roll = data;
    ssize_t n;

    (void)stop_at_hole;
    do
        n = read(roll->fd, buf, MIN(size, roll->left));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot read a picture");
    roll->left -= (uint64_t)n;
    return n;
}

static void roll_free(void *data)
{
    struct roll *roll = data;

    if (roll->fd >= 0)
        close(roll->fd);
    g_free(roll);
}

static const struct vmgr__stream_ops picture_ops = { .recv = give, .closed = roll_free };

/* The alias of a display by its number, for g_free(), or NULL and *err. */
static char *find_display(const struct vmgr__domain_def *def, uint32_t screen,
                          struct vmgr_error **err)
{
    uint32_t n = 0;

    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *type = NULL;

        if (strcmp(dev->name, "video") != 0)
            continue;
        type = vmgr__device_get(dev, "model", "type");
        if (g_strcmp0(type, "none") == 0)
            continue;
        if (n++ == screen)
            return vmgr__device_alias(dev);
    }
    if (!n)
        vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                   "the domain has no display: its definition "
                   "has no <video>");
    else
        vemu_error(err, VMGR_ERR_INVALID_ARG,
                   "currently is supported only taking screenshots of "
                   "screen ID 0 to %u",
                   n - 1);
    return NULL;
}

static int take_picture(struct vemu_change *c, uint32_t screen, uint64_t *ret_size,
                        struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_run_path(c->d, c->name, PICTURE);
    g_autofree char *alias = find_display(c->status.def, screen, err);
    struct json_object *args;
    int fd = -1;

    if (!alias)
        return -1;
    unlink(path);
    args = json_object_new_object();
    vmgr__vemu_set(args, "filename", PICTURE);
    vmgr__vemu_set(args, "device", alias);
    vmgr__vemu_set(args, "format", "png");
    if (vmgr__vemu_change_command(c, "screendump", args, err) == 0)
        fd = vmgr__vemu_made_open(c, PICTURE, PICTURE_MAX, ret_size, err);
    unlink(path);
    return fd;
}

static int screenshot(struct vmgr_domain *dom, uint32_t screen, char **ret_mime,
                      struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    struct vemu_change c;
    struct roll *roll;
    uint64_t size = 0;
    int fd;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    fd = take_picture(&c, screen, &size, err);
    if (vmgr__vemu_change_end(&c, fd) < 0)
        return -1;
    roll = g_new0(struct roll, 1);
    *roll = (struct roll){ fd, size };
    *ret_stream = vmgr__stream_new_sync(vmgr_domain_get_conn(dom), &picture_ops, roll, err);
    if (!*ret_stream)
        return -1;
    *ret_mime = strdup("image/png");
    return 0;
}

/* ---- keys ---- */

static int add_key(struct json_object *list, uint32_t codeset, uint32_t keycode,
                   struct vmgr_error **err)
{
    const int code = vmgr__keycode_to_linux(codeset, keycode);
    const int number = code >= 0 ? vmgr__keycode_to_qnum((uint32_t)code) : -1;
    struct json_object *key;

    if (code == -2)
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "keys of codeset '%s' are not supported by the vemu driver",
                          vmgr_keycode_set_name((int)codeset));
    if (number < 0)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "cannot translate keycode %u of %s codeset to qnum keycode", keycode,
                          vmgr_keycode_set_name((int)codeset));
    key = json_object_new_object();
    vmgr__vemu_set(key, "type", "number");
    vmgr__vemu_set_int(key, "data", number);
    json_object_array_add(list, key);
    return 0;
}

static int send_key(struct vmgr_domain *dom, uint32_t codeset, uint32_t holdtime_ms,
                    const uint32_t *keycodes, uint32_t count, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *list = json_object_new_array();
    int r = 0;

    json_object_object_add(args, "keys", list);
    if (holdtime_ms)
        vmgr__vemu_set_int(args, "hold-time", holdtime_ms);
    for (uint32_t i = 0; r == 0 && i < count; i++)
        r = add_key(list, codeset, keycodes[i], err);
    if (r == 0)
        return vmgr__vemu_change_by_command(dom, "send-key", args, err);
    json_object_put(args);
    return -1;
}

const struct vmgr__display_ops vmgr__vemu_display = {
    .screenshot = screenshot,
    .send_key = send_key,
};
