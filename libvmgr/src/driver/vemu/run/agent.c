/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agents of guests: where their channels are, and one caller at a time on each.
 *
 * The channel is a socket that the emulator listens on, in the run's directory unless the
 * definition says where. A session (agent/agent.h) has it alone: callers of all programs take a
 * lock. The domain's own lock is not held meanwhile, so a guest that does not answer keeps nobody
 * else waiting. Lock and timeout are beside the run's directory, in which a guest may make files.
 */
#include "../../agent.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../../agent/agent.h"
#include "../../../conf/device.h"
#include "../state/cache.h"
#include "../state/lock.h"
#include "../state/paths.h"
#include "agent.h"
#include "channel.h"
#include "qmp.h"

#define AGENT_NAME    "org.qemu.guest_agent.0"
#define AGENT_WAIT_MS 30000 /* for others who are at it */

/* One caller's session. */
struct session {
    struct vmgr__agent *agent;
    int lock;
    int timeout_s;
    char *run_path, *socket; /* absolute, or in run_path */
    GArray *disks;           /* struct vmgr__agent_disk */
};

static void disk_clear(void *data)
{
    struct vmgr__agent_disk *d = data;

    g_free(d->serial);
    g_free(d->target);
}

/* One number of a PCI address; 0 when it says none. */
static unsigned address_part(const struct vmgr__device *dev, const char *attr)
{
    g_autofree char *text = vmgr__device_get(dev, "address", attr);

    return text ? (unsigned)g_ascii_strtoull(text, NULL, 0) : 0;
}

static GArray *list_disks(const struct vmgr__domain_def *def)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct vmgr__agent_disk));

    g_array_set_clear_func(list, disk_clear);
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        struct vmgr__agent_disk disk = { .has_pci = false };
        g_autofree char *type = NULL;
        const xmlNode *serial;
        xmlDoc *doc;

        if (strcmp(dev->name, "disk") != 0 || !dev->target)
            continue;
        type = vmgr__device_get(dev, "address", "type");
        disk.has_pci = g_strcmp0(type, "pci") == 0;
        disk.pci[0] = address_part(dev, "domain");
        disk.pci[1] = address_part(dev, "bus");
        disk.pci[2] = address_part(dev, "slot");
        disk.pci[3] = address_part(dev, "function");
        doc = vmgr__device_doc(dev);
        serial = vmgr__xml_child(xmlDocGetRootElement(doc), "serial");
        disk.serial = serial ? vmgr__xml_text(serial) : NULL;
        xmlFreeDoc(doc);
        disk.target = g_strdup(dev->target);
        g_array_append_val(list, disk);
    }
    return list;
}

struct vmgr__device *vmgr__vemu_agent_channel(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *name = NULL, *type = NULL;

        if (strcmp(dev->name, "channel") != 0)
            continue;
        name = vmgr__device_get(dev, "target", "name");
        type = vmgr__device_get(dev, NULL, "type");
        if (g_strcmp0(name, AGENT_NAME) == 0 && g_strcmp0(type, "unix") == 0)
            return dev;
    }
    return NULL;
}

bool vmgr__vemu_agent_is_there(struct vmgr_domain *dom)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__device *dev;
    struct vmgr__domobj *obj;
    g_autofree char *state = NULL;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, NULL);
    dev = obj && obj->live ? vmgr__vemu_agent_channel(obj->live) : NULL;
    state = dev ? vmgr__device_get(dev, "target", "state") : NULL;
    g_mutex_unlock(&d->lock);
    return g_strcmp0(state, "connected") == 0;
}

/* What the definition of the run says. d->lock is held. */
static int find_channel(const struct vmgr__domobj *obj, struct session *s, struct vmgr_error **err)
{
    const struct vmgr__device *dev = vmgr__vemu_agent_channel(obj->live);
    g_autofree char *mode = NULL, *state = NULL;

    /* First: a guest that goes to sleep may disconnect its agent, or not. */
    if (obj->state == VMGR_DOMAIN_PAUSED || obj->state == VMGR_DOMAIN_PMSUSPENDED)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is not running");
    if (!dev)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured");
    mode = vmgr__device_get(dev, "source", "mode");
    state = vmgr__device_get(dev, "target", "state");
    if (g_strcmp0(mode, "connect") == 0)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "the channel of the guest agent connects to somebody else (mode "
                          "'connect')");
    if (g_strcmp0(state, "disconnected") == 0)
        return vemu_error(err, VMGR_ERR_AGENT_UNRESPONSIVE, "QEMU guest agent is not connected");
    s->socket = vmgr__vemu_channel_socket(dev);
    s->disks = list_disks(obj->live);
    return 0;
}

static int read_timeout(const struct session *s)
{
    g_autofree char *path = g_strconcat(s->run_path, VEMU_AGENT_TIMEOUT, NULL);
    g_autofree char *text = NULL;

    if (vmgr__file_read(path, &text, NULL) <= 0)
        return VMGR_AGENT_TIMEOUT_BLOCK;
    return (int)g_ascii_strtoll(text, NULL, 10);
}

static void session_end(struct session *s)
{
    vmgr__agent_free(s->agent);
    vmgr__vemu_unlock(s->lock);
    g_free(s->run_path);
    g_free(s->socket);
    g_clear_pointer(&s->disks, g_array_unref);
}

/* Finds the channel; no lock, no connection yet. */
static int look(struct vmgr_domain *dom, struct session *s, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    struct vmgr__domobj *obj;
    int r = -1;

    *s = (struct session){ .lock = -1 };
    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj && vmgr__domobj_need_active(obj, err) == 0) {
        s->run_path = vmgr__vemu_run_path(d, vmgr__domobj_name(obj), NULL);
        r = find_channel(obj, s, err);
    }
    g_mutex_unlock(&d->lock);
    if (r == 0)
        s->timeout_s = read_timeout(s);
    return r;
}

/* A session; 0, or -1 and *err; for session_end() in either case. */
static int session_begin(struct vmgr_domain *dom, struct session *s, struct vmgr_error **err)
{
    g_autofree char *lock_path = NULL;
    int fd;

    if (look(dom, s, err) < 0)
        return -1;
    lock_path = g_strconcat(s->run_path, VEMU_AGENT_LOCK, NULL);
    s->lock = vmgr__file_lock(lock_path, AGENT_WAIT_MS, err);
    fd = s->lock < 0 ? -1
                     : vmgr__vemu_channel_connect(s->run_path, s->socket,
                                                  VMGR_ERR_AGENT_UNRESPONSIVE,
                                                  "QEMU guest agent is not connected", err);
    s->agent = fd < 0 ? NULL : vmgr__agent_new(fd, s->timeout_s, err);
    return s->agent ? 0 : -1;
}

/* Runs one operation in a session of its own, as the result. */
#define IN_SESSION(operation)                                                                      \
    do {                                                                                           \
        struct session s;                                                                          \
        int r = session_begin(dom, &s, err);                                                       \
                                                                                                   \
        if (r == 0)                                                                                \
            r = (operation);                                                                       \
        session_end(&s);                                                                           \
        return r;                                                                                  \
    } while (0)

static int run_command(struct vmgr_domain *dom, const char *command, int timeout_s, char **ret,
                       struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_text(s.agent, command, timeout_s, ret, err));
}

static int set_timeout(struct vmgr_domain *dom, int timeout_s, struct vmgr_error **err)
{
    g_autofree char *text = g_strdup_printf("%d\n", timeout_s);
    struct session s;
    int r = look(dom, &s, err);

    if (r == 0) {
        g_autofree char *path = g_strconcat(s.run_path, VEMU_AGENT_TIMEOUT, NULL);

        r = vmgr__file_replace(path, text, false, err);
    }
    session_end(&s);
    return r;
}

static int freeze(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                  struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_freeze(s.agent, mountpoints, count, err));
}

static int thaw(struct vmgr_domain *dom, const char *const *mountpoints G_GNUC_UNUSED,
                uint32_t count, struct vmgr_error **err)
{
    if (count)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "specifying mountpoints is not supported");
    IN_SESSION(vmgr__agent_thaw(s.agent, err));
}

static int trim(struct vmgr_domain *dom, const char *mountpoint, uint64_t minimum,
                struct vmgr_error **err)
{
    if (mountpoint)
        return vemu_error(err, VMGR_ERR_ARGUMENT_UNSUPPORTED,
                          "Specifying mount point is not supported for now");
    if (minimum > INT64_MAX)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "minimum is too large");
    IN_SESSION(vmgr__agent_trim(s.agent, minimum, err));
}

static int get_fs_info(struct vmgr_domain *dom, GPtrArray *ret, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_get_fs_info(s.agent, s.disks, ret, err));
}

static int get_time(struct vmgr_domain *dom, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                    struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_get_time(s.agent, ret_seconds, ret_nanoseconds, err));
}

static int set_time(struct vmgr_domain *dom, int64_t seconds, uint32_t nanoseconds, uint32_t flags,
                    struct vmgr_error **err)
{
    IN_SESSION(
        vmgr__agent_set_time(s.agent, seconds, nanoseconds, flags & VMGR_DOMAIN_TIME_SYNC, err));
}

static int get_hostname(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err)
{
    if (flags & VMGR_DOMAIN_HOSTNAME_LEASE)
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "host names from leases are not supported, only those the agent tells");
    IN_SESSION(vmgr__agent_get_hostname(s.agent, ret, err));
}

static int get_info(struct vmgr_domain *dom, uint32_t types, GArray *ret, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_get_info(s.agent, s.disks, types, ret, err));
}

static int get_vcpus(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_get_vcpus(s.agent, ret, err));
}

static int set_vcpus(struct vmgr_domain *dom, const char *cpus, bool on, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_set_vcpus(s.agent, cpus, on, err));
}

static int set_password(struct vmgr_domain *dom, const char *user, const char *password,
                        uint32_t flags, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_set_password(s.agent, user, password,
                                        flags & VMGR_DOMAIN_PASSWORD_ENCRYPTED, err));
}

static int get_keys(struct vmgr_domain *dom, const char *user, GPtrArray *ret,
                    struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_get_keys(s.agent, user, ret, err));
}

static int set_keys(struct vmgr_domain *dom, const char *user, const char *const *keys,
                    uint32_t count, uint32_t flags, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_set_keys(s.agent, user, keys, count, flags, err));
}

const struct vmgr__agent_ops vmgr__vemu_agent = {
    .command = run_command,
    .set_timeout = set_timeout,
    .freeze = freeze,
    .thaw = thaw,
    .trim = trim,
    .get_fs_info = get_fs_info,
    .get_time = get_time,
    .set_time = set_time,
    .get_hostname = get_hostname,
    .get_info = get_info,
    .get_vcpus = get_vcpus,
    .set_vcpus = set_vcpus,
    .set_password = set_password,
    .get_keys = get_keys,
    .set_keys = set_keys,
};

int vmgr__vemu_agent_shutdown(struct vmgr_domain *dom, const char *mode, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_shutdown(s.agent, mode, err));
}

int vmgr__vemu_agent_suspend(struct vmgr_domain *dom, const char *command,
                             bool (*asleep)(void *data), void *data, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_call_until(s.agent, command, asleep, data, err));
}

int vmgr__vemu_agent_count_vcpus(struct vmgr_domain *dom, bool maximum, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_count_vcpus(s.agent, maximum, err));
}

int vmgr__vemu_agent_resize_vcpus(struct vmgr_domain *dom, uint32_t count, struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_resize_vcpus(s.agent, count, err));
}

int vmgr__vemu_agent_interfaces(struct vmgr_domain *dom, vmgr__agent_interface_fn fn, void *data,
                                struct vmgr_error **err)
{
    IN_SESSION(vmgr__agent_interfaces(s.agent, fn, data, err));
}
