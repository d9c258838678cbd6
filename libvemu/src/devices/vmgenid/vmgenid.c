/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VM generation ID (Microsoft's "Virtual Machine Generation ID"): 128 bits that the guest reads,
 * and that differ whenever a machine goes on from a state that it has been in before: then random
 * numbers, leases and the like must not come again.
 *
 * The specification leaves it to us where the bits are: RAM that nobody uses, or registers. They
 * are registers, at a fixed address that the method ADDR of ACPI device VGEN tells; so firmware has
 * nothing to allocate, and a restored guest's memory cannot bring back old ones. When they change,
 * the board raises a general-purpose event, and _E05 notifies VGEN.
 */
#include "devices/vmgenid/vmgenid.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>

#include "core/vm.h"
#include "devices/devices.h"

#define GUID_SIZE 16u
#define REGION    4096u /* the page is nobody else's */

struct vmgenid {
    struct vemu_device dev;
    char *text; /* property */
    uint8_t guid[GUID_SIZE];
};

/* As the guest has them: the first three numbers of the text are little endian. */
static const uint8_t order[GUID_SIZE] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static int parse(const char *text, uint8_t guid[GUID_SIZE], struct vemu_error **err)
{
    uint8_t bytes[GUID_SIZE];
    unsigned count = 0;

    if (!strcmp(text, "auto")) {
        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
            return vemu__error_set(err, EIO, "no random numbers for a GUID");
        bytes[6] = (bytes[6] & 0x0f) | 0x40; /* RFC 4122, 4.4 */
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        count = GUID_SIZE;
    } else if (strlen(text) == 36) {
        for (const char *p = text; *p; p++) {
            const bool dash = p == text + 8 || p == text + 13 || p == text + 18 || p == text + 23;

            if (dash && *p == '-')
                continue;
            if (dash || !g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]))
                break;
            bytes[count++] =
                (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
            p++;
        }
    }
    if (count != GUID_SIZE)
        return vemu__error_set(err, EINVAL, "property 'guid': '%s' is not a UUID or 'auto'", text);
    for (unsigned n = 0; n < GUID_SIZE; n++)
        guid[n] = bytes[order[n]];
    return 0;
}

static uint64_t vmgenid_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (offset + size <= GUID_SIZE)
        memcpy(&value, ((struct vmgenid *)dev)->guid + offset, size);
    return GUINT64_FROM_LE(value);
}

static void vmgenid_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
}

static const struct vemu_region_ops vmgenid_region = {
    .read = vmgenid_read,
    .write = vmgenid_write,
    .min_size = 1,
    .max_size = 8,
};

struct vemu_device *vemu__vmgenid_find(const struct vemu_vm *vm)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        struct vemu_device *dev = vm->devices->pdata[i];

        if (dev->class_ == &vemu__device_vmgenid && dev->realized)
            return dev;
    }
    return NULL;
}

char *vemu__vmgenid_get(struct vemu_device *dev)
{
    uint8_t b[GUID_SIZE];

    pthread_mutex_lock(&dev->lock);
    for (unsigned n = 0; n < GUID_SIZE; n++)
        b[order[n]] = ((struct vmgenid *)dev)->guid[n];
    pthread_mutex_unlock(&dev->lock);
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                           b[12], b[13], b[14], b[15]);
}

static void tell(struct vemu_device *dev)
{
    vemu_irq_pulse(dev->vm->machine->genid_line);
}

int vemu__vmgenid_set(struct vemu_device *dev, const char *text, struct vemu_error **err)
{
    uint8_t guid[GUID_SIZE];
    int r = parse(text, guid, err);

    if (r < 0)
        return r;
    pthread_mutex_lock(&dev->lock);
    memcpy(((struct vmgenid *)dev)->guid, guid, sizeof(guid));
    pthread_mutex_unlock(&dev->lock);
    tell(dev);
    return 0;
}

static int vmgenid_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct vmgenid *s = (struct vmgenid *)dev;
    int r;

    if (!dev->vm->machine->genid_line)
        return vemu__error_set(err, ENOTSUP, "machine '%s' has no ACPI event for a generation ID",
                               dev->vm->machine->class_->name);
    if (vemu__vmgenid_find(dev->vm))
        return vemu__error_set(err, EEXIST, "at most one vmgenid device is permitted");
    if (!s->text)
        return vemu__error_set(err, EINVAL, "property 'guid' is missing");
    r = parse(s->text, s->guid, err);
    return r < 0 ? r
                 : vemu_device_map(dev, VEMU_SPACE_MEMORY, VEMU_VMGENID_ADDRESS, REGION,
                                   &vmgenid_region, "vmgenid", err);
}

/* The guest goes on from an earlier state, and this machine has a GUID of its own. */
static void vmgenid_restored(struct vemu_device *dev)
{
    tell(dev);
}

static const struct vemu_prop vmgenid_props[] = {
    VEMU_PROP(struct vmgenid, text, "guid", STRING, NULL, "a UUID, or auto: a random one"),
    VEMU_PROP_END,
};

static const struct vemu_state_field vmgenid_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops vmgenid_ops = {
    .realize = vmgenid_realize,
    .restored = vmgenid_restored,
};

const struct vemu_device_class vemu__device_vmgenid = {
    .name = "vmgenid",
    .summary = "ACPI VM generation ID",
    .state_version = 1,
    .instance_size = sizeof(struct vmgenid),
    .props = vmgenid_props,
    .state = vmgenid_state,
    .ops = &vmgenid_ops,
};
