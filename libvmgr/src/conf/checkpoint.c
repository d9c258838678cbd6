/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <domaincheckpoint>: parsing, checking, formatting.
 */
#include "checkpoint.h"

#include <string.h>

#include "device.h"

#define DOMAIN_MAX_DISKS 4096

static const char *const types[] = { "default", "no", "bitmap", NULL };

static void disk_free(void *data)
{
    struct vmgr__checkpoint_disk *disk = data;

    g_free(disk->name);
    g_free(disk->bitmap);
    g_free(disk);
}

void vmgr__checkpoint_free(void *data)
{
    struct vmgr__checkpoint *c = data;

    if (!c)
        return;
    g_free(c->name);
    g_free(c->description);
    g_free(c->parent);
    g_ptr_array_unref(c->disks);
    vmgr__domain_def_free(c->dom);
    g_free(c);
}

#define xml_error(err, ...)                                                                        \
    vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN_CHECKPOINT, __VA_ARGS__)

static char *text_of(const xmlNode *root, const char *name)
{
    const xmlNode *node = vmgr__xml_child(root, name);

    return node ? vmgr__xml_text(node) : NULL;
}

/* ---- parsing ---- */

static int parse_disk(const xmlNode *node, struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    struct vmgr__checkpoint_disk *disk = g_new0(struct vmgr__checkpoint_disk, 1);

    g_ptr_array_add(c->disks, disk);
    disk->name = vmgr__xml_attr(node, "name");
    if (!disk->name)
        return xml_error(err, "missing name from disk checkpoint element");
    if (c->disks->len > DOMAIN_MAX_DISKS)
        return xml_error(err, "a checkpoint has at most %d disks", DOMAIN_MAX_DISKS);
    if (vmgr__xml_enum(node, "checkpoint", types + 1, &disk->type, err) < 0)
        return -1;
    {
        g_autofree char *given = vmgr__xml_attr(node, "checkpoint");

        disk->type = given ? disk->type + 1 : VMGR__CHECKPOINT_DEFAULT;
    }
    disk->bitmap = vmgr__xml_attr(node, "bitmap");
    if (disk->bitmap && disk->type == VMGR__CHECKPOINT_NONE)
        return xml_error(err, "disk checkpoint bitmap '%s' requires type='bitmap'", disk->bitmap);
    return 0;
}

static int parse_redefined(const xmlNode *root, const struct vmgr__conf_defaults *defaults,
                           struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    g_autofree char *created = text_of(root, "creationTime");
    const xmlNode *parent = vmgr__xml_child(root, "parent");
    xmlNode *domain = vmgr__xml_child(root, "domain");
    uint64_t seconds;

    if (!created || !vmgr__parse_u64(created, &seconds) || seconds > INT64_MAX)
        return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_DOMAIN_CHECKPOINT,
                               "missing creationTime from existing checkpoint");
    c->created = (int64_t)seconds;
    c->parent = parent ? text_of(parent, "name") : NULL;
    if (domain)
        c->dom = vmgr__domain_def_parse_node(domain, defaults, VMGR__CONF_INACTIVE, err);
    return c->dom || !domain ? 0 : -1;
}

static int parse(const xmlNode *root, const struct vmgr__conf_defaults *defaults, bool redefine,
                 struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    const xmlNode *disks = vmgr__xml_child(root, "disks");

    c->name = text_of(root, "name");
    if (!c->name && redefine)
        return xml_error(err, "a redefined checkpoint must have a name");
    if (c->name &&
        (!*c->name || strpbrk(c->name, "/\n") || *c->name == '.' || strlen(c->name) > 200))
        return xml_error(err,
                         "invalid checkpoint name '%s': a name has 1 to 200 bytes, does not "
                         "begin with '.' and contains no '/' and no newline",
                         c->name);
    c->description = text_of(root, "description");
    if (redefine && parse_redefined(root, defaults, c, err) < 0)
        return -1;
    for (xmlNode *n = disks ? vmgr__xml_child(disks, "disk") : NULL; n;
         n = vmgr__xml_next(n, "disk")) {
        if (parse_disk(n, c, err) < 0)
            return -1;
    }
    return 0;
}

struct vmgr__checkpoint *vmgr__checkpoint_parse(const char *xml,
                                                const struct vmgr__conf_defaults *defaults,
                                                bool redefine, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(domain_checkpoint)", "domaincheckpoint", err);
    struct vmgr__checkpoint *c;
    int r;

    if (!doc)
        return NULL;
    c = g_new0(struct vmgr__checkpoint, 1);
    c->disks = g_ptr_array_new_with_free_func(disk_free);
    r = parse(xmlDocGetRootElement(doc), defaults, redefine, c, err);
    xmlFreeDoc(doc);
    if (!c->name)
        c->name = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
    if (!redefine)
        c->created = g_get_real_time() / G_USEC_PER_SEC;
    if (r == 0)
        return c;
    vmgr__checkpoint_free(c);
    return NULL;
}

/* ---- what a domain's disks get ---- */

struct vmgr__checkpoint_disk *vmgr__checkpoint_disk_of(const struct vmgr__checkpoint *c,
                                                       const char *name)
{
    for (guint i = 0; i < c->disks->len; i++) {
        struct vmgr__checkpoint_disk *disk = c->disks->pdata[i];

        if (strcmp(disk->name, name) == 0)
            return disk;
    }
    return NULL;
}

#define config_error(err, ...)                                                                     \
    vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_DOMAIN_CHECKPOINT, __VA_ARGS__)

/* A disk that has something to lose. */
static bool takes_bitmap(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *root = xmlDocGetRootElement(doc);
    const bool fixed = vmgr__xml_child(root, "readonly") != NULL;

    xmlFreeDoc(doc);
    return dev->source && *dev->source && !fixed;
}

/* Names become those of targets; nothing is named twice. */
static int resolve(struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    for (guint i = 0; i < c->disks->len; i++) {
        struct vmgr__checkpoint_disk *disk = c->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->dom, disk->name);

        if (!dev)
            return config_error(err, "no disk named '%s'", disk->name);
        if (strcmp(disk->name, dev->target) != 0) {
            g_free(disk->name);
            disk->name = g_strdup(dev->target);
        }
        if (vmgr__checkpoint_disk_of(c, disk->name) != disk)
            return config_error(err, "disk '%s' specified twice", disk->name);
    }
    return 0;
}

int vmgr__checkpoint_align(struct vmgr__checkpoint *c, struct vmgr_error **err)
{
    const bool all = c->disks->len == 0;
    GPtrArray *disks;
    guint count = 0;

    if (!c->dom)
        return 0;
    for (guint i = 0; i < c->dom->devices->len; i++)
        count += strcmp(((struct vmgr__device *)c->dom->devices->pdata[i])->name, "disk") == 0;
    if (c->disks->len > count)
        return config_error(err, "too many disk checkpoint requests for domain");
    if (resolve(c, err) < 0)
        return -1;
    disks = g_ptr_array_new_with_free_func(disk_free);
    for (guint i = 0; i < c->dom->devices->len; i++) {
        const struct vmgr__device *dev = c->dom->devices->pdata[i];
        struct vmgr__checkpoint_disk *was, *disk;

        if (strcmp(dev->name, "disk") != 0 || !dev->target)
            continue;
        was = vmgr__checkpoint_disk_of(c, dev->target);
        disk = g_new0(struct vmgr__checkpoint_disk, 1);
        disk->name = g_strdup(dev->target);
        disk->type = was ? was->type : VMGR__CHECKPOINT_DEFAULT;
        if (disk->type == VMGR__CHECKPOINT_DEFAULT)
            disk->type =
                (was || all) && takes_bitmap(dev) ? VMGR__CHECKPOINT_BITMAP : VMGR__CHECKPOINT_NONE;
        if (disk->type == VMGR__CHECKPOINT_BITMAP)
            disk->bitmap = g_strdup(was && was->bitmap ? was->bitmap : c->name);
        g_ptr_array_add(disks, disk);
    }
    g_ptr_array_unref(c->disks);
    c->disks = disks;
    return 0;
}

/* ---- formatting ---- */

static void format_disk(const struct vmgr__checkpoint_disk *disk, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "disk");
    vmgr__xw_attr(w, "name", disk->name);
    if (disk->type)
        vmgr__xw_attr(w, "checkpoint", types[disk->type]);
    vmgr__xw_attr(w, "bitmap", disk->bitmap);
    if (disk->has_size)
        vmgr__xw_attrf(w, "size", "%" G_GUINT64_FORMAT, disk->size);
    vmgr__xw_end(w, "disk");
}

/* A document one level deeper: lines are moved, texts of several lines are not changed. */
static char *indent(const char *text)
{
    GString *out = g_string_new(NULL);
    bool in_text = false;

    while (*text) {
        const size_t length = strcspn(text, "\n");

        if (!in_text && length)
            g_string_append(out, "  ");
        g_string_append_len(out, text, (gssize)length);
        in_text = in_text ? !length || text[length - 1] != '>' : length && text[length - 1] != '>';
        text += length;
        if (*text)
            g_string_append_c(out, *text++);
    }
    return g_string_free(out, FALSE);
}

char *vmgr__checkpoint_format(const struct vmgr__checkpoint *c, bool with_domain, uint32_t flags)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "domaincheckpoint");
    vmgr__xw_text(&w, "name", c->name);
    vmgr__xw_text(&w, "description", c->description);
    if (c->parent) {
        vmgr__xw_begin(&w, "parent");
        vmgr__xw_text(&w, "name", c->parent);
        vmgr__xw_end(&w, "parent");
    }
    vmgr__xw_begin(&w, "creationTime");
    {
        g_autofree char *seconds = g_strdup_printf("%" G_GINT64_FORMAT, c->created);

        vmgr__xw_end_text(&w, "creationTime", seconds);
    }
    if (c->disks->len) {
        vmgr__xw_begin(&w, "disks");
        for (guint i = 0; i < c->disks->len; i++)
            format_disk(c->disks->pdata[i], &w);
        vmgr__xw_end(&w, "disks");
    }
    if (with_domain && c->dom) {
        g_autofree char *domain = vmgr__domain_def_format(c->dom, flags), *deeper = indent(domain);

        vmgr__xw_raw(&w, deeper);
    }
    vmgr__xw_end(&w, "domaincheckpoint");
    return vmgr__xw_finish(&w);
}
