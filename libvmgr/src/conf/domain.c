/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The <domain> document: the table of its elements, reading it, writing it.
 *
 * Theory of operation. The table stands in the order in which a document is written. Reading calls
 * each element's parser with the first child of that name; <os> is read first because other
 * elements depend on the kind of system, and messages of users' mistakes come in that order.
 * Elements of the table without a parser belong to the schema and are kept as text in their place;
 * elements that are not in the table are kept at the end and warned about. So a document survives a
 * round trip through an older version.
 */
#include "canonical.h"
#include "commandline.h"
#include "element.h"
#include "iothread.h"
#include "tuning.h"

#include <libxml/parser.h>
#include <string.h>

const char *const vmgr__virt_type_names[] = { "none",   "qemu", "kqemu",  "kvm",       "xen",
                                              "lxc",    "uml",  "openvz", "test",      "vmware",
                                              "hyperv", "vbox", "phyp",   "parallels", "bhyve",
                                              "vz",     "vemu", NULL };

#define KEPT(tag) static const struct vmgr__element kept_##tag = { .name = #tag, .repeats = true }
KEPT(defaultiothread);
KEPT(sysinfo);
KEPT(bootloader);
KEPT(bootloader_args);
KEPT(idmap);
KEPT(perf);
KEPT(keywrap);
KEPT(launchSecurity);
#undef KEPT

static const struct vmgr__element *const elements[] = {
    &vmgr__element_name,
    &vmgr__element_uuid,
    &vmgr__element_genid,
    &vmgr__element_title,
    &vmgr__element_description,
    &vmgr__element_metadata,
    &vmgr__element_max_memory,
    &vmgr__element_memory,
    &vmgr__element_current_memory,
    &vmgr__element_blkiotune,
    &vmgr__element_memtune,
    &vmgr__element_memory_backing,
    &vmgr__element_vcpu,
    &vmgr__element_vcpus,
    &vmgr__element_iothreads,
    &vmgr__element_iothreadids,
    &kept_defaultiothread,
    &vmgr__element_cputune,
    &vmgr__element_numatune,
    &vmgr__element_resource,
    &kept_sysinfo,
    &kept_bootloader,
    &kept_bootloader_args,
    &vmgr__element_os,
    &kept_idmap,
    &vmgr__element_features,
    &vmgr__element_cpu,
    &vmgr__element_clock,
    &vmgr__element_on_poweroff,
    &vmgr__element_on_reboot,
    &vmgr__element_on_crash,
    &vmgr__element_on_lockfailure,
    &vmgr__element_pm,
    &kept_perf,
    &vmgr__element_devices,
    &vmgr__element_seclabel,
    &kept_keywrap,
    &kept_launchSecurity,
};

static int element_index(const xmlNode *node)
{
    for (size_t i = 0; !node->ns && i < G_N_ELEMENTS(elements); i++) {
        if (strcmp(elements[i]->name, (const char *)node->name) == 0)
            return (int)i;
    }
    return G_N_ELEMENTS(elements);
}

static char *qualified_name(const xmlNode *node)
{
    return node->ns && node->ns->prefix
               ? g_strdup_printf("%s:%s", (const char *)node->ns->prefix, (const char *)node->name)
               : g_strdup((const char *)node->name);
}

void vmgr__warn_element(struct vmgr__parse *p, const xmlNode *node, const char *where)
{
    g_autofree char *name = qualified_name(node);

    g_ptr_array_add(p->def->warnings, g_strdup_printf("unknown element '%s' in %s", name, where));
}

void vmgr__warn_attr(struct vmgr__parse *p, const xmlNode *node, const char *name)
{
    g_ptr_array_add(p->def->warnings, g_strdup_printf("unknown attribute '%s' in element '%s'",
                                                      name, (const char *)node->name));
}

void vmgr__warn_attrs(struct vmgr__parse *p, const xmlNode *node, const char *const *known)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        if (!a->ns && known && vmgr__name_index(known, (const char *)a->name) >= 0)
            continue;
        vmgr__warn_attr(p, node, (const char *)a->name);
    }
}

void vmgr__warn_children(struct vmgr__parse *p, const xmlNode *node, const char *const *known)
{
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (c->ns || !known || vmgr__name_index(known, (const char *)c->name) < 0)
            vmgr__warn_element(p, c, (const char *)node->name);
    }
}

static void kept_free(void *data)
{
    struct vmgr__kept *k = data;

    g_free(k->name);
    g_free(k->text);
    g_free(k);
}

struct vmgr__domain_def *vmgr__domain_def_new(void)
{
    struct vmgr__domain_def *def = g_new0(struct vmgr__domain_def, 1);

    def->id = -1;
    def->iothreads = g_array_new(FALSE, TRUE, sizeof(struct vmgr__iothread));
    def->tuning.numa_mode = -1;
    def->serials = g_ptr_array_new_with_free_func(vmgr__chardev_free);
    def->consoles = g_ptr_array_new_with_free_func(vmgr__chardev_free);
    def->devices = g_ptr_array_new_with_free_func(vmgr__device_free);
    def->extra_args = g_ptr_array_new_with_free_func(g_free);
    def->extra_env = g_ptr_array_new_with_free_func(g_free);
    def->seclabels = g_ptr_array_new_with_free_func(vmgr__seclabel_free);
    def->kept = g_ptr_array_new_with_free_func(kept_free);
    def->warnings = g_ptr_array_new_with_free_func(g_free);
    return def;
}

void vmgr__domain_def_free(struct vmgr__domain_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->title);
    g_free(def->description);
    if (def->metadata)
        xmlFreeDoc(def->metadata);
    g_free(def->cpuset);
    g_clear_pointer(&def->vcpu_list, g_array_unref);
    g_array_unref(def->iothreads);
    vmgr__tuning_fini(&def->tuning);
    vmgr__os_fini(&def->os);
    vmgr__features_fini(def);
    vmgr__cpu_fini(&def->cpu);
    vmgr__clock_fini(&def->clock);
    g_free(def->emulator);
    g_ptr_array_unref(def->serials);
    g_ptr_array_unref(def->consoles);
    g_ptr_array_unref(def->devices);
    g_ptr_array_unref(def->extra_args);
    g_ptr_array_unref(def->extra_env);
    g_ptr_array_unref(def->seclabels);
    g_ptr_array_unref(def->kept);
    g_ptr_array_unref(def->warnings);
    g_free(def);
}

static int parse_type(struct vmgr__parse *p, xmlNode *root)
{
    static const char *const known[] = { "type", "id", NULL };
    g_autofree char *type = vmgr__xml_attr(root, "type");
    g_autofree char *id = vmgr__xml_attr(root, "id");
    uint32_t n;

    vmgr__warn_attrs(p, root, known);
    if (!type)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "missing domain type attribute");
    p->def->virt_type = vmgr__name_index(vmgr__virt_type_names, type);
    if (p->def->virt_type < 0)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "invalid domain type %s", type);
    if (!(p->flags & VMGR__CONF_INACTIVE) && id && vmgr__parse_u32(id, &n) && n <= INT32_MAX)
        p->def->id = (int)n;
    return 0;
}

static int parse_element(struct vmgr__parse *p, xmlNode *root, const struct vmgr__element *e)
{
    xmlNode *node = vmgr__xml_child(root, e->name);

    if (!node && !e->always)
        return 0;
    if (node && !e->repeats && vmgr__xml_next(node, e->name))
        g_ptr_array_add(
            p->def->warnings,
            g_strdup_printf("only the first of several elements '%s' in domain counts", e->name));
    return e->parse(p, node);
}

/* Name and UUID first, then the kind of system, then the rest as they are written. */
static int parse_elements(struct vmgr__parse *p, xmlNode *root)
{
    if (parse_element(p, root, &vmgr__element_name) < 0 ||
        parse_element(p, root, &vmgr__element_uuid) < 0 || parse_type(p, root) < 0 ||
        vmgr__sysinfo_uuid(p, root) < 0 || parse_element(p, root, &vmgr__element_os) < 0 ||
        vmgr__name_check(p->def->name, p->err) < 0)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        const struct vmgr__element *e = elements[i];

        if (e->parse && e != &vmgr__element_name && e != &vmgr__element_uuid &&
            e != &vmgr__element_os && parse_element(p, root, e) < 0)
            return -1;
    }
    if (p->defaults->commandline && vmgr__commandline_parse(p, root) < 0)
        return -1;
    return vmgr__memory_settle(p) < 0 ? -1 : vmgr__hugepages_settle(p, root);
}

static void keep_others(struct vmgr__parse *p, xmlNode *root)
{
    for (xmlNode *c = vmgr__xml_first(root); c; c = vmgr__xml_next(c, NULL)) {
        int index = element_index(c);
        struct vmgr__kept *k;

        if ((index < (int)G_N_ELEMENTS(elements) && elements[index]->parse) ||
            (p->defaults->commandline && vmgr__commandline_is(c)))
            continue;
        if (index == G_N_ELEMENTS(elements))
            vmgr__warn_element(p, c, "domain");
        else
            vmgr__canonical(p, c, "");
        k = g_new0(struct vmgr__kept, 1);
        k->rank = index;
        k->unknown = index == G_N_ELEMENTS(elements) && !c->ns;
        k->name = qualified_name(c);
        k->text = vmgr__xml_keep(c, 1);
        g_ptr_array_add(p->def->kept, k);
    }
}

struct vmgr__domain_def *vmgr__domain_def_parse_node(xmlNode *root,
                                                     const struct vmgr__conf_defaults *defaults,
                                                     uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__parse p = { .defaults = defaults, .flags = flags, .err = err };

    p.def = vmgr__domain_def_new();
    if (parse_elements(&p, root) < 0) {
        vmgr__domain_def_free(p.def);
        return NULL;
    }
    keep_others(&p, root);
    return p.def;
}

struct vmgr__domain_def *vmgr__domain_def_parse(const char *xml,
                                                const struct vmgr__conf_defaults *defaults,
                                                uint32_t flags, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(domain_definition)", "domain", err);
    struct vmgr__domain_def *def;

    if (!doc)
        return NULL;
    def = vmgr__domain_def_parse_node(xmlDocGetRootElement(doc), defaults, flags, err);
    xmlFreeDoc(doc);
    return def;
}

static void write_kept(const struct vmgr__domain_def *def, int rank, struct vmgr__xml_writer *w)
{
    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__kept *k = def->kept->pdata[i];

        if (k->rank == rank)
            vmgr__xw_raw(w, k->text);
    }
}

void vmgr__domain_def_write(const struct vmgr__domain_def *def, uint32_t flags,
                            struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "domain");
    vmgr__xw_attr(w, "type", vmgr__virt_type_names[def->virt_type]);
    if (def->id > 0 && !(flags & VMGR__CONF_INACTIVE))
        vmgr__xw_attrf(w, "id", "%d", def->id);
    if (vmgr__commandline_present(def))
        vmgr__xw_attr(w, "xmlns:qemu", VMGR__COMMANDLINE_NAMESPACE);
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (elements[i]->format)
            elements[i]->format(def, flags, w);
        else
            write_kept(def, (int)i, w);
    }
    write_kept(def, G_N_ELEMENTS(elements), w);
    vmgr__commandline_format(def, w);
    vmgr__xw_end(w, "domain");
}

char *vmgr__domain_def_format(const struct vmgr__domain_def *def, uint32_t flags)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__domain_def_write(def, flags, &w);
    return vmgr__xw_finish(&w);
}

struct vmgr__domain_def *vmgr__domain_def_copy(const struct vmgr__domain_def *def,
                                               const struct vmgr__conf_defaults *defaults,
                                               struct vmgr_error **err)
{
    g_autofree char *xml = vmgr__domain_def_format(def, VMGR__CONF_STATUS);

    return vmgr__domain_def_parse(xml, defaults, 0, err);
}
