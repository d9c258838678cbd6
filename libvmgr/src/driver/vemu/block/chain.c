/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The images that a disk stands on, as the emulator has them: <source> and <backingStore>.
 */
#include <string.h>

#include "../run/files.h"
#include "../run/qmp.h"
#include "blockjob.h"

#define DEPTH_MAX 200 /* of what a monitor says; libvirt's limit for documents, too */

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *value = get(o, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

struct json_object *vmgr__vemu_of_alias(struct json_object *list, const char *alias)
{
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

    for (size_t i = 0; alias && i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *path = text_of(o, "qdev");
        const char *name = path ? strrchr(path, '/') : NULL;

        if (name && strcmp(name + 1, alias) == 0)
            return o;
    }
    return NULL;
}

int vmgr__vemu_drive_node(struct vemu_qmp *q, const char *alias, char **ret_node,
                          struct vmgr_error **err)
{
    struct json_object *list = NULL;

    if (vmgr__qmp_execute(q, "query-block", NULL, &list, err) < 0)
        return -1;
    *ret_node = g_strdup(text_of(get(vmgr__vemu_of_alias(list, alias), "inserted"), "node-name"));
    json_object_put(list);
    return 0;
}

char *vmgr__vemu_disk_node(struct vemu_qmp *q, const char *alias)
{
    char *node = NULL;

    vmgr__vemu_drive_node(q, alias, &node, NULL);
    return node;
}

/* ---- into the text ---- */

static const char *type_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISBLK(st.st_mode) ? "block" : "file";
}

/* <source>'s attribute, by type. */
static void set_source(xmlNode *owner, xmlNode *source, const char *path)
{
    const char *type = type_of(path);
    const bool block = strcmp(type, "block") == 0;

    xmlUnsetProp(source, BAD_CAST "fdgroup"); /* which was that of another image */
    xmlSetProp(owner, BAD_CAST "type", BAD_CAST type);
    xmlUnsetProp(source, BAD_CAST(block ? "file" : "dev"));
    xmlSetProp(source, BAD_CAST(block ? "dev" : "file"), BAD_CAST path);
}

static void set_index(xmlNode *node, unsigned n)
{
    char text[16];

    g_snprintf(text, sizeof(text), "%u", n);
    xmlSetProp(node, BAD_CAST "index", BAD_CAST text);
}

/* What is below an image; an element without content says that there is nothing. */
static xmlNode *make_stores(xmlDoc *doc, struct json_object *image, unsigned index)
{
    xmlNode *store = xmlNewDocNode(doc, NULL, BAD_CAST "backingStore", NULL), *node;
    struct json_object *below = get(image, "backing-image");
    const char *path = text_of(below, "filename"), *format = text_of(below, "format");

    if (!path || !format || index > DEPTH_MAX)
        return store;
    node = xmlNewChild(store, NULL, BAD_CAST "format", NULL);
    xmlSetProp(node, BAD_CAST "type", BAD_CAST format);
    node = xmlNewChild(store, NULL, BAD_CAST "source", NULL);
    set_source(store, node, path);
    set_index(store, index);
    xmlAddChild(store, make_stores(doc, below, index + 1));
    return store;
}

static char *source_of(const xmlNode *owner)
{
    const xmlNode *source = vmgr__xml_child(owner, "source");
    char *path = source ? vmgr__xml_attr(source, "file") : NULL;

    return path || !source ? path : vmgr__xml_attr(source, "dev");
}

/* What the document said about the image below, if it did, must be so. */
static int check_store(const struct vmgr__device *dev, const xmlNode *said,
                       struct json_object *image, struct vmgr_error **err)
{
    g_autofree char *path = said ? source_of(said) : NULL;
    const char *is = text_of(get(image, "backing-image"), "filename");

    if (!path || g_strcmp0(path, is) == 0)
        return 0;
    return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                      "<backingStore> of disk '%s' names '%s', its image stands on '%s'",
                      dev->target, path, is ? is : "nothing");
}

int vmgr__vemu_chain_update(struct vmgr__device *dev, struct json_object *blocks, bool check,
                            struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    struct json_object *image = get(get(vmgr__vemu_of_alias(blocks, alias), "inserted"), "image");
    const char *path = text_of(image, "filename"), *format = text_of(image, "format");
    const bool by_fd = vmgr__vemu_files_is_set(path);
    xmlDoc *doc;
    xmlNode *root, *source, *store, *driver;

    if (by_fd)
        path = dev->source;
    if (!path || !format || !g_path_is_absolute(path))
        return 0;
    doc = vmgr__device_doc(dev);
    root = xmlDocGetRootElement(doc);
    source = vmgr__device_child(root, "source");
    store = vmgr__xml_child(root, "backingStore");
    if (check && check_store(dev, store, image, err) < 0) {
        xmlFreeDoc(doc);
        return -1;
    }
    if (g_strcmp0(dev->source, path) != 0) {
        set_source(root, source, path);
        g_free(dev->source);
        dev->source = g_strdup(path);
    }
    set_index(source, 1);
    driver = vmgr__device_child(root, "driver");
    xmlSetProp(driver, BAD_CAST "type", BAD_CAST format);
    if (store) {
        xmlUnlinkNode(store);
        xmlFreeNode(store);
    }
    xmlAddNextSibling(source, make_stores(doc, image, 2));
    vmgr__device_set_doc(dev, doc);
    return 0;
}

/* Raw images stand on nothing. */
static bool may_stand_on_others(const struct vmgr__device *dev)
{
    g_autofree char *format = NULL;

    if (strcmp(dev->name, "disk") != 0 || !dev->source || !*dev->source)
        return false;
    format = vmgr__device_get(dev, "driver", "type");
    return format && strcmp(format, "raw") != 0;
}

int vmgr__vemu_chain_learn(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                           struct vmgr_error **err)
{
    struct json_object *blocks = NULL;
    int r = 0;

    for (guint i = 0; r == 0 && i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (!may_stand_on_others(dev))
            continue;
        if (!blocks && vmgr__qmp_execute(q, "query-block", NULL, &blocks, NULL) < 0)
            break; /* the guest runs without this knowledge; jobs will name the cause */
        r = vmgr__vemu_chain_update(dev, blocks, true, err);
    }
    json_object_put(blocks);
    return r;
}

int vmgr__vemu_chain_learn_one(struct vemu_qmp *q, struct vmgr__device *dev,
                               struct vmgr_error **err)
{
    struct json_object *blocks = NULL;
    int r;

    if (!may_stand_on_others(dev))
        return 0;
    r = vmgr__qmp_execute(q, "query-block", NULL, &blocks, NULL) < 0
            ? 0
            : vmgr__vemu_chain_update(dev, blocks, true, err);
    json_object_put(blocks);
    return r;
}

/* ---- out of it ---- */

GPtrArray *vmgr__vemu_chain_paths(const struct vmgr__device *dev)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *at = vmgr__xml_child(xmlDocGetRootElement(doc), "backingStore");

    g_ptr_array_add(paths, g_strdup(dev->source ? dev->source : ""));
    for (; at && paths->len < DEPTH_MAX; at = vmgr__xml_child(at, "backingStore")) {
        char *path = source_of(at);

        if (!path)
            break;
        g_ptr_array_add(paths, path);
    }
    xmlFreeDoc(doc);
    return paths;
}

char *vmgr__vemu_chain_resolve(const struct vmgr__device *dev, const char *name,
                               struct vmgr_error **err)
{
    g_autoptr(GPtrArray) paths = vmgr__vemu_chain_paths(dev);
    const size_t length = strlen(dev->target);
    g_autofree char *inside = NULL;
    uint32_t n;

    if (strncmp(name, dev->target, length) == 0 && name[length] == '[' &&
        g_str_has_suffix(name, "]")) {
        inside = g_strndup(name + length + 1, strlen(name) - length - 2);
        if (vmgr__parse_u32(inside, &n) && n >= 1 && n <= paths->len)
            return g_strdup(paths->pdata[n - 1]);
    }
    for (guint i = 0; i < paths->len; i++) {
        if (strcmp(paths->pdata[i], name) == 0)
            return g_strdup(name);
    }
    vemu_error(err, VMGR_ERR_INVALID_ARG, "could not find image '%s' in chain for '%s'", name,
               (char *)paths->pdata[0]);
    return NULL;
}

/* The stored disk names another image. */
static void move(struct vmgr__device *stored, xmlNode *root, const struct vmgr__device *dev)
{
    g_autofree char *format = vmgr__device_get(dev, "driver", "type");
    xmlNode *source = vmgr__device_child(root, "source");

    xmlUnsetProp(source, BAD_CAST "pool");
    xmlUnsetProp(source, BAD_CAST "volume");
    set_source(root, source, dev->source);
    if (format)
        xmlSetProp(vmgr__device_child(root, "driver"), BAD_CAST "type", BAD_CAST format);
    g_free(stored->source);
    stored->source = g_strdup(dev->source);
}

bool vmgr__vemu_chain_store(struct vmgr__domain_def *config, const struct vmgr__device *dev,
                            const char *old_source)
{
    struct vmgr__device *stored = vmgr__disk_find(config, dev->target);
    g_autofree char *type = stored ? vmgr__device_get(stored, NULL, "type") : NULL;
    const bool moved = g_strcmp0(old_source, dev->source) != 0;
    xmlDoc *doc;
    xmlNode *root, *store;

    if (!stored || g_strcmp0(stored->target, dev->target) != 0 ||
        (g_strcmp0(type, "volume") != 0 && g_strcmp0(stored->source, old_source) != 0))
        return false;
    doc = vmgr__device_doc(stored);
    root = xmlDocGetRootElement(doc);
    store = vmgr__xml_child(root, "backingStore");
    if (!moved && !store) {
        xmlFreeDoc(doc);
        return false;
    }
    if (moved)
        move(stored, root, dev);
    if (store) { /* it told what was below before */
        xmlUnlinkNode(store);
        xmlFreeNode(store);
    }
    vmgr__device_set_doc(stored, doc);
    return true;
}
