/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <source> of a pool: hosts, devices, names. Each type writes the parts it has.
 */
#include <string.h>

#include "pool.h"

static void host_free(void *data)
{
    struct vmgr__pool_host *h = data;

    g_free(h->name);
    g_free(h);
}

static void device_free(void *data)
{
    struct vmgr__pool_device *d = data;

    g_free(d->path);
    g_free(d->part_separator);
    g_free(d);
}

static int parse_host(const xmlNode *node, GPtrArray *hosts, struct vmgr_error **err)
{
    struct vmgr__pool_host *h = g_new0(struct vmgr__pool_host, 1);
    g_autofree char *port = vmgr__xml_attr(node, "port");
    uint32_t number = 0;

    g_ptr_array_add(hosts, h);
    h->name = vmgr__xml_attr(node, "name");
    if (!h->name)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool host name");
    if (port && (!vmgr__parse_u32(port, &number) || number > 65535))
        return storage_error(err, VMGR_ERR_XML_ERROR,
                             "Invalid value for attribute 'port' in element 'host': '%s'. "
                             "Expected integer value",
                             port);
    h->port = (int)number;
    return 0;
}

static int parse_device(const xmlNode *node, GPtrArray *devices, struct vmgr_error **err)
{
    static const char *const choices[] = { "yes", "no", NULL };
    struct vmgr__pool_device *d = g_new0(struct vmgr__pool_device, 1);
    int index, r;

    g_ptr_array_add(devices, d);
    d->path = vmgr__xml_attr(node, "path");
    if (!d->path)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source device path");
    r = vmgr__xml_enum(node, "part_separator", choices, &index, err);
    if (r > 0)
        d->part_separator = g_strdup(choices[index]);
    return r < 0 ? -1 : 0;
}

/* Attribute of a child (of a child), NULL when absent or empty. */
static char *child_attr(const xmlNode *node, const char *child, const char *attr)
{
    char *value = vmgr__xml_attr(vmgr__xml_child(node, child), attr);

    if (value && !*value)
        g_clear_pointer(&value, g_free);
    return value;
}

static char *keep(const xmlNode *node, const char *child)
{
    xmlNode *found = vmgr__xml_child(node, child);

    return found ? vmgr__xml_keep(found, 2) : NULL;
}

/* The version goes among mount's options, where a comma would begin another one. As with libvirt,
 * anything else is left to mount. */
static int check_protocol(const struct vmgr__pool_source *source,
                          const struct vmgr__pool_kind *kind, struct vmgr_error **err)
{
    const char *format = kind->formats ? kind->formats[source->format] : "auto";

    if (!source->protocol_ver)
        return 0;
    if (strcmp(format, "auto") != 0 && strcmp(format, "nfs") != 0)
        return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "storage pool protocol ver unsupported for pool type '%s'", format);
    if (strchr(source->protocol_ver, ','))
        return storage_error(err, VMGR_ERR_XML_DETAIL,
                             "storage pool protocol ver '%s' must not contain ','",
                             source->protocol_ver);
    return 0;
}

int vmgr__pool_source_parse(const xmlNode *node, enum vmgr__pool_type type,
                            struct vmgr__pool_source *ret, struct vmgr_error **err)
{
    const struct vmgr__pool_kind *kind = &vmgr__pool_kinds[type];
    g_autofree char *format = child_attr(node, "format", "type");

    *ret = (struct vmgr__pool_source){ .format = kind->default_format };
    ret->hosts = g_ptr_array_new_with_free_func(host_free);
    ret->devices = g_ptr_array_new_with_free_func(device_free);
    ret->name = vmgr__xml_child_text(node, "name");
    if (type == VMGR__POOL_RBD && !ret->name)
        return storage_error(err, VMGR_ERR_XML_ERROR,
                             "missing mandatory 'name' field for RBD pool name");
    if (kind->formats && format) {
        ret->format = vmgr__name_index(kind->formats, format);
        if (ret->format < 0)
            return storage_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown pool format type %s",
                                 format);
    }
    for (const xmlNode *n = vmgr__xml_child(node, "host"); n; n = vmgr__xml_next(n, "host")) {
        if (parse_host(n, ret->hosts, err) < 0)
            return -1;
    }
    for (const xmlNode *n = vmgr__xml_child(node, "device"); n; n = vmgr__xml_next(n, "device")) {
        if (parse_device(n, ret->devices, err) < 0)
            return -1;
    }
    ret->initiator = child_attr(vmgr__xml_child(node, "initiator"), "iqn", "name");
    ret->dir = child_attr(node, "dir", "path");
    if (!ret->dir && type == VMGR__POOL_GLUSTER)
        ret->dir = g_strdup("/");
    ret->vendor = child_attr(node, "vendor", "name");
    ret->product = child_attr(node, "product", "name");
    ret->protocol_ver = child_attr(node, "protocol", "ver");
    if (check_protocol(ret, kind, err) < 0)
        return -1;
    ret->adapter = keep(node, "adapter");
    ret->auth = keep(node, "auth");
    return 0;
}

int vmgr__pool_source_parse_doc(const char *xml, enum vmgr__pool_type type,
                                struct vmgr__pool_source *ret, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(storage_source_specification)", "source", err);
    int r;

    *ret = (struct vmgr__pool_source){ 0 };
    if (!doc)
        return -1;
    r = vmgr__pool_source_parse(xmlDocGetRootElement(doc), type, ret, err);
    xmlFreeDoc(doc);
    return r;
}

void vmgr__pool_source_fini(struct vmgr__pool_source *source)
{
    g_clear_pointer(&source->hosts, g_ptr_array_unref);
    g_clear_pointer(&source->devices, g_ptr_array_unref);
    g_free(source->dir);
    g_free(source->name);
    g_free(source->initiator);
    g_free(source->vendor);
    g_free(source->product);
    g_free(source->protocol_ver);
    g_free(source->adapter);
    g_free(source->auth);
}

const struct vmgr__pool_host *vmgr__pool_source_host(const struct vmgr__pool_source *source)
{
    return source->hosts && source->hosts->len ? source->hosts->pdata[0] : NULL;
}

const char *vmgr__pool_source_device(const struct vmgr__pool_source *source)
{
    const struct vmgr__pool_device *d =
        source->devices && source->devices->len ? source->devices->pdata[0] : NULL;

    return d ? d->path : NULL;
}

/* <name attr='value'/>; value NULL: nothing. */
static void write_one(struct vmgr__xml_writer *w, const char *name, const char *attr,
                      const char *value)
{
    if (!value)
        return;
    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, attr, value);
    vmgr__xw_end(w, name);
}

static void write_hosts(const struct vmgr__pool_source *source, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < source->hosts->len; i++) {
        const struct vmgr__pool_host *h = source->hosts->pdata[i];

        vmgr__xw_begin(w, "host");
        vmgr__xw_attr(w, "name", h->name);
        if (h->port)
            vmgr__xw_attrf(w, "port", "%d", h->port);
        vmgr__xw_end(w, "host");
    }
}

static void write_devices(const struct vmgr__pool_source *source, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < source->devices->len; i++) {
        const struct vmgr__pool_device *d = source->devices->pdata[i];

        vmgr__xw_begin(w, "device");
        vmgr__xw_attr(w, "path", d->path);
        vmgr__xw_attr(w, "part_separator", d->part_separator);
        vmgr__xw_end(w, "device");
    }
}

void vmgr__pool_source_write(const struct vmgr__pool_source *source, enum vmgr__pool_type type,
                             struct vmgr__xml_writer *w)
{
    const struct vmgr__pool_kind *kind = &vmgr__pool_kinds[type];

    vmgr__xw_begin(w, "source");
    vmgr__xw_content(w);
    if (kind->source & VMGR__SOURCE_HOST)
        write_hosts(source, w);
    if (kind->source & VMGR__SOURCE_DEVICE)
        write_devices(source, w);
    if (kind->source & VMGR__SOURCE_DIR)
        write_one(w, "dir", "path", source->dir);
    if (kind->source & VMGR__SOURCE_ADAPTER)
        vmgr__xw_raw(w, source->adapter);
    if (kind->source & VMGR__SOURCE_NAME)
        vmgr__xw_text(w, "name", source->name);
    if (kind->source & VMGR__SOURCE_INITIATOR_IQN && source->initiator) {
        vmgr__xw_begin(w, "initiator");
        write_one(w, "iqn", "name", source->initiator);
        vmgr__xw_end(w, "initiator");
    }
    if (kind->formats)
        write_one(w, "format", "type", kind->formats[source->format]);
    vmgr__xw_raw(w, source->auth);
    write_one(w, "vendor", "name", source->vendor);
    write_one(w, "product", "name", source->product);
    write_one(w, "protocol", "ver", source->protocol_ver);
    vmgr__xw_end(w, "source");
}
