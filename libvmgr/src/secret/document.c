/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <secret>: reading and writing it.
 */
#include <string.h>

#include "../conf/def.h"
#include "secret.h"

static const struct {
    const char *type, *element, *missing;
} usages[] = {
    [VMGR_SECRET_USAGE_VOLUME] = { "volume", "volume",
                                   "volume usage specified, but volume path is missing" },
    [VMGR_SECRET_USAGE_CEPH] = { "ceph", "name", "Ceph usage specified, but name is missing" },
    [VMGR_SECRET_USAGE_ISCSI] = { "iscsi", "target",
                                  "iSCSI usage specified, but target is missing" },
    [VMGR_SECRET_USAGE_TLS] = { "tls", "name", "TLS usage specified, but name is missing" },
    [VMGR_SECRET_USAGE_VTPM] = { "vtpm", "name", "vTPM usage specified, but name is missing" },
};

void vmgr__secret_value_set(struct vmgr__secret_def *def, const uint8_t *value, size_t size)
{
    if (def->value)
        explicit_bzero(def->value, def->size);
    g_free(def->value);
    def->value = value ? g_malloc0(size + 1) : NULL;
    def->size = value ? size : 0;
    if (value && size)
        memcpy(def->value, value, size);
}

void vmgr__secret_def_free(void *data)
{
    struct vmgr__secret_def *def = data;

    if (!def)
        return;
    vmgr__secret_value_set(def, NULL, 0);
    g_free(def->description);
    g_free(def->usage_id);
    g_free(def);
}

static int xml_error(struct vmgr_error **err, const char *text)
{
    return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_SECRET, "%s", text);
}

static int parse_flag(const xmlNode *root, const char *name, bool *ret, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(root, name);

    *ret = g_strcmp0(text, "yes") == 0;
    if (!text || *ret || strcmp(text, "no") == 0)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_SECRET, "invalid value of '%s'",
                           name);
}

static int parse_usage(const xmlNode *node, struct vmgr__secret_def *def, struct vmgr_error **err)
{
    g_autofree char *type = vmgr__xml_attr(node, "type");

    if (!type)
        return xml_error(err, "unknown secret usage type");
    for (size_t i = 1; i < G_N_ELEMENTS(usages); i++) {
        const xmlNode *what;

        if (strcmp(usages[i].type, type) != 0)
            continue;
        what = vmgr__xml_child(node, usages[i].element);
        def->usage = (int)i;
        def->usage_id = what ? vmgr__xml_text(what) : NULL;
        return def->usage_id && *def->usage_id ? 0 : xml_error(err, usages[i].missing);
    }
    if (strcmp(type, "none") == 0)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_SECRET,
                           "unknown secret usage type %s", type);
}

static int parse(const xmlNode *root, struct vmgr__secret_def *def, struct vmgr_error **err)
{
    const xmlNode *uuid = vmgr__xml_child(root, "uuid");
    const xmlNode *usage = vmgr__xml_child(root, "usage");
    const xmlNode *description = vmgr__xml_child(root, "description");
    g_autofree char *text = uuid ? vmgr__xml_text(uuid) : NULL;

    if (parse_flag(root, "ephemeral", &def->ephemeral, err) < 0 ||
        parse_flag(root, "private", &def->is_private, err) < 0)
        return -1;
    if (uuid && (!text || !vmgr__uuid_parse(text, def->uuid)))
        return xml_error(err, "malformed uuid element");
    if (!uuid && vmgr__uuid_generate(def->uuid, err) < 0)
        return -1;
    def->description = description ? vmgr__xml_text(description) : NULL;
    return usage ? parse_usage(usage, def, err) : 0;
}

struct vmgr__secret_def *vmgr__secret_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(definition_of_secret)", "secret", err);
    struct vmgr__secret_def *def = doc ? g_new0(struct vmgr__secret_def, 1) : NULL;

    if (def && parse(xmlDocGetRootElement(doc), def, err) < 0) {
        vmgr__secret_def_free(def);
        def = NULL;
    }
    xmlFreeDoc(doc);
    return def;
}

char *vmgr__secret_def_format(const struct vmgr__secret_def *def)
{
    struct vmgr__xml_writer w;
    char uuid[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(def->uuid, uuid);
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "secret");
    vmgr__xw_attr(&w, "ephemeral", def->ephemeral ? "yes" : "no");
    vmgr__xw_attr(&w, "private", def->is_private ? "yes" : "no");
    vmgr__xw_text(&w, "uuid", uuid);
    vmgr__xw_text(&w, "description", def->description);
    if (def->usage) {
        vmgr__xw_begin(&w, "usage");
        vmgr__xw_attr(&w, "type", usages[def->usage].type);
        vmgr__xw_text(&w, usages[def->usage].element, def->usage_id);
        vmgr__xw_end(&w, "usage");
    }
    vmgr__xw_end(&w, "secret");
    return vmgr__xw_finish(&w);
}
