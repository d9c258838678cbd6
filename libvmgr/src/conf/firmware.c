/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What starts a guest before its system: <firmware>, <loader> and <nvram> of <os>, its <bootmenu>
 * and <bios>.
 */
#include "canonical.h"
#include "element.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const vmgr__firmware_names[] = { "none", "bios", "efi", NULL };
const char *const vmgr__firmware_feature_names[] = { "enrolled-keys", "secure-boot", NULL };
const char *const vmgr__loader_names[] = { "none", "rom", "pflash", NULL };

#define TIMEOUT_MAX 65535 /* ms */

void vmgr__firmware_fini(struct vmgr__firmware *f)
{
    g_free(f->loader);
    g_free(f->loader_format);
    g_free(f->nvram);
    g_free(f->nvram_template);
    g_free(f->nvram_type);
    g_free(f->nvram_format);
    g_free(f->nvram_source);
}

/* "yes" or "no"; what is not said stays. */
static int parse_tristate(xmlNode *node, const char *attr, int *ret, struct vmgr_error **err)
{
    const int r = vmgr__xml_enum(node, attr, vmgr__yes_no + 1, ret, err);

    if (r > 0)
        ++*ret;
    return r < 0 ? -1 : 0;
}

/* Text that says something, for g_free(), or NULL. */
static char *path_of(const xmlNode *node)
{
    char *text = vmgr__xml_text((xmlNode *)node);

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static int parse_features(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const children[] = { "feature", NULL };
    static const char *const known[] = { "enabled", "name", NULL };
    static const char *const needed[] = { "name", "enabled" };
    struct vmgr__firmware *f = &p->def->os.firmware;

    vmgr__warn_children(p, node, children);
    for (xmlNode *c = vmgr__xml_child(node, "feature"); c; c = vmgr__xml_next(c, "feature")) {
        int name = 0, enabled = 0;

        vmgr__warn_attrs(p, c, known);
        for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
            g_autofree char *value = vmgr__xml_attr(c, needed[i]);

            if (!value)
                return conf_error(p, VMGR_ERR_XML_ERROR,
                                  "Missing required attribute '%s' in element 'feature'",
                                  needed[i]);
        }
        if (vmgr__xml_enum(c, "name", vmgr__firmware_feature_names, &name, p->err) < 0 ||
            parse_tristate(c, "enabled", &enabled, p->err) < 0)
            return -1;
        f->features[name] = enabled;
    }
    /* Keys are there to be checked with. */
    if (f->features[VMGR__FIRMWARE_ENROLLED_KEYS] == 1 && !f->features[VMGR__FIRMWARE_SECURE_BOOT])
        f->features[VMGR__FIRMWARE_SECURE_BOOT] = 1;
    return 0;
}

static int parse_loader(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = {
        "readonly", "secure", "type", "stateless", "format", NULL
    };
    static const char *const none[] = { NULL };
    struct vmgr__firmware *f = &p->def->os.firmware;
    int type;

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, none);
    f->has_loader = true;
    f->loader = path_of(node);
    f->loader_format = vmgr__xml_attr(node, "format");
    switch (vmgr__xml_enum(node, "type", vmgr__loader_names + 1, &type, p->err)) {
    case -1: return -1;
    case 0: f->loader_type = f->loader ? VMGR__LOADER_ROM : VMGR__LOADER_NONE; break;
    default: f->loader_type = type + 1; break;
    }
    return parse_tristate(node, "readonly", &f->readonly, p->err) < 0 ||
                   parse_tristate(node, "secure", &f->secure, p->err) < 0 ||
                   parse_tristate(node, "stateless", &f->stateless, p->err) < 0
               ? -1
               : 0;
}

static void parse_nvram(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "type", "template", "format", NULL };
    static const char *const children[] = { "source", NULL };
    struct vmgr__firmware *f = &p->def->os.firmware;
    xmlNode *source = vmgr__xml_child(node, "source");

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, children);
    f->nvram_template = vmgr__xml_attr(node, "template");
    f->nvram_format = vmgr__xml_attr(node, "format");
    f->nvram_type = vmgr__xml_attr(node, "type");
    if (!f->nvram_type) {
        f->nvram = path_of(node);
    } else if (source) {
        f->nvram = strcmp(f->nvram_type, "file") == 0 ? vmgr__xml_attr(source, "file") : NULL;
        f->nvram_source_plain = !vmgr__xml_first(source);
        vmgr__canonical(p, source, "os/nvram/");
        f->nvram_source = vmgr__xml_keep(source, 3);
    }
    f->has_nvram = f->nvram || f->nvram_template || f->nvram_source;
}

static int parse_int(struct vmgr__parse *p, xmlNode *node, const char *attr, int64_t min,
                     const char *range, bool *ret_has, int *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);
    char *end;
    int64_t value;

    if (!text)
        return 0;
    errno = 0;
    value = g_ascii_strtoll(text, &end, 10);
    if (errno || end == text || *end || value > INT32_MAX || value < INT32_MIN ||
        (min >= 0 && value < 0))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element '%s': '%s'. Expected "
                          "%s value",
                          attr, (const char *)node->name, text,
                          min < 0 ? "integer" : "non-negative integer");
    if (value < min || value > TIMEOUT_MAX)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "invalid value for %s, must be in range [%d,%d]", range, (int)min,
                          TIMEOUT_MAX);
    *ret_has = true;
    *ret = (int)value;
    return 0;
}

static int parse_menu(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "enable", "timeout", NULL };
    static const char *const none[] = { NULL };
    struct vmgr__firmware *f = &p->def->os.firmware;

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, none);
    if (parse_tristate(node, "enable", &f->menu, p->err) < 0 ||
        parse_int(p, node, "timeout", 0, "boot menu timeout", &f->has_menu_timeout,
                  &f->menu_timeout) < 0)
        return -1;
    f->has_menu_timeout = f->has_menu_timeout && f->menu == 1; /* how long no menu is shown */
    return 0;
}

static int parse_bios(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "useserial", "rebootTimeout", NULL };
    static const char *const none[] = { NULL };
    struct vmgr__firmware *f = &p->def->os.firmware;
    g_autofree char *serial = vmgr__xml_attr(node, "useserial");

    vmgr__warn_attrs(p, node, known);
    vmgr__warn_children(p, node, none);
    if (serial)
        f->useserial = strcmp(serial, "yes") == 0 ? 1 : 2;
    return parse_int(p, node, "rebootTimeout", -1, "rebootTimeout", &f->has_reboot_timeout,
                     &f->reboot_timeout);
}

int vmgr__firmware_parse(struct vmgr__parse *p, xmlNode *os)
{
    struct vmgr__firmware *f = &p->def->os.firmware;
    g_autofree char *kind = vmgr__xml_attr(os, "firmware");
    xmlNode *features = vmgr__xml_child(os, "firmware"), *loader = vmgr__xml_child(os, "loader");
    xmlNode *nvram = vmgr__xml_child(os, "nvram"), *menu = vmgr__xml_child(os, "bootmenu");
    xmlNode *bios = vmgr__xml_child(os, "bios");

    f->kind = kind ? vmgr__name_index(vmgr__firmware_names, kind) : VMGR__FIRMWARE_NONE;
    if (kind && f->kind <= VMGR__FIRMWARE_NONE)
        return conf_error(p, VMGR_ERR_XML_ERROR, "unknown firmware value %s", kind);
    if (nvram)
        parse_nvram(p, nvram);
    return (features && parse_features(p, features) < 0) ||
                   (loader && parse_loader(p, loader) < 0) || (menu && parse_menu(p, menu) < 0) ||
                   (bios && parse_bios(p, bios) < 0)
               ? -1
               : 0;
}

/* ---- what goes together ---- */

#define refuse(err, ...) vmgr__error_set(err, VMGR_ERR_XML_DETAIL, VMGR_FROM_DOMAIN, __VA_ARGS__)

/* Of a definition that leaves the choice of an image to the driver. */
static int check_choice(const struct vmgr__firmware *f, struct vmgr_error **err)
{
    const struct {
        bool said;
        const char *element, *attr;
    } rows[] = {
        { f->readonly, "loader", "readonly" },
        { f->loader_type, "loader", "type" },
        { f->secure, "loader", "secure" },
        { f->nvram_template, "nvram", "template" },
    };

    if (f->features[VMGR__FIRMWARE_ENROLLED_KEYS] == 1 &&
        f->features[VMGR__FIRMWARE_SECURE_BOOT] == 2)
        return refuse(err, "firmware feature 'enrolled-keys' cannot be enabled when firmware "
                           "feature 'secure-boot' is disabled");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].said)
            return refuse(err,
                          "%s attribute '%s' cannot be specified when firmware autoselection is "
                          "enabled",
                          rows[i].element, rows[i].attr);
    }
    return 0;
}

int vmgr__firmware_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__firmware *f = &def->os.firmware;

    if (f->kind) {
        if (check_choice(f, err) < 0)
            return -1;
    } else {
        for (int i = 0; vmgr__firmware_feature_names[i]; i++) {
            if (f->features[i])
                return refuse(err, "cannot use feature-based firmware autoselection when firmware "
                                   "autoselection is disabled");
        }
        if ((f->has_loader || f->has_nvram) && !f->loader)
            return refuse(err, "no loader path specified and firmware auto selection disabled");
    }
    if (f->stateless == 1 && f->nvram_template)
        return refuse(err, "NVRAM template is not permitted when loader is stateless");
    if (f->stateless == 1 && f->has_nvram)
        return refuse(err, "NVRAM is not permitted when loader is stateless");
    return 0;
}

/* ---- writing ---- */

static void write_tristate(struct vmgr__xml_writer *w, const char *name, int value)
{
    if (value)
        vmgr__xw_attr(w, name, vmgr__yes_no[value]);
}

static void write_features(const struct vmgr__firmware *f, struct vmgr__xml_writer *w)
{
    bool any = false;

    for (int i = 0; vmgr__firmware_feature_names[i]; i++) {
        if (!f->features[i])
            continue;
        if (!any)
            vmgr__xw_begin(w, "firmware");
        any = true;
        vmgr__xw_begin(w, "feature");
        vmgr__xw_attr(w, "enabled", vmgr__yes_no[f->features[i]]);
        vmgr__xw_attr(w, "name", vmgr__firmware_feature_names[i]);
        vmgr__xw_end(w, "feature");
    }
    if (any)
        vmgr__xw_end(w, "firmware");
}

static void write_nvram(const struct vmgr__firmware *f, struct vmgr__xml_writer *w)
{
    if (!f->has_nvram)
        return;
    vmgr__xw_begin(w, "nvram");
    vmgr__xw_attr(w, "template", f->nvram_template);
    vmgr__xw_attr(w, "type", f->nvram_type);
    vmgr__xw_attr(w, "format", f->nvram_format);
    if (f->nvram_source)
        vmgr__xw_raw(w, f->nvram_source);
    if (f->nvram && !f->nvram_source)
        vmgr__xw_end_text(w, "nvram", f->nvram);
    else
        vmgr__xw_end(w, "nvram");
}

void vmgr__firmware_write(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w)
{
    const struct vmgr__firmware *f = &def->os.firmware;

    write_features(f, w);
    if (f->loader || f->readonly || f->secure || f->loader_type || f->stateless ||
        f->loader_format) {
        vmgr__xw_begin(w, "loader");
        write_tristate(w, "readonly", f->readonly);
        write_tristate(w, "secure", f->secure);
        if (f->loader_type)
            vmgr__xw_attr(w, "type", vmgr__loader_names[f->loader_type]);
        write_tristate(w, "stateless", f->stateless);
        vmgr__xw_attr(w, "format", f->loader_format);
        if (f->loader)
            vmgr__xw_end_text(w, "loader", f->loader);
        else
            vmgr__xw_end(w, "loader");
    }
    write_nvram(f, w);
}

void vmgr__firmware_write_menu(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w)
{
    const struct vmgr__firmware *f = &def->os.firmware;

    if (f->menu) {
        vmgr__xw_begin(w, "bootmenu");
        write_tristate(w, "enable", f->menu);
        if (f->has_menu_timeout)
            vmgr__xw_attrf(w, "timeout", "%d", f->menu_timeout);
        vmgr__xw_end(w, "bootmenu");
    }
    if (f->useserial || f->has_reboot_timeout) {
        vmgr__xw_begin(w, "bios");
        write_tristate(w, "useserial", f->useserial);
        if (f->has_reboot_timeout)
            vmgr__xw_attrf(w, "rebootTimeout", "%d", f->reboot_timeout);
        vmgr__xw_end(w, "bios");
    }
}
