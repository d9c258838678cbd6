/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <metadata>: notes of other programs, one element for each namespace, kept exactly.
 */
#include "element.h"

#include <libxml/parser.h>
#include <string.h>

/* <metadata> in a document of its own, with every namespace it uses declared inside. */
static xmlDoc *detach(xmlNode *node)
{
    xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *copy = doc ? xmlDocCopyNode(node, doc, 1) : NULL;

    if (!copy) {
        if (doc)
            xmlFreeDoc(doc);
        return NULL;
    }
    xmlDocSetRootElement(doc, copy);
    return doc;
}

static int metadata_parse(struct vmgr__parse *p, xmlNode *node)
{
    p->def->metadata = detach(node);
    if (!p->def->metadata)
        return conf_error(p, VMGR_ERR_NO_MEMORY, NULL);
    return 0;
}

static void metadata_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                            struct vmgr__xml_writer *w)
{
    g_autofree char *text = NULL;

    if (!def->metadata)
        return;
    text = vmgr__xml_dump(xmlDocGetRootElement(def->metadata), 1);
    vmgr__xw_raw(w, "  ");
    vmgr__xw_raw(w, text);
    vmgr__xw_raw(w, "\n");
}

const struct vmgr__element vmgr__element_metadata = { "metadata", metadata_parse, metadata_format };

static xmlNode *find(const struct vmgr__domain_def *def, const char *uri)
{
    xmlNode *top = def->metadata ? xmlDocGetRootElement(def->metadata) : NULL;

    for (xmlNode *c = top ? top->children : NULL; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE && c->ns && c->ns->href &&
            strcmp((const char *)c->ns->href, uri) == 0)
            return c;
    }
    return NULL;
}

/*
 * Elements of this namespace lose it: a caller that names the namespace gets plain elements back.
 */
static void strip_ns(xmlNode *node, const char *uri)
{
    if (node->ns && node->ns->href && strcmp((const char *)node->ns->href, uri) == 0)
        node->ns = NULL;
    for (xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE)
            strip_ns(c, uri);
    }
}

static void drop_ns_def(xmlNode *node, const char *uri)
{
    for (xmlNs **link = &node->nsDef; *link;) {
        xmlNs *ns = *link;

        if (ns->href && strcmp((const char *)ns->href, uri) == 0) {
            *link = ns->next;
            xmlFreeNs(ns);
        } else {
            link = &ns->next;
        }
    }
}

/* An attribute may still use the declaration that is about to go. */
static bool attr_uses_ns(const xmlNode *node, const char *uri)
{
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        if (a->ns && a->ns->href && strcmp((const char *)a->ns->href, uri) == 0)
            return true;
    }
    for (const xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE && attr_uses_ns(c, uri))
            return true;
    }
    return false;
}

char *vmgr__metadata_get(const struct vmgr__domain_def *def, const char *uri)
{
    xmlNode *node = find(def, uri);
    xmlNode *copy = node ? xmlDocCopyNode(node, node->doc, 1) : NULL;
    char *text;

    if (!copy)
        return NULL;
    strip_ns(copy, uri);
    if (!attr_uses_ns(copy, uri))
        drop_ns_def(copy, uri);
    text = vmgr__xml_dump(copy, 0);
    xmlFreeNode(copy);
    return text;
}

static void put_in_ns(xmlNode *node, xmlNs *ns)
{
    if (!node->ns)
        node->ns = ns;
    for (xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE)
            put_in_ns(c, ns);
    }
}

int vmgr__metadata_set(struct vmgr__domain_def *def, const char *text, const char *key,
                       const char *uri, struct vmgr_error **err)
{
    xmlNode *old, *top, *fresh = NULL;
    xmlDoc *doc = NULL;

    if (text) {
        if (!key || xmlValidateNCName(BAD_CAST key, 0) != 0)
            return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_XML,
                                   "failed to validate prefix for a new XML namespace");
        doc = vmgr__xml_parse_fragment(text, err);
        if (!doc)
            return -1;
    }
    if (!def->metadata) {
        if (!doc)
            return 0;
        def->metadata = xmlNewDoc(BAD_CAST "1.0");
        xmlDocSetRootElement(def->metadata,
                             xmlNewDocNode(def->metadata, NULL, BAD_CAST "metadata", NULL));
    }
    top = xmlDocGetRootElement(def->metadata);
    if (doc)
        fresh = xmlDocCopyNode(xmlDocGetRootElement(doc), def->metadata, 1);
    old = find(def, uri);
    if (old) {
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    if (fresh) {
        xmlNs *ns = xmlNewNs(fresh, BAD_CAST uri, BAD_CAST key);

        if (!ns) { /* the prefix is declared already: use it if it says the same */
            ns = xmlSearchNsByHref(def->metadata, fresh, BAD_CAST uri);
            if (!ns) {
                xmlFreeNode(fresh);
                xmlFreeDoc(doc);
                return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN,
                                       "prefix '%s' is bound to another namespace", key);
            }
        }
        put_in_ns(fresh, ns);
        xmlAddChild(top, fresh);
    }
    if (doc)
        xmlFreeDoc(doc);
    return 0;
}
