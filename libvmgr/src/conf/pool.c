/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <pool>: the types there are, and the document apart from its source.
 */
#include "pool.h"

#include <string.h>
#include <vmgr/storage.h>

#include "def.h"

static const char *const fs_formats[] = { "auto",    "ext2", "ext3",  "ext4", "ufs",
                                          "iso9660", "udf",  "gfs",   "gfs2", "vfat",
                                          "hfs+",    "xfs",  "ocfs2", "vmfs", NULL };
static const char *const netfs_formats[] = { "auto", "nfs", "glusterfs", "cifs", NULL };
static const char *const disk_formats[] = { "unknown", "dos",  "dvh", "gpt",  "mac",
                                            "bsd",     "pc98", "sun", "lvm2", NULL };
static const char *const logical_formats[] = { "unknown", "lvm2", NULL };
static const char *const file_formats[] = { "none", "raw",  "dir",   "bochs", "cloop", "dmg",
                                            "iso",  "vpc",  "vdi",   "fat",   "vhd",   "ploop",
                                            "cow",  "qcow", "qcow2", "qed",   "vmdk",  NULL };
static const char *const partition_formats[] = { "none",       "linux",      "fat16",
                                                 "fat32",      "linux-swap", "linux-lvm",
                                                 "linux-raid", "extended",   NULL };

#define FILES file_formats, 1

const struct vmgr__pool_kind vmgr__pool_kinds[VMGR__POOL_TYPES] = {
    [VMGR__POOL_DIR] = { "dir", 0, NULL, 0, FILES, VMGR_POOL_LIST_DIR },
    [VMGR__POOL_FS] = { "fs", VMGR__SOURCE_DEVICE, fs_formats, 0, FILES, VMGR_POOL_LIST_FS },
    [VMGR__POOL_NETFS] = { "netfs", VMGR__SOURCE_HOST | VMGR__SOURCE_DIR, netfs_formats, 0, FILES,
                           VMGR_POOL_LIST_NETFS },
    [VMGR__POOL_LOGICAL] = { "logical", VMGR__SOURCE_NAME | VMGR__SOURCE_DEVICE, logical_formats, 1,
                             NULL, 0, VMGR_POOL_LIST_LOGICAL },
    [VMGR__POOL_DISK] = { "disk", VMGR__SOURCE_DEVICE, disk_formats, 0, partition_formats, 0,
                          VMGR_POOL_LIST_DISK },
    [VMGR__POOL_ISCSI] = { "iscsi",
                           VMGR__SOURCE_HOST | VMGR__SOURCE_DEVICE | VMGR__SOURCE_INITIATOR_IQN,
                           NULL, 0, NULL, 0, VMGR_POOL_LIST_ISCSI },
    [VMGR__POOL_ISCSI_DIRECT] = { "iscsi-direct",
                                  VMGR__SOURCE_HOST | VMGR__SOURCE_DEVICE | VMGR__SOURCE_NETWORK |
                                      VMGR__SOURCE_INITIATOR_IQN,
                                  NULL, 0, NULL, 0, VMGR_POOL_LIST_ISCSI_DIRECT },
    [VMGR__POOL_SCSI] = { "scsi", VMGR__SOURCE_ADAPTER, NULL, 0, NULL, 0, VMGR_POOL_LIST_SCSI },
    [VMGR__POOL_MPATH] = { "mpath", 0, NULL, 0, NULL, 0, VMGR_POOL_LIST_MPATH },
    [VMGR__POOL_RBD] = { "rbd", VMGR__SOURCE_HOST | VMGR__SOURCE_NETWORK | VMGR__SOURCE_NAME, NULL,
                         0, FILES, VMGR_POOL_LIST_RBD },
    [VMGR__POOL_SHEEPDOG] = { "sheepdog",
                              VMGR__SOURCE_HOST | VMGR__SOURCE_NETWORK | VMGR__SOURCE_NAME, NULL, 0,
                              NULL, 0, VMGR_POOL_LIST_SHEEPDOG },
    [VMGR__POOL_GLUSTER] = { "gluster",
                             VMGR__SOURCE_HOST | VMGR__SOURCE_NETWORK | VMGR__SOURCE_NAME |
                                 VMGR__SOURCE_DIR,
                             NULL, 0, FILES, VMGR_POOL_LIST_GLUSTER },
    [VMGR__POOL_ZFS] = { "zfs", VMGR__SOURCE_NAME | VMGR__SOURCE_DEVICE, NULL, 0, NULL, 0,
                         VMGR_POOL_LIST_ZFS },
    [VMGR__POOL_VSTORAGE] = { "vstorage", VMGR__SOURCE_NAME, NULL, 0, FILES,
                              VMGR_POOL_LIST_VSTORAGE },
};

int vmgr__pool_type_index(const char *name)
{
    for (int i = 0; name && i < VMGR__POOL_TYPES; i++) {
        if (strcmp(vmgr__pool_kinds[i].name, name) == 0)
            return i;
    }
    return -1;
}

char *vmgr__xml_child_text(const xmlNode *node, const char *name)
{
    char *text = vmgr__xml_text(vmgr__xml_child(node, name));

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

/* ---- permissions ---- */

void vmgr__perms_init(struct vmgr__perms *perms)
{
    *perms = (struct vmgr__perms){ .mode = -1, .owner = -1, .group = -1 };
}

static int parse_id(const xmlNode *node, const char *name, int64_t *ret, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_child_text(node, name);
    uint32_t id;

    if (!text || strcmp(text, "-1") == 0)
        return 0;
    if (!vmgr__parse_u32(text, &id))
        return storage_error(err, VMGR_ERR_XML_ERROR, "malformed %s element", name);
    *ret = id;
    return 0;
}

int vmgr__perms_parse(const xmlNode *node, struct vmgr__perms *ret, struct vmgr_error **err)
{
    const xmlNode *perms = vmgr__xml_child(node, "permissions");
    g_autofree char *mode = vmgr__xml_child_text(perms, "mode");

    vmgr__perms_init(ret);
    if (mode) {
        char *end;
        gint64 value = g_ascii_strtoll(mode, &end, 8);

        if (end == mode || *end || value & ~(gint64)0777)
            return storage_error(err, VMGR_ERR_XML_ERROR, "malformed octal mode");
        ret->mode = (int)value;
    }
    if (parse_id(perms, "owner", &ret->owner, err) < 0 ||
        parse_id(perms, "group", &ret->group, err) < 0)
        return -1;
    ret->label = vmgr__xml_child_text(perms, "label");
    return 0;
}

static void write_id(struct vmgr__xml_writer *w, const char *name, int64_t id)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, id);

    if (id >= 0)
        vmgr__xw_text(w, name, text);
}

void vmgr__perms_write(const struct vmgr__perms *perms, struct vmgr__xml_writer *w)
{
    g_autofree char *mode = g_strdup_printf("0%o", (unsigned)perms->mode);

    if (perms->mode < 0 && perms->owner < 0 && perms->group < 0 && !perms->label)
        return;
    vmgr__xw_begin(w, "permissions");
    vmgr__xw_text(w, "mode", perms->mode >= 0 ? mode : NULL);
    write_id(w, "owner", perms->owner);
    write_id(w, "group", perms->group);
    vmgr__xw_text(w, "label", perms->label);
    vmgr__xw_end(w, "permissions");
}

/* ---- reading ---- */

/* The name becomes a file's. */
static int check_name(const char *name, struct vmgr_error **err)
{
    if (strchr(name, '/'))
        return storage_error(err, VMGR_ERR_XML_ERROR, "name %s cannot contain '/'", name);
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return storage_error(err, VMGR_ERR_XML_ERROR,
                                 "name of a storage pool cannot contain control characters");
    }
    return 0;
}

static int parse_identity(const xmlNode *root, struct vmgr__pool_def *def, struct vmgr_error **err)
{
    g_autofree char *uuid = vmgr__xml_child_text(root, "uuid");

    def->name = vmgr__xml_child_text(root, "name");
    if (!def->name && vmgr__pool_kinds[def->type].source & VMGR__SOURCE_NAME)
        def->name = g_strdup(def->source.name);
    if (!def->name)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing pool source name element");
    if (check_name(def->name, err) < 0)
        return -1;
    if (!uuid)
        return vmgr__uuid_generate(def->uuid, err);
    if (!vmgr__uuid_parse(uuid, def->uuid))
        return storage_error(err, VMGR_ERR_XML_ERROR, "malformed uuid element");
    return 0;
}

static int check_source(struct vmgr__pool_def *def, struct vmgr_error **err)
{
    const uint32_t has = vmgr__pool_kinds[def->type].source;

    if (has & VMGR__SOURCE_HOST && !def->source.hosts->len)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source host name");
    if (has & VMGR__SOURCE_DIR && !def->source.dir)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source path");
    if (has & VMGR__SOURCE_NAME && !def->source.name)
        def->source.name = g_strdup(def->name);
    if (has & VMGR__SOURCE_ADAPTER && !def->source.adapter)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source adapter");
    if (has == VMGR__SOURCE_DEVICE && !def->source.devices->len)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool source device name");
    if (def->type == VMGR__POOL_ISCSI_DIRECT && !def->source.initiator)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing initiator IQN");
    return 0;
}

/* A path without doubled slashes and without one at its end. */
static char *sanitize(const char *path)
{
    GString *s = g_string_new(NULL);

    for (; *path; path++) {
        if (*path != '/' || !s->len || s->str[s->len - 1] != '/')
            g_string_append_c(s, *path);
    }
    if (s->len > 1 && s->str[s->len - 1] == '/')
        g_string_truncate(s, s->len - 1);
    return g_string_free(s, FALSE);
}

static int parse_target(const xmlNode *root, struct vmgr__pool_def *def, struct vmgr_error **err)
{
    const xmlNode *target = vmgr__xml_child(root, "target");
    g_autofree char *path = NULL;

    if (vmgr__pool_kinds[def->type].source & VMGR__SOURCE_NETWORK)
        return 0;
    if (def->type == VMGR__POOL_LOGICAL)
        path = g_strdup_printf("/dev/%s", def->source.name);
    else if (def->type == VMGR__POOL_ZFS)
        path = g_strdup_printf("/dev/zvol/%s", def->source.name);
    else
        path = vmgr__xml_child_text(target, "path");
    if (!path)
        return storage_error(err, VMGR_ERR_XML_ERROR, "missing storage pool target path");
    def->path = sanitize(path);
    return vmgr__perms_parse(target, &def->perms, err);
}

static int parse_choice(const xmlNode *node, const char *attr, const char *const *names, char **ret,
                        struct vmgr_error **err)
{
    int index, r;

    if (!node)
        return 0;
    r = vmgr__xml_enum(node, attr, names, &index, err);
    if (r > 0)
        *ret = g_strdup(names[index]);
    return r < 0 ? -1 : 0;
}

static int parse_options(const xmlNode *root, struct vmgr__pool_def *def, struct vmgr_error **err)
{
    static const char *const states[] = { "yes", "no", NULL };
    static const char *const allocations[] = { "default", "capacity", NULL };
    const xmlNode *cow = vmgr__xml_child(vmgr__xml_child(root, "features"), "cow");
    const xmlNode *volume = vmgr__xml_child(vmgr__xml_child(root, "refresh"), "volume");

    if (parse_choice(cow, "state", states, &def->cow, err) < 0 ||
        parse_choice(volume, "allocation", allocations, &def->refresh_allocation, err) < 0)
        return -1;
    if (def->cow && def->type != VMGR__POOL_FS && def->type != VMGR__POOL_DIR)
        return storage_error(err, VMGR_ERR_NO_SUPPORT,
                             "cow feature may only be used for 'fs' and 'dir' pools");
    return 0;
}

static int parse_pool(const xmlNode *root, struct vmgr__pool_def *def, struct vmgr_error **err)
{
    g_autofree char *type = vmgr__xml_attr(root, "type");
    int index = vmgr__pool_type_index(type);

    if (!type)
        return storage_error(err, VMGR_ERR_XML_ERROR,
                             "Missing required attribute 'type' in element 'pool'");
    if (index < 0)
        return storage_error(err, VMGR_ERR_XML_ERROR,
                             "Invalid value for attribute 'type' in element 'pool': '%s'.", type);
    def->type = (enum vmgr__pool_type)index;
    if (vmgr__pool_source_parse(vmgr__xml_child(root, "source"), def->type, &def->source, err) <
            0 ||
        parse_identity(root, def, err) < 0 || parse_options(root, def, err) < 0 ||
        check_source(def, err) < 0)
        return -1;
    return parse_target(root, def, err);
}

struct vmgr__pool_def *vmgr__pool_def_parse_node(const xmlNode *root, struct vmgr_error **err)
{
    struct vmgr__pool_def *def = g_new0(struct vmgr__pool_def, 1);

    vmgr__perms_init(&def->perms);
    if (parse_pool(root, def, err) == 0)
        return def;
    vmgr__pool_def_free(def);
    return NULL;
}

struct vmgr__pool_def *vmgr__pool_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(storage_pool_definition)", "pool", err);
    struct vmgr__pool_def *def;

    if (!doc)
        return NULL;
    def = vmgr__pool_def_parse_node(xmlDocGetRootElement(doc), err);
    xmlFreeDoc(doc);
    return def;
}

void vmgr__pool_def_free(struct vmgr__pool_def *def)
{
    if (!def)
        return;
    vmgr__pool_source_fini(&def->source);
    g_free(def->name);
    g_free(def->cow);
    g_free(def->refresh_allocation);
    g_free(def->path);
    g_free(def->perms.label);
    g_free(def);
}

/* ---- writing ---- */

static void write_bytes(struct vmgr__xml_writer *w, const char *name, uint64_t bytes)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);

    vmgr__xw_begin(w, name);
    vmgr__xw_attr(w, "unit", "bytes");
    vmgr__xw_end_text(w, name, text);
}

/* <outer><inner attr='value'/></outer> */
static void write_option(struct vmgr__xml_writer *w, const char *outer, const char *inner,
                         const char *attr, const char *value)
{
    if (!value)
        return;
    vmgr__xw_begin(w, outer);
    vmgr__xw_begin(w, inner);
    vmgr__xw_attr(w, attr, value);
    vmgr__xw_end(w, inner);
    vmgr__xw_end(w, outer);
}

void vmgr__pool_def_write(const struct vmgr__pool_def *def, struct vmgr__xml_writer *w)
{
    char uuid[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(def->uuid, uuid);
    vmgr__xw_begin(w, "pool");
    vmgr__xw_attr(w, "type", vmgr__pool_kinds[def->type].name);
    vmgr__xw_text(w, "name", def->name);
    vmgr__xw_text(w, "uuid", uuid);
    write_bytes(w, "capacity", def->capacity);
    write_bytes(w, "allocation", def->allocation);
    write_bytes(w, "available", def->available);
    write_option(w, "features", "cow", "state", def->cow);
    vmgr__pool_source_write(&def->source, def->type, w);
    if (def->path) {
        vmgr__xw_begin(w, "target");
        vmgr__xw_text(w, "path", def->path);
        vmgr__perms_write(&def->perms, w);
        vmgr__xw_end(w, "target");
    }
    write_option(w, "refresh", "volume", "allocation", def->refresh_allocation);
    vmgr__xw_end(w, "pool");
}

char *vmgr__pool_def_format(const struct vmgr__pool_def *def)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__pool_def_write(def, &w);
    return vmgr__xw_finish(&w);
}

struct vmgr__pool_def *vmgr__pool_def_copy(const struct vmgr__pool_def *def)
{
    g_autofree char *xml = vmgr__pool_def_format(def);
    struct vmgr__pool_def *copy = vmgr__pool_def_parse(xml, NULL);

    if (copy) {
        copy->capacity = def->capacity;
        copy->allocation = def->allocation;
        copy->available = def->available;
    }
    return copy;
}
