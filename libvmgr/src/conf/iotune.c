/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <iotune> of a disk: limits of its bytes and requests in a second, as parameters by name.
 */
#include <string.h>

#include "../driver/stats.h"
#include "device.h"
#include "tuning.h"

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)

/* In the order of the protocol's answers. */
const struct vmgr__iotune_name vmgr__iotune_names[] = {
    { "total_bytes_sec", "bps" },
    { "read_bytes_sec", "bps_rd" },
    { "write_bytes_sec", "bps_wr" },
    { "total_iops_sec", "iops" },
    { "read_iops_sec", "iops_rd" },
    { "write_iops_sec", "iops_wr" },
    { "total_bytes_sec_max", "bps_max" },
    { "read_bytes_sec_max", "bps_rd_max" },
    { "write_bytes_sec_max", "bps_wr_max" },
    { "total_iops_sec_max", "iops_max" },
    { "read_iops_sec_max", "iops_rd_max" },
    { "write_iops_sec_max", "iops_wr_max" },
    { "size_iops_sec", "iops_size" },
    { "group_name", "group" },
    { "total_bytes_sec_max_length", "bps_max_length" },
    { "read_bytes_sec_max_length", "bps_rd_max_length" },
    { "write_bytes_sec_max_length", "bps_wr_max_length" },
    { "total_iops_sec_max_length", "iops_max_length" },
    { "read_iops_sec_max_length", "iops_rd_max_length" },
    { "write_iops_sec_max_length", "iops_wr_max_length" },
    { NULL, NULL },
};

int vmgr__iotune_index(const char *name)
{
    for (int i = 0; vmgr__iotune_names[i].name; i++) {
        if (strcmp(vmgr__iotune_names[i].name, name) == 0)
            return i;
    }
    return -1;
}

static struct vmgr__device *find_disk(const struct vmgr__domain_def *def, const char *target,
                                      struct vmgr_error **err)
{
    struct vmgr__device *disk = vmgr__disk_find(def, target);

    if (!disk)
        invalid(err, "invalid path %s not assigned to domain", target);
    return disk;
}

int vmgr__iotune_read(const struct vmgr__device *disk, struct vmgr__iotune *ret)
{
    xmlDoc *doc = vmgr__device_doc(disk);
    const xmlNode *node = vmgr__xml_child(xmlDocGetRootElement(doc), "iotune");
    int bad = 0;

    *ret = (struct vmgr__iotune){ .group = NULL };
    for (xmlNode *c = node ? vmgr__xml_first(node) : NULL; c; c = vmgr__xml_next(c, NULL)) {
        int i = vmgr__iotune_index((const char *)c->name);
        g_autofree char *text = vmgr__xml_text(c);

        if (i == VMGR__IOTUNE_GROUP) {
            g_free(ret->group);
            ret->group = g_steal_pointer(&text);
        } else if (i < 0 || !vmgr__parse_u64(g_strstrip(text), &ret->value[i]) ||
                   ret->value[i] > VMGR__IOTUNE_MAX) {
            bad = -1;
        }
    }
    xmlFreeDoc(doc);
    return bad;
}

static void write_back(struct vmgr__device *disk, const struct vmgr__iotune *t)
{
    xmlDoc *doc = vmgr__device_doc(disk);
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *node = vmgr__device_child(root, "iotune");

    while (node->children) {
        xmlNode *c = node->children;

        xmlUnlinkNode(c);
        xmlFreeNode(c);
    }
    for (int i = 0; vmgr__iotune_names[i].name; i++) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, t->value[i]);

        if (i == VMGR__IOTUNE_GROUP && t->group && *t->group)
            xmlNewTextChild(node, NULL, (const xmlChar *)"group_name", (const xmlChar *)t->group);
        else if (i != VMGR__IOTUNE_GROUP && t->value[i])
            xmlNewTextChild(node, NULL, (const xmlChar *)vmgr__iotune_names[i].name,
                            (const xmlChar *)text);
    }
    if (!node->children) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
    vmgr__device_set_doc(disk, doc);
}

int vmgr__iotune_get(const struct vmgr__domain_def *def, const char *target, GArray *ret,
                     struct vmgr_error **err)
{
    const struct vmgr__device *disk = find_disk(def, target, err);
    struct vmgr__iotune t;

    if (!disk)
        return -1;
    vmgr__iotune_read(disk, &t);
    for (int i = 0; vmgr__iotune_names[i].name; i++) {
        if (i == VMGR__IOTUNE_GROUP)
            vmgr__stat_add_text(ret, t.group ? t.group : "", "group_name");
        else
            vmgr__stat_add(ret, VMGR_STAT_ULLONG, t.value[i], "%s", vmgr__iotune_names[i].name);
    }
    g_free(t.group);
    return 0;
}

/* Bytes or requests, and which of the total, of reads, of writes; -1: neither. */
static int family(int i)
{
    return i < VMGR__IOTUNE_SIZE ? i / 3 : -1;
}

/* What is named makes the others of its family 0: a total excludes its parts. */
static int set_one(struct vmgr__iotune *t, const struct vmgr_stat *s, bool *touched,
                   struct vmgr_error **err)
{
    int i = vmgr__iotune_index(s->name), f;

    if (i < 0)
        return invalid(err, "parameter '%s' not supported", s->name);
    if ((i == VMGR__IOTUNE_GROUP) != (s->type == VMGR_STAT_STRING))
        return invalid(err, "invalid type for parameter '%s'", s->name);
    if (i == VMGR__IOTUNE_GROUP) {
        g_free(t->group);
        t->group = g_strdup(s->text);
        return 0;
    }
    if (s->number > VMGR__IOTUNE_MAX)
        return vmgr__error_set(err, VMGR_ERR_OVERFLOW, VMGR_FROM_DOMAIN,
                               "block I/O throttle limit value must be no more than %llu",
                               VMGR__IOTUNE_MAX);
    f = family(i);
    if (f >= 0 && !touched[f]) {
        touched[f] = true;
        memset(&t->value[f * 3], 0, 3 * sizeof(t->value[0]));
    }
    t->value[i] = s->number;
    return 0;
}

static int check(const struct vmgr__iotune *t, struct vmgr_error **err)
{
    static const char *const names[] = { "bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max" };

    for (int f = 0; f < (int)G_N_ELEMENTS(names); f++) {
        if (t->value[f * 3] && (t->value[f * 3 + 1] || t->value[f * 3 + 2]))
            return invalid(err, "total and read/write of %s cannot be set at the same time",
                           names[f]);
    }
    for (int i = 0; i < 6; i++) {
        const int burst = i + 6, length = VMGR__IOTUNE_LENGTHS + i;

        if (t->value[burst] && !t->value[i])
            return invalid(err, "value '%s' cannot be set if '%s' is not set",
                           vmgr__iotune_names[burst].name, vmgr__iotune_names[i].name);
        if (t->value[burst] && t->value[burst] < t->value[i])
            return invalid(err, "value '%s' must be at least '%s'", vmgr__iotune_names[burst].name,
                           vmgr__iotune_names[i].name);
        if (t->value[length] && !t->value[burst])
            return invalid(err, "value '%s' cannot be set if '%s' is not set",
                           vmgr__iotune_names[length].name, vmgr__iotune_names[burst].name);
    }
    return 0;
}

int vmgr__iotune_set(struct vmgr__domain_def *def, const char *target,
                     const struct vmgr_stat *params, struct vmgr_error **err)
{
    struct vmgr__device *disk = find_disk(def, target, err);
    bool touched[4] = { false };
    struct vmgr__iotune t;
    int r = 0;

    if (!disk)
        return -1;
    vmgr__iotune_read(disk, &t);
    for (const struct vmgr_stat *s = params; r == 0 && s->name; s++)
        r = set_one(&t, s, touched, err);
    if (r == 0)
        r = check(&t, err);
    if (r == 0)
        write_back(disk, &t);
    g_free(t.group);
    return r;
}
