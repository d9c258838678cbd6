/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <disk>: what the guest is told about a drive, and sources behind a network.
 */
#include <string.h>

#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

#define NBD_PORT "10809" /* IANA */

/* ---- drives ---- */

static int put_number(struct json_object *o, const char *key, const xmlNode *node, const char *attr,
                      struct vmgr_error **err)
{
    g_autofree char *text = node ? vmgr__xml_attr(node, attr) : NULL;
    uint32_t n;

    if (!text)
        return 0;
    if (!vmgr__parse_u32(text, &n) || !n)
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element "
                          "'%s': '%s'",
                          attr, (const char *)node->name, text);
    vmgr__vemu_set_int(o, key, n);
    return 0;
}

static int put_blockio(struct json_object *o, const xmlNode *root, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "blockio");

    if (!node)
        return 0;
    if (vmgr__vemu_only(node, "", "logical_block_size physical_block_size", err) < 0 ||
        put_number(o, "logical_block_size", node, "logical_block_size", err) < 0)
        return -1;
    return put_number(o, "physical_block_size", node, "physical_block_size", err);
}

/* 64 bits in hexadecimal, with or without "0x". */
static int put_wwn(struct json_object *o, const xmlNode *root, struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, "wwn");
    g_autofree char *text = node ? vmgr__xml_text(node) : NULL;
    const char *digits = text && g_str_has_prefix(text, "0x") ? text + 2 : text;

    if (!node)
        return 0;
    if (strlen(digits) != 16 || strspn(digits, "0123456789abcdefABCDEF") != 16)
        return vemu_error(err, VMGR_ERR_XML_ERROR, "malformed wwn: %s", text);
    vmgr__vemu_setf(o, "wwn", "0x%s", digits);
    return 0;
}

static int put_name(struct json_object *o, const xmlNode *root, const char *name, size_t length,
                    struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(root, name);
    g_autofree char *text = node ? vmgr__xml_text(node) : NULL;

    if (!node)
        return 0;
    if (strlen(text) > length)
        return vemu_error(err, VMGR_ERR_XML_ERROR, "disk %s is more than %zu characters", name,
                          length);
    vmgr__vemu_set(o, name, text);
    return 0;
}

int vmgr__vemu_disk_traits(const xmlNode *root, const char *class_name, struct json_object *o,
                           struct vmgr_error **err)
{
    const xmlNode *driver = vmgr__xml_child(root, "driver");
    const bool is_virtio = g_str_has_prefix(class_name, "virtio-");
    const bool is_scsi = g_str_has_prefix(class_name, "scsi-");
    const bool is_cd = g_str_has_suffix(class_name, "-cd");

    if (is_virtio && vmgr__xml_child(root, "wwn"))
        return unsupported(err, "Only ide and scsi disk support wwn");
    if (!is_scsi && (vmgr__xml_child(root, "vendor") || vmgr__xml_child(root, "product")))
        return unsupported(err, "Only scsi disk supports vendor and product");
    if (is_cd && vmgr__xml_child(root, "blockio"))
        return unsupported(err, "<blockio> of a CD-ROM is not supported by the vemu driver");
    if (!is_virtio && driver &&
        (xmlHasProp((xmlNode *)driver, BAD_CAST "queues") ||
         xmlHasProp((xmlNode *)driver, BAD_CAST "queue_size")))
        return unsupported(err, "queues attribute in disk driver is only supported by virtio-blk");
    if (put_blockio(o, root, err) < 0 || put_wwn(o, root, err) < 0 ||
        put_name(o, root, "vendor", 8, err) < 0 || put_name(o, root, "product", 16, err) < 0 ||
        put_number(o, "num-queues", driver, "queues", err) < 0)
        return -1;
    return put_number(o, "queue-size", driver, "queue_size", err);
}

/* ---- NBD ---- */

static int put_tcp(struct json_object *server, const xmlNode *host, struct vmgr_error **err)
{
    g_autofree char *name = vmgr__xml_attr(host, "name");
    g_autofree char *port = vmgr__xml_attr(host, "port");
    uint32_t n;

    if (!name)
        return vemu_error(err, VMGR_ERR_XML_ERROR, "missing name for host");
    if (port && (!vmgr__parse_u32(port, &n) || !n || n > 65535))
        return vemu_error(err, VMGR_ERR_XML_ERROR, "failed to parse port number '%s'", port);
    vmgr__vemu_set(server, "type", "inet");
    vmgr__vemu_set(server, "host", name);
    vmgr__vemu_set(server, "port", port ? port : NBD_PORT);
    return 0;
}

static int put_unix(struct json_object *server, const xmlNode *host, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__xml_attr(host, "socket");

    if (!path)
        return vemu_error(err, VMGR_ERR_XML_ERROR, "missing socket for unix transport");
    vmgr__vemu_set(server, "type", "unix");
    vmgr__vemu_set(server, "path", path);
    return 0;
}

int vmgr__vemu_disk_network(const xmlNode *source, struct json_object *file,
                            struct vmgr_error **err)
{
    g_autofree char *protocol = vmgr__xml_attr(source, "protocol");
    g_autofree char *name = vmgr__xml_attr(source, "name");
    const xmlNode *host = vmgr__xml_child(source, "host");
    g_autofree char *transport = host ? vmgr__xml_attr(host, "transport") : NULL;
    struct json_object *server;

    if (g_strcmp0(protocol, "nbd") != 0)
        return unsupported(err, "disk protocol '%s' is not supported by the vemu driver",
                           protocol ? protocol : "");
    if (vmgr__vemu_only(source, "host", "protocol name index", err) < 0 ||
        (host && vmgr__vemu_only(host, "", "name port transport socket", err) < 0))
        return -1;
    if (!host || vmgr__xml_next(host, "host"))
        return vemu_error(err, VMGR_ERR_XML_ERROR, "protocol 'nbd' accepts only one host");
    if (transport && strcmp(transport, "tcp") != 0 && strcmp(transport, "unix") != 0)
        return unsupported(err, "transport '%s' is not supported for NBD", transport);
    server = json_object_new_object();
    vmgr__vemu_set(file, "driver", "nbd");
    json_object_object_add(file, "server", server);
    vmgr__vemu_set(file, "export", name);
    return g_strcmp0(transport, "unix") == 0 ? put_unix(server, host, err)
                                             : put_tcp(server, host, err);
}
