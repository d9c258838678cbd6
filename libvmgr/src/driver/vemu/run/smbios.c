/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What SMBIOS tells a guest: <os><smbios mode/></os> says whether it is the emulator's words, those
 * of <sysinfo type='smbios'> or this host's. A <sysinfo> that no mode asks for is not told, as with
 * libvirt.
 */
#include "smbios.h"

#include <string.h>

#include "../device/parts.h"
#include "../host/host.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

static const struct section {
    const char *element, *type, *entries;
} sections[] = {
    { "bios", "0", " vendor version date release " },
    { "system", "1", " manufacturer product version serial uuid sku family " },
    { "baseBoard", "2", " manufacturer product version serial asset location " },
    { "chassis", "3", " manufacturer version serial asset sku " },
    { "oemStrings", "11", "" }, /* its entries have no name */
};

static char *mode_of(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->os.kept->len; i++) {
        xmlDoc *doc;
        char *mode;

        if (strcmp(def->os.kept_names->pdata[i], "smbios") != 0)
            continue;
        doc = vmgr__xml_parse(def->os.kept->pdata[i], "(smbios)", "smbios", NULL);
        mode = doc ? vmgr__xml_attr(xmlDocGetRootElement(doc), "mode") : NULL;
        if (doc)
            xmlFreeDoc(doc);
        return mode;
    }
    return NULL;
}

xmlDoc *vmgr__vemu_sysinfo(const struct vmgr__domain_def *def, const char *type)
{
    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__kept *k = def->kept->pdata[i];
        g_autofree char *is = NULL;
        xmlDoc *doc;

        if (strcmp(k->name, "sysinfo") != 0)
            continue;
        doc = vmgr__xml_parse(k->text, "(sysinfo)", "sysinfo", NULL);
        is = doc ? vmgr__xml_attr(xmlDocGetRootElement(doc), "type") : NULL;
        if (g_strcmp0(is, type) == 0)
            return doc;
        if (doc)
            xmlFreeDoc(doc);
    }
    return NULL;
}

static const struct section *section_of(const xmlNode *node)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        if (strcmp(sections[i].element, (const char *)node->name) == 0)
            return &sections[i];
    }
    return NULL;
}

static int check_entry(const struct section *s, const xmlNode *entry, struct vmgr_error **err)
{
    g_autofree char *name = vmgr__xml_attr(entry, "name");
    g_autofree char *spaced = g_strdup_printf(" %s ", name ? name : "");
    g_autofree char *text = vmgr__xml_text(entry);

    if (*s->entries && (!name || strchr(name, ' ') || !strstr(s->entries, spaced)))
        return unsupported(err, "entry '%s' of <%s> is not supported by the vemu driver yet",
                           name ? name : "", s->element);
    for (const char *p = text ? text : ""; *p; p++) {
        if (g_ascii_iscntrl(*p))
            return unsupported(err, "an entry of <%s> has a control character", s->element);
    }
    return 0;
}

static int check_sections(const xmlNode *root, struct vmgr_error **err)
{
    const struct section *seen = NULL;

    for (const xmlNode *node = vmgr__xml_first(root); node; node = vmgr__xml_next(node, NULL)) {
        const struct section *s = section_of(node);

        if (!s)
            return unsupported(err, "<%s> of <sysinfo> is not supported by the vemu driver yet",
                               (const char *)node->name);
        if (s == seen)
            return unsupported(err, "more than one <%s> is not supported by the vemu driver yet",
                               s->element);
        seen = s;
        for (const xmlNode *e = vmgr__xml_first(node); e; e = vmgr__xml_next(e, NULL)) {
            if (check_entry(s, e, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* What is told; NULL without *err: the emulator's own words. */
static xmlDoc *source(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    g_autofree char *mode = mode_of(def);
    g_autofree char *text = NULL;
    const bool is_host = g_strcmp0(mode, "host") == 0;
    xmlDoc *doc;

    if (!is_host && g_strcmp0(mode, "sysinfo") != 0)
        return NULL;
    if (!vmgr__vemu_has_pci(def)) {
        unsupported(err, "machine '%s' has no SMBIOS for <smbios mode='%s'>", def->os.machine,
                    mode);
        return NULL;
    }
    if (!is_host) {
        doc = vmgr__vemu_sysinfo(def, "smbios");
        if (!doc)
            unsupported(err, "Domain '%s' sysinfo are not available", def->name);
        return doc;
    }
    doc = vmgr__vemu_get_sysinfo(NULL, &text, NULL) == 0
              ? vmgr__xml_parse(text, "(sysinfo)", "sysinfo", NULL)
              : NULL;
    if (!doc)
        unsupported(err, "Host SMBIOS information is not available");
    return doc;
}

int vmgr__vemu_smbios_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vmgr_error *why = NULL;
    xmlDoc *doc = source(def, &why);
    int r = 0;

    if (why) {
        vmgr__error_move(err, why);
        return -1;
    }
    if (doc) {
        r = check_sections(xmlDocGetRootElement(doc), err);
        xmlFreeDoc(doc);
    }
    return r;
}

/* A machine's UUID is its own, whatever the host's is. */
static void add_entries(GString *out, const xmlNode *node, bool is_host)
{
    for (const xmlNode *e = vmgr__xml_first(node); e; e = vmgr__xml_next(e, NULL)) {
        g_autofree char *name = vmgr__xml_attr(e, "name");
        g_autofree char *text = vmgr__xml_text(e);
        g_auto(GStrv) parts = NULL;
        g_autofree char *doubled = NULL;

        if (!text || !*text || (is_host && g_strcmp0(name, "uuid") == 0))
            continue;
        parts = g_strsplit(text, ",", -1);
        doubled = g_strjoinv(",,", parts);
        g_string_append_printf(out, ",%s=%s", name ? name : "value", doubled);
    }
}

void vmgr__vemu_smbios_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    g_autofree char *mode = mode_of(def);
    xmlDoc *doc = source(def, NULL);
    const xmlNode *node = doc ? vmgr__xml_first(xmlDocGetRootElement(doc)) : NULL;

    for (; node; node = vmgr__xml_next(node, NULL)) {
        const struct section *s = section_of(node);
        GString *value = g_string_new(NULL);

        add_entries(value, node, g_strcmp0(mode, "host") == 0);
        if (value->len) {
            g_string_prepend(value, s->type);
            g_string_prepend(value, "type=");
            g_ptr_array_add(args, g_strdup("-smbios"));
            g_ptr_array_add(args, g_string_free(value, FALSE));
        } else {
            g_string_free(value, TRUE);
        }
    }
    if (doc)
        xmlFreeDoc(doc);
}
