/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <seclabel>: what a model of the host's access control calls the guest's process and its files.
 *
 * Labels that a driver chose belong to a run: a definition at rest has only those that somebody
 * wrote. What nobody wrote at all is `implicit`, and noted as such in the run's status.
 */
#include "element.h"

#include <string.h>

/* virSecurityModel and virSecurityLabel of libvirt's protocol, which have room for a text and its
 * end. */
#define MODEL_MAX 256
#define LABEL_MAX 4096

static const char *const types[] = { "default", "none", "dynamic", "static", NULL };

void vmgr__seclabel_free(void *label)
{
    struct vmgr__seclabel *l = label;

    g_free(l->model);
    g_free(l->label);
    g_free(l->imagelabel);
    g_free(l->baselabel);
    g_free(l);
}

struct vmgr__seclabel *vmgr__seclabel_find(const struct vmgr__domain_def *def, const char *model)
{
    for (guint i = 0; i < def->seclabels->len; i++) {
        struct vmgr__seclabel *l = def->seclabels->pdata[i];

        if (g_strcmp0(l->model, model) == 0)
            return l;
    }
    return NULL;
}

/* Text that is neither empty nor too long. */
static char *fit(char *text, size_t size)
{
    if (text && strlen(text) < size)
        return text;
    g_free(text);
    return NULL;
}

static char *text_of(const xmlNode *node, const char *name)
{
    const xmlNode *child = vmgr__xml_child(node, name);
    char *text = child ? fit(vmgr__xml_text(child), LABEL_MAX) : NULL;

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static int parse_type(struct vmgr__parse *p, const xmlNode *node, struct vmgr__seclabel *l)
{
    int relabel = 0;
    bool said = false;

    if (vmgr__xml_enum(node, "type", types + 1, &l->type, p->err) < 0)
        return -1;
    said = xmlHasProp(node, BAD_CAST "type") != NULL;
    l->type = said ? l->type + 1 : VMGR__SECLABEL_DEFAULT;
    if (vmgr__xml_enum(node, "relabel", vmgr__yes_no + 1, &relabel, p->err) < 0)
        return -1;
    l->relabel = xmlHasProp(node, BAD_CAST "relabel")
                     ? relabel == 0
                     : l->type == VMGR__SECLABEL_DEFAULT || l->type == VMGR__SECLABEL_DYNAMIC;
    if (l->type == VMGR__SECLABEL_DYNAMIC && !l->relabel)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "dynamic label type must use resource relabeling");
    if (l->type == VMGR__SECLABEL_NONE && l->relabel)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "resource relabeling is not compatible with 'none' label type");
    return 0;
}

/* There is nothing to call anything where there is no access control. */
static void settle_none(struct vmgr__seclabel *l)
{
    if (g_strcmp0(l->model, "none") != 0)
        return;
    l->type = VMGR__SECLABEL_NONE;
    l->relabel = false;
    g_clear_pointer(&l->label, g_free);
    g_clear_pointer(&l->imagelabel, g_free);
    g_clear_pointer(&l->baselabel, g_free);
}

static int parse_one(struct vmgr__parse *p, const xmlNode *node, struct vmgr__seclabel *l)
{
    static const char *const attrs[] = { "type", "model", "relabel", "implicit", NULL };
    static const char *const children[] = { "label", "imagelabel", "baselabel", NULL };
    const bool live = !(p->flags & VMGR__CONF_INACTIVE);
    g_autofree char *implicit = live ? vmgr__xml_attr(node, "implicit") : NULL;

    vmgr__warn_attrs(p, node, attrs);
    vmgr__warn_children(p, node, children);
    l->model = fit(vmgr__xml_attr(node, "model"), MODEL_MAX);
    l->implicit = implicit != NULL;
    if (parse_type(p, node, l) < 0)
        return -1;
    if (l->type == VMGR__SECLABEL_STATIC || (live && l->type == VMGR__SECLABEL_DYNAMIC))
        l->label = text_of(node, "label");
    if (l->type == VMGR__SECLABEL_DYNAMIC)
        l->baselabel = text_of(node, "baselabel");
    if (live && l->label && l->relabel)
        l->imagelabel = text_of(node, "imagelabel");
    if (l->type == VMGR__SECLABEL_STATIC && !l->label && g_strcmp0(l->model, "none") != 0)
        return conf_error(p, VMGR_ERR_XML_ERROR, "security label is missing");
    settle_none(l);
    return 0;
}

/* Whoever has one label, and leaves out whose, means the host's first model. */
static int settle_models(struct vmgr__parse *p)
{
    const GPtrArray *all = p->def->seclabels;
    struct vmgr__seclabel *l = all->pdata[0];

    if (all->len == 1 && !l->model && p->defaults->security_model &&
        (l->type == VMGR__SECLABEL_NONE || (l->type == VMGR__SECLABEL_DYNAMIC && !l->baselabel))) {
        l->model = g_strdup(p->defaults->security_model);
        settle_none(l);
    }
    for (guint i = 0; i < all->len; i++) {
        l = all->pdata[i];
        if (!l->model && all->len > 1)
            return conf_error(p, VMGR_ERR_XML_ERROR,
                              "missing security model when using multiple labels");
        if (!l->model && p->defaults->security_model)
            return conf_error(p, VMGR_ERR_XML_ERROR, "missing security model in domain seclabel");
    }
    return 0;
}

static int seclabel_parse(struct vmgr__parse *p, xmlNode *node)
{
    for (; node; node = vmgr__xml_next(node, "seclabel")) {
        struct vmgr__seclabel *l = g_new0(struct vmgr__seclabel, 1);

        if (parse_one(p, node, l) < 0) {
            vmgr__seclabel_free(l);
            return -1;
        }
        if (vmgr__seclabel_find(p->def, l->model)) {
            conf_error(p, VMGR_ERR_XML_DETAIL, "seclabel for model %s is already provided",
                       l->model ? l->model : "(null)");
            vmgr__seclabel_free(l);
            return -1;
        }
        g_ptr_array_add(p->def->seclabels, l);
    }
    return settle_models(p);
}

/* What a definition at rest does not say: what is so anyway. */
static void rest(xmlNode *node, bool relabel)
{
    xmlUnsetProp(node, BAD_CAST "labelskip");
    if (relabel && !vmgr__xml_child(node, "label")) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

int vmgr__seclabel_check_source(struct vmgr__parse *p, xmlNode *source)
{
    g_autoptr(GHashTable) models = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (xmlNode *next, *node = vmgr__xml_child(source, "seclabel"); node; node = next) {
        g_autofree char *model = vmgr__xml_attr(node, "model");
        int no = 0;

        next = vmgr__xml_next(node, "seclabel");
        if (model && !g_hash_table_add(models, g_strdup(model)))
            return conf_error(p, VMGR_ERR_XML_DETAIL, "seclabel for model %s is already provided",
                              model);
        if (vmgr__xml_enum(node, "relabel", vmgr__yes_no + 1, &no, p->err) < 0)
            return -1;
        if (no && vmgr__xml_child(node, "label"))
            return conf_error(p, VMGR_ERR_XML_ERROR,
                              "Cannot specify a label if relabelling is turned off. model=%s",
                              model ? model : "(null)");
        if (!xmlHasProp(node, BAD_CAST "relabel"))
            xmlNewProp(node, BAD_CAST "relabel", BAD_CAST "yes");
        if (p->flags & VMGR__CONF_INACTIVE)
            rest(node, !no);
    }
    return 0;
}

static void seclabel_format(const struct vmgr__domain_def *def, uint32_t flags,
                            struct vmgr__xml_writer *w)
{
    const bool live = !(flags & VMGR__CONF_INACTIVE);

    for (guint i = 0; i < def->seclabels->len; i++) {
        const struct vmgr__seclabel *l = def->seclabels->pdata[i];

        if (l->type == VMGR__SECLABEL_DEFAULT || (l->implicit && !live))
            continue;
        vmgr__xw_begin(w, "seclabel");
        vmgr__xw_attr(w, "type", types[l->type]);
        vmgr__xw_attr(w, "model", l->model);
        if (l->type != VMGR__SECLABEL_NONE) {
            vmgr__xw_attr(w, "relabel", l->relabel ? "yes" : "no");
            if (l->implicit && flags & VMGR__CONF_STATUS)
                vmgr__xw_attr(w, "implicit", "yes");
            if (live || l->type == VMGR__SECLABEL_STATIC)
                vmgr__xw_text(w, "label", l->label);
            if (live)
                vmgr__xw_text(w, "imagelabel", l->imagelabel);
            vmgr__xw_text(w, "baselabel", l->baselabel);
        }
        vmgr__xw_end(w, "seclabel");
    }
}

const struct vmgr__element vmgr__element_seclabel = { "seclabel", seclabel_parse, seclabel_format,
                                                      .repeats = true };
