/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object "throttle-group": limits that several nodes share.
 */
#include <errno.h>

#include "block/backend.h"
#include "block/throttle-object.h"
#include "core/error.h"
#include "core/property.h"
#include "core/vm.h"
#include "image/throttle.h"

struct throttle_object {
    struct vemu_object object;
    struct vemu_throttle_limits limits;
    struct vemu_throttle_group *group;
};

static int complete(struct vemu_object *object, struct vemu_error **err)
{
    struct throttle_object *throttle = (struct throttle_object *)object;

    return vemu__throttle_group_new(&throttle->limits, &throttle->group, err);
}

static const char *user(const struct vemu_object *object)
{
    const GPtrArray *blocks = object->vm->blocks;

    for (guint i = 0; i < blocks->len; i++) {
        const struct vemu_block *block = blocks->pdata[i];

        if (block->throttle_group && !g_strcmp0(block->throttle_group, object->id))
            return block->id;
    }
    return NULL;
}

static void fini(struct vemu_object *object)
{
    vemu__throttle_group_unref(((struct throttle_object *)object)->group);
}

static const struct vemu_prop props[] = {
    THROTTLE_PROPS(struct throttle_object, "limits."),
    VEMU_PROP_END,
};

const struct vemu_object_class vemu__throttle_object = {
    .base = {
        .name = "throttle-group",
        .summary = "limits of bytes and requests in a second that drives share",
        .instance_size = sizeof(struct throttle_object),
        .props = props,
    },
    .complete = complete,
    .user = user,
    .fini = fini,
};

int vemu__block_join_group(const struct vemu_block *block, struct vemu_error **err)
{
    struct vemu_object *object = vemu__vm_find_object(block->vm, block->throttle_group);

    if (!object || object->class_ != &vemu__throttle_object)
        return vemu__error_set(err, ENOENT, "'%s' is no object of class throttle-group",
                               block->throttle_group);
    return vemu__throttle_join(block->image, ((struct throttle_object *)object)->group, err);
}
