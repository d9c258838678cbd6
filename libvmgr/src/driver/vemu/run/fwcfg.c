/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a guest reads by fw_cfg: the entries of <sysinfo type='fwcfg'>, texts or files of the
 * host.
 */
#include "fwcfg.h"

#include <string.h>

#include "../device/parts.h"
#include "smbios.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

struct entry {
    char *name, *text, *file; /* one of text and file */
};

static void entry_read(const xmlNode *node, struct entry *ret)
{
    *ret = (struct entry){ vmgr__xml_attr(node, "name"), vmgr__xml_text(node),
                           vmgr__xml_attr(node, "file") };
}

static void entry_clear(struct entry *e)
{
    g_free(e->name);
    g_free(e->text);
    g_free(e->file);
}

/* The first element; *ret_doc for xmlFreeDoc(). */
static const xmlNode *first(const struct vmgr__domain_def *def, xmlDoc **ret_doc)
{
    *ret_doc = vmgr__vemu_sysinfo(def, "fwcfg");
    return *ret_doc ? vmgr__xml_first(xmlDocGetRootElement(*ret_doc)) : NULL;
}

static int check_entry(const struct entry *e, struct vmgr_error **err)
{
    static const char *const reserved[] = { "opt/ovmf/", "opt/org.qemu/" };

    if (!e->name)
        return vemu_error(err, VMGR_ERR_XML_ERROR, "Firmware entry is missing 'name' attribute");
    if (!g_str_has_prefix(e->name, "opt/"))
        return unsupported(err, "Invalid firmware name");
    for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++) {
        if (g_str_has_prefix(e->name, reserved[i]))
            return unsupported(err, "That firmware name is reserved");
    }
    if (!e->file && (!e->text || !*e->text))
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "Firmware entry must have either value or 'file' attribute");
    if (e->file && e->text && *e->text)
        return unsupported(err, "fw_cfg entry '%s' has both a value and a file", e->name);
    if (e->file && !g_path_is_absolute(e->file))
        return unsupported(err, "the file of fw_cfg entry '%s' must be absolute: '%s'", e->name,
                           e->file);
    return 0;
}

int vmgr__vemu_fwcfg_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    xmlDoc *doc;
    const xmlNode *node = first(def, &doc);
    int r = 0;

    if (node && !vmgr__vemu_has_pci(def))
        r = unsupported(err, "machine '%s' has no fw_cfg", def->os.machine);
    for (; node && r == 0; node = vmgr__xml_next(node, NULL)) {
        struct entry e;

        if (!vmgr__xml_is(node, "entry")) {
            r = unsupported(err, "<%s> of <sysinfo> is not supported by the vemu driver yet",
                            (const char *)node->name);
            break;
        }
        entry_read(node, &e);
        r = check_entry(&e, err);
        entry_clear(&e);
    }
    if (doc)
        xmlFreeDoc(doc);
    return r;
}

static char *doubled(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

void vmgr__vemu_fwcfg_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    xmlDoc *doc;

    for (const xmlNode *node = first(def, &doc); node; node = vmgr__xml_next(node, NULL)) {
        struct entry e;
        g_autofree char *name = NULL, *value = NULL;

        entry_read(node, &e);
        name = doubled(e.name);
        value = doubled(e.file ? e.file : e.text);
        g_ptr_array_add(args, g_strdup("-fw_cfg"));
        g_ptr_array_add(args,
                        g_strdup_printf("name=%s,%s=%s", name, e.file ? "file" : "string", value));
        entry_clear(&e);
    }
    if (doc)
        xmlFreeDoc(doc);
}

GPtrArray *vmgr__vemu_fwcfg_paths(const struct vmgr__domain_def *def)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    xmlDoc *doc;

    for (const xmlNode *node = first(def, &doc); node; node = vmgr__xml_next(node, NULL)) {
        char *file = vmgr__xml_attr(node, "file");

        if (file)
            g_ptr_array_add(paths, file);
    }
    if (doc)
        xmlFreeDoc(doc);
    return paths;
}
