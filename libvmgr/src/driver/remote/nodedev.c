/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Node devices behind a server.
 */
#include "../nodedev.h"

#include <string.h>

#include "remote.h"

#define CAPS_MAX 64 /* of one device; fewer kinds exist */

/* Arguments of every procedure that takes a name, or a name and a number. */
struct name_args {
    char *name;
    uint32_t number;
};

static struct vmgr__remote *remote_of(struct vmgr_nodedev *dev)
{
    return vmgr_nodedev_get_conn(dev)->driver_data;
}

static struct name_args args_of(struct vmgr_nodedev *dev)
{
    return (struct name_args){ (char *)vmgr_nodedev_get_name(dev), 0 };
}

static int lookup(struct vmgr_conn *conn, const char *name, struct vmgr_nodedev **ret,
                  struct vmgr_error **err)
{
    const struct name_args args = { (char *)name, 0 };
    char *found = NULL;

    if (vmgr__remote_text(conn->driver_data, WIRE_NODE_DEVICE_LOOKUP_BY_NAME, &args, &found, err) <
        0)
        return -1;
    *ret = vmgr__nodedev_new(conn, found);
    g_free(found);
    return 0;
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_node_devices_args args = { .need_results = 1,
                                                                  .flags = flags };
    struct wire_connect_list_all_node_devices_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_NODE_DEVICES,
                                         &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.devices.n; i++)
        g_ptr_array_add(ret, vmgr__nodedev_new(conn, out.devices.v[i].name));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_xml(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_text(remote_of(dev), WIRE_NODE_DEVICE_GET_XML_DESC, &args, ret, err);
}

static int get_parent(struct vmgr_nodedev *dev, char **ret, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);
    struct wire_node_device_get_parent_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dev), WIRE_NODE_DEVICE_GET_PARENT, &args, &out, &reply, err);

    if (result == 0)
        *ret = g_strdup(out.parent_name);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int get_caps(struct vmgr_nodedev *dev, uint32_t *ret, struct vmgr_error **err)
{
    const struct wire_node_device_list_caps_args args = { (char *)vmgr_nodedev_get_name(dev),
                                                          CAPS_MAX };
    struct wire_node_device_list_caps_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(dev), WIRE_NODE_DEVICE_LIST_CAPS, &args, &out, &reply, err);

    *ret = 0;
    for (uint32_t i = 0; result == 0 && i < out.names.n; i++) {
        for (unsigned cap = 0; vmgr_nodedev_cap_name(cap); cap++) {
            if (strcmp(vmgr_nodedev_cap_name(cap), out.names.v[i]) == 0)
                *ret |= 1u << cap;
        }
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int ask(struct vmgr_nodedev *dev, int32_t procedure, bool *ret, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);
    const int answer = vmgr__remote_number(remote_of(dev), procedure, &args, err);

    *ret = answer > 0;
    return answer < 0 ? -1 : 0;
}

static int get_state(struct vmgr_nodedev *dev, struct vmgr__nodedev_state *ret,
                     struct vmgr_error **err)
{
    if (ask(dev, WIRE_NODE_DEVICE_IS_ACTIVE, &ret->active, err) < 0 ||
        ask(dev, WIRE_NODE_DEVICE_IS_PERSISTENT, &ret->persistent, err) < 0)
        return -1;
    return ask(dev, WIRE_NODE_DEVICE_GET_AUTOSTART, &ret->autostart, err);
}

static int detach(struct vmgr_nodedev *dev, const char *driver, struct vmgr_error **err)
{
    const struct wire_node_device_detach_flags_args with = { (char *)vmgr_nodedev_get_name(dev),
                                                             (char *)driver, 0 };
    const struct name_args args = args_of(dev);

    return driver ? vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_DETACH_FLAGS, &with, err)
                  : vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_DETTACH, &args, err);
}

static int reattach(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_RE_ATTACH, &args, err);
}

static int reset(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_RESET, &args, err);
}

/* For procedures that give a device: its name alone, as a string. */
static int get_device(struct vmgr_conn *conn, int32_t procedure, const void *args,
                      struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    g_autofree char *name = NULL;

    if (vmgr__remote_text(conn->driver_data, procedure, args, &name, err) < 0)
        return -1;
    if (ret)
        *ret = vmgr__nodedev_new(conn, name);
    return 0;
}

static int lookup_wwn(struct vmgr_conn *conn, const char *wwnn, const char *wwpn,
                      struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    const struct wire_node_device_lookup_scsi_host_by_wwn_args args = { (char *)wwnn, (char *)wwpn,
                                                                        0 };

    return get_device(conn, WIRE_NODE_DEVICE_LOOKUP_SCSI_HOST_BY_WWN, &args, ret, err);
}

static int create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    const struct wire_node_device_create_xml_args args = { (char *)xml, flags };

    return get_device(conn, WIRE_NODE_DEVICE_CREATE_XML, &args, ret, err);
}

static int define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                  struct vmgr_nodedev **ret, struct vmgr_error **err)
{
    const struct wire_node_device_define_xml_args args = { (char *)xml, flags };

    return get_device(conn, WIRE_NODE_DEVICE_DEFINE_XML, &args, ret, err);
}

static int destroy(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_DESTROY, &args, err);
}

static int undefine(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_UNDEFINE, &args, err);
}

static int start(struct vmgr_nodedev *dev, struct vmgr_error **err)
{
    const struct name_args args = args_of(dev);

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_CREATE, &args, err);
}

static int set_autostart(struct vmgr_nodedev *dev, bool on, struct vmgr_error **err)
{
    const struct wire_node_device_set_autostart_args args = { (char *)vmgr_nodedev_get_name(dev),
                                                              on };

    return vmgr__remote_do(remote_of(dev), WIRE_NODE_DEVICE_SET_AUTOSTART, &args, err);
}

static int watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    struct wire_connect_node_device_event_register_any_args args = { 0 };

    (void)epoll_fd;
    for (args.event_id = 0; args.event_id <= VMGR_NODEDEV_EVENT_UPDATE; args.event_id++) {
        if (vmgr__remote_ask_events(conn, VMGR__REMOTE_NODEDEV_LIFECYCLE + args.event_id,
                                    WIRE_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY, &args, err) < 0)
            return -1;
    }
    return 0;
}

const struct vmgr__nodedev_ops vmgr__remote_nodedev = {
    .lookup = lookup,
    .list = list,
    .get_xml = get_xml,
    .get_parent = get_parent,
    .get_caps = get_caps,
    .get_state = get_state,
    .detach = detach,
    .reattach = reattach,
    .reset = reset,
    .lookup_wwn = lookup_wwn,
    .create = create,
    .define = define,
    .destroy = destroy,
    .undefine = undefine,
    .start = start,
    .set_autostart = set_autostart,
    .watch = watch,
};
