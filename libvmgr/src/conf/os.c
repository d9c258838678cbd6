/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <os>: kind of system, machine, and what it boots.
 */
#include "canonical.h"
#include "element.h"

#include <string.h>

const char *const vmgr__os_type_names[] = { "hvm", "xen", "linux", "exe", "uml", "xenpvh", NULL };
const char *const vmgr__boot_names[] = { "fd", "cdrom", "hd", "network", NULL };

static const char *const arch_names[] = {
    "alpha",   "armv6l",   "armv7l",      "armv7b",   "aarch64",    "cris",         "i686",
    "itanium", "lm32",     "loongarch64", "m68k",     "microblaze", "microblazeel", "mips",
    "mipsel",  "mips64",   "mips64el",    "openrisc", "parisc",     "parisc64",     "ppc",
    "ppcle",   "ppc64",    "ppc64le",     "ppcemb",   "riscv32",    "riscv64",      "s390",
    "s390x",   "sh4",      "sh4eb",       "sparc",    "sparc64",    "unicore32",    "x86_64",
    "xtensa",  "xtensaeb", NULL
};

/* Children in the order they are written. Those below OS_KEPT are read here and by firmware.c, the
 * others kept. */
static const char *const child_names[] = { "type",      "kernel",   "initrd",   "cmdline",
                                           "boot",      "init",     "firmware", "loader",
                                           "nvram",     "bootmenu", "bios",
#define OS_KEPT 11
                                           "initarg",   "initenv",  "initdir",  "inituser",
                                           "initgroup",
#define OS_KEPT_AFTER_CMDLINE 16
                                           "dtb",       "root",     "acpi",
#define OS_KEPT_AFTER_BOOT 19
                                           "smbios",    NULL };

void vmgr__os_fini(struct vmgr__os *os)
{
    g_free(os->arch);
    g_free(os->machine);
    vmgr__firmware_fini(&os->firmware);
    g_free(os->init);
    g_free(os->kernel);
    g_free(os->initrd);
    g_free(os->cmdline);
    g_clear_pointer(&os->boot, g_array_unref);
    g_clear_pointer(&os->kept, g_ptr_array_unref);
    g_clear_pointer(&os->kept_names, g_ptr_array_unref);
}

static char *child_text(xmlNode *node, const char *name)
{
    char *text = vmgr__xml_text(vmgr__xml_child(node, name));

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static int parse_type(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "arch", "machine", NULL };
    struct vmgr__os *os = &p->def->os;
    xmlNode *type = vmgr__xml_child(node, "type");
    g_autofree char *text = vmgr__xml_text(type);

    if (!text || !*text)
        return conf_error(p, VMGR_ERR_XML_ERROR, "an os <type> must be specified");
    os->type = vmgr__name_index(vmgr__os_type_names, text);
    if (os->type < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "unknown OS type '%s'", text);
    vmgr__warn_attrs(p, type, known);
    os->arch = vmgr__xml_attr(type, "arch");
    if (os->arch && vmgr__name_index(arch_names, os->arch) < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Unknown architecture %s", os->arch);
    if (!os->arch)
        os->arch = g_strdup(p->defaults->arch);
    os->machine = vmgr__xml_attr(type, "machine");
    if (os->machine && !*os->machine)
        g_clear_pointer(&os->machine, g_free);
    if (!os->machine)
        os->machine = g_strdup(p->defaults->machine);
    return 0;
}

static int parse_boot(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "dev", NULL };
    struct vmgr__os *os = &p->def->os;
    int dev;

    for (xmlNode *b = vmgr__xml_child(node, "boot"); b; b = vmgr__xml_next(b, "boot")) {
        switch (vmgr__xml_enum(b, "dev", vmgr__boot_names, &dev, p->err)) {
        case -1: return -1;
        case 0:
            return conf_error(p, VMGR_ERR_XML_ERROR,
                              "Missing required attribute 'dev' in element 'boot'");
        default: break;
        }
        vmgr__warn_attrs(p, b, known);
        if (os->boot->len < G_N_ELEMENTS(vmgr__boot_names))
            g_array_append_val(os->boot, dev);
    }
    return 0;
}

/* A disk or interface with <boot order=.../> says itself where to boot from. */
static bool devices_have_boot_order(xmlNode *os_node)
{
    xmlNode *devices = vmgr__xml_child(os_node->parent, "devices");

    for (xmlNode *d = vmgr__xml_first(devices); d; d = vmgr__xml_next(d, NULL)) {
        if (vmgr__xml_child(d, "boot"))
            return true;
    }
    return false;
}

static int os_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "firmware", NULL };
    static const int hd = 2;
    struct vmgr__os *os = &p->def->os;

    os->boot = g_array_new(FALSE, FALSE, sizeof(int));
    os->kept = g_ptr_array_new_with_free_func(g_free);
    os->kept_names = g_ptr_array_new_with_free_func(g_free);
    if (parse_type(p, node) < 0)
        return -1;
    vmgr__warn_attrs(p, node, known);
    if (vmgr__firmware_parse(p, node) < 0)
        return -1;
    os->init = child_text(node, "init");
    os->kernel = child_text(node, "kernel");
    os->initrd = child_text(node, "initrd");
    os->cmdline = child_text(node, "cmdline");
    if (os->type == VMGR__OS_EXE && !os->init)
        return conf_error(p, VMGR_ERR_XML_ERROR, "init binary must be specified");
    if (parse_boot(p, node) < 0)
        return -1;
    if (os->type == VMGR__OS_HVM && os->boot->len == 0 && !devices_have_boot_order(node))
        g_array_append_val(os->boot, hd);
    for (int i = OS_KEPT; child_names[i]; i++) {
        for (xmlNode *c = vmgr__xml_child(node, child_names[i]); c;
             c = vmgr__xml_next(c, child_names[i])) {
            g_ptr_array_add(os->kept_names, g_strdup(child_names[i]));
            vmgr__canonical(p, c, "os/");
            g_ptr_array_add(os->kept, vmgr__xml_keep(c, 2));
        }
    }
    vmgr__warn_children(p, node, child_names);
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (c->ns || vmgr__name_index(child_names, (const char *)c->name) < 0) {
            /* no name: what nobody knows, not even a namespace, asks for nothing */
            g_ptr_array_add(os->kept_names, g_strdup(c->ns ? (const char *)c->name : ""));
            g_ptr_array_add(os->kept, vmgr__xml_keep(c, 2));
        }
    }
    return 0;
}

static void write_kept(const struct vmgr__os *os, int from, int to, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < os->kept->len; i++) {
        int index = vmgr__name_index(child_names, os->kept_names->pdata[i]);

        if (index < 0)
            index = G_N_ELEMENTS(child_names) - 1;
        if (index >= from && index < to)
            vmgr__xw_raw(w, os->kept->pdata[i]);
    }
}

static void os_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                      struct vmgr__xml_writer *w)
{
    const struct vmgr__os *os = &def->os;

    vmgr__xw_begin(w, "os");
    if (os->firmware.kind)
        vmgr__xw_attr(w, "firmware", vmgr__firmware_names[os->firmware.kind]);
    vmgr__xw_begin(w, "type");
    vmgr__xw_attr(w, "arch", os->arch);
    vmgr__xw_attr(w, "machine", os->machine);
    vmgr__xw_end_text(w, "type", vmgr__os_type_names[os->type]);
    vmgr__xw_text(w, "init", os->init);
    write_kept(os, OS_KEPT, OS_KEPT_AFTER_CMDLINE, w);
    vmgr__firmware_write(def, w);
    vmgr__xw_text(w, "kernel", os->kernel);
    vmgr__xw_text(w, "initrd", os->initrd);
    vmgr__xw_text(w, "cmdline", os->cmdline);
    write_kept(os, OS_KEPT_AFTER_CMDLINE, OS_KEPT_AFTER_BOOT, w);
    for (guint i = 0; i < os->boot->len; i++) {
        vmgr__xw_begin(w, "boot");
        vmgr__xw_attr(w, "dev", vmgr__boot_names[g_array_index(os->boot, int, i)]);
        vmgr__xw_end(w, "boot");
    }
    vmgr__firmware_write_menu(def, w);
    write_kept(os, OS_KEPT_AFTER_BOOT, G_N_ELEMENTS(child_names), w);
    vmgr__xw_end(w, "os");
}

const struct vmgr__element vmgr__element_os = { "os", os_parse, os_format, .always = true };
