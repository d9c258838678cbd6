/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <domainbackup>: parsing, checking, formatting.
 */
#include "backup.h"

#include <string.h>

#include "device.h"

#define MAX_DISKS 4096

static const char *const modes[] = { "push", "pull", NULL };
static const char *const transports[] = { "tcp", "unix", "rdma", NULL };
static const char *const answers[] = { "yes", "no", NULL };
static const char *const stores[] = { "file", "block", NULL };
static const char *const copies[] = { "full", "incremental", NULL };

static void disk_free(void *data)
{
    struct vmgr__backup_disk *disk = data;

    g_free(disk->name);
    g_free(disk->format);
    g_free(disk->store);
    g_free(disk->export_name);
    g_free(disk->export_bitmap);
    g_free(disk->incremental);
    g_free(disk);
}

void vmgr__backup_free(struct vmgr__backup *b)
{
    if (!b)
        return;
    g_free(b->incremental);
    g_free(b->host);
    g_free(b->socket);
    g_free(b->checkpoint);
    g_ptr_array_unref(b->disks);
    g_free(b);
}

#define xml_error(err, ...) vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN, __VA_ARGS__)
#define unsupported(err, ...)                                                                      \
    vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_DOMAIN, __VA_ARGS__)

/* ---- parsing ---- */

static int parse_server(const xmlNode *node, struct vmgr__backup *b, struct vmgr_error **err)
{
    g_autofree char *port = vmgr__xml_attr(node, "port"), *tls = vmgr__xml_attr(node, "tls");
    int transport = 0;

    if (!b->pull)
        return xml_error(err, "use of <server> requires pull mode backup");
    if (vmgr__xml_enum(node, "transport", transports, &transport, err) < 0)
        return -1;
    if (transport == 2)
        return unsupported(err, "transport rdma is not supported for <server>");
    if (tls && strcmp(tls, "no") != 0)
        return unsupported(err, "TLS of the backup's server is not supported");
    if (port && (!vmgr__parse_u32(port, &b->port) || b->port > 65535))
        return xml_error(err, "invalid port '%s' of the backup's server", port);
    b->has_server = true;
    b->is_unix = transport == 1;
    b->host = vmgr__xml_attr(node, "name");
    b->socket = vmgr__xml_attr(node, "socket");
    if (b->is_unix && (!b->socket || !*b->socket))
        return xml_error(err, "missing socket of the backup's server");
    if (b->is_unix && *b->socket != '/')
        return xml_error(err, "backup socket path '%s' must be absolute", b->socket);
    if (!b->is_unix && b->socket)
        return xml_error(err, "a socket of the backup's server requires transport='unix'");
    return 0;
}

static int parse_store(const xmlNode *node, struct vmgr__backup *b, struct vmgr__backup_disk *disk,
                       struct vmgr_error **err)
{
    const xmlNode *store = vmgr__xml_child(node, b->pull ? "scratch" : "target");
    const xmlNode *driver = vmgr__xml_child(node, "driver");

    if (vmgr__xml_child(node, b->pull ? "target" : "scratch"))
        return xml_error(err, "disk '%s': <%s> is for %s mode backups", disk->name,
                         b->pull ? "target" : "scratch", b->pull ? "push" : "pull");
    if (driver)
        disk->format = vmgr__xml_attr(driver, "type");
    if (!store)
        return 0;
    if (vmgr__xml_child(store, "encryption"))
        return unsupported(err, "encryption of the store of disk '%s' is not supported",
                           disk->name);
    disk->store = vmgr__xml_attr(store, disk->type ? "dev" : "file");
    if (!disk->store || *disk->store != '/')
        return xml_error(err, "the store of disk '%s' needs an absolute path", disk->name);
    return 0;
}

static int parse_disk(const xmlNode *node, struct vmgr__backup *b, struct vmgr_error **err)
{
    struct vmgr__backup_disk *disk = g_new0(struct vmgr__backup_disk, 1);
    g_autofree char *made = NULL;
    int r;

    g_ptr_array_add(b->disks, disk);
    disk->name = vmgr__xml_attr(node, "name");
    if (!disk->name)
        return xml_error(err, "missing name from disk backup element");
    if (b->disks->len > MAX_DISKS)
        return xml_error(err, "a backup has at most %d disks", MAX_DISKS);
    r = vmgr__xml_enum(node, "backup", answers, &disk->backup, err);
    if (r < 0)
        return -1;
    disk->backup = r ? disk->backup + 1 : 1;
    r = vmgr__xml_enum(node, "backupmode", copies, &disk->mode, err);
    if (r < 0)
        return -1;
    disk->mode = r ? disk->mode + 1 : 0;
    disk->incremental = vmgr__xml_attr(node, "incremental");
    disk->export_name = vmgr__xml_attr(node, "exportname");
    disk->export_bitmap = vmgr__xml_attr(node, "exportbitmap");
    made = vmgr__xml_attr(node, "made");
    disk->made = g_strcmp0(made, "yes") == 0;
    if (!b->pull && (disk->export_name || disk->export_bitmap))
        return xml_error(err, "disk '%s': exports are for pull mode backups", disk->name);
    if (vmgr__xml_enum(node, "type", stores, &disk->type, err) < 0)
        return -1;
    return disk->backup == 2 ? 0 : parse_store(node, b, disk, err);
}

static int parse(const xmlNode *root, struct vmgr__backup *b, struct vmgr_error **err)
{
    const xmlNode *disks = vmgr__xml_child(root, "disks");
    const xmlNode *incremental = vmgr__xml_child(root, "incremental");
    const xmlNode *server = vmgr__xml_child(root, "server");
    int mode = 0;

    if (vmgr__xml_enum(root, "mode", modes, &mode, err) < 0)
        return -1;
    b->pull = mode == 1;
    b->incremental = incremental ? vmgr__xml_text(incremental) : NULL;
    if (server && parse_server(server, b, err) < 0)
        return -1;
    for (xmlNode *n = disks ? vmgr__xml_child(disks, "disk") : NULL; n;
         n = vmgr__xml_next(n, "disk")) {
        if (parse_disk(n, b, err) < 0)
            return -1;
    }
    return 0;
}

static struct vmgr__backup *read_root(const xmlNode *root, struct vmgr_error **err)
{
    struct vmgr__backup *b = g_new0(struct vmgr__backup, 1);

    b->disks = g_ptr_array_new_with_free_func(disk_free);
    if (parse(root, b, err) == 0)
        return b;
    vmgr__backup_free(b);
    return NULL;
}

struct vmgr__backup *vmgr__backup_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(domain_backup)", "domainbackup", err);
    struct vmgr__backup *b = doc ? read_root(xmlDocGetRootElement(doc), err) : NULL;

    xmlFreeDoc(doc);
    for (guint i = 0; b && i < b->disks->len; i++)
        ((struct vmgr__backup_disk *)b->disks->pdata[i])->made = false;
    return b;
}

struct vmgr__backup *vmgr__backup_read(const xmlNode *root)
{
    struct vmgr__backup *b = read_root(root, NULL);
    g_autofree char *state = b ? vmgr__xml_attr(root, "state") : NULL;

    if (!b)
        return NULL;
    b->running = g_strcmp0(state, "running") == 0;
    b->checkpoint = vmgr__xml_attr(root, "checkpoint");
    return b;
}

/* ---- what a domain's disks get ---- */

static struct vmgr__backup_disk *disk_of(const struct vmgr__backup *b, const char *name)
{
    for (guint i = 0; i < b->disks->len; i++) {
        struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (strcmp(disk->name, name) == 0)
            return disk;
    }
    return NULL;
}

static int resolve(struct vmgr__backup *b, const struct vmgr__domain_def *def,
                   struct vmgr_error **err)
{
    for (guint i = 0; i < b->disks->len; i++) {
        struct vmgr__backup_disk *disk = b->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(def, disk->name);

        if (!dev)
            return unsupported(err, "no disk named '%s'", disk->name);
        g_free(disk->name);
        disk->name = g_strdup(dev->target);
        if (disk_of(b, disk->name) != disk)
            return unsupported(err, "disk '%s' specified twice", disk->name);
        if (disk->backup == 1 && (!dev->source || !*dev->source))
            return unsupported(err, "disk '%s' has no source", disk->name);
    }
    return 0;
}

static bool is_read_only(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const bool fixed = vmgr__xml_child(xmlDocGetRootElement(doc), "readonly") != NULL;

    xmlFreeDoc(doc);
    return fixed;
}

static int complete(struct vmgr__backup *b, struct vmgr__backup_disk *disk,
                    const struct vmgr__device *dev, const char *suffix, struct vmgr_error **err)
{
    if (disk->mode == 1 && disk->incremental)
        return unsupported(err, "disk '%s': a full backup has no 'incremental'", disk->name);
    if (!disk->incremental && disk->mode != 1)
        disk->incremental = g_strdup(b->incremental);
    if (disk->mode == 2 && !disk->incremental)
        return unsupported(err, "disk '%s': an incremental backup needs a checkpoint", disk->name);
    disk->mode = disk->incremental ? 2 : 1;
    if (!disk->format)
        disk->format = b->pull ? g_strdup("qcow2") : vmgr__device_get(dev, "driver", "type");
    if (!disk->format)
        disk->format = g_strdup("raw");
    if (strcmp(disk->format, "qcow2") != 0 && (b->pull || strcmp(disk->format, "raw") != 0))
        return unsupported(err, "backup of disk '%s' to format '%s' is not supported", disk->name,
                           disk->format);
    if (!disk->store && (disk->type || *dev->source != '/'))
        return unsupported(err, "disk '%s' needs a <%s>", disk->name,
                           b->pull ? "scratch" : "target");
    if (!disk->store)
        disk->store = g_strdup_printf("%s.%s", dev->source, suffix);
    if (b->pull && !disk->export_name)
        disk->export_name = g_strdup(disk->name);
    if (b->pull && disk->incremental && !disk->export_bitmap)
        disk->export_bitmap = g_strdup_printf("backup-%s", disk->name);
    if (!disk->incremental && disk->export_bitmap)
        return unsupported(err, "disk '%s': a full backup exports no bitmap", disk->name);
    return 0;
}

/* No two disks write to one place, or are offered under one name. */
static int check_unique(const struct vmgr__backup *b, struct vmgr_error **err)
{
    for (guint i = 0; i < b->disks->len; i++) {
        const struct vmgr__backup_disk *x = b->disks->pdata[i];

        for (guint k = 0; k < i && x->backup == 1; k++) {
            const struct vmgr__backup_disk *y = b->disks->pdata[k];

            if (y->backup != 1)
                continue;
            if (strcmp(x->store, y->store) == 0)
                return unsupported(err, "disks '%s' and '%s' have the same store '%s'", y->name,
                                   x->name, x->store);
            if (b->pull && strcmp(x->export_name, y->export_name) == 0)
                return unsupported(err, "disks '%s' and '%s' have the same export name '%s'",
                                   y->name, x->name, x->export_name);
        }
    }
    return 0;
}

int vmgr__backup_align(struct vmgr__backup *b, const struct vmgr__domain_def *def,
                       const char *suffix, struct vmgr_error **err)
{
    const bool all = b->disks->len == 0;
    GPtrArray *disks;
    guint count = 0;
    int r = resolve(b, def, err);

    if (r < 0)
        return -1;
    disks = g_ptr_array_new_with_free_func(disk_free);
    for (guint i = 0; r == 0 && i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        struct vmgr__backup_disk *disk;
        guint at;

        if (strcmp(dev->name, "disk") != 0 || !dev->target)
            continue;
        disk = disk_of(b, dev->target);
        if (disk && g_ptr_array_find(b->disks, disk, &at)) {
            g_ptr_array_steal_index(b->disks, at);
        } else {
            disk = g_new0(struct vmgr__backup_disk, 1);
            disk->name = g_strdup(dev->target);
            disk->backup = all && dev->source && *dev->source && !is_read_only(dev) ? 1 : 2;
        }
        g_ptr_array_add(disks, disk);
        count += disk->backup == 1;
        if (disk->backup == 1)
            r = complete(b, disk, dev, suffix, err);
    }
    g_ptr_array_unref(b->disks);
    b->disks = disks;
    if (r == 0 && !count)
        return unsupported(err, "no disks selected for backup");
    return r == 0 ? check_unique(b, err) : r;
}

/* ---- formatting ---- */

static void write_disk(const struct vmgr__backup *b, const struct vmgr__backup_disk *disk,
                       bool state, struct vmgr__xml_writer *w)
{
    const char *element = b->pull ? "scratch" : "target";

    vmgr__xw_begin(w, "disk");
    vmgr__xw_attr(w, "name", disk->name);
    vmgr__xw_attr(w, "backup", disk->backup == 2 ? "no" : "yes");
    if (disk->backup != 2) {
        vmgr__xw_attr(w, "type", stores[disk->type]);
        if (disk->mode)
            vmgr__xw_attr(w, "backupmode", copies[disk->mode - 1]);
        vmgr__xw_attr(w, "incremental", disk->incremental);
        vmgr__xw_attr(w, "exportname", disk->export_name);
        vmgr__xw_attr(w, "exportbitmap", disk->export_bitmap);
        if (state && disk->made)
            vmgr__xw_attr(w, "made", "yes");
        vmgr__xw_begin(w, "driver");
        vmgr__xw_attr(w, "type", disk->format);
        vmgr__xw_end(w, "driver");
        vmgr__xw_begin(w, element);
        vmgr__xw_attr(w, disk->type ? "dev" : "file", disk->store);
        vmgr__xw_end(w, element);
    }
    vmgr__xw_end(w, "disk");
}

void vmgr__backup_write(const struct vmgr__backup *b, bool state, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "domainbackup");
    vmgr__xw_attr(w, "mode", modes[b->pull]);
    if (state) {
        vmgr__xw_attr(w, "state", b->running ? "running" : "starting");
        vmgr__xw_attr(w, "checkpoint", b->checkpoint);
    }
    vmgr__xw_text(w, "incremental", b->incremental);
    if (b->has_server) {
        vmgr__xw_begin(w, "server");
        vmgr__xw_attr(w, "transport", transports[b->is_unix]);
        vmgr__xw_attr(w, "name", b->host);
        if (b->port)
            vmgr__xw_attrf(w, "port", "%u", b->port);
        vmgr__xw_attr(w, "socket", b->socket);
        vmgr__xw_end(w, "server");
    }
    vmgr__xw_begin(w, "disks");
    for (guint i = 0; i < b->disks->len; i++)
        write_disk(b, b->disks->pdata[i], state, w);
    vmgr__xw_end(w, "disks");
    vmgr__xw_end(w, "domainbackup");
}

char *vmgr__backup_format(const struct vmgr__backup *b)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__backup_write(b, false, &w);
    return vmgr__xw_finish(&w);
}
